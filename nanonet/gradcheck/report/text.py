"""A report as plain text: at most 40 lines of at most 80 columns, and three lines for a pass."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nanonet.gradcheck.report.cells import LETTERS, Element, comparable, tally, worst_elements

if TYPE_CHECKING:
    from nanonet.gradcheck.report.report import Comparison, Report

LINES, COLUMNS = 40, 80
LABEL = 13  # columns before what a line says
ROWS = 8  # of the table of the worst elements, and of the map


def text(report: Report) -> str:
    """What `print(report)` shows."""
    if report.verdict == "pass":
        return "\n".join(_passed(report))
    lines = _head(report) + _numbers(report)
    if report.op:
        lines += _item("op", report.op, 3)
    if report.output is not None:
        lines += _item("output", f"{report.output[0]}, element {list(report.output[1])}")
    if report.slopes is not None:
        left, right = report.slopes
        lines += _item("slopes", f"{value(left)} to the left, {value(right)} to the right")
    if report.cause is not None:
        lines += _item("cause", f"{report.cause.sentence} ({report.cause.kind})", 5)
        lines += _item("remedy", report.cause.remedy, 3)
    if _has_numbers(report) and report.note not in ("", report.cause and report.cause.sentence):
        lines += _item("note", report.note, 5)
    lines += _item("mode", miss(report), 3)
    lines += elements(report)
    lines += _item("looked at", ", ".join(report.looked), 4)
    lines += _item("reproduce", report.reproduce, 4, code=True)
    return "\n".join(lines[:LINES])


def brief(number: float, digits: int = 1) -> str:
    """A few digits, as one writes them by hand: 230, 2e-9, 7.7e12."""
    words = f"{number:.{digits}g}"
    if "e+" in words and abs(number) < 1e5:
        words = f"{float(words):g}"
    return re.sub(r"e([+-])0*(\d)", lambda e: f"e{e[1].strip('+')}{e[2]}", words)


def value(number: float) -> str:
    return brief(number, 10)


def printable(words: str) -> str:
    """Without what moves a terminal's cursor or changes its colours."""
    return "".join(c if c.isprintable() else " " for c in words)


def bars(error: float, bar: float) -> str:
    """The error in units of its bar, in words."""
    if not error < np.inf or not 0 < bar < np.inf:
        return ""
    return f"{brief(error / bar, 2)} times the error bar"


def miss(report: Report) -> str:
    """Fast mode: what the random directions can tell."""
    if report.mode != "fast":
        return ""
    seed = f"fast: random directions from seed {report.seed}"
    if report.miss is None:
        return seed
    error, probability = (brief(number) for number in report.miss)
    return f"{seed}; an error of {error} of the gradient's length is missed with probability at most {probability}"


def _passed(report: Report) -> list[str]:
    """One to three lines."""
    lines = _head(report, most=1) if report.mode == "fast" or report.note else _head(report)
    if report.mode == "fast":
        lines += _item("mode", miss(report), 2)
    return (lines + (_item("note", report.note) if report.where is not None else []))[:3]


def _has_numbers(report: Report) -> bool:
    """Not where the gradient has a wrong shape, or backward raised."""
    return report.where is not None and not (np.isnan(report.numeric) and np.isnan(report.analytic))


def _head(report: Report, most: int = 2) -> list[str]:
    """The verdict, the name, and the place; or what was found instead of numbers."""
    subject = f"{report.verdict}: {_clipped(report.name, 80)}: " if report.name else f"{report.verdict}: "
    if not _has_numbers(report):
        reason = report.note or (report.cause.sentence if report.cause else "") or "no elements"
        return _wrapped(subject + reason, "", "  ", 5)
    line = f"{subject}largest error {brief(report.max_error, 3)} at {report.place}"
    if report.verdict == "pass":
        line += f": numeric {value(report.numeric)} ± {brief(report.bar)}"
    return _wrapped(line, "", "  ", most)


def _numbers(report: Report) -> list[str]:
    if not _has_numbers(report):
        return []
    times = bars(report.max_error, report.bar)
    lines = _item("numeric", f"{value(report.numeric)} ± {brief(report.bar)}")
    lines += _item("analytic", value(report.analytic))
    return lines + (_item("error", f"{brief(report.max_error, 3)}, {times}") if times else [])


def elements(report: Report) -> list[str]:
    """A map of a small matrix's verdicts, or the worst elements; nothing where the lines above say it all."""
    counts = tally(report.comparisons)
    wrong = sum(n for verdict, n in counts.items() if verdict != "pass")
    if wrong < 2:
        return []
    small = next((one for one in report.comparisons if report.where and one.index == report.where[0]), None)
    if small is not None and _is_small(small):
        return _map(small)
    found = worst_elements(report.comparisons, ROWS)
    several = len(report.comparisons) > 1
    title = f"{wrong:,} of {sum(counts.values()):,} elements did not pass; the worst:"
    lines = _item("elements", title if wrong > len(found) else title.removesuffix("; the worst:"))
    return lines + [" " * LABEL + line for line in _table(found, several)]


def _is_small(one: Comparison) -> bool:
    shape = np.shape(one.numeric)
    return comparable(one) and len(shape) == 2 and min(shape) > 0 and max(shape) <= ROWS


def _map(one: Comparison) -> list[str]:
    """One letter for each element."""
    seen = tally([one])
    legend = ", ".join(f"{LETTERS[verdict]} {verdict}" for verdict in reversed(seen))
    rows = [" ".join(LETTERS.get(str(verdict), " ") for verdict in row) for row in np.asarray(one.verdicts)]
    return _item("map", f"input {one.index}: {legend}") + [" " * LABEL + row for row in rows]


def _table(found: Sequence[Element], several: bool) -> list[str]:
    """Columns of the same width, in at most 80 columns with the label."""
    rows = [("element", "analytic", "numeric", "error", "")]
    for one in found:
        place = (f"{one.input} " if several else "") + str(list(one.at))
        numeric = f"{brief(one.numeric, 6)} ± {brief(one.bar)}"
        rows.append((_clipped(place, 20), brief(one.analytic, 6), numeric, brief(one.error, 2), one.verdict))
    widths = [max(len(row[j]) for row in rows) for j in range(4)]
    return [
        f"{row[0]:{widths[0]}}  " + "  ".join(f"{row[j]:>{widths[j]}}" for j in (1, 2, 3)) + f"  {row[4]}".rstrip()
        for row in rows
    ]


def _item(label: str, words: str, most: int = 1, code: bool = False) -> list[str]:
    """`label` and what it says, in at most `most` lines; nothing where it says nothing."""
    return _wrapped(words, f"  {label + ':':{LABEL - 2}}", " " * LABEL, most, code) if words else []


def _wrapped(words: str, first: str, later: str, most: int, code: bool = False) -> list[str]:
    """Lines of at most 80 columns. Words of code stay whole, so that the line can be copied."""
    lines = textwrap.wrap(
        printable(words),
        COLUMNS,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=not code,
        break_on_hyphens=False,
    )
    if len(lines) > most:
        lines = [*lines[: most - 1], lines[most - 1][: COLUMNS - 2] + " …"]
    return lines


def _clipped(words: str, width: int) -> str:
    return words if len(words) <= width else words[: width - 1].rstrip(" …") + "…"
