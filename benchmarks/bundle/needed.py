"""Which CUDA kernels written in Python the workloads launch: those that a bundle has as PTX."""

from __future__ import annotations

from typing import Any

FAMILIES = (
    "cuda.activation.gelu_tanh", "cuda.rectifier.relu", "cuda.softmax.softmax", "cuda.layer_norm.",
    "cuda.cross_entropy.", "cuda.reduce.total_sum", "cuda.reduce.columns_sum", "cuda.adam.adam",
    "ladders.cuda_matmul.numba.",
)  # fmt: skip
CHOSEN = ("warp_tile", "split_k")  # rungs that the table of tiles chooses from


def needed() -> dict[str, Any]:
    """{name: kernel}: of the catalogue in float32, and for products with the tiles of the table. Imports Numba."""
    from nanonet_kernels.inspection import catalogue
    from nanonet_kernels.ladders.cuda_matmul.rungs import BY_NAME, instance
    from nanonet_kernels.ladders.cuda_matmul.tiles import TILES

    found = {name: one for name, one in catalogue().items() if _is_needed(name, one)}
    tiles = dict.fromkeys(tile for classes in TILES.values() for tile in classes.values())
    chosen = [instance(BY_NAME[rung], tile, "nn") for rung in CHOSEN for tile in tiles]
    return found | {kernel.name: kernel for kernel in chosen}


def _is_needed(name: str, kernel: Any) -> bool:
    return kernel.language == "numba" and name.startswith(FAMILIES) and not name.endswith("_f8")
