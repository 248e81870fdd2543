"""One CUDA C kernel: compiled by NVRTC, launched through CuPy on a GPU, or run by the emulator on the CPU."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nanonet_kernels.cuda.kernel import _SCALARS, CATALOGUE, Dim, simulated
from nanonet_kernels.cuda.memory import SimulatedArray
from nanonet_kernels.cuda.nvrtc import nvrtc

Capability = tuple[int, int]


class SourceKernel:
    """A kernel written in CUDA C, with the face of `Kernel`.

    file        the source; a line `#include "name.cuh"` takes in a file beside it. No header of CUDA's is needed
    signature   the arguments' types in words: "f4* f4* i8" is (float *, float *, long long)
    defines     macros: tile sizes and other choices made when it is compiled
    block       threads in a block
    needs       the least compute capability that has its instructions
    shared      bytes of dynamic shared memory
    spills      bytes of register spills that are accepted, with the reason in the source
    entry       the `extern "C" __global__` function; left out: named as the file
    """

    language = "c"

    def __init__(
        self,
        file: Path,
        signature: str,
        *,
        block: int | Dim,
        defines: Mapping[str, int] | None = None,
        needs: Capability = (7, 5),
        shared: int = 0,
        spills: int = 0,
        entry: str | None = None,
        name: str | None = None,
        listed: bool = True,
    ) -> None:
        self.file, self.signature, self.defines = file, signature.split(), dict(defines or {})
        self.block: Dim = (block,) if isinstance(block, int) else block
        self.needs, self.shared, self.spills = needs, shared, spills
        self.entry = entry or file.stem
        self.name = name or f"c.{self.entry}"
        if listed:
            if self.name in CATALOGUE:
                raise ValueError(f"kernel {self.name}: the name is taken; choose another")
            CATALOGUE[self.name] = self  # pyright: ignore[reportArgumentType]

    def variant(self, **defines: int) -> SourceKernel:
        """The same kernel with other macros, made once. It is not in the catalogue."""
        return _variant(self, tuple(sorted(defines.items()))) if defines else self

    @cached_property
    def text(self) -> str:
        """The whole source, with the files that it includes."""
        return _expanded(self.file, set())

    @property
    def options(self) -> tuple[str, ...]:
        """What the compiler is told beside the architecture."""
        return ("--std=c++17", *(f"-D{name}={value}" for name, value in self.defines.items()))

    def ptx(self, capability: Capability) -> str:
        """PTX for a compute capability such as (9, 0). Needs cuda-bindings and NVRTC, no GPU."""
        return self._compiled(capability, "ptx").decode()

    def cubin(self, capability: Capability) -> bytes:
        """Machine code for a compute capability such as (9, 0). Needs cuda-bindings and NVRTC, no GPU."""
        return self._compiled(capability, "cubin")

    def _compiled(self, capability: Capability, kind: str) -> bytes:
        if capability < self.needs:
            least, here = (".".join(map(str, c)) for c in (self.needs, capability))
            raise ValueError(f"kernel {self.name}: needs compute capability {least} or higher, got {here}")
        return nvrtc(
            self.text, self.entry, (f"--gpu-architecture=sm_{capability[0]}{capability[1]}", *self.options), kind
        )

    def __call__(self, grid: int | Dim, *arguments: Any, block: int | Dim | None = None, stream: Any = None) -> None:
        """Launch it: `grid` blocks of `block` threads. A pointer may be None, which is a null pointer.

        With arrays in simulated memory, or with NumPy's where CUDA is simulated in this process, it is emulated.
        """
        if any(isinstance(a, SimulatedArray) for a in arguments):
            self.emulate(grid, *arguments, block=block)
        elif any(isinstance(a, np.ndarray) for a in arguments):
            if not simulated():
                raise TypeError(
                    f"kernel {self.name}: expected arrays on the device, got numpy.ndarray; copy them there with "
                    "cupy.asarray, or run it on the CPU with .emulate(...)"
                )
            self.emulate(grid, *arguments, block=block)
        else:
            _loaded(self)(_dim(grid), self._threads(block), self._raw(arguments), shared_mem=self.shared, stream=stream)

    def emulate(
        self,
        grid: int | Dim,
        *arguments: Any,
        block: int | Dim | None = None,
        seed: int | None = None,
        trace: bool = False,
    ) -> Any:
        """Run it on the CPU, on NumPy arrays or simulated memory; see `emulation.run.launch` for `seed` and `trace`.

        Raises EmulationFault where it does what a GPU would not allow, EmulatorUnavailable where there is no g++.
        """
        from nanonet_kernels.cuda.emulation.build import build
        from nanonet_kernels.cuda.emulation.run import launch

        plain = [a.host if isinstance(a, SimulatedArray) else a for a in arguments]
        values = [a if kind.endswith("*") else _SCALARS[kind](a) for kind, a in zip(self.signature, plain, strict=True)]
        library = build(self.text, self.entry, " ".join(self.signature), self.options[1:])
        names = _parameters(self.text, self.entry)
        return launch(library, _dim(grid), self._threads(block), values, names=names, seed=seed, trace=trace)

    def _threads(self, block: int | Dim | None) -> Dim:
        return self.block if block is None else _dim(block)

    def _raw(self, arguments: tuple[Any, ...]) -> list[Any]:
        """As CuPy takes them: arrays, and numbers of exactly the parameter's type."""
        null = np.uint64(0)
        pairs = zip(self.signature, arguments, strict=True)
        return [(null if a is None else a) if kind.endswith("*") else _SCALARS[kind](a) for kind, a in pairs]


def _dim(dim: int | Dim) -> Dim:
    return (dim,) if isinstance(dim, int) else dim


@cache
def _variant(kernel: SourceKernel, defines: tuple[tuple[str, int], ...]) -> SourceKernel:
    chosen = ", ".join(f"{name}={value}" for name, value in defines)
    return SourceKernel(
        kernel.file,
        " ".join(kernel.signature),
        block=kernel.block,
        defines=kernel.defines | dict(defines),
        needs=kernel.needs,
        shared=kernel.shared,
        spills=kernel.spills,
        entry=kernel.entry,
        name=f"{kernel.name}[{chosen}]",
        listed=False,
    )


def _expanded(file: Path, seen: set[Path]) -> str:
    """The text of a file with each included file once in its place, and lines that still know where they come from."""
    lines = [f'#line 1 "{file.name}"']
    for number, line in enumerate(file.read_text().splitlines(), 1):
        included = re.fullmatch(r'#include "(\w+\.cuh)"', line)
        if included is None:
            lines.append(line)
        elif (path := file.parent / included[1]) not in seen:
            seen.add(path)
            lines += [_expanded(path, seen), f'#line {number + 1} "{file.name}"']
        else:
            lines.append("")
    return "\n".join(lines)


def _parameters(text: str, entry: str) -> list[str]:
    """The names of a kernel's parameters, in order."""
    found = re.search(rf"\b{entry}\(([^)]*)\)\s*{{", text)
    assert found is not None, entry
    return [re.findall(r"\w+", parameter)[-1] for parameter in found[1].split(",")]


@cache
def _loaded(kernel: SourceKernel) -> Any:
    """The kernel on the current device, compiled by NVRTC through CuPy, which keeps the result in its cache."""
    import cupy as library  # pyright: ignore[reportMissingImports]

    cupy: Any = library
    return cupy.RawModule(code=kernel.text, options=kernel.options).get_function(kernel.entry)
