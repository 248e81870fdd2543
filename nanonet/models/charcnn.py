"""A convolutional network that reads a text character by character (D2)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nanonet import functional as F
from nanonet.models.config import Config
from nanonet.nn import Conv1d, Dropout, Embedding, Linear, Module, ModuleList
from nanonet.tensor import Tensor

ALPHABET = "\n" + "".join(map(chr, range(32, 127)))  # tokens 2, 3, …; 0 is "beyond the end", 1 any other character


@dataclass(frozen=True)
class CharCNNConfig(Config):
    """The sizes of a character-level convolutional network.

    embedding   numbers that stand for a character
    channels    of each convolution
    kernel      characters that a convolution sees at once, an odd number
    pool        each convolution is followed by a maximum over so many places
    hidden      units of the dense layer
    dropout     share of the units left out in each step, before and after that layer
    outputs     classes
    """

    embedding: int = 16
    channels: tuple[int, ...] = (64, 128, 128)
    kernel: int = 5
    pool: int = 2
    hidden: int = 128
    dropout: float = 0.3
    outputs: int = 10

    def __post_init__(self) -> None:
        self.expect("embedding", self.embedding >= 1, "at least 1")
        self.expect("channels", bool(self.channels) and min(self.channels) >= 1, "one number or more of at least 1")
        self.expect("kernel", self.kernel >= 1 and self.kernel % 2 == 1, "an odd number")
        self.expect("pool", self.pool >= 1, "at least 1")
        self.expect("hidden", self.hidden >= 1, "at least 1")
        self.expect("dropout", 0 <= self.dropout < 1, "a share from 0 to below 1")
        self.expect("outputs", self.outputs >= 2, "at least 2")

    @property
    def shortest(self) -> int:
        """Tokens that a text needs at least: one place must be left after the last pooling."""
        return self.pool ** len(self.channels)


class CharCNN(Module):
    """Characters as vectors; several times convolution, ReLU, max pooling; the maximum over the text; two dense layers.

    tokens (N, T) -> logits (N, outputs), for any T of at least `config.shortest`. Source: Zhang, Zhao, LeCun 2015,
    smaller, with an embedding for their one-hot characters (a first layer without a kernel) and a global maximum for
    their fixed length.
    """

    def __init__(self, config: CharCNNConfig) -> None:
        super().__init__()
        self.config = config
        sizes = (config.embedding, *config.channels)
        self.embedding = Embedding(len(ALPHABET) + 2, config.embedding, padding_idx=0)
        self.convolutions = ModuleList(
            [Conv1d(m, n, config.kernel, padding=config.kernel // 2) for m, n in itertools.pairwise(sizes)]
        )
        self.dense = Linear(sizes[-1], config.hidden)
        self.dropout = Dropout(config.dropout)
        self.output = Linear(config.hidden, config.outputs)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens).swapaxes(1, 2)  # (N, T, E) -> (N, E, T)
        for convolution in self.convolutions:
            x = F.max_pool1d(F.relu(convolution(x)), self.config.pool)  # (N, C, T) -> (N, C', T / pool)
        x = self.dropout(x.max(2))  # (N, C): has it been seen anywhere?
        return self.output(self.dropout(F.relu(self.dense(x))))


TOKENS = {character: i for i, character in enumerate(ALPHABET, 2)}


def encode(texts: Sequence[str], length: int) -> np.ndarray:
    """The texts' characters as tokens (N, length) int64: cut, or filled up with 0."""
    found = np.zeros((len(texts), length), np.int64)
    for row, text in zip(found, texts, strict=True):
        tokens = [TOKENS.get(character, 1) for character in text[:length]]
        row[: len(tokens)] = tokens
    return found
