"""Normalisations on CUDA against the rules in float64: see tests/simulated_cuda.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nanonet.ops.channel_norm import BatchNorm
from nanonet.ops.norm import LayerNorm, RmsNorm
from nanonet_kernels.cuda import batch_norm, launch, layer_norm, reduce, rms_norm
from tests.simulated_cuda import DTYPES, assert_near, on_device, poisoned, xp
from tests.simulated_cuda_rows import rounded

ALL = (True, True, True, True, True)
PARAMETERS = [(True, True), (False, False), (True, False), (False, True)]
layer_rule: Any = LayerNorm
rms_rule: Any = RmsNorm
batch_rule: Any = BatchNorm


@pytest.fixture(params=[((1,), (2, 2)), ((2,), (3, 2)), ((3,), (1, 3))], ids=str)
def rows_launch(request: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(launch.SIMULATOR, "rows", request.param)


def check_layer_norm(x: np.ndarray, has_w: bool, has_b: bool, dtype: Any, eps: float = 1e-5) -> None:
    rows, columns = x.shape
    w, b, dy = rounded(columns, seed=1), rounded(columns, seed=2), rounded(*x.shape, seed=3)
    w, b = w if has_w else None, b if has_b else None
    expected, saved = layer_rule.forward(xp, x, w, b, size=columns, eps=eps)
    dx_, dw_, db_ = layer_rule.backward(xp, saved, dy, (True, has_w, has_b))
    y, xhat, dx = (poisoned(x.shape, dtype) for _ in range(3))
    r, dw, db = poisoned((rows, 1), dtype), poisoned(columns, dtype), poisoned(columns, dtype)
    xd, wd, bd, dyd = on_device(x, w, b, dy, dtype=dtype)
    layer_norm.layer_norm(xd, wd, bd, y, xhat, r, columns, eps)
    assert_near(y, expected, what="y")
    assert_near(xhat, saved[0], what="xhat")
    assert_near(r, saved[1], what="r")
    layer_norm.layer_norm_backward(xhat, r, wd, dyd, dx, columns)
    assert_near(dx, dx_, units=64, what="dx")
    work_w, work_b = (poisoned(reduce.workspace_columns(rows, columns), dtype) for _ in range(2))
    layer_norm.affine_gradients(dyd, xhat, dw, db, work_w, work_b, rows)
    assert_near(dw, dw_ if has_w else np.einsum("ni,ni->i", dy, saved[0]), what="dw")
    assert_near(db, db_ if has_b else dy.sum(axis=0), what="db")


@pytest.mark.parametrize(("has_w", "has_b"), PARAMETERS)
@pytest.mark.parametrize("shape", [(3, 5), (1, 3), (4, 7), (5, 1)])
def test_layer_norm_equals_its_rule(shape: tuple[int, int], has_w: bool, has_b: bool) -> None:
    for dtype in DTYPES:
        check_layer_norm(rounded(*shape), has_w, has_b, dtype)


@pytest.mark.usefixtures("rows_launch")
@pytest.mark.parametrize("grid", [(1, 1), (2, 3)])
def test_layer_norm_is_right_for_every_launch(grid: tuple[int, int], monkeypatch: Any) -> None:
    monkeypatch.setitem(launch.SIMULATOR, "columns", (grid, (3, 2)))
    check_layer_norm(rounded(5, 7), True, True, np.float32)


def test_layer_norm_far_from_zero_does_not_cancel() -> None:
    """mean(x²) - mean(x)² would lose every digit here."""
    x = rounded(2, 8) + 4096.0
    x = x.astype(np.float32).astype(np.float64)
    expected, _ = layer_rule.forward(xp, x, None, None, size=8, eps=1e-5)
    y, xhat, r = poisoned(x.shape, np.float32), poisoned(x.shape, np.float32), poisoned((2, 1), np.float32)
    layer_norm.layer_norm(on_device(x, dtype=np.float32), None, None, y, xhat, r, 8, 1e-5)
    assert_near(y, expected, units=16 * 4096)


def test_a_row_with_nan_or_infinity_spoils_no_other_row() -> None:
    x = rounded(4, 5)
    x[1, 2], x[2, 0] = np.nan, np.inf
    y, xhat, r = poisoned(x.shape, np.float32), poisoned(x.shape, np.float32), poisoned((4, 1), np.float32)
    layer_norm.layer_norm(on_device(x, dtype=np.float32), None, None, y, xhat, r, 5, 1e-5)
    assert np.isnan(y.get()).all(axis=1).tolist() == [False, True, True, False]


@pytest.mark.parametrize("has_w", [True, False])
@pytest.mark.parametrize("shape", [(3, 5), (1, 3), (5, 1), (4, 7)])
def test_rms_norm_equals_its_rule(shape: tuple[int, int], has_w: bool) -> None:
    rows, columns = shape
    x, dy = rounded(*shape), rounded(*shape, seed=3)
    w = rounded(columns, seed=1) if has_w else None
    expected, saved = rms_rule.forward(xp, x, w, size=columns, eps=1e-3)
    dx_, _ = rms_rule.backward(xp, saved, dy, (True, has_w))
    for dtype in DTYPES:
        y, xhat, dx, r = *(poisoned(shape, dtype) for _ in range(3)), poisoned((rows, 1), dtype)
        xd, wd, dyd = on_device(x, w, dy, dtype=dtype)
        rms_norm.rms_norm(xd, wd, y, xhat, r, columns, 1e-3)
        rms_norm.rms_norm_backward(xhat, r, wd, dyd, dx, columns)
        assert_near(y, expected, what="y")
        assert_near(xhat, saved[0], what="xhat")
        assert_near(r, saved[1], what="r")
        assert_near(dx, dx_, units=64, what="dx")


def check_batch_norm(shape: tuple[int, ...], has_w: bool, has_b: bool, training: bool, dtype: Any) -> None:
    channels, samples, positions = shape[1], shape[0], int(np.prod(shape[2:]))
    x, dy = rounded(*shape), rounded(*shape, seed=3)
    w = rounded(channels, seed=1) if has_w else None
    b = rounded(channels, seed=2) if has_b else None
    given = (None, None) if training else (rounded(channels, seed=4), np.abs(rounded(channels, seed=5)))
    (expected, mean_, unbiased), saved = batch_rule.forward(xp, x, *given, w, b, eps=1e-3)
    dx_, _, _, dw_, db_ = batch_rule.backward(xp, saved, (dy, None, None), ALL)
    y, xhat, dx = (poisoned(shape, dtype) for _ in range(3))
    mean, var, r, dw, db = (poisoned(channels, dtype) for _ in range(5))
    xd, wd, bd, dyd = on_device(x, w, b, dy, dtype=dtype)
    if training:
        n = samples * positions
        batch_norm.statistics(xd, mean, var, samples, positions)
        assert_near(mean, mean_, what="mean")
        assert_near(var, unbiased * (n - 1) / n, what="var")
    else:
        mean, var = on_device(*given, dtype=dtype)
    batch_norm.normalize(xd, mean, var, wd, bd, y, xhat, r, samples, positions, 1e-3)
    assert_near(y, expected, units=64, what="y")
    work_w, work_b = (poisoned(reduce.workspace_columns(samples, channels), dtype) for _ in range(2))
    batch_norm.parameter_gradients(dyd, xhat, dw, db, work_w, work_b, samples, positions)
    batch_norm.backward(dyd, xhat, r, wd, dw, db, dx, samples, positions, training)
    assert_near(dw, dw_, units=64, what="dw")
    assert_near(db, db_, units=64, what="db")
    assert_near(dx, dx_, units=128, what="dx")


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("has_w", "has_b"), PARAMETERS[:2])
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5), (3, 2, 2, 2), (5, 1), (2, 1, 1, 3)])
def test_batch_norm_equals_its_rule(shape: tuple[int, ...], has_w: bool, has_b: bool, training: bool) -> None:
    for dtype in DTYPES:
        check_batch_norm(shape, has_w, has_b, training, dtype)


@pytest.mark.parametrize("grids", [((2, 3), (2,)), ((3, 1), (3,))])
def test_batch_norm_is_right_for_every_launch(grids: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(launch.SIMULATOR, "columns", (grids[0], (3, 2)))
    monkeypatch.setitem(launch.SIMULATOR, "channels", (grids[1], (2, 3)))
    check_batch_norm((7, 4), True, True, True, np.float32)
    check_batch_norm((3, 4, 5), True, True, True, np.float32)


def test_a_planted_fault_in_a_norm_is_caught(monkeypatch: Any) -> None:
    """A backward pass that forgets the mean of g: right where that is zero, wrong elsewhere."""

    def forgetful(T: Any) -> Any:
        def kernel(xhat: Any, r: Any, w: Any, dy: Any, dx: Any, rows: int, columns: int, has_w: int) -> None:
            for i in range(rows):
                g = [dy[i * columns + j] * w[j] for j in range(columns)]
                mean_gh = sum(g[j] * xhat[i * columns + j] for j in range(columns)) / columns
                for j in range(columns):
                    dx[i * columns + j] = (g[j] - xhat[i * columns + j] * mean_gh) * r[i]

        return kernel

    forgetful.__module__ = __name__
    wrong = layer_norm.precisions(forgetful, "T* T* T* T* T* i8 i8 i4")
    monkeypatch.setattr(layer_norm, "_backwards", wrong)
    monkeypatch.setitem(launch.SIMULATOR, "rows", ((1,), (1, 1)))
    with pytest.raises(AssertionError, match="dx"):
        check_layer_norm(rounded(3, 5), True, True, np.float32)
