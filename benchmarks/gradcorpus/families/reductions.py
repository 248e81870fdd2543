"""Sums, means, variances, norms, cumulative sums, largest elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_benchmarks.gradcorpus.case import Case, right, wrong
from nanonet_benchmarks.gradcorpus.families.functions import average, softmax


def variance(x: Any) -> Any:
    return np.mean((x - average(x)) ** 2, axis=-1)


def norm(x: Any) -> Any:
    return np.sqrt(np.sum(x * x))


def logsumexp(x: Any) -> Any:
    largest = np.max(x, axis=1)
    return largest + np.log(np.sum(np.exp(x - largest[:, None]), axis=1))


def suffix_sum(dy: Any) -> Any:
    return np.cumsum(dy[::-1])[::-1]


def others(x: Any) -> Any:
    """For each element the product of the others, without a division."""
    return np.array([np.prod(np.delete(x, i)) for i in range(len(x))])


def largest_mask(x: Any) -> Any:
    return x == np.max(x, axis=1, keepdims=True)


def share(x: Any) -> Any:
    return x / np.sum(x)


MASK = np.array([[1.0, 1, 0, 1], [0, 1, 1, 0], [1, 0, 1, 0]])


def masked_mean(x: Any) -> Any:
    return np.sum(x * MASK) / np.sum(MASK)


def _right() -> list[Case]:
    rng = np.random.default_rng(20)
    x, v = rng.normal(size=(3, 4)), rng.normal(size=6)
    with_zero = np.array([1.5, 0.0, -2.0, 0.5])
    return [
        right("sum", np.sum, lambda dy, x: dy * np.ones_like(x), [x]),
        right("sum of rows", lambda x: x.sum(1), lambda dy, x: np.broadcast_to(dy[:, None], x.shape), [x]),
        right("mean, axes kept", average, lambda dy, x: dy * np.ones_like(x) / 4, [x]),
        right("variance", variance, lambda dy, x: dy[:, None] * 2 * (x - average(x)) / 4, [x]),
        right("norm", norm, lambda dy, x: dy * x / norm(x), [x]),
        right("logsumexp", logsumexp, lambda dy, x: dy[:, None] * softmax(x), [x]),
        right("cumulative sum", np.cumsum, lambda dy, x: suffix_sum(dy), [v]),
        right("product", np.prod, lambda dy, x: dy * np.prod(x) / x, [v]),
        right("product with a zero", np.prod, lambda dy, x: dy * others(x), [with_zero]),
        right("largest of a row", lambda x: x.max(1), lambda dy, x: dy[:, None] * largest_mask(x), [x]),
        right("shares", share, lambda dy, x: (dy - np.sum(dy * share(x))) / np.sum(x), [np.abs(v)]),
        right("masked mean", masked_mean, lambda dy, x: dy * MASK / np.sum(MASK), [x]),
        right("what does not depend", lambda x: np.sum(x - average(x)) + 3.0, lambda dy, x: 0 * x, [x]),
    ]


def _wrong_means() -> list[Case]:
    rng = np.random.default_rng(21)
    x, s, t = rng.normal(size=(3, 4)), rng.normal(size=(4, 4)), rng.normal(size=(5, 4))
    return [
        wrong("mean for sum", "mean-for-sum", np.sum, lambda dy, x: dy * np.ones_like(x) / x.size, [x]),
        wrong("sum for mean", "sum-for-mean", np.mean, lambda dy, x: dy * np.ones_like(x), [x]),
        wrong(
            "mean of the other axis",
            "scale wrong-axis",
            lambda x: x.mean(1),
            lambda dy, x: dy[:, None] * np.ones_like(x) / 3,
            [x],
        ),
        wrong(
            "spread over the wrong axis",
            "wrong-axis",
            lambda x: x.sum(1),
            lambda dy, x: dy[None, :] * np.ones_like(x),
            [s],
        ),
        wrong("sum without upstream", "ignored-upstream", lambda x: x.sum(1), lambda dy, x: np.ones_like(x), [x]),
        wrong(
            "sum, not spread",
            "unknown missing-sum broadcast-not-undone",
            lambda x: x.sum(1, keepdims=True),
            lambda dy, x: dy,
            [x],
        ),
        wrong("variance of N - 1", "scale", variance, lambda dy, x: dy[:, None] * 2 * (x - average(x)) / 3, [t]),
        wrong("variance, mean forgotten", "missing-term", variance, lambda dy, x: dy[:, None] * 2 * x / 4, [x]),
        wrong(
            "variance, N forgotten",
            "sum-for-mean scale",
            variance,
            lambda dy, x: dy[:, None] * 2 * (x - average(x)),
            [x],
        ),
        wrong(
            "deviation as variance",
            "missing-factor",
            lambda x: np.sqrt(variance(x)),
            lambda dy, x: dy[:, None] * 2 * (x - average(x)) / 4,
            [x],
        ),
        wrong("masked mean over all", "scale", masked_mean, lambda dy, x: dy * MASK / MASK.size, [x]),
        wrong(
            "masked mean, mask forgotten", "mask", masked_mean, lambda dy, x: dy * np.ones_like(x) / np.sum(MASK), [x]
        ),
        wrong("centring forgotten", "missing-term", lambda x: x - average(x), lambda dy, x: dy, [x]),
        wrong(
            "centring over the wrong axis",
            "wrong-axis",
            lambda x: x - average(x),
            lambda dy, x: dy - average(dy, 0),
            [s],
        ),
    ]


def _wrong_rest() -> list[Case]:
    rng = np.random.default_rng(22)
    x, v = rng.normal(size=(3, 4)), rng.normal(size=6)
    with_zero = np.array([1.5, 0.0, -2.0, 0.5])
    return [
        wrong("norm squared", "missing-factor scale", norm, lambda dy, x: 2 * dy * x, [x]),
        wrong("norm not divided", "scale missing-factor", norm, lambda dy, x: dy * x, [x]),
        wrong("logsumexp straight through", "missing-factor", logsumexp, lambda dy, x: dy[:, None] + 0 * x, [x]),
        wrong(
            "logsumexp, not divided",
            "missing-factor extra-factor",
            logsumexp,
            lambda dy, x: dy[:, None] * np.exp(x),
            [x],
        ),
        wrong("cumulative sum, not reversed", "flipped", np.cumsum, lambda dy, x: np.cumsum(dy), [v]),
        wrong("cumulative sum, itself left out", "off-by-one", np.cumsum, lambda dy, x: suffix_sum(dy) - dy, [v]),
        wrong("cumulative sum, diagonal", "missing-coupling", np.cumsum, lambda dy, x: dy, [v]),
        wrong(
            "product without x", "extra-factor unknown", np.prod, lambda dy, x: dy * np.prod(x) * np.ones_like(x), [v]
        ),
        wrong("product divided by zero", "unknown", np.prod, lambda dy, x: dy * np.prod(x) / x, [with_zero]),
        wrong("largest to all", "mask", lambda x: x.max(1), lambda dy, x: dy[:, None] * np.ones_like(x), [x]),
        wrong(
            "largest of the wrong axis",
            "unknown wrong-axis mask",
            lambda x: x.max(1),
            lambda dy, x: dy[:, None] * (x == x.max(0)),
            [x],
        ),
        wrong(
            "smallest for largest",
            "unknown mask",
            lambda x: x.max(1),
            lambda dy, x: dy[:, None] * (x == x.min(1)[:, None]),
            [x],
        ),
        wrong(
            "shares, sum held fixed", "missing-term missing-coupling", share, lambda dy, x: dy / np.sum(x), [np.abs(v)]
        ),
        wrong(
            "maximum held fixed",
            "missing-term single-entry unknown",
            lambda x: x / np.max(x),
            lambda dy, x: dy / np.max(x),
            [np.abs(v)],
        ),
    ]


def cases() -> list[Case]:
    return [*_right(), *_wrong_means(), *_wrong_rest()]
