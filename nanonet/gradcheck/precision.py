"""float32 and float16 rules, checked against the float64 rule at the same rounded inputs.

Differences in float32 have no digits to spare, so none are taken: the float64 rule has been checked by then, and
rounding explains a distance of the order of the dtype's eps times the gradient's terms, and whatever the float64
rule itself changes when its inputs move by such an eps.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nanonet.gradcheck.full import Full
from nanonet.gradcheck.report import Report

EPS_ALLOWED = 64.0  # roundings of the dtype, relative to the gradient's terms and to the largest
MOVED_ALLOWED = 16.0  # times what moved inputs do to the float64 gradient


def narrow(full: Full) -> np.dtype | None:
    """The narrowest dtype in which the inputs came, where it is narrower than float64."""
    kinds = [t for t in full.subject.given if t.itemsize < 8]
    return min(kinds, key=lambda t: t.itemsize) if kinds else None


def check_precision(full: Full, report: Report) -> Report:
    """`report`, or the failure of the rule in the dtype of the inputs."""
    dtype = narrow(full)
    if dtype is None:
        return report
    subject = full.subject
    inputs = [x.astype(given) for x, given in zip(subject.inputs, subject.given, strict=True)]
    with np.errstate(all="ignore"):
        recording = subject.record(inputs)
        dys = [dy.astype(y.dtype) for dy, y in zip(full.dys, recording.outputs, strict=True)]
        if not all(np.all(np.isfinite(y)) for y in recording.outputs):
            return replace(report, note=_joined(report.note, f"in {dtype} the output is not finite at these inputs"))
        gradients = recording.pull(dys)
        exact = full.pull([dy.astype(np.float64) for dy in dys])
        allowed = _allowed(full, exact, float(np.finfo(dtype).eps))
    for k, (dx, right, limit) in enumerate(zip(gradients, exact, allowed, strict=True)):
        place = subject.places[k]
        if dx.shape != right.shape:
            return replace(report, verdict="fail", where=(place, ()), note=f"in {dtype} it has shape {dx.shape}")
        errors = np.abs(dx.astype(np.float64) - right)
        excess = np.where(np.isfinite(errors), errors - limit, np.inf) if errors.size else np.zeros(0)
        if np.any(excess > 0):
            i = tuple(int(j) for j in np.unravel_index(int(np.argmax(excess)), excess.shape))
            note = f"the {dtype} rule is off: the float64 rule, which is right, gives the number beside it"
            return replace(
                report,
                verdict="fail",
                max_error=float(errors[i]),
                where=(place, i),
                output=None,
                numeric=float(right[i]),
                bar=float(limit[i]),
                analytic=float(dx[i]),
                note=note,
            )
    return replace(report, looked=(*report.looked, f"{dtype} beside float64"))


def _allowed(full: Full, exact: list[np.ndarray], eps: float) -> list[np.ndarray]:
    """What rounding to a dtype of this eps may do to each gradient."""
    rng = np.random.default_rng(full.options.seed)
    moved = [np.zeros(x.shape) for x in exact]
    for _ in range(3):
        inputs = [x * (1 + eps * rng.choice([-1.0, 1.0], x.shape)) for x in full.subject.inputs]
        dys = [dy * (1 + eps * rng.choice([-1.0, 1.0], dy.shape)) for dy in full.dys]
        for k, dx in enumerate(full.subject.record(inputs).pull(dys)):
            moved[k] = np.maximum(moved[k], np.abs(dx - exact[k]))
    allowed = []
    for k, dx in enumerate(exact):
        terms = np.nan_to_num(full.references[k].terms[0], posinf=0.0)
        size = np.maximum(terms, np.abs(dx))
        allowed.append(MOVED_ALLOWED * moved[k] + EPS_ALLOWED * eps * (size + 0.1 * np.max(size, initial=0.0)))
    return allowed


def _joined(note: str, more: str) -> str:
    return f"{note}; {more}" if note else more
