"""What counting alone reaches: the bits per token of unigrams and bigrams, beside which a network's are judged."""

from __future__ import annotations

import numpy as np


def unigram_bits(train: np.ndarray, test: np.ndarray, vocabulary: int) -> float:
    """The mean of -log₂ P(token), with P counted in `train`; each token is counted once more, so that none is 0."""
    counts = np.bincount(train, minlength=vocabulary) + 1.0
    return float(-np.log2(counts / counts.sum())[test[1:]].mean())


def bigram_bits(train: np.ndarray, test: np.ndarray, vocabulary: int) -> float:
    """The mean of -log₂ P(token | the one before), counted likewise."""
    pairs = np.bincount(train[:-1] * vocabulary + train[1:], minlength=vocabulary**2) + 0.1
    table = pairs.reshape(vocabulary, vocabulary)
    p = table / table.sum(1, keepdims=True)
    return float(-np.log2(p[test[:-1], test[1:]]).mean())
