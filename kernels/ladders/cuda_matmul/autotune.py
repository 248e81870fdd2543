"""Which rung, tile and number of slices is fastest for a shape on the GPU at hand: tried, timed, kept in a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from nanonet_kernels.cuda.kernel import simulated
from nanonet_kernels.ladders.cuda_matmul.rungs import matmul
from nanonet_kernels.ladders.cuda_matmul.tiles import TILES, Choice, Tile

Shape = tuple[int, int, int]


def candidates(m: int, n: int, k: int, capability: tuple[int, int]) -> Iterator[Choice]:
    """Every tile of the architecture's table, whole and with k in 2, 4, 8, 16 slices of at least 256."""
    known = max((c for c in TILES if c <= capability), default=min(TILES))
    for tile in dict.fromkeys(TILES[known].values()):
        yield Choice("warp_tile", tile)
        for slices in (2, 4, 8, 16):
            if k // slices >= 256:
                yield Choice("split_k", tile, slices)


def autotune(
    shapes: Iterable[Shape], path: str | Path = "cuda_matmul_tuned.json", repeats: int = 20
) -> dict[Shape, Choice]:
    """The fastest choice for each (m, n, k), row-major operands, on the current GPU; kept in `path` with all times.

    Each candidate is checked against cuBLAS before it is timed, by CUDA events around one launch, after one that is not
    counted; the median of `repeats` decides. Candidates take turns, so that a change of the clock meets all of them.
    Raises RuntimeError where there is no GPU: a simulated time would say nothing.
    """
    cupy = _cupy_with_gpu()
    device = cupy.cuda.Device()
    capability = (int(device.compute_capability[:-1]), int(device.compute_capability[-1]))
    name = cupy.cuda.runtime.getDeviceProperties(device.id)["name"].decode()
    found, rows = {}, []
    for m, n, k in shapes:
        times = _times(cupy, m, n, k, list(candidates(m, n, k, capability)), repeats)
        best = min(times, key=lambda choice: median(times[choice]))
        found[m, n, k] = best
        rows += [
            {"shape": [m, n, k], "choice": asdict(choice), "ms": ms, "best": choice == best}
            for choice, ms in times.items()
        ]
    Path(path).write_text(json.dumps({"device": name, "capability": capability, "rows": rows}, indent=1) + "\n")
    return found


def tuned(path: str | Path) -> dict[Shape, Choice]:
    """What `autotune` found best, read from its file."""
    rows = json.loads(Path(path).read_text())["rows"]
    best = [row for row in rows if row["best"]]
    return {
        tuple(row["shape"]): Choice(**{**row["choice"], "tile": Tile(**row["choice"]["tile"])}) for row in best
    }  # fmt: skip


def _times(cupy: Any, m: int, n: int, k: int, choices: list[Choice], repeats: int) -> dict[Choice, list[float]]:
    random = cupy.random.default_rng(0)
    a = random.standard_normal((m, k), dtype=cupy.float32)
    b = random.standard_normal((k, n), dtype=cupy.float32)
    out, expected = cupy.empty((m, n), cupy.float32), a @ b
    bound = 2 * k * 2.0**-24 * (cupy.abs(a) @ cupy.abs(b))  # both results are within gamma_k of the product
    workspaces = {c: cupy.empty((c.slices, m, n), cupy.float32) for c in choices if c.slices > 1}
    times: dict[Choice, list[float]] = {choice: [] for choice in choices}
    for turn in range(repeats + 1):
        for choice in list(times):
            out.fill(cupy.nan)
            slices = choice.slices if choice.slices > 1 else None
            arguments = {"tile": choice.tile, "slices": slices, "workspace": _fitting(workspaces, choice, k)}
            begin, end = cupy.cuda.Event(), cupy.cuda.Event()
            begin.record()
            matmul(a, b, out, choice.rung, **arguments)
            end.record()
            end.synchronize()
            if turn > 0:
                times[choice].append(cupy.cuda.get_elapsed_time(begin, end))
            elif not bool((cupy.abs(out - expected) <= bound).all()):
                raise RuntimeError(f"autotune: {choice} is wrong at {(m, n, k)}; a wrong kernel is not timed")
    return times


def _fitting(workspaces: dict[Choice, Any], choice: Choice, k: int) -> Any:
    """As many slices of the workspace as there are: fewer where a slice is rounded up to whole steps of bk."""
    if choice not in workspaces:
        return None
    depth = -(-k // (choice.slices * choice.tile.bk)) * choice.tile.bk
    return workspaces[choice][: -(-k // depth)]


def _cupy_with_gpu() -> Any:
    if not simulated():
        try:
            import cupy as library  # pyright: ignore[reportMissingImports]

            cupy: Any = library

            if cupy.cuda.runtime.getDeviceCount() > 0:
                return cupy
        except Exception:  # CuPy is missing, or its driver: either way there is no GPU to time on
            pass
    raise RuntimeError(
        "autotune: expected a CUDA GPU and CuPy, found none; run it on the machine that shall be tuned for"
    )
