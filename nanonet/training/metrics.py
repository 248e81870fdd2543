"""Figures of merit, computed by scikit-learn: f(y_true, y_pred) with labels or with a model's outputs.

y_true  labels (N,), or one-hot rows (N, C), or numbers for regression
y_pred  labels (N,), or outputs: (N, C) scores of C classes, (N,) or (N, 1) probabilities of class 1
kind    what outputs are: "multiclass" scores, "binary" probabilities (class 1 above 0.5), "logits" of one class (class
        1 above 0), "regression"; "" finds it from the shape, taking a single column for probabilities
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from nanonet.device import on_host
from nanonet.tensor import Tensor

Pair = tuple[np.ndarray, np.ndarray]


def accuracy(y_true: Any, y_pred: Any, *, kind: str = "") -> float:
    """The share of right labels."""
    return _accuracy(*label_pair(y_true, y_pred, kind))


def precision(y_true: Any, y_pred: Any, *, kind: str = "", average: str = "auto") -> float:
    """Of what is called class 1, the share that is: TP / (TP + FP); 0 where nothing is called so.

    `average` as in scikit-learn; "auto" is "binary" where no label exceeds 1, else "macro", the mean over classes.
    """
    return _score("precision_score", *label_pair(y_true, y_pred, kind), average)


def recall(y_true: Any, y_pred: Any, *, kind: str = "", average: str = "auto") -> float:
    """Of what is class 1, the share that is called so: TP / (TP + FN). `average` as for `precision`."""
    return _score("recall_score", *label_pair(y_true, y_pred, kind), average)


def f1(y_true: Any, y_pred: Any, *, kind: str = "", average: str = "auto") -> float:
    """The harmonic mean of precision and recall. `average` as for `precision`."""
    return _score("f1_score", *label_pair(y_true, y_pred, kind), average)


def roc_auc(y_true: Any, y_pred: Any, *, kind: str = "") -> float:
    """The area under the ROC curve; of several classes, the mean over each against the rest.

    NaN where a class is absent.
    """
    return _roc_auc(*score_pair(y_true, y_pred, kind))


def roc_curve(y_true: Any, y_pred: Any, *, kind: str = "") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(false positive rates, true positive rates, thresholds) for two classes."""
    from sklearn import metrics

    true, scores = score_pair(y_true, y_pred, kind)
    if scores.ndim > 1:
        raise ValueError(
            f"roc_curve: expected scores of one class, got {scores.shape[1]}; pick y_pred[:, c] and y == c"
        )
    return metrics.roc_curve(true, scores)


def confusion_matrix(y_true: Any, y_pred: Any, *, kind: str = "") -> np.ndarray:
    """(C, C): row i, column j counts samples of class i that are called j."""
    from sklearn import metrics

    return metrics.confusion_matrix(*label_pair(y_true, y_pred, kind))


def rmse(y_true: Any, y_pred: Any, *, kind: str = "") -> float:
    """√(mean (y_true - y_pred)²)."""
    return _rmse(*number_pair(y_true, y_pred, kind))


def mae(y_true: Any, y_pred: Any, *, kind: str = "") -> float:
    """mean |y_true - y_pred|."""
    return _mae(*number_pair(y_true, y_pred, kind))


def label_pair(y_true: Any, y_pred: Any, kind: str = "") -> Pair:
    """Both as labels (N,): the highest score's class, or whether the probability is above one half."""
    t, p = _array(y_true), _array(y_pred)
    if p.dtype.kind == "f" and _is_multiclass(p, kind):
        t, p = (t.argmax(1) if t.shape == p.shape else t), p.argmax(1)
    elif p.dtype.kind == "f":
        t, p = t > 0.5, p > (0.0 if kind == "logits" else 0.5)
    return _same_size("labels", t.reshape(-1).astype(np.int64), p.reshape(-1).astype(np.int64))


def score_pair(y_true: Any, y_pred: Any, kind: str = "") -> Pair:
    """Labels (N,) and the scores of class 1 (N,), or of C > 2 classes (N, C), adding up to 1."""
    t, p = _array(y_true), _array(y_pred)
    if not _is_multiclass(p, kind):
        return _same_size("scores", (t > 0.5).reshape(-1).astype(np.int64), p.reshape(-1))
    t = t.argmax(1) if t.shape == p.shape else t.reshape(-1)
    if p.shape[1] == 2:
        return _same_size("scores", t.astype(np.int64), p[:, 1] - p[:, 0])
    p = p.astype(np.float64)
    if (p < 0).any() or not np.allclose(p.sum(1), 1, atol=1e-4):  # logits
        p = np.exp(p - p.max(1, keepdims=True))
    return t.astype(np.int64), p / p.sum(1, keepdims=True)


def number_pair(y_true: Any, y_pred: Any, kind: str = "") -> Pair:
    """Both as numbers (N,)."""
    return _same_size("numbers", _array(y_true).reshape(-1), _array(y_pred).reshape(-1))


def raw_pair(y_true: Any, y_pred: Any, kind: str = "") -> Pair:
    """Both as they are, for metrics that users bring."""
    return _array(y_true), _array(y_pred)


@dataclass(frozen=True)
class Metric:
    """A figure over many batches: `reduce` keeps of each batch what `total` needs of all of them."""

    name: str
    reduce: Callable[..., Pair]
    total: Callable[[np.ndarray, np.ndarray], float]


def _accuracy(true: np.ndarray, pred: np.ndarray) -> float:
    from sklearn import metrics

    return float(metrics.accuracy_score(true, pred))


def _score(name: str, true: np.ndarray, pred: np.ndarray, average: str = "auto") -> float:
    from sklearn import metrics

    if average == "auto":
        average = "binary" if max(true.max(initial=0), pred.max(initial=0)) <= 1 else "macro"
    return float(getattr(metrics, name)(true, pred, average=average, zero_division=0))


def _precision(true: np.ndarray, pred: np.ndarray) -> float:
    return _score("precision_score", true, pred)


def _recall(true: np.ndarray, pred: np.ndarray) -> float:
    return _score("recall_score", true, pred)


def _f1(true: np.ndarray, pred: np.ndarray) -> float:
    return _score("f1_score", true, pred)


def _roc_auc(true: np.ndarray, scores: np.ndarray) -> float:
    from sklearn import metrics

    if len(np.unique(true)) < (2 if scores.ndim == 1 else scores.shape[1]):
        return float("nan")
    return float(metrics.roc_auc_score(true, scores, multi_class="ovr" if scores.ndim > 1 else "raise"))


def _rmse(true: np.ndarray, pred: np.ndarray) -> float:
    from sklearn import metrics

    return float(metrics.root_mean_squared_error(true, pred))


def _mae(true: np.ndarray, pred: np.ndarray) -> float:
    from sklearn import metrics

    return float(metrics.mean_absolute_error(true, pred))


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", label_pair, _accuracy),
        Metric("precision", label_pair, _precision),
        Metric("recall", label_pair, _recall),
        Metric("f1", label_pair, _f1),
        Metric("roc_auc", score_pair, _roc_auc),
        Metric("rmse", number_pair, _rmse),
        Metric("mae", number_pair, _mae),
    )
}
ALIASES = {"acc": "accuracy", "auc": "roc_auc", "categorical_accuracy": "accuracy", "binary_accuracy": "accuracy"}


def find(wanted: Any) -> Metric:
    """The Metric of a name, or of a function f(y_true, y_pred) -> number."""
    if isinstance(wanted, Metric):
        return wanted
    if callable(wanted):
        name = str(getattr(wanted, "__name__", type(wanted).__name__))
        return METRICS[name] if wanted is globals().get(name) else Metric(name, raw_pair, cast(Any, wanted))
    name = str(ALIASES.get(wanted, wanted))
    if name not in METRICS:
        raise ValueError(f"metrics: expected {', '.join(METRICS)}, or a function f(y_true, y_pred), got {wanted!r}")
    return METRICS[name]


class Tally:
    """The loss and the metrics of an epoch, as its batches come in."""

    def __init__(self, metrics: Sequence[Metric], kind: str) -> None:
        self.metrics = metrics
        self.kind = kind
        self.loss = 0.0
        self.count = 0
        self.parts: dict[str, list[Pair]] = {metric.name: [] for metric in metrics}

    def add(self, loss: float, count: int, target: Any, output: Any) -> None:
        """A batch of `count` samples with this mean loss."""
        self.loss += loss * count
        self.count += count
        for metric in self.metrics:
            self.parts[metric.name].append(metric.reduce(target, output, self.kind))

    def figures(self) -> dict[str, float]:
        """{"loss": mean, metric: value} of all so far."""
        if not self.count:
            raise ValueError("metrics: there was no batch")
        found = {"loss": self.loss / self.count}
        for metric in self.metrics:
            value = metric.total(*self._joined(metric.name))
            if np.size(value) != 1:
                raise ValueError(f"metrics: {metric.name} gave an array {np.shape(value)}, expected one number")
            found[metric.name] = float(value)
        return found

    def _joined(self, name: str) -> Pair:
        true, pred = zip(*self.parts[name], strict=True)
        self.parts[name] = [(np.concatenate(true), np.concatenate(pred))]
        return self.parts[name][0]

    def state_dict(self) -> dict[str, Any]:
        parts = {name: list(self._joined(name)) for name in self.parts if self.parts[name]}
        return {"loss": self.loss, "count": self.count, "parts": parts}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if self.parts.keys() < state["parts"].keys():
            raise ValueError(f"metrics: the run had {', '.join(state['parts'])}")
        self.loss, self.count = state["loss"], state["count"]
        self.parts = {name: [tuple(state["parts"][name])] if name in state["parts"] else [] for name in self.parts}


def _is_multiclass(p: np.ndarray, kind: str) -> bool:
    if kind in ("binary", "logits"):
        return False
    return p.ndim >= 2 and p.shape[1] > 1


def _array(x: Any) -> np.ndarray:
    return np.asarray(on_host(x.array) if isinstance(x, Tensor) else x)


def _same_size(what: str, t: np.ndarray, p: np.ndarray) -> Pair:
    if t.size != p.size:
        raise ValueError(f"metrics: y_true has {t.size} {what}, y_pred has {p.size}; both need one for each sample")
    return t, p
