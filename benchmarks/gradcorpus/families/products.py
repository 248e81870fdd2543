"""Matrix products, linear layers, bilinear forms, convolutions, inverses."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_benchmarks.gradcorpus.case import Case, right, wrong


def linear(x: Any, w: Any, b: Any) -> Any:
    return x @ w + b


def linear_gradients(dy: Any, x: Any, w: Any, b: Any) -> Any:
    return dy @ w.T, x.T @ dy, dy.sum(0)


def conv(x: Any, k: Any) -> Any:
    return np.stack([np.sum(x[i : i + len(k)] * k) for i in range(len(x) - len(k) + 1)])


def conv_dk(dy: Any, x: Any, k: Any) -> Any:
    return np.array([np.sum(dy * x[j : j + len(dy)]) for j in range(len(k))])


def inverse(x: Any) -> Any:
    """Of a 2 × 2 matrix, by its adjugate."""
    (a, b), (c, d) = x
    return np.stack([np.stack([d, -b]), np.stack([-c, a])]) / (a * d - b * c)


def _right() -> list[Case]:
    rng = np.random.default_rng(10)
    x, w, b, s, r = (rng.normal(size=n) for n in [(3, 4), (4, 5), 5, (4, 4), (4, 4)])
    k, v, batch = rng.normal(size=3), rng.normal(size=8), rng.normal(size=(2, 3, 4))
    w64, x64 = rng.normal(size=(64, 64)), rng.normal(size=64)
    return [
        right("matmul", np.matmul, lambda dy, x, w: (dy @ w.T, x.T @ dy), [x, w]),
        right("linear", linear, linear_gradients, [x, w, b]),
        right("batched", lambda x, w: x @ w, lambda dy, x, w: (dy @ w.T, np.einsum("bij,bik->jk", x, dy)), [batch, w]),
        right("outer", np.outer, lambda dy, a, b: (dy @ b, dy.T @ a), [k, v]),
        right("dot", lambda a, b: np.sum(a * b), lambda dy, a, b: (dy * b, dy * a), [v, v[::-1].copy()]),
        right("the same array twice", np.matmul, lambda dy, x, w: (dy @ w.T, x.T @ dy), [s, s]),
        right("quadratic form", lambda v: v @ r @ v, lambda dy, v: dy * (r + r.T) @ v, [s[0]]),
        right("matrix squared", lambda s: s @ s, lambda dy, s: dy @ s.T + s.T @ dy, [s]),
        right("convolution", conv, lambda dy, x, k: (np.convolve(dy, k), conv_dk(dy, x, k)), [v, k]),
        right("inverse", inverse, lambda dy, x: -inverse(x).T @ dy @ inverse(x).T, [s[:2, :2]]),
        right("dense 64x64", lambda x: w64 @ x, lambda dy, x: dy @ w64, [x64]),
    ]


def _wrong_linear() -> list[Case]:
    rng = np.random.default_rng(11)
    x, w, b, s, r = (rng.normal(size=n) for n in [(3, 4), (4, 5), 5, (4, 4), (4, 4)])
    c = rng.normal(size=4)
    return [
        wrong("matmul with gᵀ", "transpose", np.matmul, lambda dy, x, w: (dy.T @ w.T, x.T @ dy), [s, r]),
        wrong("matmul with gᵀ, other shape", "transpose", np.matmul, lambda dy, x, w: (dy @ w.T, dy.T @ x), [x, w]),
        wrong("w not transposed", "transpose", np.matmul, lambda dy, x, w: (dy @ w, x.T @ dy), [s, r]),
        wrong("x not transposed", "transpose", np.matmul, lambda dy, x, w: (dy @ w.T, x @ dy), [s, r]),
        wrong("order of the product", "swapped-operands", np.matmul, lambda dy, x, w: (w.T @ dy, x.T @ dy), [s, r]),
        wrong("x for w", "swapped-operands", np.matmul, lambda dy, x, w: (dy @ x.T, x.T @ dy), [s, r]),
        wrong(
            "gradients in the wrong order",
            "swapped-operands unknown",
            np.matmul,
            lambda dy, x, w: (x.T @ dy, dy @ w.T),
            [s, r],
        ),
        wrong(
            "bias not summed",
            "missing-sum broadcast-not-undone",
            linear,
            lambda dy, x, w, b: (dy @ w.T, x.T @ dy, dy),
            [x, w, b],
        ),
        wrong("bias averaged", "mean-for-sum", linear, lambda dy, x, w, b: (dy @ w.T, x.T @ dy, dy.mean(0)), [x, w, b]),
        wrong(
            "bias over the wrong axis",
            "wrong-axis",
            linear,
            lambda dy, x, w, b: (dy @ w.T, x.T @ dy, dy.sum(1)),
            [s, r, c],
        ),
        wrong(
            "bias of the last example",
            "overwritten missing-sum",
            linear,
            lambda dy, x, w, b: (dy @ w.T, x.T @ dy, dy[-1]),
            [x, w, b],
        ),
        wrong(
            "weights averaged",
            "mean-for-sum",
            linear,
            lambda dy, x, w, b: (dy @ w.T, x.T @ dy / len(x), dy.sum(0)),
            [x, w, b],
        ),
        wrong(
            "weights of ones",
            "ignored-upstream",
            linear,
            lambda dy, x, w, b: (dy @ w.T, x.T @ np.ones_like(dy), dy.sum(0)),
            [x, w, b],
        ),
        wrong(
            "no gradient to the weights", "zero", linear, lambda dy, x, w, b: (dy @ w.T, 0 * w, dy.sum(0)), [x, w, b]
        ),
        wrong(
            "learning rate inside",
            "scale",
            linear,
            lambda dy, x, w, b: tuple(0.01 * d for d in linear_gradients(dy, x, w, b)),
            [x, w, b],
        ),
    ]


def _wrong_products() -> list[Case]:
    rng = np.random.default_rng(12)
    s, r, k, v = (rng.normal(size=n) for n in [(4, 4), (4, 4), 3, 8])
    w64, x64 = rng.normal(size=(64, 64)), rng.normal(size=64)
    zeroed = w64.copy()
    zeroed[17, 5] = 0.0
    return [
        wrong("dense 64x64, one entry zero", "single-entry", lambda x: w64 @ x, lambda dy, x: dy @ zeroed, [x64]),
        # The gradient 2Av needs a symmetric A.
        wrong(
            "quadratic form, A symmetric",
            "unknown transpose",
            lambda v: v @ r @ v,
            lambda dy, v: 2 * dy * r @ v,
            [s[0]],
        ),
        wrong(
            "quadratic form, one term",
            "missing-term overwritten",
            lambda v: v @ r @ v,
            lambda dy, v: dy * r @ v,
            [s[0]],
        ),
        wrong("matrix squared, one term", "missing-term overwritten", lambda s: s @ s, lambda dy, s: dy @ s.T, [s]),
        wrong("matrix squared as a number", "unknown overwritten", lambda s: s @ s, lambda dy, s: 2 * dy @ s.T, [s]),
        wrong("outer, swapped", "swapped-operands", np.outer, lambda dy, a, b: (dy @ a, dy.T @ b), [s[0], s[1]]),
        wrong(
            "convolution, kernel flipped",
            "flipped",
            conv,
            lambda dy, x, k: (np.convolve(dy, k), conv_dk(dy, x, k)[::-1]),
            [v, k],
        ),
        wrong(
            "convolution, not flipped",
            "flipped",
            conv,
            lambda dy, x, k: (np.convolve(dy, k[::-1]), conv_dk(dy, x, k)),
            [v, k],
        ),
        wrong(
            "convolution, shifted",
            "off-by-one",
            conv,
            lambda dy, x, k: (np.roll(np.convolve(dy, k), 1), conv_dk(dy, x, k)),
            [v, k],
        ),
        wrong(
            "inverse without transposes", "transpose", inverse, lambda dy, x: -inverse(x) @ dy @ inverse(x), [s[:2, :2]]
        ),
        wrong("inverse's sign", "sign", inverse, lambda dy, x: inverse(x).T @ dy @ inverse(x).T, [s[:2, :2]]),
        wrong("inverse as a number", "unknown", inverse, lambda dy, x: -dy / x**2, [s[:2, :2]]),
        wrong(
            "one row scaled",
            "unknown",
            lambda x: w64[:6, :6] @ x,
            lambda dy, x: (dy * [1, 1, 1, 1, 1, 1.01]) @ w64[:6, :6],
            [x64[:6]],
        ),
    ]


def cases() -> list[Case]:
    return [*_right(), *_wrong_linear(), *_wrong_products()]
