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
    from nanonet.teach.trace.ledger import Ledger


MISSES = 30  # then parameters have no names here, and to look for them takes time


def arrayed(x: Any) -> Any:
    """A number that NumPy made as an array; arrays, of any device, as they are."""
    return x if hasattr(x, "flags") and not isinstance(x, np.generic) else np.asarray(x)


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
    grad: Any = None  # the Tensor in `.grad` (held so that no other gets its address), or _UNSEEN
    version: int = 0
    stored: np.ndarray | None = None


class Leaves:
    """Every leaf that an operation has read, by identity."""

    def __init__(self, ledger: Ledger, names: dict[int, str]) -> None:
        self.ledger = ledger
        self.names = names  # given to tensors by id
        self.taken: dict[str, int] = {}
        self.misses = 0  # parameters whose name was looked for in vain
        self.found: dict[int, Leaf] = {}
        self.watched: dict[int, Leaf] = {}  # those whose `.grad` may change
        self.sums: dict[int, np.ndarray] = {}  # by id of a leaf: what `backward()` made of its `.grad` by adding

    def known(self, x: Any) -> int | None:
        """The node of a leaf that was met before; None for any other tensor."""
        leaf = self.found.get(id(x))
        return None if leaf is None else leaf.node

    def node(self, x: Any, frame: FrameType, cut_from: int | None = None, role: str = "") -> int:
        """The node of a leaf, or of a number. `cut_from` is the node whose array a detached tensor shares; `role` is
        what the operation calls it, as "target", for a leaf that the user's code has no name for."""
        if not isinstance(x, Variable):
            name = f"{x:g}" if isinstance(x, float) else str(x)
            return self._add(name, "number", "", np.asarray(x), False)
        leaf = self.found.get(id(x))
        if leaf is None:
            leaf = self.found[id(x)] = self._meet(x, frame, cut_from, role)
        else:
            self.look(leaf.node, leaf)
        if x.wants_grad or leaf.tensor._grad is not None:
            self.watched[id(x)] = leaf
        return leaf.node

    def _meet(self, x: Any, frame: FrameType, cut_from: int | None, role: str) -> Leaf:
        kind = (
            "input" if id(x) in self.names else "parameter" if x.wants_grad or isinstance(x, Parameter) else "constant"
        )
        path, modules = self.ledger.modules.path(frame)
        name = self.names.get(id(x)) or frames.parameter_name(x, path, modules) or frames.variable_name(x, frame)
        if not name and x.wants_grad and self.misses < MISSES:
            name = frames.member_name(x, frame)
            self.misses += not name
        value = copied(x.array)
        name = name or ("" if len(role) < 3 or role == "input" else role)  # x, w or b would say nothing
        node = self._add(name, kind, "detach" if cut_from is not None else "", value, x.wants_grad)
        leaf = Leaf(node, x, value)
        leaf.grad, leaf.version, leaf.stored = _grad_of(x)
        if leaf.stored is not None:
            self.ledger.trace.stored[node] = leaf.stored
        return leaf

    def _add(self, name: str, kind: str, op: str, value: np.ndarray, wants_grad: bool) -> int:
        name = name or f"{kind} {len(self.ledger.trace.nodes)}"
        if kind != "number":
            name = self.unique(name)
        number = self.ledger.add_node(
            name=name, kind=kind, op=op, shape=value.shape, dtype=str(value.dtype), wants_grad=wants_grad
        )
        self.ledger.trace.given[number] = value
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
        if not same(leaf.tensor.array, leaf.value):
            value = copied(leaf.tensor.array)
            self._step("update", "assign", "assign", [Change(leaf.node, "value", leaf.value, value)])
            leaf.value = value

    def written(self, node: int, value: np.ndarray) -> None:
        """An update that was seen as it happened."""
        next(one for one in self.found.values() if one.node == node).value = value

    def stored(self, found: list[tuple[Any, Any]], grads: dict[int, np.ndarray]) -> None:
        """A step for what `backward()` has stored: `found` are the leaves and their dx, `grads` what the walk gave.

        By now user code may have changed it, or taken it away, so `.grad` itself is not asked.
        """
        changes: list[Change] = []
        for x, dx in found:
            leaf = self.watched.get(id(x))
            if leaf is None:
                continue
            found_by_walk = grads.get(leaf.node)
            if x.hooks or found_by_walk is None:
                self._hooked(leaf.node, found_by_walk, dx := copied(dx.array))
                found_by_walk = dx
            now = self.sums.pop(id(x), found_by_walk)
            changes += self._changes(leaf, now)
            leaf.grad, leaf.stored = _UNSEEN, now
        if changes:
            self._step("backward", "store", "store", changes)

    def _hooked(self, node: int, before: np.ndarray | None, dx: np.ndarray) -> None:
        """A hook of a leaf may have replaced what the walk found."""
        if not same(before, dx):
            self.ledger.add_step(
                "backward", "hook", "hook", outputs=(node,), changes=(Change(node, "grad", before, dx),)
            )

    def catch_up(self, last: bool = False) -> None:
        """Steps for what happened to `.grad` since the last look, and at the end also to the values.

        A `.grad` that was not there before, or is the sum that `backward()` made, was stored by it; at another time
        user code, or clipping, wrote.
        """
        stored: list[Change] = []
        written: list[Change] = []
        zeroed: list[Leaf] = []
        for leaf in self.watched.values():
            grad = leaf.tensor._grad
            if grad is leaf.grad and (grad is None or grad.version == leaf.version):
                continue
            leaf.grad, leaf.version, now = _grad_of(leaf.tensor)
            if same(now, leaf.stored):
                continue
            if now is None or (leaf.stored is not None and not np.any(now)):
                zeroed.append(leaf)
                continue
            by_backward = leaf.stored is None or same(now, self.sums.pop(id(leaf.tensor), None))
            (stored if by_backward else written).extend(self._changes(leaf, now))
            leaf.stored = now
        if stored:
            self._step("backward", "store", "store", stored)
        if written:
            self._step("update", "assign", "assign", written)
        if zeroed:
            self._zeroed(zeroed)
        if last:
            for leaf in list(self.found.values()):
                self.look(leaf.node, leaf)

    def _zeroed(self, leaves: list[Leaf]) -> None:
        """Who takes a gradient away has used it before: a value that user code wrote comes first."""
        for leaf in leaves:
            self.look(leaf.node, leaf)
        changes: list[Change] = []
        for leaf in leaves:
            now = _grad_of(leaf.tensor)[2]
            changes += self._changes(leaf, now)
            leaf.stored = now
        self._step("update", "zero_grad", "zero_grad", changes)

    def _changes(self, leaf: Leaf, now: np.ndarray | None) -> list[Change]:
        changes = [Change(leaf.node, "stored", leaf.stored, now)]
        shown = self.ledger.shown.get(leaf.node)
        if not same(shown, now):
            changes.append(Change(leaf.node, "grad", shown, now))
        return changes

    def _step(self, phase: str, kind: str, title: str, changes: list[Change]) -> None:
        nodes = tuple(dict.fromkeys(change.node for change in changes))
        self.ledger.add_step(phase, kind, title, outputs=nodes, changes=tuple(changes))


def _grad_of(x: Any) -> tuple[Any, int, np.ndarray | None]:
    grad = x._grad
    return grad, 0 if grad is None else grad.version, None if grad is None else copied(grad.array)


def same(one: Any, other: Any) -> bool:
    """The same numbers? NaN is the same as NaN, and None as None."""
    if one is None or other is None:
        return one is other
    return one.shape == other.shape and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


_UNSEEN: Any = object()  # stands for a `.grad` that has to be looked at, whatever it is
