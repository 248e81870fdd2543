"""One case of the corpus: a pair of NumPy functions, its inputs, and what a checker may say of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

ORDINARY, BADLY_SCALED, NOISY, CONDUCT = "ordinary", "badly scaled", "noisy", "conduct"
NEVER_PASSED = ("fail", "kink", "inconclusive")


@dataclass(frozen=True)
class Case:
    """A forward and a backward, and whether the one is the gradient of the other.

    name        family/what it is, unique
    forward     forward(*inputs) -> y; with cache=True (y, cache)
    backward    backward(dy, *inputs) -> gradient or tuple; with cache=True backward(dy, cache)
    inputs      arrays; only the floating ones want a gradient
    label       "right", "wrong", or "kinked": the point sits on a kink
    expected    the verdicts that are acceptable, of "pass fail kink subgradient inconclusive"
    kinds       wrong: names of the mistake, any of which explains it; "unknown" where it has none
    trait       "ordinary", "badly scaled", "noisy", or "conduct": backward's value may be right when it is called
                once with nothing before it, but it changes its arguments or keeps what it should not
    model       the exact function that forward stands for, where forward rounds or does not go through with
                numbers of many digits; None: forward itself
    precision   relative to the largest element of the true gradient: an error within which backward is right
    """

    name: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    inputs: tuple[Any, ...]
    label: str
    expected: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    trait: str = ORDINARY
    cache: bool = False
    model: Callable[..., Any] | None = None
    precision: float = 1e-9

    @property
    def family(self) -> str:
        return self.name.split("/")[0]

    @property
    def floating(self) -> tuple[int, ...]:
        """Which inputs want a gradient."""
        return tuple(i for i, x in enumerate(self.inputs) if np.asarray(x).dtype.kind == "f")

    def accepts(self, verdict: str) -> bool:
        """Is this verdict right? A checker that knows only pass and fail passes a subgradient and fails a kink."""
        if verdict == "pass":
            return bool({"pass", "subgradient"} & set(self.expected))
        if verdict == "fail":
            return bool({"fail", "kink"} & set(self.expected))
        return verdict in self.expected


def right(
    name: str, forward: Callable[..., Any], backward: Callable[..., Any], inputs: Sequence[Any], **more: Any
) -> Case:
    """A backward that is the gradient."""
    return Case(name, forward, backward, tuple(inputs), **({"label": "right", "expected": ("pass",)} | more))


def wrong(
    name: str,
    kinds: str,
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: Sequence[Any],
    **more: Any,
) -> Case:
    """A backward with a mistake; `kinds`: its names, divided by spaces."""
    fixed: dict[str, Any] = {"label": "wrong", "expected": ("fail",), "kinds": tuple(kinds.split())}
    return Case(name, forward, backward, tuple(inputs), **(fixed | more))


def kinked(
    name: str,
    expected: str,
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: Sequence[Any],
    **more: Any,
) -> Case:
    """A point on a kink; `expected`: the acceptable verdicts, divided by spaces."""
    return Case(
        name, forward, backward, tuple(inputs), **({"label": "kinked", "expected": tuple(expected.split())} | more)
    )
