"""Text from a language model: drawing with temperature, top-k and top-p, and beam search.

The model is a function `predict(ids, rows) -> logits`: tokens ids (N, T) -> (N, V), arrays. Row i of ids is row rows[i]
of the call before with one more token; a model that keeps what it has computed (`nanonet.models.gpt.Reader`) needs
that, others ignore it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Predict = Callable[[np.ndarray, np.ndarray | None], np.ndarray]


def sample(
    predict: Predict,
    ids: np.ndarray,
    length: int,
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    stop: int | None = None,
    seed: int | np.random.Generator = 0,
) -> np.ndarray:
    """`ids` (N, T) with `length` further tokens each (fewer where all have stopped): (N, T + length).

    A row that has drawn `stop` goes on with it to the end. For the other arguments see `probabilities`.
    Raises ValueError for values out of range, and for no tokens to begin with.
    """
    ids = checked_ids(ids, 2)
    rng = np.random.default_rng(seed)
    stopped = np.zeros(len(ids), bool)
    for _ in range(length):
        p = probabilities(predict(ids, None), temperature, top_k, top_p)
        token = draw(p, rng)
        if stop is not None:
            token = np.where(stopped, stop, token)
            stopped |= token == stop
        ids = np.concatenate([ids, token[:, None]], axis=1)
        if stopped.all():
            break
    return ids


def probabilities(logits: np.ndarray, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> np.ndarray:
    """softmax(logits / temperature), without the tokens that top_k and top_p leave out: (N, V) -> (N, V).

    temperature   0: all on the likeliest token (the first of equals); 1: as the model says; above: more even
    top_k         only the k likeliest tokens keep their probability; 0: all
    top_p         only the likeliest tokens that together have at least this probability: as few as possible. Taken
                  after top_k, of what that has left
    What is kept is scaled to a sum of 1. Of equally likely tokens the first ones are kept.
    """
    if not 0 <= temperature < np.inf or top_k < 0 or not 0 < top_p <= 1:
        raise ValueError(
            "generate: expected temperature ≥ 0, top_k ≥ 0 and top_p above 0, at most 1; "
            f"got {temperature}, {top_k}, {top_p}"
        )
    if temperature == 0:
        return np.eye(logits.shape[-1])[logits.argmax(-1)]
    p = softmax(logits.astype(np.float64) / temperature)
    if top_k:
        p = kept(p, rank(p) < top_k)
    if top_p < 1:
        order = np.argsort(-p, axis=-1, kind="stable")
        before = np.cumsum(np.take_along_axis(p, order, -1), -1) - np.take_along_axis(p, order, -1)
        p = kept(p, np.take_along_axis(before, rank(p), -1) < top_p)
    return p


def draw(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A token for each row of probabilities p (N, V): where the running sum passes a number drawn from [0, 1)."""
    total = np.cumsum(p, axis=-1)
    u = rng.random((len(p), 1)) * total[:, -1:]  # the sum is 1 up to rounding
    return (total <= u).sum(-1)


@dataclass(frozen=True)
class Beam:
    """A text that beam search has found: its tokens (T,), Σ log p of the new ones, and the score that ranks it."""

    ids: np.ndarray
    log_p: float
    score: float


def beam_search(
    predict: Predict, ids: np.ndarray, length: int, *, beams: int = 4, alpha: float = 1.0, stop: int | None = None
) -> list[Beam]:
    """The best continuations of one text ids (T,) by up to `length` tokens, the best first; at most `beams`.

    score = Σ log p(token) / n^alpha for n new tokens (`stop` included): with alpha = 0 the probability alone, which
    favours short texts; with 1 the mean. In each step the `beams` likeliest beginnings are kept; those that end with
    `stop` leave the search and wait for the ranking. The search is over where no beginning can overtake those.
    Source: Wu et al. 2016, section 7 (whose penalty has (5 + n) / 6 for n).
    """
    start = checked_ids(ids, 1)
    if beams < 1 or length < 1 or not alpha >= 0:
        raise ValueError(f"beam_search: expected beams ≥ 1, length ≥ 1, alpha ≥ 0; got {beams}, {length}, {alpha}")
    alive, log_p, rows = start[None], np.zeros(1), None
    finished: list[Beam] = []
    for n in range(1, length + 1):
        every = log_p[:, None] + log_softmax(predict(alive, rows))  # (beams alive, V)
        best = np.argsort(-every, axis=None, kind="stable")[:beams]
        rows, token = np.unravel_index(best, every.shape)
        log_p = every[rows, token]
        alive = np.concatenate([alive[rows], token[:, None]], axis=1)
        ended = (token == stop) if stop is not None and n < length else np.full(len(token), n == length)
        finished += [Beam(alive[i], float(log_p[i]), float(log_p[i]) / n**alpha) for i in np.flatnonzero(ended)]
        finished = sorted(finished, key=lambda beam: -beam.score)[:beams]
        alive, log_p, rows = alive[~ended], log_p[~ended], rows[~ended]
        if not len(alive):
            break
        if len(finished) == beams and finished[-1].score >= log_p.max() / length**alpha:
            break  # log p only falls, so this is the most that any beginning can still reach
    return finished


def softmax(x: np.ndarray) -> np.ndarray:
    """Of each row."""
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def log_softmax(x: np.ndarray) -> np.ndarray:
    """Of each row."""
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def rank(p: np.ndarray) -> np.ndarray:
    """0 for each row's largest, 1 for the next, …; the first of equals comes first."""
    order = np.argsort(-p, axis=-1, kind="stable")
    return np.argsort(order, axis=-1, kind="stable")


def kept(p: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """p where `keep`, scaled to a sum of 1; 0 elsewhere."""
    p = np.where(keep, p, 0.0)
    return p / p.sum(-1, keepdims=True)


def checked_ids(ids: np.ndarray, axes: int) -> np.ndarray:
    ids = np.asarray(ids, np.int64)
    if ids.ndim != axes or not ids.shape[-1]:
        shape = "(N, T)" if axes == 2 else "(T,)"
        raise ValueError(f"generate: expected tokens {shape} with T of at least 1 to begin with, got {ids.shape}")
    return ids
