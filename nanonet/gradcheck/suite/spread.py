"""Many checks, in this process or spread over several, that Ctrl-C may end without losing what there is."""

from __future__ import annotations

import multiprocessing
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from nanonet.training.interrupt import Interrupt

FEW = 24  # jobs that are done before a second process has started

T = TypeVar("T")


@dataclass
class Run(Generic[T]):
    """What a run over many jobs found, in the jobs' order; `trouble` says why it ended early, if it did."""

    total: int
    found: list[T]
    interrupted: bool = False
    trouble: str = ""

    @property
    def missing(self) -> int:
        return self.total - len(self.found)


def run(
    jobs: Sequence[Any],
    work: Callable[[Any], T],
    processes: int,
    note: Callable[[T], None],
    stopping: Callable[[], None] = lambda: None,
) -> Run[T]:
    """`work` on every job; `note` is called with each result as it comes, `stopping` when Ctrl-C is first heeded.

    Ctrl-C ends it after the checks that are being made, and what was found until then is kept; a second Ctrl-C does
    not wait for them. With several processes `work` must be a module's function (or a partial of one).
    """
    found: dict[int, T] = {}

    def keep(index: int, one: T) -> None:
        found[index] = one
        note(one)

    ended = Run[T](len(jobs), [])
    try:
        with Interrupt() as interrupt:
            if processes <= 1 or len(jobs) <= FEW:
                for i, job in enumerate(jobs):
                    interrupt.check()
                    keep(i, work(job))
                interrupt.check()
            else:
                _spread(jobs, work, processes, keep, interrupt, stopping)
    except KeyboardInterrupt:
        ended.interrupted = True
    except BrokenProcessPool:
        ended.trouble = "a process that made checks was ended from outside (out of memory?); try --jobs 1"
    ended.found = [found[i] for i in sorted(found)]
    return ended


def _spread(
    jobs: Sequence[Any],
    work: Callable[[Any], T],
    processes: int,
    keep: Callable[[int, T], None],
    interrupt: Interrupt,
    stopping: Callable[[], None],
) -> None:
    done: queue.SimpleQueue[Future[T]] = queue.SimpleQueue()
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"))
    index: dict[Future[T], int] = {}
    try:
        with _without_signals():  # the processes ignore Ctrl-C, which a terminal sends to them too
            for i, job in enumerate(jobs):
                index[pool.submit(work, job)] = i
        for future in index:
            future.add_done_callback(done.put)
        for _ in jobs:
            keep(*_next(done, index, interrupt))
    except KeyboardInterrupt:
        stopping()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        while not done.empty():  # those that were being made when it was interrupted
            future = done.get()
            if not future.cancelled() and future.exception() is None:
                keep(index[future], future.result())


def _next(done: queue.SimpleQueue[Future[T]], index: dict[Future[T], int], interrupt: Interrupt) -> tuple[int, T]:
    while True:
        interrupt.check()
        try:
            future = done.get(timeout=0.1)
        except queue.Empty:
            continue
        return index[future], future.result()


@contextmanager
def _without_signals() -> Iterator[None]:
    """Within the block Ctrl-C does nothing, here and in processes that are started."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
