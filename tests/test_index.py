"""Picking and placing elements: NumPy's results for every index expression, exact gradients, clear refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices, broadcastable_shapes

import nanonet as nt
import nanonet.functional as F
from nanonet.backends.numpy import put_add
from tests.agreement import agrees_with_torch, arrays, leaf, shapes

EXAMPLES = settings(max_examples=50, deadline=None)


@st.composite
def mixed_keys(draw: Any, shape: tuple[int, ...]) -> tuple:
    """Slices, integers, None, ..., integer arrays that broadcast together, and masks of one or more axes."""
    together = draw(shapes(0, 2, 0, 3))
    parts: list[Any] = []
    axis = 0
    while axis < len(shape):
        n = shape[axis]
        kinds = ["slice", "None", "all", *(["integer", "array", "list"] if n else [])]
        kind = draw(st.sampled_from([*kinds, "stop"]))
        if kind == "stop":
            break
        if kind == "None":
            parts.append(None)
            continue
        axis += 1
        if kind == "slice":
            parts.append(draw(st.slices(n)))
        elif kind == "all":
            parts.append(slice(None))
        elif kind == "integer":
            parts.append(draw(st.integers(-n, n - 1)))
        else:
            size = draw(st.sampled_from([together, together[1:], ()]))
            rng = np.random.default_rng(draw(st.integers(0, 99)))
            index = rng.integers(-n, n, size)
            parts.append(index.tolist() if kind == "list" and index.size and index.ndim else index)
    if draw(st.booleans()) and axis == len(shape):
        parts.insert(draw(st.integers(0, len(parts))), Ellipsis)
    return tuple(parts)


def gradient_by_add_at(x: np.ndarray, key: Any, dy: np.ndarray) -> np.ndarray:
    dx = np.zeros(x.shape)
    np.add.at(dx, key, dy)
    return dx


def picks_as_numpy(x: np.ndarray, key: Any, plain: Any = None) -> None:
    """x[key] and its gradient; `plain` is the key without Tensors."""
    plain = key if plain is None else plain
    t = leaf(x)
    y = t[key]
    want = x[plain]
    np.testing.assert_array_equal(y.array, want)
    assert y.shape == want.shape
    dy = np.random.default_rng(0).standard_normal(want.shape)
    (dx,) = nt.vjp_of([y], [t], [dy])
    np.testing.assert_allclose(dx.array, gradient_by_add_at(x, plain, dy), rtol=1e-12, atol=1e-14)


@given(data=st.data())
@EXAMPLES
def test_basic_keys(data: Any) -> None:
    x = data.draw(arrays())
    picks_as_numpy(x, data.draw(basic_indices(x.shape, allow_newaxis=True)))


@given(data=st.data())
@EXAMPLES
def test_mixed_keys(data: Any) -> None:
    x = data.draw(arrays())
    picks_as_numpy(x, data.draw(mixed_keys(x.shape)))


@given(data=st.data())
@EXAMPLES
def test_masks_of_any_rank(data: Any) -> None:
    x = data.draw(arrays())
    rank = data.draw(st.integers(0, x.ndim))
    before = data.draw(st.integers(0, x.ndim - rank))
    mask = np.random.default_rng(data.draw(st.integers(0, 99))).random(x.shape[before : before + rank]) < 0.5
    key = (*(slice(None),) * before, mask)
    picks_as_numpy(x, (*key[:-1], nt.Tensor(mask)), key)
    if before and x.shape[0]:
        picks_as_numpy(x, (0, *key[1:]))


@pytest.mark.parametrize(
    "key",
    [
        [],
        ([],),
        [0, 2, 0],
        [[0], [1]],
        np.int64(1),
        np.array(1),
        True,
        (Ellipsis, [1, 1]),
        (0, [1, 1], slice(None), [0, 1]),
    ],
)
def test_particular_keys(key: Any) -> None:
    picks_as_numpy(np.random.default_rng(0).standard_normal((3, 2, 4, 2)), key)


@given(data=st.data())
@EXAMPLES
def test_tensor_keys(data: Any) -> None:
    x = data.draw(arrays(data.draw(shapes(2, 3, 1, 4))))
    i = np.random.default_rng(0).integers(-x.shape[0], x.shape[0], data.draw(shapes(0, 2, 0, 4)))
    picks_as_numpy(x, nt.Tensor(i), i)
    picks_as_numpy(x, (nt.Tensor(i), slice(None, None, -1)), (i, slice(None, None, -1)))


def test_a_key_changed_after_the_forward_does_not_change_the_gradient() -> None:
    for key in (np.array([0, 1]), nt.Tensor([0, 1])):
        x = leaf(np.zeros(3))
        y = x[key]
        key[:] = 2
        assert nt.vjp_of([y], [x], [np.ones(2)])[0].tolist() == [1, 1, 0]


def test_results_are_views_where_numpys_are() -> None:
    x = nt.Tensor(np.zeros((3, 4)))
    for key in (0, slice(1, 3), (Ellipsis, None, 1), (slice(None, None, -1), 2)):
        assert np.shares_memory(x.array, x[key].array)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@given(data=st.data())
@EXAMPLES
def test_put_add_equals_add_at(dtype: Any, data: Any) -> None:
    shape = data.draw(shapes())
    key = data.draw(mixed_keys(shape))
    picked = np.zeros(shape)[key]
    x = (np.random.default_rng(0).standard_normal(picked.shape) * 8).astype(dtype)
    want = np.zeros(shape, dtype)
    np.add.at(want, key, x)
    got = put_add(x, shape=shape, key=key)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, want)


@given(data=st.data())
@EXAMPLES
def test_take_equals_numpy(data: Any) -> None:
    x = data.draw(arrays(data.draw(shapes(1, 3, 1, 4))))
    axis = data.draw(st.sampled_from([None, *range(-x.ndim, x.ndim)]))
    n = x.size if axis is None else x.shape[axis]
    i = np.random.default_rng(0).integers(-n, n, data.draw(shapes(0, 2, 0, 4)))
    t = leaf(x)
    y = t.take(nt.Tensor(i), axis)
    np.testing.assert_array_equal(y.array, np.take(x, i, axis), strict=True)
    (dx,) = nt.vjp_of([y], [t], [np.ones(y.shape)])
    key = i if axis is None else (*(slice(None),) * (axis % x.ndim), i)
    want = gradient_by_add_at(x.reshape(-1) if axis is None else x, key, np.ones(y.shape))
    np.testing.assert_array_equal(dx.array, want.reshape(x.shape))


@given(data=st.data())
@EXAMPLES
def test_take_along_axis_and_scatter_add(data: Any) -> None:
    torch = pytest.importorskip("torch", reason="compared with torch: pip install '.[peers]'")
    x = data.draw(arrays(data.draw(shapes(1, 3, 1, 4))))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    shape = [data.draw(st.integers(0, n)) for n in x.shape]
    shape[axis] = data.draw(st.integers(0, 5))
    i = np.random.default_rng(0).integers(0, x.shape[axis], shape)
    src = data.draw(arrays(tuple(shape)))
    agrees_with_torch(
        lambda a, b: a.scatter_add(axis, i, b), lambda a, b: torch.scatter_add(a, axis, torch.tensor(i), b), x, src
    )
    whole = np.random.default_rng(1).integers(0, x.shape[axis], [*x.shape[:axis], shape[axis], *x.shape[axis:][1:]])
    agrees_with_torch(
        lambda a: nt.take_along_axis(a, whole, axis), lambda a: torch.gather(a, axis, torch.tensor(whole)), x
    )
    negative = whole - x.shape[axis]
    np.testing.assert_array_equal(nt.take_along_axis(x, negative, axis).array, np.take_along_axis(x, whole, axis))


@given(data=st.data())
@EXAMPLES
def test_index_add(data: Any) -> None:
    torch = pytest.importorskip("torch", reason="compared with torch: pip install '.[peers]'")
    x = data.draw(arrays(data.draw(shapes(1, 3, 1, 4))))
    axis = data.draw(st.integers(0, x.ndim - 1))
    i = np.random.default_rng(0).integers(0, x.shape[axis], data.draw(st.integers(0, 5)))
    source = data.draw(arrays((*x.shape[:axis], i.size, *x.shape[axis + 1 :])))
    agrees_with_torch(
        lambda a, b: a.index_add(axis - x.ndim, i, b, alpha=0.5),
        lambda a, b: a.index_add(axis, torch.tensor(i), b, alpha=0.5),
        x,
        source,
    )


@given(data=st.data())
@EXAMPLES
def test_where_and_masked_fill(data: Any) -> None:
    torch = pytest.importorskip("torch", reason="compared with torch: pip install '.[peers]'")
    a = data.draw(arrays())
    b = data.draw(arrays(data.draw(broadcastable_shapes(a.shape, min_side=0, max_dims=4, max_side=4))))
    mask = np.random.default_rng(0).random(a.shape) < 0.5
    agrees_with_torch(lambda x, y: nt.where(mask, x, y), lambda x, y: torch.where(torch.tensor(mask), x, y), a, b)
    agrees_with_torch(lambda x: nt.where(mask, x, 0.5), lambda x: torch.where(torch.tensor(mask), x, 0.5), a)
    agrees_with_torch(lambda x: x.masked_fill(mask, -np.inf), lambda x: x.masked_fill(torch.tensor(mask), -np.inf), a)


def test_where_keeps_nan_of_the_other_branch_out_of_the_gradient() -> None:
    x = leaf(np.array([0.0, 1.0]))
    with np.errstate(divide="ignore", invalid="ignore"):
        y = nt.where(x > 0, 1 / x * np.nan, x)
    (dx,) = nt.vjp_of([nt.where([True, False], x, y.detach())], [x], [np.array([3.0, np.nan])])
    assert dx.tolist() == [3.0, 0.0]


def test_where_dtypes() -> None:
    mask = np.array([True, False])
    assert nt.where(mask, 1.0, 0.0).dtype == np.float32
    assert nt.where(mask, 1, 0).dtype == np.int64
    assert nt.where(mask, nt.Tensor([1.0, 2.0]), 0.5).dtype == np.float32
    assert nt.where(mask, nt.Tensor([1, 2]), nt.Tensor([0.5, 1.5])).dtype == np.float32
    assert nt.where(mask, nt.Tensor([1, 2]), 0.5).dtype == np.float32
    assert nt.where(mask, 0.5, nt.Tensor([1, 2])).dtype == np.float32
    assert nt.masked_fill(nt.Tensor([1, 2]), mask, -1.0).dtype == np.int64


def test_one_hot() -> None:
    torch = pytest.importorskip("torch", reason="compared with torch: pip install '.[peers]'")
    labels = np.array([[0, 2, 1], [3, 0, 0]])
    for n in (-1, 4, 6):
        want = torch.nn.functional.one_hot(torch.tensor(labels), n).numpy()
        np.testing.assert_array_equal(F.one_hot(nt.Tensor(labels), n).array, want, strict=True)


@pytest.mark.parametrize(
    ("error", "call", "message"),
    [
        (IndexError, lambda x: x[3], r"^x\[key\]: x has shape \(3, 4\); index 3 is out of bounds for axis 0"),
        (IndexError, lambda x: x[[0, 5]], r"^x\[key\]: x has shape \(3, 4\); index 5 is out of bounds"),
        (IndexError, lambda x: x[0, 0, 0], r"^x\[key\]: x has shape \(3, 4\); too many indices"),
        (IndexError, lambda x: x[nt.Tensor([0.5])], r"^x\[key\]: .*must be of integer"),
        (IndexError, lambda x: x[np.ones((2, 4), bool)], r"^x\[key\]: .*boolean index did not match"),
        (IndexError, lambda x: x.take([0, 3], 0), r"^take: x \(3, 4\), axis 0: index 3 is out of bounds"),
        (
            IndexError,
            lambda x: x.take_along_axis([[9]], 1),
            r"^take_along_axis: x \(3, 4\), .*index 9 is out of bounds",
        ),
        (IndexError, lambda x: x.index_add(0, [7], x[:1]), r"^index_add: x \(3, 4\): index 7 is out of bounds"),
        (IndexError, lambda x: x.scatter_add(0, [[7]], x), r"^scatter_add: x \(3, 4\): index 7 is out of bounds"),
        (TypeError, lambda x: x.take([0.5]), "^take: expected integer indices, got float64"),
        (TypeError, lambda x: x.take_along_axis(x, 0), "^take_along_axis: expected integer indices, got float64"),
        (TypeError, lambda x: F.one_hot(x), "^one_hot: expected integer indices"),
        (TypeError, lambda x: x.masked_fill([1, 0, 1, 0], 0.0), "^masked_fill: expected a boolean mask, got int64"),
        (TypeError, lambda x: nt.masked_fill([1, 2], [True, False], 0.5), "^masked_fill: x is int64, .* not hold 0.5"),
        (TypeError, lambda x: x.masked_fill(x > 0, None), "^masked_fill: expected a number for value, got None"),
        (TypeError, lambda x: nt.where(x > 0, x, None), "^where: expected condition, x and y, got None"),
        (ValueError, lambda x: x.masked_fill(x > 0, [1.0, 2.0]), "^masked_fill: expected a number for value"),
        (ValueError, lambda x: x.take_along_axis([0], 0), "^take_along_axis: indices must have as many axes as x"),
        (ValueError, lambda x: x.scatter_add(0, [[0] * 5], x), "^scatter_add: index must fit into src"),
        (ValueError, lambda x: x.index_add(0, [0, 1], x), r"^index_add: x \(3, 4\) .* needs source \(2, 4\)"),
        (ValueError, lambda x: F.one_hot([0, 3], 3), r"^one_hot: expected labels 0 to 2 \(num_classes=3\), got 3$"),
        (ValueError, lambda x: F.one_hot([0, -1]), "^one_hot: expected labels 0 to 0 .*, got -1$"),
        (ValueError, lambda x: F.one_hot([]), "^one_hot: the number of classes cannot be inferred"),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(error: type[Exception], call: Any, message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        call(nt.Tensor(np.ones((3, 4))))
    assert "\n" not in str(caught.value)


def test_the_comparison_fails_on_a_planted_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    from nanonet.backends import current

    def overwrite(x: Any, *, shape: tuple[int, ...], key: Any) -> Any:
        y = np.zeros(shape, x.dtype)
        y[key] = x  # forgets to add where an index occurs twice
        return y

    monkeypatch.setattr(current().xp, "put_add", overwrite)
    picks_as_numpy(np.ones(4), [1, 2])
    with pytest.raises(AssertionError):
        picks_as_numpy(np.ones(4), [1, 1])
