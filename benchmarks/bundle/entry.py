"""What the bundle does on the other machine: check itself, find the GPU, measure, write the results."""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nanonet_benchmarks.record import Row

OUT = "nanonet-bench-gpu.json"
NO_GPU, DAMAGED = 2, 3


def main(folder: str, arguments: list[str]) -> int:
    """Exit status: 0 measured, 1 a check failed, 2 no GPU here or a wrong call, 3 damaged, 130 Ctrl-C."""
    options = _parser().parse_args(arguments)
    root = Path(folder)
    if importlib.util.find_spec("numpy") is None:
        return _say("NumPy is not installed; pip install numpy cupy-cuda13x (or cupy-cuda12x)", NO_GPU)
    plan = json.loads((root / "plan.json").read_text(encoding="utf-8"))
    changed = damaged(root, plan)
    if changed:
        return _say(f"damaged: {changed} is not what the plan says; copy the bundle again", DAMAGED)
    if options.self_test:
        from nanonet_benchmarks.bundle.selftest import self_test

        return self_test(plan)
    from nanonet_benchmarks.machine import gpu

    reason = gpu.missing()
    if reason:
        return _say(f"no GPU here: {reason}", NO_GPU)
    return measure(plan, options)


def measure(plan: dict[str, Any], options: argparse.Namespace) -> int:
    """Measure the plan's workloads on the GPU and write the record; Ctrl-C keeps what there is."""
    from nanonet_benchmarks.bundle.plan import digest
    from nanonet_benchmarks.bundle.work import run
    from nanonet_benchmarks.machine.fingerprint import fingerprint
    from nanonet_benchmarks.record import Record

    machine = fingerprint()
    made = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    rows = run(plan, options.time, _progress)
    interrupted = bool(left := missing(plan, rows))
    more = {"made": made, "interrupted": interrupted, "bundle": {"digest": digest(plan), "plan": plan}}
    Record(machine, rows, more).save(options.out)
    measured = sum(row.evidence == "measured" for row in rows)
    print(f"\n{options.out}: {measured} rows measured; where nanonet is: nanonet bench merge {options.out}")
    if left:
        print(f"not reached: {left}; a larger --time reaches more")
    return 0


def missing(plan: dict[str, Any], rows: Sequence[Row]) -> int:
    """How many of the plan's variants have no row, neither measured nor skipped."""
    found = {(row.workload, json.dumps(row.size, sort_keys=True), row.variant) for row in rows}
    wanted = [
        (one["workload"], json.dumps(one["size"], sort_keys=True), name)
        for one in plan["work"]
        for name in one["variants"]
    ]
    return sum(one not in found for one in wanted)


def damaged(root: Path, plan: dict[str, Any]) -> str:
    """The name of a file that is not what the plan says; "" where all are."""
    for name, expected in plan["files"].items():
        path = root / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            return name
    return ""


def _progress(fraction: float, text: str) -> None:
    print(f"\r{100 * fraction:3.0f} %  {text[:70]:70}", end="", flush=True)


def _say(message: str, status: int) -> int:
    print(f"nanonet bench bundle: {message}", file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "nanonet-bench", description="Measures nanonet's CUDA kernels on this machine's GPU."
    )
    parser.add_argument("--out", default=OUT, help=f"the results (default: {OUT})")
    parser.add_argument("--time", type=float, default=300.0, help="seconds that it may take (default: 300)")
    parser.add_argument("--self-test", action="store_true", help="check the bundle and its oracles; needs no GPU")
    return parser
