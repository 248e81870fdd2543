"""The VAE's pictures: tiles of images, the map of codes, the curves. Arrays in, PNG out."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np

from nanonet.training.history import History


def tiles(images: np.ndarray, scale: int = 2) -> bytes:
    """Images (rows, columns, …, 28, 28) from 0 to 1 beside and below each other, as black ink on white."""
    from PIL import Image  # Matplotlib needs it too

    rows, columns, side = images.shape[0], images.shape[1], images.shape[-1]
    cells = np.pad(images.reshape(rows, columns, side, side), ((0, 0), (0, 0), (1, 1), (1, 1)))
    sheet = cells.transpose(0, 2, 1, 3).reshape(rows * (side + 2), columns * (side + 2))
    stream = io.BytesIO()
    ink = np.kron(255 * (1 - sheet), np.ones((scale, scale))).round().astype(np.uint8)
    Image.fromarray(ink).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def rows(images: np.ndarray) -> np.ndarray:
    """Images (N, …) as a nearly square sheet (rows, columns, …); what is left over of the last row stays empty."""
    columns = math.ceil(math.sqrt(len(images)))
    count = math.ceil(len(images) / columns)
    sheet = np.zeros((count * columns, *images.shape[1:]), images.dtype)
    sheet[: len(images)] = images
    return sheet.reshape(count, columns, *images.shape[1:])


def plane(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(origin, across, down): the plane that codes (N, D) are shown in.

    Two latent numbers have their own plane, around the prior's mean, 0. More have the plane of the two directions in
    which the codes differ most (principal components), with a standard deviation as the unit.
    """
    latent = codes.shape[1]
    if latent == 2:
        return np.zeros(2), np.array([1.0, 0.0]), np.array([0.0, 1.0])
    centre = codes.mean(0)
    _, spread, directions = np.linalg.svd(codes - centre, full_matrices=False)
    units = spread[:, None] * directions / math.sqrt(len(codes))
    return centre, units[0], units[1] if latent > 1 else np.zeros(1)


def latent_map(
    codes: np.ndarray, labels: np.ndarray, origin: np.ndarray, across: np.ndarray, down: np.ndarray
) -> bytes:
    """The codes (N, D) as points of the plane, coloured by the class that they belong to."""
    figure, axes = _axes(6, 5.4)
    x, y = ((codes - origin) @ axis / max(axis @ axis, 1e-12) for axis in (across, down))
    for label in np.unique(labels):
        own, colour = labels == label, f"C{label}"
        axes.scatter(x[own], y[own], s=9, color=colour, alpha=0.65, linewidths=0)
        box = {"facecolor": "white", "edgecolor": colour, "boxstyle": "circle,pad=0.25", "alpha": 0.9}
        axes.text(np.median(x[own]), np.median(y[own]), str(label), color=colour, weight="bold", bbox=box)
    names = ("z[0]", "z[1]") if codes.shape[1] == 2 else ("first principal axis", "second principal axis")
    axes.set(xlabel=names[0], ylabel=names[1], title="means of q(z|x) of the held-out images")
    return _png(figure)


def curves(history: History, warmup: int) -> bytes:
    """Reconstruction and KL over the steps, of training and of held-out images; the first `warmup` steps shaded."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    for i, name in enumerate(("reconstruction", "kl")):
        axes = figure.add_subplot(1, 2, i + 1)
        for key, label in ((name, "training"), (f"val_{name}", "held out")):
            axes.plot(history["step"], history[key], label=label)
        if warmup:
            axes.axvspan(0, warmup, color="grey", alpha=0.2, linewidth=0, label="warm-up of the KL")
        axes.set(xlabel="step", ylabel="nats per image", title={"kl": "KL"}.get(name, name))
        axes.legend()
    return _png(figure)


def _axes(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _png(figure: Any) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    return stream.getvalue()
