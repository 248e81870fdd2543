"""`nanonet bench compare` in a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nanonet_benchmarks.compare import Verdict

ORDER = ("slower", "faster", "ambiguous", "same", "incomparable")
COLOURS = {"slower": "red", "faster": "green", "ambiguous": "yellow", "same": "dim", "incomparable": "dim"}


def show(verdicts: Sequence[Verdict], console: Console) -> None:
    """Worst first, each with its interval; then how many of each."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    table.add_column("what", overflow="fold")
    table.add_column("time B ÷ A", justify="right", no_wrap=True)
    for verdict in sorted(verdicts, key=lambda one: ORDER.index(one.outcome)):
        ratio = ""
        if verdict.ratio is not None:
            ratio = f"{verdict.ratio:.3f}"
            if verdict.low is not None and verdict.high is not None:
                ratio += f" [{verdict.low:.3f}, {verdict.high:.3f}]"
        colour = COLOURS[verdict.outcome]
        what = escape(verdict.label if ratio else verdict.sentence)
        what += " [red](its result is wrong now)[/]" if verdict.broken else ""
        table.add_row(f"[{colour}]{verdict.outcome}[/]", what, escape(ratio))
    console.print(table)
    counts = Counter(one.outcome for one in verdicts)
    console.print(", ".join(f"{counts[name]} {name}" for name in ORDER if counts[name]) or "nothing to compare")
