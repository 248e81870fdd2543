"""From gradients and their references to verdicts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nanonet.gradcheck.reference import Reference
from nanonet.gradcheck.reference.ladder import EPS

BARS = 5.0  # so many error bars are allowed
ROUNDING = 1e-8  # of a gradient's terms: what the analytic side may lose to rounding and cancellation
AGAIN = 16.0  # so many times what the analytic side changed when its inputs were moved by rounding errors
OUTPUT = 16.0  # so many roundings of the output, which a rule may compute from, as in y (1 - y)
WORTH = 1e-3  # a relative error that a check must be able to see
ORDER = ("pass", "subgradient", "inconclusive", "kink", "fail")


@dataclass(frozen=True)
class Tolerance:
    """What is allowed beside the error bars.

    rtol, atol  the user's: errors up to atol + rtol · the largest slope
    rounding    what the analytic side itself loses to rounding, as measured, in the input's shape
    size        |dy · y| / max(1, |x|), in the input's shape: slopes below 1e-12 of it drown in rounding
    floor       of the largest slope: errors below it are rounding
    around      the largest slope of the whole input: what is small beside it is not worth finding
    eps         how exact the function's values are
    """

    rtol: float
    atol: float
    rounding: np.ndarray
    size: np.ndarray
    floor: float = 64 * EPS
    around: float = 0.0
    eps: float = EPS


@dataclass(frozen=True)
class Judgement:
    """Element by element: the verdict, the error, and what was allowed."""

    verdicts: np.ndarray
    errors: np.ndarray
    allowed: np.ndarray

    def worst(self) -> tuple[int, ...] | None:
        """The element that speaks for all; None where there are none."""
        if not self.verdicts.size:
            return None
        ranks = rank(self.verdicts)
        with np.errstate(all="ignore"):
            excess = self.errors / self.allowed
        excess = np.where(np.isnan(excess), np.where(self.errors == 0, 0.0, np.inf), excess)
        excess[ranks < ranks.max()] = -1.0
        return tuple(int(i) for i in np.unravel_index(int(np.argmax(excess)), excess.shape))


def rank(verdicts: np.ndarray) -> np.ndarray:
    """How bad each is."""
    return np.vectorize(ORDER.index, otypes=[int])(verdicts)


def judge(analytic: np.ndarray, ref: Reference, tolerance: Tolerance) -> Judgement:
    """The verdict on every element of one gradient."""
    with np.errstate(all="ignore"):
        errors = np.abs(analytic - ref.value)
        terms = np.where(np.isfinite(ref.terms), ref.terms, 0.0)
        largest = np.max(terms, initial=0.0)
        allowed = BARS * ref.bar + ROUNDING * np.maximum(terms, np.abs(ref.value))
        allowed = allowed + AGAIN * tolerance.rounding + tolerance.floor * largest + EPS * tolerance.around
        allowed = allowed + OUTPUT * EPS * tolerance.size
        magnitude = np.maximum(np.abs(ref.value), np.abs(analytic))
        magnitude = np.maximum(magnitude, WORTH * np.maximum(largest, tolerance.around))
        flat = (analytic == 0) & (ref.value == 0)  # as of round(x): nothing changed in steps of some size
        drowned = np.where(flat, max(1e-9, 1e3 * tolerance.eps), 1e-12) * tolerance.size
        vague = ~(allowed <= np.maximum(WORTH * magnitude, drowned) + tolerance.atol + tolerance.rtol * largest)
        allowed = allowed + tolerance.atol + tolerance.rtol * largest
        low, high = np.minimum(ref.left, ref.right), np.maximum(ref.left, ref.right)
        between = (low - allowed <= analytic) & (analytic <= high + allowed)
    wrong = np.isfinite(ref.bar) & np.isfinite(analytic) & ~(errors <= allowed)
    verdicts = np.where(wrong, "fail", np.where(vague, "inconclusive", "pass")).astype(object)
    verdicts[(verdicts == "fail") & (errors <= ref.disputed)] = "inconclusive"
    verdicts[ref.kinked & ~between] = "kink"
    verdicts[ref.kinked & between] = "subgradient"
    verdicts[~np.isfinite(analytic)] = "inconclusive"  # √x at 0 is infinitely steep
    still = np.isinf(analytic) & (ref.bar <= 1e-9 * (tolerance.size + largest))  # 0 · ∞ is NaN, and no fault
    sharp = (ref.bar < 0.1 * np.maximum(np.abs(ref.value), terms)) | still
    verdicts[~np.isfinite(analytic) & sharp] = "fail"
    return Judgement(verdicts, errors, allowed)


def sizes(y: np.ndarray, dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Σ |dy ⊙ y| / max(1, |x|): the slopes that a function of this size might have, in x's shape."""
    with np.errstate(all="ignore"):
        total = float(np.sum(np.abs(y) * np.abs(dy)))
        found = (total if np.isfinite(total) else 0.0) / np.maximum(1.0, np.abs(x))
    return np.asarray(np.where(np.isfinite(found), found, 0.0))
