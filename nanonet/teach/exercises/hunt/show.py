"""A program of the hunt on a terminal: the whole run of it, step by step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nanonet.teach.exercises.hunt.bug import Bug
from nanonet.teach.trace import Step, Trace


def listing(bug: Bug) -> str:
    """Every step of the program with its bug, and what it computed."""
    trace = bug.trace()
    return "\n".join(line for step in trace.steps for line in _lines(trace, step))


def _lines(trace: Trace, step: Step) -> Iterator[str]:
    at = f"  (line {step.site.line})" if step.site and step.phase == "forward" else ""
    yield f"{step.index + 1}. {step.phase}: {step.title}{at}"
    for change in step.changes:
        if change.after is not None and change.part != "stored":
            name = trace.nodes[change.node].name
            name = f"d{name}" if change.part == "grad" else name
            text = np.array2string(change.after, precision=6, suppress_small=True, threshold=100)
            yield f"    {name} = " + text.replace("\n", "\n" + " " * (7 + len(name)))


def open_in_debugger(bug: Bug) -> None:
    """Step through the run of the program with its bug."""
    from nanonet.teach.views.terminal.program import walk
    from nanonet.teach.views.terminal.stepper import Stepper

    print(bug)
    print()
    walk(Stepper(bug.trace(), f"hunt {bug.number}: {bug.program.title}", tell=False))
