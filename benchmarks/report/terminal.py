"""The record in a terminal of 80 columns: the machine, bars, phases, ceilings, machine code, break-even, reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nanonet_benchmarks.machine.roofline import ceiling
from nanonet_benchmarks.record import Record, Row
from nanonet_benchmarks.report import figures, words
from nanonet_benchmarks.report.groups import Group, baseline, ceilings, compiled, groups, reasons

BAR = 14
COLOURS = {"measured": "green", "modelled": "magenta", "compiled": "cyan", "emulated": "cyan", "skipped": "dim"}
SHOWN_GPUS = ("T4", "RTX 4090", "H100 SXM")


def show(record: Record, console: Console) -> None:
    """Everything that fits; the page and the JSON have the rest."""
    machine(record.machine, console)
    own = ceilings(record.rows)
    if own:
        console.print(roofline(own))
    for group in groups(record.rows):
        if group.timed:
            console.print(phases(group) if group.phases else ladder(group))
            remarks = marks(group)
            if remarks:
                console.print(f"[yellow]![/] {escape(remarks)}")
    code = compiled(record.rows)
    if code:
        console.print(machine_code(code))
    entries = record.more.get("break_even", [])
    if entries:
        console.print(breakeven(entries))
    for why, what in reasons(record.rows).items():
        console.print(f"[dim]skipped[/] {escape(short_list(what))}: {escape(why)}")


def machine(facts: dict[str, Any], console: Console) -> None:
    """The machine line, and a warning for all that makes the figures worse than they could be."""
    console.print(escape(words.machine_line(facts)), f"[dim](machine {facts['id']})[/]")
    for text in facts.get("degraded", []):
        console.print(f"[yellow]{escape(text)}[/]")


def ladder(group: Group) -> Table:
    """A bar for each variant: its rate, or its time where no work is counted."""
    table = _table(f"{group.title}")
    base = baseline(group)
    table.add_column("variant", overflow="fold")
    table.add_column("", no_wrap=True)
    for name in ("rate", "time", _versus(base)):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    rates = [words.work_rate(row) for row in group.timed]
    top = max((found[0] for found in rates if found), default=0.0)
    slowest = max(row.median or 0.0 for row in group.timed)
    for row, found in zip(group.timed, rates, strict=True):
        share = found[0] / top if found else (row.median or 0.0) / slowest
        times = f"{words.digits(base.median / row.median)}×" if base and base.median and row.median else ""
        mark = " [yellow]![/]" if row.notes else ""
        rate = words.rate(*found) if found else words.NOTHING
        name, time = f"{escape(row.variant)}{mark}", words.seconds(row.median)
        table.add_row(name, bar(share), rate, time, times, evidence(row.evidence))
    return table


def marks(group: Group) -> str:
    """How many rows have which kind of note: "interval wider than wanted (3), interference (1)"."""
    kinds = Counter(kind for row in group.timed for kind in {_kind(note) for note in row.notes})
    return ", ".join(f"{kind} ({n})" for kind, n in kinds.items())


def _kind(note: str) -> str:
    """What a note is about, without its figures."""
    if "interval" in note:
        return "interval wider than wanted"
    if "processes:" in note:
        return "fewer processes than wanted"
    return note.partition(":")[0]


def _versus(base: Row | None) -> str:
    return f"× {base.variant.split(':')[0]}" if base else ""


def phases(group: Group) -> Table:
    """Variants in rows, phases in columns, then all of them together beside the baseline."""
    table, base = _table(group.title), baseline(group)
    table.add_column("variant", overflow="fold")
    for name in (*group.phases, "together", _versus(base)):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    found = {(row.variant, row.phase): row for row in group.timed}
    for variant in dict.fromkeys(row.variant for row in group.timed):
        ones = [found.get((variant, name)) for name in (*group.phases, "")]
        cells = [words.seconds(one.median) if one else words.NOTHING for one in ones]
        whole = ones[-1].median if ones[-1] else None
        times = f"{words.digits(base.median / whole)}×" if base and base.median and whole else ""
        kinds = dict.fromkeys(row.evidence for row in group.timed if row.variant == variant)
        table.add_row(escape(variant), *cells, times, " ".join(map(evidence, kinds)))
    return table


def roofline(own: Sequence[Row]) -> Table:
    """Peaks and bandwidths, a column for each number of threads; of read, copy and triad the fastest."""
    counts = sorted({row.threads or 1 for row in own})
    table = _table("Ceilings of this processor")
    table.add_column("")
    for count in counts:
        table.add_column(words.threads(count), justify="right", no_wrap=True)
    table.add_column("")
    best: dict[str, dict[int, tuple[float, str]]] = {}
    for row in own:
        unit = "FLOP/s" if row.flops else "B/s"
        by_threads = best.setdefault(row.size["level"], {})
        by_threads[row.threads or 1] = max(by_threads.get(row.threads or 1, (0.0, unit)), (ceiling(row), unit))
    for level, by_threads in best.items():
        cells = [words.rate(*by_threads[c]) if c in by_threads else words.NOTHING for c in counts]
        table.add_row(level, *cells, evidence("measured"))
    return table


def machine_code(rows: Sequence[Row]) -> Table:
    """One line for each architecture: how many kernels, the most registers, which spill."""
    table = _table("CUDA kernels, compiled without a GPU")
    for name in ("for", "kernels", "most registers", "that spill", "least occupancy", ""):
        table.add_column(name, justify="left" if name in ("for", "") else "right")
    for device in dict.fromkeys(row.device for row in rows):
        facts = [row.compiled or {} for row in rows if row.device == device]
        spilling = sum(bool(one.get("spills")) for one in facts)
        occupancy = min((one["occupancy"] for one in facts if one.get("occupancy") is not None), default=None)
        registers = max((one.get("registers") or 0 for one in facts), default=0)
        share = f"{100 * occupancy:.0f} %" if occupancy is not None else words.NOTHING
        table.add_row(device, str(len(facts)), str(registers), str(spilling), share, evidence("compiled"))
    return table


SCENARIOS = (
    ("transfers never", ""),
    ("once for 10 calls", "pinned"),
    ("transfers each time", "pinned"),
    ("transfers each time", "pageable"),
)


def breakeven(entries: Sequence[dict[str, Any]]) -> Table:
    """From which size a GPU may win: a few GPUs, never, once for ten calls and each time."""
    table = _table("From which size may a GPU win?")
    for name in ("", "GPU", "transfers never", "once for 10, pinned", "each time, pinned", "each time, pageable", ""):
        table.add_column(name)
    found = {(one["workload"], one["device"], one["scenario"], one["memory"]): one for one in entries}
    for workload in dict.fromkeys(one["workload"] for one in entries):
        for device in SHOWN_GPUS:
            ones = [found.get((workload, device, *scenario)) for scenario in SCENARIOS]
            if all(ones):
                cells = [figures.wins(one) for one in ones if one]
                table.add_row(workload, device, *cells, evidence(ones[0]["evidence"] if ones[0] else ""))
    table.caption = "CPU measured, GPU at its data sheet's ceilings: below such a size it cannot win"
    return table


def bar(share: float) -> str:
    """A bar of eighths of a character."""
    eighths = round(8 * BAR * share)
    full, rest = divmod(eighths, 8)
    return f"[blue]{'█' * full}{' ▏▎▍▌▋▊▉'[rest] if rest else ''}[/]"


def evidence(kind: str) -> str:
    return f"[{COLOURS.get(kind, 'dim')}]{kind}[/]"


def short_list(names: Sequence[str], most: int = 6) -> str:
    """Names with commas; of many the first and how many more."""
    return ", ".join(names) if len(names) <= most else f"{', '.join(names[:most])} and {len(names) - most} more"


def _table(title: str) -> Table:
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=None, padding=(0, 1, 0, 0))
    table.caption_justify = "left"
    return table
