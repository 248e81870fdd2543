"""The order of a check: values, conduct, single outputs, lower precision; and, after a failure, the cause."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from nanonet.gradcheck.conduct import check_conduct, edges
from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.directions import Fast, WrongShapeError
from nanonet.gradcheck.full import Full, Options
from nanonet.gradcheck.joint import check_elsewhere, check_ties
from nanonet.gradcheck.precision import check_precision
from nanonet.gradcheck.progress import Watch
from nanonet.gradcheck.reference.channels import random_cotangent
from nanonet.gradcheck.report import Report
from nanonet.gradcheck.subject import MisbehaviourError, Subject, flat

DIAGNOSED = 2000  # input elements, up to which a failure of the fast mode is looked at in full


def options(rtol: float, atol: float, seed: int | None, mode: str, directions: int, what: str) -> Options:
    """The caller's choices, looked at. Without a seed the fast mode draws a fresh one: no error hides from all."""
    if mode not in ("full", "fast"):
        raise ValueError(f'{what}: expected mode "full" or "fast", got {mode!r}')
    if isinstance(directions, bool) or not isinstance(directions, int) or directions < 1:
        raise ValueError(f"{what}: expected directions to be a positive integer, got {directions!r}")
    for name, value in (("rtol", rtol), ("atol", atol)):
        if not (isinstance(value, int | float | np.number) and value >= 0):
            raise ValueError(f"{what}: expected {name} to be a number of at least 0, got {value!r}")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0):
        raise ValueError(f"{what}: expected seed to be a non-negative integer, got {seed!r}")
    if seed is None:
        seed = int(np.random.SeedSequence().generate_state(1)[0]) if mode == "fast" else 0
    return Options(float(rtol), float(atol), int(seed), mode, directions)


def examine(subject: Subject, chosen: Options, reproduce: str) -> Report:
    """The whole check of one subject. `reproduce` is the call that repeats it, the seed left open as {seed}."""
    watch = Watch()
    try:
        report = _examine(subject, chosen, watch)
    except MisbehaviourError as error:
        report = _misbehaved(error, subject)
    if report.verdict == "fail" and not watch.interrupted:
        report = _blamed(subject, chosen, replace(report, note=_joined(report.note, subject.hint)))
    report = replace(
        report,
        name=subject.name,
        seed=chosen.seed,
        mode=chosen.mode,
        reproduce=reproduce.format(seed=chosen.seed),
    )
    if report.verdict == "inconclusive" and subject.trouble:
        report = replace(report, note=_joined(report.note, subject.trouble))
    if watch.interrupted:
        print(replace(report, note=_joined(report.note, watch.interrupted)), file=sys.stderr)
        raise KeyboardInterrupt
    return report


def _examine(subject: Subject, chosen: Options, watch: Watch) -> Report:
    try:
        recording = subject.record(subject.copies())
    except MisbehaviourError:
        raise
    except Exception as error:
        error.add_note(f"raised by the function itself, in {subject.what}")
        raise
    if not recording.outputs:
        raise TypeError(f"{subject.what}: the function must return at least one floating output")
    if not any(x.size for x in subject.inputs):
        return Full(subject, chosen, watch).first()  # empty inputs have gradients of a shape
    if not np.all(np.isfinite(flat([np.asarray(y) for y in recording.outputs]))):
        bad = [p for p, x in zip(subject.places, subject.inputs, strict=True) if not np.all(np.isfinite(x))]
        where = f"input {bad[0]} is not finite" if bad else "the output of forward is not finite at these inputs"
        return Report("inconclusive", np.nan, None, np.nan, np.inf, np.nan, note=where)
    return _fast(subject, chosen, watch) if chosen.mode == "fast" else _full(subject, chosen, watch)


def _full(subject: Subject, chosen: Options, watch: Watch) -> Report:
    full = Full(subject, chosen, watch)
    report = full.first()
    if report.verdict == "fail":
        report = _explained(full, report)
        if report.cause is not None and report.cause.kind != "unknown":
            return report
    if watch.interrupted:
        return report
    conduct = check_conduct(subject, full.dys)
    if report.verdict != "fail":
        report = check_ties(full, full.rest(report))
        if report.verdict == "pass":
            conduct += check_elsewhere(subject, chosen, full.dys, full.gradients)
        report = _explained(full, report) if report.verdict == "fail" else check_precision(full, report)
    notes = edges(subject) if report.verdict != "fail" else []
    return replace(
        report,
        looked=(full.looked(), *conduct, *report.looked),
        note=_joined(report.note, "; ".join(notes)),
    )


def _fast(subject: Subject, chosen: Options, watch: Watch) -> Report:
    fast = Fast(subject, chosen)
    try:
        report = fast.report()
    except WrongShapeError as error:
        report = Report("fail", np.inf, (error.place, ()), np.nan, np.inf, np.nan, note=str(error), mode="fast")
    if report.verdict in ("fail", "kink", "subgradient") and sum(x.size for x in subject.inputs) <= DIAGNOSED:
        report = _looked_into(Full(subject, chosen, watch), report)
        if report.cause is not None and report.cause.kind != "unknown":
            return report
    conduct = check_conduct(subject, fast.dys)
    if report.verdict == "pass":
        conduct += check_elsewhere(subject, chosen, fast.dys, fast.recording.pull([dy.copy() for dy in fast.dys]))
    return replace(report, looked=(*report.looked, *conduct))


def _looked_into(full: Full, report: Report) -> Report:
    """The cause of a failure along a direction; and what several kinks along one amount to, which it cannot tell."""
    whole = full.first()
    if report.verdict != "fail":
        whole = check_ties(full, whole)
        return replace(whole, mode="fast", miss=report.miss, looked=report.looked)
    if whole.verdict == "fail":
        report = replace(report, cause=_explained(full, whole).cause, comparisons=whole.comparisons)
    return report


def _explained(full: Full, report: Report) -> Report:
    """A failed report with the cause that its arrays speak for."""
    from nanonet.gradcheck.diagnosis.diagnose import diagnose  # many files, which a pass does not need

    if len(full.shapes) > 1:
        sentence = "no cause is sought for a function with several outputs"
        return replace(report, cause=Cause("unknown", sentence, "check one output at a time"))
    if report.where is None or not np.isfinite(full.y).all():
        return report
    return replace(report, cause=diagnose(full.evidence(full.subject.places.index(report.where[0]))))


def _blamed(subject: Subject, chosen: Options, report: Report) -> Report:
    """With the operation whose backward is wrong, where the function is a graph of several."""
    rng = np.random.default_rng(chosen.seed)
    try:
        outputs = subject.record(subject.copies()).outputs
        return replace(report, op=subject.guilty([random_cotangent(y.size, rng).reshape(y.shape) for y in outputs]))
    except Exception:  # whatever a wrong rule does when it is run alone: the verdict stands without it
        return report


def _misbehaved(error: MisbehaviourError, subject: Subject) -> Report:
    where = None if error.index is None else (subject.places[error.index], ())
    return Report("fail", np.inf, where, np.nan, np.inf, np.nan, cause=error.cause, note=error.cause.sentence)


def _joined(note: str, more: str) -> str:
    return "; ".join(part for part in (note, more) if part)
