"""check: an attempt, as a function, several, a notebook's names or a file, and the feedback on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nanonet.teach.exercises.exercise import ERROR, Exercise, Feedback
from nanonet.teach.exercises.guard import ADVICE, MishapError, line_of, mishap, short
from nanonet.teach.exercises.shelf import get


def check(name: str, attempt: Any = None, /, *, hint: int = 1, **functions: Callable[..., Any]) -> Feedback:
    """Is this attempt at the exercise right? The feedback shows itself in a notebook, and with print.

    attempt     the function, where there is one to fill in: check("matmul", backward); or a mapping with the functions,
                as globals(); or the path of a file
    functions   several functions by name: check("softmax", forward=forward, backward=backward)
    hint        how many hints are shown of a wrong attempt: 1 (where), 2 (what kind), 3 (which rule)

    Raises ValueError for a name that no exercise has, and TypeError for an attempt that is none of these.
    """
    exercise = get(name)
    try:
        given = functions_of(exercise, attempt, functions)
        feedback = exercise.judge(given)
    except MishapError as error:
        feedback = error.feedback
    return replace(feedback, exercise=name).hint(hint)


def functions_of(exercise: Exercise, attempt: Any, functions: Mapping[str, Any]) -> dict[str, Any]:
    """{name: function} of what check was given. Raises MishapError for a file that cannot be run."""
    expected = f"expected {' and '.join(exercise.functions)}, as a function, a dict or the path of a file"
    if isinstance(attempt, str | Path):
        found = load(Path(attempt))
    elif isinstance(attempt, Mapping):
        found = dict(attempt)
    elif callable(attempt) and len(exercise.functions) == 1:
        found = {exercise.functions[0]: attempt}
    elif callable(attempt):
        given = ", ".join(f"{name}={name}" for name in exercise.functions)
        raise TypeError(f"check: {exercise.name} has several functions: check({exercise.name!r}, {given})")
    elif attempt is None and functions:
        found = {}
    else:
        raise TypeError(f"check: {expected}, got {type(attempt).__name__}")
    unknown = [name for name in functions if name not in exercise.functions]
    if unknown:
        raise TypeError(f"check: {expected}, got {', '.join(unknown)}")
    return found | dict(functions)


def load(path: Path) -> dict[str, Any]:
    """Run a file; returns its names. Raises MishapError, with the line, for what goes wrong."""
    try:
        source = path.read_bytes()
    except OSError as error:
        words = error.strerror or type(error).__name__
        advice = "Write it with `nanonet exercise start NAME`, or give its path: `nanonet exercise check NAME FILE`."
        raise mishap(ERROR, f"There is no file {path}.", f"{words}.", advice) from error
    space: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    try:
        code = compile(source, str(path), "exec")
        with np.errstate(all="ignore"):
            exec(code, space)  # the learner's own file, in the learner's own process
    except SyntaxError as error:
        where = f"{path.name} is not valid Python in line {error.lineno}."
        line = f" (`{short(error.text)}`)" if error.text else ""
        rule = "Look at that line and the one before: a bracket, a colon, the indentation."
        raise mishap(ERROR, where, f"{type(error).__name__}: {short(error.msg)}{line}.", rule) from error
    except ValueError as error:  # a null byte, an unknown encoding
        if space.get("__builtins__") is None:
            raise mishap(ERROR, f"{path.name} cannot be read as Python.", f"{short(str(error))}.", READ) from error
        raise running(path, error) from error
    except (Exception, SystemExit) as error:
        raise running(path, error) from error
    return space


READ = "Save it as plain text in UTF-8."


def running(path: Path, error: BaseException) -> MishapError:
    kind = type(error).__name__
    line, code = line_of(error)
    place = f" in line {line}" if line else ""
    place += f" (`{short(code)}`)" if code else ""
    advice = ADVICE.get(kind, "Run the file by itself with python, and look at that line.")
    return mishap(ERROR, f"{path.name} raises {kind}{place} when it is read.", f"{kind}: {short(str(error))}", advice)
