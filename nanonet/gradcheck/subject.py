"""What a check looks at, whoever wrote it: a function of float64 arrays that can be recorded and walked back."""

from __future__ import annotations

import abc
import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nanonet.gradcheck.diagnosis.cause import Cause

Arrays = Sequence[np.ndarray]


@dataclass(frozen=True)
class Recording:
    """One forward: its floating outputs, and `pull(dys) -> gradients of the inputs`, which may be called often."""

    outputs: tuple[np.ndarray, ...]
    pull: Callable[[Arrays], list[np.ndarray]]


class MisbehaviourError(Exception):
    """Something that is wrong whatever the numbers say."""

    def __init__(self, kind: str, sentence: str, remedy: str, index: int | None = None):
        super().__init__(sentence)
        self.cause, self.index = Cause(kind, sentence, remedy), index


class Subject(abc.ABC):
    """A function and its gradient under examination.

    inputs      what is differentiated, as float64
    places      which of the caller's inputs these are
    given       the dtypes in which they came
    what        the public function that was called, for messages
    name        of the function that is checked
    """

    inputs: list[np.ndarray]
    places: list[int]
    given: list[np.dtype]
    what: str
    name: str
    hint: str = ""  # what may have been meant, for a failure
    trouble: str = ""  # the first exception that the function raised in the neighbourhood of the inputs

    @abc.abstractmethod
    def record(self, inputs: Arrays) -> Recording:
        """Forward at these very arrays (nothing is copied), with the same random numbers every time."""

    @abc.abstractmethod
    def values(self, inputs: Arrays) -> list[np.ndarray]:
        """The floating outputs alone; the inputs may be complex or long doubles."""

    def further_conduct(self, dys: Arrays, gradients: Arrays) -> list[str]:
        """Checks that only this kind of subject knows; raises MisbehaviourError. Returns what was looked at."""
        return []

    def elsewhere(self, inputs: Arrays) -> Subject:
        """The same function at other inputs."""
        other = copy.copy(self)
        other.inputs = [np.asarray(x) for x in inputs]
        return other

    def guilty(self, dys: Arrays) -> str:
        """After a failure: the part of the function that is to blame, in words; "" where it has no parts."""
        return ""

    def copies(self) -> list[np.ndarray]:
        return [x.copy() for x in self.inputs]

    def line(self, k: int, shapes: Sequence[tuple[int, ...]]) -> Callable[[np.ndarray], np.ndarray]:
        """The outputs, flat, as a function of input k; NaN where there are none, or others than `shapes`."""
        size = sum(int(np.prod(shape)) for shape in shapes)

        def at(x: np.ndarray) -> np.ndarray:
            inputs = self.copies()
            inputs[k] = x.copy()
            return self.flat_values(inputs, shapes, size)

        return at

    def flat_values(self, inputs: Arrays, shapes: Sequence[tuple[int, ...]], size: int) -> np.ndarray:
        """All outputs in one array; NaN where the function raises: it may end here."""
        try:
            found = self.values(inputs)
        except Exception as error:
            if not self.trouble and all(x.dtype == np.float64 for x in inputs):
                self.trouble = f"it raised {type(error).__name__}: {error} near these inputs"
            return np.full(size, np.nan)
        if [y.shape for y in found] != list(shapes):
            self.trouble = self.trouble or f"the output's shape changes near these inputs: {[y.shape for y in found]}"
            return np.full(size, np.nan)
        return flat(found)


def flat(arrays: Arrays) -> np.ndarray:
    """All elements in a new array, float64 or wider."""
    found = np.concatenate([np.ravel(a) for a in arrays]) if arrays else np.zeros(0)
    return found.astype(np.result_type(found.dtype, np.float64))


def split(v: np.ndarray, shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    """The parts of a flat array, as new arrays of these shapes."""
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes], dtype=int)[:-1]
    return [part.reshape(shape).copy() for part, shape in zip(np.split(v, ends), shapes, strict=True)]
