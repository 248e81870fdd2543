"""Normalisations: PyTorch's results on random shapes, running statistics, large means, refusals."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nanonet as nt
import nanonet.functional as F
from tests.agreement import agrees_with_torch as agrees
from tests.agreement import arrays

torch = pytest.importorskip("torch", reason="compared with torch: pip install '.[peers]'")
TF = torch.nn.functional
agrees_with_torch = functools.partial(agrees, rtol=1e-9, atol=1e-12)

few = settings(max_examples=25, deadline=None)
batches = st.integers(2, 4)
channels = st.integers(1, 4)
positions = st.lists(st.integers(1, 3), max_size=3)


def parameters(data: Any, n: int, *shape: int) -> list[np.ndarray]:
    """None, a weight, or a weight and a bias."""
    return [data.draw(arrays(shape)) for _ in range(n)]


@few
@given(batches, channels, positions, st.integers(0, 2), st.data())
def test_batch_norm_in_training(n: int, c: int, more: list[int], given_: int, data: Any) -> None:
    inputs = [data.draw(arrays((n + 1, c, *more))), *parameters(data, given_, c)]
    agrees_with_torch(
        lambda x, *p: F.batch_norm(x, None, None, *p, training=True),
        lambda x, *p: TF.batch_norm(x, None, None, *p, training=True),
        *inputs,
    )


@few
@given(st.integers(0, 3), channels, positions, st.integers(0, 2), st.data())
def test_batch_norm_in_evaluation(n: int, c: int, more: list[int], given_: int, data: Any) -> None:
    mean, var = data.draw(arrays((c,))), np.abs(data.draw(arrays((c,)))) + 0.1
    agrees_with_torch(
        lambda x, *p: F.batch_norm(x, nt.Tensor(mean), nt.Tensor(var), *p, eps=0.01),
        lambda x, *p: TF.batch_norm(x, torch.tensor(mean.copy()), torch.tensor(var.copy()), *p, eps=0.01),
        data.draw(arrays((n, c, *more))),
        *parameters(data, given_, c),
    )


@few
@given(st.integers(0, 3), st.integers(1, 3), st.integers(1, 3), positions, st.integers(0, 2), st.data())
def test_group_norm(n: int, groups: int, each: int, more: list[int], given_: int, data: Any) -> None:
    given_ = 0 if given_ == 1 and not more else given_
    agrees_with_torch(
        lambda x, *p: F.group_norm(x, groups, *p, eps=0.1),
        lambda x, *p: TF.group_norm(x, groups, *p, eps=0.1),
        data.draw(arrays((n, groups * each, *more, 2))),
        *parameters(data, given_, groups * each),
    )


@few
@given(st.integers(0, 3), channels, positions, st.data())
def test_instance_norm(n: int, c: int, more: list[int], data: Any) -> None:
    w, b = parameters(data, 2, c)
    agrees_with_torch(
        lambda x, w, b: F.instance_norm(x, weight=w, bias=b, eps=0.1),
        lambda x, w, b: TF.instance_norm(x, weight=w, bias=b, eps=0.1),
        data.draw(arrays((n + 1, c, *more, 3))),
        w,
        b,
    )


@few
@given(st.lists(st.integers(0, 3), max_size=2), st.lists(st.integers(1, 4), min_size=1, max_size=2), st.data())
def test_layer_norm_and_rms_norm(leading: list[int], shape: list[int], data: Any) -> None:
    x, w, b = data.draw(arrays((*leading, *shape))), *parameters(data, 2, *shape)
    for n in range(3):
        agrees_with_torch(
            lambda x, *p: F.layer_norm(x, shape, *p, eps=0.1),
            lambda x, *p: TF.layer_norm(x, shape, *p, eps=0.1),
            x,
            *[w, b][:n],
        )
    for n in range(2):
        agrees_with_torch(lambda x, *p: F.rms_norm(x, shape, *p), lambda x, *p: TF.rms_norm(x, shape, *p), x, *[w][:n])


def test_layer_norm_of_no_features_is_empty() -> None:
    assert F.layer_norm(nt.zeros((2, 0)), (0,)).shape == (2, 0)


def test_group_norm_of_no_positions_has_gradients_of_0() -> None:
    x, w = nt.zeros((2, 2, 0), requires_grad=True), nt.ones(2, requires_grad=True)
    F.group_norm(x, 2, w).sum().backward()
    assert x.grad is not None
    assert x.grad.shape == (2, 2, 0)
    np.testing.assert_array_equal(w.grad, [0.0, 0.0])  # PyTorch's are nan


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rms_norm_takes_the_smallest_step_of_the_dtype_for_eps(dtype: Any) -> None:
    x = np.full((1, 2), 1e-5 if dtype == np.float32 else 1e-9, dtype)
    want = TF.rms_norm(torch.tensor(x), (2,)).numpy()
    np.testing.assert_allclose(F.rms_norm(x, (2,)).array, want, rtol=1e-5)


class TestRunningStatistics:
    @pytest.mark.parametrize("name", ["batch_norm", "instance_norm"])
    @pytest.mark.parametrize("momentum", [0.1, 0.7, 0.0, 1.0])
    def test_move_as_pytorchs(self, name: str, momentum: float) -> None:
        rng = np.random.default_rng(0)
        options = {"training": True} if name == "batch_norm" else {}
        ours = [np.zeros(3), np.ones(3)]
        tensors = [nt.zeros(3, dtype=nt.float64), nt.ones(3, dtype=nt.float64)]
        theirs = [torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)]
        for _ in range(3):
            x = rng.normal(2.0, 3.0, (4, 3, 5))
            for f, running, array in (
                (getattr(F, name), ours, nt.tensor(x)),
                (getattr(F, name), tensors, nt.tensor(x, requires_grad=True)),
                (getattr(TF, name), theirs, torch.tensor(x)),
            ):
                f(array, *running, momentum=momentum, **options)
        for mine, tensor, other in zip(ours, tensors, theirs, strict=True):
            np.testing.assert_allclose(mine, other.numpy(), rtol=1e-12)
            np.testing.assert_array_equal(tensor.array, mine)
            assert not tensor.requires_grad

    def test_stay_as_they_are_in_evaluation(self) -> None:
        mean, var = np.zeros(2), np.ones(2)
        F.batch_norm(nt.ones((3, 2)), mean, var)
        F.instance_norm(nt.ones((3, 2, 4)), mean, var, use_input_stats=False)
        assert mean.tolist() == [0, 0]
        assert var.tolist() == [1, 1]

    def test_two_passes_before_one_backward(self) -> None:
        """In training the statistics are no inputs: writing them does not invalidate an earlier graph."""
        x = nt.tensor([[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]], requires_grad=True)
        mean, var = nt.zeros(2), nt.ones(2)
        y = F.batch_norm(x, mean, var, training=True) * F.batch_norm(x * 2, mean, var, training=True)
        y.sum().backward()
        assert np.isfinite(x.grad.array).all()

    def test_written_between_an_evaluation_and_its_backward_are_noticed(self) -> None:
        x = nt.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)
        mean, var = nt.zeros(2), nt.ones(2)
        y = F.batch_norm(x, mean, var)
        F.batch_norm(x, mean, var, training=True)
        with pytest.raises(RuntimeError, match="batch_norm was changed in place"):
            y.sum().backward()


def test_a_large_mean_does_not_swallow_the_variance() -> None:
    """mean(x²) - mean(x)² would leave nothing of it in float32."""
    noise = np.random.default_rng(0).standard_normal((64, 16))
    x = (noise + 1e4).astype(np.float32)
    exact = x.astype(np.float64)
    for axis, got in ((0, F.batch_norm(x, None, None, training=True)), (1, F.layer_norm(x, (16,)))):
        want = (exact - exact.mean(axis, keepdims=True)) / np.sqrt(exact.var(axis, keepdims=True) + 1e-5)
        np.testing.assert_allclose(got.array, want, atol=2e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.batch_norm(nt.ones((1, 3)), None, None, training=True), r"batch_norm: .* more than 1 value per ch"),
        (lambda: F.batch_norm(nt.ones((2, 3)), None, None), r"batch_norm: without training=True it needs running_mean"),
        (lambda: F.batch_norm(nt.ones(3), None, None, training=True), r"batch_norm: expected input \(N, C, …\)"),
        (lambda: F.batch_norm(nt.ones((2, 3)), nt.ones(2), nt.ones(3)), r"batch_norm: expected running_mean .* \(3,\)"),
        (lambda: F.group_norm(nt.ones((2, 3)), 2), r"group_norm: .* num_groups to divide C, got 2"),
        (lambda: F.group_norm(nt.ones((1, 3)), 3), r"group_norm: expected more than 1 value per group"),
        (lambda: F.group_norm(nt.ones((2, 4)), 2, nt.ones(3)), r"group_norm: expected weight of shape \(4,\)"),
        (lambda: F.instance_norm(nt.ones((2, 3, 1))), r"instance_norm: expected more than 1 value"),
        (lambda: F.instance_norm(nt.ones((2, 3, 2)), use_input_stats=False), r"instance_norm: .* needs running_mean"),
        (lambda: F.instance_norm(nt.ones(3)), r"instance_norm: expected input \(N, C, …\)"),
        (lambda: F.layer_norm(nt.ones((2, 3)), (4,)), r"layer_norm: normalized_shape = \(4,\) needs an input"),
        (lambda: F.layer_norm(nt.ones((2, 3)), ()), r"layer_norm: normalized_shape = \(\) needs"),
        (
            lambda: F.layer_norm(nt.ones((2, 3)), 3, nt.ones(2)),
            r"layer_norm: expected weight of shape \(3,\)",
        ),
        (lambda: F.rms_norm(nt.ones((2, 3)), (2, 4)), r"rms_norm: normalized_shape = \(2, 4\)"),
    ],
)
def test_a_wrong_argument_is_refused_in_one_line(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
