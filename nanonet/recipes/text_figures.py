"""How well a language model predicts texts that it has not seen: bits per character, beside simple ways."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

import nanonet as nt
from nanonet import functional as F
from nanonet.data.tokenizer import CharTokenizer, Tokenizer
from nanonet.data.windows import stream
from nanonet.models.gpt import GPT
from nanonet.recipes.text_baselines import lzma_bits, ngram_bits, uniform_bits

UNKNOWN_BITS = math.log2(0x110000)  # to name an unknown character: one out of all of Unicode


def bits_per_character(model: GPT, tokenizer: Tokenizer, texts: Sequence[str], batch_size: int = 32) -> float:
    """-Σ log₂ p(token) of all texts and their ends, divided by the characters.

    Whatever the tokens are, this is the length of a code for the texts, so that models with different tokenizers can
    be compared. Each token is predicted once, from at least the n_positions / 2 tokens before it (the first window:
    from all there are). An unknown character costs log₂ 1,114,112 = 20 bits on top, for a code must name it.
    """
    tokens = stream(texts, tokenizer)
    bits = surprises(model, tokens, batch_size).sum() + UNKNOWN_BITS * unknown(tokens, tokenizer)
    return float(bits / sum(len(text) for text in texts))


def surprises(model: GPT, tokens: np.ndarray, batch_size: int = 32) -> np.ndarray:
    """-log₂ p of each token but the first, given those before it in its window: (T - 1,)."""
    length = min(model.config.n_positions, len(tokens) - 1)
    stride = length - length // 2
    starts = np.unique(np.append(np.arange(0, len(tokens) - 1 - length, stride), len(tokens) - 1 - length))
    found = np.empty(len(tokens) - 1)
    for first in range(0, len(starts), batch_size):
        rows = starts[first : first + batch_size]
        places = rows[:, None] + np.arange(length)
        ids = tokens[places].astype(np.int64)
        with nt.no_grad():
            log_p = F.log_softmax(model(nt.tensor(ids, device=model.wte.weight.device))).numpy()
        chosen = np.take_along_axis(log_p, tokens[places + 1].astype(np.int64)[..., None], -1)[..., 0]
        for row, places_of_row, values in zip(rows, places, chosen, strict=True):
            new = 0 if row == 0 else length - stride  # the tokens before were predicted in the window before
            found[places_of_row[new:]] = -values[new:] / math.log(2)
    return found


def unknown(tokens: np.ndarray, tokenizer: Tokenizer) -> int:
    """How many tokens stand for a character that the tokenizer does not know."""
    return int((tokens == tokenizer.unknown).sum()) if isinstance(tokenizer, CharTokenizer) else 0


def baselines(train: Sequence[str], test: Sequence[str], tokenizer: Tokenizer) -> dict[str, float]:
    """Bits per character of the test texts, for characters alike, counted singly and in fives, and for LZMA.

    All have learned from the training texts, with the same characters (those of the tokenizer, or of the texts).
    """
    chars = tokenizer if isinstance(tokenizer, CharTokenizer) else CharTokenizer.train(train)
    learned, held_out = stream(train, chars), stream(test, chars)
    more = UNKNOWN_BITS * unknown(held_out, chars) / len(held_out)
    return {
        "uniform_bits": uniform_bits(chars.vocab_size) + more,
        "unigram_bits": ngram_bits(learned, held_out, chars.vocab_size, 1) + more,
        "ngram5_bits": ngram_bits(learned, held_out, chars.vocab_size, 5) + more,
        "lzma_bits": lzma_bits("".join(train), "".join(test)),
    }
