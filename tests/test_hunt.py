"""Each bug of the hunt is one, can be found, and tells nobody what it is; answers and hints come from the checker."""

from __future__ import annotations

import traceback

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import nanonet as nt
from nanonet.backends.base import current
from nanonet.op import REGISTRY
from nanonet.teach.cards.expansion.lines import DISAGREEMENT
from nanonet.teach.exercises import commands_hunt, hunt
from nanonet.teach.exercises.hunt.bug import GUESSES, HALF, RIGHT, WRONG, culprit
from nanonet.teach.exercises.hunt.rules import RULES
from nanonet.teach.trace import trace as record
from nanonet.teach.views.terminal.stepper import Stepper

SOLUTIONS = [
    ("tanh", "input-for-output"),
    ("relu", "mask"),
    ("linear", "mean-for-sum"),
    ("matmul", "transpose"),
    ("cross_entropy", "sum-for-mean"),
    ("softmax", "missing-coupling"),
    ("layer_norm", "missing-term"),
    ("scaled_dot_product_attention", "scale"),
    ("embedding", "overwritten"),
    ("conv2d", "flipped"),
    ("max_pool2d", "mask"),
    ("multiply", "swapped-operands"),
    ("divide", "sign"),
    ("exp", "ignored-upstream"),
    ("cumsum", "flipped"),
]
NUMBERS = range(1, len(SOLUTIONS) + 1)
app = typer.Typer()
app.command()(commands_hunt.hunt)


def test_there_is_a_rule_for_each_program_and_a_solution_for_each_rule() -> None:
    assert len(hunt.hunts()) == len(RULES) == len(SOLUTIONS) == 15
    assert [key.partition(".")[2] for key, _ in RULES] == [op for op, _ in SOLUTIONS]
    assert len({op for op, _ in SOLUTIONS}) == 15


@pytest.mark.parametrize("number", NUMBERS)
def test_the_program_is_right_without_its_bug_and_wrong_with_it(number: int) -> None:
    bug = hunt.get(number)
    inputs = list(bug.program.inputs.values())
    assert nt.gradcheck(bug.function, inputs)
    before = current()
    with bug.planted():
        assert nt.gradcheck(bug.function, inputs, mode="fast", seed=0).verdict == "fail"
        with_bug = bug.run()
    assert current() is before
    np.testing.assert_array_equal(with_bug.numpy(), bug.run().numpy())  # the forward is the engine's


@pytest.mark.parametrize("number", NUMBERS)
def test_the_gradient_checker_names_the_operation_and_the_kind_so_it_can_be_found(number: int) -> None:
    place = culprit(number)
    assert place.report.cause is not None
    assert (place.op, place.report.cause.kind) == SOLUTIONS[number - 1]
    assert place.file == hunt.get(number).file
    assert len(hunt.get(number).operations()) >= 3


@pytest.mark.parametrize("number", NUMBERS)
def test_answers_are_right_half_right_or_wrong(number: int) -> None:
    bug = hunt.get(number)
    op, kind = SOLUTIONS[number - 1]
    assert bug.answer(op, kind).verdict == RIGHT
    assert bug.answer(f" F.{op.upper().replace('_', '-')}", kind)
    half = bug.answer(op, "off-by-one")
    assert half.verdict == HALF
    assert not half
    assert kind not in half.sentence.replace(op, "")
    other = next(one for one in bug.operations() if one != op)
    wrong = bug.answer(other, kind)
    assert wrong.verdict == WRONG
    assert op not in wrong.sentence.replace(other, "")


@pytest.mark.parametrize("number", NUMBERS)
def test_three_hints_lead_to_the_line_and_none_names_the_operation(number: int) -> None:
    bug = hunt.get(number)
    hints = [bug.hint(level) for level in (1, 2, 3)]
    assert len(set(hints)) == 3
    assert "wrong" in hints[0]
    line = hints[2].split("`")[1]
    assert line in bug.source()
    assert all(f" {SOLUTIONS[number - 1][0]} " not in text.replace(line, "") for text in hints)
    with pytest.raises(ValueError, match="expected 1"):
        bug.hint(4)


def test_the_first_hint_says_which_gradients_are_wrong() -> None:
    assert hunt.get(3).hint(1) == "The gradient of b is wrong, those of x, w and v are right."


@pytest.mark.parametrize("number", NUMBERS)
def test_the_trace_shows_the_wrong_gradient_and_tells_nothing_else(number: int) -> None:
    bug = hunt.get(number)
    op, kind = SOLUTIONS[number - 1]
    trace = bug.trace()
    true = record(bug.function, *bug.inputs())
    assert [step.title for step in trace.steps] == [step.title for step in true.steps]
    rules = {step.call.rule for step in trace.steps if step.call is not None}
    assert not rules & {rule for _, rule in RULES}
    assert set(trace.sources) == {bug.file}
    shown = str(bug) + hunt.listing(bug)
    assert "rules.py" not in shown
    assert kind not in shown.replace(op, "")
    assert op in shown  # among all the others


def test_a_traceback_through_a_planted_rule_does_not_name_it() -> None:
    for key, rule in RULES:
        true = REGISTRY[key].backward
        assert true is not None
        assert (rule.__name__, rule.__qualname__, rule.__module__) == (
            true.__name__,
            true.__qualname__,
            true.__module__,
        )
        with pytest.raises(TypeError) as raised:
            rule()
        assert not any(kind in "".join(traceback.format_exception(raised.value)) for _, kind in SOLUTIONS)


def test_bad_answers_are_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match="hunt: expected a number from 1 to 15, got 16"):
        hunt.get(16)
    with pytest.raises(ValueError, match="has no operation 'gelu'; it has matmul, add, tanh"):
        hunt.get(1).answer("gelu", "sign")
    with pytest.raises(ValueError, match="no kind of mistake is called 'sing'; did you mean sign"):
        hunt.get(1).answer("tanh", "sing")
    assert "unknown" not in GUESSES


def test_the_command_lists_opens_hints_and_answers() -> None:
    def run(*arguments: str) -> tuple[int, str]:
        ran = CliRunner().invoke(app, list(arguments))
        return ran.exit_code, ran.stdout

    status, text = run()
    assert status == 0
    assert "15  a series that adds up" in text
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "F.linear(x, w, b)" in run("3")[1]
    assert run("3", "--hint", "1")[1].startswith("The gradient of b is wrong")
    assert run("3", "--answer", "linear", "mean-for-sum")[0] == 0
    assert run("3", "--answer", "linear", "sign")[0] == 1
    assert run("3", "--answer", "sigmoid", "sign")[1].startswith("wrong: the backward of sigmoid is right here")


def test_the_debugger_lets_the_learner_find_the_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card of the hunt does not say by itself that its numbers do not give its result."""
    opened: list[Stepper] = []
    monkeypatch.setattr("nanonet.teach.views.terminal.program.walk", opened.append)
    told = 0
    for bug in hunt.hunts():
        hunt.open_in_debugger(bug)
        stepper = opened[-1]
        telling = Stepper(stepper.trace)
        while stepper.debugger.step():
            telling.debugger.step()
            told += any("Another rule ran" in remark for remark in telling.card().remarks)
            assert not any(remark.startswith(DISAGREEMENT) for remark in stepper.card().remarks)
    assert told > 5  # else there would be nothing to keep back
