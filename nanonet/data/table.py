"""Tables from CSV files, as D0's program needs them: typed columns, a target, missing cells known."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nanonet.data.csv_file import Cells, read_cells
from nanonet.data.split import split_indices

MISSING = ("", "NA", "N/A", "NaN", "null", "?")
TASKS = ("binary", "multiclass", "regression")
MOSTLY = 0.9  # a column with this share of numbers is meant to hold numbers


@dataclass
class Table:
    """Columns of one length.

    path       the file
    columns    name -> float64 values with NaN for missing ones (a numeric column), or texts with None (categorical);
               the target is among them
    target     the name of the column to predict, or None where the file has none
    task       "binary", "multiclass" or "regression"; None without a target
    lines      the line of the file where each row begins
    notes      what the reader should know, such as columns that were ignored
    missing, decimal   how cells were read: files to predict from are read alike
    """

    path: str
    columns: dict[str, np.ndarray]
    target: str | None
    task: str | None
    lines: np.ndarray
    notes: list[str] = field(default_factory=list)
    missing: tuple[str, ...] = MISSING
    decimal: str = "."

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def names(self) -> list[str]:
        """The columns to predict from."""
        return [name for name in self.columns if name != self.target]

    @property
    def numeric(self) -> list[str]:
        return [name for name in self.names if is_numeric(self.columns[name])]

    @property
    def categorical(self) -> list[str]:
        return [name for name in self.names if not is_numeric(self.columns[name])]

    @property
    def classes(self) -> list[str]:
        """The target's values as text, in the order of their class indices; empty for regression."""
        if self.target is None or self.task == "regression":
            return []
        return class_names(self.columns[self.target])

    def rows(self, indices: Any) -> Table:
        """The table of these rows only."""
        columns = {name: values[indices] for name, values in self.columns.items()}
        return replace(self, columns=columns, lines=self.lines[indices])

    def split(self, test_size: float | int = 0.2, seed: int | None = None) -> tuple[Table, Table]:
        """Training and test part; for classes, each has the same share in both."""
        labels = None
        if self.classes:
            index = {name: i for i, name in enumerate(self.classes)}
            labels = [index[text] for text in as_text(self.columns[self.target])]  # type: ignore[index]
        train, test = split_indices(len(self), test_size, seed, labels)
        return self.rows(train), self.rows(test)

    def __str__(self) -> str:
        missing = sum(int(is_missing(self.columns[name]).sum()) for name in self.names)
        goal = f"target {self.target!r} ({self.task}{': ' if self.classes else ''}{', '.join(self.classes)})"
        return (
            f"{self.path}: {len(self)} rows, {len(self.numeric)} numeric and {len(self.categorical)} categorical "
            f"columns, {missing} cells missing, {goal if self.target else 'no target'}"
        )


def read_csv(
    path: str | os.PathLike[str],
    target: str | None = None,
    *,
    task: str | None = None,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    missing: Sequence[str] = MISSING,
    delimiter: str | None = None,
    decimal: str = ".",
    header: bool | None = None,
    encoding: str = "utf-8",
) -> Table:
    """A CSV file as a Table.

    target       the column to predict; None: the last one
    task         "binary", "multiclass" or "regression"; None finds it: texts, and integers of at most 20 values
                 which repeat, are classes (binary if there are two); other numbers are regression
    drop         columns to leave out
    categorical  columns that hold codes, not quantities, though they look like numbers
    missing      cells that mean "not known", in any case
    delimiter, header, encoding: see `read_cells`; decimal: "." or ","

    A column is numeric where all its known cells are numbers. Raises FileNotFoundError, and ValueError (one line with
    file, line and column) for what `read_cells` refuses, an unknown column name, a column without any known cell, a
    cell that is no number in a column of numbers, infinite numbers, a missing target, a target of one value.
    """
    cells = read_cells(path, delimiter, header, encoding)
    target = cells.names[-1] if target is None else target
    for asked in (target, *drop, *categorical):
        if asked not in cells.names:
            raise ValueError(f"{cells.path}: there is no column {asked!r}; the columns are {', '.join(cells.names)}")
    if target in drop:
        raise ValueError(f"{cells.path}: the target {target!r} is among the columns to drop")
    parser = Parser(cells, missing, decimal)
    columns = {
        name: parser.column(name, None if name not in categorical else False)
        for name in cells.names
        if name not in drop
    }
    if len(columns) < 2:
        raise ValueError(f"{cells.path}: besides the target {target!r} there is no column to predict from")
    table = Table(cells.path, columns, target, None, np.array(cells.lines), cells.notes, tuple(missing), decimal)
    table.task = find_task(table, task)
    if table.task != "regression":
        columns[target] = as_text(columns[target])
    return table


@dataclass
class Parser:
    """Makes columns of cells."""

    cells: Cells
    missing: Sequence[str] = MISSING
    decimal: str = "."

    def __post_init__(self) -> None:
        if self.decimal not in (".", ","):
            raise ValueError(f"decimal: expected '.' or ',', got {self.decimal!r}")
        self.unknown = {marker.lower() for marker in self.missing}

    def column(self, name: str, numeric: bool | None) -> np.ndarray:
        """The column's values. numeric: whether it must hold numbers; None finds out, and refuses an empty column."""
        where = self.cells.names.index(name)
        texts = [row[where] for row in self.cells.rows]
        known = [i for i, text in enumerate(texts) if text.lower() not in self.unknown]
        if numeric is None and not known:
            raise ValueError(f"{self.cells.path}: column {name!r} has no value in any row; drop it")
        found = {i: self._number(texts[i]) for i in known} if numeric is not False else {}
        wrong = [i for i, number in found.items() if number is None]
        if numeric is None:
            self._refuse_mixture(name, texts, known, wrong)
            numeric = not wrong
        if not numeric:
            values = np.full(len(texts), None, dtype=object)
            values[known] = [texts[i] for i in known]
            return values
        if wrong:
            raise ValueError(f"{self._place(wrong[0], name)}: expected a number, got {texts[wrong[0]]!r}")
        values = np.full(len(texts), np.nan)
        values[known] = [found[i] for i in known]
        infinite = np.flatnonzero(np.isinf(values))
        if infinite.size:
            raise ValueError(
                f"{self._place(infinite[0], name)}: {texts[infinite[0]]!r} is infinite; "
                "leave the cell empty if it is not known"
            )
        return values

    def _refuse_mixture(self, name: str, texts: list[str], known: list[int], wrong: list[int]) -> None:
        """A few typing errors must not turn a column of numbers into hundreds of categories."""
        if not wrong:
            return
        place = f"{self._place(wrong[0], name)}: {texts[wrong[0]]!r}"
        if self.decimal == "." and "," in texts[wrong[0]]:
            swapped = [replace(self, decimal=",")._number(texts[i]) for i in known]
            if sum(number is not None for number in swapped) >= MOSTLY * len(known):
                raise ValueError(f"{place} has a decimal comma; pass decimal=','")
        numbers = len(known) - len(wrong)
        if numbers >= MOSTLY * len(known):
            raise ValueError(
                f"{place} is no number, while {numbers} cells of the column are; correct it, add it to missing=…, "
                f"or say categorical=[{name!r}]"
            )

    def _number(self, text: str) -> float | None:
        if "_" in text or (self.decimal == "," and "." in text):  # Python's 1_000 is no number in a CSV
            return None
        text = text.replace(self.decimal, ".")
        try:
            number = float(text)
        except ValueError:
            return None
        return None if math.isnan(number) else number

    def _place(self, row: int, name: str) -> str:
        return f"{self.cells.path}, line {self.cells.lines[row]}, column {name!r}"


def find_task(table: Table, task: str | None) -> str:
    """The task that the target's values call for, or `task` if they allow it."""
    if task is not None and task not in TASKS:
        raise ValueError(f"task: expected one of {', '.join(TASKS)}, got {task!r}")
    place = f"{table.path}, column {table.target!r}"
    values = table.columns[table.target]  # type: ignore[index]
    unknown = np.flatnonzero(is_missing(values))
    if unknown.size:
        line = table.lines[unknown[0]]
        raise ValueError(
            f"{table.path}, line {line}, column {table.target!r}: the target is missing; fill it in or remove the row"
        )
    distinct = len(set(values.tolist()))
    if distinct < 2:
        raise ValueError(f"{place}: the target is {values[0]!s} in every row; there is nothing to learn")
    if task is None:
        whole = is_numeric(values) and bool((values == np.round(values)).all())
        if is_numeric(values) and distinct > 2 and not (whole and distinct <= min(20, len(values) // 2)):
            return "regression"
        return "binary" if distinct == 2 else "multiclass"
    if task == "regression" and not is_numeric(values):
        raise ValueError(f"{place}: regression needs numbers, the target has texts such as {values[0]!r}")
    if task == "binary" and distinct != 2:
        raise ValueError(f"{place}: a binary target has two values, this one has {distinct}")
    return task


def is_numeric(values: np.ndarray) -> bool:
    return values.dtype.kind == "f"


def is_missing(values: np.ndarray) -> np.ndarray:
    return np.isnan(values) if is_numeric(values) else np.array([v is None for v in values], bool)


def as_text(values: np.ndarray) -> np.ndarray:
    """Values of a target as texts: 1.0 as "1"."""
    return np.array([number_text(v) for v in values.tolist()], dtype=object) if is_numeric(values) else values


def number_text(number: float) -> str:
    return str(int(number)) if number.is_integer() else repr(number)


def class_names(values: np.ndarray) -> list[str]:
    """The distinct texts, sorted; as numbers where all of them are numbers."""
    distinct = sorted(set(values.tolist()))
    try:
        return sorted(distinct, key=float)
    except ValueError:
        return distinct
