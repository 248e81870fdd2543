"""The part of the page with the rooflines: this processor's, measured, and those of GPUs, by data sheet."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from nanonet_benchmarks.machine.roofline import ceiling
from nanonet_benchmarks.record import Record, Row
from nanonet_benchmarks.report import figures, words
from nanonet_benchmarks.report.comparison import notes
from nanonet_benchmarks.report.groups import ceilings
from nanonet_benchmarks.report.tables import SHOWN_GPUS, badge, figure, table


def rooflines(record: Record) -> str:
    """Pictures for each number of threads, a table, and those of GPUs by data sheet."""
    own = ceilings(record.rows)
    counts = sorted({row.threads for row in own if row.threads})
    parts: list[str] = []
    complete = [c for c in counts if {row.size["what"] for row in own if row.threads == c} == {"compute", "bandwidth"}]
    pictures = [
        figure(figures.roofline(own, record.rows, c), f"CPU, {words.threads(c)}", badge("measured")) for c in complete
    ]
    if pictures:
        parts.append(
            "<p>A kernel with I operations per byte reaches at most min(peak, I × bandwidth). Dots are the rows above; "
            "a dot above a memory line works from a cache.</p>"
        )
    gpu = record.more.get("roofs", [])
    if gpu:
        pictures.append(figure(figures.gpu_roofs(gpu, SHOWN_GPUS), "GPUs, float32, by data sheet", badge("modelled")))
    parts.append(f'<div class="figures">{"".join(pictures)}</div>' if pictures else "")
    if own:
        parts.append(ceiling_table(own, counts))
    if gpu:
        parts.append(gpu_table(gpu))
    return "".join(parts)


def ceiling_table(own: Sequence[Row], counts: Sequence[int]) -> str:
    found: dict[tuple[str, str], dict[int, Row]] = {}
    for row in own:
        found.setdefault((row.size["level"], row.variant), {})[row.threads or 0] = row
    rows = []
    for (level, variant), by_threads in found.items():
        unit = "FLOP/s" if next(iter(by_threads.values())).flops else "B/s"
        cells = [words.rate(ceiling(by_threads[c]), unit) if c in by_threads else words.NOTHING for c in counts]
        remarks = "".join(dict.fromkeys(notes(row) for row in by_threads.values()))
        rows.append((f"{escape(level)}, {escape(variant)}{remarks}", *cells, badge("measured")))
    header = ("ceiling", *(words.threads(c) for c in counts), "evidence")
    return table("Ceilings of this processor: the fastest sample", header, rows, numeric=range(1, 1 + len(counts)))


def gpu_table(roofs: Sequence[dict[str, Any]]) -> str:
    levels = ("FP32", "TF32 tensor", "FP16 tensor", "memory")
    names = list(dict.fromkeys(one["device"] for one in roofs))
    found = {(one["device"], one["level"]): one for one in roofs}
    rows = []
    for name in names:
        ones = [found.get((name, level)) for level in levels]
        cells = [
            words.rate(one["rate"], "B/s" if one["what"] == "bandwidth" else "FLOP/s") if one else words.NOTHING
            for one in ones
        ]
        reason = found[name, "memory"]["reason"]
        rows.append((escape(name), *cells, badge("modelled", reason), f'<span class="source">{escape(reason)}</span>'))
    return table("Ceilings of GPUs: dense peaks", ("GPU", *levels, "evidence", "source"), rows, numeric=(1, 2, 3, 4))
