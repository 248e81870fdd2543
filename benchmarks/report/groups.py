"""Rows that belong side by side: one workload, one size, one device, the same threads and cache state."""

from __future__ import annotations

from dataclasses import dataclass, field

from nanonet_benchmarks.machine.roofline import WORKLOAD as ROOFLINE
from nanonet_benchmarks.record import Row
from nanonet_benchmarks.report import words


@dataclass
class Group:
    """Rows of one comparison, timed and skipped, in the order in which they were measured."""

    workload: str
    title: str
    rows: list[Row] = field(default_factory=list)

    @property
    def timed(self) -> list[Row]:
        return [row for row in self.rows if row.median is not None]

    @property
    def skipped(self) -> list[Row]:
        return [row for row in self.rows if row.evidence == "skipped"]

    @property
    def phases(self) -> list[str]:
        """The parts of the call, where it has any."""
        return list(dict.fromkeys(row.phase for row in self.rows if row.phase))


def groups(rows: list[Row]) -> list[Group]:
    """The comparisons, in the order of the rows; ceilings and compiled code are not among them."""
    found: dict[tuple[object, ...], Group] = {}
    for row in rows:
        if row.workload == ROOFLINE or row.evidence == "compiled":
            continue
        device = "" if row.device == "cpu" else row.device
        key = (row.workload, tuple(sorted(row.size.items())), row.threads, row.cache, device)
        if key not in found:
            name = f"{row.workload} {words.size(row.size)}".strip()
            cold = "cold cache" if row.cache == "cold" else ""
            title = ", ".join(filter(None, [name, words.threads(row.threads), cold, device]))
            found[key] = Group(row.workload, title)
        found[key].rows.append(row)
    return list(found.values())


def ceilings(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.workload == ROOFLINE and row.samples]


def compiled(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.evidence == "compiled"]


def reasons(rows: list[Row]) -> dict[str, list[str]]:
    """{reason: what was skipped for it}, so that each reason is said once."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.evidence == "skipped":
            name = f"{row.workload} {row.variant}".strip()
            found.setdefault(row.reason, [])
            if name not in found[row.reason]:
                found[row.reason].append(name)
    return found


def baseline(group: Group) -> Row | None:
    """The row the others are compared with: "numpy", or another by NumPy; on a GPU CuPy's; else the slowest."""
    whole = [row for row in group.timed if not row.phase] or group.timed
    named = [row for row in whole if row.variant.startswith("numpy") and row.library in ("", "numpy")]
    named = named or [row for row in whole if row.variant.startswith("cupy")]
    exact = [row for row in named if row.variant == "numpy"]
    return (exact or named or [max(whole, key=lambda row: row.median or 0.0, default=None)])[0]
