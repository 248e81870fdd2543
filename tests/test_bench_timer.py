"""The timer: fresh processes that take turns, samples that the clock can measure, and what it says of its limits."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nanonet_benchmarks.record import Row, seal
from nanonet_benchmarks.timer import Plan, Progress, clock, gpu, interference, run, trials
from nanonet_benchmarks.timer.contender import Contender
from nanonet_benchmarks.timer.gpu import GpuTimer, parse_state
from nanonet_benchmarks.timer.process import CallError, Worker, WorkerError
from nanonet_benchmarks.timer.run import Session, is_precise
from nanonet_benchmarks.timer.threads import environment
from nanonet_benchmarks.workloads import Prepared, Variant, base
from nanonet_benchmarks.workloads.base import empty
from tests.cheating_kernels import CHEATS, square
from tests.fake_cupy import UUID, FakeCuPy

QUICK = Plan(
    seconds=60, workload_seconds=30, processes=2, most_processes=2, rounds=3, sample=1e-4, caches=("hot", "cold")
)


@pytest.fixture(scope="module")
def told() -> list[Progress]:
    return []


@pytest.fixture(scope="module")
def rows(told: list[Progress]) -> dict[tuple[str, str], Row]:
    """One whole run, with kernels that cheat, fail and crash among the honest ones."""
    found = run([square(10_000)], QUICK, told.append)
    return {(row.variant, row.cache): row for row in found}


def test_an_honest_kernel_is_timed_in_every_process_and_every_round(rows: dict[tuple[str, str], Row]) -> None:
    for cache in ("hot", "cold"):
        row = rows["honest", cache]
        assert row.evidence == "measured"
        assert [len(process) for process in row.samples] == [6, 6]  # there and back again, three times
        assert row.low is not None
        assert row.median is not None
        assert row.high is not None
        assert row.low <= row.median <= row.high
        assert row.median == np.median(row.samples)
        assert row.threads == 1
        assert row.error is not None
    assert rows["honest", "cold"].calls == 1


@pytest.mark.parametrize("name", list(CHEATS))
def test_a_kernel_that_cheats_is_reported_and_not_timed(name: str, rows: dict[tuple[str, str], Row]) -> None:
    row = rows[name, ""]
    assert row.evidence == "skipped"
    assert row.reason.startswith("refused: ")
    assert row.median is None
    assert not row.samples


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("of another library", "other is not installed"),
        ("raises", "it failed: RuntimeError: no such instruction"),
        ("dies", "its process ended (SIGABRT)"),
    ],
)
def test_what_cannot_be_timed_says_why(name: str, words: str, rows: dict[tuple[str, str], Row]) -> None:
    assert rows[name, ""].evidence == "skipped"
    assert words in rows[name, ""].reason


def test_progress_shows_rows_as_they_are_known_and_ends_with_the_result(
    rows: dict[tuple[str, str], Row], told: list[Progress]
) -> None:
    shown = [p.row for p in told if p.row is not None]
    assert shown[-1].key in {row.key for row in rows.values()}
    honest = [row for row in shown if row.variant == "honest" and row.cache == "hot"]
    assert [len(row.samples) for row in honest] == [1, 2]
    assert honest[-1] == rows["honest", "hot"]
    assert "1 of 2 processes" in " ".join(honest[0].notes)
    fractions = [p.fraction for p in told]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] <= 1


def test_a_run_stops_when_the_intervals_are_small_enough() -> None:
    plan = replace(QUICK, processes=1, most_processes=9, precision=1e9, caches=("hot",), rounds=1)
    honest = [row for row in run([square(100)], plan) if row.variant == "honest"]
    assert [len(row.samples) for row in honest] == [1]


def test_a_run_stops_when_the_ratios_are_known_although_the_medians_waver() -> None:
    workload = square(10)
    group = [Contender(i, workload, workload.variants[0], 1) for i in range(2)]
    moments = [1.0, 1.5, 2.0, 0.7]  # the speed of the machine in each process
    for contender, factor in zip(group, (1.0, 1.03), strict=True):
        contender.samples["hot", ""] = [[factor * moment] * 8 for moment in moments]
    assert is_precise(group, Plan(ratios=0.02))
    assert not is_precise(group[:1], Plan(ratios=0.02))
    group[1].samples["hot", ""][0] = [1.5] * 8  # one process in which the ratio is another
    assert not is_precise(group, Plan(ratios=0.02))


def test_a_time_limit_that_comes_first_is_told() -> None:
    plan = replace(QUICK, seconds=0.0, caches=("hot",), rounds=1)
    found = run([square(100), square(200)], plan)
    reasons = [row.reason for row in found if row.variant == "honest"]
    notes = [" ".join(row.notes) for row in found if row.variant == "honest" and row.evidence == "measured"]
    assert "no time left: the run ended before it was measured" in reasons
    assert len(notes) == 1
    assert "1 of 2 processes: there was no time for more" in notes[0]


def test_ctrl_c_keeps_what_was_measured() -> None:
    def press(progress: Progress) -> None:
        if progress.row is not None and progress.row.variant == "dies":
            raise KeyboardInterrupt

    found = {row.variant: row for row in run([square(100)], replace(QUICK, caches=("hot",)), press)}
    assert found["honest"].evidence == "measured"
    assert len(found["honest"].samples) == 1


def test_threads_are_those_of_the_plan_and_no_more_than_a_variant_can_use() -> None:
    workload = square(100)
    one = replace(workload.variants[0], name="one", most_threads=1)
    session = Session([replace(workload, variants=[workload.variants[0], one])], Plan(threads=(1, 2)), lambda _: None)
    assert [(c.variant.name, c.threads) for c in session.groups[0]] == [("honest", 1), ("honest", 2), ("one", 1)]


def test_xla_gets_its_number_of_threads_when_it_starts() -> None:
    assert environment("jax", 1)["NPROC"] == "1"
    assert environment("numpy", 1) == {}


def test_a_worker_that_hangs_is_ended() -> None:
    worker = Worker("numpy", 1)
    with pytest.raises(WorkerError, match="did not answer within 0 s"):
        worker.ask("calibrate", 1, 1e-3, seconds=0.0)
    assert worker.process.poll() is not None


def test_a_message_that_fails_leaves_the_worker_as_it_was() -> None:
    worker = Worker("numpy", 1)
    try:
        with pytest.raises(CallError, match="KeyError"):
            worker.ask("calibrate", 1, 1e-3)
        assert worker.ask("used") > 0
    finally:
        worker.close()


def test_calls_are_repeated_until_the_clock_can_measure_them() -> None:
    calls = clock.calibrate(lambda: None, 2e-3)
    assert clock.seconds(lambda: None, calls) > 1e-4
    assert calls > 1000
    assert 0 < clock.resolution() < 1e-3


def test_the_collector_is_off_in_a_sample_and_as_it_was_after_it() -> None:
    seen: list[bool] = []
    clock.sample(Prepared(lambda: seen.append(gc.isenabled()), {}), 3)
    assert seen == [False] * 4  # a call that does not count comes first
    assert gc.isenabled()


def test_a_cold_sample_is_one_call_after_the_caches_were_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    monkeypatch.setattr(clock, "evict", lambda: log.append("evict"))
    clock.sample(Prepared(lambda: log.append("call"), {}), 7, cold=True)
    assert log == ["evict", "call"]


def test_phases_add_up_to_the_whole() -> None:
    log: list[str] = []
    parts = {"forward": lambda: log.append("f"), "backward": lambda: log.append("b")}
    found = clock.sample(Prepared(lambda: None, {}, phases=parts), 2)
    assert "".join(log) == "fbfb"
    assert found[""] == pytest.approx(found["forward"] + found["backward"])


def test_arrays_lie_on_cache_lines_and_at_different_places_of_their_pages() -> None:
    places = [empty((100,)).ctypes.data for _ in range(8)]
    assert [place % 64 for place in places] == [0] * 8
    assert len({place % 4096 for place in places}) == 8


def test_other_load_is_seen_from_the_counters_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks, now = iter([(100.0, 1.0), (103.0, 1.5)]), iter([0.0, 2.0])
    monkeypatch.setattr(interference, "cpu_seconds", lambda: next(ticks))
    monkeypatch.setattr(interference.time, "perf_counter", lambda: next(now))
    load = interference.Watch.start().stop(own=1.0)
    assert load == {"others": 1.0, "steal": 0.25, "wall": 2.0}
    notes = " ".join(interference.notes(load | {"waiting": 0.3}))
    assert "other processes used 1.00 of a core" in notes
    assert "other virtual machines took 0.25" in notes
    assert "for 30% of the time it had no core" in notes
    assert interference.notes({"others": 0.01, "steal": 0.0}) == []


def one_row(samples: list[list[float]], **plan: Any) -> Row:
    workload = square(10)
    subject = Contender(1, workload, workload.variants[0], 1)
    subject.samples["hot", ""] = samples
    (row,) = subject.rows(Plan(**plan))
    return row


def test_drift_is_noted_and_a_quiet_row_has_no_notes() -> None:
    rng = np.random.default_rng(0)
    quiet = [list(1 + 1e-4 * rng.standard_normal(20)) for _ in range(5)]
    assert one_row(quiet).notes == []
    drifting = [list(np.linspace(1, 1.06, 20) + 1e-4 * rng.standard_normal(20)) for _ in range(5)]
    assert "drift: calls took 4" in " ".join(one_row(drifting).notes)
    assert "longer at the end" in " ".join(one_row(drifting).notes)


def test_a_variant_that_missed_a_process_stays_in_step_with_the_others() -> None:
    workload = square(10)
    late = Contender(1, workload, workload.variants[0], 1)
    late.add(("hot", ""), [1.0, 1.0], turn=1)
    assert late.samples["hot", ""] == [[], [1.0, 1.0]]
    (row,) = late.rows(Plan())
    assert row.median == 1.0
    assert "1 of 5 processes" in row.notes[0]


def test_equal_variants_and_a_slower_one_can_be_told_apart_by_a_live_run() -> None:
    """A tiny run of what `python -m nanonet_benchmarks.timer.trials` does 100 times; times are not asserted here."""
    plan = replace(trials.PLAN, processes=2, most_processes=2, rounds=4)
    found = trials.trials(seed=0, plan=plan)
    assert [kind for kind, _ in found] == trials.PAIRS
    assert all(d.low <= d.ratio <= d.high for _, d in found)
    summary = trials.summary([{"kind": kind} | vars(d) for kind, d in found])
    assert summary["equal"] == summary["slower"] == 2


def test_a_gpu_sample_blocks_records_launches_records_and_only_then_lets_go() -> None:
    fake = FakeCuPy(milliseconds=6.0)
    timer = GpuTimer(fake)
    assert timer.seconds(lambda: fake.log.append("launch"), 3) == pytest.approx(2e-3)
    launches = ["launch"] * 3
    queued = ["stream", "block, flag 0", "record start", *launches, "record stop"]
    assert fake.log == [*queued, "synchronize, flag 1", "end of stream"]


def test_a_cold_gpu_sample_flushes_before_it_blocks_and_launches_once() -> None:
    fake = FakeCuPy()
    GpuTimer(fake).seconds(lambda: fake.log.append("launch"), 3, cold=True)
    assert fake.log[1:3] == ["flush", "block, flag 0"]
    assert fake.log.count("launch") == 1


def test_a_graph_holds_all_calls_and_is_launched_once_before_it_is_timed() -> None:
    fake = FakeCuPy(milliseconds=4.0)
    assert GpuTimer(fake).graph_seconds(lambda: fake.log.append("launch"), 2) == pytest.approx(2e-3)
    assert fake.log[:5] == ["stream", "capture", "launch", "launch", "end of capture"]
    assert fake.log.count("launch graph") == 2
    assert fake.log.count("launch") == 2


def test_end_to_end_waits_for_the_gpu_before_and_after() -> None:
    fake = FakeCuPy()
    GpuTimer(fake).end_to_end_seconds(lambda: fake.log.append("launch"))
    assert fake.log == ["stream", "synchronize stream", "launch", "synchronize stream", "end of stream"]


def test_the_flag_is_set_although_a_launch_fails() -> None:
    fake = FakeCuPy()

    def broken() -> None:
        raise ValueError("no such kernel")

    with pytest.raises(ValueError, match="no such kernel"):
        GpuTimer(fake).seconds(broken, 1)
    assert fake.flags[0] == 1


def test_a_waiting_kernel_that_gave_up_makes_no_sample() -> None:
    with pytest.raises(RuntimeError, match="use fewer launches"):
        GpuTimer(FakeCuPy(patience=False)).seconds(lambda: None, 1)


def test_the_device_is_named_as_its_driver_does_and_seals_the_samples() -> None:
    timer = GpuTimer(FakeCuPy())
    assert timer.device["device"] == "NVIDIA Fake"
    assert timer.device["uuid"] == "GPU-00010203-0405-0607-0809-0a0b0c0d0e0f"
    assert len(UUID) == 16
    workload = square(10)
    on_gpu = Contender(1, workload, Variant("fake", "cuda", workload.variants[0].prepare, device="cuda"), 1)
    on_gpu.samples["hot", ""] = [[1.0, 1.0]]
    on_gpu.gpu.append(timer.device | {"clock_mhz": 1980, "throttled": True})
    (row,) = on_gpu.rows(Plan())
    assert row.device == "cuda: NVIDIA Fake"
    assert row.gpu is not None
    assert row.gpu["seal"] == seal([[1.0, 1.0]], timer.device)
    assert "the GPU was slowed down meanwhile, by power or heat" in row.notes
    with pytest.raises(ValueError, match="not those that the GPU timer measured"):
        replace(row, samples=[[0.5, 0.5]], median=0.5)


def test_clocks_and_throttling_are_read_from_nvidia_smi() -> None:
    usual = {"clock_mhz": 1980, "memory_clock_mhz": 2619, "temperature": 41}
    assert parse_state("1980, 2619, 41, 0x0000000000000000\n") == usual | {"throttled": False}
    assert parse_state("1980, 2619, 41, 0x0000000000000020\n") == usual | {"throttled": True}
    assert parse_state("[N/A], 2619, 41, [N/A]") == {"memory_clock_mhz": 2619, "temperature": 41}
    assert parse_state("") == {}


class NoDriverError(Exception):
    pass


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ("cudaErrorNoDevice: no CUDA-capable device is detected", "no CUDA device is visible"),
        ("cudaErrorInsufficientDriver: CUDA driver version is insufficient", "no CUDA driver that works"),
    ],
)
def test_what_is_missing_for_a_gpu_is_one_clear_line(failure: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def count() -> int:
        raise NoDriverError(failure)

    fake = FakeCuPy()
    fake.cuda.runtime.CUDARuntimeError = NoDriverError
    fake.cuda.runtime.getDeviceCount = count
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    monkeypatch.setattr(gpu, "import_module", lambda name: fake)
    assert words in gpu.missing()
    fake.cuda.runtime.getDeviceCount = lambda: 1
    assert gpu.missing() == ""


def test_without_cupy_and_in_a_simulator_no_gpu_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_module(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    monkeypatch.setattr(gpu, "import_module", no_module)
    assert "CuPy is not installed" in gpu.missing()
    with pytest.raises(RuntimeError, match="CuPy is not installed"):
        gpu.open_timer()
    monkeypatch.setenv("NUMBA_ENABLE_CUDASIM", "1")
    assert "a simulator has no times" in gpu.missing()


def test_a_process_for_one_library_leaves_out_what_is_slow_to_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_only", [])
    assert base.needed("numba")
    base.only("numpy")
    assert base.needed("numpy")
    assert not base.needed("numba")


def test_what_would_overrun_is_not_begun_again() -> None:
    """The second workload took longer in the first process than is left for the second one."""
    session = Session([square(100), square(200)], replace(QUICK, caches=("hot",), rounds=1), lambda _: None)
    session._generation(0, [0, 1])
    session.cost[1] = 1e9
    session.measure()
    whole = [row for row in session.rows() if row.variant == "honest" and row.evidence == "measured"]
    assert [len(row.samples) for row in whole] == [3, 1]
    assert "1 of 2 processes: there was no time for more" in whole[1].notes


def test_a_slow_variant_is_measured_in_the_first_process_only() -> None:
    found = run([square(100)], replace(QUICK, caches=("hot",), rounds=1, slow=0.0))
    assert [len(row.samples) for row in found if row.variant == "honest"] == [1]


def test_workloads_come_in_the_order_in_which_they_were_given() -> None:
    """So that the first ones are measured where the time is short."""
    told: list[str] = []
    plan = replace(QUICK, processes=1, most_processes=1, caches=("hot",), rounds=1)
    run([square(300), square(100), square(200)], plan, lambda news: told.append(news.text))
    seen = [text for text in dict.fromkeys(text.rsplit(" ", 1)[-1] for text in told) if "=" in text]
    assert seen == ["n=300", "n=100", "n=200"]
