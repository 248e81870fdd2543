"""Kernels that no op's samples reach: update rules, reductions, bias with activation, and how kernels are started."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from nanonet.backends import numba as numba_backend
from nanonet.backends.numba.fitting import xp
from nanonet.ops import update
from nanonet.ops.activation import Gelu, Silu
from nanonet.ops.rectifier import Relu
from nanonet.ops.reduce import Max, Mean, Sum
from nanonet.ops.softmax import Softmax
from nanonet_kernels.cpu import bias, launch, softmax, threads

EPS = float(np.finfo(np.float32).eps)


@pytest.fixture(params=[1, 2, 3])
def count_of_threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = threads.threads()
    threads.set_threads(request.param)
    yield request.param
    threads.set_threads(before)


STEPS: dict[str, tuple[Callable[..., Any], int, dict[str, Any]]] = {  # rule, arrays of memory, options
    "sgd": (update.sgd, 0, {"lr": 0.1}),
    "sgd, decay": (update.sgd, 0, {"lr": 0.1, "weight_decay": 0.01}),
    "momentum": (update.momentum, 1, {"lr": 0.1, "momentum": 0.9}),
    "dampening, decay": (update.momentum, 1, {"lr": 0.1, "momentum": 0.9, "dampening": 0.2, "weight_decay": 0.01}),
    "nesterov": (update.momentum, 1, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    "adam": (update.adam, 2, {"lr": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}),
    "adam, decay": (update.adam, 2, {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "weight_decay": 0.1}),
    "amsgrad": (update.adam, 3, {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8}),
    "adamw": (update.adamw, 2, {"lr": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.1}),
    "adamw, amsgrad": (update.adamw, 3, {"lr": 0.1, "beta1": 0.9, "beta2": 0.9, "eps": 1e-8, "weight_decay": 0.1}),
}


def after_steps(name: str, kernel: bool, dtype: Any, shape: tuple[int, ...], steps: int = 4) -> list[np.ndarray]:
    """The parameter and the memory after some steps; the kernel must write in place and leave the gradient alone."""
    rule, memories, options = STEPS[name]
    rng = np.random.default_rng(1)
    arrays = [rng.standard_normal(shape).astype(dtype)] + [np.zeros(shape, dtype) for _ in range(memories)]
    for step in range(1, steps + 1):
        g = rng.standard_normal(shape).astype(dtype)
        before = g.copy()
        given = options | ({"step": step} if "beta1" in options else {})
        if kernel:
            found = numba_backend.forward_only[rule](arrays[0], g, *arrays[1:], **given)
            assert all(a is b for a, b in zip(found, arrays, strict=False))
        else:
            found = rule(xp, arrays[0], g, *arrays[1:], **given)
        np.testing.assert_array_equal(g, before)
        arrays = [a for a in found if a is not None]
    return arrays


@pytest.mark.parametrize("shape", [(), (5, 7), (0, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", STEPS)
def test_update_kernels_equal_their_rules(name: str, dtype: Any, shape: tuple[int, ...]) -> None:
    for got, want in zip(after_steps(name, True, dtype, shape), after_steps(name, False, dtype, shape), strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, rtol=60 * np.finfo(dtype).eps, atol=20 * np.finfo(dtype).eps)


def test_update_kernels_equal_their_rules_on_several_threads(count_of_threads: int) -> None:
    n = 3 * launch.LEAST + 5
    for got, want in zip(
        after_steps("adam", True, "f", (n,), 1), after_steps("adam", False, "f", (n,), 1), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=60 * EPS, atol=20 * EPS)


def test_a_wrong_update_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgets_the_decay(p: Any, g: Any, **options: Any) -> Any:
        return numba_backend.update.sgd(p, g, lr=options["lr"])

    monkeypatch.setitem(numba_backend.forward_only, update.sgd, forgets_the_decay)
    with pytest.raises(AssertionError):
        test_update_kernels_equal_their_rules("sgd, decay", np.float32, (5, 7))


def test_not_a_number_goes_on_through_amsgrad() -> None:
    nan, one = np.array([np.nan, 1, 1], "f"), np.ones(3, "f")
    p, _, _, v_max = numba_backend.update.adam(
        one.copy(), nan, one * 0, one * 0, np.array([1, np.nan, 1], "f"), lr=0.1, beta1=0.9, beta2=0.9, eps=1e-8, step=1
    )
    np.testing.assert_array_equal(np.isnan(v_max), [True, True, False])
    np.testing.assert_array_equal(np.isnan(p), [True, True, False])


REDUCTIONS: list[Any] = [Sum, Mean, Max]
SHAPES = [((600_001,), None), ((700, 801), None), ((700, 801), 1), ((40, 50, 301), 2), ((60_000, 9), 1)]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
@pytest.mark.parametrize("op", REDUCTIONS)
def test_reductions_equal_their_rules(op: Any, shape: tuple[int, ...], axis: int | None, keepdims: bool) -> None:
    x = np.random.default_rng(0).uniform(0, 1, shape).astype(np.float32)
    kernel = numba_backend.forward_only[op.forward]
    got, saved = kernel(x, axis=axis, keepdims=keepdims)
    want, expected = op.forward(xp, x, axis=axis, keepdims=keepdims)
    assert (np.shape(got), got.dtype, len(saved)) == (np.shape(want), x.dtype, len(expected))
    np.testing.assert_allclose(got, want, rtol=0 if op is Max else 4 * EPS)


@pytest.mark.parametrize("op", REDUCTIONS)
def test_reductions_pass_nan_and_infinity_on(op: Any) -> None:
    x = np.zeros((3, 300_000), np.float32)
    x[0, 5], x[1, 7] = np.inf, np.nan
    for axis in (None, 1):
        got, want = numba_backend.forward_only[op.forward](x, axis=axis)[0], op.forward(xp, x, axis=axis)[0]
        np.testing.assert_array_equal(got, want)


def test_a_sum_does_not_depend_on_the_threads() -> None:
    x = np.random.default_rng(0).standard_normal(1_000_003).astype(np.float32)
    before, found = threads.threads(), set()
    for count in (1, 2, 3):
        threads.set_threads(count)
        found.add(float(numba_backend.forward_only[Sum.forward](x)[0]))
    threads.set_threads(before)
    assert len(found) == 1


BIASED: dict[str, tuple[Any, Any, Any]] = {
    "relu": (Relu, bias.bias_relu, bias.bias_relu_backward),
    "gelu": (Gelu, bias.bias_gelu, bias.bias_gelu_backward),
    "silu": (Silu, bias.bias_silu, bias.bias_silu_backward),
}


@pytest.mark.parametrize("shape", [(1, 1), (5, 33), (700, 400)])
@pytest.mark.parametrize("name", BIASED)
def test_bias_and_activation_equal_the_two_rules(name: str, shape: tuple[int, int]) -> None:
    op, forward, backward = BIASED[name]
    rng = np.random.default_rng(0)
    z, dy = rng.standard_normal((2, *shape)).astype(np.float32)
    b = rng.standard_normal(shape[1]).astype(np.float32)
    y, saved = op.forward(xp, z + b)
    (want,) = op.backward(xp, saved, dy)
    got, dz, db = np.empty_like(z), np.empty_like(z), np.zeros_like(b)
    launch.rows(forward, z, got, shared=(b,))
    if name == "relu":
        launch.row_totals(backward, got, dy, dz, shared=(), totals=(db,))
    else:
        launch.row_totals(backward, z, dy, dz, shared=(b,), totals=(db,))
    np.testing.assert_allclose(got, y, atol=8 * EPS * np.abs(y).max())
    np.testing.assert_allclose(dz, want, atol=8 * EPS * np.abs(want).max())
    np.testing.assert_allclose(db, want.sum(0), atol=40 * EPS * max(1, np.abs(want.sum(0)).max()))


def test_few_long_rows_are_divided_too(count_of_threads: int) -> None:
    x = np.random.default_rng(0).standard_normal((3, softmax.LONG + 77)).astype(np.float32)
    x[1, 5], x[2, -1] = np.inf, 200
    rule: Any = Softmax
    with np.errstate(invalid="ignore"):
        want, got = rule.forward(xp, x)[0], np.empty_like(x)
    softmax.softmax_rows(x, got)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    for i in (0, 2):
        np.testing.assert_allclose(got[i], want[i], atol=16 * EPS * want[i].max())


def test_every_row_and_element_is_visited_once(count_of_threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.zeros((1003, 301), np.float32)

    def add_one(part: Any, amount: Any) -> None:
        part += amount

    monkeypatch.setattr(launch, "LEAST", 1000)
    launch.flat(add_one, x, numbers=(1,))
    launch.rows(add_one, x, shared=(1,))
    np.testing.assert_array_equal(x, 2)

    def count(part: Any, total: Any) -> None:
        total += len(part)

    total = np.zeros(1)
    launch.row_totals(count, x, shared=(), totals=(total,))
    assert total == 1003


def test_totals_are_added_in_the_order_of_the_rows(count_of_threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).standard_normal((5000, 40)).astype(np.float32)

    def add(part: Any, total: Any) -> None:
        total += part.sum(0)

    found = []
    for _ in range(5):
        total = np.zeros(40, np.float32)
        monkeypatch.setattr(launch, "LEAST", 1000)
        launch.row_totals(add, x, shared=(), totals=(total,))
        found.append(total)
    assert all((one == found[0]).all() for one in found)
