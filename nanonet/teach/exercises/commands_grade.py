"""nanonet exercise grade: the command."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

INTERRUPTED = 130


def grade(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Submissions at FOLDER/STUDENT/EXERCISE.py.")],
    exercise: Annotated[list[str] | None, typer.Option(help="Only this exercise; may be given several times.")] = None,
    seconds: Annotated[float, typer.Option(help="Processor time of each submission.")] = 10.0,
    memory: Annotated[int, typer.Option(help="Memory limit of each submission, in MB.")] = 512,
    jobs: Annotated[int, typer.Option(help="How many at a time.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Grade a folder of submissions.

    Each runs in a process of its own, with limits of time and memory, and without files or network.
    """
    from nanonet.teach.exercises import grading
    from nanonet.teach.exercises.grading.table import clean, show

    limits = grading.Limits(seconds, memory)
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    aside = Console(stderr=True)
    with Progress(*columns, console=aside, transient=True, disable=not aside.is_terminal) as progress:
        task = progress.add_task("", total=None)

        def done(result: grading.Result, total: int) -> None:
            words = f"{result.student}/{result.exercise}: {result.verdict}"
            progress.update(task, total=total, advance=1, description=clean(words)[:40])

        grades = grading.grade(folder, limits, exercise or (), jobs, done=done)
    if as_json:
        print(json.dumps(grades.to_json(), indent=2))
    else:
        show(grades, Console(highlight=False))
    if grades.interrupted:
        print("stopped by Ctrl-C: the rest is not graded", file=sys.stderr)
        raise typer.Exit(INTERRUPTED)
