"""Rows about the machine code of the CUDA kernels: registers, spills, occupancy, instructions. No GPU is needed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nanonet_benchmarks.record import Row

WORKLOAD = "machine code"
QUICK, FULL = ("sm_90",), ("sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120")
BATCH = 6  # kernels between two looks at the clock


def compile_rows(
    architectures: Sequence[str], seconds: float, told: Callable[[float, str], None] = lambda share, text: None
) -> Iterator[Row]:
    """A row for each kernel and architecture, as long as `seconds` last; what is left is skipped and says so."""
    try:
        from nanonet_kernels import inspection
        from nanonet_kernels.inspection.survey import survey
    except ImportError as error:
        yield _skipped("all", architectures[0], without_paths(error))
        return
    names = sorted(inspection.catalogue(), key=_rank)
    batches = [names[i : i + BATCH] for i in range(0, len(names), BATCH)]
    capabilities = [inspection.architecture(one).capability for one in architectures]
    end = time.monotonic() + seconds
    for done, batch in enumerate(batches):
        if time.monotonic() > end:
            left = len(names) - BATCH * done
            yield _skipped(
                f"{left} kernels", architectures[0], "the time was used up; nanonet bench --full compiles all"
            )
            return
        told(done / len(batches), f"compiling {batch[0]}, … for {', '.join(architectures)}")
        try:
            found = survey(batch, capabilities, processes=1)
        except inspection.MissingToolError as error:
            yield _skipped("all", architectures[0], without_paths(error))
            return
        yield from (row(one) for one in found)


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
