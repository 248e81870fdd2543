"""The GPUs that kernels are compiled for: what one streaming multiprocessor (SM) has.

Sources: the table "Technical Specifications per Compute Capability" of NVIDIA's CUDA C++ Programming Guide, and
`cuda_occupancy.h` of the CUDA toolkit for what the guide leaves out (allocation units, barriers). A test holds
this table to that header.
"""

from __future__ import annotations

from dataclasses import dataclass

Capability = tuple[int, int]
KIB = 1024


@dataclass(frozen=True)
class Architecture:
    """One compute capability. Sizes of shared memory are in bytes, registers have 32 bits.

    shared               shared memory of an SM
    shared_default       what a block may have without asking
    shared_block         what a block may have that opts in (static and dynamic together)
    shared_reserved      what the driver takes for itself in every block
    shared_unit          shared memory is handed out in multiples of this
    registers_unit       a warp's registers are handed out in multiples of this
    registers_thread     the most registers that the compiler gives to a thread
    schedulers           parts of an SM, each with its own registers and warps
    barriers             named barriers of an SM, for which blocks compete from Hopper on; 0: they do not
    """

    capability: Capability
    example: str
    warps: int
    blocks: int
    shared: int
    shared_block: int
    shared_reserved: int = KIB
    shared_default: int = 48 * KIB
    shared_unit: int = 128
    registers: int = 64 * KIB
    registers_block: int = 64 * KIB
    registers_thread: int = 255
    registers_unit: int = 256
    schedulers: int = 4
    threads_block: int = 1024
    warp: int = 32
    barriers: int = 0

    @property
    def name(self) -> str:
        """ "sm_90"."""
        return "sm_{}{}".format(*self.capability)

    @property
    def threads(self) -> int:
        """Threads that an SM holds at once."""
        return self.warps * self.warp


ARCHITECTURES: dict[Capability, Architecture] = {
    a.capability: a
    for a in (
        Architecture(
            (7, 5), "T4, RTX 20", warps=32, blocks=16, shared=64 * KIB, shared_block=64 * KIB,
            shared_reserved=0, shared_unit=256,
        ),
        Architecture((8, 0), "A100", warps=64, blocks=32, shared=164 * KIB, shared_block=163 * KIB),
        Architecture((8, 6), "RTX 30, A10", warps=48, blocks=16, shared=100 * KIB, shared_block=99 * KIB),
        Architecture((8, 9), "RTX 40, L4", warps=48, blocks=24, shared=100 * KIB, shared_block=99 * KIB),
        Architecture((9, 0), "H100, H200", warps=64, blocks=32, shared=228 * KIB, shared_block=227 * KIB, barriers=64),
        Architecture((10, 0), "B200", warps=64, blocks=32, shared=228 * KIB, shared_block=227 * KIB, barriers=64),
        Architecture((12, 0), "RTX 50", warps=48, blocks=24, shared=100 * KIB, shared_block=99 * KIB, barriers=24),
    )
}  # fmt: skip


def architecture(capability: Capability | str | int) -> Architecture:
    """By capability: (9, 0), "9.0", "90", 90 or "sm_90". ValueError for one that is not in the table."""
    text = str(capability) if not isinstance(capability, tuple) else "{}{}".format(*capability)
    digits = text.removeprefix("sm_").replace(".", "")
    for a in ARCHITECTURES.values():
        if a.name == f"sm_{digits}":
            return a
    known = ", ".join(a.name.removeprefix("sm_") for a in ARCHITECTURES.values())
    raise ValueError(f"architecture: expected one of {known}, got {capability!r}")
