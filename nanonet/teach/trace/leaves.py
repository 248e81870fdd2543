"""The leaves of a trace: their names, and what happens to them beside the doorway.

`backward()` puts gradients into `.grad`, `zero_grad` takes them away, and user code may write new values with NumPy.
None of that is a computation of the engine, so the leaves are looked at whenever the phase changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np

from nanonet.nn.parameter import Parameter
from nanonet.teach.trace import frames
from nanonet.teach.trace.model import Change
from nanonet.variable import Variable

if TYPE_CHECKING:
    from nanonet.teach.trace.recorder import Recorder


def copied(array: Any) -> Any:
    """A read-only NumPy copy, also of an array on another device; what is no array is kept as it is."""
    if not hasattr(array, "shape"):
        return array
    array = np.array(array.get() if hasattr(array, "get") else array)
    array.flags.writeable = False
    return array


@dataclass
class Leaf:
    """A leaf, and what was last seen of it."""

    node: int
    tensor: Any
    value: np.ndarray
    grad: Any = None  # the Tensor in `.grad`, held so that no other gets its address
    version: int = 0
    stored: np.ndarray | None = None


class Leaves:
    """Every leaf that an operation has read, by identity."""

    def __init__(self, recorder: Recorder, names: dict[int, str]) -> None:
        self.recorder = recorder
        self.names = names  # given to tensors by id
        self.taken: dict[str, int] = {}
        self.found: dict[int, Leaf] = {}

    def node(self, x: Any, frame: FrameType, cut_from: int | None = None) -> int:
        """The node of a leaf, or of a number. `cut_from` is the node whose array a detached tensor shares."""
        if not isinstance(x, Variable):
            name = f"{x:g}" if isinstance(x, float) else str(x)
            return self._add(name, "number", "", np.asarray(x), False)
        leaf = self.found.get(id(x))
        if leaf is None:
            leaf = self.found[id(x)] = self._meet(x, frame, cut_from)
        else:
            self.look(leaf.node, leaf)
        return leaf.node

    def _meet(self, x: Any, frame: FrameType, cut_from: int | None) -> Leaf:
        kind = (
            "input" if id(x) in self.names else "parameter" if x.wants_grad or isinstance(x, Parameter) else "constant"
        )
        path, modules = self.recorder.modules.path(frame)
        name = self.names.get(id(x)) or frames.parameter_name(x, path, modules) or frames.variable_name(x, frame)
        value = copied(x.array)
        node = self._add(name, kind, "detach" if cut_from is not None else "", value, x.wants_grad)
        leaf = Leaf(node, x, value)
        leaf.grad, leaf.version, leaf.stored = _grad_of(x)
        if leaf.stored is not None:
            self.recorder.trace.stored[node] = leaf.stored
        return leaf

    def _add(self, name: str, kind: str, op: str, value: np.ndarray, wants_grad: bool) -> int:
        name = name or f"{kind} {len(self.recorder.trace.nodes)}"
        if kind != "number":
            name = self.unique(name)
        number = self.recorder.add_node(
            name=name, kind=kind, op=op, shape=value.shape, dtype=str(value.dtype), wants_grad=wants_grad
        )
        self.recorder.trace.given[number] = value
        return number

    def unique(self, name: str) -> str:
        """The name, with a number behind it where another tensor has it: the same variable may hold several in turn."""
        if not name:
            return ""
        self.taken[name] = self.taken.get(name, 0) + 1
        return name if self.taken[name] == 1 else f"{name} ({self.taken[name]})"

    def look(self, node: int, leaf: Leaf | None = None) -> None:
        """Has user code written another value into the leaf since it was last seen?"""
        leaf = leaf or next(one for one in self.found.values() if one.node == node)
        array = leaf.tensor.array
        if array.shape != leaf.value.shape or not np.array_equal(array, leaf.value, equal_nan=array.dtype.kind == "f"):
            value = copied(array)
            self._step("update", "assign", "assign", [Change(leaf.node, "value", leaf.value, value)])
            leaf.value = value

    def written(self, node: int, value: np.ndarray) -> None:
        """An update that the recorder saw itself."""
        next(one for one in self.found.values() if one.node == node).value = value

    def catch_up(self, after_walk: bool, last: bool = False) -> None:
        """Steps for what happened to `.grad` since the last look, and at the end also to the values.

        Right after a walk it was `backward()` that stored; at another time user code, or clipping, wrote.
        """
        stored: list[Change] = []
        zeroed: list[Change] = []
        for leaf in self.found.values():
            grad = leaf.tensor._grad
            if grad is leaf.grad and (grad is None or grad.version == leaf.version):
                continue
            grad, version, now = _grad_of(leaf.tensor)
            gone = now is None or (leaf.stored is not None and not np.any(now))
            (zeroed if gone else stored).extend(self._changes(leaf, now))
            leaf.grad, leaf.version, leaf.stored = grad, version, now
        by_backward = after_walk or all(c.before is None for c in stored if c.part == "stored")
        if stored and by_backward:
            self._step("backward", "store", "store", stored)
        elif stored:
            self._step("update", "assign", "assign", stored)
        if zeroed:
            self._step("update", "zero_grad", "zero_grad", zeroed)
        if last:
            for leaf in list(self.found.values()):
                self.look(leaf.node, leaf)

    def _changes(self, leaf: Leaf, now: np.ndarray | None) -> list[Change]:
        changes = [Change(leaf.node, "stored", leaf.stored, now)]
        shown = self.recorder.shown.get(leaf.node)
        if shown is None or now is None or not np.array_equal(shown, now, equal_nan=True):
            changes.append(Change(leaf.node, "grad", shown, now))
        return changes

    def _step(self, phase: str, kind: str, title: str, changes: list[Change]) -> None:
        nodes = tuple(dict.fromkeys(change.node for change in changes))
        self.recorder.add_step(phase, kind, title, outputs=nodes, changes=tuple(changes))


def _grad_of(x: Any) -> tuple[Any, int, np.ndarray | None]:
    grad = x._grad
    return grad, 0 if grad is None else grad.version, None if grad is None else copied(grad.array)
