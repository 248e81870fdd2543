"""The decision boundary of a classifier of two features, at several moments of its training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nanonet.nn import Module
from nanonet.teach.plots import style
from nanonet.teach.plots.quiet import undisturbed
from nanonet.tensor import Tensor
from nanonet.training.callbacks import Callback

if TYPE_CHECKING:
    from nanonet.training.trainer import Trainer


@dataclass(frozen=True)
class Frame:
    """What the model says everywhere: probabilities (ny, nx, classes) at the points x1[i], x2[j]."""

    label: str
    x1: np.ndarray
    x2: np.ndarray
    probabilities: np.ndarray


class BoundaryRecorder(Callback):
    """Keeps the model's answers on a grid over the data at some moments; training goes on bit for bit as without it.

    model       a Module that takes (N, 2), or a function of such a Tensor. Its outputs are (N,) or (N, 1) for two
                classes, else (N, classes)
    x           (N, 2) the data, for the grid's extent
    epochs      which epochs to keep as a callback of `fit`; 0 is the start. None: all
    logits      the outputs are logits, to be put through sigmoid or softmax; False: they are probabilities
    points      of the grid, along each axis

        seen = BoundaryRecorder(model, x, epochs=(0, 1, 5, 20))
        model.fit(x, y, epochs=20, callbacks=[seen])
        plot_boundaries(seen.frames, x, y)

    By hand: `seen.record("epoch 3")`.
    """

    def __init__(
        self,
        model: Module | Callable[[Any], Any],
        x: Any,
        epochs: Sequence[int] | None = None,
        logits: bool = True,
        points: int = 121,
    ) -> None:
        x = np.asarray(x.array if isinstance(x, Tensor) else x)
        if x.ndim != 2 or x.shape[1] != 2:
            raise ValueError(f"BoundaryRecorder: expected x (N, 2), two features, got {x.shape}")
        self.model, self.logits = model, logits
        self.epochs = None if epochs is None else set(epochs)
        margin = 0.1 * (x.max(axis=0) - x.min(axis=0)) + 1e-6
        low, high = x.min(axis=0) - margin, x.max(axis=0) + margin
        self.x1, self.x2 = np.linspace(low[0], high[0], points), np.linspace(low[1], high[1], points)
        self.dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.float32)
        self.frames: list[Frame] = []

    def record(self, label: str = "") -> Frame:
        """Ask the model now, in evaluation mode."""
        grid = np.stack(np.meshgrid(self.x1, self.x2), axis=-1).reshape(-1, 2).astype(self.dtype)
        model = self.model if isinstance(self.model, Module) else None
        with undisturbed(model=model):
            if model is not None:
                model.eval()
            answer: Any = self.model(Tensor.wrap(grid))
        outputs = np.asarray(answer.array if isinstance(answer, Tensor) else answer, np.float64)
        found = probabilities(outputs.reshape(len(grid), -1), self.logits)
        frame = Frame(label, self.x1, self.x2, found.reshape(len(self.x2), len(self.x1), -1))
        self.frames.append(frame)
        return frame

    def on_fit_begin(self, trainer: Trainer) -> None:
        self._keep(0)

    def on_epoch_end(self, trainer: Trainer, figures: Mapping[str, float]) -> None:
        self._keep(trainer.epoch)

    def _keep(self, epoch: int) -> None:
        if self.epochs is None or epoch in self.epochs:
            self.record("before training" if epoch == 0 else f"epoch {epoch}")


def probabilities(outputs: np.ndarray, logits: bool) -> np.ndarray:
    """(N, classes) from (N, classes) or from (N, 1), which is class 1 of two."""
    if logits:
        padded = np.concatenate([np.zeros_like(outputs), outputs], axis=1) if outputs.shape[1] == 1 else outputs
        e = np.exp(padded - padded.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)
    if outputs.min() < 0 or outputs.max() > 1:
        raise ValueError(
            f"BoundaryRecorder: expected probabilities, got values from {outputs.min():.3g} to {outputs.max():.3g}; "
            "use logits=True"
        )
    return np.concatenate([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs


def plot_boundaries(
    frames: Sequence[Frame], x: Any, y: Any, title: str = "", names: tuple[str, str] = ("x₁", "x₂")
) -> Any:
    """Small pictures side by side, one for each frame: the sure regions in full colour, the boundary as a dark line.

    x (N, 2) and y (N,), class indices, are drawn on each. `names` stands at the axes.
    """
    if not frames:
        raise ValueError("plot_boundaries: there are no frames; fit with callbacks=[BoundaryRecorder(model, x)]")
    x = np.asarray(x.array if isinstance(x, Tensor) else x)
    y = np.asarray(y.array if isinstance(y, Tensor) else y).reshape(-1).astype(int)
    columns = min(len(frames), 4)
    rows = math.ceil(len(frames) / columns)
    picture = style.figure(2.45 * columns + 0.4, 2.6 * rows + 0.5)
    if title:
        picture.suptitle(title, color=style.INK, size=style.TEXT + 2)
    panels = picture.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for number, frame in enumerate(frames):
        axes = panels.flat[number]
        _regions(axes, frame)
        _dots(axes, x, y)
        style.tidy(axes)
        axes.set_title(frame.label)
        axes.set(xlim=(frame.x1[0], frame.x1[-1]), ylim=(frame.x2[0], frame.x2[-1]))
        if number % columns == 0:
            axes.set_ylabel(names[1])
        if number + columns >= len(frames):
            axes.set_xlabel(names[0])
            axes.tick_params(labelbottom=True)
    for axes in list(panels.flat)[len(frames) :]:
        axes.set_visible(False)
    _key(picture, np.unique(y))
    return picture


def _regions(axes: Any, frame: Frame) -> None:
    """Each class's colour, as strong as the model is sure; white where it does not know."""
    from matplotlib.colors import to_rgb

    p = frame.probabilities
    classes = p.shape[-1]
    colours = np.array([to_rgb(style.CLASSES[k % len(style.CLASSES)]) for k in range(classes)])
    sure = (p.max(axis=-1, keepdims=True) - 1 / classes) / (1 - 1 / classes)
    shade = 1 - 0.55 * sure * (1 - colours[p.argmax(axis=-1)])
    ends = (frame.x1[0], frame.x1[-1], frame.x2[0], frame.x2[-1])
    axes.imshow(shade, origin="lower", extent=ends, aspect="auto", interpolation="bilinear")
    for k in range(1 if classes == 2 else 0, classes):
        others = np.delete(p, k, axis=-1).max(axis=-1)
        lead = p[..., k] - others
        if lead.min() < 0 < lead.max():
            axes.contour(frame.x1, frame.x2, lead, [0.0], colors=style.INK, linewidths=1.3)


def _dots(axes: Any, x: np.ndarray, y: np.ndarray) -> None:
    size = float(np.clip(3000 / len(x), 13, 70))  # few points may be larger
    for k in np.unique(y):
        mine = x[y == k]
        colour, shape = style.CLASSES[k % len(style.CLASSES)], "os^Dv<>ph*"[k % 10]
        axes.scatter(mine[:, 0], mine[:, 1], s=size, color=colour, marker=shape, edgecolor="white", linewidth=0.5)


def _key(picture: Any, classes: np.ndarray) -> None:
    from matplotlib.lines import Line2D

    look = {"linestyle": "", "markeredgecolor": "white", "markersize": 8}
    dots = [
        Line2D([], [], color=style.CLASSES[k % 10], marker="os^Dv<>ph*"[k % 10], label=f"class {k}", **look)
        for k in classes
    ]
    picture.legend(
        handles=dots, loc="outside lower center", ncols=min(len(dots), 6), frameon=False, fontsize=style.TEXT - 1
    )
