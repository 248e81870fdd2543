"""A text as one long row of tokens, and windows of it to train on."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from nanonet.data.tokenizer import Tokenizer


def stream(texts: Iterable[str], tokenizer: Tokenizer) -> np.ndarray:
    """All texts' tokens in one row (T,) int32, the token `end` before each text and after the last."""
    end = np.array([tokenizer.end], np.int32)
    parts = [end]
    for text in texts:
        parts += [tokenizer.encode(text).astype(np.int32), end]
    return np.concatenate(parts)


def windows(tokens: np.ndarray, starts: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """x, y (N, length) int64: the tokens from each start on, and those one place further: what follows each."""
    places = starts.reshape(-1, 1) + np.arange(length + 1)
    found = tokens[places].astype(np.int64)
    return found[:, :-1], found[:, 1:]
