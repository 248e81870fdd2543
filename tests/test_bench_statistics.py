"""The statistics of the bench: intervals that hold what they promise, tests that find what is there and little else.

The noise here is simulated, worse than a quiet machine's: processes that differ, drift, bursts, heavy tails.
"""

from __future__ import annotations

import numpy as np
import pytest

from nanonet_benchmarks import statistics
from nanonet_benchmarks.statistics import between_runs, holm, interval, paired, sign_flip, trend


def noise(rng: np.random.Generator, processes: int, samples: int, between: float = 0.01) -> list[list[float]]:
    """Times around 1: processes differ by 1 %, drift by up to 3 %, have tails, and one burst in which all is slower."""
    found = []
    for _ in range(processes):
        drift = np.linspace(0, rng.uniform(-0.03, 0.03), samples)
        tails = 0.005 * np.abs(rng.standard_t(2, samples))
        burst = np.zeros(samples)
        start = rng.integers(0, samples)
        burst[start : start + samples // 8] = rng.uniform(0, 0.5)
        found.append(list(np.exp(between * rng.standard_normal() + drift + tails + burst)))
    return found


def turns(rng: np.random.Generator, slower: float, processes: int = 5, rounds: int = 20, between: float = 0.003):
    """Two variants in ABBA order under the same noise; what differs is `slower`, and where their memory lies."""
    a, b = [], []
    for moments in noise(rng, processes, 4 * rounds):
        sides: tuple[list[float], list[float]] = ([], [])
        layout = np.exp(between * rng.standard_normal(2))
        for r in range(rounds):
            first = rng.integers(0, 2)
            for k, side in enumerate((first, 1 - first, 1 - first, first)):
                own = 1 + 0.004 * abs(rng.standard_t(2))
                sides[side].append(moments[4 * r + k] * own * layout[side] * (1 + slower * side))
        a.append(sides[0])
        b.append(sides[1])
    return a, b


def test_an_interval_holds_the_true_median_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(100):
        low, high = interval([list(rng.normal(10 + 0.1 * rng.standard_normal(), 0.1, 15)) for _ in range(8)], draws=300)
        held += low <= 10 <= high
    assert held >= 90  # 95 are expected


def test_an_interval_that_takes_samples_of_one_process_as_independent_would_be_too_narrow() -> None:
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(100):
        processes = [list(rng.normal(10 + 0.1 * rng.standard_normal(), 0.01, 30)) for _ in range(5)]
        everything = [[x for process in processes for x in process]]
        low, high = interval(everything, draws=200)
        held += low <= 10 <= high
    assert held < 70


def test_the_same_samples_give_the_same_figures() -> None:
    samples = noise(np.random.default_rng(3), 3, 10)
    assert interval(samples) == interval(samples)
    assert paired(samples, samples[::-1]) == paired(samples, samples[::-1])


def test_median_and_mad_are_not_moved_by_one_outlier() -> None:
    assert statistics.median([[1.0, 2.0], [3.0, 1000.0]]) == 2.5
    assert statistics.mad([[1.0, 2.0, 3.0], [4.0, 1000.0]]) == 1.0


def test_holm_multiplies_the_smallest_p_by_the_number_of_rows_and_keeps_their_order() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_sign_flips_find_a_shift_and_nothing_in_symmetric_differences() -> None:
    rng = np.random.default_rng(4)
    assert sign_flip(rng.normal(0.5, 1, 60)) < 0.01
    alarms = sum(sign_flip(rng.standard_t(2, 30), draws=500, seed=i) < 0.05 for i in range(200))
    assert alarms <= 22  # 10 are expected
    assert sign_flip([0.0, 0.0]) == 1.0


def test_variants_that_are_equal_are_called_different_in_at_most_one_of_twenty() -> None:
    rng = np.random.default_rng(5)
    assert sum(paired(*turns(rng, 0.0)).differs for _ in range(100)) <= 5


def test_a_slowdown_of_three_percent_is_found_in_at_least_nineteen_of_twenty() -> None:
    rng = np.random.default_rng(6)
    assert sum(paired(*turns(rng, 0.03)).slower for _ in range(100)) >= 95


def test_samples_that_are_not_interleaved_are_called_different_too_often() -> None:
    """The planted fault: without turns, drift and bursts look like differences. That is why there are turns."""
    rng = np.random.default_rng(7)
    wrong = sum(paired(noise(rng, 1, 40), noise(rng, 1, 40)).differs for _ in range(40))
    assert wrong > 10


def test_a_layout_that_favours_one_side_in_every_process_is_not_called_a_difference() -> None:
    rng = np.random.default_rng(8)
    assert sum(paired(*turns(rng, 0.0, between=0.02)).differs for _ in range(50)) <= 7


def test_paired_rows_need_a_process_in_common() -> None:
    with pytest.raises(ValueError, match="process in common"):
        paired([[1.0, 2.0], []], [[], [1.0, 2.0]])


def runs(rng: np.random.Generator, rows: int, processes: int, slower: dict[int, float]):
    """Two runs at different times: each row of each run has its own noise between processes."""
    found = []
    for i in range(rows):
        spread = rng.uniform(0.002, 0.02)
        a, b = (spread * rng.standard_t(4, processes) for _ in range(2))
        found.append((a, b + np.log1p(slower.get(i, 0.0))))
    return found


@pytest.mark.parametrize("processes", [3, 5])
def test_runs_that_are_equal_rarely_give_one_alarm_among_forty_rows(processes: int) -> None:
    rng = np.random.default_rng(9)
    alarms = 0
    for _ in range(60):
        tests = between_runs(runs(rng, 40, processes, {}))
        p = holm([t.p for t in tests])
        alarms += any(q < 0.05 and abs(t.difference) > np.log1p(0.02) for q, t in zip(p, tests, strict=True))
    assert alarms <= 7  # 3 are expected


@pytest.mark.parametrize("processes", [3, 5])
def test_a_row_that_is_ten_percent_slower_is_found_among_forty(processes: int) -> None:
    rng = np.random.default_rng(10)
    found = 0
    for _ in range(20):
        p = holm([t.p for t in between_runs(runs(rng, 40, processes, {7: 0.10}))])
        found += p[7] < 0.05
    assert found >= 16


def test_one_process_in_each_run_shows_nothing() -> None:
    (test,) = between_runs([(np.array([0.0]), np.array([1.0]))])
    assert test.p == 1.0


def test_a_trend_is_found_and_a_quiet_row_has_none() -> None:
    rng = np.random.default_rng(11)
    drifting = [list(np.linspace(1, 1.05, 20) + 0.005 * rng.standard_normal(20)) for _ in range(3)]
    change, p = trend(drifting)
    assert change > 0.02
    assert p < 0.01
    assert trend([list(1 + 0.005 * rng.standard_normal(20)) for _ in range(3)])[1] > 0.01
    assert trend([[1.0, 2.0]]) == (0.0, 1.0)
