"""From a gradient and its reference to a verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from nanonet.gradcheck.reference import EPS, Reference
from nanonet.gradcheck.report import Report

BARS = 5.0  # so many error bars are allowed
ROUNDING = 1e-8  # of a gradient's terms: what the analytic side may lose to rounding and cancellation
WORTH = 1e-3  # a relative error that a check must be able to see
LARGEST_JACOBIAN = 100_000  # elements (only after a failure), beyond which a diagnosis does without
ORDER = ("pass", "subgradient", "inconclusive", "kink", "fail")


def judge(
    index: int, analytic: np.ndarray, ref: Reference, size: float, rtol: float, atol: float, name: str = ""
) -> Report:
    """The verdict on the gradient of input `index`, at its worst element.

    `size` is Σ |dy ⊙ y| / max(1, |x|): slopes below 1e-12 of it drown in rounding and are not worth finding.
    """
    if analytic.shape != ref.value.shape:
        note = f"the gradient of input {index} has shape {analytic.shape}, the input {ref.value.shape}"
        return Report("fail", np.inf, (index, ()), np.nan, np.inf, np.nan, name, note=note)
    if not analytic.size:
        return Report("pass", 0.0, None, 0.0, 0.0, 0.0, name)
    verdicts, errors = _verdicts(analytic, ref, size, rtol, atol)
    rank = np.vectorize(ORDER.index)(verdicts)
    place = np.where(np.isnan(errors), np.inf, errors) * (rank == rank.max())
    i = np.unravel_index(int(np.argmax(place + (rank == rank.max()))), rank.shape)
    if not place.max() < np.inf or place.max() > 0:
        i = np.unravel_index(int(np.argmax(place)), rank.shape)
    report = Report(
        verdict=str(verdicts[i]),
        max_error=float(errors[i]),
        where=(index, tuple(int(k) for k in i)),
        numeric=float(ref.value[i]),
        bar=float(ref.bar[i]),
        analytic=float(analytic[i]),
        name=name,
        note="" if np.isfinite(analytic[i]) else "the gradient is not finite there",
    )
    return replace(report, slopes=(float(ref.left[i]), float(ref.right[i]))) if ref.kinked[i] else report


def _verdicts(
    analytic: np.ndarray, ref: Reference, size: float, rtol: float, atol: float
) -> tuple[np.ndarray, np.ndarray]:
    """Element by element: the verdict and the error."""
    with np.errstate(all="ignore"):
        errors = np.abs(analytic - ref.value)
        terms = np.where(np.isfinite(ref.terms), ref.terms, 0.0)
        largest = np.max(terms, initial=0.0)
        within = BARS * ref.bar + max(ROUNDING, rtol) * np.maximum(terms, np.abs(ref.value)) + EPS * largest
        within = within + atol + rtol * largest + EPS * size * 1e-3
        magnitude = np.maximum(np.maximum(np.abs(ref.value), np.abs(analytic)), WORTH * largest)
        flat = (analytic == 0) & (ref.value == 0)  # as of round(x): nothing changed in steps of some size
        vague = ~(within <= np.maximum(WORTH * magnitude, np.where(flat, 1e-9, 1e-12) * size) + atol)
        low, high = np.minimum(ref.left, ref.right), np.maximum(ref.left, ref.right)
        between = (low - within <= analytic) & (analytic <= high + within)
    wrong = np.isfinite(ref.bar) & np.isfinite(analytic) & ~(errors <= within)
    verdicts = np.where(wrong, "fail", np.where(vague, "inconclusive", "pass")).astype(object)
    verdicts[ref.kinked & ~between] = "kink"
    verdicts[ref.kinked & between] = "subgradient"
    verdicts[~np.isfinite(analytic)] = "inconclusive"  # √x at 0 is infinitely steep
    verdicts[~np.isfinite(analytic) & (ref.bar < 0.1 * np.maximum(np.abs(ref.value), terms))] = "fail"
    return verdicts, errors


def magnitude(y: np.ndarray, dy: np.ndarray, x: np.ndarray) -> float:
    """Σ |dy ⊙ y| / max(1, |x|): the slopes that a function of this size might have."""
    with np.errstate(all="ignore"):
        size = float(np.sum(np.abs(y) * np.abs(dy))) / max(1.0, float(np.max(np.abs(x), initial=0.0)))
    return size if np.isfinite(size) else 0.0


def worst(reports: list[Report]) -> Report:
    """The report that speaks for all inputs."""
    return max(reports, key=lambda r: (ORDER.index(r.verdict), r.where is not None, np.nan_to_num(r.max_error)))


def explain(
    report: Report,
    inputs: tuple[np.ndarray, ...],
    output: np.ndarray,
    dy: np.ndarray,
    analytic: Sequence[np.ndarray],
    references: Sequence[Reference],
    jacobian: np.ndarray | None,
    backward: Callable[[np.ndarray], Sequence[np.ndarray]] | None,
    forward: Callable[[Sequence[np.ndarray]], np.ndarray] | None = None,
    backward_at: Callable[[Sequence[np.ndarray], np.ndarray], Sequence[np.ndarray]] | None = None,
) -> Report:
    """A failed report with the cause that its arrays speak for."""
    from nanonet.gradcheck.diagnose import diagnose
    from nanonet.gradcheck.evidence import Evidence

    assert report.where is not None, "it failed somewhere"
    index = report.where[0]
    evidence = Evidence(
        inputs=inputs,
        output=output,
        dy=dy,
        index=index,
        analytic=np.asarray(analytic[index], np.float64),
        numeric=references[index].value,
        bars=references[index].bar,
        jacobian=jacobian,
        others=tuple(analytic),
        references=tuple(ref.value for ref in references),
        backward=backward,
        forward=forward,
        backward_at=backward_at,
    )
    return replace(report, cause=diagnose(evidence))
