"""Seconds of one call: calibrated samples, hot or cold, with Python's garbage collector off."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import repeat
from typing import Any

from nanonet_benchmarks.timer.cache import evict
from nanonet_benchmarks.workloads.base import Prepared

LEAST_TICKS = 1000  # a sample is at least so many steps of the clock
MOST_CALLS = 1 << 20
WHOLE = ""  # the phase that is all phases


@cache
def resolution() -> float:
    """Seconds of the smallest step that the clock was seen to take."""
    steps: list[int] = []
    while len(steps) < 100:
        start = now = time.perf_counter_ns()
        while now == start:
            now = time.perf_counter_ns()
        steps.append(now - start)
    return min(steps) * 1e-9


@contextmanager
def collector_off() -> Iterator[None]:
    """No garbage collection within: it would hit one variant with what another left behind."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def seconds(call: Callable[[], Any], calls: int) -> float:
    """Seconds of `calls` calls, together."""
    loop = repeat(None, calls)
    start = time.perf_counter_ns()
    for _ in loop:
        call()
    return (time.perf_counter_ns() - start) * 1e-9


def calibrate(call: Callable[[], Any], least: float) -> int:
    """Calls that take `least` seconds, and 1,000 steps of the clock, at least."""
    least = max(least, LEAST_TICKS * resolution())
    calls = 1
    with collector_off():
        while calls < MOST_CALLS:
            took = seconds(call, calls)
            if took >= least:
                return calls
            calls = min(MOST_CALLS, max(2 * calls, int(calls * least / max(took, 1e-9))))
    return calls


def sample(prepared: Prepared, calls: int, cold: bool = False) -> dict[str, float]:
    """Seconds of one call, for every phase and as a whole: the mean of `calls` calls; cold: of one call after eviction.

    Before a hot sample there is a call that does not count: since the last one, others had their turns. A phase is
    timed by the clock before and after it, and the whole is the sum of its phases.
    """
    if cold:
        evict()
        calls = 1
    with collector_off():
        if not cold:
            prepared.call()
        if not prepared.phases:
            return {WHOLE: seconds(prepared.call, calls) / calls}
        return _phases(prepared, calls)


def _phases(prepared: Prepared, calls: int) -> dict[str, float]:
    names, parts = list(prepared.phases), list(prepared.phases.values())
    spent, now = [0] * len(parts), time.perf_counter_ns
    for _ in repeat(None, calls):
        for i, part in enumerate(parts):
            start = now()
            part()
            spent[i] += now() - start
    took = {name: ns * 1e-9 / calls for name, ns in zip(names, spent, strict=True)}
    return {WHOLE: sum(took.values())} | took
