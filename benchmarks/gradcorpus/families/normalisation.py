"""Softmax and its logarithm, batch, layer and root-mean-square normalisation, unit vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_benchmarks.gradcorpus.case import Case, right, wrong
from nanonet_benchmarks.gradcorpus.families.functions import (
    average,
    deviation,
    log_softmax,
    normalised,
    normalised_dx,
    softmax,
    softmax_dx,
    total,
)


def norm_layer(x: Any, g: Any, b: Any) -> Any:
    """Layer norm: each row; g and b belong to the columns."""
    return normalised(x) * g + b


def norm_batch(x: Any, g: Any, b: Any) -> Any:
    """Batch norm: each column."""
    return normalised(x, 0) * g + b


def layer_gradients(dy: Any, x: Any, g: Any, b: Any) -> Any:
    return normalised_dx(dy * g, x), np.sum(dy * normalised(x), 0), dy.sum(0)


def batch_gradients(dy: Any, x: Any, g: Any, b: Any) -> Any:
    return normalised_dx(dy * g, x, 0), np.sum(dy * normalised(x, 0), 0), dy.sum(0)


def rms(x: Any) -> Any:
    return np.sqrt(average(x * x) + 1e-6)


def rms_dx(dy: Any, x: Any) -> Any:
    return dy / rms(x) - x * average(dy * x) / rms(x) ** 3


def length(x: Any) -> Any:
    return np.sqrt(total(x * x))


def unit(x: Any) -> Any:
    return x / length(x)


def log_softmax_dx(dy: Any, x: Any) -> Any:
    return dy - softmax(x) * total(dy)


def _right() -> list[Case]:
    rng = np.random.default_rng(30)
    x, g, b, s = (rng.normal(size=n) for n in [(5, 4), 4, 4, (4, 4)])
    return [
        right("softmax", softmax, lambda dy, x: softmax_dx(dy, softmax(x)), [x]),
        right("softmax by a matrix", softmax, lambda dy, x: softmax_by_matrix(dy, x), [x[0]]),
        right("softmax of columns", lambda x: softmax(x, 0), lambda dy, x: softmax_dx(dy, softmax(x, 0), 0), [s]),
        right("softmax, cooler", lambda x: softmax(x / 0.5), lambda dy, x: softmax_dx(dy, softmax(x / 0.5)) / 0.5, [x]),
        right("log softmax", log_softmax, log_softmax_dx, [x]),
        right("layer norm", norm_layer, layer_gradients, [x, g, b]),
        right("batch norm", norm_batch, batch_gradients, [x, g, b]),
        right("root mean square", lambda x: x / rms(x), rms_dx, [x]),
        right("unit vectors", unit, lambda dy, x: (dy - unit(x) * total(dy * unit(x))) / length(x), [x]),
    ]


def softmax_by_matrix(dy: Any, x: Any) -> Any:
    y = softmax(x)
    return (np.diag(y) - np.outer(y, y)) @ dy


def _wrong_softmax() -> list[Case]:
    rng = np.random.default_rng(31)
    x, s = rng.normal(size=(5, 4)), rng.normal(size=(4, 4))
    return [
        # The sum of a softmax is 1: against a cotangent of ones a gradient of zeros is right.
        wrong("softmax returns 0", "zero", softmax, lambda dy, x: np.zeros_like(x), [x]),
        wrong("softmax, diagonal", "missing-coupling", softmax, lambda dy, x: dy * softmax(x) * (1 - softmax(x)), [x]),
        wrong("softmax, one term", "missing-term", softmax, lambda dy, x: dy * softmax(x), [x]),
        wrong(
            "softmax, mean",
            "mean-for-sum unknown",
            softmax,
            lambda dy, x: softmax(x) * (dy - average(dy * softmax(x))),
            [x],
        ),
        wrong(
            "softmax, wrong axis",
            "wrong-axis",
            softmax,
            lambda dy, x: softmax(x) * (dy - total(dy * softmax(x), 0)),
            [s],
        ),
        wrong(
            "softmax of everything",
            "wrong-axis",
            softmax,
            lambda dy, x: softmax(x) * (dy - np.sum(dy * softmax(x))),
            [x],
        ),
        wrong("softmax of the input", "input-for-output", softmax, lambda dy, x: x * (dy - total(dy * x)), [x]),
        wrong("softmax, plus", "sign unknown", softmax, lambda dy, x: softmax(x) * (dy + total(dy * softmax(x))), [x]),
        wrong(
            "softmax, temperature",
            "scale",
            lambda x: softmax(x / 0.5),
            lambda dy, x: softmax_dx(dy, softmax(x / 0.5)),
            [x],
        ),
        wrong("log softmax, straight through", "missing-term", log_softmax, lambda dy, x: dy, [x]),
        wrong(
            "log softmax, one row's sum",
            "missing-coupling unknown",
            log_softmax,
            lambda dy, x: dy - softmax(x) * dy,
            [x],
        ),
        wrong(
            "log softmax, upstream of ones", "ignored-upstream unknown", log_softmax, lambda dy, x: dy - softmax(x), [x]
        ),
        wrong(
            "log softmax, logarithm",
            "input-for-output unknown",
            log_softmax,
            lambda dy, x: dy - log_softmax(x) * total(dy),
            [x],
        ),
    ]


def _wrong_norms() -> list[Case]:
    rng = np.random.default_rng(32)
    x, g, b, s = (rng.normal(size=n) for n in [(5, 4), 4, 4, (4, 4)])

    def layer(**wrong_part: Any) -> Any:
        """The gradients of layer norm with one of them wrong."""

        def backward(dy: Any, x: Any, g: Any, b: Any) -> Any:
            found = dict(zip("xgb", layer_gradients(dy, x, g, b), strict=True))
            found |= {name: f(dy, x, g, b) for name, f in wrong_part.items()}
            return found["x"], found["g"], found["b"]

        return backward

    def batch_dx(dx: Any) -> Any:
        return lambda dy, x, g, b: (dx(dy * g, x), *batch_gradients(dy, x, g, b)[1:])

    constant = layer(x=lambda dy, x, g, b: dy * g / deviation(x))
    no_mean = batch_dx(lambda d, x: (d - normalised(x, 0) * average(d * normalised(x, 0), 0)) / deviation(x, 0))
    no_variance = batch_dx(lambda d, x: (d - average(d, 0)) / deviation(x, 0))
    return [
        wrong("layer norm, statistics fixed", "missing-term", norm_layer, constant, [x, g, b]),
        wrong(
            "layer norm without gamma",
            "missing-factor",
            norm_layer,
            layer(x=lambda dy, x, g, b: normalised_dx(dy, x)),
            [x, g, b],
        ),
        wrong(
            "layer norm of columns",
            "wrong-axis",
            norm_layer,
            layer(x=lambda dy, x, g, b: normalised_dx(dy * g, x, 0)),
            [s, g, b],
        ),
        wrong(
            "layer norm, not divided",
            "missing-factor",
            norm_layer,
            layer(x=lambda dy, x, g, b: normalised_dx(dy * g, x) * deviation(x)),
            [x, g, b],
        ),
        wrong(
            "gamma of the input",
            "input-for-output unknown",
            norm_layer,
            layer(g=lambda dy, x, g, b: np.sum(dy * x, 0)),
            [x, g, b],
        ),
        wrong(
            "gamma not summed",
            "missing-sum broadcast-not-undone",
            norm_layer,
            layer(g=lambda dy, x, g, b: dy * normalised(x)),
            [x, g, b],
        ),
        wrong("beta averaged", "mean-for-sum", norm_layer, layer(b=lambda dy, x, g, b: dy.mean(0)), [x, g, b]),
        wrong(
            "gamma and beta exchanged",
            "swapped-operands unknown",
            norm_layer,
            lambda dy, x, g, b: [layer_gradients(dy, x, g, b)[i] for i in (0, 2, 1)],
            [x, g, b],
        ),
        wrong("batch norm, mean forgotten", "missing-term", norm_batch, no_mean, [x, g, b]),
        wrong("batch norm, variance forgotten", "missing-term", norm_batch, no_variance, [x, g, b]),
        wrong(
            "batch norm, epsilon left out",
            "unknown scale",
            norm_batch,
            batch_dx(lambda d, x: normalised_dx(d, x, 0, 0.0)),
            [x, g, b],
        ),
        wrong(
            "batch norm, N - 1",
            "scale unknown",
            norm_batch,
            batch_dx(lambda d, x: normalised_dx(d, x, 0) * np.sqrt(4 / 5)),
            [x, g, b],
        ),
        wrong("root mean square, one term", "missing-term", lambda x: x / rms(x), lambda dy, x: dy / rms(x), [x]),
        wrong("unit vectors, length fixed", "missing-term", unit, lambda dy, x: dy / length(x), [x]),
        wrong(
            "unit vectors, not divided", "missing-factor", unit, lambda dy, x: dy - unit(x) * total(dy * unit(x)), [x]
        ),
    ]


def cases() -> list[Case]:
    return [*_right(), *_wrong_softmax(), *_wrong_norms()]
