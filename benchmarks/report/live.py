"""What the terminal shows while it measures: a bar, what is being done, and the last rows."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from nanonet_benchmarks.machine.roofline import WORKLOAD as ROOFLINE
from nanonet_benchmarks.machine.roofline import ceiling
from nanonet_benchmarks.record import Row
from nanonet_benchmarks.report import words
from nanonet_benchmarks.report.terminal import evidence
from nanonet_benchmarks.session import News

LEAST = 6  # lines of the terminal that are not the table's
FIGURES = 43  # columns of a line for rate, time, interval, evidence and the spaces between all
PAUSE = 0.2  # seconds between two drawings, which are work that a measurement would see


class Screen:
    """`with Screen(console) as told: session.run(order, told)`. Where there is no terminal it says nothing."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.rows: dict[tuple[Any, ...], Row] = {}
        self.fraction, self.text = 0.0, "starting"
        self.began = time.monotonic()
        self.live = Live(console=console, transient=True, auto_refresh=False) if console.is_terminal else None
        self.drawn = 0.0

    def __enter__(self) -> Screen:
        if self.live is not None:
            self.live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.live is not None:
            self.live.stop()

    def __call__(self, news: News) -> None:
        self.fraction, self.text = max(self.fraction, news.fraction), news.text
        if news.row is not None:
            self.rows.pop(news.row.key, None)  # the newest is the last
            self.rows[news.row.key] = news.row
        if self.live is not None and time.monotonic() - self.drawn > PAUSE:
            self.live.update(self.picture(), refresh=True)
            self.drawn = time.monotonic()

    def picture(self) -> Group:
        """The bar and the table, no wider and no higher than the terminal."""
        width = min(self.console.width, 80)
        done = round(width * self.fraction)
        bar = Text("━" * done, style="green") + Text("━" * (width - done), style="dim")
        status = f"{100 * self.fraction:3.0f} %  {time.monotonic() - self.began:3.0f} s  {self.text}"
        line = Text(status, no_wrap=True, overflow="ellipsis")
        hint = Text("Ctrl-C stops and keeps what was measured", style="dim")
        return Group(bar, line, self.table(), hint)

    def table(self) -> Table:
        table = Table(box=None, padding=(0, 1, 0, 0), expand=False)
        words_ = max(self.console.width - FIGURES, 30)  # columns that are left for the words
        for name, width in (("what", words_ * 9 // 20), ("variant", words_ * 11 // 20)):
            table.add_column(name, max_width=width, no_wrap=True, overflow="ellipsis")
        for name, width in (("rate", 12), ("time", 7), ("95 %", 8)):
            table.add_column(name, min_width=width, justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
        most = max(3, self.console.height - LEAST)
        for row in list(self.rows.values())[-most:]:
            table.add_row(*map(escape, cells(row)), evidence(row.evidence))
        return table


def cells(row: Row) -> list[str]:
    """A row in a few words: workload and size, variant, rate, time, interval."""
    found = words.work_rate(row)
    threads = f"{row.threads}t" if row.threads else ""
    if row.workload == ROOFLINE:
        level = f"{row.size['level']} {threads}"
        return [level, row.variant, words.rate(ceiling(row), "FLOP/s" if row.flops else "B/s"), "", ""]
    what = " ".join(filter(None, [row.workload, words.size(row.size), row.phase, threads]))
    rate = words.rate(*found) if found else ""
    return [what, row.variant, rate, words.seconds(row.median) if row.median else "", words.interval(row)]
