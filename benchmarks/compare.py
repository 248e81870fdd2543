"""`nanonet bench compare A.json B.json`: what became slower from A to B, and what cannot be said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from nanonet_benchmarks.record import Record

Outcome = Literal["faster", "slower", "same", "ambiguous", "incomparable"]
SMALLEST = 0.02  # a smaller difference does not count


@dataclass(frozen=True)
class Verdict:
    """What became of one row from A to B.

    key        `Row.key` of the rows compared
    label      the row in words: "gelu n=1048576, numba, 1 thread, hot"
    outcome    "slower" also stands for machine code that became worse: spills, registers, instructions
    ratio      time of B / time of A, and its 95 % interval [low, high]; None where there are no times
    p          of the permutation test, corrected for the number of rows (Holm)
    sentence   the whole of it in words
    """

    key: tuple[Any, ...]
    label: str
    outcome: Outcome
    sentence: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None


def compare(a: Record, b: Record, smallest: float = SMALLEST, level: float = 0.05) -> list[Verdict]:
    """A verdict for every row of A or B, in A's order; what is in one of them only is incomparable."""
    raise NotImplementedError


def exit_code(verdicts: list[Verdict]) -> int:
    """1 where anything became slower, else 0."""
    return int(any(v.outcome == "slower" for v in verdicts))
