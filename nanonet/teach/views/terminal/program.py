"""`nanonet step`, the program: trace, then keys in a terminal, or lines from a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nanonet.gradcheck.suite.target import UnknownTargetError
from nanonet.teach.trace import Trace
from nanonet.teach.views.terminal.commands import find_command
from nanonet.teach.views.terminal.keys import can_draw
from nanonet.teach.views.terminal.lines import run_lines
from nanonet.teach.views.terminal.loop import Loop
from nanonet.teach.views.terminal.opening import document, traced
from nanonet.teach.views.terminal.stepper import Note, Stepper


@dataclass(frozen=True)
class Order:
    """What is to be stepped through: `target` ("file.py:function") or `document` ("D0"), and what to write."""

    target: str = ""
    document: str = ""
    inputs: str = ""
    seed: int = 0
    to: str = ""
    html: Path | None = None
    markdown: Path | None = None
    film: Path | None = None  # .gif or .mp4
    slides: Path | None = None  # a folder

    def files(self) -> list[Path]:
        """What is to be written."""
        return [path for path in (self.html, self.markdown, self.film, self.slides) if path is not None]


def run(order: Order) -> None:
    """Trace; write the files that were asked for, or step until the user leaves."""
    _refuse_bad(order)
    notes: list[Note] = []
    if order.document:
        trace, notes = document(order.document)
    else:
        trace = traced(order.target, order.inputs, order.seed)
    if order.files():
        _write(order, trace)
    else:
        walk(Stepper(trace, order.target or order.document, notes), order.to)


def walk(stepper: Stepper, to: str = "") -> None:
    """Step, from the place `to`, until the user leaves: with keys in a terminal, else with lines."""
    if to:
        _start_at(stepper, to)
    if can_draw(sys.stdin, sys.stdout):
        Loop(stepper).run()
    else:
        run_lines(stepper, sys.stdin, sys.stdout, "(step) " if sys.stdin.isatty() else "")


def _start_at(stepper: Stepper, place: str) -> None:
    stepper.do(find_command("jump").run, place)
    if stepper.message:
        raise UnknownTargetError(f"--to: {stepper.message}")


def _refuse_bad(order: Order) -> None:
    """What does not fit is found out before the user's code runs."""
    if bool(order.target) == bool(order.document):
        raise UnknownTargetError("step: expected a function, FILE.py:function, or --document NAME")
    if order.document and order.inputs:
        raise UnknownTargetError("--inputs belongs to a function of yours, and --document has its own")
    if order.seed < 0:
        raise UnknownTargetError(f"--seed: expected a number from 0, got {order.seed}")
    if order.film is not None and order.film.suffix not in (".gif", ".mp4"):
        raise UnknownTargetError(f"--film: expected a file that ends in .gif or .mp4, got {order.film}")
    for path in order.files():
        if not path.absolute().parent.is_dir():
            raise FileNotFoundError(f"{path}: there is no folder {path.parent}")


def _write(order: Order, trace: Trace) -> None:
    if order.markdown is not None:
        trace.to_markdown(order.markdown)
        print(f"{order.markdown}: {len(trace.steps)} steps as Markdown")
    if order.html is not None:
        trace.to_html(order.html)
        print(f"{order.html}: the page to click through, needs no network")
    if order.film is not None:
        with _bar("film") as progress:
            (trace.to_gif if order.film.suffix == ".gif" else trace.to_mp4)(order.film, progress=progress)
        print(f"{order.film}: {len(trace.steps) + 1} pictures")
    if order.slides is not None:
        with _bar("slides") as progress:
            files = trace.to_svgs(order.slides, progress=progress)
        print(f"{order.slides}: {len(files)} SVG files")


@contextmanager
def _bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal; drawing takes a moment for each step."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(name)
        yield lambda done, total: progress.update(task, completed=done, total=total)
