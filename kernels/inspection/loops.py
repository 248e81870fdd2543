"""The loops of machine code, found as compilers find them: by dominators and back edges.

A branch from u back to v is a loop if every way to u leads through v (v dominates u); the loop is v and all that
reaches u without passing v. A. Aho, M. Lam, R. Sethi, J. Ullman, "Compilers", 2nd edition, 9.6. Not every backward
branch is a loop: the compiler moves rare pieces to the end of a function, from where they jump back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from nanonet_kernels.inspection.kinds import kind
from nanonet_kernels.inspection.sass import Instruction

_ENDS = {"EXIT", "RET", "KILL", "BRX", "BRXU", "JMX", "JMXU", "BPT"}
_JUMPS = {"BRA", "JMP", "BSYNC"} | _ENDS


@dataclass(frozen=True)
class Loop:
    """The instructions that run again and again, in the order of their addresses; `inner`: it has no loop inside."""

    instructions: tuple[Instruction, ...]
    inner: bool

    def __len__(self) -> int:
        return len(self.instructions)


def loops(code: Sequence[Instruction]) -> list[Loop]:
    """Every loop of one function, in the order of their first instructions."""
    blocks = _basic_blocks(code)
    after = [_successors(code, blocks, i) for i in range(len(blocks))]
    bodies: dict[int, set[int]] = {}
    dominators = _dominators(after)
    for u, targets in enumerate(after):
        for v in targets:
            if v in dominators[u]:
                bodies.setdefault(v, set()).update(_body(u, v, after))
    found = []
    for v, body in sorted(bodies.items()):
        inner = not any(w != v and w in body for w in bodies)
        found.append(Loop(tuple(code[i] for b in sorted(body) for i in range(*blocks[b])), inner))
    return found


def hottest(code: Sequence[Instruction]) -> Loop | None:
    """The innermost loop in which the work is: most FFMA and HMMA, then the longest. None where nothing loops."""
    inner = [loop for loop in loops(code) if loop.inner]
    return max(inner, key=lambda l: (sum(kind(i) in ("FFMA", "HMMA") for i in l.instructions), len(l)), default=None)  # noqa: E741


def _basic_blocks(code: Sequence[Instruction]) -> list[tuple[int, int]]:
    """[first, last) of each run of instructions that is entered at its first and left at its last one only."""
    place = {instruction.address: i for i, instruction in enumerate(code)}
    starts = {0}
    for i, instruction in enumerate(code):
        if instruction.target in place:
            starts.add(place[instruction.target])
        if instruction.mnemonic in _JUMPS:
            starts.add(i + 1)
    edges = [*sorted(starts - {len(code)}), len(code)]
    return list(pairwise(edges)) if code else []


def _successors(code: Sequence[Instruction], blocks: Sequence[tuple[int, int]], index: int) -> list[int]:
    """The blocks that may run after this one."""
    begins = {code[first].address: i for i, (first, _) in enumerate(blocks)}
    last = code[blocks[index][1] - 1]
    target, goes_on = last.target, True
    if last.mnemonic == "BSYNC":  # waits for the threads of a branch, then goes where its BSSY said
        target = _meeting_point(code, blocks[index][1] - 1)
        goes_on = last.conditional or target is None
    elif last.mnemonic in ("BRA", "JMP"):
        goes_on = last.conditional or last.target is None
    elif last.mnemonic in _ENDS:
        target, goes_on = None, last.conditional
    elif last.mnemonic not in _JUMPS:
        target = None  # a label as an operand, as in BSSY or CALL, is not jumped to from here
    after = [begins[target]] if target in begins else []
    return after + ([index + 1] if goes_on and index + 1 < len(blocks) else [])


def _meeting_point(code: Sequence[Instruction], place: int) -> int | None:
    """Where the BSSY before this BSYNC, for the same barrier register, says that the threads meet again."""
    register = code[place].operands.split(",")[-1].strip()
    for earlier in reversed(code[:place]):
        if earlier.mnemonic == "BSSY" and register in earlier.operands.replace(",", " ").split():
            return earlier.target
    return None


def _dominators(after: Sequence[Sequence[int]]) -> list[set[int]]:
    """For each block those through which every way to it leads. Blocks that cannot be reached are dominated by none."""
    reached, stack = {0} if after else set(), [0] if after else []
    while stack:
        for v in after[stack.pop()]:
            if v not in reached:
                reached.add(v)
                stack.append(v)
    before: list[list[int]] = [[] for _ in after]
    for u in reached:
        for v in after[u]:
            before[v].append(u)
    dominators = [set(reached) if u in reached else set() for u in range(len(after))]
    changed = bool(after)
    if after:
        dominators[0] = {0}
    while changed:
        changed = False
        for v in sorted(reached - {0}):
            new = {v} | set.intersection(*(dominators[u] for u in before[v]))
            changed |= new != dominators[v]
            dominators[v] = new
    return dominators


def _body(u: int, v: int, after: Sequence[Sequence[int]]) -> set[int]:
    """v, and all blocks from which u is reached without passing v."""
    body, stack = {v, u}, [u] if u != v else []
    while stack:
        x = stack.pop()
        for w, targets in enumerate(after):
            if x in targets and w not in body:
                body.add(w)
                stack.append(w)
    return body
