"""What a person sees of a fit: a bar per epoch in a terminal, a line per epoch elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Sized
from typing import TYPE_CHECKING, Any

from nanonet.training.callbacks import Callback, Figures

if TYPE_CHECKING:
    from nanonet.training.trainer import Trainer

INTERVAL = 0.1  # seconds between two looks at a bar


def display(verbose: Any, epochs: int) -> list[Callback]:
    """None or "auto": by where the output goes; 0: nothing; 1: a bar; 2: lines."""
    if verbose not in (None, "auto", 0, 1, 2):
        raise ValueError(f"fit: expected verbose as None, 0, 1 or 2, got {verbose!r}")
    if verbose in (None, "auto"):
        verbose = 1 if sys.stdout.isatty() else 2
    return [Bar(epochs)] if verbose == 1 else [Lines(epochs)] if verbose == 2 else []


class Lines(Callback):
    """`epoch 3/10: loss 0.1234, accuracy 0.9500 (1.2 s)`."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_epoch_begin(self, trainer: Trainer) -> None:
        self.begin = time.perf_counter()

    def on_epoch_end(self, trainer: Trainer, figures: Figures) -> None:
        seconds = time.perf_counter() - self.begin
        print(f"epoch {trainer.epoch}/{self.epochs}: {in_words(figures)} ({seconds:.1f} s)", flush=True)

    def on_fit_end(self, trainer: Trainer) -> None:
        if ending(trainer):
            print(ending(trainer), flush=True)


class Bar(Callback):
    """A bar for the running epoch with the loss and the metrics so far; full, it stays with the epoch's figures."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_fit_begin(self, trainer: Trainer) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
        from rich.table import Column

        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[figures]}", table_column=Column()),  # in a narrow terminal, on several lines
        )
        self.progress.start()

    def on_epoch_begin(self, trainer: Trainer) -> None:
        total = len(trainer.loader) if isinstance(trainer.loader, Sized) else None
        name = f"epoch {trainer.epoch + 1}/{self.epochs}"
        self.task = self.progress.add_task(name, total=total, completed=trainer.batch, figures="")
        self.looked = time.perf_counter()

    def on_batch_end(self, trainer: Trainer) -> None:
        now = time.perf_counter()
        if now - self.looked >= INTERVAL:
            self.looked = now
            self.show(trainer.batch, trainer.tally.figures())

    def on_epoch_end(self, trainer: Trainer, figures: Figures) -> None:
        total = self.progress.tasks[-1].total
        self.show(total, figures)
        self.progress.stop_task(self.task)
        full = self.progress.get_renderable()
        self.progress.remove_task(self.task)
        self.progress.refresh()
        self.progress.console.print(full)  # above the running bar: many epochs do not fit on the screen

    def show(self, completed: Any, figures: Figures) -> None:
        self.progress.update(self.task, completed=completed, figures=in_words(figures))

    def on_fit_end(self, trainer: Trainer) -> None:
        self.progress.stop()
        if ending(trainer):
            self.progress.console.print(ending(trainer), highlight=False)


def in_words(figures: Figures) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in figures.items())


def ending(trainer: Trainer) -> str:
    """Why the run ended before its last epoch."""
    if trainer.history.interrupted:
        return f"stopped by Ctrl-C in epoch {trainer.epoch + 1}; what was trained is kept"
    return f"stopped: {trainer.history.stopped}" if trainer.history.stopped else ""
