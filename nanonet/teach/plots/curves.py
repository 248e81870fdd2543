"""Lines over a common axis: learning curves, functions and their derivatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nanonet.teach.plots import style


def plot_curves(
    series: Mapping[str, Sequence[float] | np.ndarray],
    x: Sequence[float] | np.ndarray | None = None,
    xlabel: str = "step",
    ylabel: str = "loss",
    log: bool = False,
    log_x: bool = False,
    title: str = "",
) -> Any:
    """{name: values} as lines in the house's colours; a `History` is such a dict.

    x       where the values stand; None: 0, 1, 2, …
    log     a logarithmic axis of values; log_x: of where they stand
    """
    if not series:
        raise ValueError("plot_curves: expected {name: values}, got nothing")
    picture = style.figure(6.4, 3.6)
    axes = picture.add_subplot()
    dashes = ("-", "--", "-.", ":")
    for i, (name, values) in enumerate(series.items()):
        where = np.arange(len(values)) if x is None else np.asarray(x)
        colour = (style.ORANGE, style.BLUE, *style.CLASSES[2:])[i % 10]
        axes.plot(where, np.asarray(values), color=colour, linestyle=dashes[i % 4], linewidth=2, label=name)
    if x is None:
        axes.xaxis.get_major_locator().set_params(integer=True)
    if log:
        axes.set_yscale("log")
    if log_x:
        axes.set_xscale("log")
    style.tidy(axes, grid="y")
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if len(series) > 1:
        axes.legend(fontsize=style.TEXT - 1, frameon=False)
    if title:
        axes.set_title(title, loc="left")
    return picture
