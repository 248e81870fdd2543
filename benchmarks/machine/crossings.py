"""From which size a GPU wins, for the rows of a record: plain entries for the report, each with its evidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from nanonet_benchmarks.machine.breakeven import (
    LAUNCH,
    MATMUL,
    Curve,
    Work,
    call_seconds,
    crossing,
    kernel_seconds,
    pageable,
    pinned,
)
from nanonet_benchmarks.machine.devices import Device, recognise
from nanonet_benchmarks.record import Row

Seconds = Callable[[float], float]
POINTS = 25  # of a curve


def entries(rows: Sequence[Row], devices: Sequence[Device], host_copy: float | None) -> list[dict[str, Any]]:
    """Entries of `table` for square products and for GELU, from the fastest measured CPU time at each size.

    For every GPU in `devices`, at its ceilings, and for every GPU whose kernels were measured. Nothing where the CPU
    was not measured, or the host's copy rate is not known.
    """
    found: list[dict[str, Any]] = []
    for name in ("matmul", "gelu"):
        own = [row for row in rows if row.workload == name and row.median and row.cache != "cold" and not row.phase]
        own = [row for row in own if name != "matmul" or len({row.size[side] for side in "mnk"}) == 1]
        on_cpu = [row for row in own if row.device == "cpu"]
        if not on_cpu or not host_copy:
            continue
        work = MATMUL if name == "matmul" else elementwise(on_cpu[0])
        cpu = fastest(on_cpu, work)
        for device in devices:
            reason = f"CPU measured; GPU at the ceilings of its data sheet ({device.source})"
            found += table(cpu, work, device, lambda n, d=device, w=work: kernel_seconds(d, w, n), host_copy, reason)
        found += measured(cpu, work, own, host_copy)
    return found


def measured(cpu: Curve, work: Work, rows: Sequence[Row], host_copy: float) -> list[dict[str, Any]]:
    """The same with the times of kernels that were measured on GPUs of the table; launch and copies are modelled."""
    found: list[dict[str, Any]] = []
    for name in dict.fromkeys(row.device for row in rows if row.device != "cpu" and row.evidence == "measured"):
        device = recognise(name)
        if device is None:
            continue
        kernel = fastest([row for row in rows if row.device == name], work)
        reason = f"CPU and GPU kernels measured; launch, and copies over its slot ({device.source}), modelled"
        smallest = max(cpu.sizes[0], kernel.sizes[0])
        label = name.removeprefix("cuda: ")
        found += table(cpu, work, device, lambda n, k=kernel: LAUNCH + k(n), host_copy, reason, label, smallest)
    return found


def fastest(rows: Sequence[Row], work: Work) -> Curve:
    """The least median at each size; beyond the largest as its operations grow, or its bytes where these count."""
    points: dict[float, float] = {}
    for row in rows:
        n = float(row.size["n"] if work is MATMUL else elements(row))
        points[n] = min(points.get(n, math.inf), row.median or math.inf)
    return Curve.of(points, work.flops if work is MATMUL else work.bytes)


def scenarios(reuses: Sequence[float] = (10, 100)) -> list[tuple[str, str, float]]:
    """(name, kind of host memory, reuses): what is asked for every GPU."""
    found: list[tuple[str, str, float]] = [("transfers never", "", math.inf)]
    for memory in ("pinned", "pageable"):
        found += [(f"once for {r:g} calls", memory, r) for r in reuses]
        found.append(("transfers each time", memory, 1))
    return found


def table(
    cpu: Curve,
    work: Work,
    device: Device,
    kernel: Seconds,
    host_copy: float,
    reason: str,
    label: str = "",
    smallest: float | None = None,
) -> list[dict[str, Any]]:
    """One plain entry for each scenario: crossing, and the curve of t_cpu / t_gpu. All modelled, and they say so."""
    links = {"": pinned(device), "pinned": pinned(device), "pageable": pageable(device, host_copy)}
    smallest = cpu.sizes[0] if smallest is None else smallest
    largest = max(work.largest, 2 * cpu.sizes[-1])
    sizes = [smallest * (largest / smallest) ** (i / (POINTS - 1)) for i in range(POINTS)]
    found = []
    for name, memory, reuses in scenarios():

        def gpu(n: float, memory: str = memory, reuses: float = reuses) -> float:
            return call_seconds(kernel(n), work, n, links[memory], reuses)

        at = crossing(cpu, gpu, smallest, largest)
        found.append({
            "workload": work.name, "device": label or device.name, "scenario": name, "memory": memory,
            "reuses": None if math.isinf(reuses) else reuses, "kind": at.kind, "size": at.size, "largest": largest,
            "curve": [[n, cpu(n) / gpu(n)] for n in sizes], "measured_up_to": cpu.sizes[-1],
            "evidence": "modelled", "reason": reason,
        })  # fmt: skip
    return found


def elementwise(row: Row) -> Work:
    """Forward and backward over n float32 elements, by the row's figures: x and dy go there, y and dx come back."""
    n = float(elements(row))
    flops, moved = (row.flops or 0.0) / n, (row.bytes or 0.0) / n
    return Work(row.workload, lambda k: flops * k, lambda k: moved * k, lambda k: 8 * k, lambda k: 8 * k, 2.0**32)


def elements(row: Row) -> int:
    """How many elements its arrays have: the product of the numbers in its size."""
    return math.prod(value for value in row.size.values() if isinstance(value, int))
