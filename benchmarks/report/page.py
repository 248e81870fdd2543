"""One HTML page of a record. It needs no network, and the same record gives the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from nanonet.htmlpage import count, document, resource
from nanonet_benchmarks.machine.roofline import ceiling
from nanonet_benchmarks.record import Record, Row
from nanonet_benchmarks.report import figures, words
from nanonet_benchmarks.report.groups import Group, baseline, ceilings, compiled, groups, reasons
from nanonet_benchmarks.report.tables import MEANING, badge, bar, table

MARK = "nanonet bench"
SHOWN_GPUS = ("T4", "A100 SXM 80GB", "RTX 4090", "H100 SXM")  # in pictures; the tables have all


def page(record: Record) -> str:
    """The whole page."""
    sections = (
        ("machine", "The machine", machine(record.machine)),
        ("workloads", "Measured side by side", "".join(comparison(group) for group in groups(record.rows))),
        ("roofline", "Ceilings", rooflines(record)),
        ("break-even", "From which size does a GPU win?", breakevens(record.more.get("break_even", []))),
        ("compiled", "Machine code for GPUs", machine_code(compiled(record.rows))),
        ("skipped", "Not measured", skipped(record.rows)),
        ("samples", "Distributions of the samples", distributions(groups(record.rows))),
    )
    found = [(name, title, body) for name, title, body in sections if body]
    contents = " ".join(f'<a href="#{name}">{title}</a>' for name, title, _ in found)
    body = "".join(f'<section id="{name}"><h2>{title}</h2>{text}</section>' for name, title, text in found)
    title = f"Benchmarks on {record.machine['cpu']['model']}"
    html = f'<h1>{escape(title)}</h1>{summary(record)}<nav aria-label="Sections">{contents}</nav>{body}{legend()}'
    return document(title, html, resource("nanonet_benchmarks.report", "page.css"), mark=MARK)


def summary(record: Record) -> str:
    """What is on the page, and what one must know before reading it."""
    measured = sum(row.evidence == "measured" for row in record.rows)
    other = sum(row.evidence in ("compiled", "emulated", "modelled") for row in record.rows)
    made = record.more.get("made", "")
    lines = [f"<p>{count(measured, 'row')} measured, {other} compiled or emulated{f'; begun {escape(made)}' if made else ''}.</p>"]
    warnings = list(record.machine.get("degraded", []))
    if record.more.get("interrupted"):
        warnings.insert(0, "stopped by Ctrl-C: this is what had been measured until then")
    load = record.machine.get("load", {}).get("share")
    if load is not None and load > BUSY:
        warnings.append(f"the machine was busy when it began: load {100 * load:.0f} % of its processors")
    lines += [f'<p class="warning">{escape(text)}</p>' for text in warnings]
    return "".join(lines)


BUSY = 0.3


def machine(facts: dict[str, Any]) -> str:
    """The fingerprint as a table."""
    cpu = facts["cpu"]
    caches = ", ".join(f"L{one['level']} {words.amount(one['bytes'])}" for one in cpu["caches"]) or "not told"
    rows = {
        "processor": f"{cpu['model']} ({cpu['architecture']}{', virtual machine' if cpu['virtual'] else ''})",
        "instruction sets": ", ".join(cpu["simd"]),
        "processors": f"{cpu['usable']} usable of {cpu['logical']}, {cpu['physical'] or '?'} cores",
        "caches, one of each": caches,
        "memory": words.amount(cpu["memory"]) if cpu["memory"] else "not told",
        "clock": f"governor {cpu['governor'] or 'not told'}, turbo {TURBO[cpu['turbo']]}",
        **{f"BLAS of {one['of']}": f"{one['library']}, kernel {one['kernel']}, {words.threads(one['threads'])}" for one in facts["blas"]},
        "environment": ", ".join(f"{k}={v}" for k, v in facts["environment"].items()) or "nothing set",
        "versions": ", ".join([facts["python"], *(f"{k} {v}" for k, v in facts["packages"].items())]),
        "system": facts["system"],
        "GPU": "; ".join(f"{one['name']}, driver {facts['gpu']['driver']}" for one in facts["gpu"]["devices"]) or facts["gpu"]["reason"],
        "load at the start": "not told" if facts["load"]["minute"] is None else str(facts["load"]["minute"]),
        "commit": facts["commit"] or "not a checkout",
        "machine id": facts["id"],
    }  # fmt: skip
    return table("What the figures depend on", ("", ""), [(escape(k), escape(v)) for k, v in rows.items()], kind="facts")


TURBO = {True: "on", False: "off", None: "not told"}


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
            words.seconds(row.median), badge(row.evidence, row.reason), f"{words.digits(times)}×", words.interval(row), error(row),
        ))  # fmt: skip
    header = ("variant", '<span class="hidden">bar</span>', "rate", "time", "evidence", "speed", "95 %", "error ÷ bound")
    caption = f"{group.title} (1× is {base.variant})" if base else group.title
    return table(caption, header, rows, numeric=(2, 3, 5, 6, 7), kind="ladder")


def error(row: Row) -> str:
    """How much of the allowed error was used."""
    return f"{row.error / row.bound:.2f}" if row.error is not None and row.bound else words.NOTHING


def notes(row: Row) -> str:
    return "".join(f'<span class="note">{escape(note)}</span>' for note in row.notes)


def phases(group: Group) -> str:
    """Variants in rows, phases in columns, and the whole."""
    variants = list(dict.fromkeys(row.variant for row in group.timed))
    found = {(row.variant, row.phase): row for row in group.timed}
    slowest = max(row.median or 0.0 for row in group.timed)
    names = [*group.phases, *([""] if any(not row.phase for row in group.timed) else [])]
    rows = []
    for variant in variants:
        cells = [words.seconds(one.median) if (one := found.get((variant, name))) else words.NOTHING for name in names]
        parts = [((one.median or 0.0) / slowest) if (one := found.get((variant, name))) else 0.0 for name in group.phases]
        strip = "".join(f'<span class="p{i}" style="width:{100 * part:.1f}%"></span>' for i, part in enumerate(parts))
        evidence = " ".join(badge(kind) for kind in dict.fromkeys(row.evidence for row in group.timed if row.variant == variant))
        rows.append((escape(variant), f'<span class="bar" aria-hidden="true">{strip}</span>', *cells, evidence))
    keys = [f'<span class="key p{i}" aria-hidden="true"></span>{escape(name)}' for i, name in enumerate(group.phases)]
    header = ("variant", '<span class="hidden">bar</span>', *keys, *(["whole step"] if "" in names else []), "evidence")
    return table(group.title, header, rows, numeric=range(2, 2 + len(names)), kind="ladder")


def rooflines(record: Record) -> str:
    """Pictures for each number of threads, a table, and those of GPUs by data sheet."""
    own = ceilings(record.rows)
    counts = sorted({row.threads for row in own if row.threads})
    parts: list[str] = []
    complete = [c for c in counts if {row.size["what"] for row in own if row.threads == c} == {"compute", "bandwidth"}]
    pictures = [figure(figures.roofline(own, record.rows, c), f"CPU, {words.threads(c)}", badge("measured")) for c in complete]
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
        cells = [words.rate(one["rate"], "B/s" if one["what"] == "bandwidth" else "FLOP/s") if one else words.NOTHING for one in ones]
        reason = found[name, "memory"]["reason"]
        rows.append((escape(name), *cells, badge("modelled", reason), f'<span class="source">{escape(reason)}</span>'))
    return table("Ceilings of GPUs: dense peaks", ("GPU", *levels, "evidence", "source"), rows, numeric=(1, 2, 3, 4))


def figure(picture: str, caption: str, mark: str) -> str:
    return f"<figure><figcaption>{escape(caption)} {mark}</figcaption>{picture}</figure>"


def breakevens(entries: Sequence[dict[str, Any]]) -> str:
    """Pictures for a few GPUs, a table for all."""
    parts: list[str] = []
    for workload in dict.fromkeys(entry["workload"] for entry in entries):
        own = [entry for entry in entries if entry["workload"] == workload]
        drawn = []
        for device in SHOWN_GPUS:
            curves = [one for one in own if one["device"] == device]
            if curves:
                drawn.append(figure(figures.breakeven(curves), f"{workload}: {device}", badge(curves[0]["evidence"], curves[0]["reason"])))
        if drawn:
            parts.append(f'{scenario_key(own)}<div class="figures">{"".join(drawn)}</div>')
        parts.append(breakeven_table(workload, own))
    if parts:
        parts.insert(0, f"<p>{BOUND}</p>")
    return "".join(parts)


BOUND = (
    "The CPU's times were measured; beyond the largest size its rate is kept. The GPU is given the ceilings of its data "
    "sheet, a launch of 6.7 µs, and copies at 0.85 of its slot's rate, which is more than kernels reach. So each size is "
    "a bound: below it this GPU cannot win; above it, it may."
)


def scenario_key(entries: Sequence[dict[str, Any]]) -> str:
    """The colours of the curves."""
    styles = {(one["scenario"], one["memory"]): figures.style(one, entries) for one in entries}
    keys = [
        f'<span class="entry"><svg class="sample" viewBox="0 0 26 8" aria-hidden="true"><path class="{kind}" d="M0 4L26 4"/></svg>'
        f"{escape(', '.join(filter(None, name)))}</span>"
        for name, kind in styles.items()
    ]
    return f'<p class="keys">{"".join(keys)}</p>'


def breakeven_table(workload: str, entries: Sequence[dict[str, Any]]) -> str:
    scenarios = list(dict.fromkeys((one["scenario"], one["memory"]) for one in entries))
    found = {(one["device"], one["scenario"], one["memory"]): one for one in entries}
    rows = []
    for device in dict.fromkeys(one["device"] for one in entries):
        ones = [found[device, *scenario] for scenario in scenarios]
        rows.append((escape(device), *(figures.wins(one) for one in ones), badge(ones[0]["evidence"], ones[0]["reason"])))
    header = ("GPU", *(escape(", ".join(filter(None, scenario))) for scenario in scenarios), "evidence")
    return table(f"{workload}: the smallest size at which the GPU may win", header, rows, numeric=range(1, 1 + len(scenarios)), kind="even")


def machine_code(rows: Sequence[Row]) -> str:
    """Registers, spills, shared memory, occupancy, instructions: for each kernel and architecture."""
    lines = []
    for row in rows:
        facts = row.compiled or {}
        mix = ", ".join(f"{name} {n}" for name, n in (facts.get("instructions") or {}).items())
        figures_ = [str(facts.get(name, words.NOTHING)) for name in ("registers", "spills", "shared")]
        occupancy = facts.get("occupancy")
        share = f"{100 * occupancy:.0f} %" if occupancy is not None else words.NOTHING
        lines.append((escape(row.variant), escape(row.device), *figures_, share, escape(mix), badge(row.evidence)))
    header = ("kernel", "for", "registers", "spills, bytes", "shared, bytes", "occupancy", "instructions", "evidence")
    return table("Compiled, not run", header, lines, numeric=(2, 3, 4, 5)) if lines else ""


def skipped(rows: Sequence[Row]) -> str:
    """Each reason once, with what it kept from being measured."""
    lines = [f"<li>{badge('skipped')} {escape(', '.join(what))}: {escape(why)}</li>" for why, what in reasons(list(rows)).items()]
    return f'<ul class="plain">{"".join(lines)}</ul>' if lines else ""


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


def legend() -> str:
    """What the words of evidence mean."""
    lines = "".join(f"<li>{badge(name)} {meaning}</li>" for name, meaning in MEANING.items())
    return f'<section id="evidence"><h2>Evidence</h2><ul class="plain">{lines}</ul></section>'
