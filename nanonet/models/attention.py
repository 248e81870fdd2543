"""Attention in heads, as the Transformer has it; keys and values can be kept."""

from __future__ import annotations

import math

import numpy as np

from nanonet import functional as F
from nanonet.device import on_host
from nanonet.models.positions import Rotary
from nanonet.nn import Linear, Module, init
from nanonet.nn.parameter import new_parameter
from nanonet.tensor import Tensor

KeysValues = tuple[Tensor, Tensor]  # each (N, heads, S, d)


class Attention(Module):
    """O = P V with P = softmax(Q Kᵀ / √d), row by row, in `heads` of d = width/heads features; then a linear layer.

    Row i of P says how much token i takes from each token: its numbers are positive, and their sum is 1. (D4 writes
    exp(Q Kᵀ/√d) / exp(Q Kᵀ/√d), which divides each number by itself: all are 1, and no token chooses.)
    The parameters are nn.MultiheadAttention's: in_proj_weight (3·width, width) for Q, K and V, in_proj_bias, out_proj.
    With `rotary` > 0, Q and K are turned by their places, of which there are so many.
    Source: Vaswani et al. 2017, equation 1 and section 3.2.2.
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0, rotary: int = 0) -> None:
        super().__init__()
        self.width, self.heads, self.dropout = width, heads, dropout
        self.in_proj_weight = new_parameter(3 * width, width)
        self.in_proj_bias = new_parameter(3 * width)
        self.out_proj = Linear(width, width)
        self.rotary = Rotary(rotary, width // heads) if rotary else None
        self.maps: list[np.ndarray] | None = None  # a list here collects every P (N, heads, T, S)
        init.zeros_(self.in_proj_bias)
        init.zeros_(self.out_proj.bias)
        init.xavier_uniform_(self.in_proj_weight)

    def queries(self, x: Tensor, start: int = 0) -> Tensor:
        """x (N, T, width) -> Q (N, heads, T, d), of tokens that stand from `start` on."""
        return self._turned(self._projected(x, 0), start)

    def keys_values(self, x: Tensor, start: int = 0) -> KeysValues:
        """x (N, S, width) -> K and V."""
        return self._turned(self._projected(x, 1), start), self._projected(x, 2)

    def forward(self, queries: Tensor, keys_values: KeysValues, mask: Tensor | None) -> Tensor:
        """(N, T, width). `mask` broadcasts to (N, heads, T, S): False where a token must not look."""
        keys, values = keys_values
        if self.maps is not None:
            self.maps.append(on_host(attention_weights(queries, keys, mask).array))
        y = F.scaled_dot_product_attention(queries, keys, values, mask, self.dropout if self.training else 0.0)
        return self.out_proj(F.swapaxes(y, 1, 2).reshape(y.shape[0], -1, self.width))

    def _projected(self, x: Tensor, part: int) -> Tensor:
        rows = slice(part * self.width, (part + 1) * self.width)
        y = F.linear(x, self.in_proj_weight[rows], self.in_proj_bias[rows])
        return F.swapaxes(y.reshape(*x.shape[:2], self.heads, -1), 1, 2)  # (N, T, width) -> (N, heads, T, d)

    def _turned(self, x: Tensor, start: int) -> Tensor:
        return x if self.rotary is None else self.rotary(x, start)


def attention_weights(queries: Tensor, keys: Tensor, mask: Tensor | None = None) -> Tensor:
    """P = softmax(Q Kᵀ / √d), row by row: (…, T, d), (…, S, d) -> (…, T, S); 0 where the mask is False."""
    scores = F.matmul(queries, F.swapaxes(keys, -1, -2)) * (1 / math.sqrt(queries.shape[-1]))
    return F.softmax(scores if mask is None else F.where(mask, scores, -math.inf), dim=-1)
