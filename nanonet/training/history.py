"""History: the figures of every epoch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any


class History(dict[str, list[float]]):
    """{"loss": [one per epoch], "accuracy": [...], "val_loss": [...], ...}: a dict of lists.

    interrupted     whether Ctrl-C ended the run
    stopped         why a callback ended the run, or ""
    """

    interrupted: bool = False
    stopped: str = ""

    @property
    def history(self) -> History:
        """The dict itself: Keras's name for it."""
        return self

    @property
    def epochs(self) -> int:
        """The number of completed epochs."""
        return max((len(figures) for figures in self.values()), default=0)

    def append(self, figures: Mapping[str, float]) -> None:
        """The figures of one more epoch. A figure that earlier epochs did not have is NaN there."""
        before = self.epochs
        for name in {**self, **figures}:
            column = self.setdefault(name, [float("nan")] * before)
            column.append(float(figures.get(name, float("nan"))))

    def best(self, monitor: str = "val_loss", mode: str = "auto") -> tuple[int, float]:
        """(epoch from 1, value) of the lowest figure, or the highest, if `mode` or the name says so."""
        values = [v for v in self.get(monitor, ()) if v == v]
        if not values:
            raise KeyError(f"History: there is no number {monitor!r}; the figures are {', '.join(self)}")
        best = max(values) if direction(monitor, mode) == "max" else min(values)
        return self[monitor].index(best) + 1, best

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Loss and metrics over the epochs, training and validation together: a matplotlib Figure, saved to `path`."""
        from matplotlib.figure import Figure

        names = [name for name in self if not name.startswith("val_")]
        figure = Figure(figsize=(5 * max(1, len(names)), 3.5), layout="constrained")
        for i, name in enumerate(names):
            axes = figure.add_subplot(1, len(names), i + 1)
            for key, label in ((name, "training"), (f"val_{name}", "validation")):
                if key in self:
                    axes.plot(range(1, len(self[key]) + 1), self[key], label=label)
            axes.set(xlabel="epoch", ylabel=name)
            axes.legend()
        if path is not None:
            figure.savefig(path)
        return figure


def direction(monitor: str, mode: str = "auto") -> str:
    """ "min" where lower is better (losses and errors), "max" where higher is (accuracy, …)."""
    if mode not in ("auto", "min", "max"):
        raise ValueError(f"mode: expected 'auto', 'min' or 'max', got {mode!r}")
    if mode != "auto":
        return mode
    return "min" if any(part in monitor for part in ("loss", "rmse", "error")) else "max"
