"""Convolutions, unfold and fold: equal to PyTorch on random shapes and options, and by hand; clear errors."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import nanonet as nt
import nanonet.functional as F
from nanonet.backends.numpy import xp
from nanonet.ops import correlation
from tests.agreement import agrees_with_torch, arrays, leaf

torch = pytest.importorskip("torch", reason="compared with torch: pip install '.[peers]'")

EXAMPLES = settings(max_examples=40, deadline=None)


def per_axis(n: int, low: int, high: int) -> Any:
    """One number for all axes, or one for each."""
    number = st.integers(low, high)
    return number | st.tuples(*[number] * n)


def refuses_as_torch(ours: Any, theirs: Any, *inputs: np.ndarray) -> None:
    """Where torch refuses, we raise ValueError; elsewhere values and gradients agree."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using padding='same' with even kernel lengths")
        try:
            theirs(*[torch.tensor(x.copy()) for x in inputs])
        except RuntimeError:
            with pytest.raises(ValueError, match=r"^\w+: .+"):
                ours(*[leaf(x) for x in inputs])
            return
        agrees_with_torch(ours, theirs, *inputs)


@pytest.mark.parametrize("n", [1, 2])
@given(data=st.data())
@EXAMPLES
def test_convolution_equals_torch(n: int, data: Any) -> None:
    groups, cin, cout = (data.draw(st.integers(1, 3)) for _ in range(3))
    kernel = data.draw(st.tuples(*[st.integers(1, 4)] * n))
    size = data.draw(st.tuples(*[st.integers(1, 7)] * n))
    batch = data.draw(st.sampled_from([(), (0,), (1,), (3,)]))
    padding = data.draw(per_axis(n, 0, 3) | st.sampled_from(["valid", "same"]))
    stride = 1 if padding == "same" else data.draw(per_axis(n, 1, 3))
    dilation = data.draw(per_axis(n, 1, 3))
    name = f"conv{n}d"
    x, w = data.draw(arrays((*batch, groups * cin, *size))), data.draw(arrays((groups * cout, cin, *kernel)))
    operands = [x, w, data.draw(arrays((groups * cout,)))] if data.draw(st.booleans()) else [x, w]

    def run(functions: Any) -> Any:
        return lambda x, w, b=None: getattr(functions, name)(x, w, b, stride, padding, dilation, groups)

    refuses_as_torch(run(F), run(torch.nn.functional), *operands)


@pytest.mark.parametrize("n", [1, 2])
@given(data=st.data())
@EXAMPLES
def test_transposed_convolution_equals_torch(n: int, data: Any) -> None:
    groups, cin, cout = (data.draw(st.integers(1, 3)) for _ in range(3))
    kernel = data.draw(st.tuples(*[st.integers(1, 4)] * n))
    size = data.draw(st.tuples(*[st.integers(1, 5)] * n))
    batch = data.draw(st.sampled_from([(), (0,), (1,), (3,)]))
    stride, dilation = data.draw(per_axis(n, 1, 3)), data.draw(per_axis(n, 1, 3))
    padding, extra = data.draw(per_axis(n, 0, 3)), data.draw(per_axis(n, 0, 2))
    if batch == (0,):
        padding = extra = 0  # torch checks these two only if there is something to compute
    name = f"conv_transpose{n}d"
    x, w = data.draw(arrays((*batch, groups * cin, *size))), data.draw(arrays((groups * cin, cout, *kernel)))
    operands = [x, w, data.draw(arrays((groups * cout,)))] if data.draw(st.booleans()) else [x, w]

    def run(functions: Any) -> Any:
        return lambda x, w, b=None: getattr(functions, name)(x, w, b, stride, padding, extra, groups, dilation)

    refuses_as_torch(run(F), run(torch.nn.functional), *operands)


@given(data=st.data())
@EXAMPLES
def test_unfold_and_fold_equal_torch(data: Any) -> None:
    kernel, stride, dilation = (data.draw(per_axis(2, 1, 3)) for _ in range(3))
    padding = data.draw(per_axis(2, 0, 2))
    shape = (*data.draw(st.sampled_from([(2,), (0, 2), (3, 1)])), *data.draw(st.tuples(*[st.integers(1, 7)] * 2)))
    geometry = (kernel, dilation, padding, stride)
    x = data.draw(arrays(shape))
    refuses_as_torch(lambda x: F.unfold(x, *geometry), lambda x: torch.nn.functional.unfold(x, *geometry), x)
    try:
        blocks = F.unfold(x, *geometry)
    except ValueError:
        return
    if 0 in shape:
        return  # torch's fold refuses an empty batch
    y = data.draw(arrays(blocks.shape))
    agrees_with_torch(
        lambda y: F.fold(y, shape[-2:], *geometry), lambda y: torch.nn.functional.fold(y, shape[-2:], *geometry), y
    )


@given(data=st.data())
@EXAMPLES
def test_fold_windows_is_the_transpose_of_windows(data: Any) -> None:
    """⟨windows(x), y⟩ = ⟨x, fold_windows(y)⟩, whatever the layout, padding and cropping."""
    kernel, stride, dilation = (data.draw(st.tuples(*[st.integers(1, 3)] * 2)) for _ in range(3))
    padding = data.draw(st.tuples(*[st.tuples(st.integers(0, 2), st.integers(-1, 2))] * 2))
    size = data.draw(st.tuples(*[st.integers(1, 7)] * 2))
    rows = zip(size, kernel, dilation, padding, strict=True)
    assume(all(h + sum(pair) > d * (k - 1) and h + min(pair[1], 0) > 0 for h, k, d, pair in rows))
    x = data.draw(arrays((2, 3, *size)))
    blocks = xp.windows(x, kernel=kernel, stride=stride, dilation=dilation, padding=padding)
    y = data.draw(arrays(blocks.shape))
    dx = xp.fold_windows(y, size=size, stride=stride, dilation=dilation, padding=padding)
    np.testing.assert_allclose(np.sum(blocks * y), np.sum(x * dx), rtol=1e-10, atol=1e-10)


def test_convolution_by_hand() -> None:
    """A kernel is not flipped, and stride 2 with padding 1 reads 0 beside the image."""
    x = nt.tensor([[[1.0, 2.0, 3.0, 4.0]]])
    w = nt.tensor([[[10.0, 1.0, 0.1]]])
    np.testing.assert_allclose(F.conv1d(x, w).array, [[[12.3, 23.4]]], rtol=1e-6)
    np.testing.assert_allclose(F.conv1d(x, w, stride=2, padding=1).array, [[[1.2, 23.4]]], rtol=1e-6)
    np.testing.assert_allclose(
        F.conv_transpose1d(nt.tensor([[[1.0, 2.0]]]), w).array, [[[10, 21, 2.1, 0.2]]], rtol=1e-6
    )


@pytest.mark.parametrize("columns", [1, 100, 200])
def test_a_batch_in_parts_is_the_batch(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the columns of all samples at once are too many: one sample at a time, or unequal parts."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((5, 2, 4, 4)), rng.standard_normal((3, 2, 2, 2))
    monkeypatch.setattr(correlation, "COLUMNS", columns)
    assert len(correlation.parts(5, 2 * 4 * 9)) == (3 if columns == 200 else 5)
    for name, weight in (("conv2d", w), ("conv_transpose2d", w.swapaxes(0, 1))):
        ours, theirs = getattr(F, name), getattr(torch.nn.functional, name)
        agrees_with_torch(
            lambda x, w, f=ours: f(x, w, None, 2, 1), lambda x, w, f=theirs: f(x, w, None, 2, 1), x, weight
        )


def test_only_the_wanted_gradients_are_computed() -> None:
    x, w = nt.tensor(np.ones((1, 1, 3, 3))), nt.tensor(np.ones((1, 1, 2, 2)), requires_grad=True)
    F.conv2d(x, w).sum().backward()
    assert x.grad is None
    np.testing.assert_array_equal(w.grad.array, np.full((1, 1, 2, 2), 4.0))


@pytest.mark.parametrize("columns", [correlation.COLUMNS, 1], ids=["whole batch", "parts"])
def test_gradient_of_the_gradient_norm(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Second derivatives through both gradients at once, as a gradient penalty needs them."""
    monkeypatch.setattr(correlation, "COLUMNS", columns)
    rng = np.random.default_rng(0)
    x0, w0 = rng.standard_normal((2, 2, 5, 5)), rng.standard_normal((3, 2, 3, 3))
    x, w = nt.tensor(x0, requires_grad=True), nt.tensor(w0, requires_grad=True)
    (nt.tanh(F.conv2d(x, w, stride=2, padding=1)) ** 2).sum().backward(create_graph=True)
    penalty = (x.grad * x.grad).sum()
    x.grad = w.grad = None
    penalty.backward()
    tx, tw = torch.tensor(x0, requires_grad=True), torch.tensor(w0, requires_grad=True)
    y = (torch.tanh(torch.nn.functional.conv2d(tx, tw, stride=2, padding=1)) ** 2).sum()
    (dx,) = torch.autograd.grad(y, tx, create_graph=True)
    ddx, ddw = torch.autograd.grad((dx * dx).sum(), [tx, tw])
    np.testing.assert_allclose(x.grad.array, ddx.numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(w.grad.array, ddw.numpy(), rtol=1e-10, atol=1e-12)


X, W = np.ones((2, 4, 5, 5)), np.ones((6, 4, 3, 3))
ERRORS = {
    "axes": (lambda: F.conv2d(np.ones((5, 5)), W), r"conv2d: expected an input \(N, C, H, W\) or \(C, H, W\), got"),
    "weight axes": (lambda: F.conv2d(X, np.ones((6, 4, 3))), r"conv2d: expected a weight \(O, C/groups, KH, KW\), got"),
    "channels": (
        lambda: F.conv2d(np.ones((2, 3, 5, 5)), W),
        r"needs an input of C = 4 channels, got 3 in \(2, 3, 5, 5\)",
    ),
    "channels, groups": (lambda: F.conv2d(X, W, groups=2), r"with groups = 2 needs an input of C = 8 channels"),
    "groups": (lambda: F.conv2d(X, np.ones((6, 1, 3, 3)), groups=4), r"groups = 4 must divide the first axis"),
    "no groups": (lambda: F.conv2d(X, W, groups=0), r"conv2d: groups must be at least 1, got 0"),
    "bias": (lambda: F.conv2d(X, W, np.ones(4)), r"conv2d: expected a bias \(O,\) = \(6,\), got \(4,\)"),
    "large kernel": (lambda: F.conv2d(X, np.ones((6, 4, 6, 6))), r"the kernel spans 6, but the input with its padding"),
    "dilation": (lambda: F.conv2d(X, W, dilation=3), r"the kernel spans 7 \(dilation 3\), but the input"),
    "stride 0": (lambda: F.conv2d(X, W, stride=0), r"conv2d: stride must be at least 1, got 0"),
    "negative padding": (lambda: F.conv2d(X, W, padding=(1, -1)), r"conv2d: padding must be at least 0, got \(1, -1\)"),
    "three strides": (lambda: F.conv2d(X, W, stride=(1, 1, 1)), r"conv2d: stride is an integer or 2 of them"),
    "same, stride": (lambda: F.conv2d(X, W, stride=2, padding="same"), r"padding='same' needs stride 1, got \(2, 2\)"),
    "padding name": (lambda: F.conv2d(X, W, padding="full"), r"padding is 'valid', 'same' or numbers, got 'full'"),
    "empty": (lambda: F.conv2d(np.ones((2, 4, 0, 5)), W), r"conv2d: only the batch may be empty"),
    "output padding": (lambda: F.conv_transpose2d(X, np.ones((4, 2, 3, 3)), output_padding=1), r"must be smaller than"),
    "nothing left": (
        lambda: F.conv_transpose1d(np.ones((1, 1, 1)), np.ones((1, 1, 2)), padding=1),
        r"output of size \(0,\)",
    ),
    "windows": (lambda: F.windows(np.ones(4), (5,), (1,), (1,), ((0, 0),)), r"windows: the kernel spans 5, but"),
    "windows axes": (lambda: F.windows(np.ones(4), (2, 2), (1, 1), (1, 1), ((0, 0),) * 2), r"of at least 2 axes"),
    "fold rows": (lambda: F.fold(np.ones((1, 6, 4)), 3, 2), r"fold: kernel \(2, 2\) needs a multiple of 4 rows"),
    "fold blocks": (lambda: F.fold(np.ones((1, 8, 5)), 3, 2), r"has 2·2 = 4 blocks, the input \(1, 8, 5\) 5"),
}


@pytest.mark.parametrize(("call", "message"), [pytest.param(*case, id=name) for name, case in ERRORS.items()])
def test_refuses_in_one_line(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_refuses_a_fractional_stride() -> None:
    with pytest.raises(TypeError, match=r"conv2d: stride is an integer or 2 of them, got 1\.5"):
        F.conv2d(X, W, stride=1.5)
