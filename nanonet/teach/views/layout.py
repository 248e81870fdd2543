"""Where the boxes of a graph lie: layers from left to right, few crossings. For drawings that do not move.

Layers are longest paths from the leaves; within a layer boxes are ordered by the mean place of their neighbours, in
alternating sweeps. Source: Sugiyama, Tagawa and Toda 1981, "Methods for visual understanding of hierarchical systems".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

SWEEPS = 8
Edge = tuple[int, int]


def layered(boxes: Sequence[int], edges: Iterable[Edge]) -> dict[int, tuple[float, float]]:
    """{box: (layer, row)} of an acyclic graph whose boxes come in an order in which edges point forwards."""
    before: dict[int, list[int]] = defaultdict(list)
    after: dict[int, list[int]] = defaultdict(list)
    for a, b in edges:
        before[b].append(a)
        after[a].append(b)
    layer: dict[int, int] = {}
    for box in boxes:
        layer[box] = max((layer[a] + 1 for a in before[box] if a in layer), default=0)
    for box in reversed(boxes):  # a leaf stands beside its first user, not at the far left
        if not before[box] and after[box]:
            layer[box] = min(layer[b] for b in after[box]) - 1
    columns: dict[int, list[int]] = defaultdict(list)
    for box in boxes:
        columns[layer[box]].append(box)
    rows = {box: float(i) for column in columns.values() for i, box in enumerate(column)}
    for sweep in range(SWEEPS):
        forwards = sweep % 2 == 0
        for number in sorted(columns, reverse=not forwards):
            _sort(columns[number], before if forwards else after, rows)
    first = min(columns, default=0)
    return {box: (layer[box] - first, rows[box] - (len(columns[layer[box]]) - 1) / 2) for box in boxes}


def _sort(column: list[int], neighbours: dict[int, list[int]], rows: dict[int, float]) -> None:
    def place(box: int) -> float:
        near = [rows[other] for other in neighbours[box]]
        return sum(near) / len(near) if near else rows[box]

    column.sort(key=place)
    for i, box in enumerate(column):
        rows[box] = float(i)
