"""Tensor: an array that remembers how it was made. Operators are here; functions and methods come from the registry."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from nanonet import tape
from nanonet.arraylike import ArrayLike
from nanonet.backends.base import Backend, Doorway, home
from nanonet.conversion import as_array, as_dtype, as_place, floats_with, plain_key
from nanonet.device import backend_on, place
from nanonet.hooks import Keep, RemovableHook, add_hook, is_kept
from nanonet.op import REGISTRY, Op
from nanonet.ops.move import ToDevice
from nanonet.variable import Variable, enable_grad, mode, no_grad


class Tensor(ArrayLike):
    """An n-dimensional array with a gradient.

    `Tensor(data)` copies `data` (a number, a nested list, an array, a Tensor). Python floats become float32, an
    array keeps its dtype.

    data            the NumPy array, or on a GPU CuPy's (shared, not copied)
    grad            the gradient that `backward()` accumulated, a Tensor, or None
    requires_grad   whether `backward()` shall compute it; floats only
    """

    _grad: Tensor | None = None

    def __init__(self, data: Any, dtype: Any = None, requires_grad: bool = False, device: str | None = None):
        self.array = as_array(data, dtype, device=device)
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
        if value is self.array or (self.handed is not None and value is self.handed()):
            return  # the end of `x.data -= …`, which has changed the array in place
        array = as_array(value, None, self.dtype, self.device)
        if array.shape != self.shape:
            raise ValueError(f"data: expected shape {self.shape}, got {array.shape}; make a new Tensor for a new shape")
        self.replace(array.astype(self.dtype, copy=False))

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
        if self.ndim < 2:
            raise ValueError(f"mT: expected at least 2 axes, got shape {self.shape}; x[:, None] makes a column")
        return apply(REGISTRY["array.swapaxes"], self, axis1=-1, axis2=-2)

    def __iter__(self) -> Iterator[Tensor]:
        return (apply(REGISTRY["array.getitem"], self, key=i) for i in range(len(self)))

    def __pos__(self) -> Tensor:
        return self

    # Out of the graph

    def detach(self) -> Tensor:
        """The same array outside the graph (shared memory)."""
        out = Tensor.wrap(self.array)
        out.memory = self.shared()
        return out

    def clone(self) -> Tensor:
        """A copy with memory of its own; in the graph, where PyTorch's is too. x.detach().clone() is outside."""
        return apply(REGISTRY["array.astype"], self, dtype=self.dtype)

    copy = clone  # NumPy's name

    def cpu(self) -> Tensor:
        """This tensor in main memory."""
        return self.to("cpu")

    def cuda(self) -> Tensor:
        """This tensor on the GPU."""
        return self.to("cuda")

    def to(self, device_or_dtype: Any = None, dtype: Any = None, *, device: str | None = None) -> Tensor:
        """This tensor on a device ("cpu", "cuda"), or in a dtype, or both. Itself, where nothing changes.

        The gradient comes back to the device and in the dtype of this one.
        """
        named = as_place(device_or_dtype)
        device = device if named[0] is None else named[0]
        dtype = dtype if named[1] is None else named[1]
        x = self if dtype is None else self.astype(dtype)
        if device is None or backend_on(device).device == x.device:
            return x
        return tape.apply(Tensor, ToDevice, (x,), {"device": device})

    def astype(self, dtype: Any) -> Tensor:
        """A Tensor of `dtype`; the gradient comes back in this one's."""
        dtype = as_dtype(dtype)
        return self if dtype == self.dtype else apply(REGISTRY["array.astype"], self, dtype=dtype)

    def float(self) -> Tensor:
        return self.astype(np.float32)

    def double(self) -> Tensor:
        return self.astype(np.float64)

    def long(self) -> Tensor:
        return self.astype(np.int64)

    # Copies. A hook, and the graph that a result came from, stay behind.

    def __getstate__(self) -> dict[str, Any]:
        transient = ("entry", "index", "memory", "handed", "version", "hooks")
        return {name: value for name, value in vars(self).items() if name not in transient}

    def __copy__(self) -> Tensor:
        out = self.__class__.__new__(self.__class__)
        vars(out).update({**vars(self), "memory": self.shared(), "hooks": None})
        return out

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self.entry is not None:
            raise RuntimeError("deepcopy: this tensor is the result of an operation; use detach() or clone()")
        memo[id(self)] = out = self.__class__.__new__(self.__class__)
        vars(out).update(copy.deepcopy(self.__getstate__(), memo))
        return out

    # Gradients

    @property
    def requires_grad(self) -> bool:
        """Shall `backward()` compute a gradient of this tensor, or does it depend on one that wants one?"""
        return self.wants_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if not isinstance(cast(object, value), bool | np.bool_):
            raise TypeError(f"requires_grad: expected True or False, got {value!r}")
        if value and self.dtype.kind != "f":
            raise TypeError(
                f"requires_grad: only floating tensors have gradients, this is {self.dtype}; use x.astype('float32')"
            )
        if self.entry is not None and not value:
            raise RuntimeError("requires_grad: this tensor is the result of an operation; use detach()")
        self.wants_grad = bool(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Ask for a gradient (or no longer), in place. Raises TypeError unless the dtype is floating."""
        self.requires_grad = requires_grad
        return self

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward()` accumulated, or None. May be set: to None, or to this shape."""
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            value = as_gradient("grad", value, self)
            if value.shape != self.shape:
                raise ValueError(f"grad: expected shape {self.shape}, as the tensor's, got {value.shape}")
            value = value.astype(self.dtype)
        self._grad = value

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
        if gradient is None:
            gradient = Tensor.wrap(home(self.array).xp.ones_like(self.array))
        dy = as_gradient("backward", gradient, self)
        if dy.shape != self.shape:
            raise ValueError(f"backward: expected a gradient of shape {self.shape}, got {dy.shape}")
        for leaf, dx in gradients([self], [dy], create_graph, retain_graph):
            leaf._accumulate(dx)

    def _accumulate(self, dx: Tensor) -> None:
        self._grad = dx if self._grad is None else apply(REGISTRY["array.add"], self._grad, dx)

    def keep_gradient(self, dy: Any) -> None:
        """Add what the walk carries to `grad`: a Tensor if the walk is recorded, else an array, to be copied."""
        self._accumulate(dy if isinstance(dy, Tensor) else Tensor.wrap(dy.copy()))

    def retain_grad(self) -> None:
        """Keep the gradient of this tensor, which is no leaf, in `grad` too, as its hooks leave it."""
        if not self.requires_grad:
            raise RuntimeError("retain_grad: this tensor does not require a gradient")
        if self.entry is not None and not is_kept(self):
            add_hook(self, Keep(self))

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHook:
        """Call `hook(gradient)` in every backward when this tensor's gradient is complete; what it returns, unless
        None, replaces the gradient, which it must not change in place. The handle's `remove()` ends that."""
        if not self.requires_grad:
            raise RuntimeError("register_hook: this tensor does not require a gradient")
        if not callable(hook):
            raise TypeError(f"register_hook: expected a function, got {type(hook).__name__}")

        def run(dy: Any) -> Any:
            changed = hook(dy if isinstance(dy, Tensor) else Tensor.wrap(dy))
            if changed is None:
                return dy
            changed = as_gradient("hook", changed, dy if isinstance(dy, Tensor) else Tensor.wrap(dy))
            if changed.shape != dy.shape:
                raise ValueError(f"hook: expected a gradient of shape {dy.shape}, got {changed.shape}")
            changed = changed.astype(dy.dtype)
            if not isinstance(dy, Tensor):
                return changed.array
            return changed if mode.recording else changed.detach()

        return add_hook(self, run)

    # In place, only outside the graph

    def __setitem__(self, key: Any, value: Any) -> None:
        if self.entry is not None or (self.requires_grad and mode.recording):
            raise RuntimeError(
                "x[...] = value: this tensor is part of a graph, where changes in place are not recorded; "
                "use where() or scatter_add(), or wrap the assignment in no_grad()"
            )
        if isinstance(value, Tensor) and value.requires_grad and mode.recording:
            raise RuntimeError(
                "x[...] = value: value requires a gradient, and changes in place are not recorded; "
                "use where() or concatenate(), or assign value.detach()"
            )
        if not isinstance(value, int | float):
            value = place(value.array if isinstance(value, Tensor) else as_array(value, None, np.float64), self.device)
        self.array[plain_key(key, self.device)] = value
        self.written()

    # Operators and further methods are attached by functional.py, from the registry: `Op.operators`, `Op.method`.

    __hash__ = object.__hash__  # by identity, since == compares elements

    def __init_subclass__(cls) -> None:
        READY.add(cls)


_NUMBERS = {float, int, bool}
READY: set[type] = {Tensor, float, int, bool}
tensors = Backend("tensors", SimpleNamespace(), Tensor)  # rules on Tensors: functional.py fills in their `xp`


def apply(op: type[Op], *inputs: Any, **attrs: Any) -> Any:
    """Compute and record `op`. Inputs may be Tensors, numbers, arrays and lists (the last two are copied)."""
    for x in inputs:
        if x.__class__ not in READY and x is not None:
            floats = floats_with(*inputs)
            device = next((x.device for x in inputs if isinstance(x, Tensor)), None)
            inputs = tuple([x if x is None or x.__class__ in READY else as_operand(x, floats, device) for x in inputs])
            break
    if inputs and inputs[0].__class__ in _NUMBERS and not any(isinstance(x, Tensor) for x in inputs):
        inputs = (Tensor(inputs[0]), *inputs[1:])
    return tape.apply(Tensor, op, inputs, attrs)


def as_operand(x: Any, floats: Any = np.float32, device: str | None = None) -> Any:
    """A Tensor for an array or a list; a NumPy scalar becomes a Python number, which takes on the dtype it meets."""
    return cast(Any, x).item() if isinstance(x, np.floating | np.integer | np.bool_) else as_tensor(x, floats, device)


def operator(op: type[Op], x: Any, other: Any, reflected: bool = False) -> Any:
    """`x ∘ other` for a Tensor x; NotImplemented where `other` is no numbers, so that Python can ask `other`."""
    if other.__class__ not in READY:
        try:
            other = as_operand(other, floats_with(x), x.device)
        except TypeError:
            return NotImplemented
    return tape.apply(Tensor, op, (other, x) if reflected else (x, other), {})


def as_tensor(x: Any, floats: Any = np.float32, device: str | None = None) -> Tensor:
    """`x` itself if it is a Tensor, else a Tensor of a copy, where Python floats become `floats`."""
    return x if isinstance(x, Tensor) else Tensor.wrap(as_array(x, None, floats, device))


def as_gradient(name: str, dy: Any, x: Tensor) -> Tensor:
    """`dy` as a Tensor on x's device. Arrays and lists are copied there, a Tensor that lies elsewhere is refused."""
    dy = as_tensor(dy, x.dtype, x.device)
    if dy.device != x.device:
        remedy = f"bring it there with .to({x.device!r})"
        raise ValueError(f"{name}: expected a gradient on {x.device}, as the tensor, got one on {dy.device}; {remedy}")
    return dy


def gradients(
    roots: Sequence[Tensor], dys: Sequence[Tensor], create_graph: bool, retain_graph: bool | None
) -> list[tuple[Tensor, Tensor]]:
    """(leaf, its gradient) for each leaf that `roots` depend on; no `.grad` is touched."""
    retain = create_graph if retain_graph is None else retain_graph
    quiet = np.errstate(all="ignore")  # nobody can put one around the gradient of one op; detect_anomaly() can look
    if create_graph:
        with enable_grad(), quiet:
            leaves = tape.backward(roots, dys, tensors, retain, True)
            return [_hooked(x, dx) for x, dx in leaves.values() if x.wants_grad]
    taken = {id(dy.array) for dy in dys}
    found: list[tuple[Tensor, Tensor]] = []
    with no_grad(), quiet:
        leaves = tape.backward(roots, [dy.array for dy in dys], Doorway.backend, retain, False)
        for leaf, dx in leaves.values():
            if dx.base is not None or id(dx) in taken:  # x + y hands one array to both: each leaf owns its gradient
                dx = dx.copy()
            taken.add(id(dx))
            if leaf.wants_grad:  # it may have been switched off since the forward
                found.append(_hooked(leaf, Tensor.wrap(dx)))
    return found


def _hooked(leaf: Variable, dx: Tensor) -> tuple[Tensor, Tensor]:
    for hook in tuple(leaf.hooks or ()):
        dx = hook(dx)
    return cast(Tensor, leaf), dx
