"""A bag of n-grams with a weight for each: the wide part that a deep network may have beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet import functional as F
from nanonet.creation import full, tensor
from nanonet.nn import Module, Parameter
from nanonet.tensor import Tensor


class NgramBag(Module):
    """y = s Σⱼ vⱼ rⱼ / √(n + 1), over the n numbers j of a text:  numbers (N, L), padded with 0 -> y (N,).

    ratio   (V,) r, the n-grams' log-count ratios, which are not learned; r₀ = 0

    v begins as 1 and s as 0.3, so that the bag is naive Bayes before it learns anything. Sources: Wang and Manning 2012
    for the features; Cheng et al. 2016, "Wide & deep learning", for the two parts side by side.
    """

    ratio: Tensor

    def __init__(self, ratio: Any) -> None:
        super().__init__()
        self.weight = Parameter(full((len(ratio), 1), 1.0))
        self.scale = Parameter(full((1,), 0.3))
        self.register_buffer("ratio", tensor(np.asarray(ratio, np.float32)[:, None]))

    def forward(self, numbers: Tensor) -> Tensor:
        terms = F.embedding(numbers, self.weight) * F.embedding(numbers, self.ratio)  # (N, L, 1)
        n = F.sum((numbers > 0).astype(terms.dtype), axis=1)
        return self.scale * F.sum(terms, axis=(1, 2)) / F.sqrt(n + 1)
