"""Loop: one step of training after another, for networks whose step is more than fit's."""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nanonet import random
from nanonet.training.checkpoint import SUFFIX, CheckpointError, load_state, restore, save_state, write_atomically
from nanonet.training.history import History
from nanonet.training.interrupt import Interrupt
from nanonet.training.steps import show_steps
from nanonet.training.trainer import DivergedError

Figures = Mapping[str, float]


class Loop:
    """`step(batch)` for one batch after another.

    step        (batch) -> figures such as {"loss": 0.5}, after one change of the parts. Keep randomness to the default
                generator, then a resumed run repeats the one that was not stopped
    loader      a DataLoader; its epochs follow each other
    parts       {"model": …, "optimizer": …}: all that a step changes, each with state_dict and load_state_dict
    steps       how many steps the whole run has
    evaluate    () -> figures of held-out data, at every `every` steps and at the end; they are noted as val_…
    every       steps in a row of the history, whose figures are means
    folder      where last.safetensors and history.csv are kept: after each row, and when `save_seconds` have passed
    verbose     0 nothing, 1 a bar, 2 a line per row; None: a bar in a terminal, else lines

    history     {"step": […], "loss": […], …}, a value for each row; `done` counts the steps; `seconds` are the clock's
                and `cpu_seconds` the processor's, over all parts of a run
    """

    def __init__(
        self,
        step: Callable[[Any], Figures],
        loader: Any,
        parts: Mapping[str, Any],
        steps: int,
        *,
        evaluate: Callable[[], Figures] | None = None,
        every: int = 100,
        folder: Path | None = None,
        save_seconds: float = 60.0,
        verbose: int | None = None,
    ) -> None:
        if steps < 1 or every < 1:
            raise ValueError(f"Loop: expected steps and every of at least 1, got {steps} and {every}")
        self.step, self.loader, self.parts = step, loader, dict(parts)
        self.steps, self.every = steps, every
        self.evaluate, self.folder, self.save_seconds = evaluate, folder, save_seconds
        self.verbose = verbose
        self.history = History()
        self.done = 0
        self.seconds = self.cpu_seconds = 0.0
        self.pending: dict[str, list[float]] = {}

    def run(self, resume: bool = False) -> History:
        """Go on to the last step; with `resume`, from the folder's checkpoint. Returns the history.

        Ctrl-C ends the run after the step (`history.interrupted`); what was trained is kept, and saved. Raises
        DivergedError where the loss becomes NaN or infinite, CheckpointError for a checkpoint that does not fit.
        """
        if resume:
            self._resume()
        began = self.saved = time.perf_counter()
        before, worked = self.seconds, self.cpu_seconds - time.process_time()
        with (
            show_steps(self.verbose, self.steps, self.done) as show,
            Interrupt() as interrupt,
            np.errstate(over="ignore", invalid="ignore"),
        ):
            try:
                for batch in self._batches():
                    self._one(batch)
                    self.seconds = before + time.perf_counter() - began
                    self.cpu_seconds = worked + time.process_time()
                    show.step(self.done, {name: values[-1] for name, values in self.pending.items()})
                    if self.done % self.every == 0 or self.done == self.steps:
                        self._row(show)
                    elif time.perf_counter() - self.saved > self.save_seconds:
                        self.save()
                    interrupt.check()
            except KeyboardInterrupt:
                self.history.interrupted = True
                self.save()
                show.say(f"stopped by Ctrl-C after step {self.done:,} of {self.steps:,}; what was trained is kept")
        return self.history

    def save(self) -> None:
        """The checkpoint and the history, each in one step; nothing without a folder."""
        self.saved = time.perf_counter()
        if self.folder is None:
            return
        state = {name: part.state_dict() for name, part in self.parts.items()}
        spent = {"seconds": self.seconds, "cpu_seconds": self.cpu_seconds}
        place = {"done": self.done, **spent, "history": dict(self.history), "pending": self.pending}
        more = {"loader": self.loader.state_dict(), "random": random.get_state(), "steps": self.steps}
        save_state(self.folder / f"last{SUFFIX}", {**more, **place, "parts": state})
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(self.history)
        writer.writerows(zip(*self.history.values(), strict=True))
        write_atomically(self.folder / "history.csv", text.getvalue().encode())

    def _batches(self) -> Iterator[Any]:
        while self.done < self.steps:
            for batch in self.loader:
                yield batch
                if self.done >= self.steps:
                    return

    def _one(self, batch: Any) -> None:
        figures = self.step(batch)
        self.done += 1
        for name, value in figures.items():
            if not math.isfinite(value):
                advice = "try a smaller learning rate, or scaled inputs"
                raise DivergedError(f"{name} is {value} in step {self.done}; {advice}", self.history)
            self.pending.setdefault(name, []).append(float(value))

    def _row(self, show: Any) -> None:
        figures = {name: sum(values) / len(values) for name, values in self.pending.items()}
        if self.evaluate is not None:
            figures |= {f"val_{name}": float(value) for name, value in self.evaluate().items()}
        self.pending = {}
        self.history.append({"step": self.done, "seconds": self.seconds, **figures})
        self.save()
        show.row(self.done, figures)

    def _resume(self) -> None:
        if self.folder is None:
            raise ValueError("Loop: resume needs the folder of the run")
        path = self.folder / f"last{SUFFIX}"
        state = load_state(path)
        if "parts" not in state or state["parts"].keys() != self.parts.keys():
            raise CheckpointError(f"checkpoint: {path} is of another kind of run")
        restore({**self.parts, "loader": self.loader}, {**state["parts"], "loader": state["loader"]}, str(path))
        self.done, self.seconds, self.cpu_seconds = state["done"], state["seconds"], state["cpu_seconds"]
        self.history, self.pending = History(state["history"]), state["pending"]
        random.set_state(state["random"])
