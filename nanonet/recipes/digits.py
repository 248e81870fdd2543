"""MNIST's digits, as the recipes split them: 4,000 to train on and 1,000 to test on."""

from __future__ import annotations

from functools import cache

import numpy as np

from nanonet.data import load, train_test_split


@cache  # the package keeps its digits as text, which takes 5 seconds to read
def mnist5k_split() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x (4000, 1, 28, 28), y (4000,), x_test (1000, 1, 28, 28), y_test; pixels from 0 to 1, as many of each class.

    The same split for every recipe and seed; read-only arrays. Raises DataUnavailable, which names the extra to
    install.
    """
    data = load("mnist5k")
    x, x_test, y, y_test = train_test_split(data.x, data.y, test_size=0.2, seed=0, stratify=data.y)
    parts = as_images(x), y, as_images(x_test), y_test
    for part in parts:
        part.flags.writeable = False
    return parts


def as_images(x: np.ndarray) -> np.ndarray:
    """Rows of 784 pixels as (N, 1, 28, 28)."""
    return x.reshape(-1, 1, 28, 28)
