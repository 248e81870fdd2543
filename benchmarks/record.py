"""What a benchmark says: rows of figures, each with its evidence. The file format of `nanonet bench`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

Evidence = Literal["measured", "emulated", "modelled", "compiled", "skipped"]
VERSION = 2


@dataclass(frozen=True)
class Row:
    """One variant of one workload at one size.

    workload   "matmul", "gelu", "training step"
    size       {"m": 1024, "n": 1024, "k": 1024, "dtype": "float32"}: what the workload was asked for
    variant    "numba: packed panels", "numpy", "torch"
    device     "cpu", or "cuda: NVIDIA H100 80GB HBM3"; for code that was compiled only, "sm_90"
    evidence   where the figures come from; `reason` says why a row was skipped, or by what model it was made
    samples    seconds of one call: a list for each fresh process, in the order in which they were measured. On the CPU
               samples 2r and 2r + 1 of a process belong to round r, in which all variants of the workload took turns:
               so rows of the same run are paired, round by round
    median, mad, low, high   of all samples, seconds; [low, high] is the 95 % bootstrap interval of the median, drawn
               over processes first and then over their samples
    flops, bytes             of one call: operations, and bytes that have to move at least
    cache      "hot": operands in the cache from the call before; "cold": they are not
    threads    threads that the variant may use
    error, bound             at the element where error / bound is largest: the distance to the float64 oracle, and what
               is allowed there
    phase      part of a call: "forward", "backward", of a training step also "data" and "update"; on a GPU "graph" (a
               call of many in one CUDA graph) and "end to end" (by the host's clock, launch included); the whole: ""
    compiled   for machine code: {"registers": 32, "spills": 0, "shared": 0, "occupancy": 1.0, "instructions": {…}}
    notes      what the reader must know: drift, interference, an interval that could not be brought below 1 %
    library    the library that computes: "numpy", "numba", "torch", …
    calls      calls in one sample
    load       what else went on meanwhile: {"others": cores that other processes used, "steal": cores that other
               virtual machines took, "waiting": share of the time for which a single thread had no core, "switches":
               how often it was pushed aside in a sample}
    gpu        of a GPU time, from the GPU timer only: {"device", "uuid", "driver", "clock_mhz", "throttled", …, "seal"}
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
    library: str = ""
    calls: int | None = None
    load: dict[str, float] = field(default_factory=dict)
    gpu: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        refuse(self)

    @property
    def key(self) -> tuple[Any, ...]:
        """What was measured: two rows with the same key are about the same thing."""
        size = tuple(sorted(self.size.items()))
        return (self.workload, size, self.variant, self.device, self.cache, self.threads, self.phase)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> Row:
        known = {f.name for f in fields(Row)}
        unknown = sorted(set(data) - known)
        if unknown:
            raise ValueError(f"row: unknown fields {', '.join(unknown)}; the file is of another version")
        return Row(**data)


@dataclass(frozen=True)
class Record:
    """A file of `nanonet bench`: rows, and the machine they were measured on (its fingerprint)."""

    machine: dict[str, Any]
    rows: list[Row]
    more: dict[str, Any] = field(default_factory=dict)  # the plan, the roofline, the date: what a report adds
    version: int = VERSION

    def save(self, path: str | Path) -> None:
        """Write it as JSON, all samples included."""
        data = {"version": self.version, "machine": self.machine, "more": self.more}
        text = json.dumps(data | {"rows": [row.as_json() for row in self.rows]}, indent=1, ensure_ascii=False)
        Path(path).write_text(text + "\n", encoding="utf-8")

    @staticmethod
    def load(path: str | Path) -> Record:
        """Read it back; every row is held to the schema. ValueError in one line for a file that is something else."""
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}: expected JSON written by nanonet bench, got something else ({error})") from error
        if not isinstance(data, dict) or not {"version", "machine", "rows"} <= set(data):
            raise ValueError(f"{path}: expected a file of nanonet bench with version, machine and rows")
        if data["version"] != VERSION:
            raise ValueError(f"{path}: expected version {VERSION}, got {data['version']}; measure again")
        rows = [Row.from_json(row) for row in data["rows"]]
        return Record(data["machine"], rows, data.get("more", {}))


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
    every = [seconds for process in row.samples for seconds in process]
    if row.median is not None and every and not min(every) <= row.median <= max(every):
        raise ValueError(f"{where}: the median {row.median} s is not among its samples")
    if row.evidence == "measured" and row.device != "cpu":
        _refuse_gpu_time(row, where)


def _refuse_gpu_time(row: Row, where: str) -> None:
    """A time on a GPU needs what only the GPU timer writes: the device as its driver names it, and the seal."""
    if not row.device.startswith("cuda: "):
        raise ValueError(f"{where}: a time needs the device that it was measured on, got {row.device}")
    gpu = row.gpu or {}
    missing = [name for name in ("device", "uuid", "driver", "seal") if not gpu.get(name)]
    if missing:
        raise ValueError(
            f"{where}: a GPU time needs {', '.join(missing)} from the GPU timer; was it measured on a GPU?"
        )
    if row.device != f"cuda: {gpu['device']}":
        raise ValueError(f"{where}: the row says {row.device}, the driver said {gpu['device']}")
    if gpu["seal"] != seal(row.samples, gpu):
        raise ValueError(f"{where}: these samples are not those that the GPU timer measured on {gpu['device']}")


def seal(samples: list[list[float]], gpu: dict[str, Any]) -> str:
    """Ties samples to the device they were measured on: a guard against mistakes, not against a forger."""
    facts = [gpu["device"], gpu["uuid"], str(gpu["driver"]), samples]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
