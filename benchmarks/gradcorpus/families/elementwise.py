"""Functions of single elements: activations, powers, arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_benchmarks.gradcorpus.case import Case, right, wrong
from nanonet_benchmarks.gradcorpus.families.functions import changed, sigmoid, softplus

C = 0.7978845608028654  # √(2/π), of the tanh form of GELU


def gelu(x: Any) -> Any:
    return 0.5 * x * (1 + np.tanh(C * (x + 0.044715 * x**3)))


def gelu_dx(dy: Any, x: Any, inner: bool = True) -> Any:
    t = np.tanh(C * (x + 0.044715 * x**3))
    return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * C * (1 + 3 * 0.044715 * x**2 * inner))


def mish_dx(dy: Any, x: Any) -> Any:
    t = np.tanh(softplus(x))
    return dy * (t + x * (1 - t**2) * sigmoid(x))


def elu(x: Any) -> Any:
    return np.where(x > 0, x, 1.3 * (np.exp(x) - 1))


def power_gradients(dy: Any, a: Any, b: Any) -> Any:
    return dy * b * a ** (b - 1), dy * a**b * np.log(a)


def _right() -> list[Case]:
    rng = np.random.default_rng(1)
    x, a, b = rng.normal(size=(3, 4)), rng.uniform(0.5, 2, (3, 4)), rng.uniform(0.5, 2, (3, 4))
    return [
        right("tanh", np.tanh, lambda dy, x: dy * (1 - np.tanh(x) ** 2), [x]),
        right("tanh as a product", np.tanh, lambda dy, x: dy * (1 - np.tanh(x)) * (1 + np.tanh(x)), [x]),
        right("tanh by cosh", np.tanh, lambda dy, x: dy / np.cosh(x) ** 2, [x]),
        right("sigmoid", sigmoid, lambda dy, x: dy * sigmoid(x) * (1 - sigmoid(x)), [x]),
        right("sigmoid by exp", sigmoid, lambda dy, x: dy * np.exp(-x) / (1 + np.exp(-x)) ** 2, [x]),
        right("softplus", softplus, lambda dy, x: dy * sigmoid(x), [x]),
        right("gelu", gelu, gelu_dx, [x]),
        right("mish", lambda x: x * np.tanh(softplus(x)), mish_dx, [x]),
        right("elu", elu, lambda dy, x: dy * np.where(x > 0, 1, 1.3 * np.exp(x)), [x]),
        right("power", lambda a, b: a**b, power_gradients, [a, b]),
        right("quotient", lambda a, b: a / b, lambda dy, a, b: (dy / b, -dy * a / b**2), [x, b]),
        right("arctan", np.arctan, lambda dy, x: dy / (1 + x * x), [x]),
        right("logarithm", np.log, lambda dy, x: dy / x, [a]),
        right("cube, flat", lambda x: x**3, lambda dy, x: 3 * dy * x * x, [np.array([0.0, 1.0, -2.0])]),
        right("a number", np.exp, lambda dy, x: dy * np.exp(x), [np.array(0.3)]),
        right("no elements", np.exp, lambda dy, x: dy * np.exp(x), [np.zeros((0, 3))]),
    ]


def _wrong_activations() -> list[Case]:
    x = np.random.default_rng(2).normal(size=(3, 4))
    return [
        wrong("tanh without upstream", "ignored-upstream", np.tanh, lambda dy, x: 1 - np.tanh(x) ** 2, [x]),
        wrong("tanh of the input", "input-for-output", np.tanh, lambda dy, x: dy * (1 - x**2), [x]),
        wrong("tanh without square", "missing-factor unknown", np.tanh, lambda dy, x: dy * (1 - np.tanh(x)), [x]),
        wrong("tanh with plus", "unknown", np.tanh, lambda dy, x: dy * (1 + np.tanh(x) ** 2), [x]),
        wrong("tanh, one element", "single-entry", np.tanh, tanh_but_one, [x]),
        wrong(
            "sigmoid without upstream", "ignored-upstream", sigmoid, lambda dy, x: sigmoid(x) * (1 - sigmoid(x)), [x]
        ),
        wrong("sigmoid of the input", "input-for-output", sigmoid, lambda dy, x: dy * x * (1 - x), [x]),
        # The derivative function takes z, but is given a = sigmoid(z).
        wrong("sigmoid applied twice", "unknown input-for-output", sigmoid, sigmoid_twice, [x]),
        wrong("sigmoid with half", "scale", sigmoid, lambda dy, x: dy * sigmoid(x) * (1 - sigmoid(x)) / 2, [x]),
        wrong("softplus, the other side", "unknown", softplus, lambda dy, x: dy * sigmoid(-x), [x]),
        wrong("softplus straight through", "missing-factor", softplus, lambda dy, x: dy, [x]),
        wrong("silu, one term", "missing-term", lambda x: x * sigmoid(x), lambda dy, x: dy * sigmoid(x), [x]),
        wrong("gelu, inner derivative", "unknown missing-factor", gelu, lambda dy, x: gelu_dx(dy, x, False), [x]),
        wrong("elu, exp everywhere", "mask", elu, lambda dy, x: dy * 1.3 * np.exp(x), [x]),
        wrong(
            "elu without alpha",
            "mask missing-factor unknown",
            elu,
            lambda dy, x: dy * np.where(x > 0, 1, np.exp(x)),
            [x],
        ),
        wrong("exp of the input", "input-for-output", np.exp, lambda dy, x: dy * x, [x]),
        wrong("rounded constants", "scale unknown", gelu, lambda dy, x: gelu_dx(dy, x) * (0.797 / C), [x]),
    ]


def tanh_but_one(dy: Any, x: Any) -> Any:
    return changed(dy * (1 - np.tanh(x) ** 2), (1, 2), 0.0)


def sigmoid_twice(dy: Any, x: Any) -> Any:
    twice = sigmoid(sigmoid(x))
    return dy * twice * (1 - twice)


def _wrong_arithmetic() -> list[Case]:
    rng = np.random.default_rng(3)
    x, a, b = rng.normal(size=(3, 4)), rng.uniform(0.5, 2, (3, 4)), rng.uniform(0.5, 2, (3, 4))
    return [
        wrong("square without two", "scale", lambda x: x**2, lambda dy, x: dy * x, [x]),
        wrong("cosine's sign", "sign", np.cos, lambda dy, x: dy * np.sin(x), [x]),
        wrong("reciprocal's sign", "sign", lambda x: 1 / x, lambda dy, x: dy / x**2, [a]),
        wrong("root of the input", "input-for-output", np.sqrt, lambda dy, x: dy / (2 * x), [a]),
        wrong("root without half", "scale", np.sqrt, lambda dy, x: dy / np.sqrt(x), [a]),
        wrong("degrees", "scale", lambda x: np.sin(np.pi / 180 * x), lambda dy, x: dy * np.cos(np.pi / 180 * x), [x]),
        wrong("difference", "sign", lambda a, b: a - b, lambda dy, a, b: (dy, dy), [a, b]),
        wrong("product, swapped", "swapped-operands", lambda a, b: a * b, lambda dy, a, b: (dy * a, dy * b), [a, b]),
        wrong("product, other factor", "missing-factor", lambda a, b: a * b, lambda dy, a, b: (dy, dy * a), [a, b]),
        wrong(
            "quotient, b not squared",
            "missing-factor extra-factor",
            np.divide,
            lambda dy, a, b: (dy / b, -dy * a / b),
            [a, b],
        ),
        wrong(
            "power without log", "missing-factor", np.power, lambda dy, a, b: (dy * b * a ** (b - 1), dy * a**b), [a, b]
        ),
        wrong(
            "power keeps exponent",
            "extra-factor",
            np.power,
            lambda dy, a, b: (dy * b * a**b, dy * a**b * np.log(a)),
            [a, b],
        ),
        # A node that is used twice gets only what came last.
        wrong("x + x", "overwritten scale", lambda x: x + x, lambda dy, x: dy, [x]),
        wrong(
            "x times tanh x",
            "overwritten missing-term",
            lambda x: x * np.tanh(x),
            lambda dy, x: dy * x / np.cosh(x) ** 2,
            [x],
        ),
        wrong("upstream twice", "extra-factor", np.sin, lambda dy, x: dy * dy * np.cos(x), [x]),
        wrong("slightly off", "scale unknown", np.sin, lambda dy, x: dy * np.cos(x) * (1 + 1e-4), [x]),
        wrong("shifted a little", "unknown", np.sin, lambda dy, x: dy * (np.cos(x) + 1e-5), [x]),
    ]


def cases() -> list[Case]:
    return [*_right(), *_wrong_activations(), *_wrong_arithmetic()]
