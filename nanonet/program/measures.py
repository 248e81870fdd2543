"""How good a network is on the test part: figures, and the confusion matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.program.source import Source
from nanonet.training import metrics

KINDS = {"binary": "logits", "multiclass": "multiclass", "regression": "regression"}


def measure(source: Source, outputs: np.ndarray) -> dict[str, float]:
    """Figures for the outputs on the test part; `baseline` is what a constant answer would reach.

    Classes: accuracy, precision, recall, F1 (of the second of two classes, else the mean over the classes), ROC AUC.
    Numbers: RMSE, MAE and R², in the target's unit.
    """
    if source.task == "regression":
        return _numbers(source, outputs)
    kind, y = KINDS[source.task], source.test[1]
    found = {
        name: getattr(metrics, name)(y, outputs, kind=kind)
        for name in ("accuracy", "precision", "recall", "f1", "roc_auc")
    }
    most = np.bincount(source.train[1].reshape(-1).astype(np.int64)).argmax()
    return found | {"baseline": float(np.mean(y.reshape(-1) == most))}


def _numbers(source: Source, outputs: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import r2_score

    decode = source.preprocessor.decode
    true, predicted = decode(source.test[1]), decode(outputs)
    mean = np.full(len(true), decode(source.train[1]).mean())
    return {
        "rmse": metrics.rmse(true, predicted),
        "mae": metrics.mae(true, predicted),
        "r2": float(r2_score(true, predicted)) if len(true) > 1 else float("nan"),
        "baseline": metrics.rmse(true, mean),
    }


def confusion(source: Source, outputs: np.ndarray) -> np.ndarray:
    """(C, C): row i, column j counts test rows of class i that are called j; also for classes that do not occur."""
    from sklearn.metrics import confusion_matrix

    true, called = metrics.label_pair(source.test[1], outputs, KINDS[source.task])
    return confusion_matrix(true, called, labels=range(len(source.classes)))


def table(figures: dict[str, float], task: str) -> list[tuple[str, str]]:
    """(name, value) in words, for people."""
    words = {"f1": "F1", "roc_auc": "ROC AUC", "rmse": "RMSE", "mae": "MAE", "r2": "R²", "loss": "loss"}
    constant = "RMSE of always answering the mean" if task == "regression" else "always the most frequent class"
    return [
        (constant if name == "baseline" else words.get(name, name), _percent(name, value))
        for name, value in figures.items()
    ]


def _percent(name: str, value: Any) -> str:
    share = name in ("accuracy", "precision", "recall") or (name == "baseline" and value <= 1)
    return f"{100 * value:.1f} %" if share else f"{value:.4g}"
