"""The steps of a forward that is written with NumPy, written down as it runs.

An array is handed to the function in disguise: whatever NumPy does to it is done, and noted with its arguments, so that
each step can be run again at other values. What cannot be noted (a conversion to a plain array, say) raises.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

MOST_STEPS = 600
PRODUCTS = ("multiply", "divide", "matmul", "dot", "einsum", "tensordot")


@dataclass(frozen=True)
class Step:
    """value = run(*values of the parents); `place` is where the program does it: steps of a loop share it."""

    name: str
    value: np.ndarray
    parents: tuple[int, ...]
    run: Callable[..., Any]
    place: tuple[Any, ...]
    elementwise: bool


@dataclass
class Tape:
    """All steps in their order; the inputs come first."""

    steps: list[Step] = field(default_factory=list)

    def note(self, name: str, run: Callable[..., Any], args: Any, kwargs: dict[str, Any], elementwise: bool) -> Any:
        """Do it; note it if the result is an array of floats."""
        parents: list[int] = []
        if name in PRODUCTS:
            args = tuple(self._constant(a) for a in args)
        hole = _holes((args, kwargs), parents)

        def again(*values: np.ndarray) -> Any:
            full_args, full_kwargs = _filled(hole, values)
            return run(*full_args, **full_kwargs)

        value = again(*[self.steps[k].value for k in parents])
        if isinstance(value, tuple | list):
            pick = [lambda *a, i=i, **k: run(*a, **k)[i] for i in range(len(value))]
            return [self.note(name, one, args, kwargs, False) for one in pick]
        value = np.asarray(value)
        if value.dtype.kind != "f":
            return value
        if len(self.steps) >= MOST_STEPS:
            raise TypeError("too many steps")
        self.steps.append(Step(name, value, tuple(parents), again, _place(), elementwise))
        return Traced(self, len(self.steps) - 1)

    def _constant(self, arg: Any) -> Any:
        """An array that the program brings along, as a step of its own: another may stand in its place by mistake."""
        if not isinstance(arg, np.ndarray) or arg.dtype.kind != "f" or arg.size < 2:
            return arg
        value = arg.copy()
        self.steps.append(Step("constant", value, (), lambda: value, _place(), False))
        return Traced(self, len(self.steps) - 1)


class _Hole:
    """Stands in the arguments where a parent's value comes."""

    def __init__(self, number: int) -> None:
        self.number = number


def _holes(args: Any, parents: list[int]) -> Any:
    if isinstance(args, Traced):
        parents.append(args.number)
        return _Hole(len(parents) - 1)
    if isinstance(args, tuple | list):
        return type(args)([_holes(a, parents) for a in args])
    if isinstance(args, dict):
        return {k: _holes(a, parents) for k, a in args.items()}
    return args.copy() if isinstance(args, np.ndarray) else args


def _filled(hole: Any, values: Sequence[np.ndarray]) -> Any:
    if isinstance(hole, _Hole):
        return values[hole.number]
    if isinstance(hole, tuple | list):
        return type(hole)([_filled(h, values) for h in hole])
    return {k: _filled(h, values) for k, h in hole.items()} if isinstance(hole, dict) else hole


def _place() -> tuple[Any, ...]:
    """The instructions of the callers outside of this file, innermost first."""
    frame, found = sys._getframe(1), []
    while frame is not None and len(found) < 6:
        if frame.f_code.co_filename != __file__ and "/numpy/" not in frame.f_code.co_filename:
            found.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return tuple(found)


class Traced(NDArrayOperatorsMixin):
    """An array in disguise."""

    def __init__(self, tape: Tape, number: int) -> None:
        self.tape, self.number = tape, number

    @property
    def value(self) -> np.ndarray:
        return self.tape.steps[self.number].value

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise TypeError("this array must not be looked into")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        kwargs.pop("out", None)  # `y += x` takes the result as its new value
        simple = method == "__call__" and ufunc.signature is None
        return self.tape.note(ufunc.__name__, getattr(ufunc, method), args, kwargs, simple)

    def __array_function__(self, func: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        return self.tape.note(func.__name__, func, args, kwargs, func.__name__ in ("where", "clip"))

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.value, name)
        if name.startswith("_") or name in ("sort", "fill", "put", "resize", "partition", "tolist", "item"):
            raise AttributeError(name)
        if name in ("copy", "astype"):  # of floats, which all traced values are
            return lambda *args, **kwargs: Traced(self.tape, self.number)
        if name == "T":
            return self.tape.note("transpose", np.transpose, (self,), {}, False)
        if not callable(attribute):
            return attribute

        def method(*args: Any, **kwargs: Any) -> Any:
            return self.tape.note(name, lambda v, *a, **k: getattr(v, name)(*a, **k), (self, *args), kwargs, False)

        return method

    def __getitem__(self, index: Any) -> Any:
        return self.tape.note("getitem", lambda v, i: v[i], (self, index), {}, False)

    def __setitem__(self, index: Any, value: Any) -> None:
        def changed(v: np.ndarray, i: Any, new: Any) -> np.ndarray:
            v = v.copy()
            v[i] = new
            return v

        self.number = self.tape.note("setitem", changed, (self, index, value), {}, False).number

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Any:
        return iter([self[i] for i in range(len(self))])

    def __bool__(self) -> bool:
        return bool(self.value)


def trace(forward: Callable[[Sequence[Any]], Any], inputs: Sequence[np.ndarray], output: np.ndarray) -> Tape | None:
    """The steps that lead from the inputs to the output, which is the last of them; None where it can't be told."""
    tape = Tape([Step(f"input {k}", x, (), lambda: None, (k,), False) for k, x in enumerate(inputs)])
    with contextlib.suppress(Exception):  # it cannot be followed; or what called it finds no array in the end
        forward([Traced(tape, k) for k in range(len(inputs))])
    while len(tape.steps) > len(inputs):
        last = tape.steps[-1].value
        if last.shape == output.shape and np.array_equal(last, output):
            return tape
        tape.steps.pop()
    return None
