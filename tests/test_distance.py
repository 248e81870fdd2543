"""Lengths, angles, distances, and vectors looked up by label: PyTorch's results, corner cases, refusals."""

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

few = settings(max_examples=60, deadline=None)
orders = st.sampled_from([1.0, 2.0, 3.0, 1.5, 0.5, float("inf")])


@st.composite
def pairs(draw: Any) -> tuple[np.ndarray, np.ndarray, int]:
    """Two arrays that broadcast, rounded so that some elements are 0 or equal; and the number of axes."""
    shape = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    one, two = ([1 if draw(st.integers(0, 3)) == 0 else n for n in shape] for _ in range(2))
    two = two[draw(st.integers(0, len(two) - 1)) :]
    return draw(arrays(tuple(one), decimals=1)), draw(arrays(tuple(two), decimals=1)), len(shape)


@few
@given(pairs(), st.integers(-3, 2), st.sampled_from([1e-8, 0.5]))
def test_cosine_similarity(pair: tuple[np.ndarray, np.ndarray, int], dim: int, eps: float) -> None:
    x1, x2, ndim = pair
    dim %= ndim
    if x1.ndim != ndim and x2.ndim != ndim:
        dim = 0
    full = np.broadcast_arrays(x1, x2)
    inputs = full if full[0].shape[dim] != 1 and 1 in (x1.shape + x2.shape) else (x1, x2)  # see the next test
    agrees_with_torch(
        lambda a, b: F.cosine_similarity(a, b, dim, eps),
        lambda a, b: TF.cosine_similarity(a, b, dim, eps),
        *[np.ascontiguousarray(x) for x in inputs],
    )


def test_cosine_similarity_broadcasts_along_dim_too() -> None:
    """There the gradient is 0 up to rounding, so only the value can be compared."""
    x1, x2 = np.array([[2.0], [-3.0]]), np.array([[1.0, 2.0, 3.0], [0.0, 1.0, -4.0]])
    want = TF.cosine_similarity(torch.tensor(x1), torch.tensor(x2)).numpy()
    np.testing.assert_allclose(F.cosine_similarity(x1, x2).array, want, rtol=1e-12)


@few
@given(pairs(), orders, st.sampled_from([1e-6, 0.0]), st.booleans())
def test_pairwise_distance(pair: tuple[np.ndarray, np.ndarray, int], p: float, eps: float, keepdim: bool) -> None:
    agrees_with_torch(
        lambda a, b: F.pairwise_distance(a, b, p, eps, keepdim),
        lambda a, b: TF.pairwise_distance(a, b, p, eps, keepdim),
        *pair[:2],
    )


@few
@given(arrays(decimals=1), orders, st.integers(0, 3), st.sampled_from([1e-12, 0.5]))
def test_normalize(x: np.ndarray, p: float, dim: int, eps: float) -> None:
    if not x.ndim or not x.size:
        return
    agrees_with_torch(
        lambda x: F.normalize(x, p, dim % x.ndim, eps), lambda x: TF.normalize(x, p, dim % x.ndim, eps), x
    )


@few
@given(st.integers(1, 5), st.integers(0, 3), st.lists(st.integers(0, 4), max_size=2), st.data())
def test_embedding(rows: int, width: int, shape: list[int], data: Any) -> None:
    labels = np.random.default_rng(0).integers(0, rows, shape)
    padding = data.draw(st.sampled_from([None, 0, -1]))
    agrees_with_torch(
        lambda w: F.embedding(nt.Tensor(labels), w, padding),
        lambda w: TF.embedding(torch.tensor(labels), w, padding),
        data.draw(arrays((rows, width))),
    )


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.embedding([0, 3], nt.ones((3, 2))), IndexError, r"embedding: label 3 is out of range .* 3 rows"),
        (lambda: F.embedding([0, -1], nt.ones((3, 2))), IndexError, r"embedding: label -1 is out of range"),
        (lambda: F.embedding([0.5], nt.ones((3, 2))), TypeError, r"embedding: expected integer labels, got float"),
        (lambda: F.embedding([True], nt.ones((3, 2))), TypeError, r"embedding: expected integer labels, got bool"),
        (lambda: F.embedding([0], nt.ones(3)), ValueError, r"embedding: expected weight \(V, D\), got shape \(3,\)"),
        (lambda: F.embedding([0], nt.ones((3, 2)), 3), ValueError, r"embedding: expected padding_idx in \[-3, 3\)"),
        (lambda: F.embedding([0], nt.ones((3, 2)), max_norm=1.0), ValueError, r"embedding: max_norm is not supported"),
        (lambda: F.normalize(nt.ones(3)), ValueError, r"normalize: axis 1 does not exist"),
        (lambda: F.cosine_similarity(nt.ones((2, 3)), nt.ones((2, 2))), ValueError, r"cosine_similarity: .* broadcast"),
        (lambda: F.cosine_similarity(nt.ones(3), nt.ones(3)), ValueError, r"cosine_similarity: axis 1 does not exist"),
        (lambda: F.pairwise_distance(nt.ones(3), nt.ones(2)), ValueError, r"pairwise_distance: .* do not broadcast"),
    ],
)
def test_a_wrong_argument_is_refused_in_one_line(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
