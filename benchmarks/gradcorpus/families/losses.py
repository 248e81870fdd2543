"""Losses, as in courses: a scalar from predictions and targets."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_benchmarks.gradcorpus.case import Case, right, wrong
from nanonet_benchmarks.gradcorpus.families.functions import log_softmax, relu, sigmoid, softmax, softplus

LABELS = np.array([0, 2, 1, 2])
ONE_HOT = np.eye(3)[LABELS]


def mse(p: Any, t: Any) -> Any:
    return np.mean((p - t) ** 2)


def cross_entropy(z: Any) -> Any:
    return -np.mean(log_softmax(z)[np.arange(4), LABELS])


def bce(z: Any, t: Any) -> Any:
    """Binary cross entropy of logits."""
    return np.mean(softplus(z) - z * t)


def bce_dt(dy: Any, z: Any, t: Any) -> Any:
    return -dy * z / z.size


def hinge(z: Any) -> Any:
    """Weston and Watkins: Σ max(0, z_j - z_label + 1), as in CS231n."""
    margins = relu(z - z[np.arange(4), LABELS][:, None] + 1) * (1 - ONE_HOT)
    return np.sum(margins) / 4


def hinge_dz(dy: Any, z: Any, label: bool = True, share: float = 1 / 4) -> Any:
    violated = (z - z[np.arange(4), LABELS][:, None] + 1 > 0) * (1 - ONE_HOT)
    return dy * share * (violated - label * ONE_HOT * violated.sum(1, keepdims=True))


def huber(e: Any) -> Any:
    return np.sum(np.where(np.abs(e) < 0.7, 0.5 * e * e, 0.7 * (np.abs(e) - 0.35)))


def kl(p: Any, q: Any) -> Any:
    return np.sum(p * np.log(p / q))


def cosine(a: Any, b: Any) -> Any:
    return np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b))


def cosine_da(dy: Any, a: Any, b: Any) -> Any:
    return dy * (b / np.sqrt(np.sum(a * a) * np.sum(b * b)) - cosine(a, b) * a / np.sum(a * a))


def focal(z: Any) -> Any:
    p = sigmoid(z)
    return -np.sum((1 - p) ** 2 * np.log(p))


def focal_dz(dy: Any, z: Any, both: bool = True) -> Any:
    p = sigmoid(z)
    return dy * (-((1 - p) ** 3) + both * 2 * (1 - p) ** 2 * p * np.log(p))


def gaussian(m: Any, s: Any, t: Any) -> Any:
    """The negative log-likelihood of a Gaussian with mean m and log-deviation s."""
    return np.sum(s + 0.5 * ((t - m) / np.exp(s)) ** 2)


def gaussian_gradients(dy: Any, m: Any, s: Any, t: Any) -> Any:
    z = (t - m) / np.exp(s)
    return -dy * z / np.exp(s), dy * (1 - z**2), dy * z / np.exp(s)


def smooth(z: Any) -> Any:
    """Cross entropy with smoothed labels."""
    return -np.sum((0.9 * ONE_HOT + 0.1 / 3) * log_softmax(z))


def ridge(w: Any) -> Any:
    return np.sum(np.sin(w)) + 0.05 * np.sum(w * w)


def _right() -> list[Case]:
    rng = np.random.default_rng(50)
    p, t, z, q = rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), rng.normal(size=(4, 3)), rng.uniform(0.2, 1, (2, 5))
    return [
        right(
            "mean squared error", mse, lambda dy, p, t: (2 * dy * (p - t) / p.size, 2 * dy * (t - p) / p.size), [p, t]
        ),
        right("cross entropy", cross_entropy, lambda dy, z: dy * (softmax(z) - ONE_HOT) / 4, [z]),
        right("binary cross entropy", bce, lambda dy, z, t: (dy * (sigmoid(z) - t) / z.size, bce_dt(dy, z, t)), [p, t]),
        right("hinge", hinge, hinge_dz, [z]),
        right("huber", huber, lambda dy, e: dy * np.clip(e, -0.7, 0.7), [p]),
        right("divergence", kl, lambda dy, p, q: (dy * (np.log(p / q) + 1), -dy * p / q), [q[0], q[1]]),
        right("cosine", cosine, lambda dy, a, b: (cosine_da(dy, a, b), cosine_da(dy, b, a)), [p[0], t[0]]),
        right("focal", focal, focal_dz, [p]),
        right("gaussian", gaussian, gaussian_gradients, [p[0], t[0], t[1]]),
        right("smoothed labels", smooth, lambda dy, z: dy * (softmax(z) - 0.9 * ONE_HOT - 0.1 / 3), [z]),
        right("absolute error", lambda e: np.sum(np.abs(e)), lambda dy, e: dy * np.sign(e), [p]),
        right("weight decay", ridge, lambda dy, w: dy * (np.cos(w) + 0.1 * w), [p]),
    ]


def _wrong_classes() -> list[Case]:
    rng = np.random.default_rng(51)
    z, p, t = rng.normal(size=(4, 3)), rng.normal(size=(3, 4)), rng.uniform(0, 1, (3, 4))
    shifted = np.roll(ONE_HOT, 1, axis=1)
    return [
        wrong(
            "cross entropy, not averaged",
            "sum-for-mean scale",
            cross_entropy,
            lambda dy, z: dy * (softmax(z) - ONE_HOT),
            [z],
        ),
        wrong(
            "cross entropy without upstream",
            "ignored-upstream",
            cross_entropy,
            lambda dy, z: (softmax(z) - ONE_HOT) / 4,
            [z],
        ),
        wrong(
            "cross entropy over all elements",
            "scale mean-for-sum",
            cross_entropy,
            lambda dy, z: dy * (softmax(z) - ONE_HOT) / 12,
            [z],
        ),
        wrong(
            "cross entropy, next label",
            "off-by-one unknown",
            cross_entropy,
            lambda dy, z: dy * (softmax(z) - shifted) / 4,
            [z],
        ),
        wrong("cross entropy, label only", "missing-term", cross_entropy, lambda dy, z: -dy * ONE_HOT / 4, [z]),
        wrong("cross entropy, softmax only", "missing-term", cross_entropy, lambda dy, z: dy * softmax(z) / 4, [z]),
        wrong("cross entropy, reversed", "sign", cross_entropy, lambda dy, z: dy * (ONE_HOT - softmax(z)) / 4, [z]),
        # The labels are subtracted from the logits in place of the probabilities.
        wrong(
            "cross entropy of logits",
            "input-for-output unknown",
            cross_entropy,
            lambda dy, z: dy * (z - ONE_HOT) / 4,
            [z],
        ),
        wrong(
            "binary, reversed", "sign", bce, lambda dy, z, t: (dy * (t - sigmoid(z)) / z.size, bce_dt(dy, z, t)), [p, t]
        ),
        wrong(
            "binary, sigmoid' again",
            "extra-factor",
            bce,
            lambda dy, z, t: (dy * (sigmoid(z) - t) * sigmoid(z) * (1 - sigmoid(z)) / z.size, bce_dt(dy, z, t)),
            [p, t],
        ),
        wrong("binary, target zero", "zero", bce, lambda dy, z, t: (dy * (sigmoid(z) - t) / z.size, 0 * t), [p, t]),
        wrong("hinge, label forgotten", "missing-term", hinge, lambda dy, z: hinge_dz(dy, z, label=False), [z]),
        wrong("hinge, not averaged", "sum-for-mean scale", hinge, lambda dy, z: hinge_dz(dy, z, share=1.0), [z]),
        wrong(
            "hinge, label once",
            "unknown",
            hinge,
            lambda dy, z: np.clip(hinge_dz(dy, z), -abs(dy) / 4, abs(dy) / 4),
            [2 * z],
        ),
        wrong("smoothing forgotten", "unknown", smooth, lambda dy, z: dy * (softmax(z) - ONE_HOT), [z]),
        wrong("focal, weight fixed", "missing-term", focal, lambda dy, z: focal_dz(dy, z, both=False), [p]),
    ]


def _wrong_values() -> list[Case]:
    rng = np.random.default_rng(52)
    p, t, q = rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), rng.uniform(0.2, 1, (2, 5))
    return [
        wrong(
            "squared error without two",
            "scale",
            mse,
            lambda dy, p, t: (dy * (p - t) / p.size, dy * (t - p) / p.size),
            [p, t],
        ),
        wrong(
            "squared error, not averaged",
            "sum-for-mean scale",
            mse,
            lambda dy, p, t: (2 * dy * (p - t), 2 * dy * (t - p)),
            [p, t],
        ),
        wrong(
            "squared error, mean of a batch",
            "scale sum-for-mean",
            mse,
            lambda dy, p, t: (2 * dy * (p - t) / len(p), 2 * dy * (t - p) / p.size),
            [p, t],
        ),
        wrong(
            "squared error, target's sign",
            "sign",
            mse,
            lambda dy, p, t: (2 * dy * (p - t) / p.size, 2 * dy * (p - t) / p.size),
            [p, t],
        ),
        wrong("huber, not clipped", "mask", huber, lambda dy, e: dy * e, [p]),
        wrong(
            "huber, delta forgotten",
            "unknown mask",
            huber,
            lambda dy, e: dy * np.where(np.abs(e) < 0.7, e, np.sign(e)),
            [p],
        ),
        wrong(
            "divergence without one",
            "missing-term",
            kl,
            lambda dy, p, q: (dy * np.log(p / q), -dy * p / q),
            [q[0], q[1]],
        ),
        wrong(
            "divergence, the other way",
            "unknown swapped-operands",
            kl,
            lambda dy, p, q: (dy * (np.log(p / q) + 1), -dy * q / p),
            [q[0], q[1]],
        ),
        wrong(
            "cosine, lengths fixed",
            "missing-term",
            cosine,
            lambda dy, a, b: (dy * b / np.sqrt(np.sum(a * a) * np.sum(b * b)), cosine_da(dy, b, a)),
            [p[0], t[0]],
        ),
        wrong(
            "absolute error without sign",
            "missing-factor mask",
            lambda e: np.sum(np.abs(e)),
            lambda dy, e: dy * np.ones_like(e),
            [p],
        ),
        wrong(
            "gaussian, deviation",
            "missing-term missing-factor",
            gaussian,
            lambda dy, m, s, t: (
                gaussian_gradients(dy, m, s, t)[0],
                dy * np.ones_like(s),
                gaussian_gradients(dy, m, s, t)[2],
            ),
            [p[0], t[0], t[1]],
        ),
        wrong("decay forgotten", "missing-term", ridge, lambda dy, w: dy * np.cos(w), [p]),
        wrong("decay without two", "unknown scale missing-term", ridge, lambda dy, w: dy * (np.cos(w) + 0.05 * w), [p]),
        wrong("decay of another strength", "unknown scale", ridge, lambda dy, w: dy * (np.cos(w) + 0.1001 * w), [p]),
    ]


def cases() -> list[Case]:
    return [*_right(), *_wrong_classes(), *_wrong_values()]
