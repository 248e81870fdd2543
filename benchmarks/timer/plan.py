"""How long and how often is measured, and what is told meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from nanonet_benchmarks.record import Row


@dataclass(frozen=True)
class Plan:
    """What `run` may spend, and when it may stop.

    seconds     limit for the whole run. What would overrun is not begun: a workload that took longer in an earlier
                process than is left now, or a variant that nothing has been asked of when the time is over
    processes   fresh processes for every variant, at least: what differs between processes (where the arrays lie in
                memory, above all) is part of the noise, and one process cannot show it
    most_processes  it goes on with more of them, up to so many, until every interval is small enough
    precision   the 95 % interval of the median is to be narrower than this share of the median
    ratios      or the interval of every variant's time, divided by that of the variant before it, narrower than this.
                Medians waver with the speed of the machine; ratios of variants that take turns hardly do
    rounds      rounds in a process: each visits all variants in a random order and then back again, so that every
                variant gives two samples a round
    sample      seconds: a hot sample is as many calls as take that long
    slow        seconds: a variant whose call takes longer is measured in the first process only
    workload_seconds  what the rounds of one workload may take in one process: with slow variants there are fewer rounds
    caches      "hot": operands in the cache from the call before. "cold": evicted before every call
    threads     numbers of threads to measure with
    call_limit  seconds: a variant whose call takes longer is killed and skipped
    seed        of the order, and of the inputs
    """

    seconds: float = 100.0
    processes: int = 5
    most_processes: int = 12
    precision: float = 0.01
    ratios: float = 0.02
    rounds: int = 10
    sample: float = 1e-3
    slow: float = inf
    workload_seconds: float = 0.5
    caches: tuple[str, ...] = ("hot",)
    threads: tuple[int, ...] = (1,)
    call_limit: float = 30.0
    seed: int = 0


@dataclass(frozen=True)
class Progress:
    """Told after every step.

    fraction   0 to 1, of the time or of the work, whichever is nearer to its end
    text       what is being done: "process 2 of 5 or more: gelu n=1048576"
    row        a row as it is known now; it comes again, with the same `Row.key`, when more was measured
    """

    fraction: float
    text: str
    row: Row | None = None
