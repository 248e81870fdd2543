"""What a terminal shows of grades."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nanonet.teach.exercises.grading.grade import Grades
from nanonet.teach.exercises.grading.judged import VERDICTS, Result

SHORT = {
    "right": ("right", "green"),
    "wrong": ("wrong", "yellow"),
    "error": ("error", "red"),
    "not-filled-in": ("empty", "dim"),
    "missing": ("-", "dim"),
    "syntax-error": ("syntax", "red"),
    "timeout": ("time", "red"),
    "memory": ("memory", "red"),
    "changed-input": ("changed", "yellow"),
    "forbidden": ("forbid", "red"),
    "crashed": ("crash", "red"),
    "grader-error": ("grader", "magenta"),
}
CELL, NAME = 9, 16  # columns of a cell, and of a student's name


def show(grades: Grades, console: Console) -> None:
    """A row for each student, a column for each exercise, in blocks that fit; then what was not right."""
    per_block = max(1, (console.width - NAME - 9) // CELL)
    cells = {(one.student, one.exercise): one for one in grades.results}
    names = grades.exercises
    for first in range(0, len(names), per_block):
        block = names[first : first + per_block]
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
        table.add_column("student", max_width=NAME, overflow="ellipsis", no_wrap=True)
        for name in block:
            table.add_column(_folded(name), width=CELL - 1, overflow="fold")
        if first + per_block >= len(names):
            table.add_column("right", justify="right")
        for student in grades.students:
            own = [cells.get((student, name)) for name in names]
            row = [_cell(cells.get((student, name))) for name in block]
            right = sum(one is not None and one.verdict == "right" for one in own)
            total = [Text(f"{right}/{len(names)}")] if first + per_block >= len(names) else []
            table.add_row(Text(clean(student)), *row, *total)
        console.print(table)
        console.print()
    for one in grades.results:
        if one.verdict not in ("right", "missing", "not-filled-in"):
            console.print(Text(line(one)), soft_wrap=True)
    for text in grades.ignored:
        console.print(Text(f"ignored: {clean(text)}"), soft_wrap=True)


def line(result: Result) -> str:
    """One line about a submission that is not right."""
    words = result.message or (result.hints[0] if result.hints else VERDICTS[result.verdict])
    at = f", line {result.line}" if result.line else ""
    kind = f" ({result.kind})" if result.kind and result.kind != "unknown" else ""
    text = f"{result.student}/{result.exercise}: {result.verdict}{kind}{at}: {words}"
    return clean(text)


def clean(text: str) -> str:
    """In one line, without the control characters that could play with a terminal: names of folders may have them."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _cell(result: Result | None) -> Text:
    return Text("…", "dim") if result is None else Text(*SHORT[result.verdict])


def _folded(name: str) -> Text:
    """A column's head, broken at hyphens to the width of a cell."""
    lines = [""]
    for part in name.split("-"):
        longer = f"{lines[-1]}-{part}" if lines[-1] else part
        if len(longer) <= CELL - 1:
            lines[-1] = longer
        else:
            lines.append(part)
    return Text("\n".join(lines))
