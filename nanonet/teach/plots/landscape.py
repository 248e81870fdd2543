"""A slice through the loss as a function of the weights: a plane, and the loss at every point of a grid on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nanonet import random
from nanonet.nn import Module
from nanonet.teach.plots.path import WeightPath, flat, shaped
from nanonet.teach.plots.quiet import tensors_of, undisturbed
from nanonet.tensor import Tensor

Span = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True)
class Landscape:
    """The loss on the plane origin + a · directions[0] + b · directions[1].

    a, b            coordinates of the grid; losses[j, i] is the loss at a[i], b[j]
    here            (a, b) of the weights as they are, and their loss
    path            (steps, 2) the path's coordinates: its shadow on the plane, where it leaves it
    path_losses     the loss at the path's own points, not at their shadows
    shadow_losses   the loss at the shadows
    names           what to write at the two axes
    """

    origin: np.ndarray
    directions: np.ndarray
    a: np.ndarray
    b: np.ndarray
    losses: np.ndarray
    here: tuple[float, float]
    loss: float
    names: tuple[str, str]
    path: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    path_losses: np.ndarray = field(default_factory=lambda: np.zeros(0))
    shadow_losses: np.ndarray = field(default_factory=lambda: np.zeros(0))


def landscape(
    loss: Callable[[], Any],
    parameters: Module | Iterable[Tensor],
    path: WeightPath | None = None,
    directions: str | np.ndarray = "auto",
    points: int = 41,
    span: Span | None = None,
    seed: int = 0,
) -> Landscape:
    """Compute the loss on a plane in weight space. The model, its gradients and the random numbers stay as they are.

    loss        a function of nothing that returns the loss of the model as it stands, one number
    parameters  a Module, or the list of Tensors that vary
    path        the optimizer's, to be drawn on the plane
    directions  "axes": the two weights themselves, of which there must be two
                "path": through the path's last point, along its first two principal directions
                "random": two random directions, each filter as long as the weights' own (Li et al. 2018,
                "Visualizing the Loss Landscape of Neural Nets"); vectors such as biases stay as they are
                "auto": the first of these that is possible; or an array (2, P)
    points      of the grid, along each direction
    span        ((lowest a, highest a), (lowest b, highest b)); None: around the path, or ±1

    Random layers (dropout) draw the same numbers at every point. Where the loss is not finite the grid has NaN.
    """
    tensors = tensors_of(parameters)
    arrays = [p.array for p in tensors]
    now = flat(arrays)
    if path is not None and (not len(path) or path.points.shape[1] != now.size):
        raise ValueError(f"landscape: expected a path of {now.size} weights, got {len(path)} steps of another model")
    kind = _kind(directions, now.size, path)
    origin, axes, names = _plane(kind, directions, now, arrays, path, seed)
    inverse = np.linalg.pinv(axes)
    track = np.zeros((0, 2)) if path is None else (path.points - origin) @ inverse
    here = (now - origin) @ inverse
    (a0, a1), (b0, b1) = span or _span(kind, track, here)
    a, b = np.linspace(a0, a1, points), np.linspace(b0, b1, points)

    start = random.get_state()
    model = parameters if isinstance(parameters, Module) else None

    def at(candidate: list[np.ndarray]) -> float:
        with undisturbed(tensors, model), np.errstate(all="ignore"):
            random.set_state(start)
            for p, array in zip(tensors, candidate, strict=True):
                p.array = array.copy()
            value = _number(loss())
        return value if np.isfinite(value) else np.nan

    def on_plane(u: float, v: float) -> float:
        return at(shaped(origin + u * axes[0] + v * axes[1], arrays))

    return Landscape(
        origin,
        axes,
        a,
        b,
        np.array([[on_plane(u, v) for u in a] for v in b]),
        (float(here[0]), float(here[1])),
        at(arrays),
        names,
        track,
        np.array([at(step) for step in path.arrays]) if path is not None else np.zeros(0),
        np.array([on_plane(u, v) for u, v in track]),
    )


def _kind(directions: str | np.ndarray, size: int, path: WeightPath | None) -> str:
    if not isinstance(directions, str):
        return "given"
    if directions == "auto":
        return "axes" if size == 2 else "path" if path is not None and len(path) > 2 else "random"
    if directions not in ("axes", "path", "random"):
        raise ValueError(f"landscape: expected directions 'axes', 'path', 'random' or an array, got {directions!r}")
    if directions == "axes" and size != 2:
        raise ValueError(f"landscape: 'axes' needs two weights, got {size}; use 'path' or 'random'")
    if directions == "path" and (path is None or len(path) < 3):
        steps = "none" if path is None else f"one of {len(path)} steps"
        raise ValueError(f"landscape: 'path' needs a path of at least 3 steps, got {steps}; use 'random'")
    return directions


def _plane(
    kind: str, given: Any, now: np.ndarray, arrays: list[np.ndarray], path: WeightPath | None, seed: int
) -> tuple[np.ndarray, np.ndarray, tuple[str, str]]:
    if kind == "axes":
        return np.zeros(2), np.eye(2), ("first weight", "second weight")
    if kind == "path":
        assert path is not None
        end = path.points[-1]
        axes, shares = principal_directions(path.points - end)
        first, second = (
            f"{name} principal direction ({s:.0%} of the path)" for name, s in zip(("1st", "2nd"), shares, strict=True)
        )
        return end, axes, (first, second)
    if kind == "random":
        rng = np.random.default_rng(seed)
        axes = np.array([random_direction(arrays, rng) for _ in range(2)])
        return now, axes, ("random direction", "another random direction")
    axes = np.asarray(given, np.float64)
    if axes.shape != (2, now.size):
        raise ValueError(f"landscape: expected directions (2, {now.size}), got {axes.shape}")
    return now, axes, ("first direction", "second direction")


def principal_directions(steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two orthonormal directions (2, P) along which `steps` (n, P) differ most, and each one's share of Σ steps²."""
    _, sizes, rows = np.linalg.svd(steps, full_matrices=False)
    # A singular vector may point either way; the side is chosen so that two machines draw the same picture.
    signs = np.sign(rows[[0, 1], np.abs(rows[:2]).argmax(axis=1)])
    return rows[:2] * signs[:, None], sizes[:2] ** 2 / max(float(np.sum(sizes**2)), 1e-300)


def random_direction(arrays: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """A direction in which every filter is as long as the weights' own; zero for vectors (biases, norms' scales)."""
    parts: list[np.ndarray] = []
    for w in arrays:
        d = rng.standard_normal(w.shape)
        if w.ndim < 2:
            parts.append(np.zeros(w.shape))
            continue
        rest = tuple(range(1, w.ndim))
        lengths = [np.sqrt(np.sum(np.square(x, dtype=np.float64), axis=rest, keepdims=True)) for x in (w, d)]
        parts.append(d * lengths[0] / lengths[1])
    if not any(part.any() for part in parts):  # no matrices at all: a plain direction is better than none
        parts = [rng.standard_normal(w.shape) for w in arrays]
    return flat(parts)


def _span(kind: str, track: np.ndarray, here: np.ndarray) -> Span:
    if kind in ("random", "given") or not len(track):
        return (here[0] - 1, here[0] + 1), (here[1] - 1, here[1] + 1)
    low, high = track.min(axis=0), track.max(axis=0)
    margin = np.maximum(0.3 * (high - low), 0.15 * float((high - low).max()) + 1e-12)
    return (low[0] - margin[0], high[0] + margin[0]), (low[1] - margin[1], high[1] + margin[1])


def _number(value: Any) -> float:
    array = np.asarray(value.array if isinstance(value, Tensor) else value)
    if array.size != 1:
        raise ValueError(f"landscape: expected loss() to return one number, got shape {array.shape}")
    return float(array.reshape(())[()])
