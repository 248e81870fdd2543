"""Pairs of neighbouring tokens, numbered: what a bag of n-grams knows and single characters do not."""

from __future__ import annotations

import json
from typing import Self

import numpy as np

BASE = 2**32


class TokenPairs:
    """Number of each token's pair with the one before it:  ids (N, T) -> (N, T); 0 for a rare pair.

    known   (K, 2), the pairs with the numbers 1 … K
    """

    def __init__(self, known: np.ndarray) -> None:
        self.known = np.asarray(known, np.int64).reshape(-1, 2)
        keys = self.known[:, 0] * BASE + self.known[:, 1]
        self._order = np.argsort(keys, kind="stable")
        self._sorted = keys[self._order]

    @classmethod
    def train(cls, texts: list[np.ndarray], most: int = 16384, at_least: int = 3, special: int = 5) -> Self:
        """The most frequent pairs of the texts' tokens (T,), those that occur `at_least` times; special ones in none.

        With 0 among them, there are at most `most` numbers.
        """
        keys = np.concatenate([np.zeros(0, np.int64), *(_keys(text[None])[0, 1:] for text in texts)])
        keys = keys[(keys // BASE >= special) & (keys % BASE >= special)]
        found, counts = np.unique(keys, return_counts=True)
        found, counts = found[counts >= at_least], counts[counts >= at_least]
        found = found[np.argsort(-counts, kind="stable")][: max(most - 1, 0)]
        return cls(np.stack([found // BASE, found % BASE], axis=1))

    def __len__(self) -> int:
        """Numbers that there are, 0 among them."""
        return len(self.known) + 1

    def __call__(self, ids: np.ndarray) -> np.ndarray:
        if not len(self.known):
            return np.zeros_like(ids)
        keys = _keys(ids)
        place = np.minimum(np.searchsorted(self._sorted, keys), len(self._sorted) - 1)
        return np.where(self._sorted[place] == keys, self._order[place] + 1, 0)

    def to_json(self) -> str:
        return json.dumps(self.known.tolist())

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(np.array(json.loads(text)))


def _keys(ids: np.ndarray) -> np.ndarray:
    """One number for each pair, -1 for the first token, which has none before it."""
    keys = np.full(ids.shape, -1, np.int64)
    keys[:, 1:] = ids[:, :-1] * BASE + ids[:, 1:]
    return keys
