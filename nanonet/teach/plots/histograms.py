"""How the values in each layer are spread, step by step: as heat maps, or as ridges one behind the other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nanonet.teach.plots import style
from nanonet.teach.plots.layers import Snapshot

Recorded = Mapping[str, Sequence[Snapshot]]


def plot_histograms(
    recorded: Recorded, kind: str = "heat", scale: str = "linear", bins: int = 40, title: str = "", what: str = "value"
) -> Any:
    """The spread of the values in each layer over the steps, all layers on one axis of values.

    recorded    what a `LayerRecorder` kept: its `outputs`, `gradients` or `parameter_gradients`
    kind        "heat": a column for each step, dark where many values are; "ridge": one curve for each of some steps
    scale       "linear": the values; "log": log₁₀ of their sizes, which shows gradients that vanish or explode
    what        the name of the values

    What is exactly 0 is not drawn, a ReLU's zeros would outshine everything else: its share stands above each layer.
    """
    if kind not in ("heat", "ridge") or scale not in ("linear", "log"):
        raise ValueError(
            f"plot_histograms: expected kind 'heat' or 'ridge' and scale 'linear' or 'log', got {kind!r} and {scale!r}"
        )
    layers = {name: list(seen) for name, seen in recorded.items() if seen}
    if not layers:
        raise ValueError("plot_histograms: nothing was recorded; train within `with LayerRecorder(model) as seen:`")
    edges = bin_edges([s for seen in layers.values() for s in seen], scale, bins)
    shares = {name: np.array([histogram(s, edges, scale) for s in seen]) for name, seen in layers.items()}
    most = float(np.quantile(np.concatenate([np.ravel(s) for s in shares.values()]), 0.995)) or 1.0
    columns = min(len(layers), 4)
    rows = math.ceil(len(layers) / columns)
    picture = style.figure(max(2.5 * columns + 0.8, 4.6), 2.5 * rows + (0.4 if title else 0))
    if title:
        picture.suptitle(title, color=style.INK, size=style.TEXT + 2)
    panels = picture.subplots(rows, columns, sharey=kind == "heat", sharex=kind == "ridge", squeeze=False)
    label = f"log₁₀ |{what}|" if scale == "log" else what
    image: Any = None
    some_zeros = any(_zeros(seen) > 0.005 for seen in layers.values())
    for number, (name, seen) in enumerate(layers.items()):
        axes = panels.flat[number]
        if kind == "heat":
            image = _heat(axes, seen, shares[name], edges, most)
        else:
            _ridges(axes, seen, shares[name], edges)
        _label(axes, number, columns, len(layers), kind, label)
        axes.set_title(_title(name, seen, some_zeros), fontsize=style.TEXT)
    for axes in list(panels.flat)[len(layers) :]:
        axes.set_visible(False)
    if image is not None:
        style.colour_bar(picture, image, panels, "share", format="%.2g", extend="max")
    return picture


def bin_edges(seen: Sequence[Snapshot], scale: str, bins: int) -> np.ndarray:
    """(bins + 1,) ends of the bins over all that was seen; the last 0.1 % on either side falls into the end bins."""
    values = np.concatenate([on_scale(s.values, scale) for s in seen])
    if not values.size:
        return np.linspace(-1, 1, bins + 1)
    low, high = (float(q) for q in np.quantile(values, (0.001, 0.999)))
    if scale == "linear" and low < 0 < high:  # zero in the middle of the picture
        low, high = -max(-low, high), max(-low, high)
    if high - low < 1e-12:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, bins + 1)


def on_scale(values: np.ndarray, scale: str) -> np.ndarray:
    """The values that are finite and not 0, as float64, or log₁₀ of their sizes."""
    values = values[np.isfinite(values) & (values != 0)].astype(np.float64)
    return np.log10(np.abs(values)) if scale == "log" else values


def histogram(one: Snapshot, edges: np.ndarray, scale: str) -> np.ndarray:
    """(bins,) shares of the values in each bin. They sum to 1, less what is not drawn (0, NaN, ∞)."""
    values = np.clip(on_scale(one.values, scale), edges[0], edges[-1])
    return np.histogram(values, edges)[0] / max(one.values.size, 1)


def _heat(axes: Any, seen: Sequence[Snapshot], shares: np.ndarray, edges: np.ndarray, most: float) -> Any:
    steps = np.array([s.step for s in seen], np.float64)
    ends = np.append(steps, 2 * steps[-1] - steps[-2] if len(steps) > 1 else steps[-1] + 1)
    if np.any(np.diff(ends) <= 0):  # a layer that is called several times in a step: count the calls instead
        ends = np.arange(len(steps) + 1, dtype=np.float64)
    return axes.pcolormesh(ends, edges, shares.T, cmap=style.shades(), vmin=0, vmax=most, rasterized=True)


def _ridges(axes: Any, seen: Sequence[Snapshot], shares: np.ndarray, edges: np.ndarray, count: int = 8) -> None:
    chosen = np.unique(np.linspace(0, len(seen) - 1, min(count, len(seen))).round().astype(int))
    middle = (edges[1:] + edges[:-1]) / 2
    height = 1.8 / max(float(shares[chosen].max()), 1e-12)
    for level, (i, colour) in enumerate(zip(chosen, style.in_order(len(chosen)), strict=True)):
        base = len(chosen) - 1 - level  # the first step at the top and behind, the last in front
        curve = base + height * shares[i]
        axes.fill_between(middle, base, curve, color=colour, alpha=0.75, linewidth=0, zorder=level)
        axes.plot(middle, curve, color="white", linewidth=0.9, zorder=level + 0.5)
    ticks = sorted({0, len(chosen) // 2, len(chosen) - 1})
    axes.set_yticks([len(chosen) - 1 - t for t in ticks], [str(seen[chosen[t]].step) for t in ticks])


def _label(axes: Any, number: int, columns: int, count: int, kind: str, label: str) -> None:
    style.tidy(axes)
    if number % columns == 0:
        axes.set_ylabel(label if kind == "heat" else "step")
    if number + columns >= count:  # nothing below it
        axes.set_xlabel("step" if kind == "heat" else label)
        axes.tick_params(labelbottom=True)


def _zeros(seen: Sequence[Snapshot]) -> float:
    return float(np.mean([s.zeros for s in seen]))


def _title(name: str, seen: Sequence[Snapshot], some_zeros: bool) -> str:
    zeros = _zeros(seen)
    return name + (f"\n{zeros:.0%} are exactly 0" if zeros > 0.005 else "\n" if some_zeros else "")
