"""Where the numbers come from: a CSV file or a data set by name, split into 80 % to train on and 20 % to test on."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nanonet.data import NamedData, Preprocessor, Table, load, loss_target, names, read_csv, train_test_split
from nanonet.data.preprocess import Numeric
from nanonet.data.table import as_text

TEST_SHARE = 0.2
Part = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Reading:
    """How a CSV file is read: see `nanonet.data.read_csv`."""

    target: str | None = None
    task: str | None = None
    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    decimal: str = "."
    header: bool | None = None
    encoding: str = "utf-8"


@dataclass(frozen=True)
class Source:
    """Data ready for a network.

    name            a data set's name, or the path of a file
    train, test     (x, y): x (N, D) float32, y in the form of the task's loss
    preprocessor    how a row of a file becomes a row of x, and an output becomes an answer
    image_shape     (H, W) where each row is an image
    notes           what the reader of a CSV file should know
    """

    name: str
    train: Part
    test: Part
    preprocessor: Preprocessor
    image_shape: tuple[int, int] | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def task(self) -> str:
        return self.preprocessor.task

    @property
    def classes(self) -> tuple[str, ...]:
        return self.preprocessor.classes

    @property
    def outputs(self) -> int:
        """Output units: one per class; a single one for two classes or a number."""
        return len(self.classes) if self.task == "multiclass" else 1

    def fingerprint(self) -> str:
        """SHA-256 of all numbers: the same data, split alike."""
        digest = hashlib.sha256()
        for array in (*self.train, *self.test):
            digest.update(np.ascontiguousarray(array).view(np.uint8).reshape(-1).data)
        return digest.hexdigest()

    def __str__(self) -> str:
        rows = f"{len(self.train[0]):,} rows to train on, {len(self.test[0]):,} to test on"
        named = f"{self.task}: {', '.join(self.classes)}" if self.classes else self.task
        goal = named if len(named) <= 60 else f"{self.task}, {len(self.classes)} classes"
        return f"{self.name}: {rows}, {self.train[0].shape[1]} inputs, {goal}"


def open_source(name: str, reading: Reading, seed: int) -> Source:
    """The data set called `name`, or the CSV file there. Raises ValueError or OSError, one line, for anything else."""
    if name in names():
        if reading != Reading():
            given = [f"--{key}" for key, value in asdict(Reading()).items() if getattr(reading, key) != value]
            raise ValueError(f"{', '.join(given)}: only for CSV files; {name} is a data set with fixed columns")
        return _of_named(name, seed)
    if not Path(name).exists() and not Path(name).suffix:
        raise ValueError(
            f"there is no file {name!r}, and no data set of this name; the data sets: {', '.join(names())}"
        )
    return _of_table(name, read_csv(name, **asdict(reading)), seed)


def _of_named(name: str, seed: int) -> Source:
    data = load(name)
    if data.image_shape is None:
        return _of_table(name, as_table(data), seed)
    if name == "mnist":  # it comes with a test part
        test = load(name, split="test")
        parts = [data.x, test.x, data.y, test.y]
    else:
        parts = train_test_split(data.x, data.y, test_size=TEST_SHARE, seed=seed, stratify=data.y)
    x, x_test, y, y_test = parts
    preprocessor, mean, std = _pixels(x, data)
    x_y, x_y_test = [
        ((part - mean) / std, loss_target(labels, data.task)) for part, labels in ((x, y), (x_test, y_test))
    ]
    return Source(name, x_y, x_y_test, preprocessor, data.image_shape)


def _of_table(name: str, table: Table, seed: int) -> Source:
    _refuse_rare_classes(table)
    train, test = table.split(TEST_SHARE, seed)
    preprocessor = Preprocessor.fit(train, scale_target=True)
    x_y, x_y_test = [(preprocessor.transform(part), preprocessor.labels(part)) for part in (train, test)]
    return Source(name, x_y, x_y_test, preprocessor, notes=table.notes)


def _refuse_rare_classes(table: Table) -> None:
    """Every class must be in both parts."""
    if not table.classes:
        return
    named, counts = np.unique(as_text(table.columns[str(table.target)]).astype(str), return_counts=True)
    if counts.min() < 2:
        rare = str(named[counts.argmin()])
        raise ValueError(
            f"{table.path}: class {rare!r} is in 1 row; at least 2 are needed, to train on and to test on: "
            "remove the row, or join rare classes (or say --task regression, if the target is a quantity)"
        )
    tested = math.ceil(TEST_SHARE * len(table))
    if tested < len(named):
        raise ValueError(f"{table.path}: {len(named)} classes are too many for {tested} rows to test on; add rows")


def as_table(data: NamedData) -> Table:
    """A named set as if it had been read from a file with these columns and one called "target"."""
    columns: dict[str, np.ndarray] = {
        feature: data.x[:, i].astype(np.float64) for i, feature in enumerate(data.feature_names)
    }
    y: Any = data.y.reshape(-1)
    columns["target"] = np.array(data.classes, object)[y] if data.classes else y.astype(np.float64)
    return Table(data.name, columns, "target", data.task, np.arange(1, len(data) + 1))


def _pixels(x: np.ndarray, data: NamedData) -> tuple[Preprocessor, np.ndarray, np.ndarray]:
    """Standardised pixels: the preprocessing, and each pixel's mean and standard deviation over the training images.

    A deviation counts as at least 0.1 (pixels are from 0 to 1), so that one that is nearly always dark is not blown up.
    """
    mean, std = x.mean(0), np.maximum(x.std(0), np.float32(0.1))
    columns = tuple(
        Numeric(f"pixel {i}", 0.0, None, None, float(m), float(s))
        for i, (m, s) in enumerate(zip(mean, std, strict=True))
    )
    return Preprocessor(columns, "target", data.task, data.classes), mean, std
