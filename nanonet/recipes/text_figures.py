"""How well a language model predicts texts that it has not seen: bits per character, beside simple ways."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

import nanonet as nt
from nanonet import functional as F
from nanonet.data.tokenizer import CharTokenizer, Tokenizer
from nanonet.data.windows import stream, windows
from nanonet.device import on_host
from nanonet.models.gpt import GPT
from nanonet.recipes.text_baselines import lzma_bits, ngram_bits, uniform_bits

UNKNOWN_BITS = math.log2(0x110000)  # to name an unknown character: one out of all of Unicode


def bits_per_character(model: GPT, tokenizer: Tokenizer, texts: Sequence[str]) -> float:
    """-Σ log₂ p(token) of all texts and their ends, divided by the characters.

    Whatever the tokens are, this is the length of a code for the texts, so that models with different tokenizers can
    be compared. Each token is predicted once, from at least the n_positions / 2 tokens before it (the first window:
    from all there are). An unknown character costs log₂ 1,114,112 = 20 bits on top, for a code must name it.
    """
    tokens = stream(texts, tokenizer)
    bits = surprises(model, tokens).sum() + UNKNOWN_BITS * unknown(tokens, tokenizer)
    return float(bits / sum(len(text) for text in texts))


def sampled_bits(model: GPT, tokenizer: Tokenizer, texts: Sequence[str], count: int = 160) -> float:
    """`bits_per_character`, estimated from the later halves of `count` windows that lie evenly over the texts."""
    tokens = stream(texts, tokenizer)
    length = min(model.config.n_positions, len(tokens) - 1)
    starts = np.unique(np.linspace(0, len(tokens) - 1 - length, count).astype(np.int64))
    later = slice(length // 2, None)
    bits = np.concatenate([_bits(model, tokens, rows, length)[:, later].ravel() for rows in batches(starts)])
    chosen = (starts[:, None] + np.arange(length) + 1)[:, later]
    total = bits.mean() + UNKNOWN_BITS * unknown(tokens[chosen], tokenizer) / chosen.size
    return float(total * len(tokens) / sum(len(text) for text in texts))


def surprises(model: GPT, tokens: np.ndarray) -> np.ndarray:
    """-log₂ p of each token but the first, given those before it in its window: (T - 1,)."""
    length = min(model.config.n_positions, len(tokens) - 1)
    stride, last = length - length // 2, len(tokens) - 1 - length
    starts = np.append(np.arange(0, last, stride), last)
    news = np.append(0, starts[:-1] + length)  # the first place that no window before has predicted
    found = np.empty(len(tokens) - 1)
    for rows, new in zip(batches(starts), batches(news), strict=True):
        places = rows[:, None] + np.arange(length)
        fresh = places >= new[:, None]
        found[places[fresh]] = _bits(model, tokens, rows, length)[fresh]
    return found


def batches(values: np.ndarray, size: int = 32) -> list[np.ndarray]:
    """In pieces of up to `size`."""
    return [values[first : first + size] for first in range(0, len(values), size)]


def _bits(model: GPT, tokens: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """-log₂ p of the tokens that follow those of each window: (windows, length)."""
    ids, following = windows(tokens, starts, length)
    with nt.no_grad():
        log_p = on_host(F.log_softmax(model(nt.tensor(ids, device=model.wte.weight.device))).array)
    return -np.take_along_axis(log_p, following[..., None], -1)[..., 0] / math.log(2)


def unknown(tokens: np.ndarray, tokenizer: Tokenizer) -> int:
    """How many tokens stand for a character that the tokenizer does not know."""
    return int((tokens == tokenizer.unknown).sum()) if isinstance(tokenizer, CharTokenizer) else 0


def baselines(train: Sequence[str], test: Sequence[str], tokenizer: Tokenizer) -> dict[str, float]:
    """Bits per character of the test texts, for characters alike, counted singly and in fives, and for LZMA.

    All have learned from the training texts, with the same characters (those of the tokenizer, or of the texts).
    """
    chars = tokenizer if isinstance(tokenizer, CharTokenizer) else CharTokenizer.train(train)
    return dict(_baselines(tuple(train), tuple(test), chars.characters))


@lru_cache(maxsize=1)  # a recipe and its twin are judged beside the same ones
def _baselines(train: tuple[str, ...], test: tuple[str, ...], characters: str) -> dict[str, float]:
    chars = CharTokenizer(characters)
    learned, held_out = stream(train, chars), stream(test, chars)
    more = UNKNOWN_BITS * unknown(held_out, chars) / len(held_out)
    return {
        "uniform_bits": uniform_bits(chars.vocab_size) + more,
        "unigram_bits": ngram_bits(learned, held_out, chars.vocab_size, 1) + more,
        "ngram5_bits": ngram_bits(learned, held_out, chars.vocab_size, 5) + more,
        "lzma_bits": lzma_bits("".join(train), "".join(test)),
    }
