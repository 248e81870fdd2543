"""One workload in one generation of processes: open, check, calibrate, take turns, check again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from nanonet_benchmarks.timer.clock import WHOLE
from nanonet_benchmarks.timer.contender import Contender
from nanonet_benchmarks.timer.interference import Watch
from nanonet_benchmarks.timer.plan import Plan
from nanonet_benchmarks.timer.process import CallError, Worker, WorkerError
from nanonet_benchmarks.timer.worker import Sample

START = 180.0  # seconds for opening a variant: libraries are imported and kernels compiled then
Id = tuple[str, int]


class Crew:
    """The worker processes of one generation, by library and number of threads."""

    def __init__(self, ids: Iterable[Id]) -> None:
        self.opened: dict[int, Worker] = {}
        self.workers = {one: Worker(*one) for one in sorted(ids)}
        for worker in self.workers.values():
            worker.send("start")  # all of them import their libraries at the same time

    def __enter__(self) -> Crew:
        try:
            for one in self.workers:
                self.wait(one)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def wait(self, one: Id) -> None:
        """Until the worker has imported its library. One that cannot says so again when a variant is opened."""
        try:
            self.workers[one].receive(START)
        except (WorkerError, CallError):
            self.workers.pop(one).close()

    def ask(self, contender: Contender, method: str, *arguments: Any, seconds: float) -> Any:
        """A message about a contender. WorkerError and CallError make it a skipped one, and are raised again."""
        one = contender.worker
        if one not in self.workers:
            self.workers[one] = Worker(*one)
        if method == "open":
            self.opened[contender.number] = self.workers[one]
        try:
            return self.workers[one].ask(method, contender.number, *arguments, seconds=seconds)
        except CallError as error:
            contender.refuse(f"it failed: {error}")
            raise
        except WorkerError as error:
            contender.refuse(str(error))
            self.workers.pop(one).close()
            raise

    def holds(self, contender: Contender) -> bool:
        """Can it be called? Not if it failed, or if its process ended, be it through the fault of another one."""
        opened = self.opened.get(contender.number)
        return not contender.skipped and opened is not None and opened is self.workers.get(contender.worker)

    def used(self) -> float:
        """CPU seconds of all workers until now."""
        return sum(worker.ask("used") for worker in self.workers.values())

    def close(self) -> None:
        for worker in self.workers.values():
            worker.close()


def take_turns(group: list[Contender], crew: Crew, plan: Plan, rng: np.random.Generator, generation: int) -> None:
    """Samples of every contender from one process each. A contender that is wrong or fails is skipped from now on."""
    seed = 1000 * (plan.seed + 1) + 10 * generation
    ready = [c for c in _shuffled(group, rng) if not c.skipped and _open(c, crew, plan, seed)]
    for cache in plan.caches:
        _rounds(ready, crew, plan, rng, cache)
    for contender in group:
        if contender in ready and crew.holds(contender):
            _finish(contender, crew, plan, seed)


def _shuffled(items: list[Contender], rng: np.random.Generator) -> list[Contender]:
    return [items[i] for i in rng.permutation(len(items))]


def _open(contender: Contender, crew: Crew, plan: Plan, seed: int) -> bool:
    """Prepared, right, and fast enough to be timed?"""
    workload, name = contender.workload, contender.variant.name
    try:
        checked, took = crew.ask(contender, "open", workload.name, workload.size, name, seed, seconds=START)
        if checked.refused:
            contender.refuse(f"refused: {checked.refused}", checked)
            return False
        contender.saw(checked)
        if took > plan.call_limit:
            contender.refuse(f"one call takes {took:.1f} s, more than the {plan.call_limit:g} s of this plan")
            return False
        if "hot" not in contender.calls:
            contender.calls["hot"] = crew.ask(contender, "calibrate", plan.sample, seconds=START)
            contender.calls["cold"] = 1
    except (WorkerError, CallError):
        return False
    return True


def _rounds(ready: list[Contender], crew: Crew, plan: Plan, rng: np.random.Generator, cache: str) -> None:
    """All contenders in a random order and then back again, round by round: a steady drift hits all of them alike."""
    taken: dict[int, list[Sample]] = {c.number: [] for c in ready}
    turn = max((len(c.samples.get((cache, WHOLE), [])) for c in ready), default=0)
    own, watch, spent = crew.used(), Watch.start(), 0.0
    for _ in range(plan.rounds):
        order = _shuffled([c for c in ready if crew.holds(c)], rng)
        for contender in order + order[::-1]:
            if not crew.holds(contender):
                continue
            try:
                one = crew.ask(contender, "sample", contender.calls[cache], cache == "cold", seconds=START)
            except (WorkerError, CallError):
                continue
            taken[contender.number].append(one)
            spent += one.wall
        if spent > plan.workload_seconds:
            break
    load = watch.stop(crew.used() - own)
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
        checked = crew.ask(contender, "check", seed + 2, contender.calls["hot"], seconds=START)
        if checked.refused:
            contender.refuse(f"refused: {checked.refused}", checked)
            return
        contender.saw(checked)
        crew.ask(contender, "close", seconds=START)
    except (WorkerError, CallError):
        return
