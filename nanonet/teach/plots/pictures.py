"""Images as they are: a few samples of a data set, with what they are, or what a model took them for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nanonet.teach.plots import style
from nanonet.tensor import Tensor


def plot_images(
    images: Any,
    labels: Sequence[Any] | np.ndarray | None = None,
    image_shape: tuple[int, int] | None = None,
    columns: int = 10,
    title: str = "",
) -> Any:
    """Draw images in grey, dark where the value is high, all on one scale.

    images      (N, H, W), (N, 1, H, W), or (N, H·W) with `image_shape`
    labels      N words or numbers, to stand above the images
    """
    array = np.asarray(images.array if isinstance(images, Tensor) else images)
    if array.ndim == 2 and image_shape is not None and array.shape[1] == math.prod(image_shape):
        array = array.reshape(-1, *image_shape)
    if array.ndim == 4 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 3 or not len(array):
        raise ValueError(f"plot_images: expected (N, H, W), or (N, H·W) with image_shape, got {array.shape}")
    if labels is not None and len(labels) != len(array):
        raise ValueError(f"plot_images: expected a label for each of {len(array)} images, got {len(labels)}")
    columns = min(columns, len(array))
    rows = math.ceil(len(array) / columns)
    height = 0.92 if labels is None else 1.15
    picture = style.figure(0.92 * columns + 0.1, height * rows + (0.4 if title else 0.1))
    if title:
        picture.suptitle(title, color=style.INK, size=style.TEXT + 2)
    for i, axes in enumerate(picture.subplots(rows, columns, squeeze=False).flat):
        axes.set_axis_off()
        if i < len(array):
            axes.imshow(array[i], cmap="Greys", vmin=float(array.min()), vmax=float(array.max()))
            if labels is not None:
                axes.set_title(str(labels[i]), fontsize=style.TEXT, color=style.INK, pad=3)
    return picture
