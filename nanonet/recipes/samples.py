"""What recipes for samples with labels share: the three parts of a data set, scaling, and an answer in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanonet.data import NamedData, linear, train_test_split

Part = tuple[np.ndarray, np.ndarray]  # samples (N, D), targets as the task's loss takes them


def divided(data: NamedData) -> tuple[Part, Part, Part]:
    """To train on, to look at meanwhile, to be judged by: 72, 8 and 20 of 100 samples, with equal shares of each class.

    Of the drawn line there are more to be had: all are trained on, 1,000 and 10,000 new ones are held out.
    """
    if data.name == "linear":
        return (data.x, data.y), linear(1_000, seed=1), linear(10_000, seed=2)
    labels = None if data.task == "regression" else data.y
    x, x_test, y, y_test = train_test_split(data.x, data.loss_target, test_size=0.2, seed=0, stratify=labels)
    x, x_val, y, y_val = train_test_split(x, y, test_size=0.1, seed=0, stratify=None if labels is None else y)
    return (x, y), (x_val, y_val), (x_test, y_test)


@dataclass(frozen=True)
class Scale:
    """x → (x - mean) / std of the samples trained on: for each column of a table, for all pixels of images together.

    The drawn line stays as it is, so that the weight is the slope.
    """

    mean: Any
    std: Any

    @classmethod
    def of(cls, x: np.ndarray, data: NamedData) -> Scale:
        if data.name == "linear":
            return cls(0.0, 1.0)
        axis = None if data.image_shape else 0
        std = x.std(axis)
        return cls(x.mean(axis), np.where(std > 0, std, 1).astype(x.dtype))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return ((x - self.mean) / self.std).astype(x.dtype)


def told(names: Iterable[str], logits: np.ndarray, classes: Sequence[str]) -> tuple[str, ...]:
    """ "name: class (98.3 %), then class (1.2 %)" for each row of logits (N, C)."""
    logits = logits.astype(np.float64)
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    lines = []
    for name, row in zip(names, shares, strict=True):
        first, second = np.argsort(-row, kind="stable")[:2]
        lines.append(f"{name}: {classes[first]} ({row[first]:.1%}), then {classes[second]} ({row[second]:.1%})")
    return tuple(lines)
