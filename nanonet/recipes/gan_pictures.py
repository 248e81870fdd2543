"""The GAN's pictures: a sheet of digits, digits of the same noise over the training, curves."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

COLUMNS = 12  # images in a row of the sheet over the training
ROWS = 12  # at most


def grid(images: np.ndarray, columns: int = 10, scale: int = 2) -> bytes:
    """A sheet of images (N, 1, H, W), brightness 0 to 1, as PNG: black ink on white, each pixel `scale` wide."""
    from matplotlib.image import imsave

    stream = io.BytesIO()
    large = sheet(images, columns).repeat(scale, 0).repeat(scale, 1)
    imsave(stream, large, cmap="gray_r", vmin=0, vmax=1, format="png")
    return stream.getvalue()


def sheet(images: np.ndarray, columns: int) -> np.ndarray:
    """(N, 1, H, W) -> one image with `columns` of them side by side, or fewer if there are not so many."""
    n, _, h, w = images.shape
    columns = min(columns, n)
    full = np.zeros((-(-n // columns) * columns, h, w), images.dtype)
    full[:n] = images[:, 0]
    return full.reshape(-1, columns, h, w).transpose(0, 2, 1, 3).reshape(-1, columns * w)


def over_training(steps: Sequence[float], snapshots: Sequence[np.ndarray]) -> bytes:
    """A row of images for each snapshot, beside its step: the same noise in a column."""
    n = min(len(steps), len(snapshots))
    rows = np.unique(np.linspace(0, n - 1, min(n, ROWS)).round().astype(int))
    height = snapshots[0].shape[2]
    figure, axes = _figure(6.4, 0.3 + 0.47 * len(rows))
    images = np.concatenate([snapshots[i] for i in rows])
    axes.imshow(sheet(images, len(snapshots[0])), cmap="gray_r", vmin=0, vmax=1)
    axes.set_yticks(height * (np.arange(len(rows)) + 0.5), [f"{steps[i]:,.0f}" for i in rows])
    axes.set_xticks([])
    axes.set_ylabel("step")
    return _png(figure)


def curves(history: Mapping[str, Sequence[float]]) -> bytes:
    """Both losses, and what the discriminator thinks, over the training."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, label in (("loss", "$L_D$"), ("generator_loss", "$L_G$"), ("penalty", "penalty")):
        left.plot(history["step"], history[name], label=label)
    left.axhline(2 * np.log(2), linestyle=":", color="grey", label="$L_D$ of a coin, 2 ln 2")
    for name, label in (("val_real", "real digits, not trained on"), ("val_fake", "generated digits")):
        right.plot(history["step"], history[name], label=label)
    right.axhline(0.5, linestyle=":", color="grey")
    left.set(xlabel="step", ylabel="loss")
    right.set(xlabel="step", ylabel="mean probability of being real", ylim=(0, 1))
    left.legend()
    right.legend()
    return _png(figure)


def _figure(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _png(figure: Any) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=100)
    return stream.getvalue()
