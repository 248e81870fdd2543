"""Block sizes measured on this machine, and kept on disk with the processor's name."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from llvmlite import binding

from nanonet_kernels.cpu.vector import SHAPE
from nanonet_kernels.ladders.cpu_matmul.blocks import Blocks, from_caches
from nanonet_kernels.ladders.cpu_matmul.operands import checked
from nanonet_kernels.ladders.cpu_matmul.panels import MR, NR, multiply
from nanonet_kernels.ladders.cpu_matmul.parallel import multiply_in_parallel

Array = Any
Progress = Callable[[int, int, str], None]
SIZE = (768, 1536, 768)  # M, N, K of the product that is timed: larger than a second-level cache, some 25 ms
GAIN = 1.01  # a block size has to be so many times as fast to be preferred: less is noise
CANDIDATES = {
    "kc": (128, 192, 256, 320, 384, 512),
    "mc": tuple(MR * n for n in (8, 12, 16, 24, 32, 48)),
    "nc": tuple(NR * n for n in (24, 48, 96, 256)),
}
_known: dict[str, Blocks | None] = {}


def autotuned(a: Array, b: Array, out: Array | None = None) -> Array:
    """out = a @ b: `threaded`, with the block sizes that were the fastest on this machine.

    Faster, or the same, since a model of three caches does not know how a processor fetches ahead, replaces lines and
    shares its last cache. The first call measures for a second or two and says so; afterwards the sizes are read from
    `table_path()`.

    Intensity: as `packed`, with the measured mc.
    """
    out = checked(a, b, out)
    multiply_in_parallel(a, b, out, tuned_blocks() or tune())
    return out


def tuned_blocks() -> Blocks | None:
    """What was measured on this machine, now or earlier; None where nothing was. Measures nothing."""
    name = machine()
    if name not in _known:
        _known[name] = _blocks_of(_table().get(name))
    return _known[name]


def tune(progress: Progress | None = None, *, size: tuple[int, int, int] = SIZE, rounds: int = 3) -> Blocks:
    """Measure kc, then mc, then nc, on one thread, each with the best of the others; keep the result on disk.

    `progress(done, total, what)` is called before each time; without one, a line on the terminal says how far it is.
    """
    M, N, K = size
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((M, K), np.float32), rng.standard_normal((K, N), np.float32)
    c = np.empty((M, N), np.float32)
    show = progress or _on_terminal
    best, done, seconds = from_caches(), 0, float("inf")
    total = rounds * sum(len(values) + 1 for values in CANDIDATES.values())
    multiply(a, b, c, best)  # compiles
    for name, values in CANDIDATES.items():
        choices = [best, *(replace(best, **{name: value}) for value in values)]
        times = [float("inf")] * len(choices)
        for _ in range(rounds):  # in turns, so that a slow moment hits all of them
            for i, blocks in enumerate(choices):
                show(done, total, f"mc {blocks.mc}, kc {blocks.kc}, nc {blocks.nc}")
                start = time.perf_counter()
                multiply(a, b, c, blocks)
                times[i] = min(times[i], time.perf_counter() - start)
                done += 1
        fastest = min(range(len(choices)), key=times.__getitem__)
        chosen = fastest if times[0] > GAIN * times[fastest] else 0
        best, seconds = choices[chosen], times[chosen]
    show(total, total, f"mc {best.mc}, kc {best.kc}, nc {best.nc}")
    _keep(best, 2e-9 * M * N * K / seconds)
    return best


@cache
def machine() -> str:
    """The processor's name, what LLVM takes it for, and the micro-kernel's shape: what measured sizes depend on."""
    return f"{_cpu()} ({binding.get_host_cpu_name()}), {SHAPE.rows}x{SHAPE.columns}"


def table_path() -> Path:
    """$NANONET_CACHE/matmul-blocks.json, or else in ~/.cache/nanonet."""
    return Path(os.environ.get("NANONET_CACHE") or Path.home() / ".cache" / "nanonet") / "matmul-blocks.json"


def _table() -> dict[str, Any]:
    try:
        table = json.loads(table_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return table if isinstance(table, dict) else {}


def _blocks_of(entry: Any) -> Blocks | None:
    """The blocks of an entry of the table; None if it is not one of ours."""
    try:
        blocks = Blocks(**entry["blocks"])
    except (TypeError, KeyError):
        return None
    return blocks if all(isinstance(n, int) and n > 0 for n in asdict(blocks).values()) else None


def _keep(blocks: Blocks, gflops: float) -> None:
    """Write the table anew, as a whole, so that no other process reads half of it. Where that fails, this process
    remembers."""
    _known[machine()] = blocks
    entry = {"blocks": asdict(blocks), "gflops_on_one_thread": round(gflops, 1), "measured": date.today().isoformat()}
    path = table_path()
    new = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(json.dumps(_table() | {machine(): entry}, indent=2), encoding="utf-8")
        new.replace(path)
    except OSError:
        with suppress(OSError):
            new.unlink()


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _on_terminal(done: int, total: int, what: str) -> None:
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\rmatmul: measuring block sizes, {done} of {total}: {what:36}", end=end, file=sys.stderr, flush=True)
