"""The threads of the CPU kernels: a small pool of ours, whose threads sleep when they have nothing to do.

Numba's own parallel loops start a second pool beside that of the BLAS. Its OpenMP threads spin while they wait, so on
a small machine both pools fight for the same cores: a small training step was measured 10 to 50 times slower. Here
kernels release Python's lock (`nogil`), and `split` gives each thread one part of the work. Nothing spins.
`python -m nanonet_benchmarks.thread_pools` measures the difference.

The threads of OpenBLAS spin too, for about a tenth of a second after each product (measured; 2²⁸ ticks in its source),
and to the system a core with a spinning thread is as busy as the caller's own. It would then often put our thread on
the caller's core, where it is of no use. So our threads keep off the core that the caller is on.

How many threads: NANONET_NUM_THREADS, else as many as this process may run on; `set_threads` changes it.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

PARTS = 4  # for each thread: one that gets less of a core than the others, or wakes late, takes fewer


def _asked() -> int:
    asked = os.environ.get("NANONET_NUM_THREADS")
    if asked is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not asked.strip().isdecimal() or int(asked) < 1:
        raise ValueError(
            f"NANONET_NUM_THREADS: expected a whole number of 1 or more, got {asked!r}; correct or unset it"
        )
    return int(asked)


_count = _asked()


def threads() -> int:
    """How many threads the kernels use."""
    return _count


def set_threads(count: int) -> None:
    """Use `count` threads from now on; 1 keeps everything in the calling thread. Work under way is not touched."""
    global _count
    if count < 1:
        raise ValueError(f"set_threads: expected 1 or more, got {count}")
    _count = count


def split(n: int, least: int, work: Callable[[int, int], None]) -> None:
    """work(start, stop) for parts that cover range(n), at the same time; here and now where a part would be < least.

    There are up to PARTS parts for each thread, which takes another one when it has done one. Returns when all parts
    are done, and raises what the first of the parts that failed raised. `work` may itself call `split`: the calling
    thread takes every part that no other has taken, so nobody waits for a thread to come free.
    """
    parts = min(_count * PARTS, n // max(least, 1)) if _count > 1 else 1
    if parts <= 1:
        work(0, n)
        return
    job = _Job(n, parts, work)
    _crew.call(job, min(_count, parts) - 1)
    job.help()
    job.wait()


class _Job:
    """The parts of one `split`, and which of them are taken and done."""

    def __init__(self, n: int, parts: int, work: Callable[[int, int], None]) -> None:
        self.bounds = [n * i // parts for i in range(parts + 1)]
        self.work = work
        self.untaken = iter(range(parts))  # next() on it is one step for all threads
        self.unfinished = itertools.count(parts - 1, -1)
        self.core = _core()
        self.done = threading.Lock()
        self.done.acquire()
        self.errors: dict[int, BaseException] = {}

    def help(self) -> None:
        """Do parts until none is left to take."""
        for part in self.untaken:
            try:
                self.work(self.bounds[part], self.bounds[part + 1])
            except BaseException as error:
                self.errors[part] = error
            if next(self.unfinished) == 0:
                self.done.release()

    def wait(self) -> None:
        """Until every part is done: also when interrupted, since the parts write into the caller's arrays."""
        interrupt: BaseException | None = None
        while True:
            try:
                self.done.acquire()
                break
            except BaseException as error:
                interrupt = error
        if interrupt is not None:
            raise interrupt
        if self.errors:
            raise self.errors[min(self.errors)]


class _Crew:
    """Threads that wait for jobs; started when first needed, and never more than were needed at once."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[_Job] = SimpleQueue()
        self.lock = threading.Lock()
        self.size = 0

    def call(self, job: _Job, helpers: int) -> None:
        """Ask for that many helpers. Those who come too late find nothing to do."""
        if self.size < helpers:
            with self.lock:
                while self.size < helpers:
                    self.size += 1
                    threading.Thread(target=self._serve, name=f"nanonet-kernel-{self.size}", daemon=True).start()
        for _ in range(helpers):
            self.jobs.put(job)

    def _serve(self) -> None:
        place = _Place()
        while True:
            job = self.jobs.get()
            place.keep_off(job.core)
            job.help()
            del job  # holds the caller's arrays


class _Place:
    """On which cores a thread of ours may run."""

    def __init__(self) -> None:
        self.allowed: set[int] = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
        self.avoided: int | None = None

    def keep_off(self, core: int | None) -> None:
        if core == self.avoided or not self.allowed - {core}:
            return
        try:
            os.sched_setaffinity(0, self.allowed - {core})  # of the calling thread alone
        except OSError:  # the cores that the process may use were changed
            self.allowed = set()
        self.avoided = core


def _find_core() -> Callable[[], int] | None:
    """sched_getcpu of the C library, which takes less than a microsecond; None where there is none."""
    try:
        return ctypes.PyDLL(None).sched_getcpu
    except (AttributeError, OSError, TypeError):
        return None


_getcpu = _find_core() if hasattr(os, "sched_setaffinity") else None


def _core() -> int | None:
    """The core that the calling thread is on."""
    return _getcpu() if _getcpu else None


def _new_crew() -> None:
    """In a forked child there are no threads but the one that forked."""
    global _crew
    _crew = _Crew()


_crew = _Crew()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_crew)
