"""The exercises: complete, solvable, checked from files and notebooks, and nothing of the answers leaves them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nanonet.teach import exercises
from nanonet.teach.exercises.checking import load
from nanonet.teach.exercises.exercise import Exercise, Feedback
from nanonet.teach.exercises.shelf import TOPICS
from tests.exercise_solutions.planted import ERRORS, SOLUTIONS, solution

ALL = {exercise.name: exercise for exercise in exercises.all_exercises()}
EXERCISES = pytest.mark.parametrize("exercise", ALL.values(), ids=ALL)


def test_there_are_at_least_25_exercises_from_a_first_step_to_hard_ones() -> None:
    assert len(ALL) >= 25
    levels = [exercise.level for exercise in ALL.values()]
    assert set(levels) == {1, 2, 3, 4, 5}
    assert levels == sorted(levels), "easy ones come first"
    assert exercises.names() == list(ALL)
    for name in (
        *("scalar-chain", "softmax-cross-entropy", "matmul", "row-times-column", "batch-norm", "convolution-2d"),
        *("max-pool-2d", "lstm-cell", "layer-norm", "attention", "adam", "reparametrisation"),
    ):
        assert name in ALL, "the issue names it"


@EXERCISES
def test_an_exercise_is_complete(exercise: Exercise) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", exercise.name)
    assert exercise.topic in TOPICS
    assert exercise.rule
    assert "return" in exercise.statement.lower()
    assert len(exercise.title) <= 32, "the list has a line for each"
    for name in exercise.functions:
        assert f"`{name}(" in exercise.statement, "the statement says what is to be written"
        assert f"def {name}(" in exercise.template
    assert exercise.template.count("raise NotImplementedError") == len(exercise.functions)
    assert max(map(len, exercise.template.splitlines())) <= 100
    imports = re.findall(r"^(?:import|from) .*", exercise.template, re.MULTILINE)
    assert imports == ["import numpy as np"], "plain NumPy"


@EXERCISES
def test_the_template_runs_and_is_not_filled_in(exercise: Exercise, tmp_path: Path) -> None:
    path = tmp_path / exercise.file
    path.write_text(exercise.template, encoding="utf-8")
    feedback = exercises.check(exercise.name, path)
    assert feedback.verdict == "not-filled-in"
    assert "still to be filled in" in str(feedback)


@EXERCISES
def test_the_reference_solution_put_into_the_template_passes(exercise: Exercise, tmp_path: Path) -> None:
    path = tmp_path / exercise.file
    path.write_text(exercise.template + "\n\n" + solution(exercise.name), encoding="utf-8")
    feedback = exercises.check(exercise.name, path)
    assert feedback.passed, str(feedback.hint(3))
    assert feedback.verdict == "right"
    assert feedback.kind == ""
    assert feedback.hints == ("", "", "")
    assert len(feedback.checked) >= 2, "at several kinds of inputs"


@pytest.mark.parametrize("name", ["linear", "dropout", "adam", "swish"])
def test_the_judge_leaves_its_arguments_alone_and_says_the_same_again(name: str) -> None:
    loaded = load(SOLUTIONS / f"{name}.py")
    functions = {f: loaded[f] for f in ALL[name].functions}
    before = dict(functions)
    assert ALL[name].judge(functions) == ALL[name].judge(functions)
    assert functions == before


def test_solutions_are_not_installed() -> None:
    package = Path(exercises.__file__).parent
    assert not (package / "solutions").exists()
    assert set(ALL) == {path.stem for path in SOLUTIONS.glob("*.py")} - {"__init__", "planted"}
    assert set(ERRORS) == set(ALL)


# In a notebook


def right(dy: Any, x: Any, w: Any) -> Any:
    return dy @ w.T, x.T @ dy


def wrong(dy: Any, x: Any, w: Any) -> Any:
    return dy @ w.T, -x.T @ dy


def test_a_function_a_keyword_a_dict_and_a_file_are_all_accepted(tmp_path: Path) -> None:
    path = tmp_path / "any.py"
    path.write_text("def backward(dy, x, w):\n    return dy @ w.T, x.T @ dy\n")
    for attempt in (right, {"backward": right, "other": 3}, path, str(path)):
        assert exercises.check("matmul", attempt)
    assert exercises.check("matmul", backward=right)
    assert not exercises.check("matmul", wrong)
    assert not exercises.check("matmul", globals() | {"backward": wrong})


def test_only_the_first_hint_is_shown_and_how_to_get_the_next() -> None:
    feedback = exercises.check("matmul", wrong)
    where, what, rule = feedback.hints
    for text in (str(feedback), feedback._repr_html_()):
        assert "dw, the gradient of w, is wrong" in text
        assert "hint=2" in text
        assert "sign" not in text
    assert what in str(feedback.hint(2))
    assert rule not in str(feedback.hint(2))
    assert rule in str(exercises.check("matmul", wrong, hint=3))
    assert "hint=" not in str(feedback.hint(3))
    assert where in str(feedback.hint(3))
    with pytest.raises(ValueError, match=r"expected 1 \(where\), 2 \(what kind\) or 3 \(which rule\), got 4"):
        feedback.hint(4)


def test_html_escapes_what_the_learner_wrote() -> None:
    feedback = Feedback(False, "error", "", ("<script>", "", ""), "matmul")
    assert "<script>" not in feedback._repr_html_()


def test_an_exercise_shows_its_statement_in_a_notebook() -> None:
    assert ALL["softmax"]._repr_markdown_().startswith("### Softmax")


def test_bad_calls_say_what_was_expected() -> None:
    with pytest.raises(ValueError, match="none called 'matmull'; did you mean matmul"):
        exercises.check("matmull", right)
    with pytest.raises(TypeError, match="expected backward, as a function, a dict or the path of a file, got int"):
        exercises.check("matmul", 3)
    with pytest.raises(TypeError, match="got NoneType"):
        exercises.check("matmul")
    with pytest.raises(TypeError, match="got forwards"):
        exercises.check("matmul", forwards=right)
    with pytest.raises(TypeError, match=r"has several functions: check\('swish', forward=forward, backward=backward\)"):
        exercises.check("swish", right)


def test_a_tie_may_be_shared_in_any_way_but_not_be_counted_twice() -> None:
    def first(dy: Any, x: Any) -> Any:
        dx = np.zeros_like(x)
        dx[np.arange(len(x)), x.argmax(axis=1)] = dy
        return dx

    def all_of_them(dy: Any, x: Any) -> Any:
        return dy[:, None] * (x == x.max(axis=1, keepdims=True))

    assert exercises.check("max-with-ties", first)
    assert exercises.check("max-with-ties", all_of_them).kind == "mask"
    assert exercises.check("relu", lambda dy, x: dy * (x >= 0))
