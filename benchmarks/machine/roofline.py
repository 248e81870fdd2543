"""The ceilings of this machine, measured: operations a second by instruction set, bytes a second by cache level.

Roofline (Williams, Waterman, Patterson 2009): a kernel with I operations per byte reaches at most
min(peak, I · bandwidth). A ceiling is what the fastest of the samples reached; the row keeps all samples.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanonet_benchmarks.machine.devices import Device
from nanonet_benchmarks.machine.hardware import Cache, caches, free_memory, instruction_sets, usable
from nanonet_benchmarks.machine.loops import ACCUMULATORS, SHIFT, SHIFTS, fma_chains, passes
from nanonet_benchmarks.record import Row
from nanonet_kernels.cpu import threads as pool

WORKLOAD = "roofline"
# (name, LLVM's name of what it needs, float32 lanes, multiply and add in one instruction)
SETS = (
    ("SSE2", "sse2", 4, False),
    ("AVX2", "avx2", 8, True),
    ("AVX-512", "avx512f", 16, True),
    ("NEON", "neon", 4, True),
)  # fmt: skip
TYPICAL = (Cache(1, 32 * 2**10, 1), Cache(2, 2**20, 1), Cache(3, 32 * 2**20, 4))  # where the system does not say
DISTURBED = 1.5  # slowest sample over fastest, from which a row says so
LARGEST = 2**30  # bytes of the working set for main memory


@dataclass(frozen=True)
class Effort:
    """Seconds of one sample, and how many samples."""

    seconds: float
    samples: int


QUICK, FULL = Effort(0.01, 6), Effort(0.05, 15)


def measure(effort: Effort = QUICK) -> Iterator[Row]:
    """Rows of every ceiling of this machine: on one thread, then on all."""
    counts = sorted({1, usable()})
    for count in counts:
        yield from compute(effort, count)
    for count in counts:
        yield from bandwidth(effort, count)


def compute(effort: Effort, count: int) -> Iterator[Row]:
    """Peak of float32 arithmetic for each instruction set that is here, on `count` threads."""
    here = instruction_sets()
    for name, needed, lanes, fused in SETS:
        if needed not in here:
            continue
        chains = fma_chains(lanes, fused)

        def run(n: int, chains: Callable[..., Any] = chains) -> None:
            _together(count, lambda: chains(n, np.float32(0.999), np.float32(0.1)))

        n, samples = sample(run, effort)
        variant = "multiply-add in one instruction" if fused else "multiply, then add"
        size = {"what": "compute", "level": name, "dtype": "float32"}
        yield _row(size, variant, count, samples, flops=2.0 * lanes * ACCUMULATORS * n * count)


def bandwidth(effort: Effort, count: int) -> Iterator[Row]:
    """Read, copy and triad with working sets that fit each cache level, and one that fits none."""
    for level, total, note in working_sets(count):
        for name, (function, moved) in passes().items():
            elements = max(total // count // moved, SHIFT)
            dtype = np.float32 if name == "triad" else np.int32
            buffers = [_buffers(name, elements, dtype) for _ in range(count)]

            def run(n: int, function: Any = function, buffers: Any = buffers, elements: int = elements) -> None:
                def work(first: int, last: int) -> None:
                    for part in buffers[first:last]:
                        function(*part, elements, n)

                _split(count, work)

            n, samples = sample(run, effort)
            size = {"what": "bandwidth", "level": level, "bytes": total}
            row = _row(size, name, count, samples, bytes=float(moved) * elements * n * count)
            row.notes.extend(note)
            yield row


def working_sets(count: int) -> Iterator[tuple[str, int, list[str]]]:
    """(level, bytes of all threads together, notes): half of what each level holds; four times the last for memory."""
    found, note = caches(), []
    if not found:
        found, note = list(TYPICAL), ["the system does not tell its cache sizes; usual ones were assumed"]
    for one in found:
        instances = max(1, min(count, -(-count // one.shared_by)))
        yield f"L{one.level}", instances * one.bytes // 2, note
    last = found[-1].bytes * max(1, -(-count // found[-1].shared_by))
    wanted, free = 4 * last, free_memory()
    most = min(LARGEST, free // 4) if free else LARGEST
    if wanted > most:
        note = [*note, f"the working set is {most / last:.1f} times the last cache, where 4 were wanted"]
    yield "memory", min(wanted, most), note


def sample(run: Callable[[int], object], effort: Effort) -> tuple[int, list[float]]:
    """(n, seconds of each sample of run(n)): n grows until a sample is long enough, also the faster of two."""
    n = 1
    run(n)  # threads are started, pages are there
    while (taken := min(_seconds(run, n), _seconds(run, n))) < effort.seconds and n < 2**40:
        n = max(2 * n, min(int(n * effort.seconds / max(taken, 1e-9)), 64 * n))
    return n, [_seconds(run, n) for _ in range(effort.samples)]


def ceiling(row: Row) -> float:
    """FLOP/s or bytes per second of a row of this module: of its fastest sample."""
    work = row.flops or row.bytes or 0.0
    return work / min(min(process) for process in row.samples)


def modelled(device: Device) -> list[dict[str, Any]]:
    """The ceilings of a GPU by its data sheet, as plain values, each with its evidence and where it is from."""
    peaks = {"FP32": device.fp32, "TF32 tensor": device.tf32, "FP16 tensor": device.fp16}
    common = {"device": device.name, "evidence": "modelled", "reason": f"data sheet: {device.source}"}
    found = [{**common, "what": "compute", "level": name, "rate": rate} for name, rate in peaks.items() if rate]
    return [*found, {**common, "what": "bandwidth", "level": "memory", "rate": device.bandwidth}]


def host_copy(rows: Sequence[Row]) -> float | None:
    """Bytes read and written per second by a copy in main memory on one thread: what the driver's copy is made of."""
    found = [row for row in rows if row.workload == WORKLOAD and row.variant == "copy" and row.threads == 1]
    return next((ceiling(row) for row in found if row.size["level"] == "memory"), None)


def _row(size: dict[str, Any], variant: str, count: int, samples: list[float], **work: float) -> Row:
    median = statistics.median(samples)
    spread = statistics.median(abs(s - median) for s in samples)
    notes = [f"disturbed: slowest sample {max(samples) / min(samples):.1f}× the fastest"]
    return Row(
        WORKLOAD, size, variant, "cpu", "measured", samples=[samples], median=median, mad=spread, threads=count,
        cache="hot", notes=notes if max(samples) > DISTURBED * min(samples) else [], **work,  # type: ignore[arg-type]
    )  # fmt: skip


def _buffers(name: str, elements: int, dtype: Any) -> list[np.ndarray]:
    """Three arrays, of which `read` needs one and `copy` two; written once, so that the system gives the pages."""
    length = elements + SHIFT * SHIFTS
    used = {"read": 1, "copy": 2, "triad": 3}[name]
    return [np.ones(length if i < used else 1, dtype) for i in range(3)]


def _seconds(run: Callable[[int], object], n: int) -> float:
    start = time.perf_counter()
    run(n)
    return time.perf_counter() - start


def _together(count: int, work: Callable[[], object]) -> None:
    """`work` once on each of `count` threads at the same time."""
    _split(count, lambda first, last: [work() for _ in range(first, last)])


def _split(count: int, work: Callable[[int, int], object]) -> None:
    """work(k, k + 1) for k = 0 … count - 1 at the same time, each on a processor of its own.

    Left to itself, Linux was seen to keep two threads on one processor for more than 100 ms, with the other one idle.
    """
    if count == 1:
        work(0, 1)
        return

    def pinned(first: int, last: int) -> None:
        with _on(first):
            work(first, last)

    pool.split(count, 1, pinned)


@contextmanager
def _on(index: int) -> Iterator[None]:
    """The calling thread stays on one of its processors, where the system can be told so."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(before)[index % len(before)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
