"""The part of the page where variants stand side by side: ladders, phases, distributions."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from nanonet.htmlpage import count
from nanonet_benchmarks.record import Row
from nanonet_benchmarks.report import figures, words
from nanonet_benchmarks.report.groups import Group, baseline
from nanonet_benchmarks.report.tables import badge, bar, figure, table

BAR = '<span class="hidden">bar</span>'


def comparison(group: Group) -> str:
    """A ladder of bars, or the phases of a step."""
    if not group.timed:
        return ""
    return phases(group) if group.phases else ladder(group)


def ladder(group: Group) -> str:
    """Bars of the rate, or of the time where no work is counted; beside the baseline."""
    base = baseline(group)
    rates = {id(row): words.work_rate(row) for row in group.timed}
    top = max((found[0] for found in rates.values() if found), default=0.0)
    slowest = max(row.median or 0.0 for row in group.timed)
    rows = []
    for row in group.timed:
        found = rates[id(row)]
        share = found[0] / top if found else (row.median or 0.0) / slowest
        times = base.median / row.median if base and base.median and row.median else 0.0
        rows.append((
            escape(row.variant) + notes(row), bar(share, row.evidence), words.rate(*found) if found else words.NOTHING,
            words.seconds(row.median), badge(row.evidence, row.reason), f"{words.digits(times)}×", words.interval(row),
            error(row),
        ))  # fmt: skip
    header = (
        "variant",
        '<span class="hidden">bar</span>',
        "rate",
        "time",
        "evidence",
        "speed",
        "95 %",
        "error ÷ bound",
    )
    caption = f"{group.title} (1× is {base.variant})" if base else group.title
    return table(caption, header, rows, numeric=(2, 3, 5, 6, 7), kind="ladder")


def error(row: Row) -> str:
    """How much of the allowed error was used."""
    return f"{row.error / row.bound:.2f}" if row.error is not None and row.bound else words.NOTHING


def notes(*rows: Row) -> str:
    """The notes of the rows, closed until they are asked for."""
    found = list(dict.fromkeys(note for row in rows for note in row.notes))
    lines = "".join(f"<li>{escape(note)}</li>" for note in found)
    return f'<details class="note"><summary>{count(found, "note")}</summary><ul>{lines}</ul></details>' if found else ""


def phases(group: Group) -> str:
    """Variants in rows, phases in columns, then all of them together beside the baseline."""
    base = baseline(group)
    found = {(row.variant, row.phase): row for row in group.timed}
    slowest = max(row.median or 0.0 for row in group.timed)
    rows = []
    for variant in dict.fromkeys(row.variant for row in group.timed):
        own = [row for row in group.timed if row.variant == variant]
        parts = [found.get((variant, name)) for name in group.phases]
        shares = [(one.median or 0.0) / slowest if one else 0.0 for one in parts]
        strip = "".join(f'<span class="p{i}" style="width:{100 * part:.1f}%"></span>' for i, part in enumerate(shares))
        whole = found.get((variant, ""))
        times = base.median / whole.median if base and base.median and whole and whole.median else None
        rows.append((
            escape(variant) + notes(*own), f'<span class="bar" aria-hidden="true">{strip}</span>',
            *(words.seconds(one.median) if one else words.NOTHING for one in [*parts, whole]),
            f"{words.digits(times)}×" if times else words.NOTHING,
            " ".join(badge(kind) for kind in dict.fromkeys(row.evidence for row in own)),
        ))  # fmt: skip
    keys = [f'<span class="key p{i}" aria-hidden="true"></span>{escape(name)}' for i, name in enumerate(group.phases)]
    caption = f"{group.title} (1× is {base.variant})" if base else group.title
    header = ("variant", BAR, *keys, "together", "speed", "evidence")
    return table(caption, header, rows, numeric=range(2, 4 + len(keys)), kind="ladder")


def distributions(found: Sequence[Group]) -> str:
    """A picture for each comparison, closed until it is asked for."""
    parts = []
    for group in found:
        rows = [row for row in group.timed if row.samples]
        if rows:
            picture = figure(figures.distribution(rows), group.title, badge("measured"))
            parts.append(f"<details><summary>{escape(group.title)}</summary>{picture}</details>")
    hint = "<p>A hump for each variant, around its median; ticks below it are the medians of its processes.</p>"
    return hint + "".join(parts) if parts else ""
