"""The verdict on one submission, whatever it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanonet.teach.exercises.exercise import NOT_FILLED_IN, Exercise
from nanonet.teach.exercises.grading.endings import Ended, Ending, Limits
from nanonet.teach.exercises.grading.process import Process
from nanonet.teach.exercises.grading.submissions import Submission

LARGEST_FILE = 1 << 19
VERDICTS = {
    "right": "its gradients are right",
    "wrong": "it runs, and its result is wrong; the hints say where, what kind, which rule",
    "error": "it raises an exception, lacks a function, or returns something other than numbers",
    "not-filled-in": "it is the template still",
    "missing": "there is no file",
    "syntax-error": "it is no Python",
    "timeout": "it took longer than it may",
    "memory": "it took more memory than it may",
    "changed-input": "it changed an array that it was given",
    "forbidden": "it tried what no submission needs: a file, the network, a process, another library",
    "crashed": "it ended its process: exit, or a fault in memory",
    "grader-error": "the grader itself failed; please report it",
}


@dataclass(frozen=True)
class Result:
    """One cell of the table.

    verdict   a key of VERDICTS
    kind      the kind of mistake, as `nt.check_backward(…).cause.kind` has it
    message   what happened, where it is no matter for hints
    line      of the submission, where one is known
    hints     three, for "wrong", "error" where it runs, and "changed-input"
    seconds   of processor time that the submission took, without its start and the judge's own time
    output    the beginning of what it printed
    """

    student: str
    exercise: str
    verdict: str
    kind: str = ""
    message: str = ""
    line: int | None = None
    hints: tuple[str, ...] = ()
    seconds: float = 0.0
    output: str = ""


def judged(submission: Submission, find: Callable[[str], Exercise], limits: Limits) -> Result:
    """Run and judge it. Raises nothing that a submission could cause."""
    who, name = submission.student, submission.exercise
    if submission.path is None:
        return Result(who, name, "missing")
    try:
        source = _read(submission.path)
        return _run(submission, source, find(name), limits)
    except Ended as error:
        return _ended(submission, error.ending)
    except Exception as error:
        return Result(who, name, "grader-error", message=f"{type(error).__name__}: {error}"[:300])


def _read(path: Path) -> bytes:
    if path.is_symlink():
        raise Ended("forbidden", "it is a link and not a file")
    if not path.is_file():
        raise Ended("error", "it is no file with text, but a folder or something else of that name")
    if path.stat().st_size > LARGEST_FILE:
        raise Ended("error", f"the file is larger than {LARGEST_FILE >> 10} kB")
    return path.read_bytes()


def _run(submission: Submission, source: bytes, exercise: Exercise, limits: Limits) -> Result:
    with Process(limits) as process:
        try:
            process.load(source, exercise.functions)
            functions = {name: process.function(name) for name in exercise.functions}
            with np.errstate(all="ignore"):
                feedback = exercise.judge(functions)
        except Ended as error:
            return _ended(submission, error.ending, process)
        last = process.last if feedback.verdict == "error" else None
        return Result(
            submission.student,
            submission.exercise,
            feedback.verdict,
            feedback.kind,
            last.message if last else "",
            last.line if last else None,
            () if feedback.passed or feedback.verdict == NOT_FILLED_IN else feedback.hints,
            _spent(process),
            _text(process),
        )


def _ended(submission: Submission, ending: Ending, process: Process | None = None) -> Result:
    spent, output = (_spent(process), _text(process)) if process else (0.0, "")
    return Result(
        submission.student,
        submission.exercise,
        ending.verdict,
        ending.kind,
        hints=ending.hints,
        message=ending.message,
        line=ending.line,
        seconds=spent,
        output=output,
    )


def _spent(process: Process) -> float:
    return round(min(process.meter.taken, process.limits.seconds), 3)


def _text(process: Process) -> str:
    """What it printed, without the control characters that could play with a teacher's terminal."""
    text = bytes(process.output).decode(errors="replace")
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text)
