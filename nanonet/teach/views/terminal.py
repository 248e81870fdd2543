"""`nanonet step`, the program: trace, then keys in a terminal, or lines from a pipe."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from nanonet.teach.views.stepper import Stepper, find_command
from nanonet.teach.views.terminal_keys import can_draw
from nanonet.teach.views.terminal_lines import run_lines
from nanonet.teach.views.terminal_loop import Loop
from nanonet.teach.views.terminal_opening import traced


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
    """Trace, then step until the user leaves."""
    stepper = Stepper(traced(order.target, order.inputs, order.seed), order.target)
    if order.to:
        stepper.do(find_command("jump"), order.to)
    if can_draw(sys.stdin, sys.stdout):
        Loop(stepper).run()
    else:
        run_lines(stepper, sys.stdin, sys.stdout, "(step) " if sys.stdin.isatty() else "")
