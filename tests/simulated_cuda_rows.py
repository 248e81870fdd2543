"""Softmax, cross-entropy, sums and embeddings on CUDA against the rules in float64: see tests/simulated_cuda.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nanonet.ops.classification import CrossEntropy
from nanonet.ops.embedding import Embedding
from nanonet.ops.softmax import LogSoftmax, Softmax
from nanonet_kernels.cuda import cross_entropy, embedding, launch, reduce, softmax
from tests.simulated_cuda import DTYPES, assert_near, on_device, poisoned, xp

SHAPES = [((1, 1), 1), ((3, 5), 1), ((5, 1), 1), ((2, 7, 3), 1), ((2, 3, 4), 2), ((4, 3), 0), ((0, 3), 1)]
rule: Any = {"softmax": Softmax, "log_softmax": LogSoftmax}
LAUNCHES = [((1,), (2, 2)), ((2,), (3, 2)), ((3,), (1, 3)), ((1,), (5, 1))]  # widths that are no powers of two


def rounded(*shape: int, seed: int = 0) -> np.ndarray:
    """Numbers that float32 holds exactly."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32).astype(np.float64)


@pytest.fixture(params=LAUNCHES, ids=str)
def rows_launch(request: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(launch.SIMULATOR, "rows", request.param)


def check_softmax(name: str, x: np.ndarray, dim: int, dtype: Any) -> None:
    dy, columns, inner = rounded(*x.shape, seed=1), x.shape[dim], int(np.prod(x.shape[dim + 1 :]))
    with np.errstate(all="ignore"):
        expected, saved = rule[name].forward(xp, x, dim=dim)
        (expected_dx,) = rule[name].backward(xp, saved, dy)
    y, dx = poisoned(x.shape, dtype), poisoned(x.shape, dtype)
    getattr(softmax, name)(on_device(x, dtype=dtype), y, columns, inner)
    assert_near(y, expected, what="y")
    getattr(softmax, name + "_backward")(
        on_device(expected, dtype=dtype), on_device(dy, dtype=dtype), dx, columns, inner
    )
    assert_near(dx, expected_dx, what="dx")


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize(("shape", "dim"), SHAPES)
def test_softmax_equals_its_rule(name: str, shape: tuple[int, ...], dim: int) -> None:
    for dtype in DTYPES:
        check_softmax(name, rounded(*shape), dim, dtype)


@pytest.mark.usefixtures("rows_launch")
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_is_right_for_every_launch(name: str) -> None:
    check_softmax(name, rounded(5, 7), 1, np.float32)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, 1e30, -1e30, 0.0])
def test_softmax_of_special_numbers_is_the_rules(name: str, special: float) -> None:
    check_softmax(name, np.array([[special, 1.0, 2.0], [special] * 3, [0.0, 1.0, 2.0]]), 1, np.float32)


LABELS = [
    ((4, 5), None, None), ((4, 5), "weight", None), ((4, 5), None, 1), ((4, 5), "weight", 1), ((2, 3, 4), "weight", 2),
    ((2, 3, 4), None, None), ((1, 1), None, None), ((5, 3), None, -100),
]  # fmt: skip


def cross_entropy_on_device(x: Any, target: Any, weight: Any, ignore: Any, reduction: str, dy: Any, dtype: Any) -> Any:
    """(y, dx) by the kernels, as a backend would call them."""
    columns, inner, n = x.shape[1], int(np.prod(x.shape[2:])), target.size
    p, losses, dx = poisoned(x.shape, dtype), poisoned(target.shape, dtype), poisoned(x.shape, dtype)
    counts = poisoned(target.shape, dtype) if weight is not None or ignore is not None else None
    xd, labels, w, dyd = on_device(x, target, weight, dy, dtype=dtype)
    cross_entropy.cross_entropy(xd, labels, w, p, losses, counts, columns, inner, ignore)
    y, total = poisoned((), dtype), 1.0
    if reduction == "none":
        y = losses
    elif reduction == "sum":
        reduce.total(losses, y, None)
    elif counts is None:
        total = float(n)
        reduce.mean(losses, y, None)
    else:
        total = poisoned((), dtype)
        cross_entropy.cross_entropy_mean(losses, counts, y, total, None)
    cross_entropy.cross_entropy_backward(p, labels, counts, total, dyd, dx, columns, inner, ignore)
    return y, dx


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("shape", "weight", "ignore"), LABELS)
def test_cross_entropy_equals_its_rule(shape: Any, weight: Any, ignore: Any, reduction: str) -> None:
    rng, x = np.random.default_rng(2), rounded(*shape)
    target = rng.integers(0, shape[1], (shape[0], *shape[2:]))
    if ignore is not None:
        target.flat[0] = ignore
    w = rng.uniform(0.5, 2, shape[1]).astype(np.float32).astype(np.float64) if weight else None
    r: Any = CrossEntropy
    expected, saved = r.forward(xp, x, target, w, ignore_index=ignore, reduction=reduction)
    dy = np.asarray(rounded(*np.shape(expected), seed=3))
    expected_dx = r.backward(xp, saved, dy, (True, False, False))[0]
    for dtype in DTYPES:
        y, dx = cross_entropy_on_device(x, target, w, ignore, reduction, dy, dtype)
        assert_near(y, expected, what="y")
        assert_near(dx, expected_dx, what="dx")


def test_the_mean_over_ignored_labels_only_is_nan_and_its_gradient_zero() -> None:
    x, target = rounded(2, 3), np.array([-100, -100])
    y, dx = cross_entropy_on_device(x, target, None, -100, "mean", np.float64(1), np.float32)
    assert np.isnan(y.get())
    assert_near(dx, np.zeros((2, 3)))


def test_a_label_that_is_no_class_gives_nan_and_reads_nothing_outside() -> None:
    x, target = rounded(3, 4), np.array([4, -1, 0])
    y, _ = cross_entropy_on_device(x, target, None, None, "none", np.ones(3), np.float32)
    assert np.isnan(y.get()).tolist() == [True, True, False]


def test_cross_entropy_of_huge_logits_is_finite() -> None:
    x, target = np.array([[1e4, -1e4, 0.0], [0.0, 1e4, -1e4]]), np.array([1, 1])
    y, _ = cross_entropy_on_device(x, target, None, None, "none", np.ones(2), np.float32)
    assert_near(y, [2e4, 0.0])


@pytest.mark.parametrize("blocks", [1, 3])
@pytest.mark.parametrize("size", [0, 1, 7, 40])
def test_totals_in_one_and_in_two_passes(blocks: int, size: int, monkeypatch: Any) -> None:
    monkeypatch.setitem(launch.SIMULATOR, "total", ((blocks,), (3,)))
    x = rounded(size)
    for dtype in DTYPES:
        work = poisoned(reduce.workspace_total(size), dtype)
        total, mean, top = (poisoned((), dtype) for _ in range(3))
        device = on_device(x, dtype=dtype)
        reduce.total(device, total, work, scale=0.5)
        reduce.mean(device, mean, work)
        reduce.maximum(device, top, work)
        assert_near(total, 0.5 * x.sum())
        assert_near(mean, x.mean() if size else np.nan)
        assert_near(top, x.max() if size else -np.inf)


def test_a_sum_has_the_same_bits_every_time(monkeypatch: Any) -> None:
    monkeypatch.setitem(launch.SIMULATOR, "total", ((3,), (4,)))
    x, work = on_device(rounded(101), dtype=np.float32), poisoned(3, np.float32)
    results = []
    for _ in range(5):
        y = poisoned((), np.float32)
        reduce.total(x, y, work)
        results.append(y.get().tobytes())
    assert len(set(results)) == 1


def test_the_maximum_is_nan_where_there_is_one() -> None:
    for place in range(6):
        x = rounded(6)
        x[place] = np.nan
        y, rows = poisoned((), np.float32), poisoned(1, np.float32)
        reduce.maximum(on_device(x, dtype=np.float32), y, None)
        reduce.max_rows(on_device(x, dtype=np.float32), rows, 6)
        assert np.isnan(y.get())
        assert np.isnan(rows.get())


@pytest.mark.parametrize(("shape", "dim"), SHAPES)
def test_sums_and_maxima_of_rows(shape: tuple[int, ...], dim: int) -> None:
    x, inner = rounded(*shape), int(np.prod(shape[dim + 1 :]))
    expected = x.sum(axis=dim)
    for dtype in DTYPES:
        y, top = poisoned(expected.shape, dtype), poisoned(expected.shape, dtype)
        reduce.sum_rows(on_device(x, dtype=dtype), y, shape[dim], inner, scale=2.0)
        reduce.max_rows(on_device(x, dtype=dtype), top, shape[dim], inner)
        assert_near(y, 2 * expected)
        assert_near(top, x.max(axis=dim))


@pytest.mark.parametrize("grid", [(1, 1), (2, 3), (1, 4)])
@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (2, 5), (0, 3), (3, 0)])
def test_sums_of_columns_in_one_and_in_two_passes(grid: tuple[int, int], shape: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(launch.SIMULATOR, "columns", (grid, (2, 3)))
    x = rounded(*shape)
    for dtype in DTYPES:
        y, work = poisoned(shape[1], dtype), poisoned(reduce.workspace_columns(*shape), dtype)
        reduce.sum_columns(on_device(x, dtype=dtype), y, work, shape[0])
        assert_near(y, x.sum(axis=0))


@pytest.mark.parametrize("padding", [None, 2])
@pytest.mark.parametrize("grid", [(1, 1), (2, 1), (1, 3)])
def test_embedding_equals_its_rule(padding: int | None, grid: tuple[int, int], monkeypatch: Any) -> None:
    monkeypatch.setitem(launch.SIMULATOR, "scatter", (grid, (2, 2)))
    labels, w, dy = np.array([[0, 2, 2], [4, 0, 2]]), rounded(5, 3), rounded(2, 3, 3, seed=1)
    r: Any = Embedding
    expected, saved = r.forward(xp, labels, w, padding_idx=padding)
    _, expected_dw = r.backward(xp, saved, dy)
    for dtype in DTYPES:
        y, dw = poisoned(expected.shape, dtype), poisoned(w.shape, dtype)
        embedding.gather(on_device(labels), on_device(w, dtype=dtype), y)
        embedding.scatter_add(on_device(labels), on_device(dy, dtype=dtype), dw, padding)
        assert_near(y, expected)
        assert_near(dw, expected_dw)


def test_no_labels_give_a_gradient_of_zeros_and_a_wrong_label_gives_nan() -> None:
    dw, y = poisoned((3, 2), np.float32), poisoned((2, 2), np.float32)
    embedding.scatter_add(on_device(np.zeros(0, np.int64)), on_device(np.zeros((0, 2), np.float32)), dw)
    assert_near(dw, np.zeros((3, 2)))
    embedding.gather(on_device(np.array([3, -1])), on_device(np.ones((3, 2), np.float32)), y)
    assert np.isnan(y.get()).all()
