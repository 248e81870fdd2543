"""The rows as CSV: one line a row, without the samples, which only JSON holds."""

from __future__ import annotations

import csv
import io
from typing import Any

from nanonet_benchmarks.record import Record, Row

COLUMNS = (
    "workload", "size", "variant", "library", "device", "evidence", "reason", "threads", "cache", "phase",
    "median_s", "mad_s", "low_s", "high_s", "samples", "processes", "flops", "bytes", "flop_per_s", "bytes_per_s",
    "error", "bound", "registers", "spills", "shared", "occupancy", "notes", "machine",
)  # fmt: skip


def text(record: Record) -> str:
    """The whole file; a cell that would be taken for a formula by a spreadsheet begins with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in record.rows:
        writer.writerow([_safe(cell) for cell in cells(row, record.machine.get("id", ""))])
    return out.getvalue()


def cells(row: Row, machine: str) -> list[Any]:
    """One line, in the order of COLUMNS."""
    facts = row.compiled or {}
    size = " ".join(f"{name}={value}" for name, value in row.size.items())
    flop_rate = row.flops / row.median if row.median and row.flops else None
    byte_rate = row.bytes / row.median if row.median and row.bytes else None
    return [
        row.workload, size, row.variant, row.library, row.device, row.evidence, row.reason, row.threads, row.cache,
        row.phase, row.median, row.mad, row.low, row.high, sum(map(len, row.samples)), len(row.samples), row.flops,
        row.bytes, flop_rate, byte_rate, row.error, row.bound,
        facts.get("registers"), facts.get("spills"), facts.get("shared"), facts.get("occupancy"),
        "; ".join(row.notes), machine,
    ]  # fmt: skip


def _safe(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@") else cell
