"""The learner's gradients beside measured ones, for two cotangents: which entries are wrong, and by which slip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

STEP = 1e-3
SMALL = 1e-3  # gradients below it are compared as if they were of this size: a measured 0 is not exactly 0
CLOSE = 1e-6  # of the largest entry: how well two gradients must agree, where one of them is measured


@dataclass(frozen=True)
class Slip:
    """A mistake with a name: the gradient that was given is the right one of a slightly different function.

    Who holds the variance of a batch fixed gives the gradient of (x - mean) / s, where s is a number. Who forgets the
    mask gives the gradient of a function without it. So a mistake is described by that function, not by a wrong
    formula, and no right formula is needed here either: both gradients are measured.

    other(held, *inputs) -> y. `held` are the inputs again: what is computed from them does not move when the inputs
    do. kind: the gradient checker's. rule: the third hint; where it is empty, that of the kind and the input.
    """

    kind: str
    sentence: str
    other: Callable[..., Any]
    rule: str = ""


@dataclass(frozen=True)
class Look:
    """One case of an attempt.

    words       at which inputs, in words
    inputs      all arguments of forward; `places` of them want a gradient
    forward, backward   functions of the wanted inputs alone, as for check_backward with cache=True
    """

    words: str
    inputs: tuple[Any, ...]
    places: tuple[int, ...]
    forward: Callable[..., Any]
    backward: Callable[..., Any]

    @property
    def wanted(self) -> list[np.ndarray]:
        return [np.array(self.inputs[place], np.float64) for place in self.places]

    @cached_property
    def dys(self) -> list[np.ndarray]:
        y, _ = self.forward(*self.wanted)
        rng = np.random.default_rng(11)
        return [np.asarray(rng.normal(size=np.shape(y))) for _ in range(2)]

    @cached_property
    def given(self) -> list[list[np.ndarray]]:
        """given[k]: the learner's gradients of the k-th wanted input."""
        _, kept = self.forward(*self.wanted)
        with np.errstate(all="ignore"):
            found = [self.backward(dy.copy(), kept) for dy in self.dys]
        return [[np.asarray(dxs[k], np.float64) for dxs in found] for k in range(len(self.places))]

    @cached_property
    def right(self) -> list[list[np.ndarray]]:
        """The measured ones."""
        return [pulled(lambda *v: self.forward(*v)[0], self.wanted, k, self.dys) for k in range(len(self.places))]

    @cached_property
    def wrong(self) -> list[np.ndarray]:
        """For each wanted input the entries that are wrong; all of them where the shape is."""
        return [differing(a, b) for a, b in zip(self.given, self.right, strict=True)]

    @property
    def fine(self) -> bool:
        return not any(np.any(wrong) for wrong in self.wrong)

    def simple_mistake(self) -> tuple[int, str, str] | None:
        """(wanted input, kind, sentence) of what shows without the function: the shape, and how dy is used."""
        for k, wrong in enumerate(self.wrong):
            if np.any(wrong):
                found = shape_mistake(self.given[k], self.right[k]) or self._use_of_dy(k)
                if found is not None:
                    return (k, *found)
        return None

    def _use_of_dy(self, k: int) -> tuple[str, str] | None:
        """A gradient is proportional to dy: 0 for dy = 0, twice as large for 2·dy, the negative for -dy."""
        _, kept = self.forward(*self.wanted)
        dy, given = self.dys[0], self.given[k]

        def at(factor: float) -> np.ndarray:
            with np.errstate(all="ignore"):
                return np.asarray(self.backward(np.asarray(factor * dy), kept)[k], np.float64)

        if same(given[0], given[1]):
            return None if not np.any(given[0]) else ("ignored-upstream", "the gradient is the same whatever dy is")
        if np.any(np.abs(at(0.0)) > CLOSE * np.max(np.abs(given[0]), initial=0.0)):
            return "ignored-upstream", "for dy = 0 the gradient is not 0, so a term is not multiplied by dy"
        if same(at(2.0), 4 * given[0]):
            return "extra-factor", "dy is multiplied in twice"
        if not same(at(-1.0), -given[0]) and same(at(2.0), 2 * given[0]):
            return "mask", "the sign of dy decides what passes; the inputs of the forward should"
        return None

    def slip(self, slips: Sequence[Slip], looks: Sequence[Look]) -> tuple[int, Slip] | None:
        """(wanted input, slip) of the first wrong gradient that a slip reproduces, in all looks; or None."""
        for k, wrong in enumerate(self.wrong):
            for slip in slips if np.any(wrong) else ():
                if self.reproduced(k, slip) and all(
                    not np.any(one.wrong[k]) or one.reproduced(k, slip) for one in looks if one is not self
                ):
                    return k, slip
        return None

    def reproduced(self, k: int, slip: Slip) -> bool:
        """Is the gradient of the k-th wanted input the one that the slip gives?"""
        other = pulled(self._beside(slip), self.wanted, k, self.dys)
        return not np.any(differing(self.given[k], other))

    def _beside(self, slip: Slip) -> Callable[..., Any]:
        def f(*wanted: Any) -> Any:
            moved = list(self.inputs)
            for place, x in zip(self.places, wanted, strict=True):
                moved[place] = x
            return slip.other(self.inputs, *moved)

        return f


def pulled(f: Callable[..., Any], inputs: Sequence[np.ndarray], k: int, dys: Sequence[np.ndarray]) -> list[np.ndarray]:
    """For each dy the gradient of Σ dy·f with respect to input k: central differences with steps h and 2h."""
    x = inputs[k]
    found = [np.zeros(x.shape) for _ in dys]

    def at(i: tuple[int, ...], h: float) -> np.ndarray:
        moved = x.copy()
        moved[i] += h
        return np.asarray(f(*[moved if j == k else v for j, v in enumerate(inputs)]), np.float64)

    for i in np.ndindex(x.shape):
        with np.errstate(all="ignore"):
            slope = (8 * (at(i, STEP) - at(i, -STEP)) - (at(i, 2 * STEP) - at(i, -2 * STEP))) / (12 * STEP)
        for dx, dy in zip(found, dys, strict=True):
            dx[i] = np.sum(dy * slope) if np.shape(slope) == np.shape(dy) else np.nan
    return found


def shape_mistake(given: Sequence[np.ndarray], right: Sequence[np.ndarray]) -> tuple[str, str] | None:
    """The right numbers in another shape."""
    if given[0].shape == right[0].shape:
        return None
    if given[0].size == right[0].size and all(same(a.reshape(b.shape), b) for a, b in zip(given, right, strict=True)):
        return "unknown", "The numbers are right, and the shape is not: it must be the shape of the input"
    try:
        spread = [np.broadcast_to(a, b.shape) for a, b in zip(given, right, strict=True)]
    except ValueError:
        return None
    if all(same(a, b) for a, b in zip(spread, right, strict=True)):
        return "unknown", "The numbers are right, and the shape is not: each stands for several entries of the input"
    return None


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return not np.any(differing([a], [b]))


def differing(given: Sequence[np.ndarray], right: Sequence[np.ndarray]) -> np.ndarray:
    """The entries that differ for any cotangent."""
    wrong = np.zeros(right[0].shape, bool)
    for a, b in zip(given, right, strict=True):
        if a.shape != b.shape:
            return np.ones(b.shape, bool)
        scale = max(float(np.max(np.abs(a), initial=0.0)), float(np.max(np.abs(b), initial=0.0)), SMALL)
        wrong |= ~(np.abs(a - b) <= CLOSE * scale)
    return wrong
