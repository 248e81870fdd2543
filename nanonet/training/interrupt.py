"""Ctrl-C that waits for the end of a step."""

from __future__ import annotations

import signal
import threading
from typing import Any


class Interrupt:
    """Within the block the first Ctrl-C only sets a mark, which `check` turns into a KeyboardInterrupt.

    So no step is left half done. A second Ctrl-C interrupts at once. Outside the main thread, where Python has no
    signals, nothing changes.
    """

    def __init__(self) -> None:
        self.asked = False
        self.before: Any = None

    def __enter__(self) -> Interrupt:
        handler = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is threading.main_thread() and callable(handler):
            self.before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C was pressed."""
        if self.asked:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: Any) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, self.before)
