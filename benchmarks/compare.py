"""`nanonet bench compare A.json B.json`: what became slower from A to B, and what cannot be said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nanonet_benchmarks.machine_code import compare_code
from nanonet_benchmarks.record import Record, Row
from nanonet_benchmarks.statistics import RunTest, between_runs, holm

Outcome = Literal["faster", "slower", "same", "ambiguous", "incomparable"]
SMALLEST = 0.02  # a smaller difference does not count
# What makes a machine another one, where its fingerprint has no `id`; versions and settings are what one compares.
IDENTITY = ("id", "cpu", "cores", "gpu")


@dataclass(frozen=True)
class Verdict:
    """What became of one row from A to B.

    key        `Row.key` of the rows compared
    label      the row in words: "gelu n=1048576: numba, 1 thread, hot"
    outcome    "slower" also stands for machine code that became worse: spills, occupancy, instructions
    sentence   the whole of it in words
    ratio      time of B / time of A, and its 95 % interval [low, high]; None where there are no times
    p          of the permutation test, corrected for the number of rows (Holm)
    broken     B's result is wrong, and A's was right
    """

    key: tuple[Any, ...]
    label: str
    outcome: Outcome
    sentence: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    broken: bool = False


def compare(a: Record, b: Record, smallest: float = SMALLEST, level: float = 0.05) -> list[Verdict]:
    """A verdict for every row of A or B, in A's order; what is in one of them only is incomparable.

    slower, faster   the difference is larger than `smallest`, and its p-value, corrected for the number of rows, is
                     below `level`
    same             the interval of the difference lies within ± `smallest`
    ambiguous        neither: the noise is larger than what is asked
    incomparable     another machine, no times in one of them, or a row that the other file does not have
    """
    before, after = ({row.key: row for row in record.rows} for record in (a, b))
    elsewhere = other_machine(a.machine, b.machine)
    pairs = {key: (before.get(key), after.get(key)) for key in [*before, *(k for k in after if k not in before)]}
    timed = {k: (x, y) for k, (x, y) in pairs.items() if x and y and not elsewhere and not _obstacle(x, y)}
    timed = {k: (x, y) for k, (x, y) in timed.items() if x.evidence == "measured"}
    logs = [(_process_medians(x), _process_medians(y)) for x, y in timed.values()]
    tests = between_runs(logs, level)
    corrected = dict(zip(timed, zip(tests, holm([t.p for t in tests]), strict=True), strict=True))
    found: list[Verdict] = []
    for key, (x, y) in pairs.items():
        if key in corrected:
            found.append(_timed(*timed[key], *corrected[key], smallest, level))
        else:
            found.append(_untimed(key, x, y, elsewhere, smallest))
    return found


def exit_code(verdicts: Sequence[Verdict]) -> int:
    """1 where anything became slower or wrong, else 0."""
    return int(any(v.outcome == "slower" or v.broken for v in verdicts))


def other_machine(a: dict[str, Any], b: dict[str, Any]) -> str:
    """ "" where times of the two may be compared, else in what the machines differ."""
    names = ["id"] if "id" in a and "id" in b else [n for n in IDENTITY if n in a or n in b]
    different = [name for name in names if a.get(name) != b.get(name)]
    return ", ".join(f"{name} {_short(a.get(name))} and {_short(b.get(name))}" for name in different)


def _short(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("model", value)
    return "unknown" if value is None else str(value)[:60]


def _obstacle(x: Row, y: Row) -> str:
    """Why two rows about the same thing cannot be compared by their evidence."""
    if x.evidence != y.evidence or x.evidence not in ("measured", "compiled"):
        words = [f"{r.evidence} ({r.reason})" if r.reason else r.evidence for r in (x, y)]
        return f"A was {words[0]}, B was {words[1]}"
    return ""


def _process_medians(row: Row) -> np.ndarray:
    return np.log([np.median(process) for process in row.samples if process])


def _label(key: tuple[Any, ...]) -> str:
    workload, size, variant, device, cache, threads, phase = key
    title = " ".join([workload, *(f"{k}={v}" for k, v in size), *([phase] if phase else [])])
    count = [] if threads is None else ["1 thread" if threads == 1 else f"{threads} threads"]
    where = [] if device == "cpu" else [device]
    return f"{title}: {', '.join([variant, *where, *count, *([cache] if cache else [])])}"


def _timed(x: Row, y: Row, test: RunTest, p: float, smallest: float, level: float) -> Verdict:
    """Both were measured on machines of the same kind."""
    label = _label(x.key)
    ratio, low, high = (float(np.exp(min(v, 700.0))) for v in (test.difference, test.low, test.high))
    share = f"{abs(ratio - 1):.1%} {'more' if ratio > 1 else 'less'} time"
    span = f"ratio {ratio:.3f}, 95 % interval [{low:.3f}, {high:.3f}]"
    counts = [sum(1 for process in row.samples if process) for row in (x, y)]
    outcome: Outcome
    if min(counts) < 2:
        text = f"{share} by the medians, but one process does not show how much processes differ; measure with more"
        return Verdict(x.key, label, "ambiguous", f"{label}: {text}", ratio)
    if p < level and abs(test.difference) > np.log1p(smallest):
        outcome = "slower" if ratio > 1 else "faster"
        text = f"{outcome}: {share} ({span}, p = {p:.2g})"
    elif -np.log1p(smallest) <= test.low and test.high <= np.log1p(smallest):
        outcome, text = "same", f"the same within {smallest:.0%} ({span})"
    else:
        outcome = "ambiguous"
        text = f"{share}, which {counts[0]} and {counts[1]} processes cannot tell from noise ({span}, p = {p:.2g})"
        if p < level:
            text = f"{share}, which is about the smallest difference that counts ({span}, p = {p:.2g})"
    return Verdict(x.key, label, outcome, f"{label}: {text}", ratio, low, high, p)


def _untimed(key: tuple[Any, ...], x: Row | None, y: Row | None, elsewhere: str, smallest: float) -> Verdict:
    """Machine code, which is the same on every machine; or why there is nothing to compare."""
    label = _label(key)
    if x and y and x.evidence == y.evidence == "compiled":
        outcome, text = compare_code(x.compiled or {}, y.compiled or {}, smallest)
        return Verdict(key, label, outcome, f"{label}: {text}")
    broken = False
    if x is None or y is None:
        text = f"only in {'B' if x is None else 'A'}"
    elif obstacle := _obstacle(x, y):
        text = obstacle
        broken = x.evidence == "measured" and y.reason.startswith("refused")
    else:
        text = f"the machines differ: {elsewhere}"
    return Verdict(key, label, "incomparable", f"{label}: {text}", broken=broken)
