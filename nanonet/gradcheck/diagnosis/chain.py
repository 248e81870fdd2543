"""The chain rule over noted steps: the matrix of each step, and those from the input and to the output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.diagnosis.laboratory import extrapolated
from nanonet.gradcheck.diagnosis.traced import Step, Tape

LARGEST = 300  # elements of an array between input and output
MOST = 4_000_000  # numbers in all matrices


class Edge(NamedTuple):
    """The use of a step's value in a later one: number `slot` of the arguments of step `to`."""

    to: int
    slot: int
    source: int


class Chain:
    """Steps with their matrices, for one input.

    local[e]   ∂(step e.to)/∂(step e.source) through that argument
    after[n]   ∂y/∂(step n)
    before[n]  ∂(step n)/∂x
    """

    def __init__(self, tape: Tape, index: int) -> None:
        self.tape, self.index, self.steps = tape, index, tape.steps
        last = len(self.steps) - 1
        depends = {index}
        for n, step in enumerate(self.steps):
            if any(p in depends for p in step.parents):
                depends.add(n)
        useful = {last} & depends
        for n in range(last, -1, -1):
            if n in useful:
                useful |= {p for p in self.steps[n].parents if p in depends}
        self.nodes = sorted(useful)
        self.edges = [Edge(n, s, p) for n in self.nodes for s, p in enumerate(self.steps[n].parents) if p in useful]
        self.spread: dict[Edge, np.ndarray] = {}
        self.slopes: dict[Edge, np.ndarray] = {}

    def small(self) -> bool:
        """Are the matrices small enough to be had?"""
        size = {n: self.steps[n].value.size for n in self.nodes}
        if not size or max(size.values()) > LARGEST or min(size.values()) == 0:
            return False
        return sum(size[e.to] * size[e.source] for e in self.edges) <= MOST

    @cached_property
    def local(self) -> dict[Edge, np.ndarray]:
        assert self.known is not None, "callers ask only where it is known"
        return self.known

    @cached_property
    def known(self) -> dict[Edge, np.ndarray] | None:
        """The local matrices; None where one can't be measured."""
        found: dict[Edge, np.ndarray] = {}
        for e in self.edges:
            M = self.matrix(e, [self.steps[p].value for p in self.steps[e.to].parents])
            if M is None:
                return None
            found[e] = M
        return found

    def matrix(self, e: Edge, values: list[np.ndarray]) -> np.ndarray | None:
        """The matrix of a step with respect to one argument, at these arguments."""
        step: Step = self.steps[e.to]
        x, size = values[e.slot], step.value.size

        def line_along(direction: np.ndarray) -> np.ndarray | None:
            def line(t: float) -> np.ndarray | None:
                y = np.asarray(step.run(*[v + t * direction if s == e.slot else v for s, v in enumerate(values)]))
                return y if y.size == size and np.all(np.isfinite(y)) else None

            best, doubt = None, np.inf
            for h in (1e-2, 1e-4):
                found, error = extrapolated(line, h)
                if found is not None and error < doubt:
                    best, doubt = found, error
                if best is not None and doubt <= 1e-9 * float(np.max(np.abs(best), initial=0.0)):
                    break
            return best

        try:
            if step.elementwise:
                length = np.clip(np.abs(x), 1e-2, 1.0)  # so that small numbers take small steps
                slope = line_along(length)
                if slope is None:
                    return None
                slope = slope / np.broadcast_to(length, step.value.shape).ravel()
                source = np.broadcast_to(np.arange(x.size).reshape(x.shape), step.value.shape).ravel()
                spread = (source[:, None] == np.arange(x.size)).astype(np.float64)
                self.spread.setdefault(e, spread)
                self.slopes.setdefault(e, slope)
                return slope[:, None] * spread
            columns = []
            for j in range(x.size):
                length = float(np.clip(np.abs(x.flat[j]), 1e-2, 1.0))
                direction = np.zeros(x.size)
                direction[j] = length
                column = line_along(direction.reshape(x.shape))
                if column is None:
                    return None
                columns.append(column / length)
        except Exception:  # the step cannot be run there
            return None
        return np.stack(columns, 1)

    def fresh(self, e: Edge, values: list[np.ndarray]) -> np.ndarray | None:
        """The matrix at other arguments; what is known of the step stays."""
        return self.matrix(e, values)

    @cached_property
    def after(self) -> dict[int, np.ndarray]:
        return self.backwards(np.eye(self.steps[-1].value.size), {})

    def backwards(self, dy: np.ndarray, changed: dict[Edge, np.ndarray]) -> dict[int, np.ndarray]:
        """Rows of cotangents, walked back to every step, with some local matrices changed."""
        found = {n: np.zeros((len(dy), self.steps[n].value.size)) for n in self.nodes}
        found[self.nodes[-1]] = dy
        for e in reversed(self.edges):
            M = changed.get(e)
            found[e.source] += found[e.to] @ (self.local[e] if M is None else M)
        return found

    def reached(self, start: int) -> dict[int, np.ndarray]:
        """Slopes of later steps that elementwise steps alone lead to."""
        value = self.steps[start].value
        found = {start: np.ones(value.shape)}
        for e in self.edges:
            if e.source in found and e in self.slopes and e.to != start:
                shape = self.steps[e.to].value.shape
                there = self.slopes[e].reshape(shape) * np.broadcast_to(found[e.source], shape)
                found[e.to] = found[e.to] + there if e.to in found else there
        return found

    def spread_to(self, n: int, p: int) -> np.ndarray:
        """The matrix that broadcasts step p's value to step n's shape."""
        x, shape = self.steps[p].value, self.steps[n].value.shape
        source = np.broadcast_to(np.arange(x.size).reshape(x.shape), shape).ravel()
        return (source[:, None] == np.arange(x.size)).astype(np.float64)

    @cached_property
    def before(self) -> dict[int, np.ndarray]:
        return self.forwards(self.index)

    def forwards(self, start: int) -> dict[int, np.ndarray]:
        """∂(step)/∂(step start) of all later steps."""
        size = self.steps[start].value.size
        found = {start: np.eye(size)}
        for e in self.edges:
            if e.source in found and e.to != start:
                there = self.local[e] @ found[e.source]
                found[e.to] = found[e.to] + there if e.to in found else there
        return found


@dataclass(frozen=True)
class Change:
    """What the chain rule would be with a mistake: matrices in place of others, or one added between two steps."""

    cause: Cause
    matrices: Callable[[Chain], dict[Edge, np.ndarray] | tuple[int, int, np.ndarray] | None]

    def given(self, chain: Chain) -> np.ndarray | None:
        """The Jacobian that this makes."""
        assert chain.local is not None, "callers ask only where it is known"
        change = self.matrices(chain)
        if change is None:
            return None
        if isinstance(change, tuple):
            n, p, extra = change
            return chain.after[chain.index] + chain.after[n] @ extra @ chain.before[p]
        return chain.backwards(np.eye(chain.steps[-1].value.size), change)[chain.index]
