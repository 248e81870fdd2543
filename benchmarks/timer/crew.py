"""The worker processes of one generation, and what happens when one of them fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any

from nanonet_benchmarks.timer.contender import Contender
from nanonet_benchmarks.timer.process import CallError, Worker, WorkerError
from nanonet_benchmarks.timer.worker import Sample

LONGEST = 180.0  # seconds for one answer: libraries are imported and kernels compiled meanwhile
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
            self.workers[one].receive(LONGEST)
        except (WorkerError, CallError):
            self.workers.pop(one).close()

    def ask(self, contender: Contender, method: str, *arguments: Any) -> Any:
        """A message about a contender. WorkerError and CallError make it a skipped one, and are raised again."""
        one = contender.worker
        if one not in self.workers:
            self.workers[one] = Worker(*one)
        if method == "open":
            self.opened[contender.number] = self.workers[one]
        self.workers[one].send(method, contender.number, *arguments)
        return self._receive(contender)

    def samples(self, turn: Sequence[Contender], cache: str) -> Iterator[tuple[Contender, Sample]]:
        """One sample of each, in this order. Those of one worker are asked for together: it does not sleep in between.

        Who fails becomes skipped, and has no sample here.
        """
        for _, group in groupby(turn, key=lambda c: c.worker):
            waiting = [c for c in group if self.holds(c)]
            with suppress(WorkerError):
                for one in waiting:
                    self.workers[one.worker].send("sample", one.number, one.calls[cache], cache == "cold")
            for one in waiting:
                if self.holds(one) or one.skipped:
                    with suppress(WorkerError, CallError):
                        yield one, self._receive(one)

    def _receive(self, contender: Contender) -> Any:
        one = contender.worker
        try:
            return self.workers[one].receive(LONGEST)
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
