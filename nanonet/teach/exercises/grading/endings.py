"""How much a submission may take, and the ways in which it can end without being judged."""

from __future__ import annotations

from dataclasses import dataclass

from nanonet.teach.exercises.exercise import Stopped


@dataclass(frozen=True)
class Limits:
    """seconds   of processor time that a submission may take, all its calls together, and four times as long by the
              clock, for one that only waits. Not counted: its start, and the grader's own work
    memory    in MB, beyond what Python and NumPy hold
    """

    seconds: float = 10.0
    memory: int = 512

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= 3600:
            raise ValueError(f"grade: seconds must be above 0 and at most 3600, got {self.seconds}")
        if not 1 <= self.memory <= 1 << 20:
            raise ValueError(f"grade: memory is in MB, from 1 to 1048576, got {self.memory}")


@dataclass(frozen=True)
class Ending:
    """Why a submission could not be judged: a verdict, a sentence, its line where that is known, and what helps."""

    verdict: str
    message: str
    line: int | None = None
    kind: str = ""
    hints: tuple[str, ...] = ()


class Ended(Stopped):
    """The submission's process is at its end. A BaseException, so that no judge takes it for an answer."""

    def __init__(
        self, verdict: str, message: str, line: int | None = None, kind: str = "", hints: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.ending = Ending(verdict, message, line, kind, hints)
