"""Reductions, scans, norms, orderings: equal to PyTorch on random arrays, right at the corners, clear in refusing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nanonet as nt
from tests.agreement import agrees_with_torch, arrays, axis_of, close, leaf
from tests.support import central_difference

torch = pytest.importorskip("torch", reason="compared with torch: pip install '.[peers]'")
from tests.peers.reduce import PEERS  # noqa: E402  (needs torch)

EXAMPLES = settings(max_examples=60, deadline=None)
INF, NAN = math.inf, math.nan


def all_axes(x: Any, axis: Any) -> Any:
    return tuple(range(x.ndim)) if axis is None else axis


def size_over(x: np.ndarray, axis: Any) -> int:
    axis = all_axes(x, axis)
    return math.prod(x.shape[a] for a in (axis if isinstance(axis, tuple) else (axis,)))


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "logsumexp", "var", "std", "vector_norm"])
@given(data=st.data())
@EXAMPLES
def test_equals_torch(name: str, data: Any) -> None:
    x = data.draw(arrays(decimals=1))
    axis, keepdims = data.draw(axis_of(x.ndim)), data.draw(st.booleans())
    if name in ("std", "vector_norm") and size_over(x, axis) == 1:
        x = x + 0.05  # away from the kink at 0
    if name in ("sum", "mean"):
        theirs = lambda t: getattr(torch, name)(t, dim=axis, keepdim=keepdims)  # noqa: E731
    else:
        theirs = lambda t: PEERS[name](t, axis=axis, keepdims=keepdims)  # noqa: E731
    agrees_with_torch(lambda t: getattr(nt, name)(t, axis=axis, keepdims=keepdims), theirs, x)
    agrees_with_torch(lambda t: getattr(t, name)(axis=axis, keepdims=keepdims), theirs, x)


@pytest.mark.parametrize("name", ["max", "min"])
@given(data=st.data())
@EXAMPLES
def test_extremes_share_ties_as_torch(name: str, data: Any) -> None:
    x = data.draw(arrays(decimals=0))
    axis, keepdims = data.draw(axis_of(x.ndim)), data.draw(st.booleans())
    ours = lambda t: getattr(nt, name)(t, axis=axis, keepdims=keepdims)  # noqa: E731
    if not size_over(x, axis):
        with pytest.raises(ValueError, match=f"^{name}: x of shape .* has no elements to choose from"):
            ours(x)
    else:
        agrees_with_torch(ours, lambda t: PEERS[name](t, axis, keepdims), x)


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
@given(data=st.data())
@EXAMPLES
def test_scans_equal_torch(name: str, data: Any) -> None:
    x = data.draw(arrays(decimals=0))
    axis = data.draw(axis_of(x.ndim, several=False))
    agrees_with_torch(lambda t: getattr(nt, name)(t, axis), lambda t: PEERS[name](t, axis), x)


@given(data=st.data())
@EXAMPLES
def test_vector_norms_equal_torch(data: Any) -> None:
    x = data.draw(arrays())
    axis, keepdims = data.draw(axis_of(x.ndim)), data.draw(st.booleans())
    ord = data.draw(st.sampled_from([0, 0.5, 1, 1.5, 2, 3, 4, -1, -2, INF, -INF]))
    if (ord < 0 or ord == INF) and not size_over(x, axis):
        with pytest.raises(ValueError, match=r"^vector_norm: x of shape .* has no elements"):
            nt.vector_norm(x, axis, keepdims, ord)
        return
    agrees_with_torch(
        lambda t: nt.vector_norm(t, axis, keepdims, ord),
        lambda t: torch.linalg.vector_norm(t, ord, all_axes(t, axis), keepdims),
        x,
        rtol=1e-9 if ord in (-2, 0.5) else 1e-10,
    )


@pytest.mark.parametrize("ord", [None, "fro", 1, -1, INF, -INF])
@pytest.mark.parametrize("axis", [(0, 1), (2, 0), (-1, -2)])
def test_matrix_norms_equal_torch(ord: Any, axis: tuple[int, int]) -> None:
    x = np.random.default_rng(0).standard_normal((3, 2, 4))
    for keepdims in (False, True):
        agrees_with_torch(
            lambda t, k=keepdims: nt.norm(t, ord, axis, k), lambda t, k=keepdims: torch.linalg.norm(t, ord, axis, k), x
        )


def test_norm_takes_numpys_arguments() -> None:
    x = np.random.default_rng(0).standard_normal((3, 4))
    for arguments in [(), (None, 0), (3, 1), (INF, -1, True), ("fro",), (1,), (-INF,)]:
        np.testing.assert_allclose(nt.norm(x, *arguments).array, np.linalg.norm(x, *arguments), rtol=1e-12)
    np.testing.assert_allclose(nt.norm(x[0], 3).array, np.linalg.norm(x[0], 3))


@pytest.mark.parametrize("name", ["argmax", "argmin", "all", "any"])
@given(data=st.data())
@EXAMPLES
def test_choices_equal_numpy(name: str, data: Any) -> None:
    x = data.draw(arrays(decimals=0))
    places = name.startswith("arg")
    axis, keepdims = data.draw(axis_of(x.ndim, several=not places)), data.draw(st.booleans())
    if places and not size_over(x, axis):
        with pytest.raises(ValueError, match=f"^{name}: x of shape"):
            getattr(nt, name)(x, axis=axis)
        return
    y = getattr(nt.Tensor(x, requires_grad=True), name)(axis=axis, keepdims=keepdims)
    np.testing.assert_array_equal(y.array, getattr(np, name)(x, axis=axis, keepdims=keepdims))
    assert y.dtype == (np.int64 if places else np.bool_)
    assert not y.requires_grad


@given(data=st.data())
@EXAMPLES
def test_sort_and_topk_equal_torch_with_ties(data: Any) -> None:
    x = data.draw(arrays(decimals=0))
    if not x.ndim:
        return
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    descending = data.draw(st.booleans())
    agrees_with_torch(
        lambda t: (nt.sort(t, axis, descending), nt.argsort(t, axis, descending)),
        lambda t: tuple(torch.sort(t, dim=axis, descending=descending, stable=True)),
        x,
    )
    k = data.draw(st.integers(0, x.shape[axis]))
    distinct = x + 1e-3 * np.arange(x.size).reshape(x.shape)
    agrees_with_torch(
        lambda t: nt.topk(t, k, axis, descending), lambda t: tuple(torch.topk(t, k, axis, descending)), distinct
    )


@pytest.mark.parametrize("name", ["prod", "cumprod"])
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_products_have_exact_second_derivatives_at_zeros(name: str, data: Any) -> None:
    x = np.round(data.draw(arrays(shape=(2, 5))))
    x = np.ascontiguousarray(np.where(np.abs(x) > 1, 0.0, x))
    rng = np.random.default_rng(0)
    dy, r = rng.standard_normal((2, 5) if name == "cumprod" else (2,)), rng.standard_normal((2, 5))

    def directional(create_graph: bool) -> tuple[nt.Tensor, nt.Tensor]:
        t = leaf(x)
        (dx,) = nt.vjp_of([getattr(nt, name)(t, axis=1)], [t], [dy], create_graph)
        return t, (dx * r).sum()

    t, total = directional(create_graph=True)
    got = nt.vjp_of([total], [t], [np.ones(())])[0] if total.requires_grad else nt.zeros_like(t)
    want = central_difference(lambda: directional(create_graph=False)[1].item(), x)
    np.testing.assert_allclose(got.array, want, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("row", "y", "dx"),
    [
        ([INF, 1.0], INF, [NAN, 0.0]),
        ([-INF, -INF], -INF, [NAN, NAN]),
        ([-INF, 1.0], 1.0, [0.0, 1.0]),
        ([NAN, 1.0], NAN, [NAN, NAN]),
        ([1e4, -1e4], 1e4, [1.0, 0.0]),
        ([INF, 1e4], INF, [NAN, 0.0]),
    ],
)
def test_logsumexp_of_infinities_is_torchs_and_leaves_other_rows_alone(row: list, y: float, dx: list) -> None:
    x = leaf(np.array([row, [0.0, 0.0]]))
    out = nt.logsumexp(x, axis=1)
    np.testing.assert_allclose(out.array, [y, math.log(2)])
    (got,) = nt.vjp_of([out], [x], [np.ones(2)])
    np.testing.assert_allclose(got.array, [dx, [0.5, 0.5]])


def test_reductions_of_nothing() -> None:
    x = leaf(np.zeros((0, 3)))
    for y, want in ((x.sum(0), 0.0), (x.mean(0), NAN), (x.prod(0), 1.0), (x.logsumexp(0), -INF), (x.var(0), NAN)):
        np.testing.assert_array_equal(y.array, [want] * 3)
        assert nt.vjp_of([y], [x], [np.ones(3)])[0].shape == (0, 3)


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "max", "logsumexp"])
def test_a_reduction_over_no_axes_is_the_identity(name: str) -> None:
    x = leaf(np.array([[1.0, -2.0, 3.0], [4.0, 0.5, 6.0]]))
    y = getattr(nt, name)(x, axis=())
    np.testing.assert_allclose(y.array, x.array)
    (dx,) = nt.vjp_of([y], [x], [x.array])
    np.testing.assert_allclose(dx.array, x.array)


def test_spread_without_degrees_of_freedom_is_nan_and_without_spread_has_gradient_0() -> None:
    assert np.isnan(nt.Tensor([2.0]).var(ddof=1).array)
    x = leaf(np.ones(3))
    assert nt.vjp_of([x.std()], [x], [np.ones(())])[0].tolist() == [0.0, 0.0, 0.0]
    assert nt.vjp_of([x.norm() * 0 + (x - x).norm()], [x], [np.ones(())])[0].tolist() == [0.0, 0.0, 0.0]
    equal = leaf(np.full(3, 0.8))  # whose mean is rounded
    assert nt.vjp_of([equal.std()], [equal], [np.ones(())])[0].tolist() == [0.0, 0.0, 0.0]
    large = np.random.default_rng(0).standard_normal(1000) + 1e8
    np.testing.assert_allclose(nt.var(large).array, np.var(large), rtol=1e-12)


def test_nan_is_the_extreme_and_takes_the_gradient() -> None:
    x = leaf(np.array([[NAN, 1.0, 2.0], [3.0, 3.0, 1.0]]))
    (dx,) = nt.vjp_of([x.max(axis=1)], [x], [np.ones(2)])
    np.testing.assert_array_equal(dx.array, [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]])


def test_product_of_one_zero() -> None:
    x = leaf(np.zeros(()))
    assert nt.vjp_of([x.prod()], [x], [np.ones(())])[0].item() == 1.0


def test_integers_stay_or_become_float32() -> None:
    x = nt.Tensor([[1, 2], [3, 4]])
    assert [y.dtype for y in (x.sum(), x.max(), x.cumsum(0), x.prod())] == [np.int64] * 4
    assert [y.dtype for y in (x.mean(), x.var(), x.logsumexp(), x.norm())] == [np.float32] * 4
    assert x.mean().item() == 2.5


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "max", "var", "logsumexp", "vector_norm", "argmax", "all"])
def test_a_wrong_axis_is_named_in_one_line(name: str) -> None:
    x = np.zeros((2, 3))
    with pytest.raises(ValueError, match=rf"^{name}: axis 2 does not exist in x of shape \(2, 3\); use -2 to 1$"):
        getattr(nt, name)(x, axis=2)
    with pytest.raises(TypeError, match=rf"^{name}: axis must be an integer, got 'rows'$"):
        getattr(nt, name)(x, axis="rows")
    if name == "argmax":
        with pytest.raises(TypeError, match=r"^argmax: axis must be an integer, got \(0, 1\)$"):
            nt.argmax(x, axis=(0, 1))
    else:
        with pytest.raises(ValueError, match=rf"^{name}: axis \(0, -2\) names an axis twice"):
            getattr(nt, name)(x, axis=(0, -2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: nt.norm(x, 2), "of a matrix ord can be"),
        (lambda x: nt.norm(x, "nuc"), "of a matrix ord can be"),
        (lambda x: nt.norm(x, "fro", 0), "is of matrices"),
        (lambda x: nt.norm(x[None], 3), "got 3 axes"),
        (lambda x: nt.vector_norm(x, ord="fro"), "ord must be a number"),
        (lambda x: nt.topk(x, 4), "k must be 0 to 3"),
        (lambda x: nt.sort(x, 5), "axis 5 does not exist"),
        (lambda x: nt.cumsum(x, 2), "axis 2 does not exist"),
    ],
)
def test_wrong_arguments_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        call(np.zeros((2, 3)))
    assert "\n" not in str(caught.value)


def test_the_comparison_fails_on_a_planted_fault() -> None:
    x = np.random.default_rng(0).standard_normal((3, 4))
    with pytest.raises(AssertionError):
        agrees_with_torch(lambda t: nt.sum(t, 0) * (1 + 1e-9), lambda t: t.sum(0), x)
    with pytest.raises(AssertionError):  # right forward, gradient cut off
        agrees_with_torch(lambda t: nt.sum(t, 0) + 0 * t.detach().sum(), lambda t: t.sum(0) * 2 - t.detach().sum(0), x)
    with pytest.raises(AssertionError):
        close(np.zeros((1, 3)), np.zeros(3), 1.0)
