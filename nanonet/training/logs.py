"""Callbacks that write the figures of a run: to a CSV file, to TensorBoard."""

from __future__ import annotations

import csv
import importlib
import io
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanonet.training.callbacks import Callback, Figures
from nanonet.training.checkpoint import write_atomically

if TYPE_CHECKING:
    from nanonet.training.trainer import Trainer


class CSVLog(Callback):
    """A CSV file with a row per epoch: epoch, loss, metrics. It is written anew from the history, always complete."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def on_epoch_end(self, trainer: Trainer, figures: Figures) -> None:
        history, text = trainer.history, io.StringIO()
        writer = csv.writer(text)
        writer.writerow(["epoch", *history])
        writer.writerows(enumerate_rows(history))
        try:
            write_atomically(self.path, text.getvalue().encode())
        except OSError as error:
            raise OSError(error.errno, f"CSVLog: cannot write, {error.strerror}", str(self.path)) from error


class TensorBoardLog(Callback):
    """Event files in `folder` for TensorBoard: train/loss, validation/loss, … and the learning rate per epoch.

    Needs the package tensorboard (`pip install 'nanonet[tensorboard]'`); raises ImportError without it.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        try:
            event = importlib.import_module("tensorboard.compat.proto.event_pb2")
            summary = importlib.import_module("tensorboard.compat.proto.summary_pb2")
            writer = importlib.import_module("tensorboard.summary.writer.event_file_writer")
        except ImportError as error:
            raise ImportError(
                f"TensorBoardLog needs tensorboard: pip install 'nanonet[tensorboard]' ({error})"
            ) from None
        self.folder = str(folder)
        self.protocol: Any = (event.Event, summary.Summary, writer.EventFileWriter)

    def on_fit_begin(self, trainer: Trainer) -> None:
        os.makedirs(self.folder, exist_ok=True)
        self.writer = self.protocol[2](self.folder)

    def on_epoch_end(self, trainer: Trainer, figures: Figures) -> None:
        event, summary, _ = self.protocol
        tagged = {f"validation/{k[4:]}" if k.startswith("val_") else f"train/{k}": v for k, v in figures.items()}
        tagged["learning rate"] = trainer.optimizer.param_groups[0]["lr"]
        values = [summary.Value(tag=tag, simple_value=value) for tag, value in tagged.items()]
        self.writer.add_event(event(wall_time=time.time(), step=trainer.epoch, summary=summary(value=values)))
        self.writer.flush()

    def on_fit_end(self, trainer: Trainer) -> None:
        self.writer.close()


def enumerate_rows(history: Any) -> list[list[Any]]:
    """[epoch, figures…] of each epoch."""
    return [[i + 1, *row] for i, row in enumerate(zip(*history.values(), strict=True))]
