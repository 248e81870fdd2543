"""The part of the page that says from which size a GPU wins."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from nanonet_benchmarks.report import figures
from nanonet_benchmarks.report.tables import SHOWN_GPUS, badge, figure, table


def breakevens(entries: Sequence[dict[str, Any]]) -> str:
    """Pictures for a few GPUs, a table for all."""
    parts: list[str] = []
    for workload in dict.fromkeys(entry["workload"] for entry in entries):
        own = [entry for entry in entries if entry["workload"] == workload]
        drawn = []
        for device in SHOWN_GPUS:
            curves = [one for one in own if one["device"] == device]
            if curves:
                drawn.append(
                    figure(
                        figures.breakeven(curves),
                        f"{workload}: {device}",
                        badge(curves[0]["evidence"], curves[0]["reason"]),
                    )
                )
        if drawn:
            parts.append(f'{scenario_key(own)}<div class="figures">{"".join(drawn)}</div>')
        parts.append(breakeven_table(workload, own))
    if parts:
        parts.insert(0, f"<p>{BOUND}</p>")
    return "".join(parts)


BOUND = (
    "The CPU's times were measured; beyond the largest size its rate is kept. The GPU is given the ceilings of its "
    "data sheet, a launch of 6.7 µs, and copies at 0.85 of its slot's rate, which is more than kernels reach. So each "
    "size is a bound: below it this GPU cannot win; above it, it may."
)


def scenario_key(entries: Sequence[dict[str, Any]]) -> str:
    """The colours of the curves."""
    styles = {(one["scenario"], one["memory"]): figures.style(one, entries) for one in entries}
    keys = [
        '<span class="entry"><svg class="sample" viewBox="0 0 26 8" aria-hidden="true">'
        f'<path class="{kind}" d="M0 4L26 4"/></svg>{escape(", ".join(filter(None, name)))}</span>'
        for name, kind in styles.items()
    ]
    return f'<p class="keys">{"".join(keys)}</p>'


def breakeven_table(workload: str, entries: Sequence[dict[str, Any]]) -> str:
    scenarios = list(dict.fromkeys((one["scenario"], one["memory"]) for one in entries))
    found = {(one["device"], one["scenario"], one["memory"]): one for one in entries}
    rows = []
    for device in dict.fromkeys(one["device"] for one in entries):
        ones = [found[device, *scenario] for scenario in scenarios]
        rows.append(
            (escape(device), *(figures.wins(one) for one in ones), badge(ones[0]["evidence"], ones[0]["reason"]))
        )
    header = ("GPU", *(escape(", ".join(filter(None, scenario))) for scenario in scenarios), "evidence")
    return table(
        f"{workload}: the smallest size at which the GPU may win",
        header,
        rows,
        numeric=range(1, 1 + len(scenarios)),
        kind="even",
    )
