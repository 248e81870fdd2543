"""A trace as data for a page: nodes, steps, boxes, arrays, and the lines of code that the steps point at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nanonet.teach.trace.model import Node, Step, Trace
from nanonet.teach.views.page.arrays import Arrays
from nanonet.teach.views.page.cards import cards
from nanonet.teach.views.page.groups import Box, folded

PARTS = ("value", "grad", "stored")
AROUND = 5  # lines of code above and below one that a step points at
ROOM = 780_000  # bytes for all data: the page, with its script and style, stays under 1 MB
EACH = 400  # for arrays, for each node at least: the page of a very long trace is larger


def page_data(trace: Trace) -> dict[str, Any]:
    """Everything that the page's script reads."""
    arrays, files = Arrays(), {file: number for number, file in enumerate(trace.sources)}
    root = folded(trace)
    data: dict[str, Any] = {
        "nodes": [_node(node, files) for node in trace.nodes],
        "steps": [_step(step, arrays, files) for step in trace.steps],
        "given": [[number, arrays.number(array)] for number, array in trace.given.items()],
        "roots": trace.roots,
        "boxes": _boxes(root),
        "files": [{"name": Path(file).name, "lines": _lines(trace, file)} for file in trace.sources],
        "cards": cards(trace, arrays),
    }
    data["arrays"] = arrays.packed(max(EACH * len(trace.nodes), ROOM - len(as_json(data).encode())))
    return data


def as_json(data: Any) -> str:
    """JSON that may stand within a <script>."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def _node(node: Node, files: dict[str, int]) -> dict[str, Any]:
    return {
        "name": node.name,
        "kind": node.kind,
        "op": node.op,
        "shape": node.shape,
        "dtype": node.dtype,
        "wants": node.wants_grad,
        "module": ".".join(node.module),
        "site": [files[node.site.file], node.site.line] if node.site and node.site.file in files else None,
    }


def _step(step: Step, arrays: Arrays, files: dict[str, int]) -> dict[str, Any]:
    return {
        "phase": step.phase,
        "kind": step.kind,
        "title": step.title,
        "in": step.inputs,
        "out": step.outputs,
        "forward": step.forward,
        "changes": [
            [one.node, PARTS.index(one.part), arrays.number(one.before), arrays.number(one.after)]
            for one in step.changes
        ],
        "terms": [
            [one.node, one.consumer, one.position, arrays.number(one.raw), arrays.number(one.array)]
            for one in step.contributions
        ],
        "site": [files[step.site.file], step.site.line] if step.site and step.site.file in files else None,
    }


def _boxes(root: Box) -> list[dict[str, Any]]:
    """The boxes, the outermost first: a box's number is its place in the list, `in` the number of its holder."""
    numbers = {id(root): 0}
    found = [
        {
            "title": "",
            "about": "",
            "in": -1,
            "open": True,
            "nodes": [one for one in root.children if isinstance(one, int)],
        }
    ]
    for holder, box in root.boxes():
        numbers[id(box)] = len(found)
        nodes = [one for one in box.children if isinstance(one, int)]
        found.append(
            {"title": box.title, "about": box.about, "in": numbers[id(holder)], "open": box.open, "nodes": nodes}
        )
    return found


def _lines(trace: Trace, file: str) -> dict[int, str]:
    """The lines of a file that a step points at, and some around them."""
    source = trace.sources[file]
    shown: set[int] = set()
    for step in trace.steps:
        if step.site and step.site.file == file:
            shown.update(range(max(1, step.site.line - AROUND), min(len(source), step.site.line + AROUND) + 1))
    return {line: source[line - 1] for line in sorted(shown)}
