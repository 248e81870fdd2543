"""Attention with one head."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.teach.exercises.build import backward_exercise
from nanonet.teach.exercises.measure import Slip

NEVER = -1e9


def softmax(s: Any) -> Any:
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def scores(q: Any, k: Any, mask: Any) -> Any:
    return np.where(mask, q @ k.T / np.sqrt(q.shape[1]), NEVER)


def moved(held: Any, q: Any, k: Any, v: Any, weights: Any) -> Any:
    """The output with the gradient at the scores changed: weights(scores, what they were) replaces the softmax."""
    q0, k0, _, mask = held
    return weights(scores(q, k, mask), scores(q0, k0, mask)) @ v


def straight(s: Any, s0: Any) -> Any:
    """Weights whose slope is that of the identity."""
    return softmax(s0) + np.where(s0 > NEVER / 2, s - s0, 0)


def diagonal(s: Any, s0: Any) -> Any:
    """Weights in which each score moves its own weight only."""
    a = softmax(s0)
    return a + a * (1 - a) * np.where(s0 > NEVER / 2, s - s0, 0)


def first_term(s: Any, s0: Any) -> Any:
    """Weights without the path through the sum of the softmax."""
    a = softmax(s0)
    return a + a * np.where(s0 > NEVER / 2, s - s0, 0)


def across(s: Any, s0: Any) -> Any:
    """Weights whose gradient sums over the queries and not over the keys."""
    a, ds = softmax(s0), np.where(s0 > NEVER / 2, s - s0, 0)
    return a + a * (ds - (a * ds).sum(axis=0))


def causal(T: int) -> Any:
    return np.tri(T, dtype=bool)


def draw(T: int, S: int, D: int, E: int, mask: Any = None) -> Any:
    def cases(rng: np.random.Generator) -> tuple[Any, ...]:
        chosen = np.ones((T, S), bool) if mask is None else mask
        return rng.normal(size=(T, D)), rng.normal(size=(S, D)), rng.normal(size=(S, E)), chosen

    return cases


THROUGH_SOFTMAX = (
    "Through a softmax, row by row: each score moves all weights of its row, so the sum of da·a over the row is taken "
    "away from da before it is multiplied by a."
)
ATTENTION = backward_exercise(
    name="attention",
    title="Attention with a mask",
    topic="attention",
    level=5,
    statement=r"""
    One head: q (T, D), k (S, D), v (S, E), and a mask (T, S) of booleans that says which keys a query may see:

    s = q·kᵀ / √D, with -10⁹ where the mask is False;  a = softmax of each row of s;  y = a·v

    The cache is `(q, k, v, a)`. Write `backward(dy, cache)` and return `(dq, dk, dv)`.

    Walk back: dv and da from dy; ds from da through the softmax (see the exercise `softmax`); dq and dk from ds. Where
    the mask is False a is 0, and so is ds: nothing more is to be done for it.

    (The document D4 divides the exponentials entry by entry by themselves: that is wrong as written.)
    """,
    given="""
    def forward(q, k, v, mask):
        s = np.where(mask, q @ k.T / np.sqrt(q.shape[1]), -1e9)
        e = np.exp(s - s.max(axis=1, keepdims=True))
        a = e / e.sum(axis=1, keepdims=True)
        return a @ v, (q, k, v, a)
    """,
    stub='''
    def backward(dy, cache):
        """The gradients (dq, dk, dv): (T, D), (S, D) and (S, E); dy is (T, E), a (T, S)."""
        q, k, v, a = cache
    ''',
    cases=[
        ("ordinary inputs", draw(3, 4, 2, 3)),
        ("a causal mask", draw(3, 3, 2, 2, causal(3))),
        ("a single query", draw(1, 3, 3, 2)),
    ],
    rules={
        "q": "q meets k in the scores: dq = ds·k, with the 1/√D.",
        "k": "k meets q in the scores: dk = dsᵀ·q, with the 1/√D.",
        "v": "v is averaged with the weights a: dv = aᵀ·dy.",
    },
    rule="A product, a softmax along each row, and a product with a scale: one after the other, backwards.",
    cache=True,
    slips=[
        Slip(
            "missing-factor",
            "the 1/√D of the scores is missing on the way back",
            lambda held, q, k, v, mask: moved(held, q, k, v, lambda s, s0: softmax(s0 + (s - s0) * q.shape[1] ** 0.5)),
        ),
        Slip(
            "scale",
            "the scores are divided by D on the way back, and by √D in the forward",
            lambda held, q, k, v, mask: moved(held, q, k, v, lambda s, s0: softmax(s0 + (s - s0) / q.shape[1] ** 0.5)),
        ),
        Slip(
            "missing-factor",
            "the softmax is left out on the way back: da is used where ds belongs",
            lambda held, q, k, v, mask: moved(held, q, k, v, straight),
            THROUGH_SOFTMAX,
        ),
        Slip(
            "missing-coupling",
            "of the softmax only the diagonal is there, a·(1 - a): each score moves all weights of its row",
            lambda held, q, k, v, mask: moved(held, q, k, v, diagonal),
            THROUGH_SOFTMAX,
        ),
        Slip(
            "missing-term",
            "of the softmax only the first term is there, a·da: the sum over the row is missing",
            lambda held, q, k, v, mask: moved(held, q, k, v, first_term),
            THROUGH_SOFTMAX,
        ),
        Slip(
            "wrong-axis",
            "the softmax's sum runs over the queries; in the forward it runs over the keys of each query",
            lambda held, q, k, v, mask: moved(held, q, k, v, across),
            THROUGH_SOFTMAX,
        ),
    ],
)

EXERCISES = [ATTENTION]
