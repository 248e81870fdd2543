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
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nanonet_benchmarks.machine.devices import Device

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
