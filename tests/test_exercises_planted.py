"""Planted errors in every exercise: right and distinct hints, and no number of the answer."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from nanonet.teach import exercises
from nanonet.teach.exercises.checking import load
from nanonet.teach.exercises.exercise import Feedback
from nanonet.teach.exercises.guard import copied
from nanonet.teach.exercises.terminal import show_feedback
from nanonet.teach.exercises.words import KINDS, RULES
from tests.exercise_solutions.planted import ERRORS, SOLUTIONS, Planted, with_error

NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[-+]?\d+)?")


def attempt(name: str, error: Planted, folder: Path) -> tuple[Feedback, set[str]]:
    """The feedback on a planted error, and every number of the right answer at the same arguments, as it is written."""
    path = folder / f"{name}.py"
    path.write_text(with_error(name, error), encoding="utf-8")
    right, expected = load(SOLUTIONS / f"{name}.py"), set()

    def spied(function: str, given: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            with np.errstate(all="ignore"):
                expected.update(numbers(right[function](*[copied(value) for value in arguments])))
            return given(*arguments)

        return call

    given = load(path)
    wanted = exercises.get(name).functions
    feedback = exercises.check(name, {f: spied(f, given[f]) for f in wanted if f in given})
    return feedback, {text for value in expected for text in written(value)}


def numbers(found: Any) -> list[float]:
    """All entries of what a solution returns."""
    if isinstance(found, tuple | list):
        return [value for one in found for value in numbers(one)]
    return [abs(float(value)) for value in np.ravel(found)]


def written(value: float) -> set[str]:
    """A number at several precisions, but for those that anything may have: of one or two digits."""
    texts = {f"{value:.{digits}g}" for digits in (3, 4, 5, 6, 7, 8, 10, 16, 17)}
    texts |= {f"{value:.{digits}f}" for digits in (2, 3, 4, 6, 8)} | {str(value), str(np.float32(value))}
    return {text for text in texts if len(re.sub(r"e.*", "", text).replace(".", "").strip("0")) >= 3}


def outputs(feedback: Feedback) -> str:
    """Everything that a learner can see of it."""
    texts = [repr(feedback), feedback._repr_html_(), str(feedback)]
    for level in (1, 2, 3):
        one = feedback.hint(level)
        page = io.StringIO()
        show_feedback(one, feedback.exercise, None, Console(file=page, width=80))
        texts += [str(one), one._repr_html_(), page.getvalue()]
    return "\n".join(texts)


def leaked(text: str, expected: set[str]) -> set[str]:
    return set(NUMBER.findall(text)) & expected


@pytest.mark.parametrize("name", ERRORS)
def test_planted_errors_get_distinct_right_hints_that_hold_no_number_of_the_answer(name: str, tmp_path: Path) -> None:
    assert len(ERRORS[name]) >= 5
    seen: dict[tuple[str, str, str], str] = {}
    for error in ERRORS[name]:
        _, new, kind, where = error
        feedback, expected = attempt(name, error, tmp_path)
        said = f"{name}: {new!r}: {feedback.hint(3)}"
        assert feedback.verdict == "wrong", said
        assert feedback.kind == kind, said
        assert where in feedback.hints[0], said
        assert all(feedback.hints), said
        assert feedback.hints not in seen, f"{said} is said of {seen[feedback.hints]!r}, too"
        seen[feedback.hints] = new
        assert len(expected) > 10 or name == "dropout", "the answer was asked for beside the attempt"
        assert not leaked(outputs(feedback), expected), said


def test_the_search_for_numbers_of_the_answer_finds_them(tmp_path: Path) -> None:
    """A feedback that does print an expected entry is found, at any of the precisions."""
    feedback, expected = attempt("matmul", ERRORS["matmul"][0], tmp_path)
    value = max((text for text in expected if 0.1 < float(text) < 10), key=len)
    for text in (value, f"{float(value):.4g}", f"{float(value):.4f}", f"-{float(value):.6g}"):
        told = Feedback(False, "wrong", "sign", ("dx", f"it should be {text}.", "rule"), "matmul")
        assert leaked(outputs(told), expected), text
    assert not leaked(outputs(feedback), expected)


def test_most_errors_are_explained() -> None:
    """`unknown` is for errors of which only a shape can be said, and the like."""
    kinds = [kind for errors in ERRORS.values() for _, _, kind, _ in errors]
    assert len(kinds) >= 5 * len(ERRORS)
    assert kinds.count("unknown") <= 0.03 * len(kinds)


def test_every_kind_of_the_gradient_checker_has_words_and_a_rule() -> None:
    source = "".join(p.read_text() for p in Path("nanonet/gradcheck").rglob("*.py"))
    causes = re.findall(r'(?:Cause|MisbehaviourError)\(\s*"([a-z-]+)"', source)
    assert len(set(causes)) > 10
    assert set(causes) <= set(KINDS)
    assert set(KINDS) == set(RULES) - {"shape"}
