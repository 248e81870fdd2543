"""How a page folds a graph: boxes of modules, and boxes of operations where modules do not suffice.

model          a box for each call of a module, with the results made within it and its parameters
… 20 operations   where a box has too many children, runs of them go into boxes of their own
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from nanonet.teach.trace.model import Node, Trace

FOLDED_FROM = 60  # a graph with more nodes opens folded,
DRAWN = 30  # with at most so many boxes and nodes drawn
CHILDREN = 20  # of one box


@dataclass
class Box:
    """A group of nodes (their numbers) and of further boxes."""

    title: str
    path: tuple[str, ...] = ()
    about: str = ""
    children: list[Box | int] = field(default_factory=list)
    open: bool = False

    def nodes(self) -> list[int]:
        """The numbers of all nodes within."""
        found: list[int] = []
        waiting: list[Box | int] = [self]
        while waiting:
            one = waiting.pop()
            if isinstance(one, Box):
                waiting += one.children
            else:
                found.append(one)
        return found

    def boxes(self) -> Iterator[tuple[Box, Box]]:
        """All boxes within, each with the box that holds it, the outer ones first."""
        waiting: list[Box] = [self]
        for box in waiting:
            for child in box.children:
                if isinstance(child, Box):
                    yield box, child
                    waiting.append(child)


def folded(trace: Trace) -> Box:
    """The outermost box of a trace's graph, in which the boxes that open at first are marked."""
    root = _modules(trace)
    if len(trace.nodes) > FOLDED_FROM:
        outside = [*trace.roots[-1:], *[node.id for node in trace.nodes if node.kind == "input"][:3]]
        for box in [root, *[box for _, box in root.boxes()]]:
            _chunk(box, trace, outside if box is root else [])
        _open(root, DRAWN)
    else:
        _open(root, len(trace.nodes) + 1_000)
    return root


def _modules(trace: Trace) -> Box:
    """A box for each call of a module; the leaves that only one of them uses go into it."""
    root = Box("", open=True)
    stack = [root]
    homes: dict[int, list[Box]] = {}
    for node in trace.nodes:
        if node.kind == "result":
            _enter(stack, node.module)
            stack[-1].children.append(node.id)
            homes[node.id] = list(stack)
    users: dict[int, list[int]] = {}
    for step in trace.steps:
        if step.kind == "forward":
            for number in step.inputs:
                users.setdefault(number, []).extend(step.outputs)
    for node in trace.nodes:
        if node.kind != "result":
            _home(node, [homes[one] for one in users.get(node.id, []) if one in homes], root).children.append(node.id)
    _sort(root)
    return root


def _enter(stack: list[Box], module: tuple[str, ...]) -> None:
    """Close the boxes of the modules that were left, and begin those that were entered."""
    shared = 0
    while shared < min(len(module), len(stack) - 1) and stack[shared + 1].path == module[: shared + 1]:
        shared += 1
    del stack[shared + 1 :]
    for depth in range(shared, len(module)):
        box = Box(".".join(module[: depth + 1]), module[: depth + 1])
        stack[-1].children.append(box)
        stack.append(box)


def _home(node: Node, users: Sequence[list[Box]], root: Box) -> Box:
    """A parameter, buffer or number lives where it is used, if that is within one box; data stay outside."""
    if not users or node.kind == "input":
        return root
    depth = 0
    while all(len(one) > depth + 1 and one[depth + 1] is users[0][depth + 1] for one in users):
        depth += 1
    home = users[0][depth]
    its_own = node.kind in ("parameter", "number") or node.name.startswith(f"{home.title}.")
    return home if its_own else root


def _sort(root: Box) -> None:
    """Children in the order in which the trace met them."""
    for box in [root, *[box for _, box in root.boxes()]]:
        box.children.sort(key=lambda child: min(child.nodes()) if isinstance(child, Box) else child)


def _chunk(box: Box, trace: Trace, outside: list[int]) -> None:
    """Runs of children into boxes, so that at most CHILDREN are left beside those that stay outside."""
    kept: list[Box | int] = [one for one in box.children if isinstance(one, int) and one in outside]
    others = [one for one in box.children if not (isinstance(one, int) and one in outside)]
    while len(others) > CHILDREN:
        size = max(2, -(-len(others) // CHILDREN)) if len(others) < CHILDREN**2 else CHILDREN
        others = [_run(others[start : start + size], box.path, trace) for start in range(0, len(others), size)]
    box.children = [*others, *kept]


def _run(children: list[Box | int], path: tuple[str, ...], trace: Trace) -> Box | int:
    if len(children) == 1:
        return children[0]
    first, last = _name(children[0], trace, 0), _name(children[-1], trace, -1)
    box = Box("", path, f"{first} to {last}", children)
    count = sum(trace.nodes[number].kind == "result" for number in box.nodes())
    box.title = f"… {count:,} operations" if count else f"… {len(box.nodes()):,} tensors"
    return box


def _name(child: Box | int, trace: Trace, end: int) -> str:
    """What a child is called; of a run of operations, its first or its last."""
    if isinstance(child, Box):
        return _name(child.children[end], trace, end) if child.about else child.title
    return trace.nodes[child].name


def _open(root: Box, most: int) -> None:
    """Open boxes level by level, from the outside in, while no more than `most` boxes and nodes are drawn."""
    root.open = True
    drawn, level = len(root.children), [root]
    while level := [child for box in level for child in box.children if isinstance(child, Box)]:
        drawn += sum(len(box.children) - 1 for box in level)
        if drawn > most:
            break
        for box in level:
            box.open = True
