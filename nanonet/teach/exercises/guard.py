"""Calling a learner's function: whatever it does instead of returning arrays becomes a sentence."""

from __future__ import annotations

import linecache
import os
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import nanonet
from nanonet.teach.exercises.exercise import ERROR, NOT_FILLED_IN, WRONG, Feedback, LearnerError

OURS = tuple(str(Path(str(package.__file__)).parent) + os.sep for package in (nanonet, np))
MOST = 160  # characters of an exception's message
ADVICE = {
    "NameError": "A name must be assigned before the line that uses it; NumPy's functions are called np.…",
    "IndexError": "An axis of length n has the indices 0 to n - 1. Print the shapes before that line.",
    "AxisError": "An array with k axes has the axes 0 to k - 1. Print the shapes before that line.",
    "ValueError": "Write the shapes beside the names: in A @ B the last axis of A meets the last but one of B, and in "
    "A * B equal axes meet.",
    "TypeError": "Compare the number and the order of the arguments with the template, and their types.",
    "RecursionError": "A function that calls itself needs a case in which it does not.",
}


class MishapError(Exception):
    """The check ends here, with this feedback."""

    def __init__(self, feedback: Feedback) -> None:
        super().__init__(feedback.headline)
        self.feedback = feedback


def mishap(verdict: str, where: str, what: str, rule: str, kind: str = "") -> MishapError:
    return MishapError(Feedback(False, verdict, kind, (where, what, rule)))


def required(functions: Any, names: Sequence[str]) -> None:
    """Raises MishapError where a function is missing, or is none."""
    for name in names:
        found = functions.get(name)
        if found is None:
            listed = ", ".join(sorted(str(key) for key in functions if not str(key).startswith("_"))[:8]) or "nothing"
            advice = f"Define a function with exactly the name {name}, as in the template."
            raise mishap(ERROR, f"There is no function {name}.", f"Found: {listed}.", advice)
        if not callable(found):
            what = f"It is of type {type(found).__name__}."
            raise mishap(ERROR, f"{name} is no function.", what, f"Define it with `def {name}(…):`.")


def called(function: Callable[..., Any], name: str, arguments: Sequence[str], values: Sequence[Any], at: str) -> Any:
    """function(*values), where the arguments are called so. Raises MishapError for an exception or a changed array."""
    given = [copied(value) for value in values]
    try:
        with np.errstate(all="ignore"):
            found = function(*given)
    except MishapError:
        raise
    except NotImplementedError as error:
        where = f"{name} is still to be filled in."
        raise mishap(NOT_FILLED_IN, where, "It raises NotImplementedError.", "Start from the formula.") from error
    except Exception as error:
        raise raised(error, name, at) from error
    except SystemExit as error:
        raise mishap(ERROR, f"{name} ends the program.", "It calls exit.", "Return the result instead.") from error
    for argument, before, after in zip(arguments, values, given, strict=True):
        if not unchanged(before, after):
            raise changed(name, argument)
    return found


def copied(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(copied(one) for one in value)
    return value.copy() if isinstance(value, np.ndarray) else value


def unchanged(before: Any, after: Any) -> bool:
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(unchanged(a, b) for a, b in zip(before, after, strict=True))
    if isinstance(before, np.ndarray):
        return before.shape == after.shape and before.tobytes() == after.tobytes()
    return True


def changed(name: str, argument: str) -> MishapError:
    """It writes into an array that it was given."""
    where = f"{name} changes its argument {argument} in place."
    what = (
        f"The array {argument} belongs to the caller, who may need it again: here it holds something else afterwards."
    )
    rule = f"Make a new array: write d = {argument} * … and not {argument} *= …; or start from {argument}.copy()."
    kind = "clobbered-cotangent" if argument == "dy" else "overwritten"
    return mishap(WRONG, where, what, rule, kind)


def raised(error: Exception, name: str, at: str) -> MishapError:
    """The learner's exception: its type, its message, and the line where it arose."""
    if isinstance(error, LearnerError):
        kind, message, line, code = error.kind, error.message, error.line, error.code
    else:
        kind, message = type(error).__name__, str(error)
        line, code = line_of(error)
    place = f" in line {line}" if line else ""
    place += f" (`{short(code)}`)" if code else ""
    what = f"{kind}: {short(message)}" if message else f"{kind}."
    advice = ADVICE.get(kind, "Call the function by hand with small arrays, and print what comes before that line.")
    return mishap(ERROR, f"{name} raises {kind}{place}, at {at}.", what, advice)


def line_of(error: BaseException) -> tuple[int | None, str]:
    """The last line of a file that is neither ours nor a library's."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if is_learners(f.filename)]
    if not frames:
        return None, ""
    return frames[-1].lineno, (
        frames[-1].line or linecache.getline(frames[-1].filename, frames[-1].lineno or 0)
    ).strip()


def is_learners(path: str) -> bool:
    return not path.startswith((*OURS, "<frozen", "<given>")) and "site-packages" not in path


def short(text: str) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= MOST else line[: MOST - 1] + "…"


def arrays(found: Any, name: str, results: Sequence[str], at: str, finite: bool = True) -> list[np.ndarray]:
    """What was returned, as a list of float arrays: one for each name in `results`; without NaN, where `finite`."""
    expected = f"return {', '.join(results)}"
    if found is None:
        rule = f"The last line of the function must {expected}."
        raise mishap(WRONG, f"{name} returns None.", "There is no return, or nothing behind it.", rule, "zero")
    values = list(found) if isinstance(found, tuple) or (isinstance(found, list) and len(results) > 1) else [found]
    if len(values) != len(results):
        where = f"{name} returns {len(values)} value{'s' if len(values) != 1 else ''}, where {len(results)} belong."
        what = f"Expected: {', '.join(results)}, in this order."
        raise mishap(WRONG, where, what, f"Each input has a gradient of its own: {expected}.", "unknown")
    arrays = [array(value, name, result) for value, result in zip(values, results, strict=True)]
    for value, result in zip(arrays if finite else [], results, strict=False):
        if not np.all(np.isfinite(value)):
            raise not_finite(value, result, at)
    return arrays


def array(value: Any, name: str, result: str) -> np.ndarray:
    """One result as an array of floats."""
    try:
        found = np.array(value)
    except (ValueError, TypeError):
        found = np.array(None)
    if found.dtype.kind not in "fiub":
        where = f"{result}, as {name} returns it, is no array of real numbers."
        what = "It is None." if value is None else f"It is of type {type(value).__name__}."
        raise mishap(WRONG, where, what, f"Return {result} as a NumPy array.", "unknown")
    if found.dtype.kind == "f" and found.dtype.itemsize < 8:
        where = f"{result}, as {name} returns it, has the type {found.dtype}, and the inputs have float64."
        rule = "Make arrays with np.zeros_like(x), which takes the type of x, and leave astype out."
        raise mishap(WRONG, where, "It keeps too few digits to be compared.", rule, "unknown")
    return found.astype(np.float64)


def not_finite(found: np.ndarray, result: str, at: str) -> MishapError:
    bad = int(np.count_nonzero(~np.isfinite(found)))
    where = f"{result} is NaN or infinite in {bad} of {found.size} entries, at {at}."
    what = "Somewhere there is a division by zero, a root or a logarithm of what has none, or an overflow."
    rule = (
        "Look at the denominators, the roots and the exponents, and for arrays from np.empty that were not filled in."
    )
    return mishap(WRONG, where, what, rule, "unknown")
