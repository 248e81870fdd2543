"""Permutation tests: how often would labels that mean nothing show a difference as large as this one?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

MOST = 1000  # relabelings of one row; where there are more, so many are drawn
PRIOR = 4.0  # degrees of freedom that the spread of the other rows counts for, beside a row's own
LEAST_SPREAD = 1e-3  # of the logarithm: two processes that agree better than 0.1 % do so by chance


def holm(p: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979): so that one false alarm among all is as rare as the level."""
    order = np.argsort(p)
    corrected, largest = np.empty(len(p)), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[i]))
        corrected[i] = largest
    return [float(x) for x in corrected]


def sign_flip(differences: Sequence[float] | np.ndarray, draws: int = 4000, seed: int = 0) -> float:
    """p-value of "the differences are as often above 0 as below": a permutation test for pairs.

    Without an effect the sign of every difference could as well be the other one. The statistic is Wilcoxon's sum of
    signed ranks, which a few wild pairs do not move.
    """
    d = np.asarray(differences, np.float64)
    d = d[d != 0]
    if not d.size:
        return 1.0
    ranks = np.empty(d.size)
    ranks[np.argsort(np.abs(d))] = np.arange(1, d.size + 1)
    seen = abs(np.sum(np.sign(d) * ranks))
    signs = np.random.default_rng(seed).integers(0, 2, (draws, d.size)) * 2 - 1
    return float((1 + np.sum(np.abs(signs @ ranks) >= seen)) / (draws + 1))


@dataclass(frozen=True)
class RunTest:
    """Of one row in two runs: difference (b - a), its interval at the level asked for, and the p-value, uncorrected."""

    difference: float
    low: float
    high: float
    p: float


def between_runs(rows: Sequence[tuple[np.ndarray, np.ndarray]], level: float = 0.05) -> list[RunTest]:
    """Every row (a, b) holds one number for each process of two runs, such as the logarithm of its median time.

    Runs at different times cannot be paired, so the unit is the process: what differs between processes is the noise.
    The statistic is t = (mean b - mean a) / its standard error, where the spread of a row is drawn towards the median
    spread of all rows, since few processes alone tell it badly. Its distribution without an effect comes from all
    relabelings of the processes, after the mean of each run was taken away (permutation of residuals, ter Braak 1992),
    of all rows together (as in Tusher, Tibshirani and Chu 2001). With P processes in each run, R rows have R times
    the relabelings of one row, so that the correction for R rows does not ask for more processes.
    """
    able = [min(a.size, b.size) >= 2 for a, b in rows]  # one process says nothing of the spread between processes
    plain = [_moments(np.concatenate(row), _given(*row)) for row in rows]
    spreads = [float(spread[0]) for (_, spread), enough in zip(plain, able, strict=True) if enough]
    prior = max(float(np.median(spreads)), LEAST_SPREAD) if spreads else LEAST_SPREAD
    rng = np.random.default_rng(0)
    nulls = [_null(*row, prior, rng) for row, enough in zip(rows, able, strict=True) if enough]
    null = np.sort(np.concatenate([np.zeros(0), *nulls]))
    critical = float(np.quantile(null, 1 - level)) if null.size else np.inf
    found: list[RunTest] = []
    for (a, b), (difference, spread), enough in zip(rows, plain, able, strict=True):
        d = float(difference[0])
        error = float(_errors(spread, a.size, b.size, prior)[0])
        above = null.size - np.searchsorted(null, abs(d) / error * (1 - 1e-9))
        p = float((1 + above) / (1 + null.size)) if enough else 1.0
        margin = critical * error if enough else np.inf
        found.append(RunTest(d, d - margin, d + margin, p))
    return found


def _null(a: np.ndarray, b: np.ndarray, prior: float, rng: np.random.Generator) -> np.ndarray:
    """|t| of every relabeling of the residuals, or of `MOST` random ones."""
    wider = [np.sqrt(x.size / (x.size - 1)) for x in (a, b)]  # residuals of few numbers are too small
    residuals = np.concatenate([(a - a.mean()) * wider[0], (b - b.mean()) * wider[1]])
    difference, spread = _moments(residuals, _labels(a.size, residuals.size, rng))
    return np.abs(difference) / _errors(spread, a.size, b.size, prior)


def _given(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The labels as they are: ones for a."""
    return np.concatenate([np.ones(a.size), np.zeros(b.size)])[None]


def _labels(first: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """A row of `count` ones and zeros for each way to choose which `first` of them are ones, or for `MOST` of them."""
    if comb(count, first) <= MOST:
        chosen = np.array(list(combinations(range(count), first)))
    else:
        chosen = rng.permuted(np.tile(np.arange(count), (MOST, 1)), axis=1)[:, :first]
    labels = np.zeros((len(chosen), count))
    np.put_along_axis(labels, chosen, 1.0, axis=1)
    return labels


def _moments(values: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(mean of the zeros - mean of the ones, standard deviation within the two), for every row of labels."""
    x = values - values.mean()
    first = labels[0].sum()
    second = x.size - first
    sums, squares = labels @ x, labels @ x**2
    ones, zeros = sums / first, -sums / second
    within = squares - first * ones**2 + (x**2).sum() - squares - second * zeros**2
    return zeros - ones, np.maximum(np.sqrt(np.maximum(within, 0.0) / max(x.size - 2, 1)), LEAST_SPREAD)


def _errors(spread: np.ndarray, first: int, second: int, prior: float) -> np.ndarray:
    """Standard error of the difference of the means, with the moderated spread (Smyth 2004, equation 5)."""
    degrees = first + second - 2
    moderated = (PRIOR * prior**2 + degrees * spread**2) / (PRIOR + degrees)
    return np.sqrt(moderated * (1 / first + 1 / second))
