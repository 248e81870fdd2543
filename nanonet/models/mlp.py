"""The multi-layer perceptron of D0, D2 and D3; without a hidden layer, linear and logistic regression."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from nanonet import functional as F
from nanonet.models.config import Config
from nanonet.nn import Dropout, Linear, Module, ModuleList
from nanonet.tensor import Tensor


@dataclass(frozen=True)
class MLPConfig(Config):
    """The sizes of an MLP.

    inputs      numbers in a sample
    hidden      units of the hidden layers; none: a linear model
    outputs     classes; 1 for two classes, or for a number
    dropout     share of the hidden units left out in each step
    """

    inputs: int = 784
    hidden: tuple[int, ...] = (128, 64)
    outputs: int = 10
    dropout: float = 0.0

    def __post_init__(self) -> None:
        self.expect("inputs", self.inputs >= 1, "at least 1")
        self.expect("hidden", all(size >= 1 for size in self.hidden), "sizes of at least 1")
        self.expect("outputs", self.outputs >= 1, "at least 1")
        self.expect("dropout", 0 <= self.dropout < 1, "a share from 0 to below 1")


class MLP(Module):
    """Z = A Wᵀ + b, A ← max(0, Z) for every hidden layer; the last layer is linear.  x (N, inputs) -> (N, outputs).

    Its outputs are logits: softmax or sigmoid are part of the loss. Source: D0's forward pass; D2's programs.
    """

    def __init__(self, config: MLPConfig) -> None:
        super().__init__()
        self.config = config
        sizes = (config.inputs, *config.hidden, config.outputs)
        self.layers = ModuleList([Linear(m, n) for m, n in itertools.pairwise(sizes)])
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        *hidden, last = self.layers
        for layer in hidden:
            x = self.dropout(F.relu(layer(x)))
        return last(x)
