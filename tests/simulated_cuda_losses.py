"""Smoothed cross-entropy, negative log-likelihood and squared error on CUDA: see tests/simulated_cuda.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nanonet.ops.classification import CrossEntropy, NllLoss
from nanonet.ops.loss import MseLoss
from nanonet_kernels.cuda import cross_entropy, loss, reduce, smoothed_cross_entropy
from tests.simulated_cuda import DTYPES, assert_near, on_device, poisoned, xp
from tests.simulated_cuda_rows import LABELS, rounded

smooth_rule: Any = CrossEntropy
nll_rule: Any = NllLoss
mse_rule: Any = MseLoss
REDUCTIONS = ["mean", "sum", "none"]


def labelled(shape: tuple[int, ...], weight: Any, ignore: int | None) -> tuple[np.ndarray, np.ndarray, Any]:
    rng, x = np.random.default_rng(2), rounded(*shape)
    target = rng.integers(0, shape[1], (shape[0], *shape[2:]))
    if ignore is not None:
        target.flat[0] = ignore
    w = rng.uniform(0.5, 2, shape[1]).astype(np.float32).astype(np.float64) if weight else None
    return x, target, w


def reduced(losses: Any, counts: Any, reduction: str, dtype: Any) -> tuple[Any, Any]:
    """(y, total) of losses on the device, counts None where each counts 1."""
    y, total = poisoned((), dtype), poisoned((), dtype)
    if reduction == "none":
        return losses, 1.0
    if reduction == "mean" and counts is not None:
        cross_entropy.cross_entropy_mean(losses, counts, y, total, None)
        return y, total
    number = losses.size if reduction == "mean" else 1.0
    reduce.total(losses, y, None, 1 / number)
    return y, number


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(("shape", "weight", "ignore"), LABELS)
def test_smoothed_cross_entropy_equals_its_rule(shape: Any, weight: Any, ignore: Any, reduction: str) -> None:
    x, target, w = labelled(shape, weight, ignore)
    options = {"ignore_index": ignore, "reduction": reduction, "label_smoothing": 0.2}
    expected, saved = smooth_rule.forward(xp, x, target, w, **options)
    dy = np.asarray(rounded(*np.shape(expected), seed=3))
    expected_dx = smooth_rule.backward(xp, saved, dy, (True, False, False))[0]
    columns, inner = shape[1], int(np.prod(shape[2:]))
    for dtype in DTYPES:
        p, dx = poisoned(shape, dtype), poisoned(shape, dtype)
        losses, counts = poisoned(target.shape, dtype), poisoned(target.shape, dtype)
        xd, labels, wd, dyd = on_device(x, target, w, dy, dtype=dtype)
        smoothed_cross_entropy.cross_entropy(xd, labels, wd, p, losses, counts, columns, inner, ignore, 0.2)
        y, total = reduced(losses, counts, reduction, dtype)
        smoothed_cross_entropy.cross_entropy_backward(p, labels, wd, total, dyd, dx, columns, inner, ignore, 0.2)
        assert_near(y, expected, what="y")
        assert_near(dx, expected_dx, what="dx")


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(("shape", "weight", "ignore"), LABELS)
def test_nll_equals_its_rule(shape: Any, weight: Any, ignore: Any, reduction: str) -> None:
    x, target, w = labelled(shape, weight, ignore)
    expected, saved = nll_rule.forward(xp, x, target, w, ignore_index=ignore, reduction=reduction)
    dy = np.asarray(rounded(*np.shape(expected), seed=3))
    expected_dx = nll_rule.backward(xp, saved, dy)[0]
    columns, inner = shape[1], int(np.prod(shape[2:]))
    for dtype in DTYPES:
        losses, dx = poisoned(target.shape, dtype), poisoned(shape, dtype)
        counts = poisoned(target.shape, dtype) if weight or ignore is not None else None
        xd, labels, wd, dyd = on_device(x, target, w, dy, dtype=dtype)
        loss.nll(xd, labels, wd, losses, counts, columns, inner, ignore)
        y, total = reduced(losses, counts, reduction, dtype)
        loss.nll_backward(labels, counts, total, dyd, dx, columns, inner, ignore)
        assert_near(y, expected, what="y")
        assert_near(dx, expected_dx, what="dx")


def test_a_label_that_is_no_class_gives_nan() -> None:
    x, target = on_device(rounded(3, 4), dtype=np.float32), on_device(np.array([4, -1, 0]))
    losses, smoothed, counts = (poisoned(3, np.float32) for _ in range(3))
    p = poisoned((3, 4), np.float32)
    loss.nll(x, target, None, losses, None, 4)
    smoothed_cross_entropy.cross_entropy(x, target, None, p, smoothed, counts, 4)
    assert np.isnan(losses.get()).tolist() == [True, True, False]
    assert np.isnan(smoothed.get()).tolist() == [True, True, False]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(), (1,), (3, 5)])
def test_squared_error_equals_its_rule(shape: tuple[int, ...], reduction: str) -> None:
    x, t = np.asarray(rounded(*shape)), np.asarray(rounded(*shape, seed=1))
    expected, saved = mse_rule.forward(xp, x, t, None, reduction=reduction)
    dy = np.asarray(rounded(*np.shape(expected), seed=3))
    expected_dx = mse_rule.backward(xp, saved, dy, (True, False, False))[0]
    for dtype in DTYPES:
        d, losses, dx = (poisoned(shape, dtype) for _ in range(3))
        xd, td, dyd = on_device(x, t, dy, dtype=dtype)
        loss.squared_error(xd, td, d, losses)
        y, _ = reduced(losses, None, reduction, dtype)
        loss.squared_error_backward(d, dyd, dx, 1 / x.size if reduction == "mean" else 1.0)
        assert_near(y, expected, what="y")
        assert_near(dx, expected_dx, what="dx")
