"""The tape: which op made which tensor, and the walk backwards over it. The ten-minute read.

Forward, `apply` computes y = op(inputs) and leaves an `Entry` behind if some input wants a gradient. Backward, the
entries that reach the loss are visited from the newest to the oldest: when an entry's turn comes, everything that
used its output has been visited, so its dy is complete. Every use of a tensor adds one term to its gradient:
    dx += (∂y/∂x)ᵀ dy
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nanonet.backends.base import Backend, Doorway
from nanonet.op import Array, Op
from nanonet.variable import Variable, mode

_numbers = itertools.count()
_FREED = object()
Leaves = dict[int, tuple["Variable", Array]]  # by id: a leaf and its gradient


class Entry:
    """One recorded operation: outputs = op(*inputs, **attrs)."""

    __slots__ = ("attrs", "hooks", "inputs", "needs", "number", "op", "outputs", "saved", "version")

    def __init__(self, op: type[Op], inputs: tuple[Any, ...], attrs: dict[str, Any], saved: Any, needs: list[bool], version: int):
        self.op = op
        self.inputs = inputs
        self.attrs = attrs
        self.saved = saved
        self.needs = needs
        self.version = version
        self.number = next(_numbers)
        self.outputs = ()
        self.hooks = None

    def gradients(self, backend: Backend, dys: list[Array], record: bool) -> Sequence[Array | None]:
        """The op's backward. To be recorded itself, it runs on Tensors, and `forward` before it, for their `saved`."""
        if self.saved is _FREED:
            raise RuntimeError(
                f"backward: {self.op.name} has been walked before and its saved arrays are freed; "
                "call backward(retain_graph=True) the first time, or run the forward again"
            )
        if self.version != _version(self.inputs):
            raise RuntimeError(
                f"backward: an input of {self.op.name} was changed in place after the forward, the gradient would be "
                "wrong; change it after backward(), or change a copy"
            )
        saved = backend.run(self.op.forward, *self.inputs, **self.attrs)[1] if record else self.saved
        if self.outputs:
            pairs = zip(dys, self.outputs, strict=True)
            dy: Any = tuple(backend.xp.zeros(*like) if one is None else one for one, like in pairs)
        else:
            dy = dys[0]
        backward: Any = self.op.backward
        return backend.run(backward, saved, dy, self.needs) if self.op.wants_needs else backend.run(backward, saved, dy)

    def free(self) -> None:
        self.saved, self.inputs, self.hooks = _FREED, (), None


def _version(inputs: tuple[Any, ...]) -> int:
    version = 0  # each input's only grows, so the sum changes when one does
    for x in inputs:
        if isinstance(x, Variable):
            version += x.version if x.checksum is None else x.current_version()
    return version


def apply(variable: type[Variable], op: type[Op], inputs: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """Compute `op` through the doorway and record it.

    Inputs are Variables or constants (Python numbers, None). Returns a `variable` (the class Tensor), or a tuple of
    them for an op of several outputs.
    """
    arrays: list[Any] = []
    needs: list[bool] = []
    version = 0
    integers = False
    for x in inputs:
        if isinstance(x, Variable):
            arrays.append(x.array)
            needs.append(x.requires_grad)
            version += x.version if x.checksum is None else x.current_version()
            integers |= x.array.dtype.kind != "f"
        else:
            arrays.append(x)
            needs.append(False)
    if integers and op.promote:
        Doorway.backend.promote(op.promote, arrays)
    y, saved = Doorway.backend.run(op.forward, *arrays, **attrs)
    entry = None
    if True in needs and op.backward is not None and mode.recording:
        entry = Entry(op, inputs, attrs, saved, needs, version)
    if type(y) is not tuple:
        return _output(variable, y, entry, 0)
    if entry is not None:
        entry.outputs = [(one.shape, one.dtype) for one in y]
    return tuple(_output(variable, one, entry, index) for index, one in enumerate(y))


def _output(variable: type[Variable], y: Array, entry: Entry | None, index: int) -> Variable:
    out = variable.__new__(variable)
    out.array = y if type(y) is Doorway.backend.array_type else Doorway.backend.xp.asarray(y)
    if entry is not None and out.array.dtype.kind == "f":
        out.requires_grad, out.entry, out.index = True, entry, index
    return out


class Tape:
    """The entries that `roots` depend on, in the order in which they were recorded."""

    def __init__(self, roots: Sequence[Variable]):
        found: set[Entry] = set()
        waiting = [y.entry for y in roots if y.entry is not None]
        while waiting:  # a loop and not a recursion: a graph may be deeper than Python's stack
            entry = waiting.pop()
            if entry not in found:
                found.add(entry)
                waiting += [x.entry for x in entry.inputs if isinstance(x, Variable) and x.entry is not None]
        self.entries = sorted(found, key=lambda entry: entry.number)

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __reversed__(self) -> Iterator[Entry]:
        while self.entries:  # from the newest, letting go of each
            yield self.entries.pop()


def unbroadcast(xp: Any, dx: Array, shape: tuple[int, ...]) -> Array:
    """Undo broadcasting: x of `shape` was repeated along some axes, so its gradient is the sum over the copies."""
    extra = tuple(range(dx.ndim - len(shape)))
    stretched = tuple(i + len(extra) for i, n in enumerate(shape) if n == 1 and dx.shape[i + len(extra)] != 1)
    return xp.reshape(xp.sum(dx, axis=extra + stretched), shape)


def accumulate(xp: Any, total: Array, term: Array) -> Array:
    """One more use of a tensor: one more term of its gradient."""
    return total + term


def backward(roots: Sequence[Variable], dys: Sequence[Array], backend: Backend, retain: bool, record: bool) -> Leaves:
    """Walk from `roots` with their gradients `dys` to the leaves; `backend` runs the rules (on Tensors to `record`)."""
    leaves: Leaves = {}
    pending: dict[Entry, list[Array | None]] = {}  # the gradient of each output, so far

    def add(x: Variable, dx: Array) -> None:
        if dx.shape != x.array.shape:
            dx = backend.run(unbroadcast, dx, x.array.shape)
        if dx.dtype is not x.array.dtype:
            dx = dx.astype(x.array.dtype)
        entry = x.entry
        if entry is None:
            term = leaves.get(id(x))
            leaves[id(x)] = (x, dx if term is None else backend.run(accumulate, term[1], dx))
            return
        if x.version:
            raise RuntimeError(f"backward: the output of {entry.op.name} was changed in place; change a copy")
        dys = pending.get(entry)
        if dys is None:
            dys = pending[entry] = [None] * (len(entry.outputs) or 1)
        before = dys[x.index]
        dys[x.index] = dx if before is None else backend.run(accumulate, before, dx)

    for y, dy in zip(roots, dys, strict=True):
        y.current_version()  # notices a change of a root, which is no entry's input
        add(y, dy)
    for entry in reversed(Tape(roots)):
        dy = pending.pop(entry, None)
        if dy is None:  # nothing that was used of it wants a gradient
            continue
        for index, hook in entry.hooks or ():
            if dy[index] is not None:
                dy[index] = hook(dy[index])
        for x, dx, need in zip(entry.inputs, entry.gradients(backend, dy, record), entry.needs):
            if need and dx is not None:
                add(x, dx)
        if not retain:
            entry.free()
    return leaves
