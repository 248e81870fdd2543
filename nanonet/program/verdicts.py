"""What a person sees of many checks, in 80 columns: a table by family, the named places, and all that is not fine."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nanonet.gradcheck.report import Report
from nanonet.gradcheck.suite.ops import Compared, Finding, by_family

COLOURS = {"pass": "green", "subgradient": "green", "named": "cyan", "inconclusive": "yellow", "fail": "red"}
HEADS = {"pass": "pass", "subgradient": "subgrad.", "named": "kink", "inconclusive": "inconcl.", "fail": "fail"}


def show_families(console: Console, found: Sequence[Finding]) -> None:
    """How many checks came to what; the largest error of those at smooth places, and its error bar."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_footer=True)
    table.add_column("family", "all")
    table.add_column("checks", f"{len(found):,}", justify="right")
    counts = Counter(one.column for one in found)
    shown = [name for name in HEADS if counts[name] or name in ("pass", "fail")]
    for name in shown:
        table.add_column(HEADS[name], _count(counts[name], name), justify="right")
    for head, footer in zip(("largest error", "its bar"), _largest(found), strict=True):
        table.add_column(head, footer, justify="right")
    for family, ones in by_family(found).items():
        counts = Counter(one.column for one in ones)
        table.add_row(family, str(len(ones)), *(_count(counts[name], name) for name in shown), *_largest(ones))
    console.print(table)


def _count(count: int, name: str) -> str:
    return f"[{COLOURS[name]}]{count:,}[/]" if count else "[dim]·[/]"


def _largest(found: Sequence[Finding]) -> tuple[str, str]:
    reports = [one.report for one in found if one.report is not None and one.column != "named"]
    worst = max(reports, key=lambda report: report.max_error if report.max_error >= 0 else 0.0, default=None)
    return ("", "") if worst is None else (f"{worst.max_error:.0e}", f"{worst.bar:.0e}")


def show_named(console: Console, found: Sequence[Finding]) -> None:
    """The samples at a kink, a tie, a gradient left out on purpose: what was found there, which is no pass."""
    named = [one for one in found if one.column == "named"]
    if not named:
        return
    console.print("[cyan]kink[/]: samples whose name says why the gradient is no plain derivative there:")
    for verdict in ("pass", "subgradient", "inconclusive", "kink", "fail"):
        ones = Counter(f"{one.op} ({one.kink})" for one in named if one.verdict == verdict)
        if ones:
            places = ", ".join(f"{name} ×{n}" if n > 1 else name for name, n in ones.items())
            _indented(console, f"{sum(ones.values())} {verdict}: {places}")
    for one in named:
        if one.verdict == "fail" and one.report is not None:
            numbers = f"numeric {one.report.numeric:.6g} ± {one.report.bar:.0g}, analytic {one.report.analytic:.6g}"
            _indented(console, f"fail: {one.op} ({one.kink}) at {one.report.place}: {numbers}")
    console.print()


def _indented(console: Console, text: str) -> None:
    """A paragraph, two columns in, its further lines four: without the trailing spaces that rich pads lines with."""
    width = min(console.width, 100)
    console.print(escape(textwrap.fill(text, width, initial_indent="  ", subsequent_indent="    ")))


def show_details(console: Console, found: Sequence[Finding]) -> None:
    """The reports of all that is not fine."""
    for one in found:
        if one.is_fine:
            continue
        if one.report is None:
            console.print(f"[{COLOURS[one.column]}]{one.verdict}[/]: {escape(f'{one.op}, {one.sample}: {one.why}')}\n")
        else:
            show_report(console, one.report)
            console.print()


def show_report(console: Console, report: Report) -> None:
    """A report's text, its verdict in colour."""
    colour = COLOURS.get(report.verdict, "red")
    first, *more = str(report).split("\n")
    console.print(f"[{colour}]{report.verdict}[/]{escape(first.removeprefix(report.verdict))}", soft_wrap=True)
    for line in more:
        console.print(escape(line), soft_wrap=True)


def summary(found: Sequence[Finding], seconds: float) -> str:
    """One line: how many, and how they came out."""
    counts = Counter(one.column for one in found)
    words = {"pass": "passed", "subgradient": "at a subgradient", "named": "at named kinks"}
    words |= {"inconclusive": "inconclusive", "fail": "failed"}
    parts = ", ".join(f"{counts[name]:,} {word}" for name, word in words.items() if counts[name])
    checks = f"{len(found):,} check{'' if len(found) == 1 else 's'} of {_ops(one.op for one in found)}"
    return f"[bold]{checks} in {seconds:.0f} s[/]: {parts or 'none'}"


def _ops(names: Any) -> str:
    count = len(set(names))
    return f"{count:,} operation{'' if count == 1 else 's'}"


def show_parity(console: Console, backend: str, found: Sequence[Compared], seconds: float) -> None:
    """By family: how many samples tested a kernel, how many only ran the textbook rule on this backend."""
    parities = [one.parity for one in found]
    table = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, title=f"{backend} against the textbook rules", title_justify="left"
    )
    table.add_column("family", no_wrap=True)
    for head in ("checks", "kernel", "rule", "skipped", "fail", "difference", "allowed"):
        table.add_column(head, justify="right", no_wrap=True)
    for family, ones in by_family(found).items():
        mine = [one.parity for one in ones]
        worst = max(mine, key=lambda p: (p.difference, p.bound))
        kernel = sum(bool(p) and bool(p.kernels) for p in mine)
        rule = sum(bool(p) and not p.kernels for p in mine)
        skipped, failed = (sum(p.verdict == verdict for p in mine) for verdict in ("skipped", "fail"))
        cells = (_count(kernel, "pass"), _count(rule, "named"), _count(skipped, "inconclusive"), _count(failed, "fail"))
        table.add_row(family, str(len(mine)), *cells, f"{worst.difference:.2g} eps", f"{worst.bound:g} eps")
    console.print(table)
    kernels = sorted({name for p in parities for name in p.kernels})
    console.print(
        f"Kernels tested ({', '.join(sorted({p.evidence for p in parities}))}): {', '.join(kernels) or 'none'}."
    )
    console.print("Where it says rule, this backend has none and ran the op's own code: no kernel was tested.\n")
    for one in parities:
        if not one:
            console.print(f"[red]{one.verdict}[/]{escape(str(one).removeprefix(one.verdict))}")
    passed, tested = sum(map(bool, parities)), sum(bool(p) and bool(p.kernels) for p in parities)
    console.print(
        f"[bold]{len(parities):,} comparisons of {_ops(p.op for p in parities)} in {seconds:.0f} s[/]: "
        f"{passed:,} agree, {tested:,} of them by a kernel; {len(parities) - passed:,} do not"
    )
