"""Steep, flat, large, small and quickly oscillating functions: what a fixed step or tolerance cannot suit."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_benchmarks.gradcorpus.case import BADLY_SCALED, Case, right, wrong
from nanonet_benchmarks.gradcorpus.families.functions import leaky, log_softmax, sigmoid, softmax, softplus, total


def faint(x: Any) -> Any:
    return 4e-6 * np.sum(x * x)


def quick(x: Any) -> Any:
    return np.sin(1e5 * x)


def bell(x: Any) -> Any:
    """A peak of width 1e-3."""
    return np.exp(-0.5 * (x / 1e-3) ** 2)


def bell_dx(dy: Any, x: Any) -> Any:
    return -dy * bell(x) * x / 1e-6


WEIGHTS = np.array([1e-3, 1e-2, 1.0, 1e2, 1e3])


def weighted(x: Any) -> Any:
    return WEIGHTS * x


def log_softmax_dx(dy: Any, z: Any) -> Any:
    return dy - softmax(z) * total(dy)


def _scaled(case: Any, *arguments: Any) -> Case:
    return case(*arguments, trait=BADLY_SCALED)


def _right() -> list[Case]:
    rng = np.random.default_rng(80)
    x = rng.normal(size=(3, 2))
    tiny, huge = np.array([5e-7, 1.0]), np.array([1e10, -3e10])
    found = [
        ("faint squares", faint, lambda dy, x: 8e-6 * dy * x, [x]),
        ("square at 1e10", lambda x: x**2, lambda dy, x: 2 * dy * x, [huge]),
        ("quick sine", quick, lambda dy, x: dy * 1e5 * np.cos(1e5 * x), [x]),
        ("slow sine", lambda x: np.sin(1e-5 * x), lambda dy, x: dy * 1e-5 * np.cos(1e-5 * x), [x]),
        ("logarithm at 5e-7", np.log, lambda dy, x: dy / x, [tiny]),
        ("root at 1e-8", np.sqrt, lambda dy, x: dy / (2 * np.sqrt(x)), [np.array([1e-8, 2.0])]),
        ("leaky at 5e-7", leaky, lambda dy, x: dy * np.where(x > 0, 1, 0.01), [np.array([5e-7, -5e-7, 1.0])]),
        ("reciprocal at 1e-5", lambda x: 1 / x, lambda dy, x: -dy / x**2, [np.array([1e-5, -2e-5])]),
        ("exp at 60", np.exp, lambda dy, x: dy * np.exp(x), [np.array([60.0, 55.0])]),
        ("exp at -40", np.exp, lambda dy, x: dy * np.exp(x), [np.array([-40.0, -30.0])]),
        ("saturated sigmoid", sigmoid, lambda dy, x: dy * sigmoid(x) * sigmoid(-x), [np.array([-25.0, -9.0, 3.0])]),
        ("softplus at -40", softplus, lambda dy, x: dy * sigmoid(x), [np.array([-40.0, 2.0])]),
        ("large logits", log_softmax, log_softmax_dx, [np.array([[1000.0, 998.0, 997.0]])]),
        ("narrow peak", bell, bell_dx, [np.array([5e-4, -2e-3])]),
        ("many sizes", lambda x: x**2, lambda dy, x: 2 * dy * x, [np.array([1e-6, 1e-3, 1.0, 1e3, 1e6])]),
        ("many weights", weighted, lambda dy, x: dy * WEIGHTS, [np.ones(5)]),
        ("huge outputs", lambda x: 1e150 * np.sin(x), lambda dy, x: dy * 1e150 * np.cos(x), [x]),
        ("tiny outputs", lambda x: 1e-150 * np.sin(x), lambda dy, x: dy * 1e-150 * np.cos(x), [x]),
        ("twentieth power", lambda x: x**20, lambda dy, x: 20 * dy * x**19, [np.array([3.0, 0.1])]),
        ("cosine at 1e6", np.cos, lambda dy, x: -dy * np.sin(x), [np.array([1e6, 1e6 + 1])]),
        ("large offset", lambda x: 1e6 + np.sin(x), lambda dy, x: dy * np.cos(x), [x]),
    ]
    return [_scaled(right, *case) for case in found]


def _wrong() -> list[Case]:
    rng = np.random.default_rng(81)
    x = rng.normal(size=(3, 2))
    tiny, huge = np.array([5e-7, 1.0]), np.array([1e10, -3e10])
    small = np.array([1e-8, 2.0])
    found = [
        ("faint squares, zero", "zero", faint, lambda dy, x: np.zeros_like(x), [x]),
        ("faint squares without two", "scale", faint, lambda dy, x: 4e-6 * dy * x, [x]),
        ("faint squares, sign", "sign", faint, lambda dy, x: -8e-6 * dy * x, [x]),
        ("square at 1e10, one in 1000", "scale unknown", lambda x: x**2, lambda dy, x: 2.002 * dy * x, [huge]),
        ("quick sine, inner factor", "scale missing-factor", quick, lambda dy, x: dy * np.cos(1e5 * x), [x]),
        ("quick sine, one element", "single-entry", quick, quick_but_one, [x]),
        ("slow sine, zero", "zero", lambda x: np.sin(1e-5 * x), lambda dy, x: 0 * x, [x]),
        ("logarithm, clipped", "single-entry unknown mask", np.log, lambda dy, x: dy / np.maximum(x, 1e-6), [tiny]),
        ("root with epsilon", "single-entry unknown", np.sqrt, lambda dy, x: dy / (2 * np.sqrt(x + 1e-8)), [small]),
        (
            "root with a small epsilon",
            "single-entry unknown",
            np.sqrt,
            lambda dy, x: dy / (2 * np.sqrt(x) + 1e-8),
            [small],
        ),
        (
            "leaky at 5e-7, threshold",
            "mask single-entry unknown",
            leaky,
            lambda dy, x: dy * np.where(x > 1e-6, 1, 0.01),
            [np.array([5e-7, -5e-7, 1.0])],
        ),
        (
            "reciprocal at 1e-5, guarded",
            "unknown scale",
            lambda x: 1 / x,
            lambda dy, x: -dy / (x**2 + 1e-12),
            [np.array([1e-5, -2e-5])],
        ),
        ("exp at -40, zero", "zero", np.exp, lambda dy, x: 0 * x, [np.array([-40.0, -30.0])]),
        ("exp at 60, sign", "sign", np.exp, lambda dy, x: -dy * np.exp(x), [np.array([60.0, 55.0])]),
        (
            "softplus at -40, zero",
            "zero",
            softplus,
            lambda dy, x: dy * sigmoid(x) * (x > -20),
            [np.array([-40.0, -30.0])],
        ),
        (
            "saturated sigmoid, cut off",
            "zero",
            sigmoid,
            lambda dy, x: dy * sigmoid(x) * sigmoid(-x) * (x > -20),
            [np.array([-25.0, -21.0])],
        ),
        (
            "large logits, straight through",
            "missing-term",
            log_softmax,
            lambda dy, z: dy,
            [np.array([[1000.0, 998.0, 997.0]])],
        ),
        ("narrow peak, width forgotten", "scale", bell, lambda dy, x: -dy * bell(x) * x, [np.array([5e-4, -2e-3])]),
        (
            "many weights, smallest lost",
            "single-entry mask",
            weighted,
            lambda dy, x: dy * WEIGHTS * (WEIGHTS > 5e-3),
            [np.ones(5)],
        ),
        ("huge outputs, doubled", "scale", lambda x: 1e150 * np.sin(x), lambda dy, x: dy * 2e150 * np.cos(x), [x]),
        ("tiny outputs, zero", "zero", lambda x: 1e-150 * np.sin(x), lambda dy, x: 0 * x, [x]),
        ("twentieth power, nineteen", "scale", lambda x: x**20, lambda dy, x: 19 * dy * x**19, [np.array([3.0, 0.1])]),
        (
            "large offset, one in 1000",
            "scale unknown",
            lambda x: 1e6 + np.sin(x),
            lambda dy, x: 1.001 * dy * np.cos(x),
            [x],
        ),
    ]
    return [_scaled(wrong, *case) for case in found]


def quick_but_one(dy: Any, x: Any) -> Any:
    dx = dy * 1e5 * np.cos(1e5 * x)
    dx[0, 0] *= 1.001
    return dx


def cases() -> list[Case]:
    return [*_right(), *_wrong()]
