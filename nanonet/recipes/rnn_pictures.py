"""How far back gradients reach: RNN, LSTM and GRU beside each other; and what clipping does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

import nanonet as nt
from nanonet import functional as F
from nanonet import optim
from nanonet.models.recurrent import CELLS, ClassifierConfig, SequenceClassifier, gradients_through_time
from nanonet.optim import clip_grad_norm_
from nanonet.recipes import plots

Batch = tuple[Any, Any]
HIDDEN = 64  # small networks, trained for some seconds
WILD = 3.0  # the recurrent weights times this: gradients explode
FREE = float("inf")


def gradient_pictures(batches: Iterable[Batch], steps: int = 250) -> dict[str, bytes]:
    """{"gradients.png": …}. For it, small networks of each cell are trained on `steps` of the batches."""
    drawn = [batch for batch, _ in zip(batches, range(steps), strict=False)]
    with nt.enable_grad():
        fresh: dict[str, SequenceClassifier] = {cell: network(cell) for cell in CELLS}
        before = {cell: gradients_through_time(model, *drawn[0]) for cell, model in fresh.items()}
        for model in fresh.values():
            train(model, optim.Adam(model.parameters(), lr=2e-3), drawn, clip=1.0)
        after = {cell: gradients_through_time(model, *drawn[0]) for cell, model in fresh.items()}
        before["rnn, weights × 3"] = gradients_through_time(network("rnn", WILD), *drawn[0])
        runs = {clip: network("rnn", WILD) for clip in (FREE, 1.0)}
        seen = {
            "not clipped" if clip == FREE else f"clipped to {clip:g}": train(
                model, optim.SGD(model.parameters(), lr=0.2), drawn, clip
            )
            for clip, model in runs.items()
        }
    return {"gradients.png": plots.png(_draw(before, after, seen))}


def network(cell: Any, scale: float = 1.0) -> SequenceClassifier:
    """A small one, from the same seed for all, its recurrent weights times `scale`."""
    nt.manual_seed(0)
    model = SequenceClassifier(ClassifierConfig(cell=cell, hidden=HIDDEN))
    weights = model.state_dict()
    weights["recurrent.weight_hh_l0"] = weights["recurrent.weight_hh_l0"] * scale
    model.load_state_dict(weights)
    return model


def train(model: SequenceClassifier, optimizer: Any, batches: Sequence[Batch], clip: float) -> list[float]:
    """A step on each batch; the losses."""
    losses: list[float] = []
    for x, y in batches:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        losses.append(loss.item())
    return losses


def _draw(
    before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray], losses: Mapping[str, Sequence[float]]
) -> Any:
    from nanonet.teach.plots import style

    picture = style.figure(11.5, 3.6)
    panels = picture.subplots(1, 3)
    for axes, found, title in ((panels[0], before, "at the start"), (panels[1], after, "after training")):
        for (name, norms), colour in zip(found.items(), style.CLASSES, strict=False):
            axes.plot(np.arange(1, len(norms) + 1), norms, color=colour, label=name)
        axes.set_yscale("log")
        axes.set(xlabel="step t of the sequence", ylabel="‖∂loss/∂state at t‖", ylim=(1e-8, 1e3))
        axes.set_title(f"gradients {title}", loc="left")
    for (name, values), colour in zip(losses.items(), (style.ORANGE, style.BLUE), strict=True):
        smooth = np.convolve(values, np.ones(10) / 10, mode="valid")
        panels[2].plot(np.arange(len(smooth)) + 10, smooth, color=colour, label=name)
    panels[2].set(xlabel="step of training", ylabel="loss, mean of 10 steps")
    panels[2].set_title("rnn, weights × 3", loc="left")
    for axes in panels:
        style.tidy(axes, grid="y").legend(frameon=False, fontsize=style.TEXT - 1)
    return picture
