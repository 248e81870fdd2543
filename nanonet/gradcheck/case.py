"""A wrong gradient under examination: trials with several cotangents, and the structure of the Jacobian."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from nanonet.gradcheck.evidence import Evidence

PRECISION = 1e-6  # of the largest element: how well a hypothesis must reproduce the given gradient
TRIALS = 3  # further cotangents: a coincidence at one does not survive at the others
BASIS_LIMIT = 256  # outputs up to which backward is run once for each of them


@dataclass(frozen=True)
class Trial:
    """One cotangent with the gradient that was given for it and the one that is right."""

    dy: np.ndarray
    analytic: np.ndarray
    reference: np.ndarray
    bars: np.ndarray | float = 0.0


Candidate = Callable[[Trial], np.ndarray | None]
Change = Callable[[np.ndarray], np.ndarray]
Rule = Callable[[np.ndarray, int], np.ndarray]


class Case:
    """The evidence, more trials where backward can be run again, and what the Jacobian's zeros say."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.index = evidence.index
        self.inputs = evidence.inputs
        self.x = evidence.inputs[evidence.index]
        self.y = evidence.output
        self.J = evidence.jacobian
        self.first = Trial(evidence.dy, evidence.analytic, evidence.numeric, evidence.bars)
        self.reruns = self._rerun()
        self.trials = [self.first]
        if self.J is not None:
            self.trials += [Trial(dy, dx, self.pull(dy)) for dy, dx in self.reruns]

    def _rerun(self) -> list[tuple[np.ndarray, np.ndarray]]:
        again = self.backward(self.first.dy)
        if again is None or not np.array_equal(again, self.first.analytic):
            return []  # it cannot be run, or remembers something: only the first run counts
        rng = np.random.default_rng(0)
        found = []
        for _ in range(TRIALS):
            dy = rng.uniform(0.5, 1.5, self.y.shape) * rng.choice([-1.0, 1.0], self.y.shape)
            dx = self.backward(dy)
            if dx is None or dx.shape != again.shape or not np.all(np.isfinite(dx)):
                return []
            found.append((dy, dx))
        return found

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """The given gradient at another cotangent, or None where it cannot be had."""
        if self.evidence.backward is None:
            return None
        try:
            return np.array(self.evidence.backward(np.array(dy))[self.index], dtype=np.float64)
        except Exception:  # whatever the user's function raises: the diagnosis goes on without it
            return None

    def pull(self, dy: np.ndarray) -> np.ndarray:
        """Jᵀ·dy, in the input's shape."""
        assert self.J is not None, "callers ask only where the Jacobian is known"
        return (np.ravel(dy) @ self.J).reshape(self.x.shape)

    def fits(self, candidate: Candidate) -> bool:
        """Does the candidate reproduce the given gradient in every trial? It may pass on a later one with None."""
        for number, trial in enumerate(self.trials):
            array = candidate(trial)
            if array is None and number:
                continue
            if array is None or not self.same(array, trial.analytic, trial.bars):
                return False
        return True

    def same(self, a: np.ndarray, b: np.ndarray, bars: np.ndarray | float = 0.0) -> bool:
        return np.shape(a) == np.shape(b) and bool(np.all(self.agree(a, b, bars)))

    def agree(self, a: np.ndarray, b: np.ndarray, bars: np.ndarray | float = 0.0) -> np.ndarray:
        """Element by element: equal within the precision (and the bars, where they belong to this shape)."""
        scale = max(float(np.max(np.abs(b), initial=0.0)), float(np.max(np.abs(a), initial=0.0)))
        allowed = bars if np.shape(bars) == np.shape(a) else np.max(bars, initial=0.0)
        return np.abs(a - b) <= PRECISION * scale + 10 * allowed

    @cached_property
    def support(self) -> np.ndarray | None:
        """Where the Jacobian is not zero, (*y.shape, *x.shape)."""
        if self.J is None:
            return None
        size = np.abs(self.J)
        return (size > 1e-7 * np.max(size, initial=0.0)).reshape(self.y.shape + self.x.shape)

    @cached_property
    def pointwise(self) -> bool:
        """Does every output element depend on one element of the input at most?"""
        return self.support is not None and bool(np.all(self.support.reshape(self.y.size, -1).sum(1) <= 1))

    @cached_property
    def elementwise(self) -> bool:
        """Is the Jacobian diagonal?"""
        if self.J is None or self.x.shape != self.y.shape or self.support is None:
            return False
        return not np.any(self.support.reshape(self.J.shape) & ~np.eye(self.x.size, dtype=bool))

    @cached_property
    def slopes(self) -> np.ndarray:
        """∂y/∂x for each output element of a pointwise function, in the output's shape."""
        assert self.J is not None, "pointwise says so"
        return self.J.sum(1).reshape(self.y.shape)

    @cached_property
    def summed_axes(self) -> list[int]:
        """The axes of the output along which the gradient of one input element adds terms."""
        return self._shared(self.y.ndim, self.x.size, output=True)

    @cached_property
    def reduced_axes(self) -> list[int]:
        """The axes of the input along which one output element adds terms."""
        return self._shared(self.x.ndim, self.y.size, output=False)

    def _shared(self, ndim: int, size: int, output: bool) -> list[int]:
        if self.support is None:
            return list(range(ndim)) if self.x.shape != self.y.shape else []
        shape = (*self.y.shape, size) if output else (size, *self.x.shape)
        support = self.support.reshape(shape)
        found = []
        for axis in range(ndim):
            at = axis if output else axis + 1
            keep = (at, ndim if output else 0)
            lines = np.any(support, axis=tuple(i for i in range(support.ndim) if i not in keep))
            if np.any(lines.sum(0 if output else 1) > 1):
                found.append(axis)
        return found

    @cached_property
    def given_jacobian(self) -> np.ndarray | None:
        """The Jacobian that the given backward stands for, one run for each output; None if it is not linear."""
        if self.J is None or not self.reruns or self.y.size > BASIS_LIMIT:
            return None
        if self.first.analytic.shape != self.x.shape:
            return None
        rows = []
        for i in range(self.y.size):
            dy = np.zeros(self.y.size)
            dy[i] = 1.0
            row = self.backward(dy.reshape(self.y.shape))
            if row is None or row.shape != self.x.shape or not np.all(np.isfinite(row)):
                return None
            rows.append(row.ravel())
        A = np.array(rows).reshape(self.J.shape)
        linear = all(self.same((t.dy.ravel() @ A).reshape(self.x.shape), t.analytic) for t in self.trials)
        return A if linear else None


def subsets(axes: list[int]) -> Iterator[tuple[int, ...]]:
    """Every non-empty choice of axes, small ones first."""
    for count in range(1, len(axes) + 1):
        yield from combinations(axes, count)
