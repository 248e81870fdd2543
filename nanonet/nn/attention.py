"""Multi-head attention."""

from __future__ import annotations

import math
from typing import Any

from nanonet import functional as F
from nanonet.nn import init
from nanonet.nn.linear import Linear
from nanonet.nn.module import Module
from nanonet.nn.parameter import new_parameter
from nanonet.tensor import Tensor, as_tensor


class MultiheadAttention(Module):
    """softmax(Q Kᵀ / √d) V in `num_heads` heads of d = embed_dim/num_heads features side by side, then a linear layer.

    Q = query W_qᵀ + b_q and so on; the three weights stand in in_proj_weight (3·embed_dim, embed_dim), or in
    q_proj_weight, k_proj_weight, v_proj_weight where `kdim` or `vdim` differ from embed_dim; in_proj_bias
    (3·embed_dim); out_proj is the linear layer. `dropout` acts on the attention weights, in training. `add_bias_kv`
    adds a key and a value that are learned, bias_k and bias_v (1, 1, embed_dim); `add_zero_attn` adds zeros as both.
    Source: Vaswani et al. 2017, section 3.2.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if embed_dim < 1 or num_heads < 1 or embed_dim % num_heads:
            raise ValueError(
                f"MultiheadAttention: embed_dim={embed_dim} needs num_heads that divides it, got {num_heads}"
            )
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.head_dim = embed_dim // num_heads
        self.dropout = dropout
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.batch_first = batch_first
        self.add_zero_attn = add_zero_attn
        together = self.kdim == embed_dim == self.vdim
        shapes = {
            "in_proj_weight": (3 * embed_dim, embed_dim) if together else None,
            "q_proj_weight": None if together else (embed_dim, embed_dim),
            "k_proj_weight": None if together else (embed_dim, self.kdim),
            "v_proj_weight": None if together else (embed_dim, self.vdim),
            "in_proj_bias": (3 * embed_dim,) if bias else None,
            "bias_k": (1, 1, embed_dim) if add_bias_kv else None,
            "bias_v": (1, 1, embed_dim) if add_bias_kv else None,
        }
        for name, shape in shapes.items():
            self.register_parameter(name, None if shape is None else new_parameter(*shape, dtype=dtype, device=device))
        self.out_proj = Linear(embed_dim, embed_dim, bias=bias, dtype=dtype, device=device)
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        for vector in (self.bias_k, self.bias_v):
            if vector is not None:
                init.xavier_normal_(vector)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """(output, attention weights), the second None unless `need_weights`.

        query (T, N, E), key (S, N, kdim), value (S, N, vdim); (N, T, E) and so on with batch_first; without N for one
        sequence. `key_padding_mask` (N, S) and `attn_mask` (T, S) or (N·num_heads, T, S): True leaves a key out,
        numbers are added to the scores. `is_causal` says that attn_mask is the causal one, which must be given.
        Weights (N, T, S), or (N, num_heads, T, S) with `average_attn_weights=False`.
        """
        if is_causal and attn_mask is None:
            raise ValueError("MultiheadAttention: is_causal=True needs attn_mask, the causal mask; see Transformer")
        alone = query.ndim == 2
        q, k, v = self._batched(query, key, value)
        N, T, S = q.shape[0], q.shape[1], k.shape[1]
        q, k, v = self._project(q, k, v, query is key and key is value)
        if self.bias_k is not None:
            added = [F.broadcast_to(b, (N, 1, self.embed_dim)) for b in (self.bias_k, self.bias_v)]
            k, v = (F.concatenate(pair, axis=1) for pair in zip((k, v), added, strict=True))
        q, k, v = (self._split(x) for x in (q, k, v))
        if self.add_zero_attn:
            k, v = (F.pad(x, (0, 0, 0, 1)) for x in (k, v))
        mask = self._merge(attn_mask, key_padding_mask, (N, T, S), q)
        if mask is not None and k.shape[2] > S:
            mask = F.pad(mask, (0, k.shape[2] - S))  # what was added is never left out
        dropout = self.dropout if self.training else 0.0
        weights = None
        if need_weights:
            scores = F.matmul(q * (1 / math.sqrt(self.head_dim)), F.swapaxes(k, -1, -2))  # (N, heads, T, S)
            weights = F.softmax(scores if mask is None else scores + mask, dim=-1)
            weights = F.dropout(weights, dropout) if dropout else weights
            y = F.matmul(weights, v)
        else:
            y = F.scaled_dot_product_attention(q, k, v, mask, dropout)
        y = self.out_proj(F.reshape(F.swapaxes(y, 1, 2), (N, T, self.embed_dim)))
        if weights is not None and average_attn_weights:
            weights = F.mean(weights, axis=1)
        if alone:
            return F.squeeze(y, 0), None if weights is None else F.squeeze(weights, 0)
        return y if self.batch_first else F.swapaxes(y, 0, 1), weights

    def _batched(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """query, key and value as (N, length, features)."""
        ndim, wanted = inputs[0].ndim, (self.embed_dim, self.kdim, self.vdim)
        for name, x, features in zip(("query", "key", "value"), inputs, wanted, strict=True):
            if ndim not in (2, 3) or x.ndim != ndim or x.shape[-1] != features:
                raise ValueError(
                    f"MultiheadAttention: expected query, key and value all of 2 or all of 3 axes, and {name} of "
                    f"{features} features, got {', '.join(str(one.shape) for one in inputs)}"
                )
        if ndim == 2:
            return tuple(F.expand_dims(x, 0) for x in inputs)
        return inputs if self.batch_first else tuple(F.swapaxes(x, 0, 1) for x in inputs)

    def _project(self, q: Tensor, k: Tensor, v: Tensor, same: bool) -> list[Tensor]:
        E = self.embed_dim
        parts = [slice(0, E), slice(E, 2 * E), slice(2 * E, None)]
        if same and self.in_proj_weight is not None:
            both = F.linear(q, self.in_proj_weight, self.in_proj_bias)  # self-attention: one product instead of three
            return [both[..., part] for part in parts]
        if self.in_proj_weight is None:
            ws: list[Any] = [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        else:
            ws = [self.in_proj_weight[part] for part in parts]
        bs = [None if self.in_proj_bias is None else self.in_proj_bias[part] for part in parts]
        return [F.linear(x, w, b) for x, w, b in zip((q, k, v), ws, bs, strict=True)]

    def _split(self, x: Tensor) -> Tensor:
        """(N, T, E) -> (N, num_heads, T, head_dim)."""
        return F.swapaxes(F.reshape(x, (*x.shape[:2], self.num_heads, self.head_dim)), 1, 2)

    def _merge(self, attn_mask: Any, key_padding_mask: Any, sizes: tuple[int, int, int], x: Tensor) -> Tensor | None:
        """Both masks as numbers to add to the scores, in a shape that broadcasts to (N, num_heads, T, S)."""
        N, T, S = sizes
        total = None
        if attn_mask is not None:
            total = _as_numbers(attn_mask, x)
            shapes = (T, S), (N * self.num_heads, T, S)
            if total.shape not in shapes:
                raise ValueError(
                    f"MultiheadAttention: expected attn_mask {shapes[0]} or {shapes[1]}, got {total.shape}"
                )
            total = F.reshape(total, (-1, 1, T, S) if total.ndim == 2 else (N, self.num_heads, T, S))
        if key_padding_mask is not None:
            padding = _as_numbers(key_padding_mask, x)
            padding = F.expand_dims(padding, 0) if padding.ndim == 1 else padding
            if padding.shape != (N, S):
                raise ValueError(f"MultiheadAttention: expected key_padding_mask {(N, S)}, got {padding.shape}")
            padding = F.reshape(padding, (N, 1, 1, S))
            total = padding if total is None else total + padding
        return total


def _as_numbers(mask: Any, x: Tensor) -> Tensor:
    """-inf where a boolean mask is True, 0 elsewhere; numbers as they are. In x's dtype, arrays on its device."""
    mask = as_tensor(mask, device=x.device)
    if mask.dtype.kind == "b":
        return F.where(mask, -math.inf, 0.0).astype(x.dtype)
    if mask.dtype.kind != "f":
        raise TypeError(f"MultiheadAttention: expected a mask of booleans or floats, got {mask.dtype}")
    return mask.astype(x.dtype)
