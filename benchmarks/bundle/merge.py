"""Take back what a bundle measured. Every row is held to the schema, to the plan, and to what the GPU can do at all.

The checks find mistakes, mix-ups and edited files. Who knows this code can write a file that passes: nothing that runs
on a stranger's machine can prevent that, and no claim to is made.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nanonet_benchmarks.bundle.plan import VERSION, digest
from nanonet_benchmarks.machine import crossings, devices, roofline
from nanonet_benchmarks.machine.devices import Device, recognise
from nanonet_benchmarks.record import Record, Row

SLACK = 1.1  # above a data sheet's peak: clocks may exceed the boost clock of the sheet by some per cent
CACHE = 8.0  # operands in L2 come faster than from memory: by so many times at most
ALLOWED = ("measured", "skipped")


def merge(record: Record, results: Record, plan: dict[str, Any] | None = None) -> Record:
    """`record` with the rows of `results`, which replace those that are about the same thing.

    With `plan` the results must be of that very bundle. ValueError in one line for what cannot be.
    """
    sent = checked_plan(results, plan)
    for row in results.rows:
        check(row, sent, results.machine)
    new = {row.key: row for row in results.rows}
    rows = [*(row for row in record.rows if row.key not in new), *new.values()]
    origin = {
        "digest": results.more["bundle"]["digest"],
        "machine": results.machine,
        "made": results.more.get("made", ""),
    }
    others = [one for one in record.more.get("merged", []) if one["machine"].get("id") != results.machine.get("id")]
    even = crossings.entries(rows, devices.DEVICES, roofline.host_copy(rows)) or record.more.get("break_even", [])
    return replace(record, rows=rows, more=record.more | {"merged": [*others, origin], "break_even": even})


def checked_plan(results: Record, plan: dict[str, Any] | None) -> dict[str, Any]:
    """The plan that the results say they are of, after its digest was found right."""
    bundle = results.more.get("bundle")
    if not isinstance(bundle, dict) or not {"digest", "plan"} <= set(bundle):
        raise ValueError("merge: expected results of a bundle, got a file without its plan; run: nanonet bench bundle")
    sent = bundle["plan"]
    if not isinstance(sent, dict) or sent.get("version") != VERSION:
        raise ValueError("merge: the plan is of another version; make the bundle again and measure again")
    if bundle["digest"] != digest(sent):
        raise ValueError("merge: the plan is not the one of the digest: the file was changed after it was written")
    if plan is not None and digest(plan) != bundle["digest"]:
        raise ValueError("merge: these results are of another bundle than the one given")
    return sent


def check(row: Row, plan: dict[str, Any], machine: dict[str, Any]) -> None:
    """ValueError in one line where a row cannot be what it says. The schema has been checked when it was loaded."""
    where = f"merge: {row.workload} {row.size} {row.variant}"
    if row.evidence not in ALLOWED:
        raise ValueError(f"{where}: a bundle's rows are {' or '.join(ALLOWED)}, got {row.evidence}")
    item = planned(row, plan)
    if item is None:
        raise ValueError(f"{where}: is not in the bundle's plan")
    if row.evidence == "skipped":
        return
    names = [one["name"] for one in machine["gpu"]["devices"]]
    if row.device.removeprefix("cuda: ") not in names:
        raise ValueError(f"{where}: measured on {row.device}, but that machine has {', '.join(names) or 'no GPU'}")
    samples = [s for process in row.samples for s in process]
    if not samples or not all(isinstance(s, float | int) and math.isfinite(s) and s > 0 for s in samples):
        raise ValueError(f"{where}: expected samples above 0 s, got {'none' if not samples else 'others'}")
    median = statistics.median(samples)
    if row.median is None or not math.isclose(row.median, median, rel_tol=1e-6):
        raise ValueError(f"{where}: says a median of {row.median} s, its samples have {median} s")
    if row.error is None or row.bound is None or not row.error <= row.bound:
        raise ValueError(f"{where}: was timed without a right result: error {row.error}, allowed {row.bound}")
    if not row.phase and (row.flops, row.bytes) != (item["flops"], item["bytes"]):
        raise ValueError(f"{where}: counts other operations or bytes than the plan")
    device = recognise(row.device)
    if device is not None:
        _possible(row, device, min(samples), where)


def planned(row: Row, plan: dict[str, Any]) -> dict[str, Any] | None:
    """The plan's entry for a row."""
    same = [one for one in plan["work"] if one["workload"] == row.workload and one["size"] == row.size]
    return next((one for one in same if row.variant in one["variants"]), None)


def _possible(row: Row, device: Device, seconds: float, where: str) -> None:
    """No kernel computes faster than the peak of its GPU, or moves bytes faster than its memory and caches."""
    peak = max(device.fp16, device.tf32 or 0.0, device.fp32)
    if row.flops and row.flops / seconds > SLACK * peak:
        raise ValueError(f"{where}: {row.flops / seconds / 1e12:.0f} TFLOP/s is more than the {device.name} can do")
    most = device.bandwidth * (SLACK if row.cache == "cold" else CACHE)
    if row.bytes and row.bytes / seconds > most:
        raise ValueError(f"{where}: {row.bytes / seconds / 1e12:.1f} TB/s is more than the {device.name} can move")


def plan_of(bundle: Path) -> dict[str, Any]:
    """The plan inside a bundle. ValueError where the file is none."""
    import zipfile

    try:
        with zipfile.ZipFile(bundle) as archive:
            return json.loads(archive.read("plan.json"))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ValueError(f"{bundle}: expected a file of nanonet bench bundle, got something else ({error})") from error


def summary(rows: Sequence[Row]) -> str:
    """ "12 rows measured on NVIDIA L4, 3 skipped"."""
    devices_ = ", ".join(dict.fromkeys(row.device.removeprefix("cuda: ") for row in rows if row.evidence == "measured"))
    measured = sum(row.evidence == "measured" for row in rows)
    return f"{measured} rows measured on {devices_ or 'nothing'}, {len(rows) - measured} skipped"
