"""What all tries of wrong matrices look up: cotangents at every step, uses of every value, names."""

from __future__ import annotations

from time import process_time

import numpy as np

from nanonet.gradcheck.diagnosis.case import Case
from nanonet.gradcheck.diagnosis.chain import Chain, Edge

TABLE = 400  # values that are tried


class Search:
    """What all tries need: u[n] is the cotangent at step n, `rest` is what the given gradient has too much."""

    def __init__(self, case: Case, chain: Chain, probe: np.ndarray, rest: np.ndarray, end: float) -> None:
        self.case, self.chain, self.rest, self.probe, self.end = case, chain, rest, probe, end
        self.u = {n: probe @ M for n, M in chain.after.items()}
        self.total = self.u[chain.index]
        self.size = float(max(np.max(np.abs(rest)), 1e-3 * np.max(np.abs(self.total))))
        self.uses: dict[int, list[Edge]] = {}
        self.groups: dict[tuple, list[Edge]] = {}
        for e in chain.edges:
            self.uses.setdefault(e.source, []).append(e)
            self.groups.setdefault((chain.steps[e.to].place, e.slot), []).append(e)
        self.alone: dict[tuple[int, int], bool] = {}

    def late(self) -> bool:
        """Is there no time left?"""
        return process_time() > self.end

    def fits(self, change: np.ndarray) -> bool:
        """Does this change of the first gradient explain it?"""
        return bool(np.max(np.abs(change - self.rest)) <= 3e-6 * self.size)

    def text(self, n: int) -> str:
        step, inputs = self.chain.steps[n], len(self.case.inputs)
        return step.name if n < inputs else f"step {n - inputs + 1} ({step.name})"

    def function_of(self, n: int, p: int) -> bool:
        """Does step n depend on the inputs through step p only?"""
        if (n, p) not in self.alone:
            if n == p:
                found = True
            else:
                parents = self.chain.steps[n].parents
                known = bool(parents) or self.chain.steps[n].name == "constant"
                found = known and all(self.function_of(k, p) for k in parents)
            self.alone[n, p] = found
        return self.alone[n, p]

    def table(self, shape: tuple[int, ...]) -> list[tuple[int, str, np.ndarray]]:
        """(step, form, values) of steps that have a shape, or are broadcast to it."""
        found = []
        for k, step in enumerate(self.chain.steps):
            v = step.value
            if v.ndim > len(shape) or v.size < 2 or len(found) > TABLE:
                continue
            try:
                v = np.broadcast_to(v, shape).ravel()
            except ValueError:
                continue
            found += [(k, form, w) for form, w in forms(v).items()]
        return found


def forms(v: np.ndarray) -> dict[str, np.ndarray]:
    """What a local derivative often is of a value."""
    return {"{}": v, "(1 - {})": 1 - v, "(1 - {}²)": 1 - v**2, "{}(1 - {})": v * (1 - v)}
