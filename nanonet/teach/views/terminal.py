"""`nanonet step`, the program: trace, then keys in a terminal, or lines from a pipe."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from nanonet.gradcheck.suite.target import UnknownTargetError
from nanonet.teach.trace import Trace
from nanonet.teach.views.stepper import Note, Stepper
from nanonet.teach.views.terminal_commands import find_command
from nanonet.teach.views.terminal_keys import can_draw
from nanonet.teach.views.terminal_lines import run_lines
from nanonet.teach.views.terminal_loop import Loop
from nanonet.teach.views.terminal_opening import document, traced


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


def run(order: Order) -> None:
    """Trace; write the files that were asked for, or step until the user leaves."""
    _refuse_bad(order)
    notes: list[Note] = []
    if order.document:
        trace, notes = document(order.document)
    else:
        trace = traced(order.target, order.inputs, order.seed)
    if _written(order, trace):
        return
    stepper = Stepper(trace, order.target or order.document, notes)
    if order.to:
        _start_at(stepper, order.to)
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
    for path in (order.html, order.markdown):
        if path is not None and not path.absolute().parent.is_dir():
            raise FileNotFoundError(f"{path}: there is no folder {path.parent}")


def _written(order: Order, trace: Trace) -> bool:
    """Were files asked for? Then they are written, and there is nothing to step through."""
    if order.markdown is not None:
        trace.to_markdown(order.markdown)
        print(f"{order.markdown}: {len(trace.steps)} steps as Markdown")
    if order.html is not None:
        trace.to_html(order.html)
        print(f"{order.html}: the page to click through, needs no network")
    return order.markdown is not None or order.html is not None
