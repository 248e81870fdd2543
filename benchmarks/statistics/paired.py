"""Two variants of the same run: they took turns, so they can be compared pair by pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nanonet_benchmarks.statistics.permutation import sign_flip
from nanonet_benchmarks.statistics.summary import Processes, interval, middle_mean

SMALLEST = 0.01  # a smaller difference does not count
LEVEL = 0.01


@dataclass(frozen=True)
class Difference:
    """Of b from a.

    ratio      time of b / time of a: the mean over the middle half of the rounds; [low, high] its 95 % interval
    p          of the permutation test over the rounds
    differs    is it a difference that counts, and was it shown?
    """

    ratio: float
    low: float
    high: float
    p: float
    differs: bool

    @property
    def slower(self) -> bool:
        """Was b shown to be slower than a?"""
        return self.differs and self.ratio > 1

    def __str__(self) -> str:
        if not self.differs:
            return f"no difference shown: {self.ratio:.3f} times the time [{self.low:.3f}, {self.high:.3f}]"
        way = "longer" if self.ratio > 1 else "shorter"
        share = abs(self.ratio - 1)
        return f"{share:.1%} {way}: {self.ratio:.3f} times the time [{self.low:.3f}, {self.high:.3f}]"


def paired(a: Processes, b: Processes, smallest: float = SMALLEST, level: float = LEVEL) -> Difference:
    """Samples of two rows of the same run (`Row.samples`), which belong together process by process, round by round.

    In a round both have a turn on the way there and one on the way back, so a steady drift takes the same from both.
    A difference is called where three things hold:

    - signs that are changed at random, round by round, hardly ever show as much (p < level);
    - the interval excludes equality. It is drawn over processes first: a process whose memory lies badly for one of the
      two shows the same wrong difference in all of its rounds;
    - it counts: it is larger than `smallest`.

    Raises ValueError where no process measured both.
    """
    blocks = [d for one, other in zip(a, b, strict=False) if (d := _rounds(one, other)).size]
    if not blocks:
        raise ValueError("paired: expected two rows of the same run, got none with a process in common")
    every = np.concatenate(blocks)
    ratio = float(np.exp(middle_mean(every)))
    low, high = (float(np.exp(x)) for x in interval(blocks, middle_mean))
    p = sign_flip(every)
    differs = p < level and not low <= 1 <= high and abs(np.log(ratio)) > np.log1p(smallest)
    return Difference(ratio, low, high, p, bool(differs))


def _rounds(one: Any, other: Any) -> np.ndarray:
    """log(time of the other / time of the one) in every round: both samples of a round count."""
    n = min(len(one), len(other)) // 2 * 2
    times = [np.asarray(x[:n], np.float64).reshape(-1, 2).mean(axis=1) for x in (one, other)]
    return np.log(times[1]) - np.log(times[0])
