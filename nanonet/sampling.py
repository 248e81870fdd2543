"""Draws: small descriptions of random arrays, made into arrays only when a test or a benchmark asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Draw:
    """A recipe for an array; `draw(rng, dtype)` follows it.

    floating          False for integers and booleans, which ignore `dtype`
    differentiable    False where the op gives this input no gradient (running statistics)
    """

    recipe: Callable[[np.random.Generator], Any]
    floating: bool = True
    differentiable: bool = True

    def draw(self, rng: np.random.Generator, dtype: Any) -> np.ndarray:
        array = np.asarray(self.recipe(rng))
        return array.astype(dtype) if self.floating else array


def constant(draw: Draw) -> Draw:
    """The same draw, for an input that has no gradient."""
    return replace(draw, differentiable=False)


def normal(*shape: int) -> Draw:
    """Standard normal."""
    return Draw(lambda rng: rng.standard_normal(shape))


def uniform(low: float, high: float, *shape: int) -> Draw:
    """Uniform on [low, high)."""
    return Draw(lambda rng: rng.uniform(low, high, shape))


def positive(*shape: int) -> Draw:
    """Uniform on [0.5, 2): safe for log, sqrt, division and powers."""
    return uniform(0.5, 2.0, *shape)


def distinct(*shape: int) -> Draw:
    """Values with gaps of at least 0.1 between any two and from 0: no ties, no kink at 0."""

    def recipe(rng: np.random.Generator) -> np.ndarray:
        size = int(np.prod(shape))
        values = 0.1 * (np.arange(size) - size // 2 + 0.5) + rng.uniform(-0.01, 0.01, size)
        return rng.permutation(values).reshape(shape)

    return Draw(recipe)


def integers(high: int, *shape: int, low: int = 0) -> Draw:
    """Integers in [low, high)."""
    return Draw(lambda rng: rng.integers(low, high, shape), floating=False, differentiable=False)


def boolean(*shape: int) -> Draw:
    """True or false, evenly."""
    return Draw(lambda rng: rng.random(shape) < 0.5, floating=False, differentiable=False)


def probabilities(*shape: int, axis: int = -1) -> Draw:
    """Positive and adding up to 1 along `axis`."""

    def recipe(rng: np.random.Generator) -> np.ndarray:
        values = rng.uniform(0.1, 1.0, shape)
        return values / values.sum(axis, keepdims=True)

    return Draw(recipe)


def values(data: Any, floating: bool = True) -> Draw:
    """These very numbers."""
    return Draw(lambda rng: np.array(data), floating, floating)
