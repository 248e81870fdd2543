"""What a diagnosis may look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Evidence:
    """One wrong gradient and what surrounds it. Arrays are float64 NumPy.

    inputs      all floating inputs
    output      y = forward(*inputs)
    dy          the cotangent: random, not uniform
    index       which input's gradient is wrong
    analytic    the gradient that was given, whose shape may be wrong too
    numeric     the reference, in the input's shape, and
    bars        its error bars
    jacobian    the numeric ∂y_i/∂x_j of that input, (y.size, x.size), where it is small enough
    others      the given gradients of all inputs
    references  the numeric gradients of all inputs
    backward    runs backward again at the same inputs with another dy
    forward     forward(inputs) -> y: runs the forward at other values of the floating inputs (same shapes; inputs that
                are not floating, and random numbers, stay as they were), without recording anything. It may raise
    backward_at backward_at(inputs, dy) -> the given gradients of all floating inputs: forward, then backward, both at
                these other values. It may raise

    subgradients  where the gradient is a right one of several, at a kink: no error, however far from the reference

    Without forward and backward_at a diagnosis knows the function at one point only, and says "unknown" more often.
    """

    inputs: tuple[np.ndarray, ...]
    output: np.ndarray
    dy: np.ndarray
    index: int
    analytic: np.ndarray
    numeric: np.ndarray
    bars: np.ndarray
    jacobian: np.ndarray | None
    others: tuple[np.ndarray | None, ...]
    references: tuple[np.ndarray, ...]
    backward: Callable[[np.ndarray], Sequence[np.ndarray]] | None
    forward: Callable[[Sequence[np.ndarray]], np.ndarray] | None = None
    backward_at: Callable[[Sequence[np.ndarray], np.ndarray], Sequence[np.ndarray]] | None = None
    subgradients: np.ndarray | None = None
