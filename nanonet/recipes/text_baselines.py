"""What a language model must beat: bits per character by counting, and by a compressor."""

from __future__ import annotations

import lzma
import math

import numpy as np


def uniform_bits(vocab_size: int) -> float:
    """log₂ V: each token as likely as any other."""
    return math.log2(vocab_size)


def ngram_bits(train: np.ndarray, test: np.ndarray, vocab_size: int, order: int) -> float:
    """-1/T Σ log₂ p(token | the `order - 1` tokens before it), over the tokens test (T,), learned from train.

    Counts of all orders are mixed after Witten and Bell: p_k(c | h) = (count(h c) + n(h) p_{k-1}(c | h')) /
    (count(h) + n(h)), where n(h) different tokens followed the context h, and h' is h without its first token; p_0 is
    uniform. order = 1 looks at single tokens. Source: Witten and Bell 1991, method C.
    """
    if vocab_size**order > 2**62:
        raise ValueError(f"ngram_bits: {vocab_size} tokens have too many {order}-grams to be numbered; lower the order")
    p = np.full(len(test), 1 / vocab_size)
    for n in range(1, order + 1):
        grams, counts = np.unique(_numbered(train, n, vocab_size), return_counts=True)
        contexts, first, kinds = np.unique(grams // vocab_size, return_index=True, return_counts=True)
        totals = np.add.reduceat(counts, first)
        sought = _numbered(test, n, vocab_size)  # of the tokens n-1, n, …: earlier ones have no such context
        count, _ = _looked_up(sought, grams, counts)
        total, place = _looked_up(sought // vocab_size, contexts, totals)
        different = np.where(total > 0, kinds[place], 0)
        mixed = (count + different * p[n - 1 :]) / np.maximum(total + different, 1)
        p[n - 1 :] = np.where(total > 0, mixed, p[n - 1 :])
    return float(-np.log2(p).mean())


def lzma_bits(train: str, test: str) -> float:
    """Bits per character of the test text for LZMA, which has read the training text before: its dictionary."""

    def size(text: str) -> int:
        filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 1 << 26}]
        return len(lzma.compress(text.encode("utf-8", "surrogatepass"), lzma.FORMAT_RAW, filters=filters))

    return 8 * (size(train + test) - size(train)) / len(test)


def _numbered(tokens: np.ndarray, n: int, vocab_size: int) -> np.ndarray:
    """Each run of n tokens as one number, its tokens the digits: (T - n + 1,) int64."""
    length = max(len(tokens) - n + 1, 0)
    total = np.zeros(length, np.int64)
    for i in range(n):
        total = total * vocab_size + tokens[i : i + length]
    return total


def _looked_up(sought: np.ndarray, keys: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The value of each sought key, 0 where there is none; and its place among the sorted keys."""
    place = np.minimum(np.searchsorted(keys, sought), len(keys) - 1)
    return np.where(keys[place] == sought, values[place], 0), place
