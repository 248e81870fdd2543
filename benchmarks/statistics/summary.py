"""Median, MAD, bootstrap interval and trend of samples, which come as a list for each process.

Random numbers are drawn from a fixed seed: the same samples give the same figures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Processes = Sequence[Sequence[float]] | Sequence[np.ndarray]
Statistic = Callable[..., Any]  # statistic(array, axis=…)
DRAWS = 1000
_CHUNK = 100  # draws that are in memory at once


def pooled(processes: Processes) -> np.ndarray:
    """All samples in one array."""
    return np.concatenate([np.asarray(p, np.float64) for p in processes])


def median(processes: Processes) -> float:
    """The median of all samples."""
    return float(np.median(pooled(processes)))


def mad(processes: Processes) -> float:
    """The median absolute deviation: the median of |sample - median|, untouched by a few outliers."""
    x = pooled(processes)
    return float(np.median(np.abs(x - np.median(x))))


def middle_mean(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """The mean of the middle half, along an axis: no outlier moves it, and it wavers less than the median."""
    n = x.shape[axis]
    cut = n // 4
    middle = np.take(np.partition(x, (cut, n - 1 - cut), axis=axis), range(cut, n - cut), axis=axis)
    return np.mean(middle, axis=axis)


def interval(
    processes: Processes, statistic: Statistic = np.median, level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float]:
    """Bootstrap interval of the median, or of another statistic.

    Processes are drawn with replacement, then samples within each of them.

    Samples of one process share its memory layout and its moment, so they are not independent: drawing samples alone
    would make the interval far too narrow (Kalibera and Jones 2013, "Rigorous benchmarking in reasonable time"). A
    bootstrap of P groups is too narrow by √((P - 1)/P), for which it is widened.
    """
    sets = [np.asarray(p, np.float64) for p in processes if len(p)]
    lengths = np.array([len(s) for s in sets])
    table = np.zeros((len(sets), lengths.max()))
    for row, s in zip(table, sets, strict=True):
        row[: len(s)] = s
    rng = np.random.default_rng(seed)
    sizes = [min(_CHUNK, draws - i) for i in range(0, draws, _CHUNK)]
    found = np.concatenate([statistic(_resamples(table, lengths, size, rng), axis=-1) for size in sizes])
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    middle = float(statistic(pooled(sets), axis=-1))
    wider = np.sqrt(len(sets) / (len(sets) - 1)) if len(sets) > 1 else 1.0
    low, high = middle - wider * (middle - min(low, middle)), middle + wider * (max(high, middle) - middle)
    return float(max(low, min(s.min() for s in sets))), float(min(high, max(s.max() for s in sets)))


def _resamples(table: np.ndarray, lengths: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """`draws` resamples, one in a row."""
    processes, samples = table.shape
    chosen = rng.integers(0, processes, (draws, processes))
    within = (rng.random((draws, processes, samples)) * lengths[chosen][..., None]).astype(np.intp)
    return table[chosen[..., None], within].reshape(draws, -1)


def trend(processes: Processes) -> tuple[float, float]:
    """(change, p): how much the last third of the samples lies above the first, as a share of the median.

    p: of the Mann-Kendall test, which counts the pairs of samples whose later one is larger; processes are added up.
    """
    sets = [np.asarray(p, np.float64) for p in processes if len(p) >= 6]
    if not sets:
        return 0.0, 1.0
    changes = [(np.median(s[-(len(s) // 3) :]) - np.median(s[: len(s) // 3])) / np.median(s) for s in sets]
    larger = sum(float(np.triu(np.sign(s[None, :] - s[:, None])).sum()) for s in sets)
    variance = sum(len(s) * (len(s) - 1) * (2 * len(s) + 5) / 18 for s in sets)
    return float(np.mean(changes)), math.erfc(abs(larger) / math.sqrt(2 * variance))
