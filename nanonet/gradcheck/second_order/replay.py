"""The function under examination, as one of floating float64 inputs alone that gives the same in every call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nanonet.generator import get_state, set_state
from nanonet.tensor import Tensor, as_tensor

Arrays = Sequence[np.ndarray]


class Replay:
    """`f` with its integer and other arguments filled in; random numbers are drawn again in every call.

    arrays      copies of the floating inputs, in float64, and
    places      which of the caller's inputs these are
    """

    def __init__(self, caller: str, f: Callable[..., Any], inputs: Any) -> None:
        self.caller, self.f = caller, f
        given = [inputs] if isinstance(inputs, Tensor | np.ndarray | float) else list(inputs)
        self.given: list[Any] = [
            as_tensor(np.asarray(x), device="cpu") if isinstance(x, np.ndarray | float) else x for x in given
        ]
        self.places = [i for i, x in enumerate(self.given) if isinstance(x, Tensor) and x.dtype.kind == "f"]
        if not self.places:
            raise ValueError(f"{caller}: no floating input to check; pass float64 arrays or Tensors")
        self.arrays = [np.array(self.given[i].array, dtype=np.float64) for i in self.places]
        self.drawn = get_state()

    def __call__(self, *xs: Any) -> tuple[Tensor, ...]:
        """The floating outputs at other floating inputs."""
        arguments = list(self.given)
        for i, x in zip(self.places, xs, strict=True):
            arguments[i] = x
        set_state(self.drawn)
        found = self.f(*arguments)
        outputs = found if isinstance(found, tuple | list) else [found]
        for y in outputs:
            if not isinstance(y, Tensor):
                raise TypeError(f"{self.caller}: the function must return Tensors, got {type(y).__name__}")
        floating = tuple(y for y in outputs if y.dtype.kind == "f")
        if not floating:
            raise TypeError(f"{self.caller}: the function must return at least one floating Tensor")
        return floating

    def leaves(self, arrays: Arrays | None = None) -> list[Tensor]:
        """Tensors of the inputs (or of other arrays) that want gradients."""
        return [Tensor(x, requires_grad=True, device="cpu") for x in (self.arrays if arrays is None else arrays)]


def cotangents(rng: np.random.Generator, like: Sequence[Any]) -> list[np.ndarray]:
    """Random and never near zero: between 0.5 and 1.5 in size, of either sign."""
    return [rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1.0, 1.0], y.shape) for y in like]
