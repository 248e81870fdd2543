"""Naive depth-first order against topological order, over the same recorded graph."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import nanonet as nt
from nanonet.backends.base import current
from nanonet.gradcheck.reference import ridders
from nanonet.tape import Entry, recorded
from nanonet.teach.ideas.idea import Idea, Table

TITLE = "Why backward goes in reversed topological order"
SENTENCE = (
    "A tensor that is used twice gets its gradient in two parts. If the walk goes on to what lies below it before the "
    "second part has come, what lies below gets a wrong gradient."
)
Gradients = dict[str, float]
DEEPEST = 16


def idea() -> Idea:
    """Two naive walks and the right one; then how long the walk takes that is right by following every path alone."""
    slopes = {name: _slope(k) for k, name in enumerate(("x", "w"))}
    walks = {"each once": once, "sum so far": sum_so_far, "topological": topological}
    found = {name: walk(*_graph(0.5, 2.0)) for name, walk in walks.items()}
    rows = [[f"d{name}", *(found[walk][name] for walk in walks), slopes[name]] for name in slopes]
    rows.append(["visits", *(int(found[walk]["visits"]) for walk in walks), None])
    depths = [4, 8, DEEPEST]
    paths = {depth: (every_path(_doubled(depth)), topological(_doubled(depth), {})["visits"]) for depth in depths}
    return Idea(
        "order",
        TITLE,
        SENTENCE,
        [
            Table(
                ("", *walks, "difference quotient"),
                rows,
                "a = tanh(x w); loss = a² + exp(a²) a, where a and a² are shared. Depth-first, visiting each operation "
                "once; depth-first, passing on at each arrival the sum so far; and in topological order:",
            ),
            Table(
                ("depth", "visits on every path", "visits in topological order"),
                [[depth, *map(int, visits)] for depth, visits in paths.items()],
                "y = x + x, again and again. Following every path by itself is right, but each step doubles the paths:",
            ),
        ],
        {"walks": found, "slopes": slopes, "paths": paths},
        "The tape numbers its operations as they are recorded. Walked from the newest to the oldest, every use of a "
        "tensor comes before the operation that made it, so its gradient is complete, and each operation is visited "
        "once.",
    )


def _graph(x: float, w: float) -> tuple[Any, dict[str, Any]]:
    """(loss, its leaves): a and a² are both used twice."""
    leaves = {"x": nt.tensor(np.float64(x), requires_grad=True), "w": nt.tensor(np.float64(w), requires_grad=True)}
    a = nt.tanh(leaves["x"] * leaves["w"])
    square = a * a
    return square + nt.exp(square) * a, leaves


def _slope(position: int) -> float:
    """∂loss/∂x or ∂loss/∂w from values of the loss alone."""
    at = [0.5, 2.0]

    def loss(value: float) -> float:
        return _graph(*(value if k == position else one for k, one in enumerate(at)))[0].item()

    return ridders(loss, at[position])[0]


def _doubled(depth: int) -> Any:
    y = nt.tensor(np.float64(1.0), requires_grad=True)
    for _ in range(depth):
        y = y + y
    return y


def topological(loss: Any, leaves: dict[str, Any]) -> Gradients:
    """The engine's own backward; its visits are the recorded operations."""
    visits = len(recorded([loss]))
    loss.backward()
    return {**{name: leaf.grad.item() for name, leaf in leaves.items()}, "visits": visits}


def once(loss: Any, leaves: dict[str, Any]) -> Gradients:
    """Depth-first, and an operation that was visited is not visited again: later parts of its dy are lost."""
    seen: set[Entry] = set()

    def first_time(entry: Entry, part: Any, total: Any) -> Any:
        if entry in seen:
            return None
        seen.add(entry)
        return total

    return _walk(loss, leaves, first_time)


def sum_so_far(loss: Any, leaves: dict[str, Any]) -> Gradients:
    """Depth-first, and at each arrival all of dy so far is passed on: its first part arrives below twice."""
    return _walk(loss, leaves, lambda entry, part, total: total)


def every_path(loss: Any) -> int:
    """Depth-first, each part passed on alone: right, one visit for every path. Gives the visits."""
    return int(_walk(loss, {}, lambda entry, part, total: part)["visits"])


def _walk(loss: Any, leaves: dict[str, Any], passed_on: Callable[[Entry, Any, Any], Any]) -> Gradients:
    """A recursive walk over the tape's entries. `passed_on(entry, part, total)`: the dy it goes on with, or None."""
    totals: dict[int, Any] = {}
    visits = 0

    def arrive(x: Any, part: Any) -> None:
        nonlocal visits
        totals[id(x)] = totals.get(id(x), 0.0) + part
        entry: Entry | None = x.entry
        dy = passed_on(entry, part, totals[id(x)]) if entry else None
        if entry is None or dy is None:
            return
        visits += 1
        for below, dx in zip(entry.inputs, entry.gradients(current(), [np.asarray(dy)], False), strict=True):
            arrive(below, dx)

    arrive(loss, np.ones(()))
    found = {name: float(totals.get(id(leaf), math.nan)) for name, leaf in leaves.items()}
    return {**found, "visits": visits}
