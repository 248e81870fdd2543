"""A fresh process that measures: it does what it is told, one message after another, and sleeps in between."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, BinaryIO

from nanonet_benchmarks import workloads
from nanonet_benchmarks.checking.check import Checked, check
from nanonet_benchmarks.timer import clock, interference, threads
from nanonet_benchmarks.timer.clock import WHOLE
from nanonet_benchmarks.timer.gpu import MOST_LAUNCHES, GpuTimer, open_timer
from nanonet_benchmarks.workloads import base
from nanonet_benchmarks.workloads.base import Prepared, Workload, placed


@dataclass(frozen=True)
class Sample:
    """Seconds of one call by phase (see clock.sample), CPU seconds of this process meanwhile, and its lost cores."""

    seconds: dict[str, float]
    cpu: float
    wall: float
    pushed: int


class Bench:
    """The variants that are open in this process. The methods are the messages."""

    def __init__(self, library: str, count: int) -> None:
        self.library, self.threads = library, count
        base.only(library)
        self.open_ones: dict[int, tuple[Workload, Prepared]] = {}
        self.gpu: GpuTimer | None = None  # where the library computes on one

    def start(self) -> None:
        """Import the library, which takes seconds for some: all workers do it at the same time."""
        if self.library == "cuda":
            self.gpu = open_timer()
        elif find_spec(self.library):
            import_module(self.library)

    def open(self, key: int, name: str, size: dict[str, Any], variant: str, seed: int) -> tuple[Checked, float]:
        """Prepare a variant, check it, and say how long a call takes (a second one: the first may have compiled)."""
        workload = workloads.find(name, **size)
        prepared = workload.variant(variant).prepare(placed(workload.inputs(seed)))
        threads.limit(self.library, self.threads)
        checked = check(workload, prepared, seed + 1)
        self.open_ones[key] = workload, prepared
        return checked, 0.0 if checked.refused else clock.seconds(self._waited(prepared), 1)

    def calibrate(self, key: int, least: float) -> int:
        return clock.calibrate(self._waited(self.open_ones[key][1]), least)

    def _waited(self, prepared: Prepared) -> Callable[[], Any]:
        """The call as the host's clock can time it: on a GPU, until it is done."""
        gpu = self.gpu
        return prepared.call if gpu is None else lambda: gpu.end_to_end_seconds(prepared.call)

    def sample(self, key: int, calls: int, cold: bool) -> Sample:
        prepared = self.open_ones[key][1]
        if self.gpu is not None:
            return self._gpu_sample(self.gpu, prepared, calls, cold)
        pushed, cpu, start = interference.pushed_aside(), time.process_time(), time.perf_counter()
        seconds = clock.sample(prepared, calls, cold)
        wall, used = time.perf_counter() - start, time.process_time() - cpu
        return Sample(seconds, used, wall, interference.pushed_aside() - pushed)

    def _gpu_sample(self, gpu: GpuTimer, prepared: Prepared, calls: int, cold: bool) -> Sample:
        start = time.perf_counter()
        seconds = {WHOLE: gpu.seconds(prepared.call, calls, cold)}
        if not cold:
            seconds |= {"graph": gpu.graph_seconds(prepared.call, min(calls, MOST_LAUNCHES))}
            seconds |= {"end to end": gpu.end_to_end_seconds(prepared.call)}
        return Sample(seconds, 0.0, time.perf_counter() - start, 0)

    def device(self, key: int) -> dict[str, Any] | None:
        """The GPU that samples come from, and its clocks now; None where they come from the CPU."""
        return None if self.gpu is None else self.gpu.device | self.gpu.state()

    def check(self, key: int, seed: int, calls: int) -> Checked:
        """Check what a sample leaves behind, with inputs that the variant has not seen."""
        workload, prepared = self.open_ones[key]
        return check(workload, prepared, seed, lambda: self.sample(key, calls, False))

    def close(self, key: int) -> None:
        self.open_ones.pop(key, None)

    def used(self) -> float:
        """CPU seconds of this process until now."""
        return time.process_time()


def serve(bench: Bench, messages: BinaryIO, answers: BinaryIO) -> None:
    """(method, arguments) in, (result, "") or (None, error in one line) out, until the pipe is closed."""
    while True:
        try:
            method, arguments = pickle.load(messages)
        except EOFError:
            return
        try:
            answer: tuple[Any, str] = (getattr(bench, method)(*arguments), "")
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            text = " ".join(f"{type(error).__name__}: {error}".split())
            answer = (None, f"{text} ({os.path.basename(where.filename)}:{where.lineno})")
        pickle.dump(answer, answers)
        answers.flush()


def main() -> None:
    """Arguments: library, threads. Messages on the standard input, answers on the standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which closes the pipe
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    serve(Bench(sys.argv[1], int(sys.argv[2])), sys.stdin.buffer, answers)
