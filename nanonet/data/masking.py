"""Tasks that a text sets by itself: hidden tokens to be guessed, and pairs of texts that follow each other or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nanonet.data.wordpiece import CLS, MASK, PAD, SEP, SPECIAL

HIDDEN, REPLACED = 0.8, 0.1  # of the chosen tokens; the others stay as they are


class Masked(NamedTuple):
    """Tokens, some of them hidden.

    ids         (N, T) or (T,): at the chosen places [MASK], another token, or the right one
    at          (M,) the chosen places in the flattened ids, n·T + t
    targets     (M,) the tokens that were there
    """

    ids: np.ndarray
    at: np.ndarray
    targets: np.ndarray


def mask_tokens(ids: np.ndarray, vocab_size: int, rng: np.random.Generator, share: float = 0.15) -> Masked:
    """BERT's masked tokens:  ids (N, T) or (T,), of which `share` are chosen, at least one.

    Of the chosen, 80 % become [MASK], 10 % a token at random, 10 % stay; special tokens are never chosen. Source:
    Devlin et al. 2019, section 3.1. Raises ValueError for a share that is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ValueError(f"mask_tokens: expected share above 0 and below 1, got {share}")
    hidden = ids.flatten()
    candidates = np.flatnonzero(hidden >= len(SPECIAL))
    count = min(len(candidates), max(1, round(share * len(candidates))))
    at = np.sort(rng.choice(candidates, count, replace=False)) if count else candidates
    targets, fate = hidden[at], rng.random(count)
    hidden[at[fate < HIDDEN]] = MASK
    replaced = at[(fate >= HIDDEN) & (fate < HIDDEN + REPLACED)]
    hidden[replaced] = rng.integers(len(SPECIAL), vocab_size, len(replaced))
    return Masked(hidden.reshape(ids.shape), at, targets)


class Pair(NamedTuple):
    """Two texts' tokens, and 0 if the second follows the first, else 1, as in BERT."""

    first: np.ndarray
    second: np.ndarray
    label: int


def next_sentence(pair: Pair, others: Sequence[Pair], rng: np.random.Generator) -> Pair:
    """BERT's next sentence: one time in two, the second text is another's. Source: Devlin et al. 2019, section 3.1."""
    if rng.random() < 0.5:
        return pair
    return Pair(pair.first, others[int(rng.integers(len(others)))].second, 1)


def sentence_order(pair: Pair, rng: np.random.Generator) -> Pair:
    """ALBERT's order of sentences: one time in two, turned round. Source: Lan et al. 2020, section 3.1."""
    return pair if rng.random() < 0.5 else Pair(pair.second, pair.first, 1)


def joined(pair: Pair, length: int) -> tuple[np.ndarray, np.ndarray]:
    """(ids, kinds), both (T,): [CLS] first [SEP] second [SEP], with kind 1 from the second text on.

    The second text's end is cut off where there would be more than `length` tokens. Without tokens in the second:
    [CLS] first [SEP].
    """
    first = [CLS, *pair.first, SEP]
    second = [*pair.second[: length - len(first) - 1], SEP] if len(pair.second) else []
    return np.array(first + second), np.array([0] * len(first) + [1] * len(second))


def padded(rows: Sequence[np.ndarray], fill: int = PAD) -> np.ndarray:
    """Rows (T,) of different lengths beside each other: (N, T), filled up at their ends."""
    found = np.full((len(rows), max(map(len, rows))), fill, np.int64)
    for place, row in zip(found, rows, strict=True):
        place[: len(row)] = row
    return found


def cut_in_two(sentences: Sequence[np.ndarray], length: int, rng: np.random.Generator, shortest: int = 8) -> list[Pair]:
    """A document's sentences as pairs of neighbouring texts, each at most `length` tokens with [CLS] and both [SEP].

    As many whole sentences as fit go together; where one of them ends, drawn at random, the second text begins. What
    has fewer than `shortest` tokens is left out; what is one sentence is cut in its middle.
    """
    pairs = []
    for group in _groups(sentences, length - 3):
        tokens = np.concatenate(group)[: length - 3]
        ends = np.cumsum([len(sentence) for sentence in group[:-1]])
        ends = ends[ends < len(tokens)]
        if len(tokens) >= shortest:
            end = rng.choice(ends) if len(ends) else len(tokens) // 2
            pairs.append(Pair(tokens[:end], tokens[end:], 0))
    return pairs


def _groups(sentences: Sequence[np.ndarray], room: int) -> list[list[np.ndarray]]:
    groups: list[list[np.ndarray]] = []
    filled = room
    for sentence in sentences:
        if filled + len(sentence) > room:
            groups.append([])
            filled = 0
        groups[-1].append(sentence)
        filled += len(sentence)
    return groups
