"""Reports as HTML: a page for one, a page for many, and the cell that notebooks show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from os import PathLike
from pathlib import Path

import numpy as np

from nanonet.gradcheck.report.cells import LETTERS, ORDER, tally, worst_elements
from nanonet.gradcheck.report.heatmap import heatmap
from nanonet.gradcheck.report.report import Comparison, Report
from nanonet.gradcheck.report.text import bars, brief, miss, printable, value
from nanonet.htmlpage import count, document, resource, table

MARK = "nanonet gradient check"
CELLS = 12_288  # on a page; it stays under 1 MB
FEW, MOST = 64, 4096  # cells of one heat map
SMALL = 256  # cells in a notebook
ROWS = 12  # of the table of the worst elements


def write(
    reports: Sequence[Report],
    path: str | PathLike[str],
    title: str = "Gradient checks",
    seconds: Sequence[float] | None = None,
) -> Path:
    """One page with a table of all checks, worst first, each of which opens its details; returns its path.

    `seconds` says how long each check took. The page needs no network.
    """
    if seconds is not None and len(seconds) != len(reports):
        raise ValueError(f"page.write: expected as many seconds as reports, got {len(seconds)} for {len(reports)}")
    return save(list_page(reports, title, seconds), path)


def save(text: str, path: str | PathLike[str]) -> Path:
    from nanonet.training.checkpoint import write_atomically

    write_atomically(Path(path), text.encode())
    return Path(path)


def report_page(report: Report) -> str:
    """A page for one report."""
    title = f"{report.verdict}: {printable(report.name) or 'gradient check'}"
    return _document(title, article(report, "check", _cells([report]), heading="h1"))


def list_page(reports: Sequence[Report], title: str, seconds: Sequence[float] | None = None) -> str:
    """A page for many reports."""
    order = sorted(range(len(reports)), key=lambda i: _badness(reports[i]), reverse=True)
    cells = _cells(reports)
    rows = "".join(_row(reports[i], i, seconds[i] if seconds is not None else None, cells) for i in order)
    counts = Counter(report.verdict for report in reports)
    verdicts = [verdict for verdict in reversed(ORDER) if counts[verdict]]
    summary = ", ".join(f"{counts[verdict]:,} {verdict}" for verdict in verdicts)
    time = f" in {brief(sum(seconds), 3)} s" if seconds is not None else ""
    header = '<tr><th>check</th><th>verdict</th><th class="num">largest error</th><th class="num less">error bar</th>'
    header += '<th class="num less">time</th></tr>' if seconds is not None else "</tr>"
    body = (
        f"<h1>{escape(title)}</h1><p>{count(len(reports), 'check')}{time}{': ' if reports else '.'}{summary}</p>"
        f'{_filter(counts, verdicts)}<table class="list"><thead>{header}</thead><tbody>{rows}</tbody></table>'
    )
    return _document(title, body)


def notebook_cell(report: Report) -> str:
    """The verdict, the cause and small heat maps, with the style that they need."""
    style = resource("nanonet.gradcheck.report", "heatmap.css")
    frame = (
        ".check{background:var(--ground);padding:.6rem .9rem;border:1px solid var(--edge);border-radius:8px}"
        ".check .slices td{text-align:center}"
    )
    good = [one for one in report.comparisons if set(tally([one])) <= {"pass"}]
    maps = "".join(heatmap(one, "", SMALL, interactive=False) for one in report.comparisons if one not in good)
    passed = ", ".join(f"{one.index} ({count(np.size(one.numeric), 'element')})" for one in good)
    maps += f'<p class="soft">Right: input {passed}</p>' if good else ""
    heading = f"<b>{LETTERS.get(report.verdict, '')} {escape(str(report).splitlines()[0])}</b>"
    return f'<div class="check"><style>{style}{frame}</style><div>{heading}</div>{_why(report)}{maps}</div>'


def article(report: Report, name: str, cells: int, heading: str = "h2") -> str:
    """Everything about one report; `name` makes its ids unique on a page, each heat map has at most `cells` cells."""
    badge = f'<span class="badge {report.verdict}">{LETTERS.get(report.verdict, "")} {report.verdict}</span>'
    worst_first = sorted(report.comparisons, key=_rank, reverse=True)
    maps = "".join(heatmap(one, f"{name}-{i}", cells) for i, one in enumerate(worst_first))
    opened = "" if report.comparisons else " open"
    title = f"<{heading}>{badge}{escape(printable(report.name))}</{heading}>"
    return (
        f'<article class="check">{title}{_why(report)}{_facts(report)}{_worst(report)}'
        f"{'<h3>Element by element</h3>' + maps if maps else ''}"
        f"<details{opened}><summary>As text</summary><pre>{escape(str(report))}</pre></details></article>"
    )


def _why(report: Report) -> str:
    """The cause and the remedy, or the note."""
    if report.cause is None:
        return f'<p class="why">{escape(report.note)}</p>' if report.note else ""
    cause = f'{escape(report.cause.sentence)} <span class="soft">({escape(report.cause.kind)})</span>'
    return f'<p class="why"><b>Cause:</b> {cause}</p><p class="why"><b>Remedy:</b> {escape(report.cause.remedy)}</p>'


def _facts(report: Report) -> str:
    """The numbers of a report."""
    times = bars(report.max_error, report.bar)
    facts = {
        "largest error": f"{brief(report.max_error, 3)} at {report.place}"
        + (f"; {times}" if times and not report else ""),
        "analytic": value(report.analytic),
        "numeric": f"{value(report.numeric)} ± {brief(report.bar)}",
        "slopes": "{} to the left, {} to the right".format(*map(value, report.slopes)) if report.slopes else "",
        "op": report.op,
        "output": f"{report.output[0]}, element {list(report.output[1])}" if report.output else "",
        "mode": miss(report) or f"{report.mode}, seed {report.seed}",
        "note": report.note if report.cause is not None and report.note != report.cause.sentence else "",
        "looked at": ", ".join(report.looked),
    }
    if report.where is None or (np.isnan(report.numeric) and np.isnan(report.analytic)):
        facts |= {"largest error": "", "analytic": "", "numeric": ""}
    rows = "".join(f"<tr><th>{name}</th><td>{escape(words)}</td></tr>" for name, words in facts.items() if words)
    code = f"<tr><th>reproduce</th><td><code>{escape(report.reproduce)}</code></td></tr>" if report.reproduce else ""
    return f'<table class="facts">{rows}{code}</table>'


def _worst(report: Report) -> str:
    """A table of the worst elements, where several did not pass."""
    found = worst_elements(report.comparisons, ROWS)
    if len(found) < 2:
        return ""
    rows = [
        (
            f"input {one.input} {list(one.at)}" if len(report.comparisons) > 1 else str(list(one.at)),
            value(one.analytic),
            f"{value(one.numeric)} ± {brief(one.bar)}",
            brief(one.error, 3),
            brief(one.share, 2),
            f"{LETTERS.get(one.verdict, '')} {one.verdict}",
        )
        for one in found
    ]
    header = ("element", "analytic", "numeric", "error", "÷ allowed", "verdict")
    return f"<h3>The worst elements</h3>{table(header, rows, numeric=(1, 2, 3, 4))}"


def _row(report: Report, number: int, seconds: float | None, cells: int) -> str:
    """A row of the table of all checks, and the row with its details below it."""
    name = escape(printable(report.name) or f"check {number + 1}")
    bar = f"± {brief(report.bar)}" if report.where is not None else ""
    time = f'<td class="num less">{brief(seconds, 2)} s</td>' if seconds is not None else ""
    state = f'data-verdict="{report.verdict}"'
    kind = "good" if report else "bad"
    return (
        f'<tr {state}><td><button type="button" aria-expanded="false" aria-controls="check-{number}">{name}</button>'
        f'</td><td class="verdict {kind}">{LETTERS.get(report.verdict, "")} {report.verdict}</td>'
        f'<td class="num">{brief(report.max_error, 2)}</td><td class="num less">{bar}</td>{time}</tr>'
        f'<tr class="more" {state} id="check-{number}"><td colspan="{4 if seconds is None else 5}">'
        f"{article(report, f'map-{number}', cells)}</td></tr>"
    )


def _filter(counts: Counter[str], verdicts: Sequence[str]) -> str:
    """Radio buttons: all, or one verdict."""
    if len(verdicts) < 2:
        return ""
    choices = {"all": sum(counts.values())} | {verdict: counts[verdict] for verdict in verdicts}
    labels = "".join(
        f'<label><input type="radio" name="verdict" value="{verdict}"{" checked" if verdict == "all" else ""}> '
        f"{verdict} ({n:,})</label>"
        for verdict, n in choices.items()
    )
    return f'<fieldset class="filter"><legend>Show</legend>{labels}</fieldset>'


def _rank(one: Comparison) -> int:
    """Of its worst verdict."""
    return max((ORDER.index(verdict) for verdict in tally([one])), default=-1)


def _badness(report: Report) -> tuple[int, float]:
    rank = ORDER.index(report.verdict) if report.verdict in ORDER else len(ORDER)
    return rank, np.inf if np.isnan(report.max_error) else report.max_error


def _cells(reports: Sequence[Report]) -> int:
    """How many cells each heat map may have, so that the page stays small."""
    maps = sum(len(report.comparisons) for report in reports)
    return max(FEW, min(MOST, CELLS // max(maps, 1)))


def _document(title: str, body: str) -> str:
    style = "".join(resource("nanonet.gradcheck.report", name) for name in ("heatmap.css", "page.css"))
    return document(title, body, style, resource("nanonet.gradcheck.report", "page.js"), MARK)
