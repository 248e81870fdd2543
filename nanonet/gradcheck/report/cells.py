"""The elements of a comparison, as the text and the page show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from nanonet.gradcheck.report.report import Comparison

LETTERS = {"pass": "·", "fail": "✗", "kink": "^", "subgradient": "~", "inconclusive": "?"}
ORDER = ("pass", "subgradient", "inconclusive", "kink", "fail")  # from good to bad
RANKS = {verdict: rank for rank, verdict in enumerate(ORDER)}
BARS = 5.0  # the error that a check allows: so many error bars, and
ROUNDING = 1e-8  # this share of the value, which the checked side may lose to rounding


@dataclass(frozen=True)
class Element:
    """One element of one input's gradient. `share` is its error in units of what is allowed."""

    input: int
    at: tuple[int, ...]
    analytic: float
    numeric: float
    bar: float
    error: float
    share: float
    verdict: str


def comparable(one: Comparison) -> bool:
    """Whether the gradient has the shape that it should have."""
    return np.shape(one.analytic) == np.shape(one.numeric)


def errors(one: Comparison) -> np.ndarray:
    """|analytic - numeric|; infinities of the same sign agree."""
    analytic, numeric = np.asarray(one.analytic, np.float64), np.asarray(one.numeric, np.float64)
    with np.errstate(invalid="ignore"):
        return np.where(analytic == numeric, 0.0, np.abs(analytic - numeric))


def ranks(one: Comparison) -> np.ndarray:
    """The places of the verdicts in ORDER; -1 for elements that were not kept."""
    verdicts = np.asarray(one.verdicts)
    return np.array([RANKS.get(v, -1) for v in verdicts.ravel().tolist()], np.int64).reshape(verdicts.shape)


def shares(one: Comparison) -> np.ndarray:
    """Errors in units of what is allowed: 5 error bars and 1e-8 of the value.

    The check itself also knows how large the terms of a value are, and rtol and atol. Where its verdict is the other
    one, the verdict counts: what passed is at most 1, what failed at least 1.
    """
    error, rank = errors(one), ranks(one)
    with np.errstate(all="ignore"):
        value = np.fmax(np.abs(np.asarray(one.analytic, np.float64)), np.abs(np.asarray(one.numeric, np.float64)))
        allowed = BARS * np.asarray(one.bar, np.float64) + ROUNDING * value
        share = np.where(error == 0, 0.0, error / allowed)
    share = np.where(np.isnan(share), np.inf, share)
    share = np.where(rank == ORDER.index("pass"), np.minimum(share, 1.0), share)
    return np.where(rank == ORDER.index("fail"), np.maximum(share, 1.0), share)


def badness(one: Comparison) -> np.ndarray:
    """A number for each element that orders them: by verdict, then by share, which counts within a verdict."""
    with np.errstate(divide="ignore"):
        size = np.clip((np.log10(shares(one)) + 30.0) / 60.0, 0.0, 0.999)
    return ranks(one) + size


def element(one: Comparison, at: tuple[int, ...]) -> Element:
    """The numbers at one index."""
    single = replace(
        one, **{name: np.array([getattr(one, name)[at]]) for name in ("analytic", "numeric", "bar", "verdicts")}
    )
    return Element(
        input=one.index,
        at=at,
        analytic=float(one.analytic[at]),
        numeric=float(one.numeric[at]),
        bar=float(one.bar[at]),
        error=float(errors(single)[0]),
        share=float(shares(single)[0]),
        verdict=str(one.verdicts[at]),
    )


def worst_places(one: Comparison, most: int) -> list[tuple[int, ...]]:
    """The indices of the worst elements, worst first."""
    order = badness(one).ravel()
    found = np.argsort(-order, kind="stable")[:most]
    return [tuple(int(k) for k in np.unravel_index(i, np.shape(one.numeric))) for i in found]


def worst_elements(comparisons: Iterable[Comparison], most: int) -> list[Element]:
    """The worst elements of all inputs that did not pass, worst first."""
    found = [element(one, at) for one in comparisons if comparable(one) for at in worst_places(one, most)]
    found = [one for one in found if one.verdict in ORDER[1:]]
    return sorted(found, key=lambda one: (RANKS[one.verdict], one.share), reverse=True)[:most]


def tally(comparisons: Iterable[Comparison]) -> dict[str, int]:
    """How many elements have which verdict, worst first."""
    counts = np.zeros(len(ORDER) + 1, np.int64)
    for one in comparisons:
        counts += np.bincount(ranks(one).ravel() + 1, minlength=len(counts))
    return {name: int(counts[rank + 1]) for name, rank in reversed(RANKS.items()) if counts[rank + 1]}


@dataclass(frozen=True)
class Blocks:
    """A comparison that is small enough to show.

    shape       of the cells: one for each block of elements
    block       how many elements along each axis make a block; all 1 where every element is shown
    places      for each cell, in C order, the index of the worst element in its block
    """

    shape: tuple[int, ...]
    block: tuple[int, ...]
    places: list[tuple[int, ...]]

    @property
    def whole(self) -> bool:
        return all(n == 1 for n in self.block)


def blocks(one: Comparison, most: int, slices: int = 64) -> Blocks:
    """At most `most` cells, in at most `slices` matrices: the worst element of each block stands for it."""
    shape = np.shape(one.numeric)
    block = _block(shape, most, slices)
    order = badness(one)
    if not order.size:
        return Blocks(shape, block, [])
    cells = tuple(-(-n // b) for n, b in zip(shape, block, strict=True))
    padding = [(0, c * b - n) for c, b, n in zip(cells, block, shape, strict=True)]
    order = np.pad(order, padding, constant_values=-2.0) if shape else order
    # (c0, b0, c1, b1, …) -> (c0, c1, …, b0 · b1 · …)
    order = order.reshape([n for pair in zip(cells, block, strict=True) for n in pair])
    order = order.transpose([*range(0, 2 * len(shape), 2), *range(1, 2 * len(shape), 2)]).reshape(*cells, -1)
    inside = np.unravel_index(np.argmax(order, axis=-1), block) if shape else ()
    corner = np.indices(cells)
    index = [c * b + i for c, b, i in zip(corner, block, inside, strict=True)]
    flat = [axis.ravel().tolist() for axis in index]
    return Blocks(cells, block, list(zip(*flat, strict=True)) if shape else [()])


def _block(shape: Sequence[int], most: int, slices: int) -> tuple[int, ...]:
    """Double the block along the axis with the most cells until there are few enough."""
    block = [1] * len(shape)

    def cells() -> list[int]:
        return [-(-n // b) for n, b in zip(shape, block, strict=True)]

    while np.prod(cells()[:-2], dtype=np.int64) > slices:
        block[int(np.argmax(cells()[:-2]))] *= 2
    while np.prod(cells(), dtype=np.int64) > most:
        block[int(np.argmax(cells()))] *= 2
    return tuple(block)
