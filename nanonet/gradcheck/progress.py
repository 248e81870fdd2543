"""Long checks show how far they are, and Ctrl-C keeps what they have."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

PATIENCE = 1.0  # seconds before a bar appears
LEAST = 50  # elements, below which none does


class Watch:
    """Walks over the elements of an input: `for i in watch(elements)`.

    Where a walk takes more than a moment and stderr is a terminal it draws a bar. After Ctrl-C the walk ends early,
    and so do those that follow; `interrupted` then says how far they came.
    """

    def __init__(self) -> None:
        self.interrupted = ""

    def __call__(self, elements: Sequence[Any]) -> Iterator[Any]:
        if self.interrupted:
            return
        bar = _Bar(len(elements))
        try:
            for done, element in enumerate(elements, 1):
                yield element
                bar.show(done)
        finally:
            bar.close()

    def stop(self, done: int, total: int) -> None:
        """Note that Ctrl-C came after `done` of `total` elements."""
        self.interrupted = f"interrupted after {done} of {total} elements of an input: the rest was not looked at"


class _Bar:
    def __init__(self, total: int) -> None:
        self.total, self.start = total, time.monotonic()
        self.progress: Any = None
        self.wanted = total >= LEAST and sys.stderr.isatty()

    def show(self, done: int) -> None:
        if not self.wanted:
            return
        if self.progress is None:
            if time.monotonic() - self.start < PATIENCE:
                return
            from rich.console import Console
            from rich.progress import Progress

            self.progress = Progress(console=Console(stderr=True), transient=True)
            self.progress.start()
            self.progress.add_task("gradient check: elements", total=self.total)
        self.progress.update(self.progress.task_ids[0], completed=done)

    def close(self) -> None:
        if self.progress is not None:
            self.progress.stop()
