"""Rows about the machine code of the CUDA kernels: registers, spills, occupancy, instructions. No GPU is needed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nanonet_benchmarks.record import Row

WORKLOAD = "machine code"
QUICK, FULL = ("sm_90",), ("sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120")
ALL = "nanonet bench --full compiles all"
BATCH = 6  # kernels between two looks at the clock
# What stands for all of them in the usual picture: the fastest products, and one of each other kind.
HANDFUL = (
    "ladders.cuda_matmul.c.warp_tile", "ladders.cuda_matmul.c.tensor_tf32", "cuda.softmax.softmax",
    "cuda.layer_norm.layer_norm", "cuda.cross_entropy.forward", "cuda.activation.gelu_tanh", "cuda.adam.adam",
    "ladders.cuda_matmul.numba.warp_tile",
)  # fmt: skip


def compile_rows(
    architectures: Sequence[str],
    seconds: float,
    told: Callable[[float, str], None] = lambda share, text: None,
    only: Sequence[str] = (),
) -> Iterator[Row]:
    """A row for each kernel (`only`: of these) and architecture, as long as `seconds` last.

    What is left is skipped and says so: also a batch that would take longer than the time left, by the one before it.
    """
    end = time.monotonic() + seconds
    try:
        from nanonet_kernels import inspection
        from nanonet_kernels.inspection.survey import survey
    except ImportError as error:
        yield _skipped("all", architectures[0], without_paths(error))
        return
    every = inspection.catalogue()
    names = [name for name in only if name in every] or sorted(every, key=_rank)
    size = 1 if only else BATCH
    batches = [names[i : i + size] for i in range(0, len(names), size)]
    capabilities = [inspection.architecture(one).capability for one in architectures]
    took, count = 0.0, 0
    for batch in batches:
        began = time.monotonic()
        if began + took > end:
            yield _skipped(f"{len(every) - count} kernels", architectures[0], f"no time left; {ALL}")
            return
        told(count / len(names), f"compiling {batch[0]} for {', '.join(architectures)}")
        try:
            found = survey(batch, capabilities, processes=1)
        except inspection.MissingToolError as error:
            yield _skipped("all", architectures[0], without_paths(error))
            return
        yield from (row(one) for one in found)
        took, count = time.monotonic() - began, count + len(batch)
    if len(every) > count:
        yield _skipped(f"{len(every) - count} further kernels", architectures[0], f"not in the usual picture; {ALL}")


def _rank(name: str) -> tuple[bool, bool]:
    """Products first, and float64 last: what is left when the time is over is what one asks for least."""
    return name.endswith("_f8"), "matmul" not in name


def row(found: Any) -> Row:
    """What an inspection says, as a row."""
    if found.error:
        return _skipped(found.name, found.architecture, found.error)
    facts = {
        "registers": found.registers,
        "spills": found.spills,
        "shared": found.shared,
        "occupancy": found.occupancy,
        "instructions": dict(found.instructions),
        "inner_loop": dict(found.inner_loop),
    }
    notes = [found.problem] if found.problem else []
    return Row(WORKLOAD, {}, found.name, found.architecture, "compiled", compiled=facts, library="cuda", notes=notes)


def without_paths(error: Exception) -> str:
    """An error's words in one line, without the place of a module on this machine."""
    return re.sub(r" \((/|[A-Z]:)[^)]*\)", "", " ".join(str(error).split()))


def _skipped(name: str, architecture: str, reason: str) -> Row:
    return Row(WORKLOAD, {}, name, architecture, "skipped", reason=reason)
