"""Preprocessor: what was learned about a table's columns, so that later rows are treated alike; saved as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from nanonet.data.csv_file import read_cells
from nanonet.data.table import TASKS, Parser, Table, is_missing, is_numeric, number_text

FORMAT = "nanonet-preprocessor-1"


@dataclass(frozen=True)
class Numeric:
    """x → (clip(x, low, high) - mean) / std, with `median` for a missing x; mean and std are of the clipped values.

    low, high   None where nothing is clipped
    """

    name: str
    median: float
    low: float | None
    high: float | None
    mean: float
    std: float

    def clean(self, x: np.ndarray) -> np.ndarray:
        """Missing values filled in, outliers clipped."""
        filled = np.where(np.isnan(x), self.median, x)
        return filled if self.low is None else np.clip(filled, self.low, self.high)


@dataclass(frozen=True)
class Categorical:
    """x → one column for each category: 1 for its own, else 0. All are 0 for a missing and for an unseen category."""

    name: str
    categories: tuple[str, ...]


@dataclass(frozen=True)
class Preprocessor:
    """Cleaned, normalised, encoded: a Table becomes x (N, D) float32 and y, as fitted on the training rows.

    columns   a Numeric or a Categorical for each column to predict from
    target    the name of the target column
    task      "binary", "multiclass" or "regression"
    classes   the class names in the order of their indices; empty for regression
    shift, unit   y of a regression is (value - shift) / unit
    missing, decimal   how cells are read
    """

    columns: tuple[Numeric | Categorical, ...]
    target: str
    task: str
    classes: tuple[str, ...]
    shift: float = 0.0
    unit: float = 1.0
    missing: tuple[str, ...] = ()
    decimal: str = "."

    @classmethod
    def fit(
        cls, table: Table, outliers: float | None = 3.0, max_categories: int = 50, scale_target: bool = False
    ) -> Preprocessor:
        """Learn from the training rows.

        outliers       numbers are clipped to [Q1 - outliers·(Q3 - Q1), Q3 + outliers·(Q3 - Q1)], with the quartiles Q1
                       and Q3 of the known values; None, or equal quartiles: nothing is clipped
        scale_target   regression: y is standardised, and `decode` takes predictions back to the target's unit

        Raises ValueError for a table without a target, a column with no known value and one with too many categories.
        """
        if table.target is None or table.task is None:
            raise ValueError(f"{table.path}: the table has no target to learn")
        columns = tuple(
            _fit_numeric(table, name, outliers)
            if is_numeric(table.columns[name])
            else _fit_texts(table, name, max_categories)
            for name in table.names
        )
        shift, unit = 0.0, 1.0
        if scale_target and table.task == "regression":
            shift, unit = _moments(table.columns[table.target])
        return cls(
            columns, table.target, table.task, tuple(table.classes), shift, unit, tuple(table.missing), table.decimal
        )

    @property
    def feature_names(self) -> list[str]:
        """The name of every column of x: a numeric column's own, `name=category` for the others."""
        names: list[str] = []
        for column in self.columns:
            names += [column.name] if isinstance(column, Numeric) else [f"{column.name}={c}" for c in column.categories]
        return names

    def transform(self, table: Table) -> np.ndarray:
        """x (N, D), float32. Raises ValueError that lists the columns which `table` lacks, and for texts in place of
        numbers; columns that were not there in `fit` are ignored."""
        self._check_columns(table.path, list(table.columns))
        parts = [_encode(column, table) for column in self.columns]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def labels(self, table: Table) -> np.ndarray:
        """y: class indices (N,) int64 of a multiclass target; (N, 1) float32 for a binary (0 or 1) or a numeric one.

        Raises ValueError for a missing target, and for a class that was not there in `fit`.
        """
        if self.target not in table.columns:
            raise ValueError(f"{table.path}: there is no target column {self.target!r}")
        values = table.columns[self.target]
        unknown = np.flatnonzero(is_missing(values))
        if unknown.size:
            raise ValueError(
                f"{table.path}, line {table.lines[unknown[0]]}, column {self.target!r}: the target is missing"
            )
        if self.task == "regression":
            return loss_target((values - self.shift) / self.unit, self.task)
        index = {name: i for i, name in enumerate(self.classes)}
        found = [index.get(text, index.get(_canonical(text), -1)) for text in values.tolist()]
        if -1 in found:
            row = found.index(-1)
            raise ValueError(
                f"{table.path}, line {table.lines[row]}, column {self.target!r}: class {values[row]!r} is not among "
                f"those learned: {', '.join(self.classes)}"
            )
        return loss_target(np.array(found), self.task)

    def decode(self, y: Any) -> np.ndarray:
        """Predictions in the file's terms (N,): class names of class indices, or of the probability of a binary
        target's second class; a numeric target in its own unit."""
        y = np.asarray(y).reshape(-1)
        if self.task == "regression":
            return y * self.unit + self.shift
        if self.task == "multiclass" and not (y == y.astype(np.int64)).all():
            raise ValueError("decode: expected class indices (N,); take argmax of the network's outputs first")
        index = y >= 0.5 if self.task == "binary" else y
        return np.array(self.classes, dtype=object)[index.astype(np.int64)]

    def read_csv(
        self,
        path: str | os.PathLike[str],
        delimiter: str | None = None,
        header: bool | None = None,
        encoding: str = "utf-8",
    ) -> Table:
        """A file to predict from, or to evaluate on if it holds the target, with the kinds of columns that were fitted.

        Raises ValueError that lists the missing columns, and for a cell that should be a number. Further columns are
        ignored, which `notes` says.
        """
        cells = read_cells(path, delimiter, header, encoding)
        self._check_columns(cells.path, cells.names)
        parser = Parser(cells, self.missing, self.decimal)
        columns = {c.name: parser.column(c.name, isinstance(c, Numeric)) for c in self.columns}
        target = self.target if self.target in cells.names else None
        if target:
            columns[target] = parser.column(target, self.task == "regression")
        extra = [name for name in cells.names if name not in columns]
        notes = [f"ignored column(s) {', '.join(map(repr, extra))}, which the model does not know"] if extra else []
        task = self.task if target else None
        return Table(cells.path, columns, target, task, np.array(cells.lines), notes, self.missing, self.decimal)

    def to_json(self) -> str:
        """This, as JSON; `from_json` gives an equal one back."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1, allow_nan=False, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Preprocessor:
        """The Preprocessor that `to_json` wrote. Raises ValueError for anything else."""
        try:
            state = json.loads(text)
            if state.pop("format") != FORMAT:
                raise KeyError("format")
            for key in ("classes", "missing"):
                state[key] = tuple(state[key])
            state["columns"] = tuple(
                Numeric(**c) if "median" in c else Categorical(c["name"], tuple(c["categories"]))
                for c in state["columns"]
            )
            if state["task"] not in TASKS:
                raise KeyError("task")
            return cls(**state)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"Preprocessor.from_json: expected what to_json() wrote ({type(error).__name__}: {error})"
            ) from None

    def _check_columns(self, path: str, names: list[str]) -> None:
        absent = [column.name for column in self.columns if column.name not in names]
        if absent:
            raise ValueError(f"{path}: missing column(s) {_listed(map(repr, absent))}; the file has {_listed(names)}")


def loss_target(y: np.ndarray, task: str) -> np.ndarray:
    """y in the form that the task's loss takes: class indices (N,) int64 for cross-entropy over several classes;
    (N, 1) float32 for one output unit (binary cross-entropy, squared error)."""
    return y.astype(np.int64).reshape(-1) if task == "multiclass" else y.astype(np.float32).reshape(-1, 1)


def _fit_numeric(table: Table, name: str, outliers: float | None) -> Numeric:
    values = table.columns[name]
    known = values[~np.isnan(values)]
    if not known.size:
        raise ValueError(f"{table.path}: column {name!r} has no value in the training rows; drop it")
    first, median, third = (float(q) for q in np.quantile(known, [0.25, 0.5, 0.75]))
    column = Numeric(name, median, None, None, 0.0, 1.0)
    if outliers is not None and third > first:
        reach = outliers * (third - first)
        column = replace(column, low=first - reach, high=third + reach)
    mean, std = _moments(column.clean(values))
    return replace(column, mean=mean, std=std)


def _fit_texts(table: Table, name: str, max_categories: int) -> Categorical:
    categories = sorted({text for text in table.columns[name] if text is not None})
    if not categories:
        raise ValueError(f"{table.path}: column {name!r} has no value in the training rows; drop it")
    if len(categories) > max_categories:
        raise ValueError(
            f"{table.path}: column {name!r} has {len(categories)} different texts in {len(table)} rows, "
            f"more than max_categories = {max_categories}; drop it, or allow more"
        )
    return Categorical(name, tuple(categories))


def _moments(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation; 1 for a constant column, which then becomes 0."""
    size = float(np.abs(values).max()) or 1.0  # squares of large values must not overflow
    std = size * float(np.std(values / size))
    return size * float(np.mean(values / size)), std if std > 1e-12 * size else 1.0


def _encode(column: Numeric | Categorical, table: Table) -> np.ndarray:
    """(N, 1) or (N, number of categories)."""
    values = table.columns[column.name]
    if isinstance(column, Numeric) != is_numeric(values):
        expected, got = ("numbers", "texts") if isinstance(column, Numeric) else ("texts", "numbers")
        raise ValueError(
            f"{table.path}: column {column.name!r} should hold {expected}, it holds {got}; read the file with the "
            "Preprocessor's read_csv"
        )
    if isinstance(column, Categorical):
        return np.array([[text == c for c in column.categories] for text in values], float).reshape(len(values), -1)
    return ((column.clean(values) - column.mean) / column.std)[:, None]


def _canonical(text: str) -> str:
    """A number's usual text ("1" for "1.0"); other texts as they are."""
    try:
        return number_text(float(text))
    except ValueError:
        return text


def _listed(names: Iterable[str], most: int = 8) -> str:
    """All of a few names; of many the first ones, and how many more there are."""
    found = list(names)
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more
