"""Tasks that a text sets by itself: hidden tokens to be guessed, and pairs of texts that follow each other or not."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nanonet.data.wordpiece import CLS, MASK, PAD, SEP, SPECIAL

HIDDEN, REPLACED = 0.8, 0.1  # of the chosen tokens; the others stay as they are


class Masked(NamedTuple):
    """A batch with hidden tokens.

    ids         (N, T) with [MASK], other tokens, or the right one at the chosen places
    at          (M,) the chosen places, n·T + t
    targets     (M,) the tokens that were there
    """

    ids: np.ndarray
    at: np.ndarray
    targets: np.ndarray


def mask_tokens(ids: np.ndarray, vocab_size: int, rng: np.random.Generator, share: float = 0.15) -> Masked:
    """BERT's masked tokens:  ids (N, T) -> the batch with `share` of its tokens chosen.

    Of the chosen, 80 % become [MASK], 10 % a token at random, 10 % stay; special tokens are never chosen. At least one
    token is, if there is one. Source: Devlin et al. 2019, section 3.1; drawn anew for every batch, this is RoBERTa's
    dynamic masking (Liu et al. 2019, section 4.1). Raises ValueError for a share that is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ValueError(f"mask_tokens: expected share above 0 and below 1, got {share}")
    flat = ids.reshape(-1)
    candidates = np.flatnonzero(flat >= len(SPECIAL))
    count = min(len(candidates), max(1, round(share * len(candidates))))
    at = np.sort(rng.choice(candidates, count, replace=False)) if count else candidates
    fate = rng.random(count)
    hidden = flat.copy()
    hidden[at[fate < HIDDEN]] = MASK
    replaced = at[(fate >= HIDDEN) & (fate < HIDDEN + REPLACED)]
    hidden[replaced] = rng.integers(len(SPECIAL), vocab_size, len(replaced))
    return Masked(hidden.reshape(ids.shape), at, flat[at])


class Paired(NamedTuple):
    """A batch of pairs.

    ids     (N, T): [CLS] first [SEP] second [SEP], then padding
    kinds   (N, T): 0 in the first text, 1 in the second
    labels  (N,): 0 where the second follows the first, else 1, as in BERT
    """

    ids: np.ndarray
    kinds: np.ndarray
    labels: np.ndarray


def next_sentence_pairs(
    firsts: list[np.ndarray], seconds: list[np.ndarray], others: list[np.ndarray], rng: np.random.Generator
) -> Paired:
    """BERT's next sentences: half of the pairs have for their second text one drawn from `others`.

    firsts, seconds     tokens of N texts, and of what follows each
    others              tokens of texts from anywhere

    Source: Devlin et al. 2019, section 3.1.
    """
    labels = rng.integers(0, 2, len(firsts))
    drawn = rng.integers(0, len(others), len(firsts))
    return _joined(firsts, [others[j] if y else b for b, y, j in zip(seconds, labels, drawn, strict=True)], labels)


def sentence_order_pairs(firsts: list[np.ndarray], seconds: list[np.ndarray], rng: np.random.Generator) -> Paired:
    """ALBERT's sentence order: half of the pairs are turned round. Source: Lan et al. 2020, section 3.1."""
    labels = rng.integers(0, 2, len(firsts))
    pairs = [(b, a) if y else (a, b) for a, b, y in zip(firsts, seconds, labels, strict=True)]
    return _joined([a for a, _ in pairs], [b for _, b in pairs], labels)


def single_texts(texts: list[np.ndarray]) -> Paired:
    """[CLS] text [SEP]: RoBERTa has one text, and no second task."""
    ids = padded([np.concatenate([[CLS], text, [SEP]]) for text in texts])
    return Paired(ids, np.zeros_like(ids), np.zeros(len(texts), np.int64))


def _joined(firsts: list[np.ndarray], seconds: list[np.ndarray], labels: np.ndarray) -> Paired:
    ids = padded([np.concatenate([[CLS], a, [SEP], b, [SEP]]) for a, b in zip(firsts, seconds, strict=True)])
    begins = np.array([len(a) + 2 for a in firsts])[:, None]
    kinds = (np.arange(ids.shape[1]) >= begins) & (ids != PAD)
    return Paired(ids, kinds.astype(np.int64), labels.astype(np.int64))


def padded(rows: list[np.ndarray]) -> np.ndarray:
    """Rows of tokens beside each other, (N, T), filled to the longest with [PAD]."""
    ids = np.full((len(rows), max(map(len, rows))), PAD, np.int64)
    for place, row in zip(ids, rows, strict=True):
        place[: len(row)] = row
    return ids
