"""From a kernel to machine code for a GPU that is not there: NVVM or NVRTC makes PTX, nvJitLink makes a cubin of it."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, runtime_checkable

from nanonet_kernels.inspection import disk
from nanonet_kernels.inspection.architectures import Architecture, Capability, architecture
from nanonet_kernels.inspection.tools import module, numba_compiler

PACKAGES = ("nanonet_kernels.cuda", "nanonet_kernels.ladders.cuda_matmul")


class Compilable(Protocol):
    """What inspection asks of a kernel: see `nanonet_kernels.cuda.kernel.Kernel`."""

    name: str
    block: tuple[int, ...]
    shared: int
    spills: int

    @property
    def entry(self) -> str: ...

    def ptx(self, capability: Capability) -> str: ...


@runtime_checkable
class Written(Protocol):
    """A kernel in CUDA C, as `nanonet_kernels.cuda.source.SourceKernel`: its source is known before it is compiled."""

    @property
    def text(self) -> str: ...

    @property
    def options(self) -> tuple[str, ...]: ...


class CompilationError(ValueError):
    """The compiler refuses a kernel."""


@dataclass(frozen=True)
class Compiled:
    """A cubin (an ELF file) and what the assembler said about it (`ptxas -v`)."""

    cubin: bytes
    log: str


def catalogue() -> dict[str, Any]:
    """Every CUDA kernel of this package by its name, after importing all modules that define some."""
    for package in PACKAGES:
        inside = importlib.import_module(package)
        for found in pkgutil.walk_packages(inside.__path__, f"{package}."):
            importlib.import_module(found.name)
    return dict(importlib.import_module("nanonet_kernels.cuda.kernel").CATALOGUE)


def machine_code(kernel: Compilable, capability: Capability) -> bytes:
    """The kernel's cubin for a compute capability such as (9, 0). No GPU is needed; kept in memory."""
    return compiled(kernel, capability).cubin


@cache
def compiled(kernel: Compilable, capability: Capability) -> Compiled:
    """The cubin with the assembler's log. MissingToolError, or CompilationError in one line."""
    gpu = architecture(capability)
    if not isinstance(kernel, Written):
        return _assemble(kernel, gpu, _ptx(kernel, gpu))
    name = disk.key(kernel.text, *kernel.options, gpu.name)
    if (kept := disk.load(name)) is not None:
        return Compiled(*kept)
    made = _assemble(kernel, gpu, _ptx(kernel, gpu))
    disk.store(name, made.cubin, made.log)
    return made


def _ptx(kernel: Compilable, gpu: Architecture) -> str:
    if not isinstance(kernel, Written):
        numba_compiler()
    module("cuda.core")
    try:
        return kernel.ptx(gpu.capability)
    except Exception as error:  # Numba and NVRTC have dozens of kinds; what matters is their text
        raise CompilationError(_line(kernel, gpu, "does not compile to PTX", str(error))) from error


def _assemble(kernel: Compilable, gpu: Architecture, ptx: str) -> Compiled:
    core = module("cuda.core")
    try:
        options = core.LinkerOptions(arch=gpu.name, ptxas_options=["-v"])
        linker = core.Linker(core.ObjectCode.from_ptx(ptx.encode()), options=options)
        cubin = linker.link("cubin")
    except Exception as error:
        raise CompilationError(_line(kernel, gpu, "its PTX is refused", str(error))) from error
    return Compiled(bytes(cubin.code), linker.get_info_log().strip("\0 \n"))


def _line(kernel: Compilable, gpu: Architecture, what: str, text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = next((line for line in lines if "rror" in line), lines[0] if lines else "no reason given")
    return f"{kernel.name} for {gpu.name}: {what}: {told}"
