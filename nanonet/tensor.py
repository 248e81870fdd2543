"""Tensor: an array that remembers how it was made. Operators are here; functions and methods come from the registry."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from nanonet import tape
from nanonet.backends.base import Backend, Doorway
from nanonet.conversion import as_array, check_device, plain_key
from nanonet.op import REGISTRY, Op
from nanonet.variable import Variable, enable_grad, mode, no_grad


class Tensor(Variable):
    """An n-dimensional array with a gradient.

    `Tensor(data)` copies `data` (a number, a nested list, an array, a Tensor). Python floats become float32, an
    array keeps its dtype.

    data            the NumPy array (shared, not copied)
    grad            the gradient that `backward()` accumulated, a Tensor, or None
    requires_grad   whether `backward()` shall compute it; floats only
    """

    grad: Tensor | None = None
    __array_ufunc__ = None  # so that `array * tensor` comes to Tensor.__rmul__

    def __init__(self, data: Any, dtype: Any = None, requires_grad: bool = False, device: str | None = None):
        check_device(device)
        self.array = as_array(data, dtype)
        if requires_grad:
            self.requires_grad_()

    @classmethod
    def wrap(cls, array: Any) -> Tensor:
        """A Tensor of this very array, not of a copy: for results that nobody else holds."""
        out = cls.__new__(cls)
        out.array = array
        return out

    # What it is

    @property
    def data(self) -> Any:
        """The array. A change of it between forward and backward is noticed, and refused by `backward()`."""
        return self.expose()

    @data.setter
    def data(self, value: Any) -> None:
        array = as_array(value, None)
        if array.shape != self.shape:
            raise ValueError(f"data: expected shape {self.shape}, got {array.shape}; make a new Tensor for a new shape")
        if value is self.array:  # the end of `x.data -= …`, which has changed the array in place
            self.current_version()
            return
        self.array = array.astype(self.dtype, copy=False)
        self.checksum = None
        self.version += 1

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def dtype(self) -> Any:
        return self.array.dtype

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def size(self) -> int:
        return self.array.size

    @property
    def device(self) -> str:
        return "cpu"

    @property
    def is_leaf(self) -> bool:
        """Made by the user, not by an operation."""
        return self.entry is None

    @property
    def T(self) -> Tensor:
        """Axes reversed, as in NumPy."""
        return apply(REGISTRY["array.transpose"], self, axes=None)

    @property
    def mT(self) -> Tensor:
        """The last two axes exchanged."""
        return apply(REGISTRY["array.swapaxes"], self, axis1=-1, axis2=-2)

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len: a 0-d tensor has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return (apply(REGISTRY["array.getitem"], self, key=i) for i in range(len(self)))

    def __repr__(self) -> str:
        body = np.array2string(np.asarray(self.array), separator=", ", prefix="tensor(")
        notes = [] if self.dtype in (np.float32, np.int64, np.bool_) else [f"dtype={self.dtype}"]
        if self.entry is not None:
            notes.append(f"op={self.entry.op.name}")
        elif self.requires_grad:
            notes.append("requires_grad=True")
        return f"tensor({', '.join([body, *notes])})"

    # Out of the graph

    def numpy(self) -> np.ndarray:
        """The NumPy array (shared memory), also of a tensor in a graph, where PyTorch asks for detach() first."""
        return self.expose()

    def item(self) -> float | int | bool:
        """The only element, as a Python number."""
        if self.size != 1:
            raise ValueError(f"item: expected one element, got shape {self.shape}; index it first or use numpy()")
        return self.array.item()

    def tolist(self) -> Any:
        return self.array.tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.array, dtype=dtype, copy=True)

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ValueError(f"bool: a tensor of shape {self.shape} is neither true nor false; use any() or all()")
        return bool(self.array.item())

    def __index__(self) -> int:
        if self.dtype.kind not in "iub":
            raise TypeError(f"index: expected an integer tensor, got {self.dtype}")
        return int(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and self.size == 1 else str(self)

    def detach(self) -> Tensor:
        """The same array outside the graph (shared memory)."""
        out = Tensor.wrap(self.array)
        out.base = self
        out.checksum = self.checksum
        return out

    def to(self, device_or_dtype: Any) -> Tensor:
        """This tensor on a device ("cpu"), or in a dtype. Itself, where nothing changes."""
        if isinstance(device_or_dtype, str) and device_or_dtype.split(":")[0] in ("cpu", "cuda"):
            check_device(device_or_dtype)
            return self
        return self.astype(device_or_dtype)

    def astype(self, dtype: Any) -> Tensor:
        """A Tensor of `dtype`; the gradient comes back in this one's."""
        dtype = np.dtype(dtype)
        return self if dtype == self.dtype else apply(REGISTRY["array.astype"], self, dtype=dtype)

    def float(self) -> Tensor:
        return self.astype(np.float32)

    def double(self) -> Tensor:
        return self.astype(np.float64)

    # Gradients

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Ask for a gradient (or no longer), in place. Raises TypeError unless the dtype is floating."""
        if requires_grad and self.dtype.kind != "f":
            raise TypeError(
                f"requires_grad: only floating tensors have gradients, this is {self.dtype}; use x.astype('float32')"
            )
        if self.entry is not None and not requires_grad:
            raise RuntimeError("requires_grad: this tensor is the result of an operation; use detach()")
        self.requires_grad = requires_grad
        return self

    def backward(self, gradient: Any = None, create_graph: bool = False, retain_graph: bool | None = None) -> None:
        """Add ∂self/∂leaf · gradient to `leaf.grad` of every leaf that requires a gradient.

        gradient       in self's shape; may be left out for a single element (then 1)
        create_graph   record the backward as well, so that the gradients can be differentiated again
        retain_graph   keep what the forward saved, for another backward (default: as `create_graph`)

        Raises RuntimeError when nothing requires a gradient, when the graph was walked before, and when a tensor was
        changed in place since the forward. Then no `.grad` has changed.
        """
        if not self.requires_grad:
            raise RuntimeError("backward: nothing here requires a gradient; make the inputs with requires_grad=True")
        if gradient is None and self.size != 1:
            raise ValueError(
                f"backward: a tensor of shape {self.shape} needs a gradient of that shape; "
                "call backward(gradient), or make it one number first, e.g. with sum()"
            )
        dy = Tensor.wrap(np.ones_like(self.array)) if gradient is None else as_tensor(gradient)
        if dy.shape != self.shape:
            raise ValueError(f"backward: expected a gradient of shape {self.shape}, got {dy.shape}")
        for leaf, dx in gradients([self], [dy], create_graph, retain_graph):
            leaf._accumulate(dx)

    def _accumulate(self, dx: Tensor) -> None:
        self.grad = dx if self.grad is None else apply(REGISTRY["array.add"], self.grad, dx)

    def retain_grad(self) -> None:
        """Keep the gradient of this tensor, which is no leaf, in `grad` too."""
        if not self.requires_grad:
            raise RuntimeError("retain_grad: this tensor does not require a gradient")
        if self.entry is None:
            return
        me = weakref.ref(self)

        def keep(dy: Tensor) -> None:
            tensor = me()
            if tensor is not None:
                tensor._accumulate(dy if dy.requires_grad else Tensor.wrap(dy.array.copy()))

        self.register_hook(keep)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Callable[[], None]:
        """Call `hook(gradient)` in every backward when this tensor's gradient is complete; what it returns, unless
        None, replaces the gradient. Returns a function that removes the hook."""
        if not self.requires_grad:
            raise RuntimeError("register_hook: this tensor does not require a gradient")

        def run(dy: Any) -> Any:
            changed = hook(dy if isinstance(dy, Tensor) else Tensor.wrap(dy))
            if changed is None:
                return dy
            changed = as_tensor(changed)
            if changed.shape != dy.shape:
                raise ValueError(f"hook: expected a gradient of shape {dy.shape}, got {changed.shape}")
            return changed if isinstance(dy, Tensor) else changed.array

        if self.entry is None:
            self.hooks = hooks = self.hooks or []
            hooks.append(run)
            return lambda: hooks.remove(run)
        entry, item = self.entry, (self.index, run)
        entry.hooks = [*(entry.hooks or []), item]
        return lambda: entry.hooks.remove(item) if entry.hooks and item in entry.hooks else None

    # In place, only outside the graph

    def __setitem__(self, key: Any, value: Any) -> None:
        if self.entry is not None or (self.requires_grad and mode.recording):
            raise RuntimeError(
                "x[...] = value: this tensor is part of a graph, where changes in place are not recorded; "
                "use where() or scatter_add(), or wrap the assignment in no_grad()"
            )
        self.current_version()
        self.array[plain_key(key)] = value.array if isinstance(value, Tensor) else value
        self.version += 1
        if self.checksum is not None:
            self.checksum = self._checksum()

    # Operators and further methods are attached by functional.py, from the registry: `Op.operators`, `Op.method`.

    __hash__ = object.__hash__  # by identity, since == compares elements

    def __init_subclass__(cls) -> None:
        _READY.add(cls)


_NUMBERS = {float, int, bool}
_READY: set[type] = {Tensor, float, int, bool, type(None)}
tensors = Backend("tensors", SimpleNamespace(), Tensor)  # rules on Tensors: functional.py fills in their `xp`


def apply(op: type[Op], *inputs: Any, **attrs: Any) -> Any:
    """Compute and record `op`. Inputs may be Tensors, numbers, arrays and lists (the last two are copied)."""
    for x in inputs:
        if x.__class__ not in _READY:
            inputs = tuple([x if x.__class__ in _READY else as_operand(x) for x in inputs])
            break
    if inputs and inputs[0].__class__ in _NUMBERS and not any(isinstance(x, Tensor) for x in inputs):
        inputs = (Tensor(inputs[0]), *inputs[1:])
    return tape.apply(Tensor, op, inputs, attrs)


def as_operand(x: Any) -> Any:
    """A Tensor for an array or a list; a NumPy scalar becomes a Python number, which takes on the dtype it meets."""
    return cast(Any, x).item() if isinstance(x, np.generic) else as_tensor(x)


def as_tensor(x: Any) -> Tensor:
    """`x` itself if it is a Tensor, else a Tensor of a copy."""
    return x if isinstance(x, Tensor) else Tensor(x)


def gradients(
    roots: Sequence[Tensor], dys: Sequence[Tensor], create_graph: bool, retain_graph: bool | None
) -> list[tuple[Tensor, Tensor]]:
    """(leaf, its gradient) for each leaf that `roots` depend on; no `.grad` is touched."""
    retain = create_graph if retain_graph is None else retain_graph
    if create_graph:
        with enable_grad():
            return [_hooked(x, dx) for x, dx in tape.backward(roots, dys, tensors, retain, True).values()]
    taken = {id(dy.array) for dy in dys}
    found: list[tuple[Tensor, Tensor]] = []
    with no_grad():
        leaves = tape.backward(roots, [dy.array for dy in dys], Doorway.backend, retain, False)
        for leaf, dx in leaves.values():
            if dx.base is not None or id(dx) in taken:  # x + y hands one array to both: each leaf owns its gradient
                dx = dx.copy()
            taken.add(id(dx))
            found.append(_hooked(leaf, Tensor.wrap(dx)))
    return found


def _hooked(leaf: Variable, dx: Tensor) -> tuple[Tensor, Tensor]:
    for hook in leaf.hooks or ():
        dx = hook(dx)
    return cast(Tensor, leaf), dx
