"""Splits into training and test parts, through scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.data.dataset import Dataset, Subset
from nanonet.data.seeds import seed_of
from nanonet.tensor import Tensor


def split_indices(
    n: int, test_size: float | int = 0.2, seed: int | None = None, stratify: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the training and of the test samples, out of 0 … n-1, in random order.

    test_size  a share between 0 and 1, or a number of samples
    stratify   labels (n,): each class then has the same share in both parts
    Raises ValueError where a part would be empty, or a class has too few samples to be in both.
    """
    from sklearn.model_selection import train_test_split as split

    test = _test_count(n, test_size)
    labels = None if stratify is None else _labels("train_test_split", n, stratify, least=2)
    if labels is not None and min(test, n - test) < len(np.unique(labels)):
        raise ValueError(
            f"train_test_split: parts of {n - test} and {test} samples cannot both hold all "
            f"{len(np.unique(labels))} classes; change test_size, or leave stratify out"
        )
    train_rows, test_rows = split(
        np.arange(n), test_size=test, random_state=seed_of("train_test_split", seed), stratify=labels
    )
    return np.asarray(train_rows), np.asarray(test_rows)


def train_test_split(
    *arrays: Any, test_size: float | int = 0.2, seed: int | None = None, stratify: Any = None
) -> list[Any]:
    """Each array (N, …), Tensor or Dataset split in two by the same draw: `x_train, x_test, y_train, y_test = …(x, y)`.

    test_size  a share between 0 and 1, or a number of samples
    seed       the same seed, the same split (scikit-learn's for that `random_state`); None draws one
    stratify   labels (N,): each class then has the same share in both parts

    Raises ValueError for different lengths, a part without samples, a class too small to be in both parts.
    """
    if not arrays:
        raise ValueError("train_test_split: expected one array or more, got none")
    data = [a if isinstance(a, Tensor | Dataset) else np.asarray(a) for a in arrays]
    lengths = [len(a) for a in data]
    if len(set(lengths)) > 1:
        raise ValueError(f"train_test_split: expected arrays of one length, got lengths {', '.join(map(str, lengths))}")
    parts = split_indices(lengths[0], test_size, seed, stratify)
    return [_rows(a, rows) for a in data for rows in parts]


def k_fold(n: int, k: int = 5, seed: int | None = None, stratify: Any = None) -> list[tuple[np.ndarray, np.ndarray]]:
    """k pairs (training indices, test indices): each of the n samples is in exactly one test part.

    stratify   labels (n,): each class then has about the same share in all parts
    Raises ValueError unless 2 ≤ k ≤ n, and for a class of fewer than k samples.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 2 <= k <= n:
        raise ValueError(f"k_fold: expected k from 2 to the number of samples, {n}, got {k!r}")
    random_state = seed_of("k_fold", seed)
    if stratify is None:
        folds = KFold(k, shuffle=True, random_state=random_state).split(np.arange(n))
    else:
        labels = _labels("k_fold", n, stratify, least=k)
        folds = StratifiedKFold(k, shuffle=True, random_state=random_state).split(np.arange(n), labels)
    return [(np.asarray(train), np.asarray(test)) for train, test in folds]


def _test_count(n: int, test_size: float | int) -> int:
    share = isinstance(test_size, float | np.floating)
    test = np.ceil(test_size * n) if share else test_size
    if isinstance(test_size, bool) or (share and not 0 < test_size < 1) or not 1 <= test < n:
        raise ValueError(
            f"train_test_split: test_size {test_size!r} of {n} samples leaves a part empty; "
            "give a share between 0 and 1, or a number of samples"
        )
    return int(test)


def _labels(owner: str, n: int, stratify: Any, least: int) -> np.ndarray:
    labels = np.asarray(stratify.array if isinstance(stratify, Tensor) else stratify).reshape(-1)
    if len(labels) != n:
        raise ValueError(f"{owner}: expected one label in stratify for each of {n} samples, got {len(labels)}")
    classes, counts = np.unique(labels, return_counts=True)
    if counts.min() < least:
        rare = classes[counts.argmin()]
        raise ValueError(
            f"{owner}: class {rare} has {counts.min()} sample(s), stratify needs at least {least} of each; "
            "leave stratify out, or join rare classes"
        )
    return labels


def _rows(data: Any, rows: np.ndarray) -> Any:
    if isinstance(data, Dataset):
        return Subset(data, rows)
    return Tensor.wrap(data.array[rows]) if isinstance(data, Tensor) else data[rows]
