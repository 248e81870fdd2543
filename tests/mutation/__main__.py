"""`python -m tests.mutation [--op NAME …] [--jobs 2] [--out FILE]`: the mutation score of the backward rules."""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.mutation.checker import prepare, rejected_by_checker
from tests.mutation.equivalent import reasons
from tests.mutation.mutant import Mutant, mutants
from tests.mutation.score import Result, counts, result, stale, table, write
from tests.mutation.suite import rejected_by_suite
from tests.mutation.targets import targets
from tests.mutation.workers import in_processes

WANTED = 0.99
CHECKER_SECONDS = 60  # far more than the checker takes, at all of an op's samples, on a busy machine


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; exit status 1 below 99 %, or where a mutant that is listed as equivalent is rejected."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--op", nargs="+", metavar="NAME", help="only functions that these ops' gradients use")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--seconds", type=int, default=300, help="for one mutant; more counts as killed")
    parser.add_argument("--checker-only", action="store_true", help="leave the tests out")
    parser.add_argument("--trust", action="store_true", help="do not try the listed equivalents on the tests")
    parser.add_argument("--out", type=Path, help="a JSON file for the counts")
    given = parser.parse_args(arguments)
    started = time.monotonic()
    found = [m for target in targets(given.op) for m in mutants(target)]
    results = judge(found, given.jobs, given.seconds, not given.checker_only, given.trust)
    print(table(results))
    wrong = stale(results, reasons())
    for key in wrong:
        print(f"listed as equivalent, but rejected: {key}")
    if given.out is not None:
        facts = {
            "evidence": "measured",
            "python": platform.python_version(),
            "numpy": np.__version__,
            "minutes": round((time.monotonic() - started) / 60, 1),
        }
        write(given.out, results, facts)
    return int(counts(results)["score"] < WANTED or bool(wrong))


def judge(
    found: Sequence[Mutant], jobs: int, seconds: int, with_suite: bool = True, trust: bool = False
) -> list[Result]:
    """The checker tries every mutant, the suite those that it lets live (with `trust`, without those listed)."""
    for target in dict.fromkeys(m.target for m in found):
        prepare(target)
    checker: dict[str, str] = {}
    for number, (mutant, words) in enumerate(
        in_processes(rejected_by_checker, found, jobs, min(seconds, CHECKER_SECONDS)), 1
    ):
        checker[mutant.key] = words
        if number % 100 == 0 or number == len(found):
            print(f"checker: {number} of {len(found)} mutants", file=sys.stderr)
    living = [m for m in found if not checker[m.key] and not (trust and m.key in reasons())]
    suite = rejected_by_suite(living, jobs, seconds) if with_suite else {}
    return [result(m, checker[m.key], suite.get(m.key, ""), reasons()) for m in found]


if __name__ == "__main__":
    sys.exit(main())
