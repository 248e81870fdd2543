"""The right answers as texts, and the same with a planted error put in."""

from __future__ import annotations

from pathlib import Path

from tests import exercise_errors

SOLUTIONS = Path(__file__).parent
Planted = exercise_errors.Planted
ERRORS = exercise_errors.ERRORS


def solution(name: str) -> str:
    """The source of the right answer."""
    return (SOLUTIONS / f"{name}.py").read_text(encoding="utf-8")


def with_error(name: str, error: Planted) -> str:
    """The source with the first occurrence of the error's text replaced."""
    source, (old, new, _, _) = solution(name), error
    assert old in source, f"{name}: the right answer has no {old!r}"
    return "import numpy as np\n\n" + source.replace(old, new, 1)
