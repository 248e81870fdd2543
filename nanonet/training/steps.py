"""What a person sees of a Loop: a bar with the time that is left in a terminal, a line per row elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from nanonet.training.progress import INTERVAL, in_words


class Silent:
    """Shows nothing; the others show more."""

    def step(self, done: int, figures: Mapping[str, float]) -> None:
        """A step was made; `figures` are its own."""

    def row(self, done: int, figures: Mapping[str, float]) -> None:
        """A row of the history is complete."""

    def say(self, words: str) -> None:
        """A sentence for the person."""


class Lines(Silent):
    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.begin = time.perf_counter()

    def row(self, done: int, figures: Mapping[str, float]) -> None:
        now = time.perf_counter()
        print(f"step {done:,}/{self.steps:,}: {in_words(figures)} ({now - self.begin:.1f} s)", flush=True)

    def say(self, words: str) -> None:
        print(words, flush=True)


class Bar(Silent):
    def __init__(self, steps: int, progress: Any, done: int) -> None:
        self.progress, self.looked = progress, 0.0
        self.task = progress.add_task("training", total=steps, completed=done, figures="")

    def step(self, done: int, figures: Mapping[str, float]) -> None:
        now = time.perf_counter()
        if now - self.looked >= INTERVAL:
            self.looked = now
            self.progress.update(self.task, completed=done, figures=in_words(figures))

    def row(self, done: int, figures: Mapping[str, float]) -> None:
        self.progress.update(self.task, completed=done, figures=in_words(figures))
        self.say(f"step {done:,}: {in_words(figures)}")

    def say(self, words: str) -> None:
        self.progress.console.print(words, highlight=False)


@contextmanager
def show_steps(verbose: int | None, steps: int, done: int) -> Iterator[Silent]:
    """None: by where the output goes; 0 nothing, 1 a bar, 2 lines."""
    if verbose not in (None, 0, 1, 2):
        raise ValueError(f"Loop: expected verbose as None, 0, 1 or 2, got {verbose!r}")
    if verbose is None:
        verbose = 1 if sys.stdout.isatty() else 2
    if verbose != 1:
        yield Lines(steps) if verbose == 2 else Silent()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    figures = TextColumn("{task.fields[figures]}")
    with Progress(BarColumn(bar_width=20), MofNCompleteColumn(), TimeRemainingColumn(), figures) as progress:
        yield Bar(steps, progress, done)
