"""Predict for the rows of a CSV file with a model that `train` wrote."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanonet.data import Preprocessor, Table
from nanonet.program.folder import Run
from nanonet.program.network import probabilities
from nanonet.tensor import as_tensor
from nanonet.training.checkpoint import write_atomically
from nanonet.variable import no_grad


@dataclass(frozen=True)
class Predictions:
    """`header` and `rows` of texts, one row for each row of the file; the share that is right where the file has the
    target of a classification, else None; `notes` about the file."""

    header: list[str]
    rows: list[list[str]]
    accuracy: float | None
    notes: list[str]

    def save(self, path: Path) -> None:
        """Write them as a CSV file, complete or not at all."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.header)
        writer.writerows(self.rows)
        write_atomically(path, text.getvalue().encode())


def predict(run: Run, path: str) -> Predictions:
    """Predictions for a file with the columns that the model was trained on.

    Classes: the class and its probability, then the probability of each class. Numbers: the value in the target's
    unit. Raises ValueError or OSError, one line, for a damaged folder and for a file that does not fit.
    """
    model, preprocessor, network = run.load()
    table = preprocessor.read_csv(path, header=model["reading"]["header"], encoding=model["reading"]["encoding"])
    with no_grad():
        outputs = network(as_tensor(preprocessor.transform(table))).numpy()
    if preprocessor.task == "regression":
        rows = [[f"{value:.6g}"] for value in preprocessor.decode(outputs)]
        return Predictions([preprocessor.target], rows, None, table.notes)
    p = probabilities(outputs, preprocessor.task)
    p = np.concatenate([1 - p, p], axis=1) if preprocessor.task == "binary" else p
    best = p.argmax(axis=1)
    names = np.array(preprocessor.classes, object)[best]
    rows = [
        [name, f"{chances[i]:.6f}", *(f"{chance:.6f}" for chance in chances)]
        for name, i, chances in zip(names, best, p, strict=True)
    ]
    right, notes = _share_right(preprocessor, table, best)
    header = ["class", "probability", *(f"p({name})" for name in preprocessor.classes)]
    return Predictions(header, rows, right, [*table.notes, *notes])


def _share_right(preprocessor: Preprocessor, table: Table, best: np.ndarray) -> tuple[float | None, list[str]]:
    """The share of right classes, where the file tells; a target that is unknown there must not stop a prediction."""
    if not table.target:
        return None, []
    try:
        return float(np.mean(preprocessor.labels(table).reshape(-1) == best)), []
    except ValueError as error:
        return None, [f"not compared with the target: {error}"]
