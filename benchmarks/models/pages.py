"""The records' figures for the pages in docs/models: between two marks, made from the record, never written by hand.

    python -m nanonet_benchmarks.models.pages           # write the blocks of all pages anew

A page has a block `<!-- figures:NAME -->` … `<!-- end -->` for each recipe it is about; docs/models/README.md has
`<!-- summary -->` … `<!-- end -->`.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

RECORDS = Path("benchmarks/results/models")
PAGES = Path("docs/models")
BLOCK = re.compile(r"(<!-- (?:figures:(?P<name>\w+)|summary) -->\n).*?(<!-- end -->)", re.DOTALL)


def figures(record: dict[str, Any]) -> str:
    """The table of one record, the agreement and the time."""
    runs = [record["runs"][seed] for seed in sorted(record["runs"], key=int)]
    rows = ["| on held-out data | nanonet | PyTorch |", "| --- | --: | --: |"]
    for name in runs[0]["ours"]["figures"]:
        cells = [spread([run[side]["figures"][name] for run in runs]) for side in ("ours", "twin")]
        rows.append(f"| {name.replace('_', ' ')} | {cells[0]} | {cells[1]} |")
    seeds = "" if len(runs) == 1 else f" Mean ± standard deviation of {len(runs)} seeds."
    return "\n".join([*rows, "", f"{agreement(record)} {seconds(runs, record)}{seeds}", ""])


def agreement(record: dict[str, Any]) -> str:
    """How far the losses of both sides lie apart."""
    parts = [f"{found['worst']:.0e} in {dtype}" for dtype, found in record["agreement"].items()]
    steps = len(record["agreement"]["float32"]["ours"])
    other = record["agreement"]["float32"].get("settings", {})
    given = ", ".join(f"`{name}={value:g}`" for name, value in other.items() if "drop" not in name)
    begin = f"From the same weights, on the same batches{f', with {given},' if given else ''} the losses"
    return f"{begin} of the first {steps} steps differ by at most {' and '.join(parts)} (relative)."


def seconds(runs: list[dict[str, Any]], record: dict[str, Any]) -> str:
    ours, twin = (spread([run[side]["cpu_seconds"] for run in runs], 3) for side in ("ours", "twin"))
    return f"Processor time for the training: {ours} s and {twin} s ({record['machine']['cpu']}, shared)."


def spread(values: list[float], digits: int = 4) -> str:
    """The value, or mean ± standard deviation."""
    mean = statistics.fmean(values)
    if len(values) == 1 or len(set(values)) == 1:
        return number(mean, digits)
    return f"{number(mean, digits)} ± {number(statistics.stdev(values), 2)}"


def number(value: float, digits: int) -> str:
    if value != value:
        return "—"
    text = f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:,.0f}"
    return f"{float(text.replace(',', '')):,.0f}" if "e+" in text else text


def summary(records: dict[str, dict[str, Any]]) -> str:
    """A line for each recipe: its first figure."""
    rows = ["| network | figure | nanonet | PyTorch |", "| --- | --- | --: | --: |"]
    for name, record in records.items():
        runs = list(record["runs"].values())
        first = next(iter(runs[0]["ours"]["figures"]))
        cells = [spread([run[side]["figures"][first] for run in runs]) for side in ("ours", "twin")]
        rows.append(f"| `{name}` | {first.replace('_', ' ')} | {cells[0]} | {cells[1]} |")
    return "\n".join([*rows, ""])


def filled(page: str, records: dict[str, dict[str, Any]]) -> str:
    """The page with its blocks as the records say. A block without a record says so."""

    def block(match: re.Match[str]) -> str:
        name = match["name"]
        if name and name not in records:
            return f"{match[1]}(Not measured yet.)\n{match[3]}"
        return match[1] + (figures(records[name]) if name else summary(records)) + match[3]

    return BLOCK.sub(block, page)


def links(page: str) -> list[str]:
    """The files that a page links to or shows."""
    return [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", page) if "://" not in link and link[0] != "#"]


def complete(record: dict[str, Any]) -> bool:
    """Have both sides run to the end, with at least one seed?"""
    return bool(record["runs"]) and all({"ours", "twin"} <= run.keys() for run in record["runs"].values())


def read_records(folder: Path, order: Callable[[str], int]) -> dict[str, dict[str, Any]]:
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}
    return {name: found[name] for name in sorted(found, key=order) if complete(found[name])}


def main() -> None:
    from nanonet import recipes

    records = read_records(RECORDS, list(recipes.names()).index)
    for path in sorted(PAGES.glob("*.md")):
        before = path.read_text(encoding="utf-8")
        after = filled(before, records)
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(path)


if __name__ == "__main__":
    main()
