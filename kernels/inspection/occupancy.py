"""Theoretical occupancy: how many blocks of a kernel fit on one SM at once, and which resource runs out first.

    blocks    = min(by warps, by blocks, by registers, by shared memory, by barriers)
    occupancy = blocks * warps of a block / warps that the SM holds

An SM hides the latency of memory by switching between warps, so a low occupancy may be slow; it need not be, where a
warp has enough independent work (V. Volkov, "Better performance at lower occupancy", GTC 2010). Same counts as
NVIDIA's `cuda_occupancy.h`, against which a test holds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from nanonet_kernels.inspection.architectures import Architecture


@dataclass(frozen=True)
class Occupancy:
    """What fits on an SM.

    blocks     blocks at once; 0: the kernel cannot be launched so
    occupancy  share of the SM's warps that are in use, in [0, 1]
    limits     blocks that each resource would allow: "warps", "blocks", "registers", "shared memory", "barriers"
    limit      the resources that run out first
    """

    blocks: int
    occupancy: float
    limits: dict[str, int]

    @property
    def limit(self) -> tuple[str, ...]:
        return tuple(name for name, blocks in self.limits.items() if blocks == self.blocks)


def occupancy(
    gpu: Architecture, *, block: int | tuple[int, ...], registers: int, shared: int = 0, barriers: int = 1
) -> Occupancy:
    """`block` threads in a block, `registers` of a thread, `shared` bytes of a block (static and dynamic)."""
    threads = block if isinstance(block, int) else prod(block)
    if threads < 1 or registers < 0 or shared < 0 or barriers < 0:
        raise ValueError(
            f"occupancy: expected a block of at least 1 thread and no negative resource, got block = {block}, "
            f"registers = {registers}, shared = {shared}, barriers = {barriers}"
        )
    warps = -(-threads // gpu.warp)
    limits = {
        "warps": gpu.warps // warps if threads <= gpu.threads_block else 0,
        "blocks": gpu.blocks,
        "registers": _by_registers(gpu, warps, registers),
        "shared memory": _by_shared(gpu, shared),
        "barriers": gpu.barriers // barriers if barriers and gpu.barriers else gpu.blocks,
    }
    blocks = min(limits.values())
    return Occupancy(blocks, blocks * warps / gpu.warps, limits)


def _by_registers(gpu: Architecture, warps: int, registers: int) -> int:
    """A warp gets its registers from one scheduler's part of the SM, in units; it cannot straddle two parts."""
    if registers == 0:
        return gpu.blocks
    of_a_warp = _up(registers * gpu.warp, gpu.registers_unit)
    # The hardware's check of a launch counts as if every scheduler had equally many warps of the block.
    if registers > gpu.registers_thread or of_a_warp * _up(warps, gpu.schedulers) > gpu.registers_block:
        return 0
    warps_of_a_scheduler = gpu.registers // gpu.schedulers // of_a_warp
    return warps_of_a_scheduler * gpu.schedulers // warps


def _by_shared(gpu: Architecture, shared: int) -> int:
    """The driver's own part comes on top of every block's, and the sum is rounded up to the unit."""
    of_a_block = _up(shared + gpu.shared_reserved, gpu.shared_unit)
    if of_a_block > gpu.shared_block + gpu.shared_reserved:
        return 0
    return gpu.shared // of_a_block if of_a_block else gpu.blocks


def _up(x: int, unit: int) -> int:
    return -(-x // unit) * unit
