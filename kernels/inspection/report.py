"""Everything that is known of a kernel without a GPU, in one record; and the table of all kernels for all GPUs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from nanonet_kernels.inspection.architectures import Architecture, Capability, architecture
from nanonet_kernels.inspection.compile import Compilable, CompilationError, compiled
from nanonet_kernels.inspection.elf import sections
from nanonet_kernels.inspection.kinds import mix, share
from nanonet_kernels.inspection.loops import hottest
from nanonet_kernels.inspection.occupancy import occupancy
from nanonet_kernels.inspection.resources import resources
from nanonet_kernels.inspection.sass import Instruction, disassemble


@dataclass(frozen=True)
class Inspection:
    """One kernel, compiled for one architecture ("sm_90").

    registers     of a thread
    spills        bytes of spill stores and loads of a thread; `declared`: what the kernel says it accepts
    stack         bytes of local memory of a thread
    shared        bytes of shared memory of a block, static and dynamic
    occupancy     warps in use / warps that the SM holds, at the kernel's own block; `limit`: what runs out first
    instructions  how many of each kind in the whole kernel; `inner_loop`: in the innermost loop with the work, {} where
                  nothing loops (all unrolled, or one element for each thread)
    error         why it does not compile; `skipped`: why it was not tried, such as instructions that this architecture
                  does not have. With either the rest is empty
    """

    name: str
    architecture: str
    registers: int = 0
    spills: int = 0
    declared: int = 0
    stack: int = 0
    shared: int = 0
    occupancy: float = 0.0
    limit: tuple[str, ...] = ()
    instructions: dict[str, int] = field(default_factory=dict)
    inner_loop: dict[str, int] = field(default_factory=dict)
    error: str = ""
    skipped: str = ""

    @property
    def problem(self) -> str:
        """What must not be, in one line: it does not compile, it spills more than declared, it cannot be launched."""
        if self.error or self.skipped:
            return self.error
        where = f"{self.name} for {self.architecture}"
        if self.spills > self.declared:
            return f"{where}: spills {self.spills} bytes, declared are {self.declared}"
        if not self.occupancy:
            return f"{where}: cannot be launched, too little {' and '.join(self.limit)} for one block"
        return ""

    def share(self, *kinds: str) -> float:
        """The part of the inner loop (without one: of the whole kernel) that is of these kinds: "FFMA", "LDS"."""
        return share(self.inner_loop or self.instructions, *kinds)

    def as_json(self) -> dict[str, Any]:
        """What the field `compiled` of a benchmark's row takes."""
        return {**asdict(self), "limit": list(self.limit)}


def inspect(kernel: Compilable, capability: Capability | str | int) -> Inspection:
    """Compile the kernel and read its machine code. CompilationError where it does not compile."""
    (found,) = inspect_all([kernel], architecture(capability))
    if found.error:
        raise CompilationError(found.error)
    return found


def inspect_all(kernels: Iterable[Compilable], gpu: Architecture) -> list[Inspection]:
    """Several kernels for one architecture, disassembled in one go. One that does not compile has its `error`."""
    done: list[Inspection] = []
    code: dict[str, bytes] = {}
    for kernel in kernels:
        if gpu.capability < (least := getattr(kernel, "needs", (0, 0))):
            done.append(Inspection(kernel.name, gpu.name, skipped=f"needs {architecture(least).name} or higher"))
            continue
        try:
            made = compiled(kernel, gpu.capability)
        except CompilationError as error:
            done.append(Inspection(kernel.name, gpu.name, error=str(error)))
            continue
        used = resources(made, kernel.entry, gpu)
        shared = used.shared + kernel.shared
        fits = occupancy(gpu, block=kernel.block, registers=used.registers, shared=shared, barriers=used.barriers)
        code[kernel.name] = sections(made.cubin)[f".text.{kernel.entry}"].data
        done.append(
            Inspection(
                kernel.name,
                gpu.name,
                registers=used.registers,
                spills=used.spills,
                declared=kernel.spills,
                stack=used.stack,
                shared=shared,
                occupancy=fits.occupancy,
                limit=fits.limit,
            )
        )
    read = disassemble(code, gpu) if code else {}
    return [_with_mix(i, read[i.name]) if i.name in read else i for i in done]


def _with_mix(found: Inspection, code: list[Instruction]) -> Inspection:
    loop = hottest(code)
    return replace(found, instructions=mix(code), inner_loop=mix(loop.instructions) if loop else {})
