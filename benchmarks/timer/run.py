"""Measure workloads: fresh processes, all variants of a workload in turn, until the intervals are small enough."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise

import numpy as np

from nanonet_benchmarks.record import Row
from nanonet_benchmarks.statistics import paired
from nanonet_benchmarks.timer.clock import WHOLE
from nanonet_benchmarks.timer.contender import Contender
from nanonet_benchmarks.timer.crew import Crew
from nanonet_benchmarks.timer.plan import Plan, Progress
from nanonet_benchmarks.timer.turns import take_turns
from nanonet_benchmarks.workloads.base import Workload

Tell = Callable[[Progress], None]
LEAST = 5.0  # seconds that the first workload may take in any case


def run(workloads: Sequence[Workload], plan: Plan | None = None, progress: Tell | None = None) -> list[Row]:
    """A row for every variant, cache state, number of threads and phase, in the order of the workloads.

    A variant that cannot run here becomes a skipped row with the reason, and so does one whose result is wrong: it is
    not timed. KeyboardInterrupt ends the run early: the rows hold what was measured until then.
    """
    session = Session(workloads, plan or Plan(), progress or _nobody)
    with suppress(KeyboardInterrupt):
        session.measure()
    return session.rows()


class Session:
    """One run. The outer loop is over generations of fresh processes, the inner one over workloads in random order."""

    def __init__(self, workloads: Sequence[Workload], plan: Plan, tell: Tell) -> None:
        self.plan, self.tell = plan, tell
        self.rng = np.random.default_rng(plan.seed)
        self.groups = _contenders(workloads, plan)
        self.began = time.perf_counter()
        self.end = self.began + plan.seconds
        self.steps = 0  # workloads measured, in all generations
        self.start, self.cost = 0.0, [0.0] * len(self.groups)  # seconds that starting, and each workload, last took

    def measure(self) -> None:
        """Generations, until every interval is small enough or the time is over."""
        for generation in range(self.plan.most_processes):
            waiting = [i for i, group in enumerate(self.groups) if not all(c.skipped for c in group)]
            if generation >= self.plan.processes:
                waiting = [i for i in waiting if not is_precise(self.groups[i], self.plan)]
            left = self.end - time.perf_counter() - self.start
            waiting = [i for i in waiting if self.cost[i] < left or not self.steps]
            if not waiting:
                return
            self._generation(generation, waiting)

    def _generation(self, generation: int, waiting: list[int]) -> None:
        """Every group once, in fresh processes: first in the order given, so that the first ones are measured where the
        time is short, and later in random order."""
        order = [waiting[i] for i in self.rng.permutation(len(waiting))] if generation else waiting
        text = f"process {generation + 1} of {self.plan.processes} or more"
        self.tell(Progress(self._fraction(), f"{text}: starting"))
        began = time.perf_counter()
        with Crew({c.worker for i in order for c in self.groups[i] if not c.skipped}) as crew:
            now = time.perf_counter()
            self.start = now - began
            for i in order:
                began, group = now, self.groups[i]
                if began + self.cost[i] > self.end and self.steps:
                    continue
                self.tell(Progress(self._fraction(), f"{text}: {_title(group[0].workload)}"))
                until = self.end if self.steps else max(self.end, began + LEAST)
                take_turns(group, crew, self.plan, self.rng, generation, until)
                self.steps += 1
                now = time.perf_counter()
                self.cost[i] = now - began
                if self.tell is not _nobody:
                    for row in (row for contender in group for row in contender.rows(self.plan)):
                        self.tell(Progress(self._fraction(), f"{text}: {_title(group[0].workload)}", row))

    def _fraction(self) -> float:
        """How much of the work or of the time is behind us, whichever is more."""
        work = self.steps / max(len(self.groups) * self.plan.most_processes, 1)
        spent = (time.perf_counter() - self.began) / max(self.plan.seconds, 1e-9)
        return min(1.0, max(work, spent))

    def rows(self) -> list[Row]:
        return [row for group in self.groups for contender in group for row in contender.rows(self.plan)]


def _nobody(progress: Progress) -> None:
    """Is told when nobody asked."""


def is_precise(group: list[Contender], plan: Plan) -> bool:
    """Need the variants of a workload no more processes?"""
    return all(c.is_precise(plan.precision) for c in group) or _ratios_are_precise(group, plan.ratios)


def _ratios_are_precise(group: list[Contender], width: float) -> bool:
    """Is the ratio of each variant to the one before it known that well?"""
    timed = [c for c in group if not c.skipped]
    for one, other in pairwise(timed):
        for place in one.samples:
            if place[1] == WHOLE and place in other.samples:
                pair = one.samples[place], other.samples[place]
                if not any(a and b for a, b in zip(*pair, strict=False)):
                    return False  # never in the same process
                found = paired(*pair)
                if found.high - found.low > width * found.ratio:
                    return False
    return len(timed) > 1


def _title(workload: Workload) -> str:
    return " ".join([workload.name, *(f"{k}={v}" for k, v in workload.size.items())])


def _contenders(workloads: Sequence[Workload], plan: Plan) -> list[list[Contender]]:
    """Every variant with every number of threads that it can use, by workload."""
    groups: list[list[Contender]] = []
    number = 0
    for workload in workloads:
        group: list[Contender] = []
        for variant in workload.variants:
            reason = variant.available()
            most = variant.most_threads or max(plan.threads)
            for threads in sorted({min(count, most) for count in plan.threads}):
                group.append(Contender(number := number + 1, workload, variant, threads, reason))
        groups.append(group)
    return groups
