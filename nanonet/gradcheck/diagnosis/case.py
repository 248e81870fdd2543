"""A wrong gradient under examination: the Jacobian J beside the matrix A that the given backward stands for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from nanonet.gradcheck.diagnosis.evidence import Evidence
from nanonet.gradcheck.diagnosis.laboratory import Laboratory
from nanonet.gradcheck.diagnosis.traced import trace

PRECISION = 1e-6  # of the largest element: how well a hypothesis must reproduce the given gradient
NOTHING = 1e-8  # of the largest element: what counts as zero
TRIALS = 3  # further cotangents: a coincidence at one does not survive at the others
POINTS = 2  # further inputs
CONDITIONS = ("maximum", "minimum", "fmax", "fmin", "clip", "where", "absolute")


@dataclass(frozen=True)
class Trial:
    """One cotangent with the gradient that was given for it and, where the Jacobian is known, the right one."""

    dy: np.ndarray
    analytic: np.ndarray
    reference: np.ndarray | None


@dataclass(frozen=True)
class Point:
    """The function and its backward at some inputs: right and given, as matrices (y.size, x.size)."""

    inputs: tuple[np.ndarray, ...]
    y: np.ndarray
    J: np.ndarray
    A: np.ndarray


class Case:
    """The evidence in the form that hypotheses are tested in.

    J, A        (y.size, x.size) and (y.size, size of the given gradient): dx = dy·J is right, dx = dy·A was given.
                None where the outputs are too many, or where the given backward is not linear in dy (A)
    trials      cotangents with both gradients, for what can be said without A
    """

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.lab = Laboratory(evidence)
        self.index = evidence.index
        self.inputs = evidence.inputs
        self.x, self.y = evidence.inputs[evidence.index], evidence.output
        self.given_shape = evidence.analytic.shape
        scale = float(np.max(np.abs(evidence.numeric), initial=0.0)) or 1.0
        self.precision = float(np.clip(30 * np.max(evidence.bars, initial=0.0) / scale, PRECISION, 1e-3))
        self.matters: dict[int, bool] = {}  # does the Jacobian depend on input k, but for conditions?
        self.J = self._right()
        self.trials = [Trial(evidence.dy, evidence.analytic, evidence.numeric), *self._rerun()]

    def _right(self) -> np.ndarray | None:
        """The Jacobian; measured again where it disagrees with the reference, as near a kink."""
        J, e = self.evidence.jacobian, self.evidence
        if J is None or self.same((e.dy.ravel() @ J).reshape(self.x.shape), e.numeric):
            return J
        again = self.lab.jacobian(self.inputs, self.index)
        return J if again is None else again

    def _rerun(self) -> list[Trial]:
        first = self.evidence
        again = self.lab.gradient(None, first.dy)
        if again is None or not np.array_equal(again, first.analytic):
            return []  # it cannot be run, or remembers something: only the first run counts
        rng = np.random.default_rng(0)
        found = []
        for _ in range(TRIALS):
            dy = rng.uniform(0.5, 1.5, self.y.shape) * rng.choice([-1.0, 1.0], self.y.shape)
            dx = self.lab.gradient(None, dy)
            if dx is None or dx.shape != again.shape:
                return []
            found.append(Trial(dy, dx, None if self.J is None else self.pull(dy)))
        return found

    def pull(self, dy: np.ndarray) -> np.ndarray:
        """Jᵀ·dy, in the input's shape."""
        assert self.J is not None, "callers ask only where the Jacobian is known"
        return (np.ravel(dy) @ self.J).reshape(self.x.shape)

    def same(self, a: np.ndarray, b: np.ndarray, scale: float = 0.0) -> bool:
        """Equal within the precision, relative to the largest element of the two."""
        if np.shape(a) != np.shape(b):
            return False
        scale = scale or max(float(np.max(np.abs(b), initial=0.0)), float(np.max(np.abs(a), initial=0.0)))
        return bool(np.all(np.abs(a - b) <= self.precision * scale))

    @cached_property
    def A(self) -> np.ndarray | None:
        """The given matrix, where the given gradient is linear in dy."""
        A = self.lab.given() if len(self.trials) > 1 else None
        if A is None or A.shape[1] != self.evidence.analytic.size:
            return None
        linear = all(self.same(t.dy.ravel() @ A, t.analytic.ravel()) for t in self.trials)
        return A if linear else None

    @cached_property
    def pair(self) -> tuple[np.ndarray, np.ndarray] | None:
        """(J, A), where both are known and of the same shape."""
        if self.J is None or self.given_shape != self.x.shape or self.A is None:
            return None
        return self.J, self.A

    def explains(self, matrix: np.ndarray) -> bool:
        """Does dx = dy·matrix reproduce the given gradient in every trial?"""
        first = self.trials[0]
        if matrix.shape != (self.y.size, first.analytic.size):
            return False
        if not self.same(first.dy.ravel() @ matrix, first.analytic.ravel()):
            return False
        if self.A is not None:
            return self.same(matrix, self.A)
        return all(self.same(t.dy.ravel() @ matrix, t.analytic.ravel()) for t in self.trials)

    @cached_property
    def support(self) -> np.ndarray | None:
        """Where the Jacobian is not zero, (y.size, x.size)."""
        return None if self.J is None else present(self.J)

    @cached_property
    def pointwise(self) -> bool:
        """Does every output element depend on one element of the input at most?"""
        return self.support is not None and bool(np.all(self.support.sum(1) <= 1))

    @cached_property
    def elementwise(self) -> bool:
        """Is the Jacobian diagonal?"""
        if self.support is None or self.x.shape != self.y.shape:
            return False
        return not np.any(self.support & ~np.eye(self.x.size, dtype=bool))

    @cached_property
    def summed_axes(self) -> list[int]:
        """The axes of the output along which the gradient of one input element adds terms."""
        return self._shared(self.y.shape, output=True)

    @cached_property
    def reduced_axes(self) -> list[int]:
        """The axes of the input along which one output element adds terms."""
        return self._shared(self.x.shape, output=False)

    def _shared(self, shape: tuple[int, ...], output: bool) -> list[int]:
        if self.support is None:
            return list(range(len(shape))) if self.x.shape != self.y.shape else []
        support = self.support if output else self.support.T
        spread = support.reshape(*shape, -1)
        found = []
        for axis in range(len(shape)):
            rest = tuple(i for i in range(len(shape)) if i != axis)
            if np.any(np.any(spread, axis=rest).sum(0) > 1):
                found.append(axis)
        return found

    @cached_property
    def points(self) -> list[Point]:
        """The check's inputs and a few near them, as far as both matrices are known there."""
        if self.pair is None:
            return []
        found = [Point(self.inputs, self.y, *self.pair)]
        rng = np.random.default_rng(1)
        for _ in range(POINTS):
            other = self.point([x * rng.uniform(0.75, 1.25, x.shape) for x in self.inputs])
            found += [] if other is None else [other]
        return found

    @cached_property
    def shuffled(self) -> list[Point]:
        """The inputs with their elements in another order, where nothing hangs on a pattern of signs."""
        if self.pair is None:
            return []
        rng = np.random.default_rng(7)
        found = [self.point([rng.permuted(x.ravel()).reshape(x.shape) for x in self.inputs]) for _ in range(2)]
        return [p for p in found if p is not None]

    def elsewhere(self, rule: Callable[[np.ndarray], np.ndarray]) -> bool:
        """Does A = rule(J) hold where the elements of the inputs are in another order, too?"""
        return all(self.same(rule(p.J), p.A) for p in self.shuffled)

    def point(self, inputs: list[np.ndarray]) -> Point | None:
        """Both matrices at other inputs."""
        y = self.lab.value(inputs)
        J = None if y is None else self.lab.jacobian(inputs, self.index)
        A = None if J is None else self.lab.given(inputs)
        if y is None or J is None or A is None or A.shape != J.shape:
            return None
        return Point(tuple(inputs), y, J, A)

    def steps(self, point: Point) -> dict[str, np.ndarray]:
        """What the forward compares or clips on its way, where that can be followed."""
        forward, inputs = self.evidence.forward, point.inputs
        tape = None if forward is None else trace(forward, inputs, point.y)
        if tape is None:
            return {}
        clipped = {k for step in tape.steps if step.name in CONDITIONS for k in step.parents if k >= len(inputs)}
        return {f"step {k - len(inputs) + 1} ({tape.steps[k].name})": tape.steps[k].value for k in sorted(clipped)}

    @cached_property
    def jacobians(self) -> list[np.ndarray | None]:
        """The Jacobians of all inputs, where they can be had."""
        small = [x.size * self.y.size <= 100_000 for x in self.inputs]
        found = [self.lab.jacobian(self.inputs, k) if small[k] else None for k in range(len(self.inputs))]
        found[self.index] = self.J
        return found


def present(matrix: np.ndarray) -> np.ndarray:
    """Where a matrix is not zero."""
    size = np.abs(matrix)
    return size > NOTHING * np.max(size, initial=0.0)


def subsets(axes: list[int]) -> list[tuple[int, ...]]:
    """Every non-empty choice of axes, small ones first."""
    return [chosen for count in range(1, len(axes) + 1) for chosen in combinations(axes, count)]
