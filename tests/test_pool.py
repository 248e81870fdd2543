"""Pooling: equal to PyTorch on random shapes and options, at ties, NaN, inf and the border; clear errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import nanonet as nt
import nanonet.functional as F
from tests.agreement import agrees_with_torch, arrays, leaf
from tests.test_conv import per_axis

torch = pytest.importorskip("torch", reason="compared with torch: pip install '.[peers]'")
T = torch.nn.functional

EXAMPLES = settings(max_examples=40, deadline=None)
INF, NAN = math.inf, math.nan


@st.composite
def images(draw: Any, n: int, decimals: int | None = None) -> np.ndarray:
    """(N, C, *S) or (C, *S) of any layout, also with an empty batch; with `decimals` there are ties."""
    lead = draw(st.sampled_from([(2,), (0, 2), (1, 1), (3, 2)]))
    return draw(arrays((*lead, *draw(st.tuples(*[st.integers(1, 8)] * n))), decimals))


def refuses_as_torch(ours: Any, theirs: Any, x: np.ndarray) -> None:
    """Where torch refuses, we raise ValueError; elsewhere values and gradients agree."""
    try:
        theirs(torch.tensor(x.copy("C"), requires_grad=True))
    except RuntimeError:
        with pytest.raises(ValueError, match=r"^\w+: .+"):
            ours(leaf(x))
    else:
        agrees_with_torch(ours, theirs, x)


@pytest.mark.parametrize("n", [1, 2])
@given(data=st.data())
@EXAMPLES
def test_max_pool_equals_torch(n: int, data: Any) -> None:
    """Ties, indices and gradients included."""
    x = data.draw(images(n, decimals=0))
    kernel, dilation = data.draw(per_axis(n, 1, 4)), data.draw(per_axis(n, 1, 2))
    stride = data.draw(st.none() | per_axis(n, 1, 3))
    padding, ceil_mode, indices = data.draw(st.integers(0, 2)), data.draw(st.booleans()), data.draw(st.booleans())
    # A window of padding only, between whose elements the input falls through: torch reads beyond its memory there.
    assume(not padding or min(x.shape[-n:]) >= np.max(dilation))
    name, options = f"max_pool{n}d", (kernel, stride, padding, dilation, ceil_mode, indices)
    refuses_as_torch(lambda x: getattr(F, name)(x, *options), lambda x: getattr(T, name)(x, *options), x)


@pytest.mark.parametrize("n", [1, 2])
@given(data=st.data())
@EXAMPLES
def test_avg_pool_equals_torch(n: int, data: Any) -> None:
    x = data.draw(images(n))
    kernel, stride = data.draw(per_axis(n, 1, 4)), data.draw(st.none() | per_axis(n, 1, 3))
    padding, ceil_mode, count = data.draw(st.integers(0, 2)), data.draw(st.booleans()), data.draw(st.booleans())
    options: list[Any] = [kernel, stride, padding, ceil_mode, count]
    if n == 2:
        options.append(data.draw(st.none() | st.integers(1, 5)))
    name = f"avg_pool{n}d"
    refuses_as_torch(lambda x: getattr(F, name)(x, *options), lambda x: getattr(T, name)(x, *options), x)


@pytest.mark.parametrize("name", ["adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool2d"])
@given(data=st.data())
@EXAMPLES
def test_adaptive_pools_equal_torch(name: str, data: Any) -> None:
    n = int(name[-2])
    x = data.draw(images(n, decimals=0 if "max" in name else None))
    size = data.draw(
        st.integers(1, 9) | st.tuples(*[st.integers(1, 9) | st.none()] * n) if n == 2 else st.integers(1, 9)
    )
    options = {"return_indices": True} if "max" in name else {}
    refuses_as_torch(lambda x: getattr(F, name)(x, size, **options), lambda x: getattr(T, name)(x, size, **options), x)


SPECIAL = {
    "NaN": [[1.0, NAN, 3.0, 0.0], [2.0, NAN, 1.0, INF], [NAN, 0.0, -INF, -INF], [0.0, 1.0, -INF, -INF]],
    "all -inf": [[-INF] * 4] * 4,
    "all equal": [[2.0] * 4] * 4,
    "zeros of both signs": [[0.0, -0.0, -0.0, 0.0]] * 4,
}


@pytest.mark.parametrize("plane", [pytest.param(plane, id=name) for name, plane in SPECIAL.items()])
@pytest.mark.parametrize("options", [(2,), (3, 1, 1), (2, 2, 1, 1, True), (3, 2, 1, 2)])
def test_max_pool_at_special_values(plane: Any, options: Any) -> None:
    """The first of equal ones, the last NaN, and never the padding."""
    x = np.array([[plane]])
    agrees_with_torch(
        lambda x: F.max_pool2d(x, *options, return_indices=True),
        lambda x: T.max_pool2d(x, *options, return_indices=True),
        x,
    )


def test_ceil_mode_leaves_out_a_window_that_starts_beyond_the_input() -> None:
    """5 elements, kernel 1, stride 3, padding 0: places 0 and 3; a window at 6 would see nothing."""
    x = np.arange(5.0).reshape(1, 1, 5)
    np.testing.assert_array_equal(F.max_pool1d(x, 1, 3, ceil_mode=True).array, [[[0.0, 3.0]]])
    np.testing.assert_array_equal(F.avg_pool1d(x, 2, 2, ceil_mode=True).array, [[[0.5, 2.5, 4.0]]])


def test_pooling_by_hand() -> None:
    x = nt.tensor(np.arange(16.0).reshape(1, 1, 4, 4), requires_grad=True)
    y, places = F.max_pool2d(x, 2, return_indices=True)
    np.testing.assert_array_equal(y.array, [[[[5, 7], [13, 15]]]])
    np.testing.assert_array_equal(places.array, [[[[5, 7], [13, 15]]]])
    assert places.dtype == np.int64
    assert not places.requires_grad
    F.avg_pool2d(x, 2).sum().backward()
    np.testing.assert_array_equal(x.grad.array, np.full((1, 1, 4, 4), 0.25))


def test_a_large_window_is_the_mean_of_the_image() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 30, 20))
    agrees_with_torch(lambda x: F.avg_pool2d(x, (30, 20)), lambda x: T.avg_pool2d(x, (30, 20)), x)
    agrees_with_torch(lambda x: F.adaptive_avg_pool2d(x, 1), lambda x: x.mean((2, 3), keepdim=True), x)


def test_integers_become_floats() -> None:
    assert F.max_pool2d(np.arange(16).reshape(1, 1, 4, 4), 2).dtype == np.float32


X = np.ones((2, 3, 4, 4))
ERRORS = {
    "axes": (lambda: F.max_pool2d(np.ones((4, 4)), 2), r"max_pool2d: expected an input \(N, C, H, W\) or \(C, H, W\)"),
    "kernel": (lambda: F.max_pool2d(X, 5), r"max_pool2d: the kernel spans 5, but the input with its padding only 4"),
    "kernel 0": (lambda: F.avg_pool2d(X, 0), r"avg_pool2d: kernel_size must be at least 1, got 0"),
    "stride": (lambda: F.avg_pool2d(X, 2, -1), r"avg_pool2d: stride must be at least 1, got -1"),
    "padding": (lambda: F.max_pool2d(X, 2, padding=2), r"padding \(2, 2\) is more than half of kernel_size \(2, 2\)"),
    "three": (
        lambda: F.avg_pool2d(X, (2, 2, 2)),
        r"avg_pool2d: kernel_size is an integer or 2 of them, got \(2, 2, 2\)",
    ),
    "divisor": (lambda: F.avg_pool2d(X, 2, divisor_override=0), r"avg_pool2d: divisor_override must be at least 1"),
    "channels": (lambda: F.max_pool2d(np.ones((2, 0, 4, 4)), 2), r"max_pool2d: only the batch may be empty"),
    "adaptive": (lambda: F.adaptive_avg_pool2d(X, (1, 2, 3)), r"output_size is an integer or 2 of them"),
}


@pytest.mark.parametrize(("call", "message"), [pytest.param(*case, id=name) for name, case in ERRORS.items()])
def test_refuses_in_one_line(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
