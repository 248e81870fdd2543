"""The tour from beginning to end, in a terminal or in plain lines; at its end the page is written."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from nanonet.info import describe
from nanonet.tour import digits, step, terminal
from nanonet.tour.checks import Check, cases, check
from nanonet.training.checkpoint import write_atomically
from nanonet_benchmarks import kernels

PAGE = "index.html"
STEPS = "step.html"  # the small training step, to click through
MARK = "nanonet tour"  # the page names its maker, so that no other page is ever overwritten


@dataclass(frozen=True)
class Tour:
    """What the tour found: every number on the page comes from here."""

    digits: digits.Digits
    step: step.OneStep
    checks: list[Check]
    kernels: list[kernels.Row]
    machine: dict[str, Any]
    seconds: float
    quick: bool


def run(folder: Path, quick: bool, console: Console) -> Path:
    """The whole tour; returns where the page is. Raises ValueError or OSError, one line, if it cannot be written."""
    from nanonet.teach.views.page.write import MARK as MARK_OF_TRACES
    from nanonet.tour.page import page

    refuse_foreign(folder / PAGE, MARK)
    refuse_foreign(folder / STEPS, MARK_OF_TRACES)
    begin = time.perf_counter()
    console.rule("1. A network learns to read digits", align="left")
    learned = digits.learn(folder / "digits", epochs=4 if quick else 20)
    terminal.show_digits(console, learned)
    if learned.history.interrupted:
        raise KeyboardInterrupt
    console.rule("2. One step of a small network, number by number", align="left")
    small = step.one_step()
    terminal.show_step(console, small)
    console.rule("3. Every gradient against finite differences", align="left")
    checks = check_all(console, quick)
    terminal.show_checks(console, checks)
    console.rule("4. Kernels against the plain NumPy rules", align="left")
    rows = list(kernels.run(rounds=2 if quick else 15))
    terminal.show_kernels(console, rows)
    found = Tour(learned, small, checks, rows, describe(), time.perf_counter() - begin, quick)
    small.trace.to_html(folder / STEPS, "One training step of a small network")
    write_atomically(folder / PAGE, page(found, MARK).encode())
    place = (folder / PAGE).resolve()
    console.rule(f"The page, after {found.seconds:.0f} s", align="left")
    console.print(f"{place}\nOpen it in a browser: {place.as_uri()}", soft_wrap=True)
    return place


def check_all(console: Console, quick: bool) -> list[Check]:
    """Check every op, with a bar; quickly: only its first sample."""
    todo = list(cases(first_only=quick))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    found: list[Check] = []
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("", total=len(todo))
        for op, sample in todo:
            progress.update(task, description=f"{op.name:28.28}")
            found.append(check(op, sample))
            progress.advance(task)
    return found


def refuse_foreign(page: Path, mark: str) -> None:
    """Only a page of an earlier tour may be replaced; and a folder that takes no file is found out before the work."""
    if page.exists() and mark not in page.read_text(encoding="utf-8", errors="replace")[:2000]:
        raise FileExistsError(f"{page}: there is a page that is not from nanonet tour; give another --out")
    if not page.exists():
        write_atomically(page, f"<!-- {mark}: not finished -->\n".encode())
