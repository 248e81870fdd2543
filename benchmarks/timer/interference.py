"""What else ran while something was measured: other processes, other virtual machines, a core that was taken away."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# From here on a note goes onto the row.
OTHERS, STEAL, WAITING = 0.1, 0.02, 0.05


def cpu_seconds() -> tuple[float, float] | None:
    """(busy, stolen) seconds of all cores since the start of the machine; None where the system does not tell.

    From the first line of /proc/stat (proc(5)): user, nice, system, idle, iowait, irq, softirq, steal.
    """
    try:
        with Path("/proc/stat").open(encoding="ascii") as file:
            ticks = [int(x) for x in file.readline().split()[1:9]]
    except OSError:
        return None
    user, nice, system, _, _, irq, softirq, steal = ticks
    per_second = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / per_second, steal / per_second


def pushed_aside() -> int:
    """How often this process lost its core against its will."""
    try:
        import resource
    except ImportError:  # not on Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


@dataclass
class Watch:
    """Load of the machine from `Watch.start()` to `stop(own)`, where own is the CPU time of what was measured."""

    began: float
    before: tuple[float, float] | None

    @staticmethod
    def start() -> Watch:
        return Watch(time.perf_counter(), cpu_seconds())

    def stop(self, own: float) -> dict[str, float]:
        """{"others": cores that other processes used, "steal": cores that other virtual machines took, "wall": s}."""
        wall, after = time.perf_counter() - self.began, cpu_seconds()
        if self.before is None or after is None or wall <= 0:
            return {}
        busy, stolen = after[0] - self.before[0], after[1] - self.before[1]
        return {"others": max(0.0, busy - own) / wall, "steal": stolen / wall, "wall": wall}


def together(loads: list[dict[str, float]]) -> dict[str, float]:
    """Means over processes; a process counts by how long it was watched."""
    weights = [load.get("wall", 0.0) for load in loads]
    names = sorted({name for load in loads for name in load} - {"wall"})
    if not sum(weights):
        return {}
    return {n: sum(w * x.get(n, 0.0) for w, x in zip(weights, loads, strict=True)) / sum(weights) for n in names}


def notes(load: dict[str, Any]) -> list[str]:
    """What a reader must know of it."""
    found: list[str] = []
    if load.get("others", 0) > OTHERS:
        found.append(f"interference: other processes used {load['others']:.2f} of a core meanwhile")
    if load.get("steal", 0) > STEAL:
        found.append(f"interference: other virtual machines took {load['steal']:.2f} of a core meanwhile")
    if load.get("waiting", 0) > WAITING:
        found.append(f"interference: for {load['waiting']:.0%} of the time it had no core to run on")
    return found
