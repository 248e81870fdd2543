"""What a learner may answer, and when two answers are the same."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

HOW = {
    "number": "a number",
    "numbers": "numbers, as 1, 0, 2.5",
    "shape": "a shape, as (2, 3)",
    "entries": "the indices of these entries, as 0, 2; or none",
    "yes or no": "yes or no",
}
RTOL, ATOL = 0.02, 0.005  # two digits are enough
YES, NO = ("yes", "y", "true", "1"), ("no", "n", "false", "0")


def canonical(kind: str, given: Any) -> Any:
    """An answer in its plain form: bool, float, or a tuple of numbers. Raises ValueError for what is none."""
    if hasattr(given, "numpy"):  # a Tensor
        given = given.numpy()
    if kind == "yes or no":
        return _yes_or_no(given)
    numbers = _numbers(given)
    if numbers is None or (kind == "number" and len(numbers) != 1):
        raise ValueError(f"predict: expected {HOW[kind]}, got {given!r}")
    if kind == "number":
        return numbers[0]
    if kind in ("shape", "entries"):
        if any(n != int(n) for n in numbers):
            raise ValueError(f"predict: expected {HOW[kind]}, got {given!r}")
        whole = tuple(int(n) for n in numbers)
        return whole if kind == "shape" else tuple(sorted(set(whole)))
    return numbers


def _yes_or_no(given: Any) -> bool:
    text = str(given).strip().lower()
    if text in YES:
        return True
    if text in NO:
        return False
    raise ValueError(f"predict: expected yes or no, got {given!r}")


def _numbers(given: Any) -> tuple[float, ...] | None:
    if isinstance(given, str):
        text = given.strip().lower()
        if text in ("none", "()", "[]"):
            return ()
        parts = [part for part in re.split(r"[\s,;()\[\]]+", text) if part]
        try:
            return tuple(_number(part) for part in parts) or None
        except (ValueError, ZeroDivisionError):
            return None
    try:
        return tuple(float(x) for x in np.ravel(np.asarray(given, np.float64)))
    except (TypeError, ValueError):
        return None


def _number(text: str) -> float:
    above, slash, below = text.partition("/")
    return float(above) / float(below) if slash else float(above)


def same(kind: str, one: Any, other: Any) -> bool:
    """Are these two plain answers the same, to two digits?"""
    if kind in ("number", "numbers"):
        a, b = np.ravel(one), np.ravel(other)
        return a.shape == b.shape and bool(np.allclose(a, b, RTOL, ATOL))
    return one == other


def shown(kind: str, answer: Any) -> str:
    """A plain answer in words; numbers with up to six decimals."""
    if kind == "yes or no":
        return "yes" if answer else "no"
    if kind == "number":
        return _digits(answer)
    if kind == "shape":
        return str(answer)
    return ", ".join(_digits(x) for x in answer) or "none"


def _digits(x: float) -> str:
    return f"{round(x, 6) + 0.0:.4g}"  # + 0.0 makes 0 of -0
