"""How far the kernels' functions are from the exact result, in units in the last place. `python -m tests.ulp NAME…`
looks at every float32 there is (a minute or two each); the tests look at samples."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from scipy import special

from nanonet_kernels.cpu import mathf


@dataclass(frozen=True)
class Function:
    """A kernel's function, the exact one in float64, the inputs it is for, and the bound in ulp."""

    kernel: Any
    exact: Callable[[np.ndarray], np.ndarray]
    bound: float
    low: float = -np.inf
    high: float = np.inf


FUNCTIONS = {
    "exp": Function(mathf.exp32, np.exp, 1.0),
    "exp_below": Function(mathf.exp32_below, np.exp, 1.0, -87.3, 0.0),
    "expm1": Function(mathf.expm1_32, np.expm1, 2.0, -np.inf, 44.0),
    "tanh": Function(mathf.tanh32, np.tanh, 3.0),
    "sigmoid": Function(mathf.sigmoid32, special.expit, 2.5, -87.0, np.inf),
    "log": Function(mathf.log32, np.log, 1.5),
    "log1p": Function(mathf.log1p32_unit, np.log1p, 1.5, 0.0, 1.0),
    "erf": Function(mathf.erf32, special.erf, 1.5),
}


def loop_of(function: Any) -> Callable[[np.ndarray, np.ndarray], None]:
    """out = function(x), compiled like the kernels."""

    def loop(x, out):  # type: ignore[no-untyped-def]
        for i in range(x.size):
            out[i] = function(x[i])

    return njit(**(mathf.LOOP | {"cache": False}))(loop)  # type: ignore[return-value]


def errors(got: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """|got - exact| in ulp of the exact result; ∞ where one of them is NaN or infinite and the other is not that."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(np.float32)
        ulp = np.spacing(np.abs(rounded)).astype(np.float64)
        found = np.abs(got.astype(np.float64) - exact) / ulp
    same = (got == rounded) | (np.isnan(got) & np.isnan(exact))  # also both ∞, of which there is no difference
    wrong = ~np.isfinite(got) | ~np.isfinite(rounded)
    return np.where(same & wrong, 0.0, np.where(wrong, np.inf, found))


def worst(function: Function, batches: Iterator[np.ndarray]) -> tuple[float, float]:
    """The largest error over the inputs, and the input where it is."""
    loop = loop_of(function.kernel)
    largest = (-1.0, np.nan)
    for x in batches:
        x = x[((x >= function.low) & (x <= function.high)) | np.isnan(x)]
        got = np.empty_like(x)
        loop(x, got)
        with np.errstate(all="ignore"):
            found = errors(got, function.exact(x.astype(np.float64)))
        if found.size and found.max() > largest[0]:
            largest = float(found.max()), float(x[found.argmax()])
    return largest


def every_float(step: int = 1) -> Iterator[np.ndarray]:
    """All float32 numbers, or every `step`-th, in batches."""
    batch = 1 << 20
    for start in range(0, 1 << 32, batch * step):
        yield (start + step * np.arange(batch, dtype=np.int64)).astype(np.uint32).view(np.float32)


if __name__ == "__main__":
    for name in sys.argv[1:] or FUNCTIONS:
        error, at = worst(FUNCTIONS[name], every_float())
        print(f"{name}: {error:.3f} ulp at {at!r}, stated {FUNCTIONS[name].bound}", flush=True)
