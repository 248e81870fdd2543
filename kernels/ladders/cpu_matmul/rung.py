"""What a ladder says of each of its rungs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Rung:
    """One way to compute out = a @ b.

    function    function(a, b, out=None) -> out, float32, any shapes and strides; its docstring says more
    idea        what it adds to the rung before, in one sentence
    level       from where the bytes come that `intensity` counts
    intensity   intensity(M, N, K): flops per byte from that level
    largest     M = N = K up to which a measurement takes a sensible time, and for which the rung is meant
    threads     whether it uses more than one
    """

    name: str
    function: Callable[..., Any]
    idea: str
    level: str
    intensity: Callable[[int, int, int], float]
    largest: int
    threads: bool = False


def flops(M: int, N: int, K: int) -> int:
    """A multiplication and an addition for each of M · N · K products."""
    return 2 * M * N * K
