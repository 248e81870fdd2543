"""The stepper and its screen without a terminal: any keys, any size, and always the state of a fresh replay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

import nanonet as nt
from nanonet.op import REGISTRY, Op
from nanonet.tape import apply
from nanonet.teach.trace import State, Trace, replayed, trace
from nanonet.teach.views.progress import Progress
from nanonet.teach.views.terminal import screen as terminal_screen
from nanonet.teach.views.terminal.commands import BY_KEY, COMMANDS, find_command
from nanonet.teach.views.terminal.folds import Folds
from nanonet.teach.views.terminal.loop import Loop
from nanonet.teach.views.terminal.screen import screen
from nanonet.teach.views.terminal.stepper import Note, Stepper
from tests.step_targets import a_trace, a_training_step

TRACES = {"a loss": a_trace(), "a training step": a_training_step(), "deep": a_training_step(12)}
KEYS = [*(key for key in BY_KEY if key != "q"), "up", "down", "pageup", "pagedown", "escape", "resize", "tab", ":", "z"]
WORDS = ["12", "-3", "tanh", "linear", "backward", "model.0.0.weight", "line 9", "nowhere", "z", "3", "break relu", "q"]
SIZES = [(80, 24), (120, 40), (30, 10), (45, 61), (20, 5), (200, 12)]


def check_faithful(stepper: Stepper) -> None:
    """Is the stepper at a position that there is, and does it know exactly what a fresh replay knows there?"""
    assert 0 <= stepper.position <= len(stepper.trace.steps)
    assert stepper.debugger.state.snapshot() == replayed(stepper.trace, stepper.position).snapshot()


def check_fits(lines: list[Text], width: int, height: int) -> None:
    """Is it as many lines as the terminal has, each as wide as it?"""
    assert len(lines) == height
    assert all(line.cell_len == width for line in lines)


presses = st.one_of(st.sampled_from(KEYS), st.sampled_from(WORDS))


@settings(max_examples=60)
@given(st.sampled_from(sorted(TRACES)), st.lists(presses, max_size=25), st.sampled_from(SIZES))
def test_any_keys_end_at_a_position_that_there_is(name: str, keys: list[str], size: tuple[int, int]) -> None:
    loop = Loop(Stepper(TRACES[name], name, notes=[Note("a title", "a text", lambda: "more")]))
    for key in keys:
        for one in [key] if key in KEYS else [*key, "enter"]:
            loop.press("space" if one == " " else one)
        check_fits(screen(loop.stepper, *size, None if loop.prompt is None else str(loop.prompt)), *size)
        if loop.stepper.done:
            break
    check_faithful(loop.stepper)


def test_the_check_of_positions_finds_an_undo_that_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    stepper = Stepper(a_trace())
    stepper.seek(17)

    def forgets(state: State) -> None:
        state.position -= 1

    monkeypatch.setattr(State, "undo", forgets)
    stepper.do(find_command("back").run)
    with pytest.raises(AssertionError):
        check_faithful(stepper)


def test_the_check_of_sizes_finds_a_line_that_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal_screen, "padded", lambda line, width: line.copy().append("x" * width))
    with pytest.raises(AssertionError):
        check_fits(screen(Stepper(a_trace()), 80, 24), 80, 24)


def shown(stepper: Stepper, width: int = 80, height: int = 24) -> str:
    return "\n".join(line.plain for line in screen(stepper, width, height))


def test_a_gradient_that_is_not_computed_is_not_yet_and_never_zero() -> None:
    stepper = Stepper(a_trace())
    for position in range(18):
        stepper.seek(position)
        for node in stepper.trace.nodes:
            words = stepper.progress.words(node.id, position)
            if stepper.debugger.grad(node.id) is None:
                assert words == "not yet"
    stepper.seek(3)
    assert "not yet" in shown(stepper)


def test_terms_are_counted_as_they_are_added_and_add_up_to_the_gradient() -> None:
    for found in TRACES.values():
        progress, state = Progress(found), State(found)
        while state.position < len(found.steps):
            state.make()
            for node in found.nodes:
                terms = progress.contributions(node.id, state.position)
                done, total = progress.count(node.id, state.position)
                assert len(terms) == done <= total
                grad = state.grad(node.id)
                if grad is not None and terms and progress.walks[-1] < state.position <= len(found.steps) - 5:
                    total_of_terms = terms[0].array.copy()
                    for term in terms[1:]:
                        total_of_terms = total_of_terms + term.array
                    assert total_of_terms.tobytes() == grad.tobytes()


def test_modules_fold_and_unfold_without_losing_a_step() -> None:
    folds = Folds(TRACES["a training step"])
    count = len(folds.trace.steps)
    for _ in range(2):
        covered = [
            i for row in folds.rows() if row.kind == "step" or row.folded for i in range(row.first, row.last + 1)
        ]
        assert covered == list(range(count))
        assert [folds.rows()[folds.row_of(i)].first <= i for i in range(count)] == [True] * count
        folds.toggle_all()
    assert folds.toggle(0) == "model"
    assert folds.beyond(0) > 0


def test_a_long_trace_starts_folded_and_over_passes_a_module() -> None:
    stepper = Stepper(TRACES["deep"])
    assert any(row.folded for row in stepper.folds.rows())
    stepper.do(find_command("over").run)
    assert stepper.step is not None
    assert stepper.step.index == stepper.folds.beyond(0)
    stepper.do(find_command("expand").run)
    assert "12 of" not in shown(stepper, 120, 40)


def test_a_breakpoint_is_shown_stops_and_goes_away() -> None:
    stepper = Stepper(a_trace())
    stepper.seek(3)
    stepper.do(find_command("break").run)
    assert "●▶" in shown(stepper)
    stepper.do(find_command("start").run)
    stepper.do(find_command("run").run)
    assert stepper.position == 3
    stepper.do(find_command("break").run)
    assert not stepper.debugger.breakpoints


def test_what_the_user_wrote_cannot_move_the_cursor() -> None:
    found = Trace(**{**vars(a_trace()), "sources": {}})
    found.sources = {file: [line + "  # \x1b[2J\x07" for line in lines] for file, lines in a_trace().sources.items()}
    loop = Loop(Stepper(found, "\x1b[2J"))
    loop.press("n")
    drawn = loop.drawn(Console(force_terminal=True, color_system=None), 80, 24)
    assert "\x1b[2J" not in drawn
    assert "\x07" not in drawn


def test_every_command_has_a_key_and_a_line_of_help() -> None:
    assert len(BY_KEY) == sum(len(command.keys) for command in COMMANDS)
    stepper = Stepper(a_trace())
    stepper.do(find_command("help").run)
    text = shown(stepper, 80, 40)
    assert all(command.help in text for command in COMMANDS)


def test_inspecting_stays_in_view_while_one_steps() -> None:
    loop = Loop(Stepper(a_trace()))
    for key in ("w", "i", "z", "enter"):
        loop.press(key)
    assert "gradient: not yet" in shown(loop.stepper)
    for key in "nn":
        loop.press(key)
    assert "gradient (1 of 2 terms so far)" in shown(loop.stepper)
    loop.press("escape")
    assert not loop.stepper.overlay


def test_tab_completes_the_name_of_a_tensor() -> None:
    loop = Loop(Stepper(TRACES["a training step"]))
    for key in ("i", "m", "tab"):
        loop.press(key)
    assert loop.prompt is not None
    assert loop.prompt.text == "model."
    assert "model.0.0.weight" in str(loop.prompt)
    for key in "2.w":
        loop.press(key)
    loop.press("tab")
    assert loop.prompt.text == "model.2.weight"
    loop.press("enter")
    assert loop.stepper.overlay == "inspect"


def test_the_code_stands_still_where_all_of_it_fits() -> None:
    stepper = Stepper(a_trace())
    seen = set()
    for position in range(1, 17):
        stepper.seek(position)
        first = screen(stepper, 120, 40)[4].plain
        seen.add(first.replace("▶", " ")[:40])
    assert len(seen) == 1


def test_a_rule_that_no_card_can_follow_still_has_its_formula() -> None:
    """A user's own operation may call what is not in the vocabulary of the rules."""

    class Strange(Op):
        """y = 2 x;  dx = 2 dy."""

        def forward(xp: Any, x: Any) -> Any:
            return np.array([2 * one for one in x.tolist()]), ()

        def backward(xp: Any, saved: Any, dy: Any) -> Any:
            return (dy * 2,)

    try:
        found = trace(lambda x: nt.sum(apply(nt.Tensor, Strange, (x,), {})), np.ones(3))
        stepper = Stepper(found)
        stepper.seek(1)
        text = shown(stepper)
        assert "y = 2 x" in text
        assert "No entry can be worked out here" in text
        assert "card: strange" in text
        assert "No entry can be worked out here" in found.to_markdown()
    finally:
        del REGISTRY["network.strange"]
