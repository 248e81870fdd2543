"""All kernels for all architectures, in parallel processes, with progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from os import cpu_count

from nanonet_kernels.inspection.architectures import ARCHITECTURES, Capability, architecture
from nanonet_kernels.inspection.compile import catalogue
from nanonet_kernels.inspection.report import Inspection, inspect_all

BATCH = 12  # kernels that go through one run of the disassembler, which is slow to start


def batches(
    names: Sequence[str], capabilities: Sequence[Capability] = tuple(ARCHITECTURES), size: int = BATCH
) -> list[tuple[tuple[str, ...], Capability]]:
    """Pieces of work: some kernels, by name, for one architecture each."""
    return [(tuple(names[i : i + size]), c) for i in range(0, len(names), size) for c in capabilities]


def inspect_batch(names: Sequence[str], capability: Capability) -> list[Inspection]:
    """Kernels of the catalogue, by name."""
    kernels = catalogue()
    return inspect_all([kernels[name] for name in names], architecture(capability))


def survey(
    names: Sequence[str],
    capabilities: Sequence[Capability] = tuple(ARCHITECTURES),
    *,
    processes: int | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Inspection]:
    """Every kernel in `names` for every architecture, in this order; `progress(n)` after each n that are done."""
    work = batches(names, capabilities)
    found: list[Inspection] = []
    for made in _run(work, min(processes or cpu_count() or 1, len(work))):
        found += made
        progress(len(made))
    order = {name: i for i, name in enumerate(names)}
    columns = {architecture(c).name: i for i, c in enumerate(capabilities)}
    return sorted(found, key=lambda i: (order[i.name], columns[i.architecture]))


def _run(work: Sequence[tuple[tuple[str, ...], Capability]], processes: int) -> Iterator[list[Inspection]]:
    if processes <= 1:
        yield from (inspect_batch(*piece) for piece in work)
        return
    # fresh processes: a fork of one in which threads run may hang
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(inspect_batch, *piece) for piece in work]):
            yield done.result()
