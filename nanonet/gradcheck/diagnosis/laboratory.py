"""Experiments on a function and its backward: both run at inputs of our choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from time import process_time

import numpy as np

from nanonet.gradcheck.diagnosis.evidence import Evidence

BASIS_LIMIT = 1024  # outputs up to which backward is run once for each of them
STEPS = (1e-2, 1e-4)  # first steps: the smaller where the larger meets a kink
BUDGET = 2.5  # seconds, after which nothing more is tried: a slow function is not run a thousand times
LEVELS = 4  # halvings of the step

Inputs = Sequence[np.ndarray]
Line = Callable[[float], np.ndarray | None]


class Laboratory:
    """Runs forward and backward. What raises, or is not finite, counts as not known: None."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.index = evidence.index
        self.shape = evidence.output.shape
        self.end = process_time() + BUDGET

    def value(self, inputs: Inputs) -> np.ndarray | None:
        """forward(*inputs)."""
        if self.evidence.forward is None or process_time() > self.end:
            return None
        try:
            y = np.array(self.evidence.forward([x.copy() for x in inputs]), np.float64)
        except Exception:  # whatever the user's function raises: the diagnosis goes on without it
            return None
        return y if y.shape == self.shape and np.all(np.isfinite(y)) else None

    def gradient(self, inputs: Inputs | None, dy: np.ndarray) -> np.ndarray | None:
        """The given gradient at other inputs, or with None at those of the check."""
        evidence = self.evidence
        if process_time() > self.end:
            return None
        try:
            if inputs is not None and evidence.backward_at is not None:
                found = evidence.backward_at([x.copy() for x in inputs], dy.copy())
            elif inputs is None and evidence.backward is not None:
                found = evidence.backward(dy.copy())
            else:
                return None
            dx = np.array(found[self.index], np.float64)
        except Exception:
            return None
        return dx if np.all(np.isfinite(dx)) else None

    def given(self, inputs: Inputs | None = None) -> np.ndarray | None:
        """The matrix that backward stands for, (y.size, dx.size), one run for each output; if it is linear in dy."""
        size = int(np.prod(self.shape))
        if size > BASIS_LIMIT:
            return None
        rows = []
        for i in range(size):
            dy = np.zeros(size)
            dy[i] = 1.0
            row = self.gradient(inputs, dy.reshape(self.shape))
            if row is None or (rows and row.size != rows[0].size):
                return None
            rows.append(row.ravel())
        return np.array(rows)

    def jacobian(self, inputs: Inputs, k: int) -> np.ndarray | None:
        """∂y_i/∂x_j for input k, (y.size, x.size), to about ten digits where the function is smooth."""
        columns = []
        for j in range(inputs[k].size):
            direction = np.zeros(inputs[k].size)
            direction[j] = 1.0
            column = self.slope(inputs, k, direction.reshape(inputs[k].shape))
            if column is None:
                return None
            columns.append(column)
        return np.stack(columns, 1) if columns else None

    def slope(self, inputs: Inputs, k: int, direction: np.ndarray) -> np.ndarray | None:
        """J·direction, flat: the derivative of the outputs as input k moves in a direction."""
        moving = np.abs(inputs[k][direction != 0])
        least = float(np.min(moving, initial=1.0))
        scale = least if 0 < least < 1 else 1.0
        best, doubt = None, np.inf
        for step in STEPS:

            def line(t: float) -> np.ndarray | None:
                return self.value([x + t * direction if i == k else x for i, x in enumerate(inputs)])

            found, error = extrapolated(line, step * scale)
            if found is not None and error < doubt:
                best, doubt = found, error
            if best is not None and doubt <= 1e-8 * float(np.max(np.abs(best), initial=0.0)) + 1e-12:
                break
        return best


def extrapolated(line: Line, h: float) -> tuple[np.ndarray | None, float]:
    """The derivative at 0, from central differences at h, h/2, h/4, h/8, and how much the last estimates differ."""
    rows: list[np.ndarray] = []
    for k in range(LEVELS):
        above, below = line(h / 2**k), line(-h / 2**k)
        if above is None or below is None:
            return None, np.inf
        rows.append((above - below).ravel() * 2**k / (2 * h))
    previous = rows
    for power in (4, 16, 64):
        previous, rows = rows, [(power * b - a) / (power - 1) for a, b in pairwise(rows)]
    return rows[0], float(np.max(np.abs(rows[0] - previous[-1]), initial=0.0))
