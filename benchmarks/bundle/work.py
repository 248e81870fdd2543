"""The measuring itself, on the machine with the GPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nanonet_benchmarks import timer
from nanonet_benchmarks.record import Row
from nanonet_benchmarks.workloads import Workload, find


def run(plan: dict[str, Any], seconds: float, told: Callable[[float, str], None]) -> list[Row]:
    """Rows of the plan's workloads, on the GPU only; after Ctrl-C those that there are."""
    chosen = [workload(one) for one in plan["work"]]
    return timer.run(chosen, timer.Plan(seconds=seconds), lambda news: told(news.fraction, news.text))


def workload(one: dict[str, Any]) -> Workload:
    """A workload of the plan with the variants that the plan names."""
    found = find(one["workload"], **one["size"])
    wanted = [variant for variant in found.variants if variant.name in one["variants"] and variant.device == "cuda"]
    return replace(found, variants=wanted)
