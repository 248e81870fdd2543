"""What a person sees of the tour in a terminal; all of it fits into 80 columns."""

from __future__ import annotations

from rich import box
from rich.columns import Columns
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nanonet.program.measures import table as in_words
from nanonet.tour.checks import Check, by_family, result
from nanonet.tour.digits import Digits
from nanonet.tour.step import OneStep, matrix, readings
from nanonet_benchmarks.kernels import Row
from nanonet_benchmarks.timing import Timing


def show_digits(console: Console, digits: Digits) -> None:
    shown = dict(in_words(digits.figures, "multiclass"))
    console.print(
        f"\nOn {digits.rows[2]} images it has never seen: [bold]{shown['accuracy']}[/] right "
        f"(a constant answer: {100 * digits.figures['baseline']:.0f} %).\n"
    )


def show_step(console: Console, small: OneStep) -> None:
    console.print(f"\n{small.network}\nx = (1, 2, 3), labels (1, 0)")
    phase = ""
    for i, one in enumerate(readings(small.trace), 1):
        if one.phase != phase:
            phase = one.phase
            console.print(f"\n[bold]{phase}[/]")
        console.print(f" {i:2}. [bold]{one.title}[/]  {escape(one.formula)}")
        for name, value in one.values:
            for j, row in enumerate(matrix(value)):
                console.print(f"     {name if j == 0 else '':>8}  {'  '.join(row)}")
    console.print(
        f"\nThe step w ← w - α dw takes the loss from {small.before:.6f} to {small.after:.6f}.\n"
        f"Finite differences say of these gradients: [bold]{small.report.verdict}[/] "
        f"(largest difference {small.report.max_error:.1g}).\n"
    )


def show_checks(console: Console, checks: list[Check]) -> None:
    families = [
        f"[green]{family} {len(found)}[/]" if all(c.verdict == "pass" for c in found) else f"[red]{family}[/]"
        for family, found in by_family(checks).items()
    ]
    console.print("\nChecks in each family of operations:")
    console.print(Columns(families, padding=(0, 2), width=17))
    for one in checks:
        if one.verdict != "pass":
            console.print(f"[red]{one.verdict}[/]: {one.op}, {escape(one.sample)}: {escape(one.why)}")
    largest = max((c.error for c in checks if c.error == c.error), default=0.0)
    console.print(f"[bold]{result(checks)}[/]; largest difference {largest:.0e}\n")


def show_kernels(console: Console, rows: list[Row]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("kernel")
    for name in ("NumPy rule, µs", "Numba kernel, µs", "faster"):
        table.add_column(name, justify="right")
    table.add_column("evidence")
    for row in rows:
        if row.rule and row.kernel:
            faster = f"{row.speedup:.1f}×"
            table.add_row(f"{row.op} {row.phase}", time(row.rule), time(row.kernel), faster, row.evidence)
    console.print(table)
    for row in rows:
        if not row.rule:
            console.print(f"{row.op}: {escape(row.evidence)}")
    console.print("Medians (quartiles) of runs that took turns; the results were compared before.\n")


def time(timing: Timing) -> str:
    return f"{1e6 * timing.median:.0f} [dim]({1e6 * timing.low:.0f}–{1e6 * timing.high:.0f})[/]"
