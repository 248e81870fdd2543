"""The wrong matrices that are tried in the steps of a forward, those first that a look along one cotangent allows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nanonet.gradcheck.diagnosis.case import Case
from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.diagnosis.chain import Chain, Change
from nanonet.gradcheck.diagnosis.couplings import ADD
from nanonet.gradcheck.diagnosis.parts import KEEP_ALL
from nanonet.gradcheck.diagnosis.step_loops import loops
from nanonet.gradcheck.diagnosis.step_matrices import coupled, linear
from nanonet.gradcheck.diagnosis.step_search import Search
from nanonet.gradcheck.diagnosis.step_slopes import RANK, at_a_step, functions, slopes
from nanonet.gradcheck.diagnosis.whole import named_factor


def changes(case: Case, chain: Chain, probe: np.ndarray, rest: np.ndarray, end: float) -> Iterator[Change]:
    s = Search(case, chain, probe, rest, end)
    yield from _multiples(s)
    yield from _one_use(s)
    ranked = [c for e in chain.edges if e in chain.slopes for c in slopes(s, e)]
    ranked += list(functions(s))
    ranked.sort(key=lambda found: found[0])
    yield from (change for rank, change in ranked if rank <= RANK["twice"])
    for e in chain.edges:
        if e not in chain.slopes:
            yield from linear(s, e)
    yield from coupled(s)
    yield from loops(s)
    yield from (change for rank, change in ranked if rank > RANK["twice"])
    yield from at_a_step(s)


def _multiples(s: Search) -> Iterator[Change]:
    """A step's matrix times a constant, of which 0 is the most frequent."""
    for e in s.chain.edges:
        whole = s.u[e.to] @ s.chain.local[e] @ s.chain.before[e.source]
        norm = float(whole @ whole)
        if not norm:
            continue
        c = float(whole @ s.rest) / norm
        if not s.fits(c * whole):
            continue
        if len(s.uses[e.source]) == 1 and abs(c + 1) < 1e-5 and len(s.chain.steps[e.to].parents) == 1:
            continue  # then what comes before or after is lost as well
        what = f"the term through {s.text(e.to)}"
        if abs(c + 1) < 1e-5:
            others = [o for o in s.uses[e.source] if s.chain.steps[o.to].place == s.chain.steps[e.to].place]
            if len(others) > 1:
                cause = Cause("overwritten", f"one of the uses of {s.text(e.source)} is lost", KEEP_ALL)
            else:
                cause = Cause("missing-term", f"{what} is missing", ADD)
        elif s.chain.steps[e.to].parents.count(e.source) > 1:
            continue  # of x·x, one half with another sign or constant is the whole with a third
        elif abs(c + 2) < 1e-5:
            cause = Cause("sign", f"{what} has the wrong sign", "flip its sign")
        elif _usual(s, 1 + c):
            cause = named_factor(s.case, 1 + c, what)
        else:
            continue
        yield Change(cause, lambda chain, e=e, c=c: {e: (1 + c) * chain.local[e]})


def _usual(s: Search, c: float) -> bool:
    sizes = [2, 3, 4, *s.case.x.shape, *s.case.y.shape]
    return any(abs(c - v) < 1e-5 * v for n in sizes for v in (float(n), 1 / n) if n > 1)


def _one_use(s: Search) -> Iterator[Change]:
    """Of several uses of a value, one is kept."""
    for p, edges in s.uses.items():
        for kept in edges if len(edges) > 1 else ():
            lost = [e for e in edges if e != kept]
            total = sum(s.u[e.to] @ s.chain.local[e] for e in lost) @ s.chain.before[p]
            if s.fits(-total):
                sentence = f"{s.text(p)} is used {len(edges)} times, and only one use gets its gradient"
                zeros = lambda chain, lost=lost: {e: np.zeros_like(chain.local[e]) for e in lost}  # noqa: E731
                yield Change(Cause("overwritten", sentence, KEEP_ALL), zeros)
