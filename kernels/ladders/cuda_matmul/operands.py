"""What a product is asked with: checked, and described as kernels want it. Arrays are CuPy's, NumPy's or simulated."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_kernels.cuda.memory import SimulatedArray
from nanonet_kernels.ladders.cuda_matmul.epilogue import ACTIVATIONS

LONGEST = 2**31 - 256  # a side's length, and a tile behind it, are counted in 32 bits


def checked(a: Any, b: Any, out: Any, bias: Any, activation: str | None) -> tuple[int, int, int]:
    """(m, n, k); ValueError in one line where something does not fit."""
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
        if x is not None and any(stride % 4 or stride < 0 for stride in x.strides):
            raise ValueError(
                f"matmul: {name} must have strides of whole elements, none below 0, got {x.strides}; copy it"
            )
    if address(out) % 16:
        raise ValueError("matmul: out must start at a multiple of 16 bytes; pass one that is not cut from another")
    if activation not in ACTIVATIONS:
        raise ValueError(f"matmul: activation must be None, 'relu' or 'gelu', got {activation!r}")
    if max(m, n, k) > LONGEST:
        raise ValueError(f"matmul: sides are at most {LONGEST} long, got M, N, K = {m}, {n}, {k}; split the product")
    return m, n, k


def strides(x: Any) -> tuple[int, int]:
    """In elements."""
    return x.strides[0] // 4, x.strides[1] // 4


def address(x: Any) -> int:
    x = x.host if isinstance(x, SimulatedArray) else x
    return x.ctypes.data if isinstance(x, np.ndarray) else x.data.ptr


def layout(a: Any, b: Any) -> str | None:
    """How 16 bytes at a time can be read: "nn", "nt", "tn" or "tt" ("t": column-major); None where they cannot."""
    letters = [_letter(a), _letter(b)]
    return letters[0] + letters[1] if letters[0] and letters[1] else None


def _letter(x: Any) -> str | None:
    """Unit stride along one side whose length is a multiple of 4, the other stride too, an address of 16 bytes: then
    every group of four lies wholly inside or wholly outside."""
    row, column = strides(x)
    if address(x) % 16 == 0 and column == 1 and x.shape[1] % 4 == 0 and row % 4 == 0:
        return "n"
    if address(x) % 16 == 0 and row == 1 and x.shape[0] % 4 == 0 and column % 4 == 0:
        return "t"
    return None


def pointer(x: Any) -> Any:
    """What a kernel gets for a matrix with strides: where it starts. Simulated: the flat memory from there on."""
    if not isinstance(x, SimulatedArray | np.ndarray):
        return x
    host = x.host if isinstance(x, SimulatedArray) else x
    span = 1 + sum((length - 1) * stride // 4 for length, stride in zip(host.shape, host.strides, strict=True))
    flat = np.lib.stride_tricks.as_strided(host, (span if host.size else 0,), (4,))
    return SimulatedArray(flat if flat.flags.writeable else flat.copy())  # the simulator writes every array back


def empty_like(out: Any, shape: tuple[int, ...]) -> Any:
    """Room of the same kind as `out`: on the device for a device array."""
    if isinstance(out, SimulatedArray):
        return SimulatedArray(np.empty(shape, np.float32))
    if isinstance(out, np.ndarray):
        return np.empty(shape, np.float32)
    import cupy as library  # pyright: ignore[reportMissingImports]

    cupy: Any = library
    return cupy.empty(shape, np.float32)
