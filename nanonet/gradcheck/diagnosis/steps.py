"""A mistake in one step of the forward: its matrix in the chain rule is replaced by a wrong one.

The forward is traced (`traced.py`), and each step's matrix is measured (`chain.py`). Then every single mistake in every
step gives a whole gradient, and the given one is among them or is not: nothing needs to be known of the function.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import process_time

import numpy as np

from nanonet.gradcheck.diagnosis import step_changes
from nanonet.gradcheck.diagnosis.case import Case
from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.diagnosis.chain import Chain
from nanonet.gradcheck.diagnosis.traced import trace

SECONDS = 2.0


def steps(case: Case) -> Iterator[Cause]:
    """One step's matrix is wrong, the same way at the check's inputs and at others."""
    end = process_time() + SECONDS
    chains = _chains(case)
    if not chains:
        return
    first = chains[0]
    assert case.pair is not None, "there are no chains without it"
    probe = case.trials[0].dy.ravel()
    rest = probe @ (case.pair[1] - case.pair[0])
    for change in step_changes.changes(case, first, probe, rest, end):
        if process_time() > end:
            return
        if all(_same(case, change.given(c), p.A) for c, p in zip(chains, case.points, strict=False)):
            yield change.cause


def _same(case: Case, M: np.ndarray | None, A: np.ndarray) -> bool:
    return M is not None and case.same(M, A)


def _chains(case: Case) -> list[Chain]:
    """At the check's inputs and at a second point; none where the forward cannot be followed."""
    if case.pair is None or case.evidence.forward is None or len(case.points) < 2:
        return []
    found: list[Chain] = []
    for point in case.points[:2]:
        tape = trace(case.evidence.forward, point.inputs, point.y)
        chain = None if tape is None else Chain(tape, case.index)
        if chain is None or not chain.small() or chain.known is None:
            return []
        if not np.allclose(chain.after[case.index], point.J, rtol=0, atol=1e-5 * float(np.max(np.abs(point.J)))):
            return []
        found.append(chain)
    a, b = ([(s.name, s.parents, s.value.shape) for s in c.steps] for c in found)
    return found if a == b else []
