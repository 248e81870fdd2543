"""How much time a submission has taken, on a machine that may be busy with other things."""

from __future__ import annotations

import time

PATIENCE = 4.0  # by the clock a submission may take so many times as long: it may have to wait for a processor


class Meter:
    """Counts between `start` and `stop`: processor time, up to `seconds`, and by the clock, up to PATIENCE times it.

    Where the system does not tell the processor time of another process, the clock alone counts, up to `seconds`.
    """

    def __init__(self, pid: int, seconds: float) -> None:
        self.pid, self.seconds = pid, seconds
        self.taken = self.waited = 0.0
        self._began = (0.0, 0.0)

    def start(self) -> None:
        self._began = self._now()

    def stop(self) -> None:
        self.taken, self.waited = self._both()

    def left(self) -> float:
        """Seconds until it can be over at the earliest; 0 or less when it is over."""
        taken, waited = self._both()
        return min(self.seconds - taken, PATIENCE * self.seconds - waited)

    def _both(self) -> tuple[float, float]:
        used, clock = self._now()
        return self.taken + used - self._began[0], self.waited + clock - self._began[1]

    def _now(self) -> tuple[float, float]:
        clock = time.monotonic()
        try:
            return time.clock_gettime(~self.pid << 3 | 2), clock  # Linux: the processor clock of another process
        except (OSError, OverflowError, AttributeError):
            return self._began[0] + clock - self._began[1], clock
