"""How large values or gradients are in each layer, over the steps, on a logarithmic axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nanonet.teach.plots import style
from nanonet.teach.plots.layers import Snapshot


def plot_norms(
    recorded: Mapping[str, Sequence[Snapshot]], measure: str = "rms", title: str = "", what: str = "gradient"
) -> Any:
    """One line for each layer, from the first (orange) to the last (blue). Lines that lie far apart are gradients that
    vanish or explode on their way down; a line that drops out of the picture is exactly 0.

    recorded    what a `LayerRecorder` kept: its `outputs`, `gradients` or `parameter_gradients`
    measure     "rms": √(mean of x²), to compare layers of different sizes; "norm": √Σx²
    what        the name of the values
    """
    if measure not in ("rms", "norm"):
        raise ValueError(f"plot_norms: expected measure 'rms' or 'norm', got {measure!r}")
    layers = {name: list(seen) for name, seen in recorded.items() if seen}
    if not layers:
        raise ValueError("plot_norms: nothing was recorded; train within `with LayerRecorder(model) as seen:`")
    picture = style.figure(7.6, 3.8)
    axes = picture.add_subplot()
    ends: list[tuple[float, str, Any]] = []
    for (name, seen), colour in zip(layers.items(), style.in_order(len(layers)), strict=True):
        steps, sizes = lines(seen, measure)
        axes.plot(steps, sizes, color=colour, linewidth=1.9, marker="o" if len(steps) == 1 else "")
        found = sizes[np.isfinite(sizes)]
        ends.append((float(found[-1]) if found.size else np.nan, name, colour))
    axes.set_yscale("log")
    style.tidy(axes, grid="y")
    formula = f"√mean({what}²)" if measure == "rms" else f"√Σ {what}²"
    axes.set(xlabel="step", ylabel=formula)
    if title:
        axes.set_title(title, loc="left")
    _names(axes, ends)
    return picture


def lines(seen: Sequence[Snapshot], measure: str) -> tuple[np.ndarray, np.ndarray]:
    """(steps, sizes); NaN, which draws nothing, where a size is 0 or not finite."""
    sizes = np.array([s.rms if measure == "rms" else s.norm for s in seen])
    return np.array([s.step for s in seen]), np.where(np.isfinite(sizes) & (sizes > 0), sizes, np.nan)


def _names(axes: Any, ends: Sequence[tuple[float, str, Any]]) -> None:
    """Each line's name at its right end, moved apart where they would cover each other."""
    low, high = (np.log10(y) for y in axes.get_ylim())
    room = (high - low) * 0.062
    shown = sorted((np.log10(end) if np.isfinite(end) else low, name, colour) for end, name, colour in ends)
    heights: list[float] = []
    for height, _, _ in shown:
        heights.append(max(height, heights[-1] + room) if heights else max(height, low))
    surplus = max(0.0, heights[-1] - high)
    heights = [h - surplus for h in heights]
    for i in range(len(heights) - 2, -1, -1):  # what was pushed down again must not push into its neighbour
        heights[i] = min(heights[i], heights[i + 1] - room)
    for height, (_, name, colour) in zip(heights, shown, strict=True):
        place = (1.015, (height - low) / (high - low))
        axes.annotate(name, place, xycoords="axes fraction", color=colour, va="center", fontsize=style.TEXT - 1)
