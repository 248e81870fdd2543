"""The house's colours and the empty figure that every plot starts from."""

from __future__ import annotations

from typing import Any

INK, SOFT, RULE = "#1f2328", "#5d6570", "#dcdad3"
ORANGE, BLUE = "#b4531a", "#1668a8"
# Told apart in every common kind of colour blindness, and in grey: they differ in lightness too.
CLASSES = ("#1668a8", "#e08a3c", "#1b8a6b", "#8a3ffc", "#d7477d", "#5b4a3a", "#57b4e9", "#c9b400", "#333333", "#a9c4a0")
TEXT = 10  # points: readable when a page shows the figure at 80 % of its size


def figure(width: float, height: float) -> Any:
    """An empty Figure of so many inches, which shows itself in notebooks; no window, no pyplot, nothing global."""
    from nanonet.teach.plots.picture import Picture  # a Figure, so that matplotlib is imported here

    return Picture(figsize=(width, height), layout="constrained", facecolor="white")


def tidy(axes: Any, grid: str = "") -> Any:
    """House style for one Axes: no box, soft ticks, thin lines along `grid` ("x", "y", "both" or none)."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(RULE)
    axes.tick_params(colors=SOFT, labelsize=TEXT - 1, length=3)
    axes.xaxis.label.set(color=INK, size=TEXT)
    axes.yaxis.label.set(color=INK, size=TEXT)
    axes.title.set(color=INK, size=TEXT + 1)
    if grid:
        axes.grid(axis=grid, color=RULE, linewidth=0.7)
        axes.set_axisbelow(True)
    return axes


def colour_bar(picture: Any, image: Any, axes: Any, name: str, **options: Any) -> Any:
    """The scale of an image's colours, with what they stand for above it."""
    bar = picture.colorbar(image, ax=axes, aspect=30, pad=0.02, **options)
    bar.outline.set_visible(False)
    bar.minorticks_off()
    bar.ax.tick_params(colors=SOFT, labelsize=TEXT - 1, length=3)
    bar.ax.set_title(name, color=INK, size=TEXT - 1, loc="right")
    return bar


def shades() -> Any:
    """From paper to blue: for amounts."""
    return _colormap("amount", ["#fbfaf7", "#cfe0ee", "#86b3d8", "#1668a8", "#0a3a63"])


def two_sided() -> Any:
    """From blue over paper to orange: for values on both sides of zero."""
    return _colormap("sign", ["#0a3a63", "#1668a8", "#9cc3e2", "#fbfaf7", "#f0b58c", "#b4531a", "#6b2c08"])


def in_order(count: int) -> list[Any]:
    """`count` colours in an order that the eye sees: for layers, first to last."""
    colours = _colormap("order", ["#7a3410", "#d9772f", "#8a8a86", "#3f8fc9", "#0a3a63"])
    return [colours(i / max(count - 1, 1)) for i in range(count)]


def _colormap(name: str, colours: list[str]) -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(name, colours)
