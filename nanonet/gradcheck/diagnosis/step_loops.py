"""The same mistake at every turn of a loop of the forward."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.diagnosis.chain import Chain, Change, Edge
from nanonet.gradcheck.diagnosis.couplings import ADD
from nanonet.gradcheck.diagnosis.step_matrices import with_operand
from nanonet.gradcheck.diagnosis.step_names import replaced, slope_cause
from nanonet.gradcheck.diagnosis.step_search import Search

Turn = Callable[[Chain], "dict[Edge, np.ndarray] | None"]


def loops(s: Search) -> Iterator[Change]:
    """The same mistake at every turn of a loop."""
    chain = s.chain
    values: dict[tuple, list[int]] = {}
    for k, step in enumerate(chain.steps):
        values.setdefault(step.place, []).append(k)
    for edges in s.groups.values():
        if len(edges) < 2:
            continue
        first = chain.steps[edges[0].to]
        tries: list[tuple[Cause, Turn]] = []
        zero = Cause("missing-term", f"the term through {s.text(edges[0].to)} is missing, in every turn", ADD)
        tries.append((zero, lambda chain, edges=edges: {e: 0 * chain.local[e] for e in edges}))
        sign = Cause("sign", f"the term through {s.text(edges[0].to)} has the wrong sign", "flip its sign")
        tries.append((sign, lambda chain, edges=edges: {e: -chain.local[e] for e in edges}))
        if all(e in chain.slopes for e in edges):
            one = slope_cause(s, edges[0].to, edges[0].source, [], "one", -1, "")
            tries.append((one, lambda chain, edges=edges: {e: 1.0 * chain.spread[e] for e in edges}))
            twice = slope_cause(s, edges[0].to, edges[0].source, [], "twice", -1, "")
            tries.append(
                (twice, lambda chain, edges=edges: {e: chain.slopes[e][:, None] * chain.local[e] for e in edges})
            )
        if len(first.parents) == 2 and first.name in ("multiply", "matmul", "dot"):
            for shift in (0, 1, -1):
                for group in values.values():
                    cause, change = _turn(s, edges, group, shift)
                    if change is not None:
                        tries.append((cause, change))
        for cause, change in tries:
            M = change(chain)
            if M is None:
                continue
            got = chain.backwards(s.probe[None], M)[chain.index][0] - s.total
            if s.fits(got):
                yield Change(cause, change)  # type: ignore[arg-type]


def _turn(s: Search, edges: list[Edge], group: list[int], shift: int) -> tuple[Cause, Turn | None]:
    """Another step's value, of the same turn, the one before or after, in the place of the other operand."""
    steps = s.chain.steps
    unknown = Cause("", "", "")
    if len(group) not in (len(edges), len(edges) + 1, 1) or (len(group) == 1 and shift):
        return unknown, None
    pick: list[int] = []
    for i, e in enumerate(edges):
        at = i + shift if len(group) > 1 else 0
        right = steps[e.to].parents[1 - e.slot]
        pick.append(group[at] if 0 <= at < len(group) else right)
    rights = [steps[e.to].parents[1 - e.slot] for e in edges]
    if pick == rights or any(steps[k].value.shape != steps[r].value.shape for k, r in zip(pick, rights, strict=True)):
        return unknown, None
    last = len(edges) - 1
    if steps[pick[last]].place == steps[rights[last]].place or set(pick[:-1]) & set(rights[1:]):
        sentence = f"in the derivative of {s.text(edges[0].to)}, the value of another turn of the loop is used"
        cause = Cause("off-by-one", sentence, "use the value that the forward used in this turn")
    else:
        cause = replaced(s, edges[0].to, rights[0], pick[0], s.text(pick[0]), product=True)

    def change(chain: Chain) -> dict[Edge, np.ndarray] | None:
        found: dict[Edge, np.ndarray] = {}
        for e, k in zip(edges, pick, strict=True):
            M = with_operand(chain, e, k, False)
            if M is None:
                return None
            found |= M
        return found

    return cause, change
