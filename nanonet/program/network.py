"""The documents' network: fully connected layers with ReLU between them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.special import expit
from scipy.special import softmax as scipy_softmax

from nanonet import nn

LOSSES = {"binary": "bce_with_logits", "multiclass": "cross_entropy", "regression": "mse"}


def build(sizes: Sequence[int], dropout: float = 0.0) -> nn.Sequential:
    """Linear, ReLU, (Dropout,) …, Linear: sizes are those of the input, the hidden layers and the output.

    The last layer is linear. D0's sigmoid and D2's softmax are part of the loss, where they cannot overflow, and of
    `probabilities`. Weights start as nn.Linear's do: with inputs that are standardised, He's wider start was worse on
    small tables and no better on images.
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        if layers:
            layers += [nn.ReLU(), nn.Dropout(dropout)] if dropout else [nn.ReLU()]
        layers.append(nn.Linear(inputs, outputs))
    return nn.Sequential(*layers)


def probabilities(outputs: np.ndarray, task: str) -> np.ndarray:
    """Outputs (N, C) of the last layer as probabilities: sigmoid for two classes, softmax for more."""
    return expit(outputs) if task == "binary" else scipy_softmax(outputs, axis=1)
