"""All kernels for all architectures, in parallel processes, with progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from os import cpu_count

from nanonet_kernels.inspection.architectures import ARCHITECTURES, Capability, architecture
from nanonet_kernels.inspection.compile import catalogue
from nanonet_kernels.inspection.frontend import shared_analysis
from nanonet_kernels.inspection.report import Inspection, inspect_all

ALL = tuple(ARCHITECTURES)
BATCH = 16  # kernels that go through one run of the disassembler, which is slow to start


def batches(names: Sequence[str], size: int = BATCH) -> list[tuple[str, ...]]:
    """The names in pieces of work, near in the list with near: one file's kernels cost about the same."""
    return [tuple(names[i : i + size]) for i in range(0, len(names), size)]


def inspect_batch(names: Sequence[str], capabilities: Sequence[Capability] = ALL) -> list[Inspection]:
    """Kernels of the catalogue, by name, each for every architecture."""
    kernels = [catalogue()[name] for name in names]
    with shared_analysis():
        return [made for c in capabilities for made in inspect_all(kernels, architecture(c))]


def survey(
    names: Sequence[str],
    capabilities: Sequence[Capability] = ALL,
    *,
    processes: int | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Inspection]:
    """Every kernel in `names` for every architecture, in this order; `progress(n)` after each n that are done."""
    processes = processes or cpu_count() or 1
    size = max(1, min(BATCH, -(-len(names) // (2 * processes))))  # a few pieces for each process, so that all are busy
    found: list[Inspection] = []
    for made in _run(batches(names, size), capabilities, processes):
        found += made
        progress(len(made))
    order = {name: i for i, name in enumerate(names)}
    columns = {architecture(c).name: i for i, c in enumerate(capabilities)}
    return sorted(found, key=lambda i: (order[i.name], columns[i.architecture]))


def _run(
    work: Sequence[tuple[str, ...]], capabilities: Sequence[Capability], processes: int
) -> Iterator[list[Inspection]]:
    task = partial(inspect_batch, capabilities=capabilities)
    if processes == 1 or len(work) == 1:
        yield from map(task, work)
        return
    # fresh processes: a fork of one in which threads run may hang
    with ProcessPoolExecutor(min(processes, len(work)), mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(task, piece) for piece in work]):
            yield done.result()
