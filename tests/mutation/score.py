"""From the judges' verdicts to counts, a score, and the record that is kept."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.mutation.mutant import Mutant

OUTCOMES = ("checker", "suite", "timeout", "equivalent", "survived")
KILLED = OUTCOMES[:3]


@dataclass(frozen=True)
class Result:
    """What became of a mutant: one of OUTCOMES, and what rejected it or why it is equivalent."""

    mutant: Mutant
    outcome: str
    words: str


def result(mutant: Mutant, checker: str, suite: str, reasons: dict[str, str]) -> Result:
    """`checker` and `suite` say what rejected the mutant, or ""."""
    for outcome, words in (("checker", checker), ("suite", suite)):
        if words:
            return Result(mutant, "timeout" if words == "timeout" else outcome, words)
    reason = reasons.get(mutant.key, "")
    return Result(mutant, "equivalent" if reason else "survived", reason)


def counts(results: Sequence[Result]) -> dict[str, Any]:
    """{"total", each outcome, "score"}: killed / (total - equivalent), 1 where there is nothing to kill."""
    found = Counter(one.outcome for one in results)
    total, killed = len(results), sum(found[outcome] for outcome in KILLED)
    left = total - found["equivalent"]
    return {"total": total, **{name: found[name] for name in OUTCOMES}, "score": killed / left if left else 1.0}


def stale(results: Sequence[Result], reasons: dict[str, str]) -> list[str]:
    """Mutants that are listed as equivalent and yet rejected."""
    return [f"{r.mutant.key} ({r.words})" for r in results if r.outcome in KILLED and r.mutant.key in reasons]


def record(results: Sequence[Result]) -> dict[str, Any]:
    """Everything worth keeping, ready for JSON."""
    by_target: dict[str, list[Result]] = {}
    by_kind: dict[str, list[Result]] = {}
    for one in results:
        by_target.setdefault(one.mutant.target.name, []).append(one)
        by_kind.setdefault(one.mutant.kind, []).append(one)
    return {
        "all": counts(results),
        "kinds": {name: counts(group) for name, group in sorted(by_kind.items())},
        "functions": {
            name: {"ops": [op.name for op in group[0].mutant.target.ops], **counts(group)}
            for name, group in sorted(by_target.items())
        },
        "survived": [one.mutant.key for one in results if one.outcome == "survived"],
        "equivalent": {one.mutant.key: one.words for one in results if one.outcome == "equivalent"},
        "killed by the suite": {one.mutant.key: one.words for one in results if one.outcome in ("suite", "timeout")},
    }


def write(path: Path, results: Sequence[Result], facts: dict[str, Any]) -> None:
    path.write_text(json.dumps({**facts, **record(results)}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def table(results: Sequence[Result]) -> str:
    """The totals, and what survived."""
    all_ = counts(results)
    lines = [
        f"{all_['total']} mutants: {all_['checker']} killed by the checker, {all_['suite']} by the tests, "
        f"{all_['timeout']} ran out of time, {all_['equivalent']} equivalent, {all_['survived']} survived",
        f"score {100 * all_['score']:.2f} %",
    ]
    lines += [f"survived: {r.mutant.key} ({r.mutant.kind})" for r in results if r.outcome == "survived"]
    return "\n".join(lines)
