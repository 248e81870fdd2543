"""The picture of a landscape: contours with the optimizer's path, and the loss along that path."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.teach.plots import style
from nanonet.teach.plots.landscape import Landscape


def plot_landscape(found: Landscape, title: str = "", names: tuple[str, str] | None = None) -> Any:
    """Draw a `landscape`: the loss on the plane as contours, the path on it, and beside it the loss at each step.

    The levels are close together at low losses. `names` replaces what stands at the axes.
    """
    steps = len(found.path)
    picture = style.figure(9.2 if steps else 5.4, 4.2)
    if title:
        picture.suptitle(title, color=style.INK, size=style.TEXT + 2)
    columns = picture.subplots(1, 2, width_ratios=(1.25, 1), squeeze=False)[0] if steps else [picture.add_subplot()]
    _contours(picture, columns[0], found, names or found.names)
    if steps:
        _path(columns[0], found)
        _along(columns[1], found)
    return picture


def levels(found: Landscape, count: int = 14) -> np.ndarray:
    """Where the contours lie: denser towards the lowest loss; the highest tenth of the grid is one colour."""
    values = found.losses[np.isfinite(found.losses)]
    if not values.size:
        raise ValueError("plot_landscape: the loss is finite nowhere on the grid; choose a smaller span")
    low = float(values.min())
    high = max(float(np.quantile(values, 0.9)), *found.path_losses[np.isfinite(found.path_losses)], low)
    high = high if high > low else low + max(abs(low), 1.0) * 1e-6
    return low + (high - low) * np.linspace(0, 1, count) ** 2


def _contours(picture: Any, axes: Any, found: Landscape, names: tuple[str, str]) -> None:
    from matplotlib.colors import BoundaryNorm

    edges, colours = levels(found), style.shades()
    norm = BoundaryNorm(edges, colours.N, extend="max")
    losses = np.ma.masked_invalid(found.losses)
    filled = axes.contourf(found.a, found.b, losses, edges, cmap=colours, norm=norm, extend="max")
    axes.contour(found.a, found.b, losses, edges, colors="white", linewidths=0.5)
    style.colour_bar(picture, filled, axes, "loss", ticks=edges[::3], format="%.3g")
    style.tidy(axes)
    axes.set(xlabel=names[0], ylabel=names[1])
    axes.locator_params(nbins=6)
    if not len(found.path):
        axes.plot(*found.here, "o", color=style.ORANGE, markeredgecolor="white", markersize=8)


def _path(axes: Any, found: Landscape) -> None:
    from matplotlib.patheffects import Normal, Stroke

    x, y = found.path.T
    casing = [Stroke(linewidth=3.6, foreground="white"), Normal()]
    dots = "." if len(x) <= 60 else ""
    axes.plot(x, y, color=style.ORANGE, linewidth=1.8, marker=dots, markersize=5, path_effects=casing)
    axes.plot(
        x[0], y[0], "o", color="white", markeredgecolor=style.ORANGE, markeredgewidth=2, markersize=9, label="start"
    )
    axes.plot(
        x[-1], y[-1], "o", color=style.ORANGE, markeredgecolor="white", markeredgewidth=1.2, markersize=10, label="end"
    )
    axes.set(xlim=(found.a[0], found.a[-1]), ylim=(found.b[0], found.b[-1]))
    axes.legend(fontsize=style.TEXT - 1, framealpha=0.9, edgecolor=style.RULE, borderpad=0.5)


def _along(axes: Any, found: Landscape) -> None:
    steps = np.arange(len(found.path_losses))
    axes.plot(steps, found.path_losses, color=style.ORANGE, linewidth=2, label="at the path's points")
    finite = found.path_losses[np.isfinite(found.path_losses)]
    if not np.allclose(found.shadow_losses, found.path_losses, rtol=1e-3, equal_nan=True):
        axes.plot(steps, found.shadow_losses, color=style.BLUE, linestyle="--", label="at their shadows on the plane")
        axes.legend(fontsize=style.TEXT - 1, frameon=False)
    if finite.size and finite.min() > 0 and finite.max() > 50 * finite.min():
        axes.set_yscale("log")
    style.tidy(axes, grid="y")
    axes.set(xlabel="step", ylabel="loss")
