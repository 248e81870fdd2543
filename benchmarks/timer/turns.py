"""One workload in one generation of processes: open, check, calibrate, take turns, check again."""

from __future__ import annotations

import time
from contextlib import suppress
from math import inf

import numpy as np

from nanonet_benchmarks.timer.clock import WHOLE
from nanonet_benchmarks.timer.contender import Contender
from nanonet_benchmarks.timer.crew import Crew
from nanonet_benchmarks.timer.interference import Watch
from nanonet_benchmarks.timer.plan import Plan
from nanonet_benchmarks.timer.process import CallError, WorkerError
from nanonet_benchmarks.timer.worker import Sample


def take_turns(
    group: list[Contender], crew: Crew, plan: Plan, rng: np.random.Generator, generation: int, until: float = inf
) -> None:
    """Samples of every contender from one process each. A contender that is wrong or fails is skipped from now on.

    until: moment of time.perf_counter() after which no contender is opened and no further round begun.
    """
    seed = 1000 * (plan.seed + 1) + 10 * generation
    wanted = [c for c in _shuffled(group, rng) if not c.skipped and not (generation and c.seconds > plan.slow)]
    ready = [c for c in wanted if time.perf_counter() < until and _open(c, crew, plan, seed)]
    for cache in plan.caches:
        _rounds(ready, crew, plan, rng, cache, until)
    for contender in group:
        if contender in ready and crew.holds(contender):
            _finish(contender, crew, plan, seed)


def _shuffled(items: list[Contender], rng: np.random.Generator) -> list[Contender]:
    return [items[i] for i in rng.permutation(len(items))]


def _open(contender: Contender, crew: Crew, plan: Plan, seed: int) -> bool:
    """Prepared, right, and fast enough to be timed?"""
    workload, name = contender.workload, contender.variant.name
    try:
        checked, took = crew.ask(contender, "open", workload.name, workload.size, name, seed)
        if checked.refused:
            contender.refuse(f"refused: {checked.refused}", checked)
            return False
        contender.saw(checked)
        contender.seconds = took
        if took > plan.call_limit:
            contender.refuse(f"one call takes {took:.1f} s, more than the {plan.call_limit:g} s of this plan")
            return False
        if "hot" not in contender.calls:
            contender.calls["hot"] = crew.ask(contender, "calibrate", plan.sample)
            contender.calls["cold"] = 1
    except (WorkerError, CallError):
        return False
    return True


def _rounds(ready: list[Contender], crew: Crew, plan: Plan, rng: np.random.Generator, cache: str, until: float) -> None:
    """All contenders in a random order and then back again, round by round: a steady drift hits all of them alike."""
    taken: dict[int, list[Sample]] = {c.number: [] for c in ready}
    turn = max((len(c.samples.get((cache, WHOLE), [])) for c in ready), default=0)
    own, watch, spent = crew.used(), Watch.start(), 0.0
    for _ in range(plan.rounds):
        order = _shuffled([c for c in ready if crew.holds(c)], rng)
        for contender, one in crew.samples(order + order[::-1], cache):
            taken[contender.number].append(one)
            spent += one.wall
        if spent > plan.workload_seconds or time.perf_counter() > until:
            break
    load = watch.stop(crew.used() - own)
    for contender in ready:
        if contender.variant.device == "cuda" and crew.holds(contender):
            with suppress(WorkerError, CallError):
                contender.gpu.append(crew.ask(contender, "device"))
    for contender in ready:
        if not contender.skipped and taken[contender.number]:
            _keep(contender, cache, taken[contender.number], load, turn)


def _keep(contender: Contender, cache: str, taken: list[Sample], load: dict[str, float], turn: int) -> None:
    for phase in taken[0].seconds:
        contender.add((cache, phase), [one.seconds[phase] for one in taken], turn)
    wall = sum(one.wall for one in taken)
    own = {"switches": sum(one.pushed for one in taken) / len(taken)}
    if contender.threads == 1:
        own["waiting"] = max(0.0, 1 - sum(one.cpu for one in taken) / wall)
    contender.loads.setdefault(cache, []).append(load | own)


def _finish(contender: Contender, crew: Crew, plan: Plan, seed: int) -> None:
    """Was it still right, called as it was timed and with inputs that it had not seen?"""
    try:
        checked = crew.ask(contender, "check", seed + 2, contender.calls["hot"])
        if checked.refused:
            contender.refuse(f"refused: {checked.refused}", checked)
            return
        contender.saw(checked)
        crew.ask(contender, "close")
    except (WorkerError, CallError):
        return
