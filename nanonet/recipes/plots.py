"""Pictures of a training and of its mistakes, as PNG: curves, grids of images, confusion, ROC."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from nanonet.training import metrics
from nanonet.training.history import History

BLUE, ORANGE, INK, SOFT = "#1668a8", "#b4531a", "#1f2328", "#5d6570"


def figure(width: float, height: float) -> Any:
    """An empty matplotlib Figure of so many inches; no window, nothing global."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def axes(width: float = 4.5, height: float = 3.5) -> tuple[Any, Any]:
    """A Figure with one Axes."""
    made = figure(width, height)
    return made, tidy(made.add_subplot())


def tidy(axes: Any) -> Any:
    """Without a box."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=SOFT, labelsize=9)
    return axes


def png(made: Any, dpi: int = 110) -> bytes:
    """The Figure as PNG with 256 colours, a third as large as with all."""
    from PIL import Image  # comes with matplotlib

    stream = io.BytesIO()
    made.savefig(stream, format="png", dpi=dpi)
    image = Image.open(stream).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    stream = io.BytesIO()
    image.save(stream, format="png", optimize=True)
    return stream.getvalue()


def two_sided() -> Any:
    """From blue over paper to orange: for values on both sides of zero."""
    from matplotlib.colors import LinearSegmentedColormap

    colours = ["#0a3a63", BLUE, "#9cc3e2", "#fbfaf7", "#f0b58c", ORANGE, "#6b2c08"]
    return LinearSegmentedColormap.from_list("sign", colours)


def curves(history: History) -> bytes:
    """Every figure over the steps: in training, and on held-out data (val_…)."""
    names = [name for name in history if name not in ("step", "seconds")]
    shown = list(dict.fromkeys(name.removeprefix("val_") for name in names))
    made = figure(4.5 * len(shown), 3.2)
    for i, name in enumerate(shown, 1):
        panel = tidy(made.add_subplot(1, len(shown), i))
        for key, label, colour in ((name, "training", BLUE), (f"val_{name}", "validation", ORANGE)):
            if key in history:
                panel.plot(history["step"], history[key], label=label, color=colour)
        panel.set(xlabel="step", ylabel=name)
        panel.legend(frameon=False)
    return png(made)


def images(
    pixels: np.ndarray, titles: Sequence[str] = (), columns: int = 10, signed: bool = False, size: float = 0.85
) -> bytes:
    """Images (N, H, W) in a grid, dark on light; `signed`: blue below zero, orange above, each with its own scale."""
    rows = max(-(-len(pixels) // columns), 1)
    made = figure(size * columns, (size + (0.22 if titles else 0)) * rows)
    grid = made.subplots(rows, columns, squeeze=False).reshape(-1)
    for panel in grid:
        panel.axis("off")
    for i, image in enumerate(pixels):
        top = float(abs(image).max()) or 1.0
        options = (
            {"cmap": two_sided(), "vmin": -top, "vmax": top} if signed else {"cmap": "Greys", "vmin": 0, "vmax": 1}
        )
        grid[i].imshow(image, **options)
        if titles:
            grid[i].set_title(titles[i], fontsize=9, color=INK, pad=2)
    return png(made)


def mistakes(pixels: np.ndarray, true: np.ndarray, logits: np.ndarray, most: int = 40) -> bytes:
    """The images (N, H, W) that were taken for another class, "is → said"; the surest mistakes first."""
    said = logits.argmax(1)
    wrong = np.flatnonzero(said != true)
    sureness = logits[wrong, said[wrong]] - logits[wrong, true[wrong]]
    wrong = wrong[np.argsort(-sureness, kind="stable")][:most]
    return images(pixels[wrong], [f"{true[i]} → {said[i]}" for i in wrong])


def confusion(true: np.ndarray, said: np.ndarray, names: Sequence[str]) -> bytes:
    """How often class i (row) was called class j (column); mistakes in orange."""
    counts = np.zeros((len(names), len(names)), int)
    np.add.at(counts, (true, said), 1)
    made, panel = axes(1.6 + 0.42 * len(names), 1.4 + 0.42 * len(names))
    wrong = counts * (1 - np.eye(len(names), dtype=int))
    panel.imshow(np.ma.masked_equal(wrong, 0), cmap="Oranges", vmin=0, vmax=max(2 * wrong.max(), 1))
    for (i, j), count in np.ndenumerate(counts):
        if count:
            panel.text(j, i, str(count), ha="center", va="center", fontsize=8, color=INK if i != j else BLUE)
    turn = {"rotation": 45, "ha": "right"} if max(map(len, names)) > 3 else {}
    panel.set_xticks(range(len(names)), names, **turn)
    panel.set_yticks(range(len(names)), names)
    panel.set(xlabel="said", ylabel="is")
    return png(made)


def roc(true: np.ndarray, scores: np.ndarray) -> bytes:
    """True against false positive rate, for every threshold."""
    false_rate, true_rate, _ = metrics.roc_curve(true, scores, kind="logits")
    made, panel = axes(3.6, 3.6)
    panel.plot([0, 1], [0, 1], linestyle=":", color=SOFT)
    panel.plot(false_rate, true_rate, color=BLUE)
    panel.set(xlabel="false positive rate", ylabel="true positive rate")
    return png(made)


def line(x: np.ndarray, y: np.ndarray, at: np.ndarray, predicted: np.ndarray) -> bytes:
    """The points (x, y) of the training, and what is predicted at other places; all (N, 1)."""
    made, panel = axes()
    order = np.argsort(at[:, 0])
    panel.scatter(x, y, s=10, color=BLUE, label="training")
    panel.plot(at[order], predicted[order], color=ORANGE, label="the network")
    panel.set(xlabel="x", ylabel="y")
    panel.legend(frameon=False)
    return png(made)
