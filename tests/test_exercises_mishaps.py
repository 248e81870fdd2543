"""Attempts that do not run, or do something else than return arrays: a clean verdict and a useful sentence."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nanonet.teach import exercises
from nanonet.teach.exercises.exercise import LearnerError, Stopped


def of_file(tmp_path: Path, source: str, name: str = "matmul") -> exercises.Feedback:
    path = tmp_path / f"{name}.py"
    path.write_text(source, encoding="utf-8")
    return exercises.check(name, path, hint=3)


FILES = {
    "a syntax error": ("def backward(dy, x, w)\n    return dy\n", "not valid Python in line 1", "SyntaxError"),
    "an indentation": ("def backward(dy, x, w):\nreturn dy\n", "not valid Python in line 2", "IndentationError"),
    "an exception": (
        "def backward(dy, x, w):\n    z = dy @ w\n    return z, z\n",
        "backward raises ValueError in line 2 (`z = dy @ w`), at ordinary inputs.",
        "ValueError: matmul",
    ),
    "a name": ("def backward(dy, x, w):\n    return dx, dy\n", "raises NameError in line 2", "name 'dx'"),
    "no name at import": ("import nump\ndef backward(): pass\n", "raises ModuleNotFoundError in line 1", "'nump'"),
    "an exit": ("raise SystemExit(3)\n", "raises SystemExit in line 1", "3"),
    "an exit inside": ("def backward(*a):\n    exit()\n", "backward ends the program", "exit"),
    "no function": ("def backwards(dy, x, w):\n    return x, w\n", "There is no function backward.", "backwards"),
    "no function but a number": ("backward = 3\n", "backward is no function", "int"),
    "too few arguments": ("def backward(dy, x):\n    return x, x\n", "backward raises TypeError", "positional"),
    "a recursion": ("def backward(*a):\n    return backward(*a)\n", "raises RecursionError in line 2", "recursion"),
}


@pytest.mark.parametrize("case", FILES)
def test_what_does_not_run_is_an_error_with_its_line_and_no_traceback(case: str, tmp_path: Path) -> None:
    source, where, what = FILES[case]
    feedback = of_file(tmp_path, source)
    assert feedback.verdict == "error"
    assert not feedback
    assert where in feedback.hints[0]
    assert what in feedback.hints[1]
    assert feedback.hints[2]
    assert "Traceback" not in str(feedback)
    assert len(str(feedback)) < 900


def test_a_missing_file_and_one_that_is_no_text(tmp_path: Path) -> None:
    missing = exercises.check("matmul", tmp_path / "none.py")
    assert missing.verdict == "error"
    assert "There is no file" in str(missing)
    path = tmp_path / "matmul.py"
    path.write_bytes(b"\xff\xfe\x00\x01")
    assert exercises.check("matmul", path).verdict == "error"


def swaps(dy: Any, x: Any, w: Any) -> Any:
    return dy @ w.T, x.T @ dy


RESULTS: dict[str, tuple[Any, str]] = {
    "None": (lambda dy, x, w: None, "returns None"),
    "one of two": (lambda dy, x, w: dy @ w.T, "returns 1 value, where 2 belong"),
    "three of two": (lambda dy, x, w: (dy, dy, dy), "returns 3 values, where 2 belong"),
    "None inside": (lambda dy, x, w: (dy @ w.T, None), "dw, as backward returns it, is no array"),
    "a string": (lambda dy, x, w: (dy @ w.T, "dw"), "dw, as backward returns it, is no array"),
    "a ragged list": (lambda dy, x, w: (dy @ w.T, [[1.0], [1.0, 2.0]]), "dw, as backward returns it, is no array"),
    "complex numbers": (lambda dy, x, w: (dy @ w.T, x.T @ dy + 1j), "dw, as backward returns it, is no array"),
    "few digits": (
        lambda dy, x, w: (dy @ w.T, (x.T @ dy).astype(np.float32)),
        "dw, as backward returns it, has the type",
    ),
    "NaN": (lambda dy, x, w: (dy @ w.T * np.nan, x.T @ dy), "dx is NaN or infinite in 12 of 12 entries"),
    "infinity": (lambda dy, x, w: (dy @ w.T, x.T @ dy / 0), "dw is NaN or infinite in 8 of 8 entries"),
}


@pytest.mark.parametrize("case", RESULTS)
def test_results_of_a_wrong_type_or_number_are_wrong(case: str) -> None:
    function, where = RESULTS[case]
    feedback = exercises.check("matmul", function)
    assert feedback.verdict == "wrong"
    assert where in feedback.hints[0]
    assert all(feedback.hints)


def test_lists_and_plain_numbers_count_as_arrays() -> None:
    assert exercises.check("matmul", lambda dy, x, w: [(dy @ w.T).tolist(), (x.T @ dy).tolist()])
    assert exercises.check("relu", lambda dy, x: (dy * (x > 0)).tolist())


def changes_dy(dy: Any, x: Any) -> Any:
    dy *= x > 0
    return dy


def changes_x(dy: Any, x: Any) -> Any:
    x[x < 0] = 0
    return dy * (x > 0)


def remembers() -> Any:
    total: list[Any] = []

    def backward(dy: Any, x: Any) -> Any:
        total.append(dy * (x > 0))
        return sum(one for one in total if one.shape == x.shape)

    return backward


def test_changed_arguments_and_a_memory_are_found() -> None:
    feedback = exercises.check("relu", changes_dy)
    assert (feedback.verdict, feedback.kind) == ("wrong", "clobbered-cotangent")
    assert "changes its argument dy in place" in feedback.hints[0]
    feedback = exercises.check("relu", changes_x)
    assert (feedback.verdict, feedback.kind) == ("wrong", "overwritten")
    assert "changes its argument x in place" in feedback.hints[0]
    assert not exercises.check("relu", remembers())
    feedback = exercises.check("tanh", lambda dy, cache: np.multiply(dy, 1 - cache**2, out=cache))
    assert "changes its argument cache" in feedback.hints[0]
    feedback = exercises.check("gradient-clipping", clip_in_place)
    assert "changes its argument grads in place" in feedback.hints[0]


def clip_in_place(grads: Any, limit: Any) -> Any:
    norm = np.sqrt(sum(np.sum(g**2) for g in grads))
    for g in grads:
        g *= min(1.0, limit / norm)
    return grads


def test_a_function_that_works_for_some_inputs_only_is_an_error_that_names_them() -> None:
    def backward(dy: Any, x: Any, w: Any) -> Any:
        if len(x) == 1:
            raise ValueError("planted")
        return dy @ w.T, x.T @ dy

    feedback = exercises.check("matmul", backward)
    assert feedback.verdict == "error"
    assert "at a batch of one" in feedback.hints[0]
    math_only = exercises.check("sigmoid", lambda dy, x: dy * math.exp(-x))
    assert math_only.verdict == "error"
    assert "TypeError" in math_only.hints[1]


def test_an_exception_from_another_process_is_worded_like_one_from_here() -> None:
    def elsewhere(dy: Any, x: Any, w: Any) -> Any:
        raise LearnerError("ZeroDivisionError", "division by zero", 12, "return dy / 0")

    feedback = exercises.check("matmul", elsewhere)
    assert feedback.verdict == "error"
    assert feedback.hints[0] == "backward raises ZeroDivisionError in line 12 (`return dy / 0`), at ordinary inputs."


def test_what_stops_an_attempt_passes_through_the_judge() -> None:
    calls = []

    def stopping(dy: Any, x: Any, w: Any) -> Any:
        calls.append(1)
        if len(calls) > 20:
            raise Stopped("time is up")
        return dy @ w.T, -x.T @ dy

    with pytest.raises(Stopped):
        exercises.check("matmul", stopping)


def test_the_forward_of_the_learners_file_is_not_used(tmp_path: Path) -> None:
    """A backward that fits the learner's own forward, and not ours, is wrong."""
    source = "def forward(x, w):\n    return -x @ w\n\ndef backward(dy, x, w):\n    return -dy @ w.T, -x.T @ dy\n"
    assert of_file(tmp_path, source).kind == "sign"


def test_a_line_is_found_in_a_folder_of_any_name_and_in_a_notebook(tmp_path: Path) -> None:
    folder = tmp_path / "nanonet" / "numpy"
    folder.mkdir(parents=True)
    assert "in line 2" in of_file(folder, FILES["an exception"][0]).hints[0]
    cell: dict[str, Any] = {}
    exec(compile("def backward(dy, x, w):\n    return dy / zero\n", "/tmp/ipykernel_1/2.py", "exec"), cell)
    assert "NameError in line 2" in exercises.check("matmul", cell["backward"]).hints[0]


def test_what_an_attempt_prints_is_seen_once_for_each_case(capsys: pytest.CaptureFixture[str]) -> None:
    def backward(dy: Any, x: Any, w: Any) -> Any:
        print("shapes", dy.shape)
        return dy @ w.T, x.T @ dy

    assert exercises.check("matmul", backward)
    assert capsys.readouterr().out.count("shapes") == 3


def test_a_long_message_is_cut_short() -> None:
    def backward(dy: Any, x: Any, w: Any) -> Any:
        raise ValueError("long " * 1000 + "\n" * 50)

    assert len(str(exercises.check("matmul", backward, hint=3))) < 900
