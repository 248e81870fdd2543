"""A trace as few boxes: the results of a module drawn as one, so that a picture stays readable."""

from __future__ import annotations

from dataclasses import dataclass

from nanonet.teach.trace import Trace


@dataclass(frozen=True)
class Folded:
    """boxes: {the number of a box's first node: its nodes}; `label` of each; edges between boxes."""

    boxes: dict[int, list[int]]
    labels: dict[int, str]
    edges: list[tuple[int, int]]
    box_of: dict[int, int]


def folded(trace: Trace, most: int) -> Folded:
    """The trace in at most `most` boxes: modules are folded, the deepest first, until that is so.

    Raises ValueError where folding every module leaves more.
    """
    deepest = max((len(step.module) for step in trace.steps), default=0)
    found = _at(trace, deepest + 1)
    for depth in range(deepest, 0, -1):
        if len(found.boxes) <= most:
            break
        found = _at(trace, depth)
    if len(found.boxes) > most:
        raise ValueError(
            f"picture: {len(trace.nodes)} tensors are {len(found.boxes)} boxes with every module folded, of which at "
            f"most {most} can be read; trace a smaller part, or use to_html(), which unfolds on demand"
        )
    return found


def _at(trace: Trace, depth: int) -> Folded:
    """Modules at `depth` (1: the outermost) are folded: what is made within one, and its own parameters, is one box."""
    forward = [step for step in trace.steps if step.kind == "forward"]
    users: dict[int, set[tuple[str, ...]]] = {}
    folder: dict[int, tuple[str, ...]] = {}
    for step in forward:
        inside = step.module[:depth] if len(step.module) >= depth else ()
        for node in step.inputs:
            users.setdefault(node, set()).add(inside)
        if inside:
            folder.update(dict.fromkeys(step.outputs, inside))
    for node, modules in users.items():
        inside = next(iter(modules))
        if trace.nodes[node].name.startswith(".".join(inside) + ".") and len(modules) == 1:
            folder[node] = inside
    boxes: dict[int, list[int]] = {}
    first: dict[object, int] = {}
    box_of: dict[int, int] = {}
    for node in trace.nodes:
        box = first.setdefault(folder.get(node.id) or node.id, node.id)
        boxes.setdefault(box, []).append(node.id)
        box_of[node.id] = box
    labels = {box: ".".join(folder.get(box) or ()) or trace.nodes[box].name for box in boxes}
    pairs = ((box_of[a], box_of[b]) for step in forward for a in step.inputs for b in step.outputs)
    return Folded(boxes, labels, sorted({(a, b) for a, b in pairs if a != b}), box_of)
