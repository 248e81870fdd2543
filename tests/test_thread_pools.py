"""The benchmark of pools of threads: its figures are those of its workers, and wrong or impossible ways have none."""

from __future__ import annotations

import sys

import pytest

from nanonet_benchmarks import thread_pools, thread_pools_step
from nanonet_benchmarks.thread_pools import BASELINE, WAYS, Way, Worker, run, table
from nanonet_benchmarks.thread_pools_step import SIZES, Step, products, reference, runner

WAY = {way.name: way for way in WAYS}
OURS = WAY["BLAS's threads and our pool"]


class FakeWorker:
    """Answers at once: the right state, and one second for a step of the baseline, three for any other."""

    state = staticmethod(reference)

    def __init__(self, way):
        self.way, self.turns = way, 0

    def ask(self, size, check=0, seconds=0.0):
        if check:
            return self.state(size, check)
        self.turns += 1
        if self.turns == 1:
            return [99.0, 99.0]  # the turn that warms up
        return [1.0, 1.0] if self.way.name == BASELINE else [3.0, 3.0]

    def close(self):
        pass


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(thread_pools, "Worker", FakeWorker)
    monkeypatch.setattr(thread_pools, "PAUSE", 0)


def test_the_figures_are_those_that_the_workers_measured(fake):
    base, ours = run([WAY[BASELINE], OURS], ["small"], rounds=3)
    assert (base.evidence, base.median, base.samples) == ("measured", 1.0, [[1.0] * 6])
    assert (ours.evidence, ours.median, ours.samples) == ("measured", 3.0, [[3.0] * 6])
    text = table([base, ours])
    assert "784-128-64-10, batch 32" in text
    assert f"{BASELINE:50} 1000000.0 µs  [1000000.0, 1000000.0]   1.00 times" in text
    assert f"{OURS.name:50} 3000000.0 µs  [3000000.0, 3000000.0]   3.00 times" in text


def test_a_way_with_a_wrong_result_is_not_timed(fake, monkeypatch):
    monkeypatch.setattr(FakeWorker, "state", staticmethod(lambda size, steps: 1.01 * reference(size, steps)))
    (row,) = run([OURS], ["small"], rounds=1)
    assert (row.evidence, row.median, row.samples) == ("skipped", None, [])
    assert row.reason == "not timed: the changes of its parameters differ by 0.01"
    assert f"{OURS.name:50} skipped: not timed" in table([row])


def test_a_way_that_cannot_run_here_says_why(fake, monkeypatch):
    monkeypatch.setattr(thread_pools, "find_spec", lambda name: None)
    (row,) = run([WAY["BLAS's threads and Numba's OpenMP"]], ["small"], rounds=1)
    assert (row.evidence, row.reason) == ("skipped", "Numba was built without omp")


def test_processes_take_the_steps_and_agree_with_numpy():
    ways = [OURS, WAY["our pool for both, products ours"], WAY["our pool for both, products BLAS's in parts"]]
    rows = list(run(ways, ["small"], rounds=1, seconds=0.01))
    assert [row.variant for row in rows] == [way.name for way in ways]
    for row in rows:
        assert row.evidence == "measured", row.reason
        assert len(row.samples[0]) >= 3
        assert min(row.samples[0]) > 0
        assert min(row.samples[0]) <= row.median <= max(row.samples[0])


def test_every_way_computes_the_same_step():
    expected = reference("small", 2)
    for product in ("blas", "pool", "parts"):
        for kernels in ("one", "pool", "all"):
            step = Step("small", products(product), runner(kernels))
            step()
            step()
            assert step.state() == pytest.approx(expected, rel=thread_pools.ALLOWED), (product, kernels)


def test_a_step_without_its_update_is_noticed():
    step = Step("small", products("blas"), lambda kernel, rows, shared: None)
    step()
    assert abs(step.state() - reference("small", 1)) > thread_pools.ALLOWED * abs(reference("small", 1))


def test_a_worker_that_dies_is_reported_and_not_waited_for(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    worker = Worker(Way("broken", "blas", "one"))
    with pytest.raises(RuntimeError, match="ended with code 1"):
        worker.ask(size="small", check=1)
    worker.close()


def test_numbas_cache_cannot_give_the_kernels_of_one_thread_for_parallel_ones(monkeypatch):
    compiled = []
    monkeypatch.setattr(
        thread_pools_step, "njit", lambda parallel, **_: lambda f: compiled.append((parallel, f.__qualname__))
    )
    runner("one")
    runner("numba")
    names = {parallel: {name for p, name in compiled if p == parallel} for parallel in (False, True)}
    assert len(names[False]) == len(names[True]) == 3
    assert not names[False] & names[True]


def test_the_command_prints_the_table(fake, capsys):
    thread_pools.main(["small"])
    printed = capsys.readouterr().out
    for way in WAYS:
        assert way.name in printed
    assert SIZES["small"] == (32, (784, 128, 64, 10))
