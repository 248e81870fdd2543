"""What a benchmark says: rows of figures, each with its evidence. The file format of `nanonet bench`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

Evidence = Literal["measured", "emulated", "modelled", "compiled", "skipped"]
VERSION = 1


@dataclass(frozen=True)
class Row:
    """One variant of one workload at one size.

    workload   "matmul", "gelu", "training step"
    size       {"m": 1024, "n": 1024, "k": 1024, "dtype": "float32"}: what the workload was asked for
    variant    "numba: packed panels", "numpy", "torch"
    device     "cpu", or "cuda: NVIDIA H100 80GB HBM3"; for code that was compiled only, "sm_90"
    evidence   where the figures come from; `reason` says why a row was skipped, or by what model it was made
    samples    seconds of one call: a list for each fresh process, in the order in which they were measured
    median, mad, low, high   of all samples, seconds; [low, high] is the 95 % bootstrap interval of the median
    flops, bytes             of one call: operations, and bytes that have to move at least
    cache      "hot": operands in the cache from the call before; "cold": they are not
    threads    threads that the variant may use
    error, bound             the largest error against the float64 oracle, and what is allowed, both in the same unit
    phase      part of a training step: "forward", "backward", "update", "data"; else ""
    compiled   for machine code: {"registers": 32, "spills": 0, "shared": 0, "occupancy": 1.0, "instructions": {…}}
    notes      what the reader must know: drift, interference, an interval that could not be brought below 1 %
    """

    workload: str
    size: dict[str, Any]
    variant: str
    device: str
    evidence: Evidence
    reason: str = ""
    samples: list[list[float]] = field(default_factory=list)
    median: float | None = None
    mad: float | None = None
    low: float | None = None
    high: float | None = None
    flops: float | None = None
    bytes: float | None = None
    cache: Literal["hot", "cold", ""] = ""
    threads: int | None = None
    error: float | None = None
    bound: float | None = None
    phase: str = ""
    compiled: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        refuse(self)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> Row:
        known = {f.name for f in fields(Row)}
        unknown = sorted(set(data) - known)
        if unknown:
            raise ValueError(f"row: unknown fields {', '.join(unknown)}; the file is of another version")
        return Row(**data)


def refuse(row: Row) -> None:
    """ValueError for a row that claims what its evidence does not carry."""
    where = f"{row.workload} {row.size} {row.variant}"
    if row.evidence not in get_args(Evidence):
        raise ValueError(f"{where}: evidence is one of {', '.join(get_args(Evidence))}, got {row.evidence!r}")
    if row.evidence in ("skipped", "modelled") and not row.reason:
        raise ValueError(f"{where}: {row.evidence} needs a reason: why it was skipped, or by what model it was made")
    if row.evidence == "measured" and not row.samples:
        raise ValueError(f"{where}: measured needs its samples")
    if row.evidence != "measured" and row.samples:
        raise ValueError(f"{where}: samples were measured, but the evidence says {row.evidence}")
    if row.evidence in ("skipped", "compiled", "emulated") and row.median is not None:
        raise ValueError(f"{where}: {row.evidence} has no time, got {row.median} s")
    if row.evidence == "measured" and row.device.startswith("sm_"):
        raise ValueError(f"{where}: a time needs the device that it was measured on, got {row.device}")
