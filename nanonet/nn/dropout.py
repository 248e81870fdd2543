"""Dropout: in training, numbers or channels are set to zero at random and the rest scaled up."""

from __future__ import annotations

from nanonet import functional as F
from nanonet.nn.module import Module
from nanonet.tensor import Tensor


class Dropout(Module):
    """y = x ⊙ mask / (1 - p), where the mask is 0 with probability p; in evaluation y = x.

    `inplace` is accepted as PyTorch's argument; the result is always a new tensor. Source: Srivastava et al. 2014.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"{type(self).__name__}: expected p from 0 to 1, got {p}")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout2d(Dropout):
    """Dropout of whole channels: x (N, C, H, W). Source: Tompson et al. 2015."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training)
