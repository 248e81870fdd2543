"""Scaled dot-product attention: PyTorch's results on random shapes and masks, stability, refusals."""

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
ours, theirs = F.scaled_dot_product_attention, torch.nn.functional.scaled_dot_product_attention

agrees_with_torch = functools.partial(agrees, atol=1e-13)
few = settings(max_examples=60, deadline=None)


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


@st.composite
def operands(draw: Any) -> tuple[list[np.ndarray], tuple[int, ...]]:
    """query, key, value of the same leading axes; and the shape of a mask that broadcasts to the scores."""
    leading = draw(st.lists(st.integers(1, 3), max_size=2))
    length, keys, width, values = (draw(st.integers(1, 4)) for _ in range(4))
    qkv = [draw(arrays((*leading, *end))) for end in ((length, width), (keys, width), (keys, values))]
    mask = tuple(1 if draw(st.booleans()) else n for n in (*leading, length, keys))
    return qkv, mask[draw(st.integers(0, len(leading))) :]


@few
@given(operands(), st.sampled_from(["none", "causal", "boolean", "floating", "infinite"]), st.sampled_from([None, 0.3]))
def test_equals_torch(case: tuple[list[np.ndarray], tuple[int, ...]], kind: str, scale: float | None) -> None:
    """Boolean and infinite masks leave some rows without any key."""
    inputs, mask_shape = case
    options = {"is_causal": kind == "causal", "scale": scale}
    rng = np.random.default_rng(0)
    if kind in ("none", "causal"):
        agrees_with_torch(lambda *x: ours(*x, **options), lambda *x: theirs(*x, **options), *inputs)
    elif kind == "floating":
        mask = rng.standard_normal(mask_shape)
        agrees_with_torch(lambda *x: ours(*x, **options), lambda *x: theirs(*x, **options), *inputs, mask)
    else:
        keep = rng.random(mask_shape) < 0.5
        mask = keep if kind == "boolean" else np.where(keep, 0.5, -np.inf)
        agrees_with_torch(
            lambda *x: ours(*x, nt.Tensor(mask), **options),
            lambda *x: theirs(*x, torch.tensor(mask), **options),
            *inputs,
        )


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_grouped_heads_equal_torchs(heads: int) -> None:
    agrees_with_torch(
        lambda *x: ours(*x, enable_gqa=True),
        lambda *x: theirs(*x, enable_gqa=True),
        normal(2, 4, 3, 2),
        normal(2, heads, 5, 2, seed=1),
        normal(2, heads, 5, 3, seed=2),
    )


def test_a_row_without_any_key_is_zero_and_has_no_gradient() -> None:
    q, k, v = (nt.Tensor(normal(2, 3, seed=i), requires_grad=True) for i in range(3))
    y = ours(q, k, v, np.array([[True, True], [False, False]]))
    y.sum().backward()
    assert y.array[1].tolist() == [0, 0, 0]
    assert q.grad.array[1].tolist() == [0, 0, 0]
    assert q.grad.array[0].any()


def test_scores_of_a_million_do_not_overflow() -> None:
    q, k, v = (nt.tensor(x, requires_grad=True) for x in (np.full((1, 1), 1e6), [[1.0], [2.0]], [[3.0], [5.0]]))
    y = ours(q, k, v)
    y.sum().backward()
    assert y.item() == 5
    assert all(np.isfinite(x.grad.array).all() for x in (q, k, v))


def test_dropout_leaves_out_entries_of_the_softmax_and_scales_the_rest_up() -> None:
    nt.manual_seed(0)
    q, k, v = (nt.Tensor(normal(4, 50, 8, seed=i), requires_grad=True) for i in range(3))
    ones = nt.ones((4, 50, 1), dtype=nt.float64)
    shares = ours(q, k, ones, dropout_p=0.3).array
    assert abs(shares.mean() - 1) < 0.05, "rows of p still add up to 1 on average"
    assert shares.std() > 0.05
    assert not ours(q, k, v, dropout_p=1.0).array.any()
    nt.manual_seed(7)
    once = ours(q, k, v, dropout_p=0.3)
    nt.manual_seed(7)
    np.testing.assert_array_equal(ours(q, k, v, dropout_p=0.3).array, once.array)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: ours(x, nt.ones((3, 2)), x), ValueError, r"query \(…, L, E\) = \(3, 4\) needs key"),
        (lambda x: ours(x, x, nt.ones((2, 4))), ValueError, r"needs key \(…, S, E\) and value \(…, S, V\), got"),
        (lambda x: ours(nt.ones(4), x, x), ValueError, r"query \(…, L, E\) = \(4,\)"),
        (lambda x: ours(x, x, x, nt.ones((2, 3))), ValueError, r"attn_mask \(2, 3\) do not broadcast"),
        (lambda x: ours(x, x[:1], x[:1], nt.ones((3, 3))), ValueError, r"attn_mask \(3, 3\) do not broadcast"),
        (lambda x: ours(nt.ones((2, 3, 4)), nt.ones((3, 3, 4)), x), ValueError, r"do not broadcast"),
        (
            lambda x: ours(x, x, x, nt.ones((3, 3)), is_causal=True),
            ValueError,
            r"attn_mask or is_causal=True, got",
        ),
        (lambda x: ours(x, x, x, dropout_p=1.5), ValueError, r"expected a probability p from 0 to 1, got 1.5"),
        (lambda x: ours(x, x, x, enable_gqa=True), ValueError, r"enable_gqa needs query"),
        (
            lambda x: ours(x, x, x, nt.ones((3, 3), dtype=nt.int64)),
            TypeError,
            r"expected attn_mask boolean or",
        ),
        (lambda x: ours(nt.ones((3, 4), dtype=nt.int64), x, x), TypeError, r"expected query floating, got int64"),
    ],
)
def test_a_wrong_argument_is_refused_in_one_line(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        call(nt.ones((3, 4)))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("scaled_dot_product_attention: ")
