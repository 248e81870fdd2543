"""One CUDA kernel: how it is compiled, and how it is launched on a GPU or in Numba's simulator.

The same Python function serves three ways. With pointers as arguments, Numba compiles it to PTX for any architecture,
no GPU needed; on a GPU, CuPy loads the machine code and launches it with a few raw arguments, which costs microseconds
and fits into a CUDA graph; in Numba's simulator (`NUMBA_ENABLE_CUDASIM=1`) it runs as Python, on flat arrays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from nanonet_kernels.cuda.memory import SimulatedArray

Dim = tuple[int, ...]
_SCALARS = {
    "f4": np.float32, "f8": np.float64, "i4": np.int32, "i8": np.int64, "u4": np.uint32, "u8": np.uint64,
    "u1": np.uint8,
}  # fmt: skip
CATALOGUE: dict[str, Kernel] = {}  # every kernel by its name: inspection, tests and the bundle go through it


class Kernel:
    """A kernel written in Python for Numba CUDA.

    function    its arguments are flat: pointers (in the simulator flat arrays) and numbers; it walks with a grid-stride
                loop, or in any other way that is right for every launch with `block` threads in a block
    signature   the arguments' types in words: "f4* f4* i8" is (float32 *, float32 *, int64)
    block       threads in a block as it is launched on a GPU: what the compiler is told and occupancy is counted for
    shared      bytes of dynamic shared memory
    spills      bytes of register spills that are accepted, with the reason in the docstring of `function`
    """

    language = "numba"

    def __init__(
        self,
        function: Callable[..., None],
        signature: str,
        *,
        block: int | Dim = 256,
        shared: int = 0,
        spills: int = 0,
        fastmath: bool = False,
        name: str | None = None,
    ) -> None:
        self.function, self.signature = function, signature.split()
        self.block: Dim = (block,) if isinstance(block, int) else block
        self.shared, self.spills, self.fastmath = shared, spills, fastmath
        self.name = name or f"{function.__module__.removeprefix('nanonet_kernels.')}.{function.__name__.strip('_')}"
        if self.name in CATALOGUE:
            raise ValueError(f"kernel {self.name}: the name is taken; choose another")
        CATALOGUE[self.name] = self

    def ptx(self, capability: tuple[int, int]) -> str:
        """PTX for a compute capability such as (9, 0), with the entry named `self.entry`. Needs numba-cuda, no GPU."""
        from numba import cuda, types

        kinds = {"f4": types.float32, "f8": types.float64, "i4": types.int32, "i8": types.int64}
        kinds |= {"u4": types.uint32, "u8": types.uint64, "u1": types.uint8}
        arguments = [types.CPointer(kinds[a[:-1]]) if a.endswith("*") else kinds[a] for a in self.signature]
        compiler: Any = cuda  # numba-cuda's, whose types differ from those of the numba.cuda it replaces
        with _device_functions_for(capability):
            text, _ = compiler.compile_ptx(
                self.function, types.void(*arguments), cc=capability, fastmath=self.fastmath, device=False
            )
        mangled = re.search(r"\.visible \.entry (\w+)\(", text)
        assert mangled is not None
        return text.replace(mangled[1], self.entry)

    @property
    def entry(self) -> str:
        """The name of the function in the machine code."""
        return re.sub(r"\W", "_", self.name)

    def __call__(self, grid: int | Dim, *arguments: Any, block: int | Dim | None = None, stream: Any = None) -> None:
        """Launch it: `grid` blocks of `block` threads. Arrays are contiguous, of the dtypes in the signature."""
        grid = (grid,) if isinstance(grid, int) else grid
        block = self.block if block is None else (block,) if isinstance(block, int) else block
        if simulated():
            self._simulate(grid, block, arguments)
        else:
            _loaded(self)(grid, block, self._raw(arguments), shared_mem=self.shared, stream=stream)

    def _raw(self, arguments: Sequence[Any]) -> list[Any]:
        pairs = zip(self.signature, arguments, strict=True)
        return [a if kind.endswith("*") else _SCALARS[kind](a) for kind, a in pairs]

    def _simulate(self, grid: Dim, block: Dim, arguments: Sequence[Any]) -> None:
        from nanonet_kernels.cuda import simulator

        plain = [a.host if isinstance(a, SimulatedArray) else a for a in self._raw(arguments)]
        simulator.run(self.function, grid, block, self.shared, plain)


@contextmanager
def _device_functions_for(capability: tuple[int, int]) -> Iterator[None]:
    """Device functions that a kernel calls are compiled for `capability` too.

    Numba asks the current device for it, and fails where there is none; so within the block a stand-in answers.
    """
    from numba.cuda import dispatcher

    module: Any = dispatcher
    before = module.get_current_device
    module.get_current_device = lambda: SimpleNamespace(compute_capability=capability)
    try:
        yield
    finally:
        module.get_current_device = before


@cache
def simulated() -> bool:
    """Does Numba simulate CUDA in this process? (`NUMBA_ENABLE_CUDASIM=1` before it is imported.)"""
    from numba import config

    return bool(config.ENABLE_CUDASIM)  # pyright: ignore[reportAttributeAccessIssue]


@cache
def _loaded(kernel: Kernel) -> Any:
    """The kernel on the current device, as CuPy's function. PTX is translated by the driver."""
    import cupy as library  # pyright: ignore[reportMissingImports]

    cupy: Any = library

    capability = cupy.cuda.Device().compute_capability
    module = cupy.cuda.function.Module()
    module.load(kernel.ptx((int(capability[:-1]), int(capability[-1]))).encode())
    return module.get_function(kernel.entry)
