"""How pools of threads get on with each other: one training step, with the cores shared in different ways.

NumPy's products run on the threads of its BLAS; the other kernels can run in the calling thread, on our pool, or on
threads of Numba. Threads that spin while they wait take the cores from whoever has work. Each way runs in a process of
its own, the processes take turns, and none is timed whose result is wrong.

`python -m nanonet_benchmarks.thread_pools` prints the table; with `small` or `large`, that part of it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from nanonet_benchmarks.record import Row
from nanonet_benchmarks.thread_pools_step import SIZES, reference
from nanonet_benchmarks.timing import Timing

CHECKED = 3  # steps after which the parameters are compared
ALLOWED = 1e-3  # relative difference of the changes: float32 sums in another order
PAUSE = 0.15  # seconds between turns, in which threads of the turn before stop spinning


@dataclass(frozen=True)
class Way:
    """Who computes the products and who the other kernels (words of `thread_pools_step`), on how many BLAS threads."""

    name: str
    product: str
    kernels: str
    blas_threads: int = 0  # 0: as many as it likes
    layer: str = ""  # Numba's threading layer


WAYS = [
    Way("one thread for everything", "blas", "one", blas_threads=1),
    Way("BLAS's threads, kernels on one", "blas", "one"),
    Way("BLAS's threads and our pool", "blas", "pool"),
    Way("BLAS's threads and our pool, every array divided", "blas", "all"),
    Way("our pool for both, products ours", "pool", "pool"),
    Way("our pool for both, products BLAS's in parts", "parts", "pool", blas_threads=1),
    Way("BLAS's threads and Numba's OpenMP", "blas", "numba", layer="omp"),
    Way("BLAS's threads and Numba's workqueue", "blas", "numba", layer="workqueue"),
    Way("BLAS's threads and Numba's TBB", "blas", "numba", layer="tbb"),
    Way("Numba's OpenMP, BLAS on one thread", "blas", "numba", blas_threads=1, layer="omp"),
]
BASELINE = WAYS[1].name  # the best that needs no second pool
POOLS = {"omp": "omppool", "tbb": "tbbpool", "workqueue": "workqueue"}


class Worker:
    """A process that takes training steps in one way."""

    def __init__(self, way: Way) -> None:
        command = [sys.executable, "-m", "nanonet_benchmarks.thread_pools_step"]
        command += [way.product, way.kernels, str(way.blas_threads)]
        layer = {"NUMBA_THREADING_LAYER": way.layer} if way.layer else {}
        self.process = subprocess.Popen(
            command, env=os.environ | layer, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **question: Any) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        with suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(question) + "\n")
            self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the process that was asked {question} ended with code {self.process.wait()}")
        return json.loads(answer)

    def close(self) -> None:
        self.process.communicate()


def unavailable(way: Way) -> str:
    """Why a way cannot run here, or nothing."""
    if way.layer and find_spec(f"numba.np.ufunc.{POOLS[way.layer]}") is None:
        return f"Numba was built without {way.layer}"
    if way.layer == "tbb" and find_spec("tbb") is None:
        return "TBB is not installed (pip install tbb)"
    return ""


def run(
    ways: list[Way] = WAYS, sizes: Sequence[str] = tuple(SIZES), rounds: int = 5, seconds: float = 0.15
) -> Iterator[Row]:
    """A row for each way and size: measured, or why not."""
    workers = {way: Worker(way) for way in ways if not unavailable(way)}
    try:
        for size in sizes:
            yield from _rows(ways, workers, size, rounds, seconds)
    finally:
        for worker in workers.values():
            worker.close()


def _rows(ways: list[Way], workers: dict[Way, Worker], size: str, rounds: int, seconds: float) -> Iterator[Row]:
    batch, widths = SIZES[size]
    what: dict[str, Any] = {"batch": batch, "layers": "-".join(map(str, widths)), "dtype": "float32"}
    expected, wrong = reference(size, CHECKED), {}
    for way, worker in workers.items():
        error = abs(worker.ask(size=size, check=CHECKED) - expected) / abs(expected)
        if not error <= ALLOWED:
            wrong[way] = f"not timed: the changes of its parameters differ by {error:.1g}"
    samples: dict[Way, list[list[float]]] = {way: [[]] for way in workers if way not in wrong}
    for turn in range(rounds + 1):  # the first one warms up
        for way, found in samples.items():
            time.sleep(PAUSE)
            times = workers[way].ask(size=size, seconds=seconds)
            if turn:
                found[0] += times
    for way in ways:
        if way in samples:
            middle = statistics.median(samples[way][0])
            row = {"evidence": "measured", "samples": samples[way], "median": middle}
        else:
            row = {"evidence": "skipped", "reason": wrong.get(way) or unavailable(way)}
        yield Row("training step", what, way.name, "cpu", **row)


def table(rows: list[Row]) -> str:
    """The rows as text: median and quartiles of a step, and how many times as long as with BLAS's threads alone."""
    lines = []
    for size in {json.dumps(row.size): row.size for row in rows}.values():
        here = [row for row in rows if row.size == size]
        base = next((row.median for row in here if row.variant == BASELINE), None)
        lines.append(f"\nTraining step, {size['layers']}, batch {size['batch']}")
        for row in here:
            if row.median is None:
                lines.append(f"  {row.variant:50} {row.evidence}: {row.reason}")
                continue
            times = f"{row.median / base:6.2f} times" if base else ""
            lines.append(f"  {row.variant:50} {Timing.of(row.samples[0])} {times}")
    return "\n".join(lines)


def main(sizes: Sequence[str] = tuple(SIZES)) -> None:
    """Print the table for some of the sizes, and what it depends on."""
    from threadpoolctl import threadpool_info

    from nanonet_kernels.cpu.threads import threads

    for pool in threadpool_info():
        print(f"{pool['internal_api']} {pool['version']}, {pool.get('architecture')}: {pool['num_threads']} threads")
    print(f"our pool: {threads()} threads")
    print(table(list(run(sizes=sizes))))


if __name__ == "__main__":
    main(sys.argv[1:] or tuple(SIZES))
