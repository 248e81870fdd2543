"""All submissions of a folder, one after the other or several at a time."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nanonet.teach.exercises import shelf
from nanonet.teach.exercises.exercise import Exercise
from nanonet.teach.exercises.grading.endings import Limits
from nanonet.teach.exercises.grading.judged import Result, judged
from nanonet.teach.exercises.grading.submissions import Submission, find

Find = Callable[[str], Exercise]


@dataclass
class Grades:
    """What a run found. `results` are in the order of the submissions: by student, then by exercise.

    interrupted   Ctrl-C ended it, and results are missing
    ignored       lines about files in the folder that are no submissions
    """

    folder: str
    limits: Limits
    exercises: list[str]
    students: list[str]
    results: list[Result] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    interrupted: bool = False

    def to_json(self) -> dict[str, Any]:
        """The whole as a JSON object, format 1:

        format        1
        folder        as it was given
        limits        {"seconds": …, "memory": MB}
        exercises     names
        students      [{"student": name, "right": how many, "results": [result, …]}, …]
        ignored       lines
        interrupted   true or false

        A result has "exercise", "verdict", "kind", "message", "line" (or null), "hints" (a list of 0 or 3),
        "seconds" and "output", as the attributes of `Result`.
        """
        rows: list[dict[str, Any]] = []
        for student in self.students:
            own = [asdict(one) for one in self.results if one.student == student]
            for one in own:
                del one["student"]
            right = sum(one["verdict"] == "right" for one in own)
            rows.append({"student": student, "right": right, "results": own})
        return {
            "format": 1,
            "folder": self.folder,
            "limits": asdict(self.limits),
            "exercises": self.exercises,
            "students": rows,
            "ignored": self.ignored,
            "interrupted": self.interrupted,
        }


def grade(
    folder: str | Path,
    limits: Limits | None = None,
    exercises: Iterable[str] = (),
    jobs: int = 1,
    find_exercise: Find = shelf.get,
    names: Callable[[], list[str]] = shelf.names,
    done: Callable[[Result, int], object] = lambda result, count: None,
) -> Grades:
    """Judge every submission in a folder, each in a process of its own.

    folder          FOLDER/STUDENT/EXERCISE.py, or FOLDER/EXERCISE.py of one student
    limits          of time and memory for each submission
    exercises       names of those to grade; without them, all for which somebody handed in a file
    jobs            how many submissions at a time
    find_exercise, names   where exercises come from: the catalogue
    done            done(result, how many there are in all) is called after each

    Ctrl-C ends it early, with what is done until then. Raises ValueError where there is nothing to grade.
    """
    if jobs < 1:
        raise ValueError(f"grade: jobs must be at least 1, got {jobs}")
    submissions, ignored = find(Path(folder), names(), exercises)
    grades = Grades(
        str(folder),
        limits or Limits(),
        list(dict.fromkeys(one.exercise for one in submissions)),
        list(dict.fromkeys(one.student for one in submissions)),
        ignored=ignored,
    )
    found: dict[Submission, Result] = {}
    several = _at_once(submissions, find_exercise, grades.limits, jobs)
    try:
        for submission, result in several:
            found[submission] = result
            done(result, len(submissions))
    except KeyboardInterrupt:
        grades.interrupted = True
    finally:
        several.close()
    grades.results = [found[one] for one in submissions if one in found]
    return grades


def _at_once(
    submissions: list[Submission], find_exercise: Find, limits: Limits, jobs: int
) -> Generator[tuple[Submission, Result], None, None]:
    """(submission, result), as they get done."""
    if jobs == 1 or len(submissions) == 1:
        for submission in submissions:
            yield submission, judged(submission, find_exercise, limits)
        return
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _ignore_ctrl_c)
    try:
        waiting = {pool.submit(judged, one, find_exercise, limits): one for one in submissions}
        for future in as_completed(waiting):
            yield waiting[future], _result(future, waiting[future])
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _result(future: Any, submission: Submission) -> Result:
    try:
        return future.result()
    except Exception as error:  # a grader's process died
        message = f"{type(error).__name__}: {error}"[:300]
        return Result(submission.student, submission.exercise, "grader-error", message=message)


def _ignore_ctrl_c() -> None:
    """The grader's helpers finish what they are at; the grader itself ends them."""
    with suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
