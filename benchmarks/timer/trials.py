"""Can the timer be believed? Many trials of two variants that are equal, and of two of which one is 3 % slower.

    python -m nanonet_benchmarks.timer.trials RESULTS.json [--trials 200] [--seconds 3600]

A run of the timer (fresh processes, turns, checks) measures two pairs of each kind, and the paired comparison says
whether they differ. Results are kept after each run, and a later call goes on where the last one ended.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nanonet_benchmarks.statistics import Difference, paired
from nanonet_benchmarks.timer.plan import Plan
from nanonet_benchmarks.timer.run import run
from nanonet_benchmarks.workloads.base import Arrays, Prepared, Variant, Workload, empty

REPEATS = 100  # a call is so many passes over the array, or 3 % more of them
KINDS = {"equal": 0, "slower": 3}  # passes that the second variant makes beyond these
PAIRS = ["equal", "slower", "equal", "slower"]  # trials that take turns with one another, as variants of a workload do
PLAN = Plan(seconds=120, processes=5, most_processes=12, ratios=0.025, rounds=80, sample=3e-4, workload_seconds=9)


def passes(n: int) -> Workload:
    """y = x ⊙ x, again and again: in every pair the first variant makes 100 passes, the second as many or 3 more."""

    def variant(name: str, count: int) -> Variant:
        def prepare(inputs: Arrays) -> Prepared:
            x, y = inputs["x"], empty((n,))

            def call() -> None:
                for _ in range(count):
                    np.multiply(x, x, out=y)

            return Prepared(call, inputs, {"y": y})

        return Variant(name, "numpy", prepare, most_threads=1)

    pairs = [[variant(f"{i} a", REPEATS), variant(f"{i} b", REPEATS + KINDS[kind])] for i, kind in enumerate(PAIRS)]
    return Workload(
        "nanonet_benchmarks.timer.trials:passes",
        {"n": n},
        lambda rng: {"x": rng.standard_normal(n, np.float32)},
        lambda inputs: {"y": inputs["x"].astype(np.float64) ** 2},
        lambda inputs, expected: {"y": 2.0**-24 * expected["y"]},
        [v for pair in pairs for v in pair],
    )


def trials(seed: int, plan: Plan = PLAN) -> list[tuple[str, Difference]]:
    """One run: for each pair, its kind and what is said of b beside a."""
    rows = run([passes(512)], replace(plan, seed=seed))
    return [(kind, paired(rows[2 * i].samples, rows[2 * i + 1].samples)) for i, kind in enumerate(PAIRS)]


def main() -> int:
    parser = argparse.ArgumentParser(description="Trials of the timer: equal variants, and one that is 3 % slower.")
    parser.add_argument("results", type=Path, help="JSON file; a later call goes on where it ends")
    parser.add_argument("--trials", type=int, default=200, help="trials of each kind")
    parser.add_argument("--seconds", type=float, default=3600.0, help="stop after so long")
    options = parser.parse_args()
    found = load(options.results)
    until = time.monotonic() + options.seconds
    known: list[dict[str, Any]] = found["trials"]
    while len(known) < 2 * options.trials and time.monotonic() < until:
        for kind, difference in trials(seed=len(known)):
            known.append({"kind": kind} | vars(difference))
            print(f"{len(known):4} {kind:7} {difference}", flush=True)
        found["summary"] = summary(known)
        options.results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found["summary"]))
    return 0


def load(path: Path) -> dict[str, Any]:
    """What was found so far, or a beginning."""
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    from nanonet.info import describe

    return {"evidence": "measured", "machine": describe(), "summary": {}, "trials": []}


def summary(known: list[dict[str, Any]]) -> dict[str, Any]:
    """How many trials of each kind called a difference, and of the slower ones in the right direction."""
    equal = [t for t in known if t["kind"] == "equal"]
    slower = [t for t in known if t["kind"] == "slower"]
    return {
        "equal": len(equal),
        "equal, called different": sum(t["differs"] for t in equal),
        "slower": len(slower),
        "slower, found": sum(t["differs"] and t["ratio"] > 1 for t in slower),
        "median ratio, equal": float(np.median([t["ratio"] for t in equal])) if equal else None,
        "median ratio, slower": float(np.median([t["ratio"] for t in slower])) if slower else None,
    }


if __name__ == "__main__":
    sys.exit(main())
