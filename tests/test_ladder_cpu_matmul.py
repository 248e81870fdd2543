"""The ladder of CPU matrix products: every rung is right on any operands, and the last ones are what they claim."""

from __future__ import annotations

import inspect
import itertools
import json
import platform
import threading
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from nanonet_benchmarks import ladder_cpu_matmul as bench
from nanonet_kernels.cpu import matmul as production
from nanonet_kernels.cpu.threads import set_threads, threads
from nanonet_kernels.cpu.vector import SHAPE, shape_for
from nanonet_kernels.ladders.cpu_matmul import BLAS, RUNGS, Rung, flops, machine_code, panels, parallel, tuning
from nanonet_kernels.ladders.cpu_matmul.blocks import Blocks, even, from_caches

MR, NR = SHAPE.rows, SHAPE.columns
FUNCTIONS = [rung.function for rung in [*RUNGS, BLAS]] + [production.matmul]
SMALL = Blocks(mc=2 * MR, kc=7, nc=2 * NR)  # many blocks in small matrices
every_rung = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f"{f.__module__.split('.')[-1]}.{f.__name__}")
x86_only = pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="reads x86 machine code")


@pytest.fixture(autouse=True)
def _three_threads(monkeypatch, tmp_path):
    """Threads and measured block sizes in small products too; nothing read from or written to the user's files."""
    before = threads()
    set_threads(3)
    monkeypatch.setattr(parallel, "WORTH", 100)
    monkeypatch.setenv("NANONET_CACHE", str(tmp_path))
    monkeypatch.setattr(tuning, "_known", {tuning.machine(): SMALL})
    yield
    set_threads(before)


def draw(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def share_of_bound(a, b, c) -> float:
    """The largest |c - ab| / (γ_K |a||b|) against float64, with γ_K = K u / (1 - K u), u = 2⁻²⁴. At most 1 if right.

    (Higham: Accuracy and stability of numerical algorithms, 2002, equation 3.13: for every order of summation.)
    """
    u, K = 2.0**-24, a.shape[1]
    bound = K * u / (1 - K * u) * (np.abs(a).astype(float) @ np.abs(b).astype(float))
    error = np.abs(c - a.astype(float) @ b.astype(float))
    return float((error / np.maximum(bound, 1e-300)).max(initial=0)) if np.isfinite(c).all() else float("inf")


def ragged_shapes(largest: int) -> list[tuple[int, int, int]]:
    """200 shapes: some at the edges of a block, the others random."""
    edges = [(1, 1, 1), (1, 40, 3), (40, 1, 3), (MR, NR, 7), (MR + 1, NR + 1, 8), (2 * MR - 1, 2 * NR - 1, 6)]
    rng = np.random.default_rng(0)
    return edges + [tuple(int(n) for n in rng.integers(1, largest, 3)) for _ in range(200 - len(edges))]


@every_rung
def test_a_rung_is_right_on_200_ragged_shapes(function):
    rng = np.random.default_rng(1)
    slow = function.__module__.endswith("loops")
    for M, N, K in ragged_shapes(40 if slow else 200):
        a, b, out = draw(rng, M, K), draw(rng, K, N), np.full((M, N), np.nan, np.float32)
        assert function(a, b, out=out) is out
        assert share_of_bound(a, b, out) <= 1, (M, N, K)


@pytest.mark.parametrize(
    "function", [rung.function for rung in RUNGS if rung.largest >= 1024], ids=lambda f: f.__name__
)
def test_a_rung_is_right_where_several_blocks_are_needed(function, monkeypatch):
    monkeypatch.setattr(tuning, "_known", {tuning.machine(): Blocks(64, 100, 200)})
    rng = np.random.default_rng(2)
    for M, N, K in [(301, 150, 290), (37, 1100, 130), (530, 33, 700)]:
        a, b = draw(rng, M, K), draw(rng, K, N)
        assert share_of_bound(a, b, function(a, b)) <= 1, (M, N, K)


def test_the_bound_finds_a_product_that_lacks_one_term_and_one_that_was_not_written():
    rng = np.random.default_rng(3)
    a, b = draw(rng, 20, 30), draw(rng, 30, 25)
    c = a @ b
    assert share_of_bound(a, b, c) <= 1
    assert share_of_bound(a, b, a[:, :-1] @ b[:-1]) > 1
    c[7, 3] = np.nan
    assert share_of_bound(a, b, c) > 1


LAYOUTS = {
    "transposed": lambda x: np.asfortranarray(x),
    "backwards": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "every second": lambda x: np.repeat(np.repeat(x, 2, 0), 2, 1)[::2, ::2],
    "read-only": lambda x: (x.setflags(write=False), x)[1],
    "a field of records": lambda x: _field(x),
    "not aligned": lambda x: _shifted(x),
}


def _field(x):
    """x as a field of records of 5 bytes: its numbers do not lie a whole number of floats apart."""
    records = np.zeros(x.shape, np.dtype([("flag", np.int8), ("x", np.float32)]))
    records["x"] = x
    return records["x"]


def _shifted(x):
    memory = np.zeros(x.nbytes + 1, np.int8)[1:].view(np.float32).reshape(x.shape)
    memory[...] = x
    return memory


@every_rung
def test_a_rung_takes_any_strides_and_leaves_its_operands_alone(function):
    rng = np.random.default_rng(4)
    a, b = draw(rng, 31, 23), draw(rng, 23, 37)
    expected = function(a, b)
    for (of_a, left), (of_b, right) in product(LAYOUTS.items(), LAYOUTS.items()):
        x, y = left(a.copy()), right(b.copy())
        np.testing.assert_allclose(function(x, y), expected, rtol=1e-4, atol=1e-5, err_msg=f"{of_a}, {of_b}")
        assert (x == a).all()
        assert (y == b).all()
    x = np.broadcast_to(a[:1], a.shape)
    np.testing.assert_allclose(function(x, b), np.repeat(expected[:1], 31, 0), rtol=1e-4, atol=1e-5)


@every_rung
@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "read-only"])
def test_a_rung_writes_into_an_out_of_any_strides(function, layout):
    rng = np.random.default_rng(5)
    for M, N in [(31, 37), (1, 20), (20, 1)]:
        a, b = draw(rng, M, 9), draw(rng, 9, N)
        out = LAYOUTS[layout](np.full((M, N), np.nan, np.float32))
        assert function(a, b, out=out) is out
        assert share_of_bound(a, b, out) <= 1


@every_rung
def test_a_rung_writes_nothing_beside_its_out(function):
    rng = np.random.default_rng(6)
    for M, N in [(MR + 1, NR + 3), (2 * MR, 2 * NR)]:
        memory = np.full((M + 4, N + 8), 7, np.float32)
        a, b = draw(rng, M, 5), draw(rng, 5, N)
        function(a, b, out=memory[2:-2, 3:-5])
        assert share_of_bound(a, b, memory[2:-2, 3:-5]) <= 1
        memory[2:-2, 3:-5] = 7
        assert (memory == 7).all()


@every_rung
def test_an_empty_sum_is_zero_and_an_empty_product_is_empty(function):
    for M, N, K in [(3, 4, 0), (0, 4, 5), (3, 0, 5), (0, 0, 0)]:
        out = np.full((M, N), np.nan, np.float32)
        assert (function(np.ones((M, K), np.float32), np.ones((K, N), np.float32), out=out) == 0).all()


@every_rung
def test_nan_and_infinity_reach_the_elements_that_they_belong_to(function):
    a, b = np.ones((MR + 2, 6), np.float32), np.ones((6, NR + 2), np.float32)
    a[1, 2], b[3, 4], a[5, 3] = np.nan, np.inf, -1
    c = function(a, b)
    assert np.isnan(c[1]).all()
    assert c[0, 4] == np.inf
    assert c[5, 4] == -np.inf
    c[1], c[:, 4] = 0, 0
    assert np.isfinite(c).all()


A, B, C = np.zeros((4, 5), np.float32), np.zeros((5, 6), np.float32), np.zeros((4, 6), np.float32)
MEMORY = np.zeros((9, 9), np.float32)
MISTAKES = [
    ((A, np.zeros((6, 3), np.float32)), ValueError, "a (M, K) = (4, 5) needs b (5, N), got (6, 3)"),
    ((A.astype(float), B), TypeError, "a must be float32, got float64"),
    ((A, B.astype(np.float16)), TypeError, "b must be float32, got float16"),
    ((A, B, C.astype(int)), TypeError, "out must be float32, got int64"),
    ((A.tolist(), B), TypeError, "a must be a NumPy array, got list"),
    ((A[0], B), ValueError, "a must have two dimensions, got shape (5,)"),
    ((A, B, C.T), ValueError, "needs out (4, 6), got (6, 4)"),
    ((MEMORY[:4, :5], B, MEMORY[3:7, 4:10][:, :5]), ValueError, "needs out (4, 6), got (4, 5)"),
    ((MEMORY[:4, :5], B, MEMORY[3:7, 3:9]), ValueError, "out must not overlap a"),
    ((A, MEMORY[:5, :6], MEMORY[4:8, :6]), ValueError, "out must not overlap b"),
    ((A, B, np.lib.stride_tricks.as_strided(C, (4, 6), (0, 4))), ValueError, "out must not overlap itself"),
    ((A, B, np.lib.stride_tricks.as_strided(C, (4, 6), (4, 4))), ValueError, "out must not overlap itself"),
    ((A, B, np.broadcast_to(C, (4, 6))), ValueError, "out must be writeable"),
]


@every_rung
@pytest.mark.parametrize(("arguments", "kind", "words"), MISTAKES, ids=[words for *_, words in MISTAKES])
def test_a_mistake_gets_one_line_that_names_it(function, arguments, kind, words):
    with pytest.raises(kind) as caught:
        function(*arguments)
    assert str(caught.value).startswith("matmul: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_out_between_the_operands_elements_is_no_overlap():
    memory = np.zeros((4, 12), np.float32)
    memory[:, ::3] = 1
    panels.packed(memory[:, ::3], memory[:, ::3], out=memory[:, 1::3])
    assert (memory[:, 1::3] == 4).all()


@pytest.mark.parametrize("blocks", [SMALL, Blocks(1, 1, 1), Blocks(MR, 10_000, NR), Blocks(10_000, 3, 10_000)])
def test_block_sizes_change_nothing_but_the_order(blocks):
    rng = np.random.default_rng(7)
    for M, N, K in [(3 * MR + 1, 3 * NR + 5, 20), (5, 3, 2)]:
        a, b, c = draw(rng, M, K), draw(rng, K, N), np.full((M, N), np.nan, np.float32)
        panels.multiply(a, b, c, blocks)
        assert share_of_bound(a, b, c) <= 1


def test_blocks_are_equal_parts_and_fit_the_caches():
    assert even(1024, 252, 6) * 5 >= 1024
    assert even(1024, 252, 6) == 210
    assert even(5, 252, 6) == 6
    blocks = from_caches()
    assert blocks.mc % MR == 0
    assert blocks.nc % NR == 0
    assert blocks.kc >= 64


def test_threads_share_the_work_in_rectangles_that_are_nearly_square(monkeypatch):
    assert parallel.grid(1000, 1000, 4) == (2, 2)
    assert parallel.grid(4000, 1000, 4) == (4, 1)
    assert parallel.grid(100, 9000, 6) == (1, 6)
    assert parallel.grid(7, 7, 5) in [(5, 1), (1, 5)]
    used, gate = set(), threading.Barrier(3, timeout=60)

    def multiply(*arguments):
        if threading.get_ident() not in used:
            used.add(threading.get_ident())
            gate.wait()  # three threads are here at the same time, or this test fails

    monkeypatch.setattr(parallel, "multiply", multiply)
    parallel.threaded(np.ones((60, 60), np.float32), np.ones((60, 60), np.float32))
    assert len(used) == 3


def test_a_small_product_stays_in_the_calling_thread(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(parallel, "split", lambda *_: pytest.fail("a small product was given to threads"))
    parallel.threaded(np.ones((64, 64), np.float32), np.ones((64, 64), np.float32))


@pytest.fixture
def clock(monkeypatch):
    """Products that take as long as the function says that the test puts here; without computing anything."""
    now, model = [0.0], [lambda blocks: 1.0]

    def multiply(a, b, c, blocks):
        now[0] += model[0](blocks)

    monkeypatch.setattr(tuning, "multiply", multiply)
    monkeypatch.setattr(tuning.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(tuning, "_known", {})
    return model


def test_tuning_finds_the_fastest_blocks_and_keeps_them_with_the_processors_name(clock):
    clock[0] = lambda b: 1 + abs(b.mc - 16 * MR) + abs(b.kc - 320) + abs(b.nc - 48 * NR)
    shown = []
    best = tuning.tune(lambda *line: shown.append(line), size=(8, 8, 8))
    assert best == Blocks(16 * MR, 320, 48 * NR) == tuning.tuned_blocks()
    table = json.loads(tuning.table_path().read_text())
    assert table[tuning.machine()]["blocks"] == {"mc": 16 * MR, "kc": 320, "nc": 48 * NR}
    assert [done for done, _, _ in shown] == list(range(len(shown)))
    assert shown[-1][:2] == (len(shown) - 1, len(shown) - 1)


def test_what_was_measured_is_read_again_by_the_next_process(clock):
    best = tuning.tune(lambda *_: None, size=(8, 8, 8))
    tuning._known.clear()
    clock[0] = lambda _: pytest.fail("measured again")
    assert tuning.tuned_blocks() == best


def test_a_difference_within_the_noise_keeps_the_sizes_that_the_caches_suggest(clock):
    clock[0] = lambda blocks: 1.0 if blocks == from_caches() else 0.995
    assert tuning.tune(lambda *_: None, size=(8, 8, 8)) == from_caches()


@pytest.mark.parametrize("content", ["", "[]", "{}", "not json", '{"NAME": 3}', '{"NAME": {"blocks": {"mc": "6"}}}'])
def test_a_table_that_is_not_ours_counts_as_none(clock, content):
    tuning.table_path().write_text(content.replace("NAME", tuning.machine()))
    assert tuning.tuned_blocks() is None


def test_sizes_that_cannot_be_written_are_kept_for_this_process(clock, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NANONET_CACHE", str(tmp_path / "file" / "folder"))
    assert tuning.tune(lambda *_: None, size=(8, 8, 8)) == tuning.tuned_blocks()
    assert not tuning.table_path().exists()


def test_the_production_function_measures_nothing(clock):
    clock[0] = lambda _: pytest.fail("measured")
    production.matmul(np.ones((3, 3), np.float32), np.ones((3, 3), np.float32))
    assert not tuning.table_path().exists()


def check_loop(loop: machine_code.Loop, width: str, sums: int) -> None:
    """Nothing but work: each sum in a register of its own, no spilled register, no scalar arithmetic."""
    assert loop.width == width
    assert loop.registers == sums
    assert loop.multiply_adds % sums == 0
    assert loop.on_stack == 0
    passes = loop.multiply_adds // sums
    assert len(loop.lines) <= passes * (sums + SHAPE_OF[width].rows + SHAPE_OF[width].vectors) + 6


SHAPE_OF = {"ymm": shape_for({"avx2"}), "zmm": shape_for({"avx2", "avx512f"})}


@x86_only
@pytest.mark.parametrize(("cpu", "width", "sums"), [("haswell", "ymm", 12), ("skylake-avx512", "zmm", 28)])
def test_the_micro_kernel_keeps_its_sums_in_registers(cpu, width, sums):
    check_loop(machine_code.inner_loop(machine_code.assembly_for(cpu)), width, sums)


SPILLED = """
.LBB0_1:
    vbroadcastss (%rdx), %ymm12
    vmovups 32(%rsp), %ymm13
    vfmadd231ps (%rsi), %ymm12, %ymm13
    vmovups %ymm13, 32(%rsp)
    jne .LBB0_1
"""


def test_a_spilled_register_and_a_lost_sum_are_noticed():
    loop = machine_code.inner_loop(SPILLED)
    assert (loop.multiply_adds, loop.registers, loop.on_stack) == (1, 1, 2)
    with pytest.raises(AssertionError):
        check_loop(loop, "ymm", 1)
    with pytest.raises(AssertionError):
        check_loop(machine_code.inner_loop(SPILLED.replace("(%rsp)", "(%rdi)")), "ymm", 12)


def test_a_processor_without_vectors_of_eight_gets_a_shape_too():
    for features in (set(), {"sse2"}, {"neon"}):
        shape = shape_for(features)
        assert shape.lanes == 4
        assert shape.rows * shape.vectors + shape.vectors < (32 if "neon" in features else 16)


def test_every_rung_says_what_it_adds_and_how_intense_it_is():
    names = [rung.name for rung in RUNGS]
    assert len(set(names)) == len(names) == 9
    for rung in RUNGS:
        text = inspect.getdoc(rung.function)
        assert "Intensity" in text, rung.name
        assert rung.idea
        assert rung.intensity(512, 512, 512) > 0
    intensities = {rung.name: rung.intensity(1024, 1024, 1024) for rung in RUNGS}
    assert intensities["Numba ikj"] == pytest.approx(2 / 12)
    assert intensities["register block"] == pytest.approx(2 * MR * NR / (4 * (MR + NR)))
    assert intensities["tiled"] == pytest.approx(2 * 1024 * 64 * 1024 / (4 * (64 * 1024 + 1024 * 64 + 2 * 1024 * 1024)))
    assert flops(2, 3, 4) == 48


def test_the_benchmark_shows_each_rung_at_its_sizes_and_its_figures_are_measured(monkeypatch):
    monkeypatch.setattr(bench, "ROUNDS", 2)
    monkeypatch.setattr(bench, "TURN", 0)
    monkeypatch.setattr(bench, "PAUSE", 0)
    ticks = itertools.count()
    monkeypatch.setattr(bench.time, "perf_counter", lambda: float(next(ticks)))  # every call takes one second
    set_threads(2)
    rows = list(bench.run([32, 200], seconds=0))
    assert threads() == 2
    on_one = [row.variant for row in rows if row.threads == 1 and row.size["n"] == 200]
    assert on_one == [rung.name for rung in RUNGS if rung.largest >= 200] + [BLAS.name]
    assert [row.variant for row in rows if row.threads == 2 and row.size["n"] == 32] == [
        "threads",
        "autotuned",
        BLAS.name,
    ]
    assert all((row.evidence, row.samples, row.median) == ("measured", [[1.0, 1.0]], 1.0) for row in rows)
    assert "| Numba ijk | 6.55e-05 (100 %) | 0.016 (100 %) |" in bench.table(rows)


def test_the_benchmark_does_not_time_a_wrong_product(monkeypatch):
    def wrong(a, b, out):
        out[...] = a @ b
        out[3, 4] += 1

    monkeypatch.setattr(bench, "RUNGS", [Rung("wrong", wrong, "", "", lambda *_: 1.0, 64)])
    set_threads(1)
    row = next(bench.run([16], seconds=0))
    assert (row.evidence, row.median) == ("skipped", None)
    assert row.reason.startswith("not timed: its error is")


def test_the_page_shows_every_rung():
    page = Path(__file__).parent.parent.joinpath("docs", "ladders-cpu.md").read_text(encoding="utf-8")
    for rung in RUNGS:
        assert f"| {rung.name} |" in page
        assert rung.function.__name__ in page
