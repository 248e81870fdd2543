"""The tour's first part: D2's network (128-64-10) learns scikit-learn's digits, as `nanonet train digits` does it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanonet.program import Reading, Run, Settings, open_source, train
from nanonet.program.network import probabilities
from nanonet.training import History


@dataclass(frozen=True)
class Misread:
    """A test image (8, 8) from 0 to 1 that was taken for another digit, and the probability given to that."""

    image: np.ndarray
    true: str
    called: str
    probability: float


@dataclass(frozen=True)
class Digits:
    """What training came to. `rows`: how many images it was trained, validated and tested on."""

    history: History
    figures: dict[str, float]
    confusion: np.ndarray
    misread: list[Misread]
    rows: tuple[int, int, int]
    folder: Path


def learn(folder: Path, epochs: int) -> Digits:
    """Train with seed 0 and write the folder of the run, which `nanonet predict` can use."""
    settings = Settings(epochs=epochs, validation_split=0.1)
    source = open_source("digits", Reading(), settings.seed)
    outcome = train(source, settings, Run(folder), overwrite=True)
    p = probabilities(outcome.outputs, "multiclass")
    called, true = p.argmax(axis=1), source.test[1]
    columns = source.preprocessor.columns  # the network sees standardised pixels; people want to see ink
    mean, std = (np.array([getattr(column, name) for column in columns]) for name in ("mean", "std"))
    images = (source.test[0] * std + mean).clip(0, 1).reshape(-1, 8, 8)
    misread = [
        Misread(images[i], str(true[i]), str(called[i]), float(p[i].max())) for i in np.flatnonzero(called != true)
    ]
    n = len(source.train[0])
    held_out = n - int(n * (1 - settings.validation_split))
    assert outcome.confusion is not None, "digits are classes"
    rows = (n - held_out, held_out, len(source.test[0]))
    return Digits(outcome.history, outcome.figures, outcome.confusion, misread, rows, folder)
