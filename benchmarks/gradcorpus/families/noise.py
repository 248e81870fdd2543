"""Forwards that round, iterate or draw random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_benchmarks.gradcorpus.case import NOISY, Case, right, wrong
from nanonet_benchmarks.gradcorpus.families.functions import (
    normalised,
    normalised_dx,
    softmax,
    softmax_dx,
)


def inside(f: Any, dtype: Any, out: Any = np.float64) -> Any:
    """f, computed in another precision."""
    return lambda *inputs: np.asarray(f(*[x.astype(dtype) for x in inputs])).astype(out)


def offset(x: Any) -> Any:
    """sin x, in steps of 1.5e-8."""
    return (np.sin(x) + 1e8) - 1e8


def newton(a: Any) -> Any:
    """√a by Newton's iteration, which stops when it moves by less than 1e-7."""
    y = np.ones_like(a)
    while True:
        better = 0.5 * (y + a / y)
        if np.max(np.abs(better - y)) < 1e-7:
            return better
        y = better


def dropout(x: Any) -> Any:
    mask = np.random.random(x.shape) < 0.7
    return x * mask / 0.7, mask


def sampled(m: Any, s: Any) -> Any:
    """m + e^s ε, the reparametrised sample of a variational autoencoder."""
    e = np.random.standard_normal(np.shape(m))
    return m + np.exp(s) * e, (s, e)


def seeded(x: Any) -> Any:
    """Noise that is the same in every call."""
    return np.tanh(x + 0.1 * np.random.default_rng(0).standard_normal(x.shape))


def seeded_dx(dy: Any, x: Any) -> Any:
    return dy * (1 - seeded(x) ** 2)


def tanh_dx(dy: Any, x: Any) -> Any:
    return dy * (1 - np.tanh(x) ** 2)


def _right() -> list[Case]:
    rng = np.random.default_rng(90)
    x, s, a = rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), rng.uniform(0.5, 2, 4)
    w = rng.normal(size=(4, 2))
    may: dict[str, Any] = {"trait": NOISY, "expected": ("pass", "inconclusive")}
    single: dict[str, Any] = may | {"precision": 1e-5}

    def products(dy: Any, x: Any, w: Any) -> Any:
        return dy @ w.T, x.T @ dy

    def softmax32(dy: Any, x: Any) -> Any:
        return softmax_dx(dy, softmax(x.astype(np.float32)))

    return [
        right("tanh in float32", inside(np.tanh, "f4"), tanh_dx, [x], model=np.tanh, **may),
        right("tanh, float32 out", inside(np.tanh, "f4", "f4"), tanh_dx, [x], model=np.tanh, **may),
        right("product in float32", inside(np.matmul, "f4"), products, [x, w], model=np.matmul, **may),
        right("softmax in float32", inside(softmax, "f4"), softmax32, [x], model=softmax, **single),
        right("norm in float32", inside(normalised, "f4"), normalised_dx, [x], model=normalised, **may),
        right("sine in float16", inside(np.sin, "f2"), lambda dy, x: dy * np.cos(x), [x], model=np.sin, **may),
        right("sine in small steps", offset, lambda dy, x: dy * np.cos(x), [x], model=np.sin, **may),
        right(
            "rounded to 6 digits",
            lambda x: np.round(np.exp(x), 6),
            lambda dy, x: dy * np.exp(x),
            [x],
            model=np.exp,
            **may,
        ),
        right("Newton's root", newton, lambda dy, a: dy / (2 * np.sqrt(a)), [a], model=np.sqrt, **may),
        right("noise with a seed", seeded, seeded_dx, [x], trait=NOISY),
        right("dropout", dropout, lambda dy, mask: dy * mask / 0.7, [x], cache=True, trait=NOISY),
        right("a sample", sampled, lambda dy, c: (dy, dy * np.exp(c[0]) * c[1]), [x, s], cache=True, trait=NOISY),
    ]


def _wrong() -> list[Case]:
    rng = np.random.default_rng(91)
    x, s, a = rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), rng.uniform(0.5, 2, 4)
    may: dict[str, Any] = {"trait": NOISY, "expected": ("fail", "inconclusive")}
    must: dict[str, Any] = {"trait": NOISY}

    def upstream_ignored(dy: Any, x: Any) -> Any:
        return 1 - np.tanh(x) ** 2

    def diagonal(dy: Any, x: Any) -> Any:
        return dy * softmax(x) * (1 - softmax(x))

    def drawn_again(dy: Any, mask: Any) -> Any:
        return dy * (np.random.random(mask.shape) < 0.7) / 0.7

    return [
        wrong(
            "tanh in float32, without upstream",
            "ignored-upstream",
            inside(np.tanh, "f4"),
            upstream_ignored,
            [x],
            model=np.tanh,
            **must,
        ),
        wrong(
            "tanh in float32, one in 100",
            "scale unknown",
            inside(np.tanh, "f4"),
            lambda dy, x: 1.01 * tanh_dx(dy, x),
            [x],
            model=np.tanh,
            **must,
        ),
        wrong(
            "softmax in float32, diagonal",
            "missing-coupling",
            inside(softmax, "f4"),
            diagonal,
            [x],
            model=softmax,
            **must,
        ),
        wrong(
            "norm in float32, statistics fixed",
            "missing-term unknown",
            inside(normalised, "f4"),
            lambda dy, x: dy / np.std(x, -1, keepdims=True),
            [x],
            model=normalised,
            **must,
        ),
        wrong(
            "sine in float16, sign",
            "sign",
            inside(np.sin, "f2"),
            lambda dy, x: -dy * np.cos(x),
            [x],
            model=np.sin,
            **may,
        ),
        wrong(
            "sine in small steps, doubled", "scale", offset, lambda dy, x: 2 * dy * np.cos(x), [x], model=np.sin, **must
        ),
        wrong(
            "rounded to 6 digits, zero",
            "zero",
            lambda x: np.round(np.exp(x), 6),
            lambda dy, x: 0 * x,
            [x],
            model=np.exp,
            **may,
        ),
        wrong(
            "Newton's last step only",
            "scale",
            newton,
            lambda dy, a: 0.5 * dy / newton(a) * 0.5,
            [a],
            model=np.sqrt,
            **must,
        ),
        wrong("noise with a seed, noise forgotten", "unknown", seeded, tanh_dx, [x], trait=NOISY),
        wrong("dropout, not scaled", "scale", dropout, lambda dy, mask: dy * mask, [x], cache=True, **must),
        wrong(
            "dropout, drawn again",
            "unknown mask",
            dropout,
            drawn_again,
            [x],
            cache=True,
            model=lambda x: dropout(x)[0],
            **must,
        ),
        wrong(
            "a sample, deviation as variance",
            "missing-factor unknown",
            sampled,
            lambda dy, c: (dy, dy * c[1]),
            [x, s],
            cache=True,
            **must,
        ),
        wrong(
            "a sample, noise forgotten",
            "missing-factor unknown",
            sampled,
            lambda dy, c: (dy, dy * np.exp(c[0])),
            [x, s],
            cache=True,
            **must,
        ),
    ]


def cases() -> list[Case]:
    return [*_right(), *_wrong()]
