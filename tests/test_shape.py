"""Reshaping, rearranging, joining and padding: NumPy's results, PyTorch's gradients, views, clear refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import nanonet as nt
import nanonet.functional as F
from tests.agreement import agrees_with_torch, arrays, as_list, axis_of, leaf, shapes

torch = pytest.importorskip("torch", reason="compared with torch: pip install '.[peers]'")
from tests.peers.shape import PEERS  # noqa: E402  (needs torch)

EXAMPLES = settings(max_examples=50, deadline=None)


def agrees_with_numpy(name: str, x: np.ndarray, *args: Any, **kwargs: Any) -> None:
    """Forward equals NumPy's; backward is the transpose: ⟨y, dy⟩ = ⟨x, dx⟩ for these linear functions."""
    t = leaf(x)
    ys, wants = as_list(getattr(nt, name)(t, *args, **kwargs)), as_list(getattr(np, name)(x, *args, **kwargs))
    assert len(ys) == len(wants)
    for y, want in zip(ys, wants, strict=True):
        np.testing.assert_array_equal(y.array, want, strict=True)
    dys = [np.random.default_rng(0).standard_normal(y.shape) for y in ys]
    (dx,) = nt.vjp_of(ys, [t], dys)
    assert dx.shape == x.shape
    left = sum(float(np.sum(y.array * dy)) for y, dy in zip(ys, dys, strict=True))
    np.testing.assert_allclose(np.sum(x * dx.array), left, rtol=1e-10, atol=1e-10)


@given(data=st.data())
@EXAMPLES
def test_reshape_ravel_flatten(data: Any) -> None:
    x = data.draw(arrays(data.draw(shapes(max_ndim=3))))
    order = data.draw(st.permutations(x.shape))
    agrees_with_torch(lambda t: nt.reshape(t, order), lambda t: t.reshape(order), x)
    agrees_with_torch(lambda t: t.reshape(*order, 1), lambda t: t.reshape(*order, 1), x)
    agrees_with_torch(lambda t: t.ravel(), torch.ravel, x)
    first = data.draw(st.integers(0, max(x.ndim - 1, 0)))
    last = data.draw(st.integers(first, max(x.ndim - 1, 0)))
    agrees_with_torch(lambda t: t.flatten(first, last), lambda t: torch.flatten(t, first, last), x)


@given(data=st.data())
@EXAMPLES
def test_axes_in_another_order(data: Any) -> None:
    x = data.draw(arrays())
    order = [a - x.ndim if data.draw(st.booleans()) else a for a in data.draw(st.permutations(range(x.ndim)))]
    agrees_with_torch(lambda t: nt.transpose(t, order), lambda t: t.permute(order), x)
    agrees_with_numpy("transpose", x)
    if x.ndim:
        agrees_with_torch(lambda t: t.permute(*order), lambda t: t.permute(*order), x)
        a, b = order[0], data.draw(st.sampled_from(order))
        agrees_with_torch(lambda t: t.swapaxes(a, b), lambda t: t.swapaxes(a, b), x)
        places = order[: data.draw(st.integers(1, x.ndim))]
        sources = data.draw(st.permutations(range(x.ndim)))[: len(places)]
        agrees_with_torch(lambda t: t.moveaxis(sources, places), lambda t: t.moveaxis(tuple(sources), tuple(places)), x)


@given(data=st.data())
@EXAMPLES
def test_axes_of_length_1(data: Any) -> None:
    x = data.draw(arrays(data.draw(shapes(max_ndim=3, max_side=2))))
    axis = data.draw(axis_of(x.ndim + 1))
    if axis is not None and len(axis if isinstance(axis, tuple) else (axis,)) == 1:
        agrees_with_numpy("expand_dims", x, axis)
    ones = [a for a, n in enumerate(x.shape) if n == 1]
    agrees_with_numpy("squeeze", x)
    for a in ones:
        agrees_with_numpy("squeeze", x, a - x.ndim)
    agrees_with_numpy("squeeze", x, tuple(ones))


@given(data=st.data())
@EXAMPLES
def test_flip_and_roll(data: Any) -> None:
    x = data.draw(arrays())
    axis = data.draw(axis_of(x.ndim))
    agrees_with_torch(lambda t: nt.flip(t, axis), lambda t: PEERS["flip"](t, axis), x)
    shift = data.draw(st.integers(-6, 6))
    agrees_with_numpy("roll", x, shift, axis)
    if isinstance(axis, tuple):
        agrees_with_torch(
            lambda t: t.roll(tuple(range(len(axis))), axis), lambda t: t.roll(tuple(range(len(axis))), axis), x
        )


@given(data=st.data())
@EXAMPLES
def test_broadcast_tile_repeat(data: Any) -> None:
    x = data.draw(arrays(data.draw(shapes(max_ndim=3, max_side=3))))
    stretched = [data.draw(st.integers(0, 3)) if n == 1 else n for n in x.shape]
    target = (*data.draw(shapes(max_ndim=2, max_side=2)), *stretched)
    agrees_with_torch(lambda t: nt.broadcast_to(t, target), lambda t: torch.broadcast_to(t, target), x)
    reps = data.draw(shapes(max_ndim=4, max_side=3))
    agrees_with_torch(lambda t: nt.tile(t, reps), lambda t: torch.tile(t, reps), x)
    axis = data.draw(axis_of(x.ndim, several=False))
    n = x.size if axis is None else x.shape[axis]
    times = data.draw(st.integers(0, 3) | st.lists(st.integers(0, 3), min_size=n, max_size=n))
    agrees_with_numpy("repeat", x, times if isinstance(times, int) else np.array(times, np.int64), axis)


@given(data=st.data())
@EXAMPLES
def test_triangles_and_diagonals(data: Any) -> None:
    x = data.draw(arrays(data.draw(shapes(min_ndim=2))))
    k = data.draw(st.integers(-4, 4))
    agrees_with_torch(lambda t: t.tril(k), lambda t: t.tril(k), x)
    agrees_with_torch(lambda t: t.triu(k), lambda t: t.triu(k), x)
    one, two = data.draw(st.permutations(range(-x.ndim, 0)))[:2]
    k = min(max(k, -x.shape[one]), x.shape[two])  # PyTorch refuses a diagonal that lies outside
    agrees_with_torch(lambda t: t.diagonal(k, one, two), lambda t: t.diagonal(k, one, two), x)


@given(data=st.data())
@EXAMPLES
def test_concatenate_and_stack(data: Any) -> None:
    shape = list(data.draw(shapes(min_ndim=1, max_ndim=3)))
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    parts = []
    for n in data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=3)):
        shape[axis] = n
        parts.append(data.draw(arrays(tuple(shape))))
    agrees_with_torch(lambda *t: nt.concatenate(t, axis), lambda *t: torch.cat(t, axis), *parts)
    agrees_with_torch(lambda *t: nt.concat(t, None), lambda *t: torch.cat([a.ravel() for a in t]), *parts)
    agrees_with_torch(lambda *t: nt.stack(t, axis), lambda *t: torch.stack(t, axis), *[parts[0]] * 3)


@given(data=st.data())
@EXAMPLES
def test_split_and_chunk(data: Any) -> None:
    x = data.draw(arrays(data.draw(shapes(min_ndim=1, max_ndim=3, max_side=6))))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    cuts = sorted(data.draw(st.lists(st.integers(0, 8), max_size=3)))
    agrees_with_numpy("split", x, cuts, axis)
    sections = data.draw(st.integers(1, 4))
    agrees_with_torch(lambda t: nt.chunk(t, sections, axis), lambda t: torch.chunk(t, sections, axis), x)
    if x.shape[axis] % sections == 0:
        agrees_with_numpy("split", x, sections, axis)


@given(data=st.data())
@EXAMPLES
def test_numpys_pad(data: Any) -> None:
    mode = data.draw(st.sampled_from(["constant", "reflect", "symmetric", "edge", "wrap"]))
    x = data.draw(arrays(data.draw(shapes(min_ndim=1, max_ndim=3, min_side=mode != "constant"))))
    widths = data.draw(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=x.ndim, max_size=x.ndim))
    agrees_with_numpy("pad", x, widths, mode)
    agrees_with_numpy("pad", x, widths[0], mode)
    np.testing.assert_array_equal(nt.pad(x, 2, constant_values=0.5).array, np.pad(x, 2, constant_values=0.5))


@given(data=st.data())
@EXAMPLES
def test_torchs_pad(data: Any) -> None:
    mode = data.draw(st.sampled_from(["constant", "reflect", "replicate", "circular"]))
    dims = data.draw(st.integers(1, 3))
    x = data.draw(arrays((*data.draw(shapes(2, 2, 1, 2)), *data.draw(shapes(dims, dims, 2, 4)))))
    low, high = (-1, 3) if mode == "constant" else (0, 1)
    pad = data.draw(st.lists(st.integers(low, high), min_size=2 * dims, max_size=2 * dims))
    assume(all(n + a + b >= 0 for n, a, b in zip(x.shape[::-1], pad[::2], pad[1::2], strict=False)))
    value = 0.5 if mode == "constant" else None
    agrees_with_torch(lambda t: F.pad(t, pad, mode, value), lambda t: torch.nn.functional.pad(t, pad, mode, value), x)


def test_results_are_views_where_numpys_are() -> None:
    x = nt.Tensor(np.zeros((2, 1, 4)))
    views = [x.reshape(8), x.T, x.swapaxes(0, 2), x.moveaxis(0, 1), x.squeeze(), nt.expand_dims(x, 0), nt.flip(x)]
    for y in [*views, nt.broadcast_to(x, (3, 2, 1, 4)), *nt.split(x, 2), *x.chunk(2, -1), x.diagonal(), x.flatten()]:
        assert np.shares_memory(x.array, y.array)


def test_numbers_lists_and_mixed_dtypes() -> None:
    assert nt.concatenate([[1, 2], nt.Tensor([0.5])]).dtype == np.float32
    assert nt.stack([nt.Tensor([1]), nt.Tensor([2])]).dtype == np.int64
    a, b = leaf(np.ones(2, np.float32)), leaf(np.ones(2))
    dxs = nt.vjp_of([nt.concatenate([a, b])], [a, b], [np.arange(4.0)])
    assert [(dx.dtype, dx.tolist()) for dx in dxs] == [(np.float32, [0, 1]), (np.float64, [2, 3])]


def test_unused_parts_have_gradient_0() -> None:
    x = leaf(np.arange(6.0))
    (dx,) = nt.vjp_of([nt.split(x, 3)[1]], [x], [np.ones(2)])
    assert dx.tolist() == [0, 0, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: nt.reshape(x, (4, 2)), r"^reshape: x \(2, 3\) has 6 elements, which do not fill shape \(4, 2\)$"),
        (
            lambda x: x.transpose(0),
            r"^transpose: expected all 2 axes of x \(2, 3\) in some order, got \(0,\); swapaxes",
        ),
        (lambda x: x.transpose(0, 0), "names an axis twice"),
        (lambda x: x.swapaxes(0, 2), r"^swapaxes: axis 2 does not exist in x of shape \(2, 3\); use -2 to 1$"),
        (lambda x: x.moveaxis((0, 1), 0), "as many places as axes"),
        (lambda x: x.squeeze(0), r"^squeeze: axis 0 of x \(2, 3\) has length 2, only length 1 can go"),
        (lambda x: nt.expand_dims(x, 4), "^expand_dims: axis 4 does not exist"),
        (lambda x: nt.broadcast_to(x, (3, 3)), r"^broadcast_to: x \(2, 3\) cannot be repeated to shape \(3, 3\)"),
        (lambda x: x.flatten(1, 0), "^flatten: start_dim 1 lies behind end_dim 0"),
        (lambda x: nt.flatten(x.sum(), 0, 1), r"^flatten: axis 1 does not exist in x of shape \(\); use -1 to 0$"),
        (lambda x: nt.concatenate([]), "^concatenate: expected at least one array, got none$"),
        (
            lambda x: nt.concatenate([x, x.T]),
            r"^concatenate: expected shapes equal but for axis 0, got \(2, 3\), \(3, 2\)$",
        ),
        (lambda x: nt.concatenate([x, x[0]]), "^concatenate: expected shapes equal"),
        (lambda x: nt.stack([x, x[:1]]), "^stack: expected all shapes equal"),
        (lambda x: nt.split(x, 2, 1), "^split: axis 1 of x .* has no 2 equal parts"),
        (lambda x: nt.split(x, [2, 1], 1), "ascending order"),
        (lambda x: nt.chunk(x, 0), "chunks must be at least 1"),
        (lambda x: nt.repeat(x, [1, 2, 3], 0), "^repeat: repeats must be a number of copies, or 2 of them"),
        (lambda x: nt.repeat(x, -1), "^repeat: repeats must be"),
        (lambda x: nt.tile(x, -1), r"^tile: expected integers of at least 0, got \(-1,\)$"),
        (lambda x: nt.tile(x, (2, 1.5)), r"^tile: expected integers of at least 0, got \(2, 1.5\)$"),
        (lambda x: nt.roll(x, (1, 2, 3), (0, 1)), "one shift for each axis"),
        (lambda x: nt.tril(x[0]), "^tril: expected x of at least 2 axes"),
        (lambda x: nt.pad(x, 1, "linear_ramp"), "^pad: mode must be one of constant, reflect"),
        (lambda x: nt.pad(x, (1, 2, 3)), "^pad: pad_width must be a number, a pair or 2 pairs"),
        (lambda x: nt.pad(x, -1), "integers of at least 0"),
        (lambda x: nt.pad(x[:0], 1, "edge"), "is empty"),
        (lambda x: F.pad(x, (1, 2, 3)), "^pad: expected"),
        (lambda x: F.pad(x, (3, 0), "reflect"), "cannot add 3 to an axis of 3"),
        (lambda x: F.pad(x, (4, 0), "circular"), "cannot add 4 to an axis of 3"),
        (lambda x: F.pad(x, (-4, 0)), "cuts more than"),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        call(nt.Tensor(np.zeros((2, 3))))
    assert "\n" not in str(caught.value)


def test_stack_needs_an_axis() -> None:
    with pytest.raises(TypeError, match=r"^stack: axis must be an integer, got None$"):
        nt.stack([nt.ones(2), nt.ones(2)], axis=None)


def test_the_numpy_comparison_fails_on_a_planted_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).standard_normal((3, 4))
    monkeypatch.setattr(nt, "flip", lambda t, axis: nt.roll(t, 1, axis))
    with pytest.raises(AssertionError):
        agrees_with_numpy("flip", x, 0)
    monkeypatch.setattr(nt, "ravel", lambda t: nt.reshape(t, -1) + 2 * (t.reshape(-1) - t.detach().reshape(-1)))
    with pytest.raises(AssertionError):  # the right values, three times the gradient
        agrees_with_numpy("ravel", x)
