"""Callbacks: what happens between the batches and epochs of a fit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanonet.optim.lr_scheduler import ReduceLROnPlateau
from nanonet.training.checkpoint import SUFFIX
from nanonet.training.history import direction

if TYPE_CHECKING:
    from nanonet.training.trainer import Trainer

Figures = Mapping[str, float]


class Callback:
    """Base: a subclass overrides what it wants to do. `trainer` has model, optimizer, history, epoch, batch, stop(why).

    A callback that decides by what it saw earlier gives that in `state_dict`, so that a resumed run decides alike.
    """

    last = False  # to be called after those whose state it saves

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Before the first epoch (and before a checkpoint is loaded to resume)."""

    def on_epoch_begin(self, trainer: Trainer) -> None:
        """`trainer.epoch` epochs are complete; another one begins (or goes on, where a run is resumed)."""

    def on_batch_end(self, trainer: Trainer) -> None:
        """The weights have changed; `trainer.batch` batches of this epoch are done."""

    def on_epoch_end(self, trainer: Trainer, figures: Figures) -> None:
        """`trainer.epoch` epochs are complete; `figures` are the last one's, with "val_…" for validation."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """After the last epoch, also when the run ended by an error or by Ctrl-C."""

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run must know: arrays and plain values."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        vars(self).update(state)


class Best:
    """Whether a figure is the best so far."""

    def __init__(self, owner: str, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        self.owner = owner
        self.monitor = monitor
        self.sign = -1.0 if direction(monitor, mode) == "min" else 1.0
        self.min_delta = abs(min_delta)
        self.value: float | None = None

    def improves(self, figures: Figures) -> bool:
        """Better than the best by more than min_delta? Then it is the best from now on. NaN is never better."""
        if self.monitor not in figures:
            raise ValueError(
                f"{self.owner}: there is no figure {self.monitor!r} to monitor, only {', '.join(figures)}; "
                "give validation data for val_…, or ask for the metric"
            )
        value = figures[self.monitor]
        if value != value or (self.value is not None and self.sign * (value - self.value) <= self.min_delta):
            return False
        self.value = value
        return True


class EarlyStopping(Callback):
    """Stop when the figure `monitor` has not improved by more than `min_delta` for `patience` epochs (at least one).

    mode                    "min", "max", or "auto" by the figure's name
    restore_best_weights    in the end, also without an early stop, put back the weights of the best epoch
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 0,
        min_delta: float = 0.0,
        mode: str = "auto",
        restore_best_weights: bool = False,
    ) -> None:
        self.best = Best("EarlyStopping", monitor, mode, min_delta)
        self.patience = max(1, patience)
        self.restore_best_weights = restore_best_weights

    def on_fit_begin(self, trainer: Trainer) -> None:
        self.best.value = None
        self.waited = 0
        self.best_epoch = 0
        self.weights: dict[str, Any] | None = None

    def on_epoch_end(self, trainer: Trainer, figures: Figures) -> None:
        if self.best.improves(figures):
            self.waited, self.best_epoch = 0, trainer.epoch
            if self.restore_best_weights:
                self.weights = {k: v.array.copy() for k, v in trainer.model.state_dict().items()}
            return
        self.waited += 1
        if self.waited >= self.patience:
            trainer.stop(f"{self.best.monitor} has not improved since epoch {self.best_epoch}")

    def on_fit_end(self, trainer: Trainer) -> None:
        if self.weights is not None:
            trainer.model.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        seen = {"waited": self.waited, "best_epoch": self.best_epoch, "weights": self.weights}
        return {**seen, "value": self.best.value}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.waited, self.best_epoch, self.weights = state["waited"], state["best_epoch"], state["weights"]
        self.best.value = state["value"]


class Checkpoint(Callback):
    """Keep the run in `folder`: last.safetensors every `every` epochs, to go on with `fit(resume_from=folder)`.

    monitor     e.g. "val_accuracy": also best.safetensors, whenever that figure is the best so far
    mode        "min", "max", or "auto" by the figure's name
    batches     also save within an epoch, after every so many batches; 0: no

    A file is replaced in one step by a complete new one. Raises CheckpointError where that cannot be written.
    """

    last = True

    def __init__(
        self, folder: str | os.PathLike[str], every: int = 1, monitor: str = "", mode: str = "auto", batches: int = 0
    ) -> None:
        if every < 1 or batches < 0:
            raise ValueError(f"Checkpoint: expected every ≥ 1 and batches ≥ 0, got {every} and {batches}")
        self.folder = Path(folder)
        self.every = every
        self.batches = batches
        self.best = Best("Checkpoint", monitor, mode) if monitor else None

    def on_fit_begin(self, trainer: Trainer) -> None:
        if self.best is not None:
            self.best.value = None

    def on_batch_end(self, trainer: Trainer) -> None:
        if self.batches and trainer.batch % self.batches == 0:
            trainer.save(self.folder / f"last{SUFFIX}")

    def on_epoch_end(self, trainer: Trainer, figures: Figures) -> None:
        improved = self.best is not None and self.best.improves(figures)
        if improved:
            trainer.save(self.folder / f"best{SUFFIX}")
        if trainer.epoch % self.every == 0:
            trainer.save(self.folder / f"last{SUFFIX}")

    def state_dict(self) -> dict[str, Any]:
        return {"best": None if self.best is None else self.best.value}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if self.best is not None:
            self.best.value = state["best"]


class Schedule(Callback):
    """Move the learning rate: `Schedule(lambda optimizer: StepLR(optimizer, 3))`, or a schedule that exists.

    every       "epoch" or "batch": how often the schedule goes one step further
    monitor     the figure that ReduceLROnPlateau looks at
    """

    def __init__(self, schedule: Any, every: str = "epoch", monitor: str = "val_loss") -> None:
        if every not in ("epoch", "batch"):
            raise ValueError(f"Schedule: expected every 'epoch' or 'batch', got {every!r}")
        if not callable(schedule) and not hasattr(schedule, "step"):
            raise TypeError(f"Schedule: expected a schedule or a function of the optimizer, got {schedule!r}")
        self.make: Callable[[Any], Any] | None = schedule if callable(schedule) else None
        self.schedule: Any = None if self.make else schedule
        self.every = every
        self.monitor = monitor

    def on_fit_begin(self, trainer: Trainer) -> None:
        if self.make:
            self.schedule = self.make(trainer.optimizer)
        if self.schedule.optimizer is not trainer.optimizer:
            raise ValueError("Schedule: the schedule belongs to another optimizer; give a function of the optimizer")
        if self.every == "batch" and isinstance(self.schedule, ReduceLROnPlateau):
            raise ValueError("Schedule: ReduceLROnPlateau needs a figure of each epoch; use every='epoch'")

    def on_batch_end(self, trainer: Trainer) -> None:
        if self.every == "batch":
            self.schedule.step()

    def on_epoch_end(self, trainer: Trainer, figures: Figures) -> None:
        if self.every == "batch":
            return
        if not isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step()
        elif self.monitor in figures:
            self.schedule.step(figures[self.monitor])
        else:
            raise ValueError(f"Schedule: there is no figure {self.monitor!r} to monitor, only {', '.join(figures)}")

    def state_dict(self) -> dict[str, Any]:
        return self.schedule.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.schedule.load_state_dict(dict(state))


def in_order(callbacks: Iterable[Callback]) -> list[Callback]:
    """The callbacks, those that save the others' state last."""
    found = list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]
    wrong = [c for c in found if not isinstance(c, Callback)]
    if wrong or not isinstance(callbacks, Iterable):
        raise TypeError(f"fit: expected a list of Callback objects, got {(wrong or found)[0]!r}")
    return sorted(found, key=lambda callback: callback.last)


def named(callbacks: Iterable[Callback]) -> Iterator[tuple[str, Callback]]:
    """Each callback with its class's name, numbered where there are several of a class."""
    seen: dict[str, int] = {}
    for callback in callbacks:
        name = type(callback).__name__
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name} {seen[name]}"), callback
