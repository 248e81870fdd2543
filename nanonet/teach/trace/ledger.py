"""The trace while it is written: its steps and nodes, and which node an array of the engine belongs to."""

from __future__ import annotations

from dataclasses import replace
from types import FrameType
from typing import Any

import numpy as np

from nanonet.teach.trace import frames
from nanonet.teach.trace.leaves import Leaves, copied, same
from nanonet.teach.trace.model import Change, Node, Step, Trace
from nanonet.variable import Variable


class Ledger:
    """Bookkeeping that forward, backward and update have in common."""

    def __init__(self, names: dict[int, str]) -> None:
        self.trace = Trace()
        self.modules = frames.Modules()
        self.leaves = Leaves(self, names)
        self.of_array: dict[int, int] = {}  # by id of an output's array: its node
        self.of_inputs: dict[int, int] = {}  # by id of an entry's inputs: its forward step
        self.held: list[Any] = []  # what those ids belong to
        self.values: dict[int, np.ndarray] = {}  # of every result, as it was last seen
        self.shown: dict[int, np.ndarray | None] = {}  # the gradient of every node, as the last step left it

    def add_step(self, phase: str, kind: str, title: str, **parts: Any) -> int:
        """A step at the end; returns its number."""
        parts = {"inputs": (), "outputs": (), "changes": (), **parts}
        self.trace.steps.append(Step(len(self.trace.steps), phase, kind, title, **parts))
        self.shown.update({c.node: c.after for c in parts["changes"] if c.part == "grad"})
        return len(self.trace.steps) - 1

    def add_node(self, **parts: Any) -> int:
        """A node at the end; returns its number."""
        self.trace.nodes.append(Node(len(self.trace.nodes), **parts))
        return len(self.trace.nodes) - 1

    def node(self, x: Any, frame: FrameType, role: str = "") -> int:
        """The node of an operation's input; `role` is the operation's own name for it."""
        found = self.of_array.get(id(x.array)) if isinstance(x, Variable) else None
        if found is None or self.leaves.known(x) is not None:  # an operation may hand on the array that it was given
            return self.leaves.node(x, frame, role=role)
        if not x.wants_grad and self.trace.nodes[found].wants_grad:
            return self.leaves.node(x, frame, found, role)
        self.rename(found, x, frame)
        self._look(found, x.array)
        return found

    def _look(self, number: int, array: Any) -> None:
        """Has user code written into a result since it was last seen?"""
        before = self.values[number]
        if not same(array, before):
            self.values[number] = value = copied(array)
            self.add_step(
                "update", "assign", "assign", outputs=(number,), changes=(Change(number, "value", before, value),)
            )

    def rename(self, number: int, x: Any, frame: FrameType, otherwise: str = "") -> None:
        """A result gets the name that the user's code has for it, once somebody uses it."""
        node = self.trace.nodes[number]
        if not node.name:
            name = self.leaves.unique(frames.variable_name(x, frame) or otherwise) or f"{node.op} {number}"
            self.trace.nodes[number] = replace(node, name=name)

    def finished(self) -> Trace:
        """The trace, when nothing more is to be written."""
        self.leaves.catch_up(last=True)
        for number, node in enumerate(self.trace.nodes):
            if not node.name:
                self.trace.nodes[number] = replace(node, name=f"{node.op} {number}")
        return self.trace
