"""From which size does the GPU win? With transfers never, once, or each time.

The time of one call on the GPU, where its operands stay there for r calls (r = 1: transfers each time; r = ∞: never):

    t(n) = t₀ + max(F(n)/P, B(n)/W) + (c(in) + c(out)) / r

    F, B     operations, and bytes that have to move at least       P, W   peak and bandwidth of the data sheet
    t₀       launch and wait
    c(b) = τ + b/(ηS)               pinned host memory: S is the slot's rate one way, η what the protocol leaves
    c(b) = τ + b/(ηS) + 2b/C        pageable: the driver copies through a pinned buffer; C is the host's copy rate,
                                    which counts bytes read and written

The GPU is given its ceilings, which no kernel reaches, so the size found is a bound: **below it the GPU cannot win**.
The CPU's time is measured; between measured sizes it is interpolated on logarithmic axes, beyond the largest the rate
of the largest is kept. Where both are constant rates and nothing else costs, n of a product of n × n matrices is
    2n³/P_cpu = 2n³/P_gpu + 12n²/(rηS),   n = 6 / (rηS (1/P_cpu - 1/P_gpu)).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nanonet_benchmarks.machine.devices import Device
from nanonet_benchmarks.record import Row

# A kernel of 2.9 µs took 9.6 µs with its launch and a wait: NVIDIA Technical Blog, "Getting Started with CUDA Graphs",
# 2019.
LAUNCH = 6.7e-6
# A copy of one float with cudaMemcpy; the order of what bandwidthTest and its like report.
COPY_LATENCY = 10e-6
# Of a packet of 256 bytes 24 more are headers, and flow control takes its share: measured rates are near 0.85 of S.
PROTOCOL = 0.85
FINE = 32  # sizes looked at for each doubling


@dataclass(frozen=True)
class Work:
    """What a call of size n computes and moves: functions of n."""

    name: str
    flops: Callable[[float], float]
    bytes: Callable[[float], float]
    sent: Callable[[float], float]
    returned: Callable[[float], float]
    largest: float  # the size up to which a crossing is looked for


MATMUL = Work("matmul", lambda n: 2 * n**3, lambda n: 12 * n**2, lambda n: 8 * n**2, lambda n: 4 * n**2, 2**16)


@dataclass(frozen=True)
class Curve:
    """Measured seconds at sizes, in growing order; `work` says how it goes on beyond the largest."""

    sizes: tuple[float, ...]
    seconds: tuple[float, ...]
    work: Callable[[float], float]

    @staticmethod
    def of(points: Mapping[float, float], work: Callable[[float], float]) -> Curve:
        if not points:
            raise ValueError("break-even: expected measured times of the CPU, got none; measure the workload first")
        sizes = tuple(sorted(points))
        return Curve(sizes, tuple(points[n] for n in sizes), work)

    def __call__(self, n: float) -> float:
        if n >= self.sizes[-1]:
            return self.seconds[-1] * self.work(n) / self.work(self.sizes[-1])
        i = max(bisect_right(self.sizes, n) - 1, 0)
        x0, x1, y0, y1 = *self.sizes[i : i + 2], *self.seconds[i : i + 2]
        share = math.log(n / x0) / math.log(x1 / x0)
        return y0 * (y1 / y0) ** share


@dataclass(frozen=True)
class Link:
    """The way between host and GPU: c(b) = latency + b / rate, `rate` one way with all costs."""

    rate: float
    latency: float = COPY_LATENCY

    def seconds(self, count: float) -> float:
        return self.latency + count / self.rate


def pinned(device: Device) -> Link:
    return Link(PROTOCOL * device.slot)


def pageable(device: Device, host_copy: float) -> Link:
    """`host_copy`: the host's measured copy rate, bytes read and written per second."""
    return Link(1 / (1 / pinned(device).rate + 2 / host_copy))


def kernel_seconds(device: Device, work: Work, n: float, launch: float = LAUNCH) -> float:
    """t₀ + max(F/P, B/W): the least that a float32 kernel of this work can take there."""
    return launch + max(work.flops(n) / device.fp32, work.bytes(n) / device.bandwidth)


def call_seconds(kernel: float, work: Work, n: float, link: Link, reuses: float) -> float:
    """One call with its share of the transfers: reuses 1 is each time, math.inf is never."""
    if math.isinf(reuses):
        return kernel
    return kernel + (link.seconds(work.sent(n)) + link.seconds(work.returned(n))) / reuses


@dataclass(frozen=True)
class Crossing:
    """`size` from which the GPU wins, for every larger size too.

    kind   "at": there; "below": already at the smallest size measured; "never": not up to the largest looked at
    """

    kind: str
    size: float | None


def crossing(cpu: Callable[[float], float], gpu: Callable[[float], float], smallest: float, largest: float) -> Crossing:
    """The smallest size from which gpu(n) < cpu(n) up to `largest`, found from the top and then by halving."""
    steps = max(1, math.ceil(FINE * math.log2(largest / smallest)))
    sizes = [smallest * (largest / smallest) ** (i / steps) for i in range(steps + 1)]
    if gpu(largest) >= cpu(largest):
        return Crossing("never", None)
    i = steps
    while i > 0 and gpu(sizes[i - 1]) < cpu(sizes[i - 1]):
        i -= 1
    if i == 0:
        return Crossing("below", smallest)
    low, high = sizes[i - 1], sizes[i]
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if gpu(middle) < cpu(middle) else (middle, high)
    return Crossing("at", high)


def scenarios(reuses: Sequence[float] = (10, 100)) -> list[tuple[str, str, float]]:
    """(name, kind of host memory, reuses): what is asked for every GPU."""
    found: list[tuple[str, str, float]] = [("transfers never", "", math.inf)]
    for memory in ("pinned", "pageable"):
        found += [(f"once for {r:g} calls", memory, r) for r in reuses]
        found.append(("transfers each time", memory, 1))
    return found


def table(cpu: Curve, work: Work, device: Device, host_copy: float, points: int = 25) -> list[dict[str, Any]]:
    """One plain entry for each scenario: crossing, and the curve of t_cpu / t_gpu. All modelled, and they say so.

    A ratio above 1 is a ceiling: the GPU is at most so many times as fast.
    """
    links = {"": pinned(device), "pinned": pinned(device), "pageable": pageable(device, host_copy)}
    smallest = cpu.sizes[0]
    largest = max(work.largest, 2 * cpu.sizes[-1])
    sizes = [smallest * (largest / smallest) ** (i / (points - 1)) for i in range(points)]
    found = []
    for name, memory, reuses in scenarios():

        def gpu(n: float, memory: str = memory, reuses: float = reuses) -> float:
            return call_seconds(kernel_seconds(device, work, n), work, n, links[memory], reuses)

        at = crossing(cpu, gpu, smallest, largest)
        found.append({
            "workload": work.name, "device": device.name, "scenario": name, "memory": memory,
            "reuses": None if math.isinf(reuses) else reuses, "kind": at.kind, "size": at.size, "largest": largest,
            "curve": [[n, cpu(n) / gpu(n)] for n in sizes], "measured_up_to": cpu.sizes[-1],
            "evidence": "modelled", "reason": f"CPU measured; GPU at the ceilings of its data sheet ({device.source})",
        })  # fmt: skip
    return found


def elementwise(row: Row) -> Work:
    """The work of a kernel over n elements that reads one array and writes another, by the figures of its row."""
    n = float(elements(row))
    flops, moved = (row.flops or 0.0) / n, (row.bytes or 0.0) / n
    return Work(row.workload, lambda k: flops * k, lambda k: moved * k, lambda k: 4 * k, lambda k: 4 * k, 2.0**32)


def elements(row: Row) -> int:
    """How many elements its arrays have: the product of the numbers in its size."""
    return math.prod(value for value in row.size.values() if isinstance(value, int))


def entries(rows: Sequence[Row], devices: Sequence[Device], host_copy: float | None) -> list[dict[str, Any]]:
    """Entries of `table` for square products and for GELU, from the fastest measured CPU time at each size.

    Nothing where the CPU was not measured, or the host's copy rate is not known.
    """
    timed = [row for row in rows if row.device == "cpu" and row.median and row.cache != "cold" and not row.phase]
    if not host_copy:
        return []
    found: list[dict[str, Any]] = []
    products = [row for row in timed if row.workload == "matmul" and len({row.size[name] for name in "mnk"}) == 1]
    gelus = [row for row in timed if row.workload == "gelu"]
    for chosen, size_of in ((products, lambda row: row.size["n"]), (gelus, elements)):
        points: dict[float, float] = {}
        for row in chosen:
            n = float(size_of(row))
            points[n] = min(points.get(n, math.inf), row.median or math.inf)
        if points:
            work = MATMUL if chosen is products else elementwise(chosen[0])
            cpu = Curve.of(points, work.flops if chosen is products else work.bytes)
            found += [entry for device in devices for entry in table(cpu, work, device, host_copy)]
    return found
