"""The tape: which op made which tensor, and the walk backwards over it. The ten-minute read.

Forward, `apply` computes y = op(inputs) and leaves an `Entry` behind if some input wants a gradient. Backward, the
entries that reach the loss are visited from the newest to the oldest: when an entry's turn comes, everything that
used its output has been visited, so its dy is complete. Every use of a tensor adds one term to its gradient:
    dx += (∂y/∂x)ᵀ dy
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, cast

from nanonet.backends.base import HOMES, Backend, Doorway
from nanonet.op import Array, Op
from nanonet.variable import Variable, mode, total_version

_numbers = itertools.count()
_FREED = object()
Leaves = dict[int, tuple[Variable, Array]]  # by id: a leaf and its gradient


class Entry:
    """One recorded operation: outputs = op(*inputs, **attrs)."""

    __slots__ = ("attrs", "hooks", "inputs", "needs", "number", "op", "outputs", "saved", "version")

    def __init__(self, op: type[Op], inputs: tuple[Any, ...], attrs: dict[str, Any], saved: Any, needs: list[bool]):
        self.op, self.inputs, self.attrs = op, inputs, attrs
        self.saved, self.needs = saved, needs  # for backward, and which inputs want a gradient
        self.number, self.version = next(_numbers), total_version(inputs)
        self.outputs: Sequence[tuple[Any, Any]] = ()  # (shape, dtype) of each, where there are several
        self.hooks: list[tuple[int, Callable[[Array], Array]]] | None = None  # (output, hook)

    def gradients(self, backend: Backend, dys: list[Array | None], record: bool) -> Sequence[Array | None]:
        """The op's backward. To be recorded itself it runs on Tensors, after `forward` on Tensors made its `saved`."""
        if self.saved is _FREED:
            remedy = "call backward(retain_graph=True) the first time, or run the forward again"
            raise RuntimeError(f"backward: {self.op.name} was walked before and what it saved is freed; {remedy}")
        if self.version != total_version(self.inputs):
            remedy = "change it after backward(), or change a copy"
            raise RuntimeError(f"backward: an input of {self.op.name} was changed in place after the forward; {remedy}")
        backend = backend.of(next(dy for dy in dys if dy is not None))
        saved = backend.run(self.op.forward, *self.inputs, **self.attrs)[1] if record else self.saved
        dy: Any = dys[0]
        if self.outputs:
            dy = tuple(backend.xp.zeros(*o) if d is None else d for d, o in zip(dys, self.outputs, strict=True))
        rule: Any = self.op.backward
        return backend.run(rule, saved, dy, self.needs) if self.op.wants_needs else backend.run(rule, saved, dy)


def apply(variable: type[Variable], op: type[Op], inputs: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """Compute `op` through the doorway and record it: a `variable` (class Tensor), or a tuple for several outputs."""
    backend = Doorway.backend
    arrays: list[Any] = []
    needs: list[bool] = []
    integers = False
    for x in inputs:
        known = isinstance(x, Variable)
        arrays.append(x.array if known else x)
        needs.append(known and x.wants_grad)
        if known:
            integers = integers or x.array.dtype.kind != "f"
            if type(x.array) is not backend.array_type:  # it lies on another device
                backend = backend.elsewhere(op.name, inputs)
    if integers and op.promote:
        backend.promote(op.promote, arrays)
    y, saved = backend.run(op.forward, *arrays, **attrs)  # y: an array, or a tuple of them
    record = True in needs and mode.recording and op.backward is not None
    entry = Entry(op, inputs, attrs, saved, needs) if record else None
    if type(y) is tuple:
        ys = cast(tuple[Any, ...], y)
        if entry is not None:
            entry.outputs = [(one.shape, one.dtype) for one in ys]
        return tuple(_output(variable, backend.xp, one, entry, index, inputs) for index, one in enumerate(ys))
    return _output(variable, backend.xp, y, entry, 0, inputs)


def _output(variable: type[Variable], xp: Any, y: Array, entry: Entry | None, index: int, inputs: Any) -> Variable:
    out = variable.__new__(variable)
    out.array = y if type(y) in HOMES else xp.asarray(y)
    if entry is not None and out.array.dtype.kind == "f":
        out.wants_grad, out.entry, out.index = True, entry, index
    elif out.array.base is not None:
        out.is_view_of_one(inputs)
    return out


def recorded(roots: Sequence[Variable]) -> list[Entry]:
    """The entries that `roots` depend on, in the order in which they were recorded."""
    found: set[Entry] = set()
    waiting = [y.entry for y in roots if y.entry is not None]
    while waiting:  # a loop and not a recursion: a graph may be deeper than Python's stack
        entry = waiting.pop()
        if entry not in found:
            found.add(entry)
            waiting += [x.entry for x in entry.inputs if isinstance(x, Variable) and x.entry is not None]
    return sorted(found, key=lambda entry: entry.number)


def backward(roots: Sequence[Variable], dys: Sequence[Array], backend: Backend, retain: bool, record: bool) -> Leaves:
    """Walk from `roots` with their gradients `dys` to the leaves; `backend` runs the rules (on Tensors to `record`)."""
    leaves: Leaves = {}
    pending: dict[Entry, list[Array | None]] = {}  # for each output of an entry, its gradient so far

    def add(x: Variable, dx: Array) -> None:
        if dx.shape != x.array.shape:
            dx = backend.of(dx).run(unbroadcast, dx, x.array.shape)
        if dx.dtype is not x.array.dtype:
            dx = dx.astype(x.array.dtype)
        if x.entry is None:
            term = leaves.get(id(x))
            leaves[id(x)] = (x, dx if term is None else backend.of(dx).run(accumulate, term[1], dx))
            return
        if (x.version or x.memory) and x.current_version():
            raise RuntimeError(f"backward: the output of {x.entry.op.name} was changed in place; change a copy")
        if x.entry not in pending:
            pending[x.entry] = [None] * (len(x.entry.outputs) or 1)
        slots = pending[x.entry]
        slots[x.index] = dx if slots[x.index] is None else backend.of(dx).run(accumulate, slots[x.index], dx)

    for y, dy in zip(roots, dys, strict=True):
        add(y, dy)
    entries = recorded(roots)
    while entries:
        entry = entries.pop()  # the newest, and let go of it
        if (slots := pending.pop(entry, None)) is None:
            continue
        for index, hook in tuple(entry.hooks or ()):
            slots[index] = None if slots[index] is None else hook(slots[index])
        for x, dx, need in zip(entry.inputs, entry.gradients(backend, slots, record), entry.needs, strict=True):
            if need and dx is not None:
                add(x, dx)
        if not retain:
            entry.saved, entry.inputs, entry.hooks = _FREED, (), None
    return leaves


def unbroadcast(xp: Any, dx: Array, shape: tuple[int, ...]) -> Array:
    """Undo broadcasting: x of `shape` was repeated along some axes, so its gradient is the sum over the copies."""
    extra = dx.ndim - len(shape)
    stretched = tuple(i for i in range(dx.ndim) if i < extra or shape[i - extra] == 1 != dx.shape[i])
    return xp.reshape(xp.sum(dx, axis=stretched), shape)


def accumulate(xp: Any, total: Array, term: Array) -> Array:
    """One more use of a tensor: one more term of its gradient."""
    return total + term
