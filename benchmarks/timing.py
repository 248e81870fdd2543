"""Timing that alternates between contenders, so that a slow moment of the machine hits all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds of one call: median, quartiles, and how many calls."""

    median: float
    low: float
    high: float
    count: int

    @staticmethod
    def of(seconds: Iterable[float]) -> Timing:
        found = sorted(seconds)
        low, _, high = statistics.quantiles(found, n=4)
        return Timing(statistics.median(found), low, high, len(found))

    def __str__(self) -> str:
        return f"{1e6 * self.median:9.1f} µs  [{1e6 * self.low:.1f}, {1e6 * self.high:.1f}]"


def measure(f: Callable[[], object], calls: int) -> list[float]:
    """Seconds of each of `calls` calls."""
    seconds: list[float] = []
    for _ in range(calls):
        start = time.perf_counter()
        f()
        seconds.append(time.perf_counter() - start)
    return seconds


def interleaved(contenders: Mapping[str, Callable[[int], list[float]]], rounds: int, calls: int) -> dict[str, Timing]:
    """Each contender, called with a number, times so many calls of itself; they take turns for `rounds` rounds.

    The first round warms up and is not counted.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, run in contenders.items():
            found = run(calls)
            if turn:
                seconds[name] += found
    return {name: Timing.of(found) for name, found in seconds.items()}
