"""One HTML page of a record. It needs no network, and the same record gives the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from nanonet.htmlpage import count, document, resource
from nanonet_benchmarks.record import Record, Row
from nanonet_benchmarks.report import words
from nanonet_benchmarks.report.ceilings import rooflines
from nanonet_benchmarks.report.comparison import comparison, distributions
from nanonet_benchmarks.report.crossings import breakevens
from nanonet_benchmarks.report.groups import compiled, groups, reasons
from nanonet_benchmarks.report.tables import MEANING, badge, table

MARK = "nanonet bench"
BUSY = 0.3  # load as a share of the processors, from which the page warns


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
    made = f"; begun {record.more['made']}" if record.more.get("made") else ""
    lines = [f"<p>{count(measured, 'row')} measured, {other} compiled or emulated{escape(made)}.</p>"]
    warnings = list(record.machine.get("degraded", []))
    if record.more.get("interrupted"):
        warnings.insert(0, "stopped by Ctrl-C: this is what had been measured until then")
    load = record.machine.get("load", {}).get("share")
    if load is not None and load > BUSY:
        warnings.append(f"the machine was busy when it began: load {100 * load:.0f} % of its processors")
    lines += [f'<p class="warning">{escape(text)}</p>' for text in warnings]
    return "".join(lines)


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
        **{f"BLAS of {one['of']}": blas(one) for one in facts["blas"]},
        "environment": ", ".join(f"{k}={v}" for k, v in facts["environment"].items()) or "nothing set",
        "versions": ", ".join([facts["python"], *(f"{k} {v}" for k, v in facts["packages"].items())]),
        "system": facts["system"],
        "GPU": ", ".join(one["name"] for one in facts["gpu"]["devices"]) or facts["gpu"]["reason"],
        "GPU driver": facts["gpu"]["driver"] or "none",
        "load at the start": "not told" if facts["load"]["minute"] is None else str(facts["load"]["minute"]),
        "commit": facts["commit"] or "not a checkout",
        "machine id": facts["id"],
    }  # fmt: skip
    return table(
        "What the figures depend on", ("", ""), [(escape(k), escape(v)) for k, v in rows.items()], kind="facts"
    )


def blas(one: dict[str, Any]) -> str:
    return f"{one['library']}, kernel {one['kernel']}, {words.threads(one['threads'])}"


TURBO = {True: "on", False: "off", None: "not told"}


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
    lines = [
        f"<li>{badge('skipped')} {escape(', '.join(what))}: {escape(why)}</li>"
        for why, what in reasons(list(rows)).items()
    ]
    return f'<ul class="plain">{"".join(lines)}</ul>' if lines else ""


def legend() -> str:
    """What the words of evidence mean."""
    lines = "".join(f"<li>{badge(name)} {meaning}</li>" for name, meaning in MEANING.items())
    return f'<section id="evidence"><h2>Evidence</h2><ul class="plain">{lines}</ul></section>'
