"""The ladder in CUDA C: out = activation(a @ b + bias) in float32, rung by rung, and how each rung is launched.

a is (M, K), b (K, N), both with any strides; out is (M, N), contiguous; bias is (N,) or None. The sources are in `c/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nanonet_kernels.cuda.memory import SimulatedArray
from nanonet_kernels.cuda.source import SourceKernel

ACTIVATIONS = {None: 0, "none": 0, "relu": 1, "gelu": 2}  # as in c/epilogue.cuh; gelu in its tanh form
_SOURCES = Path(__file__).parent / "c"
_ARGUMENTS = "f4* f4* f4* f4* i4 i4 i4 i8 i8 i8 i8 i4"
_ROWS = {"A_ALONG_K": 1, "A_VECTOR": 4, "B_ALONG_K": 0, "B_VECTOR": 4}  # row-major, and loads of 16 bytes
Launch = tuple[SourceKernel, tuple[int, ...], tuple[Any, ...]]


@dataclass(frozen=True)
class SourceRung:
    """One rung: a kernel, what it adds to the rung before, and how it is launched.

    intensity   flops per byte of global memory, for large matrices
    precision   of the products: "float32", "tf32" or "half"; sums are float32 on every rung
    by_layout   the kernel has variants for how a and b lie in memory
    """

    name: str
    idea: str
    intensity: float
    kernel: SourceKernel
    precision: str = "float32"
    by_layout: bool = False

    def launch(self, a: Any, b: Any, out: Any, bias: Any = None, activation: str | None = None, **more: Any) -> None:
        """out = activation(a @ b + bias). `stream` is CuPy's; for split_k also `slices` and `workspace`.

        Raises ValueError for shapes, dtypes or strides that do not fit, in one line.
        """
        stream = more.pop("stream", None)
        for kernel, grid, arguments in self.launches(a, b, out, bias, activation, **more):
            kernel(grid, *arguments, stream=stream)

    def launches(self, a: Any, b: Any, out: Any, bias: Any = None, activation: str | None = None) -> list[Launch]:
        """What `launch` does: (kernel, grid, arguments) one after another. Nothing where out is empty."""
        m, n, k = _checked(a, b, out, bias, activation)
        if m == 0 or n == 0:
            return []
        kernel = self._for_layout(a, b)
        strides = (*_strides(a), *_strides(b))
        return [(kernel, (self.tiles(m, n),), (a, b, out, bias, m, n, k, *strides, ACTIVATIONS[activation]))]

    def tiles(self, m: int, n: int) -> int:
        """Blocks that cover a product of m by n."""
        return -(-m // self.kernel.defines["BM"]) * -(-n // self.kernel.defines["BN"])

    def _for_layout(self, a: Any, b: Any) -> SourceKernel:
        return layout_variant(self.kernel, *_layout(a, 1), *_layout(b, 0)) if self.by_layout else self.kernel


@dataclass(frozen=True)
class SplitRung(SourceRung):
    """split_k: the slices' sums go to a workspace, (slices, M, N), which a second kernel adds."""

    def launches(
        self,
        a: Any,
        b: Any,
        out: Any,
        bias: Any = None,
        activation: str | None = None,
        *,
        slices: int | None = None,
        workspace: Any = None,
    ) -> list[Launch]:
        m, n, k = _checked(a, b, out, bias, activation)
        if m == 0 or n == 0:
            return []
        slice_k = self.slice_length(m, n, k, slices)
        slices = max(-(-k // slice_k), 1)
        if workspace is None:
            workspace = _empty_like(out, (slices, m, n))
        if workspace.shape != (slices, m, n):
            raise ValueError(f"split_k: workspace (slices, M, N) must be {(slices, m, n)}, got {workspace.shape}")
        strides = (*_strides(a), *_strides(b))
        first = (a, b, workspace, m, n, k, slice_k, *strides)
        second = (workspace, out, bias, m * n, n, slices, ACTIVATIONS[activation])
        blocks = min(-(-m * n // 256), 4096)
        return [
            (self._for_layout(a, b), (self.tiles(m, n), slices), first),
            (SUM_SLICES, (blocks,), second),
        ]

    def slice_length(self, m: int, n: int, k: int, slices: int | None = None) -> int:
        """How much of k a slice takes, a multiple of BK. By default: slices for 256 blocks, none under 256 long."""
        step = self.kernel.defines["BK"]
        if slices is None:
            slices = min(-(-256 // self.tiles(m, n)), max(k // 256, 1))
        return max(-(-k // (slices * step)), 1) * step


def layout_variant(
    kernel: SourceKernel, a_along_k: bool, a_vector: int, b_along_k: bool, b_vector: int
) -> SourceKernel:
    """The kernel for operands that lie contiguously along k or not, read by 4 elements or by 1."""
    chosen = {"A_ALONG_K": int(a_along_k), "A_VECTOR": a_vector, "B_ALONG_K": int(b_along_k), "B_VECTOR": b_vector}
    return kernel.variant(**{key: value for key, value in chosen.items() if kernel.defines[key] != value})


def _layout(x: Any, k_axis: int) -> tuple[bool, int]:
    """(Is x contiguous along k rather than along its other side? Elements per load: 4 where 16 bytes can be read.)

    That takes unit stride along one side, whose length is a multiple of 4, another stride that is too, and an address
    that is a multiple of 16. Then every group of four lies wholly inside or wholly outside.
    """
    strides = _strides(x)
    along_k = strides[k_axis] == 1 or (strides[1 - k_axis] != 1 and abs(strides[k_axis]) <= abs(strides[1 - k_axis]))
    near, far = (k_axis, 1 - k_axis) if along_k else (1 - k_axis, k_axis)
    whole = strides[near] == 1 and x.shape[near] % 4 == 0 and strides[far] % 4 == 0 and _address(x) % 16 == 0
    return along_k, 4 if whole else 1


def _strides(x: Any) -> tuple[int, int]:
    """In elements."""
    return x.strides[0] // 4, x.strides[1] // 4


def _address(x: Any) -> int:
    if isinstance(x, SimulatedArray):
        x = x.host
    return x.ctypes.data if isinstance(x, np.ndarray) else x.data.ptr


def _checked(a: Any, b: Any, out: Any, bias: Any, activation: str | None) -> tuple[int, int, int]:
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise ValueError(f"matmul: expected a (M, K) and b (K, N), got {a.shape} and {b.shape}")
    (m, k), n = a.shape, b.shape[1]
    if out.shape != (m, n) or not out.flags.c_contiguous:
        raise ValueError(f"matmul: out must be contiguous of shape {(m, n)}, got {out.shape}, strides {out.strides}")
    if bias is not None and (bias.shape != (n,) or not bias.flags.c_contiguous):
        raise ValueError(f"matmul: bias must be contiguous of shape {(n,)}, got {bias.shape}")
    for name, x in {"a": a, "b": b, "out": out, "bias": bias}.items():
        if x is not None and x.dtype != np.float32:
            raise ValueError(f"matmul: {name} must be float32, got {x.dtype}; convert it with astype")
        if x is not None and any(stride % 4 for stride in x.strides):
            raise ValueError(f"matmul: {name} has strides of parts of an element, {x.strides}; copy it first")
    if activation not in ACTIVATIONS:
        raise ValueError(f"matmul: activation must be None, 'relu' or 'gelu', got {activation!r}")
    return m, n, k


def _empty_like(out: Any, shape: tuple[int, ...]) -> Any:
    if isinstance(out, SimulatedArray):
        return SimulatedArray(np.empty(shape, np.float32))
    if isinstance(out, np.ndarray):
        return np.empty(shape, np.float32)
    import cupy as library  # pyright: ignore[reportMissingImports]

    cupy: Any = library

    return cupy.empty(shape, np.float32)


def _kernel(name: str, threads: int, arguments: str = _ARGUMENTS, **options: Any) -> SourceKernel:
    catalogued = f"ladders.cuda_matmul.c.{name}"
    return SourceKernel(_SOURCES / f"{name}.cu", arguments, block=threads, name=catalogued, **options)


_SMALL = {"BM": 32, "BN": 32}
_LARGE = {"BM": 128, "BN": 128, "BK": 8, "TM": 8, "TN": 8, "BLOCKS": 2}  # two blocks on a multiprocessor: 128 registers
_WARPS = _LARGE | {"WM": 32, "WN": 64}
_TENSOR = {"BM": 128, "BN": 128, "BK": 16, "WM": 64, "WN": 32, "BLOCKS": 2}
_SPLIT_ARGUMENTS = "f4* f4* f4* i4 i4 i4 i4 i8 i8 i8 i8"

SUM_SLICES = _kernel("sum_slices", 256, "f4* f4* f4* i8 i4 i4 i4")
RUNGS_C: tuple[SourceRung, ...] = (
    SourceRung("naive", "one thread for each element", 0.25, _kernel("naive", 1024, defines=_SMALL)),
    SourceRung("coalesced", "neighbouring threads read side by side", 0.25, _kernel("coalesced", 1024, defines=_SMALL)),
    SourceRung(
        "shared_memory",
        "a block reads each element once for all of its threads",
        8.0,
        _kernel("shared_memory", 1024, defines=_SMALL | {"BK": 32}),
    ),
    SourceRung(
        "tile_1d",
        "a thread computes 8 elements and keeps one operand in a register",
        16.0,
        _kernel("tile_1d", 512, defines={"BM": 64, "BN": 64, "BK": 8, "TM": 8}),
    ),
    SourceRung(
        "tile_2d", "a thread computes 8 x 8 elements", 32.0, _kernel("tile_2d", 256, defines=_LARGE | {"BLOCKS": 1})
    ),
    SourceRung(
        "vectorised",
        "16 bytes by each access",
        32.0,
        _kernel("vectorised", 256, defines=_LARGE | _ROWS),
        by_layout=True,
    ),
    SourceRung(
        "conflict_free",
        "the lanes of a warp read from different banks of shared memory",
        32.0,
        _kernel("conflict_free", 256, defines=_LARGE | _ROWS),
        by_layout=True,
    ),
    SourceRung(
        "double_buffered",
        "the next panels are fetched while these are multiplied",
        32.0,
        _kernel("double_buffered", 256, defines=_LARGE | _ROWS, spills=64),
        by_layout=True,
    ),
    SourceRung(
        "warp_tile",
        "a warp's elements are one compact piece",
        32.0,
        _kernel("warp_tile", 256, defines=_WARPS | _ROWS, spills=64),
        by_layout=True,
    ),
    SourceRung(
        "tensor_tf32",
        "tensor cores, operands rounded to TF32",
        32.0,
        _kernel("tensor_tf32", 256, defines=_TENSOR | _ROWS, needs=(8, 0)),
        precision="tf32",
        by_layout=True,
    ),
    SourceRung(
        "tensor_half",
        "tensor cores, operands rounded to half precision",
        32.0,
        _kernel("tensor_half", 256, defines=_TENSOR | _ROWS, spills=32),
        precision="half",
        by_layout=True,
    ),
    SplitRung(
        "split_k",
        "k is divided among blocks, for products with few tiles",
        32.0,
        _kernel("split_k", 256, _SPLIT_ARGUMENTS, defines=_WARPS | _ROWS),
        by_layout=True,
    ),
)
