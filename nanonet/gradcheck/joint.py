"""Kinks of several elements together, and other inputs: checks along one direction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nanonet.gradcheck.conduct import same
from nanonet.gradcheck.directions import Fast
from nanonet.gradcheck.full import Full, Options
from nanonet.gradcheck.reference import derivatives
from nanonet.gradcheck.reference.channels import Channels
from nanonet.gradcheck.report import Report
from nanonet.gradcheck.subject import Arrays, MisbehaviourError, Subject

SMALLER = 0.99
KEPT = f"at other inputs ({SMALLER} times these) backward still gives the gradient of the first ones: it kept something"
REMEDY = "return what backward needs from forward, or compute it again; keep nothing in a class, a closure or a global"


def check_ties(full: Full, report: Report) -> Report:
    """`report`, or a kink where a gradient is between the slopes of every element, but no subgradient.

    The largest of tied elements does not change its slope when all of them move together, so the gradients of the
    tied ones must add up to that slope: (1, 1) and (0, 0) are between the slopes of each, and wrong.
    """
    kinked = [ref.kinked[0] for ref in full.references]
    if report.verdict != "subgradient" or sum(int(np.sum(k)) for k in kinked) < 2:
        return report
    us = [k.astype(np.float64) for k in kinked]
    shapes, size = full.shapes, full.y.size

    def along(t: np.ndarray) -> np.ndarray:
        inputs = [np.asarray(x + t[0] * u) for x, u in zip(full.subject.inputs, us, strict=True)]
        return full.subject.flat_values(inputs, shapes, size)

    ref = derivatives(along, np.zeros(1), Channels(full.channels.rows[:1], units=False), full.eps).channel(0)
    parts = np.concatenate([(dx * u).ravel() for dx, u in zip(full.gradients, us, strict=True)])
    total, terms = float(np.sum(parts)), float(np.sum(np.abs(parts)) + ref.terms[0])
    if ref.kinked[0] or not abs(total - ref.value[0]) > 5 * ref.bar[0] + 1e-6 * terms:
        return report
    note = (
        f"each element is between its slopes, but together they are no subgradient: where all the elements at the kink "
        f"move by the same, the slope is {ref.value[0]:.10g}, and their gradients add up to {total:.10g}"
    )
    return replace(report, verdict="kink", note=note)


def check_elsewhere(subject: Subject, options: Options, dys: Arrays, gradients: Arrays) -> list[str]:
    """The gradient at slightly smaller inputs, along one direction; raises MisbehaviourError.

    A backward that keeps what its first forward computed is right at the first inputs only. Smaller by a common
    factor: signs and order stay, and with them whatever is selected or masked.
    """
    there = subject.elsewhere([x * SMALLER for x in subject.inputs])
    try:
        fast = Fast(there, options)
        if not np.all(np.isfinite(fast.y)):
            return []
        kept = same(gradients, there.record(there.copies()).pull([dy.copy() for dy in dys]))
        if kept and fast.direction().verdict == "fail":
            raise MisbehaviourError("stale-cache", KEPT, REMEDY)
    except MisbehaviourError as error:
        if error.cause.kind == "stale-cache":
            raise
    except Exception:  # the function may have no value there
        return []
    return ["other inputs"]
