"""Measure workloads: fresh processes, all variants of a workload in turn, until the intervals are small enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nanonet_benchmarks.record import Row
from nanonet_benchmarks.timer.plan import Plan, Progress
from nanonet_benchmarks.workloads.base import Workload


def run(
    workloads: Sequence[Workload], plan: Plan | None = None, progress: Callable[[Progress], None] | None = None
) -> list[Row]:
    """A row for every variant, cache state, number of threads and phase, in the order of the workloads.

    A variant that cannot run here becomes a skipped row with the reason, and so does one whose result is wrong: it is
    not timed. KeyboardInterrupt ends the run early: the rows hold what was measured until then.
    """
    raise NotImplementedError
