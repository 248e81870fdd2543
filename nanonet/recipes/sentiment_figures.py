"""How well reviews are told apart: figures and curves, beside what counting characters reaches."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from nanonet.recipes.tfidf import tfidf_probabilities
from nanonet.training import metrics
from nanonet.training.history import History

NAMES = ("accuracy", "f1", "precision", "recall", "roc_auc")


def judge(recipe: Any) -> dict[str, float]:
    """Accuracy, F1, precision, recall and ROC AUC on the test part, and the baseline's (baseline_…)."""
    _, _, test = recipe.split
    ours = figures(test.labels, recipe.probabilities(test.texts))
    return ours | {f"baseline_{name}": value for name, value in figures(test.labels, baseline(recipe)).items()}


def baseline(recipe: Any) -> np.ndarray:
    """The probabilities (N,) that character TF-IDF and logistic regression give the test part."""
    train, _, test = recipe.split
    return tfidf_probabilities(train.texts, train.labels, test.texts)


def figures(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    return {name: getattr(metrics, name)(labels, probabilities, kind="binary") for name in NAMES}


def draw(recipe: Any, history: History) -> bytes:
    """The two parts of training, and the ROC curves of the test part: a PNG."""
    from matplotlib.figure import Figure

    step, begin = np.array(history["step"]), recipe.pretraining
    first = step <= begin
    figure = Figure(figsize=(12 if begin else 8, 3.4), layout="constrained")
    *before, classifying, roc = figure.subplots(1, 3 if begin else 2)
    for guessing in before:
        guessing.plot(step[first], np.array(history["loss"])[first], label="training")
        guessing.plot(step[first], np.array(history["val_masked_loss"])[first], label="validation")
        guessing.set(xlabel="step", ylabel="-log p of a hidden token", title="first: guess hidden tokens")
    classifying.plot(step[~first], np.array(history["val_accuracy"])[~first], marker="o", label="validation")
    classifying.set(xlabel="step", ylabel="right labels", title="praise or complaint")
    labels = recipe.split.test.labels
    for name, p in (("BERT", recipe.probabilities(recipe.split.test.texts)), ("TF-IDF", baseline(recipe))):
        false, true, _ = metrics.roc_curve(labels, p, kind="binary")
        roc.plot(false, true, label=f"{name}, area {metrics.roc_auc(labels, p, kind='binary'):.3f}")
    roc.set(xlabel="complaints called praise", ylabel="praise called praise", title="test part")
    for axes in (*before, classifying, roc):
        axes.legend()
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=90)
    return file.getvalue()
