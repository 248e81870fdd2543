"""What backward does besides computing: changing its arguments, keeping a state, giving something else than asked.

The values of many of these are right when backward is called once, straight after forward.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_benchmarks.gradcorpus.case import CONDUCT, Case, right, wrong
from nanonet_benchmarks.gradcorpus.families.functions import softmax, softmax_dx


def tanh_dx(dy: Any, x: Any) -> Any:
    return dy * (1 - np.tanh(x) ** 2)


def class_cache() -> tuple[Any, Any]:
    """A layer whose cache belongs to the class: two layers of the kind share it."""

    class Tanh:
        y: Any = None

        @classmethod
        def forward(cls, x: Any) -> Any:
            cls.y = np.tanh(x)
            return cls.y

        @classmethod
        def backward(cls, dy: Any, x: Any) -> Any:
            return dy * (1 - cls.y**2)

    return Tanh.forward, Tanh.backward


def dictionary_cache() -> tuple[Any, Any]:
    """A module with a dictionary of what forward computed last."""
    kept: dict[str, Any] = {}

    def forward(x: Any, w: Any) -> Any:
        kept["x"], kept["w"] = x, w
        return x @ w

    return forward, lambda dy, x, w: (dy @ kept["w"].T, kept["x"].T @ dy)


def first_cache() -> tuple[Any, Any]:
    """What was computed first is used for ever."""
    kept: dict[Any, Any] = {}

    def forward(x: Any) -> Any:
        return np.exp(x)

    def backward(dy: Any, x: Any) -> Any:
        y = kept.setdefault(x.shape, np.exp(x))
        return dy * y

    return forward, backward


def accumulating() -> tuple[Any, Any]:
    """Gradients are added to an array that nobody sets to zero."""

    def forward(x: Any) -> Any:
        return np.tanh(x), (x, np.zeros_like(x))

    def backward(dy: Any, cache: Any) -> Any:
        x, dx = cache
        dx += tanh_dx(dy, x)
        return dx

    return forward, backward


def reusing() -> tuple[Any, Any]:
    """Backward computes 1 - y² in the array of the saved y: the second call finds something else there."""

    def forward(x: Any) -> Any:
        y = np.tanh(x)
        return y.copy(), y

    def backward(dy: Any, y: Any) -> Any:
        y *= -y
        y += 1
        return dy * y

    return forward, backward


def counting() -> tuple[Any, Any]:
    """A state that touches no gradient."""
    calls: list[int] = []

    def forward(x: Any) -> Any:
        calls.append(x.size)
        return np.tanh(x)

    return forward, tanh_dx


def unsteady() -> tuple[Any, Any]:
    noise = np.random.default_rng(0)
    return np.sin, lambda dy, x: dy * np.cos(x) * (1 + 1e-8 * noise.standard_normal(x.shape))


def clobbers(dy: Any, x: Any) -> Any:
    dy *= 1 - np.tanh(x) ** 2
    return dy


def clobbers_out(dy: Any, x: Any) -> Any:
    np.multiply(dy, np.cos(x), out=dy)
    return dy


def masks(dy: Any, x: Any) -> Any:
    dy[x <= 0] = 0
    return dy


def takes_the_maximum_off(dy: Any, x: Any) -> Any:
    x -= x.max(axis=-1, keepdims=True)
    e = np.exp(x)
    return softmax_dx(dy, e / e.sum(-1, keepdims=True))


def changes_its_input(x: Any) -> Any:
    x *= 2
    return np.tanh(x)


def fails(dy: Any, x: Any) -> Any:
    raise IndexError("index 4 is out of bounds for axis 0 with size 4")


def _right() -> list[Case]:
    rng = np.random.default_rng(100)
    x, s = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    return [
        right("one array for both inputs", np.add, lambda dy, a, b: (dy, dy), [x, s]),
        right("dy itself", lambda x: x + 1.0, lambda dy, x: dy, [x]),
        right("a view of dy", lambda x: x.T, lambda dy, x: dy.T, [x]),
        right("read-only", lambda x: x.sum(0), lambda dy, x: np.broadcast_to(dy, x.shape), [x]),
        right("a counter", *counting(), [x], trait=CONDUCT),
        right("a cache", lambda x: (np.tanh(x), x), tanh_dx, [x], cache=True),
        right("a list", np.multiply, lambda dy, a, b: [dy * b, dy * a], [x, s]),
        right("a copy, changed", softmax, lambda dy, x: takes_the_maximum_off(dy, x.copy()), [x]),
        right("strided input", np.tanh, tanh_dx, [np.repeat(x, 2, axis=1)[:, ::2]]),
    ]


def _wrong() -> list[Case]:
    rng = np.random.default_rng(101)
    x, s, w = rng.normal(size=(3, 4)), rng.normal(size=(4, 4)), rng.normal(size=(4, 4))
    kept: dict[str, Any] = {"trait": CONDUCT, "cache": True}
    return [
        wrong("dy multiplied in place", "clobbered-cotangent", np.tanh, clobbers, [x], trait=CONDUCT),
        wrong("dy as out", "clobbered-cotangent", np.sin, clobbers_out, [x], trait=CONDUCT),
        wrong("dy masked in place", "clobbered-cotangent", lambda x: np.maximum(x, 0), masks, [x], trait=CONDUCT),
        wrong("input changed by backward", "overwritten unknown", softmax, takes_the_maximum_off, [x], trait=CONDUCT),
        wrong(
            "input changed by forward",
            "overwritten unknown",
            changes_its_input,
            lambda dy, x: 2 * tanh_dx(dy, 2 * x),
            [x],
            trait=CONDUCT,
            model=lambda x: np.tanh(2 * x),
        ),
        wrong("class cache", "stale-cache", *class_cache(), [x], trait=CONDUCT),
        wrong("dictionary of the last call", "stale-cache", *dictionary_cache(), [s, w], trait=CONDUCT),
        wrong("cache by shape", "stale-cache unknown", *first_cache(), [x], trait=CONDUCT),
        wrong("added to the cache", "stale-cache unknown", *accumulating(), [x], **kept),
        wrong("cache reused as a scratch array", "stale-cache overwritten unknown", *reusing(), [x], **kept),
        wrong("another result each time", "unknown", *unsteady(), [x], trait=CONDUCT),
        wrong("an exception", "unknown", np.tanh, fails, [x], trait=CONDUCT),
        wrong("a gradient for one of two", "unknown", np.multiply, lambda dy, a, b: dy * b, [s, w], trait=CONDUCT),
        wrong("no gradient", "zero", np.tanh, lambda dy, x: None, [x], trait=CONDUCT),
        wrong("an axis too many", "unknown", np.tanh, lambda dy, x: tanh_dx(dy, x)[None], [x], trait=CONDUCT),
        wrong(
            "one element for all",
            "unknown missing-sum",
            np.tanh,
            lambda dy, x: np.mean(tanh_dx(dy, x)),
            [x],
            trait=CONDUCT,
        ),
        wrong(
            "nan for one element",
            "unknown single-entry",
            np.tanh,
            lambda dy, x: tanh_dx(dy, x) / (x != x[0, 0]),
            [x],
            trait=CONDUCT,
        ),
        wrong("shape without elements", "unknown", np.tanh, lambda dy, x: tanh_dx(dy, x)[:0], [x], trait=CONDUCT),
    ]


def cases() -> list[Case]:
    return [*_right(), *_wrong()]
