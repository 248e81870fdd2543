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
