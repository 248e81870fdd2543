"""Predictions are compared with what the engine computes at that moment, and the commonest mistake is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import nanonet as nt
from nanonet.backends.base import Backend, current, installed
from nanonet.teach.exercises import commands_predict, predict
from nanonet.teach.exercises.predict.answers import canonical, same, shown

# Worked out by hand.
ANSWERS = {
    "product": 5,
    "two-uses": 7,
    "difference": -6,
    "inner-factor": 2,
    "sigmoid-slope": 1 / 4,
    "saturated": "no",
    "detached": 3,
    "backward-twice": 4,
    "mean-of-four": [0.25] * 4,
    "one-step": 1.4,
    "shape-of-dw": (3, 2),
    "bias-of-a-batch": 3,
    "shape-of-db": (3,),
    "dead-entries": [0, 2],
    "largest": [0, 1, 0],
    "row-times-matrix": [3, 7],
    "double-batch-sum": "yes",
    "double-batch-mean": "no",
    "sum-over-classes": 0,
    "all-scores-equal": [0.25, 0.25, -0.75, 0.25],
    "word-used-often": [1, 3, 0],
    "normalised-sum": "yes",
}
app = typer.Typer()
app.command()(commands_predict.predict)


class Enlarging(Backend):
    """A planted fault: every backward gives ten times too much."""

    def __init__(self) -> None:
        now = current()
        super().__init__(now.name, now.xp, now.array_type, now.kernels)
        self.calls = 0

    def run(self, rule: Any, *args: Any, **attrs: Any) -> Any:
        self.calls += 1
        found = super().run(rule, *args, **attrs)
        op = getattr(rule, "op", None)
        if op is None or rule is not op.backward:
            return found
        return tuple(None if dx is None else 10 * dx for dx in found)


def test_there_are_at_least_15_questions_each_with_an_answer_worked_out_by_hand() -> None:
    assert len(predict.names()) >= 15
    assert set(predict.names()) == set(ANSWERS)


@pytest.mark.parametrize("name", ANSWERS)
def test_the_right_prediction_is_right_and_the_common_one_is_named(name: str) -> None:
    question = predict.get(name)
    revealed = question.reveal(ANSWERS[name])
    assert revealed, str(revealed)
    assert str(revealed).startswith("Right: the engine computes ")
    assert "Often answered: " in str(revealed)
    assert question.why in str(revealed)
    other = shown(question.kind, revealed.other)
    wrong = question.reveal(other)
    assert not wrong
    assert f"not {other}." in wrong.lines[0]
    assert wrong.lines[2] == f"{other}: {question.mistake}"
    assert question.reveal().lines[0].startswith("The engine computes ")
    assert not question.reveal()


@pytest.mark.parametrize("name", [one.name for one in predict.questions() if one.kind in ("number", "numbers")])
def test_the_answer_is_the_engines_and_stored_nowhere(name: str) -> None:
    """With a faulty engine another answer is revealed."""
    question = predict.get(name)
    true = question.reveal().true
    with installed(Enlarging()) as faulty:
        asked = question.ask()
        assert str(asked)
        assert asked._repr_html_()
        assert faulty.calls == 0  # asking computes nothing
        changed = question.reveal().true
    assert faulty.calls > 0
    if name != "sum-over-classes":  # ten times 0
        assert not same(question.kind, true, changed)


@pytest.mark.parametrize("name", ANSWERS)
def test_what_is_shown_is_what_runs(name: str) -> None:
    question = predict.get(name)
    assert "return" not in question.code
    assert "backward()" in question.code
    space: dict[str, Any] = {"nt": nt, "F": nt.functional, "np": np}
    exec(question.code, space)
    code = str(question.ask())
    assert max(len(line) for line in code.splitlines()) <= 120
    assert question.asked in question.ask()._repr_markdown_()


def test_notebooks_get_escaped_html() -> None:
    text = predict.get("shape-of-dw").ask()._repr_html_()
    assert "x @ w" in text
    assert "<pre" in text
    assert "predict.get(&quot;shape-of-dw&quot;).reveal(…)" in text
    assert "border-left" in predict.get("shape-of-dw").reveal((3, 2))._repr_html_()
    assert predict.get("shape-of-dw").reveal((3, 2))._repr_markdown_().startswith("**Right")


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("number", "7", 7.0),
        ("number", " 1/4 ", 0.25),
        ("number", "-3e-1", -0.3),
        ("number", nt.tensor([2.0]), 2.0),
        ("numbers", "[1, 0; 2.5]", (1.0, 0.0, 2.5)),
        ("numbers", "1 0 1/2", (1.0, 0.0, 0.5)),
        ("numbers", np.array([[1.0], [2.0]]), (1.0, 2.0)),
        ("shape", "(2, 3)", (2, 3)),
        ("shape", "3", (3,)),
        ("shape", "()", ()),
        ("shape", (2, 3), (2, 3)),
        ("entries", "2, 0", (0, 2)),
        ("entries", "none", ()),
        ("yes or no", "Yes", True),
        ("yes or no", False, False),
        ("yes or no", "n", False),
    ],
)
def test_answers_may_be_written_as_people_write(kind: str, given: Any, expected: Any) -> None:
    assert canonical(kind, given) == expected


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("number", "seven"),
        ("number", "1, 2"),
        ("shape", "2.5"),
        ("yes or no", "maybe"),
        ("numbers", ""),
        ("number", "1/0"),
    ],
)
def test_what_is_no_answer_is_refused_in_one_line(kind: str, given: str) -> None:
    with pytest.raises(ValueError, match=r"predict: expected .*, got "):
        canonical(kind, given)


def test_two_digits_are_enough_and_order_and_number_matter() -> None:
    assert same("number", 0.33, 1 / 3)
    assert not same("number", 0.3, 1 / 3)
    assert not same("numbers", (1.0, 2.0), (2.0, 1.0))
    assert not same("numbers", (1.0,), (1.0, 1.0))
    assert shown("number", -1e-9) == "0"


def test_an_unknown_question_gets_a_suggestion() -> None:
    with pytest.raises(ValueError, match="no question is called 'two-use'; did you mean two-uses"):
        predict.get("two-use")


def test_the_command_asks_one_at_a_time_over_a_pipe() -> None:
    def run(text: str, *arguments: str) -> str:
        ran = CliRunner().invoke(app, list(arguments), input=text)
        assert ran.exit_code == 0
        return ran.stdout

    text = run("seven\n7\n", "two-uses")
    assert "expected a number, got 'seven'" in text
    assert "Right: the engine computes 7." in text
    assert text.index("What is the gradient of x?") < text.index("Right")
    assert "7" not in run("", "two-uses").replace("two-uses", "")  # nothing is revealed without an answer
    assert "The engine computes 7." in run("\n", "two-uses")
    text = run("5\n0\nq\n")
    assert "1 of 2 predicted" in text
    assert "4/22" not in text
    assert run("", "--list").split() == predict.names()
