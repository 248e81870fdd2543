"""The pictures in a run's folder."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np

from nanonet.program.measures import KINDS, confusion
from nanonet.program.source import Source
from nanonet.training import History, metrics


def pictures(source: Source, history: History, outputs: np.ndarray) -> dict[str, bytes]:
    """File name -> PNG: the curves of the training; then what suits the task."""
    made: dict[str, Any] = {"curves.png": history.plot()} if history.epochs else {}
    if source.task == "regression":
        made["fit.png"] = _fit(source, outputs)
    else:
        made["confusion.png"] = _confusion(source, outputs)
    if source.task == "binary" and len(np.unique(source.test[1])) == 2:
        made["roc.png"] = _roc(source, outputs)
    return {name: _png(figure) for name, figure in made.items()}


def _confusion(source: Source, outputs: np.ndarray) -> Any:
    counts, names = confusion(source, outputs), source.classes
    side = 2.2 + 0.45 * len(names)
    figure, axes = _axes(side, side)
    axes.imshow(counts, cmap="Blues")
    for (i, j), count in np.ndenumerate(counts):
        if count:
            axes.text(
                j, i, str(count), ha="center", va="center", color="white" if 2 * count > counts.max() else "black"
            )
    axes.set_xticks(range(len(names)), names, rotation=0 if max(map(len, names)) < 4 else 45)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="predicted", ylabel="true")
    return figure


def _roc(source: Source, outputs: np.ndarray) -> Any:
    false, true, _ = metrics.roc_curve(source.test[1], outputs, kind=KINDS["binary"])
    figure, axes = _axes(4, 4)
    axes.plot(false, true)
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", title=f"class {source.classes[1]}")
    return figure


def _fit(source: Source, outputs: np.ndarray) -> Any:
    true, predicted = (source.preprocessor.decode(values) for values in (source.test[1], outputs))
    figure, axes = _axes(4, 4)
    axes.scatter(true, predicted, s=10, alpha=0.6)
    ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
    axes.plot(ends, ends, linestyle=":", color="grey")
    axes.set(xlabel=f"true {source.preprocessor.target}", ylabel="predicted")
    return figure


def _axes(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _png(figure: Any) -> bytes:
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a class may be named in any script
        figure.savefig(stream, format="png", dpi=120)
    return stream.getvalue()
