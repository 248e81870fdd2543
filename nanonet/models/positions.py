"""How a Transformer, which sees its tokens as a set, knows where each one stands: three encodings of positions."""

from __future__ import annotations

import numpy as np

from nanonet import functional as F
from nanonet.creation import tensor
from nanonet.nn import Module, init
from nanonet.nn.parameter import new_parameter
from nanonet.tensor import Tensor


class LearnedPositions(Module):
    """x_t + w_t, with a vector w_t for each place, learned like any weight.  x (N, T, D) -> (N, T, D).

    weight (length, D). Source: Gehring et al. 2017; BERT and GPT have it.
    """

    def __init__(self, length: int, width: int) -> None:
        super().__init__()
        self.weight = new_parameter(length, width)
        init.normal_(self.weight)

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        """`start`: where the first of the tokens stands."""
        return x + self.weight[start : start + x.shape[1]]


class SinusoidalPositions(Module):
    """x_t + p_t, with p_t of `sinusoidal`: nothing is learned.  x (N, T, D) -> (N, T, D)."""

    table: Tensor

    def __init__(self, length: int, width: int) -> None:
        super().__init__()
        self.register_buffer("table", tensor(sinusoidal(length, width)), persistent=False)

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        """`start`: where the first of the tokens stands."""
        return x + self.table[start : start + x.shape[1]].astype(x.dtype)


class Rotary(Module):
    """Queries and keys turned by an angle that grows with the place; in every attention, and nothing is added to x.

    Each pair of features is a point in the plane: (a, b) ← (a cos tω - b sin tω, a sin tω + b cos tω), with the
    frequencies ω of `frequencies`. A score q_s · k_t then depends on t - s only: both were turned, and a product of two
    vectors sees but the angle between them.  x (N, heads, T, d) -> (N, heads, T, d), d even.
    Source: Su et al. 2021, RoFormer, equation 34.
    """

    cos: Tensor
    sin: Tensor

    def __init__(self, length: int, width: int) -> None:
        super().__init__()
        angles = np.arange(length)[:, None] * frequencies(width)  # (length, d/2)
        for name, table in (("cos", np.cos(angles)), ("sin", np.sin(angles))):
            self.register_buffer(name, tensor(table), persistent=False)

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        """`start`: where the first of the tokens stands."""
        cos, sin = (table[start : start + x.shape[-2]].astype(x.dtype) for table in (self.cos, self.sin))
        a, b = x[..., 0::2], x[..., 1::2]
        return F.reshape(F.stack([a * cos - b * sin, a * sin + b * cos], axis=-1), x.shape)


def frequencies(width: int) -> np.ndarray:
    """ω_i = 10000^(-2i/width), i = 0 … width/2 - 1: from one radian for each place to nearly none."""
    return 10000.0 ** (-np.arange(0, width, 2) / width)


def sinusoidal(length: int, width: int) -> np.ndarray:
    """p[t, 2i] = sin(t ω_i), p[t, 2i + 1] = cos(t ω_i): (length, width), width even.

    p_{t+k} is p_t with each pair turned by k ω_i, so that a matrix which does not depend on t takes one to the other.
    Source: Vaswani et al. 2017, section 3.5.
    """
    angles = np.arange(length)[:, None] * frequencies(width)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, width)
