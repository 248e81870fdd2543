"""Attention, with PyTorch's names and arguments."""

from math import sqrt

import numpy as np

from nanonet.op import Op, sample
from nanonet.ops.arguments import shape_of
from nanonet.ops.dropout import scaled_mask
from nanonet.sampling import boolean, normal, values

HOLES = values([[True, False, True], [False, False, False]], floating=False)
INFINITE = values([[0.0, -np.inf, 0.5], [-np.inf, -np.inf, -np.inf]])


class ScaledDotProductAttention(Op):
    """y = p v, p = softmax(scale q kᵀ + mask);  dq = scale ds k;  dk = scale dsᵀ q;  dv = pᵀ dy;  dmask = ds.

    Here ds = p ⊙ (dp - Σ dp ⊙ p), dp = dy vᵀ: the gradient of the softmax, row by row.
    `scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None,
    enable_gqa=False)`.

    query, key, value   (…, L, E), (…, S, E), (…, S, V), floating; leading axes broadcast
    attn_mask           broadcasts to (…, L, S): boolean, True where a key takes part, or floating, added to the scores.
                        A row without any key gives y = 0 and no gradient, as in PyTorch
    dropout_p           entries of p are dropped with this probability, also in evaluation; `dropout_mask` (…, L, S),
                        True to keep, takes the place of the draw
    is_causal           query i sees the keys up to i; excludes attn_mask
    scale               1/√E by default
    enable_gqa          every head (axis -3) of key and value serves several heads of query, one after the other

    Raises ValueError for shapes that do not fit, TypeError for other dtypes. Source: Vaswani et al., Attention is all
    you need (2017), equation 1.
    """

    latex = (
        r"y = p\,v,\ p = \mathrm{softmax}(c\,q k^\top + mask); dq = c\,ds\,k; dk = c\,ds^\top q; dv = p^\top dy;"
        r"dmask = ds"
    )
    shapes = "q (…, L, E), k (…, S, E), v (…, S, V), mask (…, L, S) -> y (…, L, V)"
    samples = [
        sample(normal(2, 3, 2), normal(2, 2, 2), normal(2, 2, 3)),
        sample(normal(3, 2), normal(3, 2), normal(3, 2), is_causal=True, name="causal"),
        sample(normal(2, 2), normal(3, 2), normal(3, 1), is_causal=True, name="causal, more keys"),
        sample(normal(2, 2), normal(3, 2), normal(3, 2), HOLES, name="boolean mask, empty row"),
        sample(normal(2, 1, 2, 2), normal(2, 1, 3, 2), normal(2, 1, 3, 2), boolean(2, 1, 1, 3), name="padding mask"),
        sample(normal(2, 2), normal(3, 2), normal(3, 2), normal(2, 3), scale=0.3, name="floating mask"),
        sample(normal(2, 2), normal(3, 2), normal(3, 2), INFINITE, name="infinite mask", kink="infinite"),
        sample(normal(1, 2, 2), normal(2, 2, 2), normal(2, 2, 2), normal(2, 1, 2), name="broadcast"),
        sample(normal(4, 2, 2), normal(2, 2, 2), normal(2, 2, 1), enable_gqa=True, name="grouped heads"),
        sample(normal(2, 2), normal(2, 2), normal(2, 2), dropout_p=0.5, dropout_mask=[[1, 0], [1, 1]], name="dropout"),
        sample(normal(2, 3), normal(0, 3), normal(0, 2), name="no keys"),
    ]

    def call(
        query,
        key,
        value,
        attn_mask=None,
        dropout_p=0.0,
        is_causal=False,
        scale=None,
        enable_gqa=False,
        *,
        dropout_mask=None,
    ):
        refuse_dtypes(query, key, value, attn_mask)
        if enable_gqa:
            key, value = repeat_heads(query, key), repeat_heads(query, value)
        shape = refuse_shapes(query, key, value, attn_mask)
        if is_causal and attn_mask is not None:
            raise ValueError("scaled_dot_product_attention: expected attn_mask or is_causal=True, got both")
        keep = scaled_mask("scaled_dot_product_attention", dropout_p, shape, query, mask=dropout_mask)
        scale = 1 / sqrt(max(shape_of(query)[-1], 1)) if scale is None else scale
        return (query, key, value, attn_mask, keep), {"scale": scale, "is_causal": is_causal}

    def forward(xp, q, k, v, mask=None, keep=None, *, scale, is_causal):
        s = xp.matmul(q * scale, xp.swapaxes(k, -1, -2))
        if is_causal:
            s = xp.where(xp.arange(s.shape[-1]) <= xp.expand_dims(xp.arange(s.shape[-2]), 1), s, -xp.inf)
        if mask is not None:
            s = xp.where(mask, s, -xp.inf) if mask.dtype.kind == "b" else s + mask
        p = softmax_or_zero(xp, s, mask is not None)
        return xp.matmul(p if keep is None else p * keep, v), (q, k, v, p, keep, scale)

    def backward(xp, saved, dy, needs):
        q, k, v, p, keep, scale = saved
        dq = dk = dv = ds = None
        if needs[2]:
            dv = xp.matmul(xp.swapaxes(p if keep is None else p * keep, -1, -2), dy)
        if needs[0] or needs[1] or needs[3]:
            ds = xp.matmul(dy, xp.swapaxes(v, -1, -2))
            if keep is not None:
                ds *= keep
            ds -= xp.expand_dims(xp.einsum("...ls,...ls->...l", ds, p), -1)
            ds *= p
        if needs[0]:
            dq = xp.matmul(ds, k) * scale
        if needs[1]:
            dk = xp.matmul(xp.swapaxes(ds, -1, -2), q) * scale
        return dq, dk, dv, ds, None


def softmax_or_zero(xp, s, masked):
    """softmax of the rows of `s`, which is overwritten; zeros for a row that is -inf throughout."""
    if not s.shape[-1]:
        return s
    m = xp.max(s, axis=-1, keepdims=True)
    s -= xp.where(xp.equal(m, -xp.inf), 0.0, m) if masked else m
    p = xp.exp(s)
    total = xp.sum(p, axis=-1, keepdims=True)
    p /= total + xp.equal(total, 0) if masked else total
    return p


def repeat_heads(query, x):
    """x (…, H, S, D) with each head repeated, to as many as query (…, H', L, E) has."""
    heads, shape = shape_of(query)[-3:-2], shape_of(x)
    if not heads or len(shape) < 3 or not shape[-3] or heads[0] % shape[-3]:
        raise ValueError(
            f"scaled_dot_product_attention: enable_gqa needs query (…, H, L, E) and key and value (…, h, S, E) with H "
            f"a multiple of h, got {shape_of(query)} and {shape}"
        )
    return x if heads[0] == shape[-3] else x.repeat(heads[0] // shape[-3], axis=-3)


def refuse_dtypes(query, key, value, mask):
    for name, x, kinds in (("query", query, "f"), ("key", key, "f"), ("value", value, "f"), ("attn_mask", mask, "bf")):
        dtype = getattr(x, "dtype", None)
        if dtype is not None and dtype.kind not in kinds:
            expected = "floating" if kinds == "f" else "boolean or floating"
            raise TypeError(f"scaled_dot_product_attention: expected {name} {expected}, got {dtype}; use astype")


def refuse_shapes(query, key, value, mask):
    """Returns the shape of the scores, (…, L, S)."""
    q, k, v = shape_of(query), shape_of(key), shape_of(value)
    if min(len(q), len(k), len(v)) < 2 or q[-1] != k[-1] or k[-2] != v[-2]:
        raise ValueError(
            f"scaled_dot_product_attention: query (…, L, E) = {q} needs key (…, S, E) and value (…, S, V), got {k}, {v}"
        )
    m = () if mask is None else shape_of(mask)
    try:
        scores = np.broadcast_shapes((*q[:-1], 1), (*k[:-2], 1, k[-2]), (*v[:-2], 1, 1))
        shape = np.broadcast_shapes(scores, m)
    except ValueError:
        shape = None
    if shape is None or shape[-2:] != scores[-2:]:
        raise ValueError(
            f"scaled_dot_product_attention: query {q}, key {k}, value {v} and attn_mask {m} do not broadcast; make the "
            "leading axes equal or 1, and attn_mask (…, L, S)"
        )
    return shape
