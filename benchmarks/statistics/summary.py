"""Median, MAD, bootstrap interval and trend of samples, which come as a list for each process.

Random numbers are drawn from a fixed seed: the same samples give the same figures.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Processes = Sequence[Sequence[float]] | Sequence[np.ndarray]
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


def interval(processes: Processes, level: float = 0.95, draws: int = DRAWS, seed: int = 0) -> tuple[float, float]:
    """Bootstrap interval of the median: processes are drawn with replacement, then samples within each of them.

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
    medians = np.concatenate([_medians(table, lengths, min(_CHUNK, draws - i), rng) for i in range(0, draws, _CHUNK)])
    low, high = np.quantile(medians, [(1 - level) / 2, (1 + level) / 2])
    middle = float(np.median(pooled(sets)))
    wider = np.sqrt(len(sets) / (len(sets) - 1)) if len(sets) > 1 else 1.0
    low, high = middle - wider * (middle - min(low, middle)), middle + wider * (max(high, middle) - middle)
    return float(max(low, min(s.min() for s in sets))), float(min(high, max(s.max() for s in sets)))


def _medians(table: np.ndarray, lengths: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Medians of `draws` resamples."""
    processes, samples = table.shape
    chosen = rng.integers(0, processes, (draws, processes))
    within = (rng.random((draws, processes, samples)) * lengths[chosen][..., None]).astype(np.intp)
    return np.median(table[chosen[..., None], within].reshape(draws, -1), axis=1)


def trend(processes: Processes, draws: int = 500, seed: int = 0) -> tuple[float, float]:
    """(change, p): how much the last third of the samples lies above the first, as a share of the median.

    p: how often samples in a random order, within each process, would show as large a change.
    """
    sets = [np.asarray(p, np.float64) for p in processes if len(p) >= 6]
    if not sets:
        return 0.0, 1.0
    seen = _change(sets)
    rng = np.random.default_rng(seed)
    shuffled = [_change([rng.permutation(s) for s in sets]) for _ in range(draws)]
    return seen, float((1 + np.sum(np.abs(shuffled) >= abs(seen))) / (draws + 1))


def _change(sets: Sequence[np.ndarray]) -> float:
    changes = [(np.median(s[-(len(s) // 3) :]) - np.median(s[: len(s) // 3])) / np.median(s) for s in sets]
    return float(np.mean(changes))
