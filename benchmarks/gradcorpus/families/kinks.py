"""Points on a kink, close to one, and at places that only look like one."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_benchmarks.gradcorpus.case import Case, kinked, right, wrong
from nanonet_benchmarks.gradcorpus.families.functions import leaky, relu

REFUSED = "kink fail"  # not between the slopes
STEEP = "fail kink inconclusive"  # there is no finite slope: nothing passes


def times(slope: Any) -> Any:
    """A backward that gives dy times a slope."""
    return lambda dy, *inputs: dy * slope


def _single() -> list[Case]:
    """One element, one kink."""
    zero, both = np.zeros(2), np.array([0.0, 1.3])

    def clip(x: Any) -> Any:
        return np.minimum(np.maximum(x, -1.0), 1.0)

    def shrink(x: Any) -> Any:
        return relu(x - 0.5) - relu(-x - 0.5)

    return [
        kinked("absolute value, gradient 0", "subgradient", np.abs, times(0.0), [zero]),
        kinked("absolute value, gradient 1", "subgradient", np.abs, times(1.0), [zero]),
        kinked("absolute value, gradient 2", REFUSED, np.abs, times(2.0), [zero]),
        kinked("absolute value, gradient -1.5", REFUSED, np.abs, times(-1.5), [zero]),
        kinked("relu, gradient 0", "subgradient", relu, lambda dy, x: dy * (x > 0), [both]),
        kinked("relu, gradient 1", "subgradient", relu, lambda dy, x: dy * (x >= 0), [both]),
        kinked("relu, gradient a half", "subgradient", relu, lambda dy, x: dy * np.heaviside(x, 0.5), [both]),
        kinked("relu, gradient -0.5", REFUSED, relu, lambda dy, x: dy * np.heaviside(x, -0.5), [both]),
        kinked("relu, gradient 1.5", REFUSED, relu, lambda dy, x: dy * np.heaviside(x, 1.5), [both]),
        kinked("relu, smooth element wrong", REFUSED, relu, lambda dy, x: dy * 1.1 * (x > 0), [both]),
        kinked("leaky, gradient 0.01", "subgradient", leaky, lambda dy, x: dy * np.where(x > 0, 1, 0.01), [both]),
        kinked("leaky, gradient 0", REFUSED, leaky, lambda dy, x: dy * np.heaviside(x, 0), [both]),
        kinked("clip, gradient 1", "subgradient", clip, lambda dy, x: dy * (np.abs(x) <= 1), [both - 1]),
        kinked("clip, gradient 0", "subgradient", clip, lambda dy, x: dy * (np.abs(x) < 1), [both - 1]),
        kinked("clip, gradient -1", REFUSED, clip, times(np.array([-1.0, 1.0])), [both - 1]),
        kinked("soft threshold", "subgradient", shrink, lambda dy, x: dy * (np.abs(x) > 0.5), [np.array([0.5, 1.0])]),
        kinked("hinge at the margin", "subgradient", lambda x: relu(1 - x), lambda dy, x: -dy * (x < 1), [np.ones(2)]),
        kinked("root at 0, infinite", STEEP, np.sqrt, times(np.inf), [np.zeros(1)]),
        kinked("root at 0, gradient 0", STEEP, np.sqrt, times(0.0), [np.zeros(1)]),
    ]


def _joint() -> list[Case]:
    """Several elements that meet in a kink; a gradient may be between the slopes for each alone and yet be none."""
    tie, a = np.array([0.7, 0.7, -1.0]), np.array([0.4, -0.3])
    flat = np.array([0.2, 0.2, 0.9])

    def norm(x: Any) -> Any:
        return np.sqrt(np.sum(x * x))

    def variation(x: Any) -> Any:
        return np.sum(np.abs(x[1:] - x[:-1]))

    def variation_dx(dy: Any, x: Any) -> Any:
        s = np.sign(x[1:] - x[:-1])
        return dy * (np.append(0, s) - np.append(s, 0))

    return [
        kinked("largest, first of a tie", "subgradient", np.max, times(np.array([1.0, 0, 0])), [tie]),
        kinked("largest, a half each", "subgradient", np.max, times(np.array([0.5, 0.5, 0])), [tie]),
        kinked("largest, all to both", REFUSED, np.max, lambda dy, x: dy * (x == x.max()), [tie]),
        kinked("largest, nothing", REFUSED, np.max, times(np.zeros(3)), [tie]),
        kinked("larger, first", "subgradient", np.maximum, lambda dy, a, b: (dy, 0 * dy), [a, a]),
        kinked("larger, a half each", "subgradient", np.maximum, lambda dy, a, b: (dy / 2, dy / 2), [a, a]),
        kinked("larger, all to both", REFUSED, np.maximum, lambda dy, a, b: (dy * (a >= b), dy * (b >= a)), [a, a]),
        kinked("norm at 0, gradient 0", "subgradient", norm, times(np.zeros(3)), [np.zeros(3)]),
        kinked("norm at 0, x / 0", STEEP, norm, lambda dy, x: dy * x / norm(x), [np.zeros(3)]),
        kinked("variation, equal neighbours", "subgradient", variation, variation_dx, [flat]),
        kinked("variation, doubled", REFUSED, variation, lambda dy, x: 2 * variation_dx(dy, x), [flat]),
    ]


def _near() -> list[Case]:
    """No kink at the point itself."""
    close = np.array([1e-6, -1e-6, 2.0])
    return [
        right("relu close to 0", relu, lambda dy, x: dy * (x > 0), [close]),
        right("relu very close to 0", relu, lambda dy, x: dy * (x > 0), [np.array([1e-12, -1e-12])]),
        right("absolute value close to 0", np.abs, lambda dy, x: dy * np.sign(x), [np.array([1e-9, -3e-8])]),
        right("larger, nearly equal", np.maximum, lambda dy, a, b: (dy, 0 * dy), [close + 1e-7, close]),
        right("x |x| at 0", lambda x: x * np.abs(x), lambda dy, x: dy * 2 * np.abs(x), [np.array([0.0, -1.0])]),
        right("relu squared at 0", lambda x: relu(x) ** 2, lambda dy, x: dy * 2 * relu(x), [np.array([0.0, 1.0])]),
        right("|x| cubed at 0", lambda x: np.abs(x) ** 3, lambda dy, x: dy * 3 * x * np.abs(x), [np.zeros(2)]),
        right("rounding, away from a step", np.rint, times(0.0), [np.array([0.3, 1.2])]),
        right("sign, away from 0", np.sign, times(0.0), [np.array([0.3, -1.2])]),
        wrong("relu close to 0, nothing", "mask zero single-entry", relu, lambda dy, x: dy * (x > 1e-5), [close]),
        wrong("relu close to 0, the other side", "mask", relu, lambda dy, x: dy * (x > -1e-5), [close]),
        wrong(
            "larger, nearly equal, both", "unknown mask", np.maximum, lambda dy, a, b: (dy, dy), [close + 1e-7, close]
        ),
        wrong("relu of the upstream", "unknown mask", relu, lambda dy, x: relu(dy) * (x > 0), [np.linspace(-1, 2, 9)]),
        wrong(
            "x |x| at 0, one",
            "unknown single-entry",
            lambda x: x * np.abs(x),
            lambda dy, x: dy * np.where(x == 0, 1, 2 * np.abs(x)),
            [np.array([0.0, -1.0])],
        ),
        # The straight-through estimator is used on purpose, but it is not the derivative, which is 0.
        wrong("rounding, straight through", "unknown extra-factor", np.rint, times(1.0), [np.array([0.3, 1.2])]),
    ]


def cases() -> list[Case]:
    return [*_single(), *_joint(), *_near()]
