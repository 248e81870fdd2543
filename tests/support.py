"""What several test modules need: every op's samples, and derivatives by central differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet.functional import function_of
from nanonet.op import Op, Sample, ops
from nanonet.sampling import Draw


def cases(differentiable: bool = True) -> list[Any]:
    """(op, sample) of every registered op, with readable names."""
    return [
        pytest.param(op, sample, id=f"{op.name}-{sample.name or i}")
        for op in ops()
        if op.is_differentiable() or not differentiable
        for i, sample in enumerate(op.samples)
    ]


def is_float_draw(x: Any) -> bool:
    return isinstance(x, Draw) and x.differentiable


def call(
    op: type[Op], sample: Sample, arrays: list[Any], wrap: Callable[[Any], Any] = nt.Tensor
) -> tuple[Any, list[Any]]:
    """op's public function at `arrays` (from sample.draw), wrapped: the output, and the inputs that have gradients."""
    inputs: list[Any] = []

    def lift(draw: Any, value: Any) -> Any:
        if isinstance(draw, list):
            return [lift(d, v) for d, v in zip(draw, value, strict=True)]
        if not isinstance(draw, Draw):
            return value
        x = wrap(value)
        if is_float_draw(draw):
            x.requires_grad_()
            inputs.append(x)
        return x

    args = [lift(draw, value) for draw, value in zip(sample.args, arrays, strict=True)]
    return function_of(op)(*args, **sample.attrs), inputs


def first_outputs(y: Any) -> list[Any]:
    """The outputs that have gradients."""
    return [one for one in (y if isinstance(y, tuple | list) else [y]) if one.requires_grad]


def central_difference(f: Callable[[], float], x: np.ndarray, step: float = 6e-6) -> np.ndarray:
    """∂f/∂x for every element of x, which f reads; O(h⁴) by Richardson's extrapolation of two steps."""
    dx = np.zeros_like(x)
    flat, out = x.reshape(-1), dx.reshape(-1)
    assert flat.base is not None or flat is x, "the view must write into x"

    def slope(i: int, h: float) -> float:
        before = flat[i]
        flat[i] = before + h
        above = f()
        flat[i] = before - h
        below = f()
        flat[i] = before
        return (above - below) / (2 * h)

    for i in range(flat.size):
        h = step * 50 * max(1.0, abs(flat[i]))
        out[i] = (4 * slope(i, h / 2) - slope(i, h)) / 3
    return dx
