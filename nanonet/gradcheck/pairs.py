"""A forward and its backward, written with plain NumPy, as the subject of a check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nanonet.gradcheck.subject import Arrays, MisbehaviourError, Recording, Subject


class NumpyPair(Subject):
    """forward(*inputs) -> y with backward(dy, *inputs), or forward(*inputs) -> (y, cache) with backward(dy, cache)."""

    what = "check_backward"

    def __init__(self, forward: Callable[..., Any], backward: Callable[..., Any], inputs: Any, cache: bool, name: str):
        self.forward, self.backward, self.cache, self.name = forward, backward, cache, name
        self.args = _arguments(inputs)
        self.places = [i for i, x in enumerate(self.args) if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
        self.given = [self.args[i].dtype for i in self.places]
        self.inputs = [self.args[i].astype(np.float64) for i in self.places]
        self.drawn: Any = np.random.get_state()
        if not self.inputs:
            raise ValueError("check_backward: no floating input to check; pass float arrays")

    def call(self, inputs: Arrays) -> tuple[list[np.ndarray | None], bool, tuple[Any, ...]]:
        """(outputs, None for those that are no floats; were there several?; what backward is given after dy)."""
        args = [x.copy() if isinstance(x, np.ndarray) else x for x in self.args]
        for place, x in zip(self.places, inputs, strict=True):
            args[place] = x
        np.random.set_state(self.drawn)
        y = self.forward(*args)
        extra = tuple(args)
        if self.cache:
            if not isinstance(y, tuple) or len(y) != 2:
                got = f"{len(y)} values" if isinstance(y, tuple) else type(y).__name__
                raise TypeError(f"check_backward: with cache=True forward must return (y, cache), got {got}")
            y, kept = y
            extra = (kept,)
        several = isinstance(y, tuple | list)
        if several and not self.cache:
            self.hint = f"forward returns {len(y)} arrays, so dy is a tuple; pass cache=True if it returns (y, cache)"
        return self._outputs(list(y) if several else [y], several), several, extra

    def _outputs(self, found: list[Any], several: bool) -> list[np.ndarray | None]:
        kinds = [np.asarray(y).dtype.kind if isinstance(y, np.ndarray | np.generic | float) else "" for y in found]
        if "" in kinds or not any(kind in "fc" for kind in kinds):
            got = ", ".join(str(y.dtype) if hasattr(y, "dtype") else type(y).__name__ for y in found)
            hint = "; pass cache=True if it returns (y, cache)" if several and not self.cache else ""
            raise TypeError(f"check_backward: forward must return one array of floats, got {got}{hint}")
        return [np.asarray(y) if kind in "fc" else None for y, kind in zip(found, kinds, strict=True)]

    def record(self, inputs: Arrays) -> Recording:
        outputs, several, extra = self.call(inputs)
        drawn: Any = np.random.get_state()  # backward draws what comes after what forward has drawn
        return Recording(
            tuple(y for y in outputs if y is not None),
            lambda dys: self.gradients(_like(outputs, dys) if several else dys[0], extra, drawn),
        )

    def values(self, inputs: Arrays) -> list[np.ndarray]:
        return [np.array(y) for y in self.call(inputs)[0] if y is not None]

    def gradients(self, dy: Any, extra: tuple[Any, ...], drawn: Any) -> list[np.ndarray]:
        """What backward gives for the floating inputs, copied."""
        np.random.set_state(drawn)
        try:
            with np.errstate(all="ignore"):
                found = self.backward(dy, *extra)
        except Exception as error:
            sentence = f"backward raised {type(error).__name__}: {error}"
            raise MisbehaviourError("unknown", sentence, "call it by hand with the same shapes") from error
        given = list(found) if isinstance(found, tuple | list) else [found]
        if len(given) == len(self.args):
            given = [given[i] for i in self.places]
        if len(given) != len(self.places):
            sentence = f"backward returned {len(given)} gradient(s) for {len(self.args)} inputs"
            remedy = "return a tuple with one gradient for each input, in their order"
            raise MisbehaviourError("unknown", sentence, remedy)
        return [self._array(k, dx) for k, dx in enumerate(given)]

    def _array(self, k: int, dx: Any) -> np.ndarray:
        if dx is None:
            return np.zeros(self.inputs[k].shape)
        try:
            array = np.array(dx)
        except ValueError:
            array = np.array(None)
        if array.dtype.kind not in "fiub":
            sentence = f"the gradient of input {self.places[k]} is no array of real numbers but {type(dx).__name__}"
            raise MisbehaviourError("unknown", sentence, "return a NumPy array in the input's shape", k)
        return array if array.dtype.kind == "f" else array.astype(np.float64)


def _like(outputs: list[np.ndarray | None], dys: Arrays) -> tuple[Any, ...]:
    """A cotangent for every floating output, None for the others."""
    fresh = iter(dys)
    return tuple(None if y is None else next(fresh) for y in outputs)


def _arguments(given: Any) -> list[Any]:
    """The caller's inputs: numbers and lists of floats as arrays, arrays copied, anything else as it is."""
    found = list(given) if isinstance(given, tuple | list) else [given]
    arrays: list[Any] = []
    for x in found:
        if isinstance(x, (float | np.floating, list)):
            arrays.append(np.array(x))
        else:
            arrays.append(x.copy() if isinstance(x, np.ndarray) else x)
    return arrays
