"""A stand-in for device memory, for Numba's simulator and for tests: an array that the host cannot read by accident."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np


class SimulatedArray:
    """Device memory that lies in `host`, a NumPy array. It computes as CuPy's arrays do, and is stricter than they are.

    Every implicit way to its numbers raises, since on a GPU each is a hidden copy and a wait for the device:
    `np.asarray(x)`, `float(x)`, `if x:`, and arithmetic with a NumPy array. `x.get()` is the open way.
    """

    __slots__ = ("base", "host")
    __array_ufunc__ = None  # so that `array * x` comes to __rmul__, which refuses it
    __hash__ = object.__hash__  # by identity, since == compares elements

    def __init__(self, host: np.ndarray, base: SimulatedArray | None = None) -> None:
        self.host = host
        self.base = base  # what it is a view of, as in CuPy

    def get(self) -> np.ndarray:
        """A copy on the host: the one way to the numbers."""
        return self.host.copy()

    shape = property(lambda self: self.host.shape)
    dtype = property(lambda self: self.host.dtype)
    ndim = property(lambda self: self.host.ndim)
    size = property(lambda self: self.host.size)
    itemsize = property(lambda self: self.host.itemsize)
    nbytes = property(lambda self: self.host.nbytes)
    strides = property(lambda self: self.host.strides)
    flags = property(lambda self: self.host.flags)
    T = property(lambda self: self._view(self.host.T))

    def __len__(self) -> int:
        return len(self.host)

    def __repr__(self) -> str:
        return f"SimulatedArray(shape={self.shape}, dtype={self.dtype})"  # without the numbers: they are on the device

    def __getitem__(self, key: Any) -> SimulatedArray:
        return self._view(self.host[on_device(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        self.host[on_device(key)] = on_device(value)

    def reshape(self, *shape: Any) -> SimulatedArray:
        return self._view(self.host.reshape(*shape))

    def ravel(self) -> SimulatedArray:
        return self._view(self.host.ravel())

    def transpose(self, *axes: Any) -> SimulatedArray:
        return self._view(self.host.transpose(*axes))

    def copy(self) -> SimulatedArray:
        return SimulatedArray(self.host.copy())

    def astype(self, dtype: Any, copy: bool = True) -> SimulatedArray:
        return self if not copy and self.dtype == dtype else SimulatedArray(self.host.astype(dtype))

    def fill(self, value: Any) -> None:
        self.host.fill(value)

    def _view(self, host: Any) -> SimulatedArray:
        host = np.asarray(host)  # NumPy makes a number of a single element, CuPy an array without axes
        owner = self if self.base is None else self.base
        return SimulatedArray(host, owner if np.may_share_memory(host, self.host) else None)

    def _refuse(self, way: str) -> Any:
        raise TypeError(f"{way} of an array on the device is a hidden copy and a wait; use x.get()")

    def __array__(self, *_: Any, **__: Any) -> Any:
        self._refuse("NumPy's view")

    def __bool__(self) -> bool:
        return self._refuse("the truth")

    def __float__(self) -> float:
        return self._refuse("float()")

    def __int__(self) -> int:
        return self._refuse("int()")

    def __index__(self) -> int:
        return self._refuse("the index")

    def __iter__(self) -> Any:
        self._refuse("iterating")

    def item(self) -> Any:
        self._refuse("item()")

    def tolist(self) -> Any:
        self._refuse("tolist()")


def on_device(x: Any) -> Any:
    """What `x` holds, arrays on the device unwrapped; a NumPy array in it would have to be copied, and is refused."""
    if isinstance(x, SimulatedArray):
        return x.host
    if isinstance(x, np.ndarray):
        raise TypeError(f"an array of shape {x.shape} is in main memory; bring it to the device first")
    if isinstance(x, tuple | list):
        return type(x)([on_device(one) for one in x])
    return x


def _operator(function: Callable[..., Any], reflected: bool) -> Callable[[SimulatedArray, Any], SimulatedArray]:
    def compute(self: SimulatedArray, other: Any) -> SimulatedArray:
        x, y = self.host, on_device(other)
        return SimulatedArray(np.asarray(function(y, x) if reflected else function(x, y)))

    return compute


def _in_place(function: Callable[..., Any]) -> Callable[[SimulatedArray, Any], SimulatedArray]:
    def compute(self: SimulatedArray, other: Any) -> SimulatedArray:
        function(self.host, on_device(other))
        return self

    return compute


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor"):
    _plain = _name.rstrip("_")
    setattr(SimulatedArray, f"__{_plain}__", _operator(getattr(operator, _name), False))
    setattr(SimulatedArray, f"__r{_plain}__", _operator(getattr(operator, _name), True))
    setattr(SimulatedArray, f"__i{_plain}__", _in_place(getattr(operator, f"i{_plain}")))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(SimulatedArray, f"__{_name}__", _operator(getattr(operator, _name), False))
for _name in ("neg", "pos", "abs", "invert"):
    _function = getattr(operator, _name)
    setattr(SimulatedArray, f"__{_name}__", lambda self, _f=_function: SimulatedArray(np.asarray(_f(self.host))))
