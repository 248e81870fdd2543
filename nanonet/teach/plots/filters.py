"""First-layer weights as pictures, all on one scale of colours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nanonet.nn import Module
from nanonet.teach.plots import style
from nanonet.tensor import Tensor


def plot_filters(
    weights: Any,
    image_shape: tuple[int, int] | None = None,
    columns: int | None = None,
    most: int = 64,
    title: str = "",
) -> Any:
    """Draw what each unit of a layer looks for: orange where it counts for, blue where against, pale where not at all.

    weights      a layer with `.weight`, or an array: (K, C, H, W) or (K, H, W) filters, or (K, H·W) with `image_shape`
    columns      pictures in a row
    most         the most filters to draw

    One scale for all, from -m to m, so that pictures can be compared: m is the largest size but for 0.5 % of the
    weights. Three channels are drawn as colours, grey where 0; another number as C pictures in a row for each filter.
    """
    pictures = images(weights, image_shape)[:most]
    top = float(np.quantile(np.abs(pictures), 0.995)) or 1.0
    coloured = pictures.shape[1] == 3
    rows_of_channels = pictures.shape[1] not in (1, 3)
    tiles = pictures if coloured else pictures.reshape(-1, 1, *pictures.shape[2:])
    across = pictures.shape[1] if rows_of_channels else columns or min(len(tiles), 8 if len(tiles) > 10 else 5)
    rows = math.ceil(len(tiles) / across)
    tile = min(0.92, 9.8 / across, 9.8 / rows)  # inches
    picture = style.figure(tile * across + 1.2, tile * rows + (0.6 if title else 0.2))
    if title:
        picture.suptitle(title, color=style.INK, size=style.TEXT + 2)
    panels = picture.subplots(rows, across, squeeze=False)
    shown: Any = None
    for i, axes in enumerate(panels.flat):
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_visible(i < len(tiles))
        for spine in axes.spines.values():
            spine.set_color(style.RULE)
        if i >= len(tiles):
            continue
        if coloured:
            axes.imshow(np.clip(0.5 + np.moveaxis(tiles[i], 0, -1) / (2 * top), 0, 1))
        else:
            shown = axes.imshow(tiles[i, 0], cmap=style.two_sided(), vmin=-top, vmax=top)
        if rows_of_channels and i % across == 0:
            axes.set_ylabel(f"filter {i // across}", fontsize=style.TEXT - 1, color=style.SOFT)
    if shown is not None:
        style.colour_bar(picture, shown, panels, "weight", format="%.2g", extend="both")
    return picture


def images(weights: Any, image_shape: tuple[int, int] | None = None) -> np.ndarray:
    """(K, C, H, W) of a layer's weight or of an array."""
    if isinstance(weights, Module):
        weights = getattr(weights, "weight", None)
    array = np.asarray(weights.array if isinstance(weights, Tensor) else weights)
    if array.dtype.kind not in "fiu":
        raise TypeError("plot_filters: expected a layer with a weight or an array of weights")
    if array.ndim == 2 and image_shape is not None:
        height, width = image_shape
        if array.shape[1] % (height * width):
            raise ValueError(
                f"plot_filters: {array.shape[1]} weights make no pictures of {height}×{width}; check image_shape"
            )
        array = array.reshape(len(array), -1, height, width)
    if array.ndim == 3:
        array = array[:, None]
    if array.ndim != 4:
        raise ValueError(
            f"plot_filters: expected (K, C, H, W), (K, H, W), or (K, H·W) with image_shape, got {array.shape}"
        )
    return array.astype(np.float64)
