"""Reference derivatives with error bars, from function values alone.

For every element of an input, a complex step where real steps confirm it (`complex_step.py`), else ladders of
differences (`ladder.py`), in long double where the function computes in it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np

from nanonet.gradcheck.progress import Watch
from nanonet.gradcheck.reference.channels import Channels
from nanonet.gradcheck.reference.complex_step import Steps, complex_step, same_function
from nanonet.gradcheck.reference.ladder import EPS, Line, Slope, Walk, slope

__all__ = ["EPS", "Reference", "derivatives", "gradient", "ridders"]

WIDE_LIMIT = 4096  # elements of input and output, up to which long double (which no BLAS knows) is quick enough
WIDE_EPS = float(np.finfo(np.longdouble).eps)

Function = Callable[[np.ndarray], np.ndarray]  # an array -> the outputs, flat


@dataclass(frozen=True)
class Reference:
    """The slopes of all elements of one input, each field in the input's shape (after one axis for the channels)."""

    value: np.ndarray
    bar: np.ndarray
    left: np.ndarray
    right: np.ndarray
    kinked: np.ndarray
    terms: np.ndarray
    disputed: np.ndarray

    def channel(self, c: int) -> Reference:
        """Those of one channel."""
        return Reference(*(getattr(self, name)[c] for name in Reference.__annotations__))


def ridders(f: Callable[[float], float], x: float) -> tuple[float, float]:
    """f'(x) and an estimate of its error, for a function of one number; (nan, inf) where there is none to be had."""
    walk = Walk(lambda at: np.atleast_1d(np.float64(f(at))), x)
    found = slope(walk, lambda v: v, np.ones(1))
    return (np.nan, np.inf) if found.kinked else (found.value, found.bar)


def gradient(f: Function, x: np.ndarray, dy: np.ndarray, eps: float = EPS) -> Reference:
    """∂(dy · f)/∂x element by element; f takes a float64 (or complex, or long double) array and returns a flat one."""
    return derivatives(f, x, Channels(dy[None], units=False), eps).channel(0)


def derivatives(
    f: Function,
    x: np.ndarray,
    channels: Channels,
    eps: float = EPS,
    watch: Watch | None = None,
) -> Reference:
    """∂(channel)/∂x for every channel and every element of x.

    eps     how exact f's values are; `EPS`, or that of float32 where f computes in it
    watch   shows progress; with one, Ctrl-C ends the walk, and the elements that are left have infinite bars
    """
    x = x.astype(np.float64)
    wide = eps <= EPS and computes_in_long_double(f, x, channels.size)
    found = np.full((x.size, len(FIELDS), channels.count), np.nan)
    found[:, FIELDS.index("bar")] = np.inf  # of elements that an interrupted walk does not reach
    found[:, FIELDS.index("kinked")] = found[:, FIELDS.index("disputed")] = 0.0
    elements = list(np.ndindex(x.shape))
    for n, i in enumerate(watch(elements) if watch else elements):
        try:
            found[n] = _element(_Along(f, x, i), float(x[i]), channels, eps, wide)
        except KeyboardInterrupt:
            if watch is None:
                raise
            watch.stop(n, x.size)
            break
    columns = {name: found[:, k].T.reshape(channels.count, *x.shape) for k, name in enumerate(FIELDS)}
    return Reference(**{**columns, "kinked": columns["kinked"] != 0})


FIELDS = tuple(Reference.__annotations__)  # as in `Slope`


class _Along:
    """f as a function of one element of x, which may become a complex number or a long double."""

    def __init__(self, f: Function, x: np.ndarray, i: tuple[int, ...]) -> None:
        self.f, self.x, self.i = f, x, i

    def __call__(self, value: Any) -> np.ndarray:
        kind = np.asarray(value).dtype
        point = self.x.astype(kind)
        point[self.i] = value
        return self.f(point)


def _element(f: Line, x: float, channels: Channels, eps: float, wide: bool) -> np.ndarray:
    """The slopes of all channels at one element, (fields, channels)."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of a cast that drops the imaginary part: the confirmation notices
        steps = complex_step(f, x, f(x)) if eps <= EPS else None
    if steps is None:
        table, known = np.empty((len(FIELDS), channels.count)), np.zeros(channels.count, bool)
    else:
        table, known = _of_steps(steps, channels)
    if not np.all(known):
        walk = Walk(f, np.longdouble(x) if wide else x)
        still = walk.still()
        for c in np.flatnonzero(~known):
            table[:, c] = astuple(_of_walk(walk, still, channels, int(c), WIDE_EPS if wide else eps))
    return table


def _of_steps(steps: Steps, channels: Channels) -> tuple[np.ndarray, np.ndarray]:
    """(slopes from complex steps, for which channels: those all of whose outputs are confirmed)."""
    value, bar, known = steps.value, steps.bar, steps.confirmed
    weights = np.abs(channels.rows)
    rows = channels.rows @ value, weights @ bar, weights @ np.abs(value)
    sums = [
        np.concatenate([row, v]) if channels.units else row
        for row, v in zip(rows, (value, bar, np.abs(value)), strict=True)
    ]
    slopes, bars, terms = sums
    nothing = np.zeros(slopes.shape)
    table = np.stack([slopes, bars + EPS * terms, slopes, slopes, nothing, terms, nothing])
    whole = np.full(len(channels.rows), bool(np.all(known)))
    return table, np.concatenate([whole, known]) if channels.units else whole


def _of_walk(walk: Walk, still: np.ndarray, channels: Channels, c: int, eps: float) -> Slope:
    pick, dy = channels.terms(c)
    if np.all(pick(still)):  # this output does not depend on the element; rounding might hide a little
        size = float(np.abs(pick(walk.at_x)) @ np.abs(dy))
        return Slope(0.0, 2 * eps * size / walk.firsts()[0], 0.0, 0.0, False, 0.0)
    return slope(walk, pick, dy, eps)


def computes_in_long_double(f: Function, x: np.ndarray, outputs: int) -> bool:
    """Does f carry long double from end to end?

    Its results must be long doubles, and their fourth differences in steps far below float64's resolution must be
    far below that too: a cast to float64 somewhere inside would leave noise of its size.
    """
    if WIDE_EPS >= EPS or x.size + outputs > WIDE_LIMIT or not x.size or not outputs:
        return False
    rows = []
    h = np.maximum(np.abs(x), 1.0).astype(np.longdouble) * EPS / 16
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            for k in range(5):
                y = f(x.astype(np.longdouble) + k * h)
                if y.dtype != np.longdouble or not np.all(np.isfinite(y)):
                    return False
                rows.append(y)
            near = [f(x * moved) for moved in (1 - 1e-9, 1 - 4e-10, 1.0, 1 + 4e-10, 1 + 1e-9)]
        bent = np.maximum(np.abs(near[0] - 2 * near[2] + near[4]), np.abs(near[1] - 2 * near[2] + near[3]))
        if not same_function(rows[0].astype(np.float64), near[2], bent):  # what is bent so near is rounding
            return False
        fourth = np.abs(np.diff(rows, 4, axis=0))
    except Exception:  # LAPACK, for one, refuses long doubles
        return False
    return bool(np.all(fourth <= EPS / 64 * np.maximum(np.abs(rows[0]), np.max(np.ptp(rows, axis=0)))))
