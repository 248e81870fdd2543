"""What is known so far of one variant with one number of threads, and the rows that come of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nanonet_benchmarks import statistics
from nanonet_benchmarks.checking.check import Checked
from nanonet_benchmarks.record import Row, seal
from nanonet_benchmarks.timer import interference
from nanonet_benchmarks.timer.clock import WHOLE
from nanonet_benchmarks.timer.plan import Plan
from nanonet_benchmarks.workloads.base import Variant, Workload

DRIFT, SURE = 0.01, 0.01  # a drift is noted from this share of the median on, where its p-value is this small
Place = tuple[str, str]  # cache, phase


@dataclass
class Contender:
    """skipped: "" or why it is not timed. samples and loads: by cache and phase, a list for each process."""

    number: int
    workload: Workload
    variant: Variant
    threads: int
    skipped: str = ""
    seconds: float = 0.0  # of a call, as it was opened
    checked: Checked | None = None
    calls: dict[str, int] = field(default_factory=dict)
    samples: dict[Place, list[list[float]]] = field(default_factory=dict)
    loads: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    gpu: list[dict[str, Any]] = field(default_factory=list)  # what the GPU timer said of its device, for each process
    _intervals: dict[Place, tuple[int, tuple[float, float]]] = field(default_factory=dict)

    @property
    def worker(self) -> tuple[str, int]:
        """Which worker process it lives in."""
        return self.variant.library, self.threads

    def refuse(self, reason: str, checked: Checked | None = None) -> None:
        """Not timed, or no longer: samples of a variant that was wrong once are worth nothing."""
        self.skipped, self.checked = reason, checked or self.checked
        self.samples.clear()

    def add(self, place: Place, samples: list[float], turn: int) -> None:
        """The samples of one process; `turn`: how many processes measured this workload before.

        Where this variant was not in all of them, it has empty lists: so those of other variants stay in step.
        """
        processes = self.samples.setdefault(place, [])
        processes += [[] for _ in range(turn - len(processes))]
        processes.append(samples)

    def saw(self, checked: Checked) -> None:
        """Keep the check that came nearest to its bound."""
        best = self.checked
        if best is None or checked.error * best.bound >= best.error * checked.bound:
            self.checked = checked

    def is_precise(self, precision: float) -> bool:
        """Are the intervals of the whole call narrow enough? True also for what is not timed."""
        wholes = [place for place in self.samples if place[1] == WHOLE]
        return bool(self.skipped) or (bool(wholes) and all(self._width(place) <= precision for place in wholes))

    def _interval(self, place: Place) -> tuple[float, float]:
        """statistics.interval, which is not computed again until there are more samples."""
        samples = self.samples[place]
        known = self._intervals.get(place)
        if known is None or known[0] != len(samples):
            known = self._intervals[place] = (len(samples), statistics.interval(samples))
        return known[1]

    def _width(self, place: Place) -> float:
        """Width of the 95 % interval of the median, as a share of the median."""
        low, high = self._interval(place)
        return (high - low) / statistics.median(self.samples[place])

    def rows(self, plan: Plan) -> Iterator[Row]:
        """A row for each cache and phase, or one that says why there is none."""
        facts = self._facts()
        if self.skipped or not self.samples:
            reason = self.skipped or "no time left: the run ended before it was measured"
            yield Row(evidence="skipped", reason=reason, **facts)
            return
        for (cache, phase), samples in sorted(self.samples.items(), key=lambda item: item[0][0] != "hot"):
            low, high = self._interval((cache, phase))
            load = interference.together(self.loads.get(cache, []))
            facts |= {"phase": phase, "cache": cache, "calls": self.calls.get(cache), "load": load}
            if phase != WHOLE:
                facts |= {"flops": None, "bytes": None}  # they are those of the whole call
            if self.variant.device == "cuda":
                facts |= _sealed(samples, self.gpu)
            yield Row(
                evidence="measured",
                samples=[list(process) for process in samples],
                median=statistics.median(samples),
                mad=statistics.mad(samples),
                low=low,
                high=high,
                notes=self._notes((cache, phase), plan, load),
                **facts,
            )

    def _notes(self, place: Place, plan: Plan, load: dict[str, float]) -> list[str]:
        """What the reader of a row must know."""
        found = [*_notes(self.samples[place], self._width(place), plan), *interference.notes(load)]
        if any(one.get("throttled") for one in self.gpu):
            found.append("the GPU was slowed down meanwhile, by power or heat")
        return found

    def _facts(self) -> dict[str, Any]:
        workload, checked = self.workload, self.checked
        return {
            "workload": workload.name,
            "size": dict(workload.size),
            "variant": self.variant.name,
            "library": self.variant.library,
            "device": self.variant.device,
            "threads": self.threads,
            "flops": workload.flops,
            "bytes": workload.bytes,
            "error": _number(checked.error) if checked else None,
            "bound": _number(checked.bound) if checked else None,
        }


def _sealed(samples: list[list[float]], said: list[dict[str, Any]]) -> dict[str, Any]:
    """Fields of a row whose samples the GPU timer took: device, clocks, and the seal that ties them together."""
    clocks = [one["clock_mhz"] for one in said if "clock_mhz" in one]
    slowed = any(one.get("throttled") for one in said)
    gpu = dict(said[-1]) | {"throttled": slowed}
    if clocks:
        gpu |= {"clock_mhz": min(clocks), "clock_mhz_most": max(clocks)}
    return {"device": f"cuda: {gpu['device']}", "gpu": gpu | {"seal": seal(samples, gpu)}}


def _number(x: float) -> float | None:
    return x if x == x and abs(x) != float("inf") else None  # JSON knows neither NaN nor infinity


def _notes(samples: list[list[float]], width: float, plan: Plan) -> list[str]:
    """What the samples themselves say about how far they can be trusted."""
    found: list[str] = []
    if (count := sum(1 for process in samples if process)) < plan.processes:
        found.append(f"{count} of {plan.processes} processes: there was no time for more")
    if width > plan.precision:
        found.append(f"the 95 % interval is {width:.1%} of the median; it was not brought below {plan.precision:.0%}")
    change, p = statistics.trend(samples)
    if abs(change) > DRIFT and p < SURE:
        way = "longer" if change > 0 else "shorter"
        found.append(f"drift: calls took {abs(change):.1%} {way} at the end of a process than at its start")
    return found
