"""The ladder in Numba CUDA, and `matmul`: out = activation(a @ b + bias) in float32 by any of its rungs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from nanonet_kernels.cuda.kernel import Kernel, simulated
from nanonet_kernels.ladders.cuda_matmul import operands, register_tile, simple, vectorised, warps
from nanonet_kernels.ladders.cuda_matmul.epilogue import ACTIVATIONS
from nanonet_kernels.ladders.cuda_matmul.tiles import LARGE, Choice, Tile, choose

Launch = tuple[Kernel, tuple[int, ...], tuple[Any, ...]]


@dataclass(frozen=True)
class Rung:
    """One rung of the ladder.

    idea, why   what it adds to the rung before, and why that is faster
    tile        its parameters on the ladder (others can be asked for)
    reuses      flops per byte rise with the tile: from global memory, from shared memory (in a thread, or in a warp)
    by_layout   it reads 16 bytes at a time and has a variant for each way in which a and b lie in memory
    """

    name: str
    idea: str
    why: str
    tile: Tile
    make: Callable[..., Kernel]
    reuses: tuple[str, ...] = ()
    by_layout: bool = False

    @property
    def kernel(self) -> Kernel:
        """As it is on the ladder: this tile, for row-major a and b."""
        return instance(self, self.tile, "nn")

    @property
    def block(self) -> int:
        """Threads of a block."""
        return self.tile.threads

    def global_intensity(self, tile: Tile | None = None) -> float:
        """Flops per byte asked of global memory, for large matrices. Without reuse 2 flops for 8 bytes."""
        return (tile or self.tile).global_intensity() if "global" in self.reuses else 0.25

    def shared_intensity(self, tile: Tile | None = None) -> float | None:
        """Flops per byte read from shared memory; None for the rungs that do not use it."""
        tile = tile or self.tile
        if "warp" in self.reuses:
            return tile.warp_intensity()
        return tile.shared_intensity() if "global" in self.reuses else None


@cache
def instance(rung: Rung, tile: Tile, layout: str) -> Kernel:
    """The rung's kernel for a tile, and for a layout where it has one for each."""
    name = f"ladders.cuda_matmul.numba.{rung.name}"
    on_the_ladder = tile == rung.tile and layout == "nn"
    if not rung.by_layout:
        return rung.make(tile, name if tile == rung.tile else f"{name}.{tile.name}")
    return rung.make(tile, name if on_the_ladder else f"{name}.{tile.name}_{layout}", layout)


RUNGS: list[Rung] = [
    Rung(
        "naive",
        "one thread for each element",
        "thousands of elements are computed at once; but a warp's reads of a and its stores are scattered",
        Tile(32, 32, 1),
        simple.naive,
    ),
    Rung(
        "coalesced",
        "neighbouring threads take neighbouring columns",
        "a warp's 32 reads fall into one or four sectors of 32 bytes, not into 32",
        Tile(32, 32, 1),
        simple.coalesced,
    ),
    Rung(
        "shared_memory",
        "a block copies panels of a and b into shared memory",
        "each element is read from global memory once for 32 threads",
        Tile(32, 32, 32),
        simple.shared_memory,
        ("global",),
    ),
    Rung(
        "tile_1d",
        "a thread computes 8 elements of a column",
        "an element of b in a register serves 8 multiply-adds",
        Tile(64, 64, 8, tm=8),
        register_tile.tile_1d,
        ("global",),
    ),
    Rung(
        "tile_2d",
        "a thread computes 8 x 8 elements",
        "16 reads from shared memory serve 64 multiply-adds",
        LARGE.without_warps(),
        register_tile.tile_2d,
        ("global",),
    ),
    Rung(
        "vectorised",
        "16 bytes by each access",
        "a quarter of the load instructions and of their address arithmetic",
        LARGE,
        vectorised.vectorised,
        ("global",),
        by_layout=True,
    ),
    Rung(
        "conflict_free",
        "the lanes of a warp read from different banks of shared memory",
        "lanes that meet in a bank take turns",
        LARGE,
        vectorised.conflict_free,
        ("global",),
        by_layout=True,
    ),
    Rung(
        "double_buffered",
        "the next panels are fetched while these are multiplied",
        "the wait for global memory passes behind the multiply-adds; one barrier a step",
        LARGE,
        vectorised.double_buffered,
        ("global",),
        by_layout=True,
    ),
    Rung(
        "warp_tile",
        "a warp's elements are one compact piece",
        "its lanes share more of what they read from shared memory",
        LARGE,
        warps.warp_tile,
        ("global", "warp"),
        by_layout=True,
    ),
    Rung(
        "split_k",
        "k is divided among blocks",
        "a product with few tiles and a long k keeps all multiprocessors busy",
        LARGE,
        warps.split_k,
        ("global", "warp"),
        by_layout=True,
    ),
]
BY_NAME = {rung.name: rung for rung in RUNGS}
CATALOGUED = [rung.kernel for rung in RUNGS]  # as on the ladder; other tiles and layouts are made when asked for


def matmul(
    a: Any,
    b: Any,
    out: Any,
    rung: str | None = None,
    bias: Any = None,
    activation: str | None = None,
    stream: Any = None,
    *,
    tile: Tile | None = None,
    slices: int | None = None,
    workspace: Any = None,
) -> None:
    """out = activation(a @ b + bias) on the current device, in float32. Returns before it is done.

    a (M, K), b (K, N)  with any strides that are not negative: transposes and slices cost no copy
    out (M, N)          contiguous; bias (N,) or None; activation None, "relu" or "gelu" (tanh form)
    rung, tile, slices  by default as `choose` says for this shape and device; rungs from `vectorised` on pass operands
                        that cannot be read 16 bytes at a time to tile_2d
    workspace           (slices, M, N) for split_k; by default new memory (pass it where nothing may be allocated)
    Raises ValueError, in one line, for what does not fit.
    """
    for kernel, grid, arguments in launches(
        a, b, out, rung, bias, activation, tile=tile, slices=slices, workspace=workspace
    ):
        kernel(grid, *arguments, stream=stream)


def launches(
    a: Any,
    b: Any,
    out: Any,
    rung: str | None = None,
    bias: Any = None,
    activation: str | None = None,
    *,
    tile: Tile | None = None,
    slices: int | None = None,
    workspace: Any = None,
) -> list[Launch]:
    """What `matmul` does: (kernel, grid, arguments), one after another. Nothing where out is empty."""
    m, n, k = operands.checked(a, b, out, bias, activation)
    if rung is not None and rung not in BY_NAME:
        raise ValueError(f"matmul: rung must be one of {', '.join(BY_NAME)}, got {rung!r}")
    if m == 0 or n == 0:
        return []
    chosen = choose(m, n, k, *_device()) if rung is None else Choice(rung, BY_NAME[rung].tile, 4)
    step, tile, slices = BY_NAME[chosen.rung], tile or chosen.tile, slices or chosen.slices
    layout = operands.layout(a, b) if step.by_layout else "nn"
    if layout is None:
        step, layout, tile = BY_NAME["tile_2d"], "nn", tile.without_warps()
    matrices = operands.pointer(a), operands.pointer(b)
    strides = (*operands.strides(a), *operands.strides(b))
    of_bias = matrices[1] if bias is None else operands.pointer(bias)  # without a bias a pointer that nobody follows
    finish = int(bias is not None), ACTIVATIONS[activation]
    kernel, blocks, flat_out = instance(step, tile, layout), tile.blocks(m, n), operands.pointer(out)
    if step.name != "split_k":
        return [(kernel, (blocks,), (*matrices, flat_out, of_bias, m, n, k, *strides, *finish))]
    depth = max(-(-k // (slices * tile.bk)), 1) * tile.bk
    slices = max(-(-k // depth), 1)
    sums = operands.pointer(_checked_workspace(workspace, out, (slices, m, n)))
    return [
        (kernel, (blocks, slices), (*matrices, sums, m, n, k, depth, *strides)),
        (warps.sum_slices, (min(-(-m * n // 256), 4096),), (sums, flat_out, of_bias, m * n, n, slices, *finish)),
    ]


def _checked_workspace(workspace: Any, out: Any, shape: tuple[int, ...]) -> Any:
    if workspace is None:
        return operands.empty_like(out, shape)
    if workspace.shape != shape or not workspace.flags.c_contiguous or operands.address(workspace) % 16:
        raise ValueError(
            f"split_k: workspace must be contiguous of shape {shape} and start at a multiple of 16 bytes, "
            f"got {workspace.shape}"
        )
    return workspace


def _device() -> tuple[tuple[int, int], int | None]:
    """Compute capability and multiprocessors of the current device; sm_80's where it is simulated."""
    if simulated():
        return (8, 0), None
    import cupy as library  # pyright: ignore[reportMissingImports]

    cupy: Any = library
    return _properties(cupy.cuda.Device().id)


@cache
def _properties(device: int) -> tuple[tuple[int, int], int]:
    import cupy as library  # pyright: ignore[reportMissingImports]

    cupy: Any = library
    found = cupy.cuda.Device(device)
    text = found.compute_capability
    return (int(text[:-1]), int(text[-1])), found.attributes["MultiProcessorCount"]
