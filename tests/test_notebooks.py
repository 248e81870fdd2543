"""The course: every notebook runs from top to bottom, and prints what is stored in it."""

from __future__ import annotations

import copy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests import notebooks
from tests.notebooks import FOLDER, LIMIT, ROOT, changes, read, shown, sources, text_changes, unfounded, unpaired

SOURCES = sources()
JUPYTER = all(map(find_spec, ("jupytext", "nbclient", "ipykernel")))  # else sources run as plain scripts
needs_jupyter = pytest.mark.skipif(not JUPYTER, reason="needs pip install '.[notebooks]'")
each_source = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)


def test_the_course_is_numbered_without_gaps() -> None:
    assert [path.name[:2] for path in SOURCES] == [f"{i:02}" for i in range(1, len(SOURCES) + 1)]
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == {path.stem for path in SOURCES}


@each_source
def test_a_notebook_runs_and_prints_what_is_stored(path: Path) -> None:
    if not JUPYTER:
        assert_prints(path)
        return
    fresh = notebooks.execute(path)
    stored = read(path.with_suffix(".ipynb"))
    assert unpaired(fresh, stored) == [], "run: python -m tests.notebooks"
    assert changes(stored, fresh) == [], "run: python -m tests.notebooks, and read what has changed"


def assert_prints(path: Path) -> None:
    """Without Jupyter: the source as a script prints what the notebook's cells have printed."""
    import json

    done = subprocess.run([sys.executable, str(path)], cwd=FOLDER, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0, done.stderr
    cells = json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"]
    outputs = [o for cell in cells for o in cell.get("outputs", ()) if o.get("name") == "stdout"]
    assert list(text_changes("".join("".join(o["text"]) for o in outputs), done.stdout, 0.05)) == []


@needs_jupyter
@each_source
def test_a_notebook_is_small_clean_and_keeps_its_promises(path: Path) -> None:
    text = path.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert len(text) < 400_000
    for place in (str(ROOT), str(Path.home()), "site-packages", " at 0x"):
        assert place not in text, f"{place} is of the machine that ran it"
    stored = read(path.with_suffix(".ipynb"))
    assert not [
        kind for c in stored.cells if c.cell_type == "code" for kind, _ in shown(c) if kind in ("error", "stderr")
    ]
    assert unfounded(stored) == [], "a number in the prose must be in the code or be printed by it"
    assert 2 <= sum("exercises.check(" in c.source for c in stored.cells) <= 4


# What the checks find


def example() -> Any:
    return read(SOURCES[0].with_suffix(".ipynb"))


def first_output(notebook: Any) -> Any:
    return next(o for c in notebook.cells if c.cell_type == "code" for o in c.outputs if o.output_type == "stream")


@needs_jupyter
def test_a_changed_number_is_noticed() -> None:
    stored, fresh = example(), example()
    assert changes(stored, fresh) == []
    output = first_output(stored)
    number = notebooks.NUMBER.search(output.text)
    output.text = f"{output.text[: number.start()]}{float(number[0]) + 1:.3f}{output.text[number.end() :]}"
    assert len(changes(stored, fresh)) == 1


@needs_jupyter
def test_a_changed_word_and_a_lost_output_are_noticed() -> None:
    for spoil in (lambda o: o.update(text=o.text + "one more"), lambda o: o.update(name="stderr")):
        stored = example()
        spoil(first_output(stored))
        assert len(changes(stored, example())) == 1


@needs_jupyter
def test_a_changed_cell_is_noticed() -> None:
    source, stored = read(SOURCES[0]), example()
    assert unpaired(source, stored) == []
    stored.cells[1].source += "\n# changed"
    assert unpaired(source, stored) == ["cell 2 differs"]
    del stored.cells[0]
    assert "cells" in unpaired(source, stored)[0]


@needs_jupyter
def test_a_number_in_the_prose_that_nothing_computes_is_noticed() -> None:
    notebook = copy.deepcopy(example())
    cell = next(c for c in notebook.cells if c.cell_type == "markdown")
    cell.source += "\nThe result is 98.76543."
    assert unfounded(notebook) == ["98.76543"]


@pytest.mark.parametrize(
    ("stored", "fresh", "same"),
    [
        ("loss 0.1234", "loss 0.1235", True),  # one unit of the last digit
        ("loss 0.1234", "loss 0.1236", False),
        ("12345.678", "12345.9", True),  # 1e-4
        ("12345.678", "12348.9", False),
        ("3 steps", "4 steps", False),
        ("1.5e-07", "1.6e-07", True),
        ("1.5e-07", "1.5e-08", False),
        ("-0.5", "0.5", False),
        ("w1 = 2", "w2 = 2", False),
        ("nan", "1.0", False),
    ],
)
def test_what_counts_as_the_same(stored: str, fresh: str, same: bool) -> None:
    assert (list(text_changes(stored, fresh, notebooks.TOLERANCE[""])) == []) is same


def test_rough_numbers_may_differ_a_little_and_times_altogether() -> None:
    assert list(text_changes("0.97 in 3 s", "0.95 in 3 s", 0.05)) == []
    assert list(text_changes("0.97", "0.85", 0.05))
    assert list(text_changes("took 3.0 s", "took 99.0 s", notebooks.TOLERANCE["timing"])) == []
