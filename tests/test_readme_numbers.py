"""The numbers that README prints are those of the records and runs they come from."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nanonet as nt

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def checkers_table(text: str) -> tuple[dict[str, list[str]], dict[str, Any]]:
    """The rows of "Gradient checkers side by side", and the record that it links to."""
    part = text.split("## Gradient checkers side by side")[1].split("\n## ")[0]
    link = re.findall(r"\((benchmarks/results/gradcorpus[^)]*\.json)\)", part)[0]
    rows = [[cell.strip() for cell in line.strip("|\n ").split("|")] for line in part.splitlines() if line[:1] == "|"]
    return {row[0]: row[1:] for row in rows[2:]}, json.loads((ROOT / link).read_text(encoding="utf-8"))


def disagreements(text: str) -> list[str]:
    """Cells of the table that are not what the record says."""
    rows, record = checkers_table(text)
    found = []
    for tool, figures in record["summary"].items():
        first, *rest = tool.split(", ")
        row = next((cells for name, cells in rows.items() if _same(name, first, rest)), None)
        wanted = ["{} of {}".format(*figures[part]) for part in ("wrong_passed", "right_failed", "kinks")]
        wanted += [str(figures["undecided"]), str(figures["errors"])]
        if row != wanted:
            found.append(f"{tool}: README has {row}, the record {wanted}")
    return found


def _same(name: str, tool: str, mode: list[str]) -> bool:
    words = re.sub(r"[`]|\d[\d.]*", "", name).split(", ")
    return words[0].split() == tool.split() and words[1:] == mode


def test_the_table_of_gradient_checkers_is_the_record() -> None:
    assert disagreements(README) == []


def test_a_changed_number_is_noticed() -> None:
    changed = README.replace("20 of 253", "19 of 253", 1)
    assert changed != README
    assert len(disagreements(changed)) == 1


def test_the_numbers_around_the_table_are_the_record() -> None:
    _, record = checkers_table(README)
    ours = record["summary"]["nanonet"]
    labels = [case["label"] for case in record["cases"].values()]
    counts = [len(labels), labels.count("wrong"), labels.count("right"), len(labels)]
    counts[3] -= counts[1] + counts[2]
    assert "{} pairs".format(*counts) in README
    assert "{1} wrong in a named way, {2} right, {3} at kinks".format(*counts) in README
    assert "({} of {})".format(*ours["causes"]) in README
    seconds = [one["seconds"] for name, one in record["summary"].items() if not name.startswith("nanonet")]
    said = re.findall(r"([\d.]+) to (\d+) s for all of it, ours takes (\d+)", README)[0]
    assert [float(x) for x in said] == pytest.approx([min(seconds), max(seconds), ours["seconds"]], rel=0.15)


def test_the_diagnosis_in_the_example_is_what_comes_out() -> None:
    code, said = re.findall(r"```python\n(import numpy as np\n.*?)# (fail:.*?)\n", README, re.S)[0]
    scope: dict[str, Any] = {"nt": nt}
    np.random.seed(0)
    exec(code.replace("print(", "report = ("), scope)
    printed = " ".join(str(scope["report"]).split())
    place = 0
    for part in said.split("…"):
        place = printed.index(part.strip(), place)
