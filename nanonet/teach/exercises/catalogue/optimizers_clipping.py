"""Clipping gradients by their common norm."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.ops import update
from nanonet.teach.exercises.catalogue.optimizers import update_exercise
from nanonet.teach.exercises.values import ValueJudge, Variant


def clipped(grads: Any, limit: Any) -> tuple[Any, ...]:
    norm = update.total_norm(np, *grads, norm_type=2)
    return tuple(update.scale_to_norm(np, g, norm, max_norm=limit) for g in grads)


def clip_variant(kind: str, sentence: str, factor: Any) -> Variant:
    """factor(grads, limit) -> one factor for each gradient."""

    def clip(grads: Any, limit: Any) -> tuple[Any, ...]:
        return tuple(g * f for g, f in zip(grads, factor(grads, limit), strict=True))

    return Variant(kind, sentence, CLIP_RULE, clip)


def total(grads: Any) -> Any:
    return np.sqrt(sum(np.sum(g * g) for g in grads))


CLIP_RULE = (
    "All gradients are one long vector with one norm: where that is larger than the limit, all are multiplied by "
    "the same factor limit / norm, so that the direction stays. Else nothing changes."
)
CLIPPING = update_exercise(
    "gradient-clipping",
    "Clipping by the common norm",
    2,
    r"""
    `grads` is a list of two arrays. Their common norm is that of all entries as one long vector:

    norm = √(Σ g₁² + Σ g₂²)

    If norm > limit, multiply *every* gradient by limit / norm; else leave them as they are.

    Write `clip(grads, limit)` and return the two as a tuple or list of new arrays. (A tiny number in the denominator,
    as 1e-6, is fine.)
    """,
    '''
    def clip(grads, limit):
        """The two gradients, scaled so that their common norm is at most the limit."""
    ''',
    ValueJudge(
        name="clip",
        arguments=("grads", "limit"),
        results=("the first gradient", "the second gradient"),
        reference=clipped,
        cases=(
            ("gradients that are too long", lambda rng: ([rng.normal(size=(3, 2)), 2 * rng.normal(size=4)], 1.0)),
            ("short gradients", lambda rng: ([0.1 * rng.normal(size=(3, 2)), 0.1 * rng.normal(size=4)], 5.0)),
            ("one long, one short", lambda rng: ([3 * rng.normal(size=3), 0.1 * rng.normal(size=(2, 2))], 2.0)),
        ),
        variants=(
            clip_variant(
                "wrong-axis",
                "each gradient is clipped by its own norm",
                lambda gs, c: [min(1.0, c / np.sqrt(np.sum(g * g))) for g in gs],
            ),
            clip_variant(
                "mask",
                "short gradients are stretched to the limit",
                lambda gs, c: [c / total(gs)] * 2,
            ),
            clip_variant(
                "missing-factor",
                "the norm lacks its root",
                lambda gs, c: [min(1.0, c / total(gs) ** 2)] * 2,
            ),
            clip_variant(
                "missing-factor",
                "the limit is not in the factor: the gradients get the norm 1",
                lambda gs, c: [1 / total(gs) if total(gs) > c else 1.0] * 2,
            ),
            clip_variant(
                "overwritten",
                "the norm is that of the last gradient alone",
                lambda gs, c: [min(1.0, c / np.sqrt(np.sum(gs[-1] ** 2)))] * 2,
            ),
            clip_variant(
                "missing-term",
                "the norm adds up the entries, and not their squares",
                lambda gs, c: [min(1.0, c / sum(np.sum(np.abs(g)) for g in gs))] * 2,
            ),
            clip_variant(
                "wrong-axis",
                "the norms of the two are added; their squares must be",
                lambda gs, c: [min(1.0, c / sum(np.sqrt(np.sum(g * g)) for g in gs))] * 2,
            ),
            clip_variant(
                "flipped", "it is multiplied by norm / limit, the wrong way round", lambda gs, c: [total(gs) / c] * 2
            ),
            clip_variant("zero", "nothing is clipped", lambda gs, c: [1.0, 1.0]),
            Variant(
                "mask",
                "each entry is clipped by itself, which changes the direction",
                CLIP_RULE,
                lambda gs, c: tuple(np.clip(g, -c, c) for g in gs),
            ),
        ),
        rules={},
        rule=CLIP_RULE,
        close=1e-5,
    ),
)

EXERCISES = [CLIPPING]
