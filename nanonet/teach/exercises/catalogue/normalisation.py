"""Normalisations: layer norm, batch norm, RMS norm. Their statistics move with the input."""

from __future__ import annotations

import numpy as np

from nanonet.teach.exercises.build import backward_exercise, normal
from nanonet.teach.exercises.measure import Slip

EPS = 1e-5


def normalised(x: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    return (x - mean) / np.sqrt(variance + EPS)


def standard(x: np.ndarray, axis: int) -> np.ndarray:
    return normalised(x, x.mean(axis, keepdims=True), x.var(axis, keepdims=True))


def norm_slips(axis: int, along: str, across: str) -> list[Slip]:
    """Of layer norm (axis 1) and batch norm (axis 0)."""

    def of(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return x.mean(axis, keepdims=True), x.var(axis, keepdims=True)

    return [
        Slip(
            "missing-term",
            "mean and variance are held fixed: only the direct path from x to y is there, of three",
            lambda held, x, g, b: normalised(x, *of(held[0])) * g + b,
        ),
        Slip(
            "missing-term",
            "the path through the variance is missing: it is held fixed",
            lambda held, x, g, b: normalised(x, of(x)[0], of(held[0])[1]) * g + b,
        ),
        Slip(
            "missing-term",
            "the path through the mean is missing: it is held fixed",
            lambda held, x, g, b: (
                normalised(x, of(held[0])[0], ((x - of(held[0])[0]) ** 2).mean(axis, keepdims=True)) * g + b
            ),
        ),
        Slip(
            "missing-factor",
            "gamma is not in dx: the gradient at the normalised x is dy times gamma",
            lambda held, x, g, b: standard(x, axis) + b,
        ),
        Slip(
            "wrong-axis",
            f"the means of the backward are taken {across}, where the forward normalises {along}",
            lambda held, x, g, b: crossed(held[0], x, axis) * g,
        ),
        Slip(
            "input-for-output",
            "x stands where the normalised x belongs",
            lambda held, x, g, b: held[0] * g + b,
        ),
        Slip(
            "missing-factor",
            "the division by the standard deviation is missing",
            lambda held, x, g, b: standard(x, axis) * np.sqrt(of(held[0])[1] + EPS) * g + b,
        ),
        Slip(
            "sum-for-mean",
            f"the statistics are means {along}, so the gradients that come back through them are means, too",
            lambda held, x, g, b: summed(held[0], x, axis) * g,
        ),
        Slip(
            "sign",
            "the path through the variance has the wrong sign",
            lambda held, x, g, b: (2 * normalised(x, of(x)[0], of(held[0])[1]) - standard(x, axis)) * g,
        ),
    ]


def crossed(held: np.ndarray, x: np.ndarray, axis: int) -> np.ndarray:
    """Its gradient is the formula of the backward with the means along the other axis."""
    n, s = standard(held, axis), np.sqrt(held.var(axis, keepdims=True) + EPS)
    move, other = x / s, 1 - axis
    return move - move.mean(other, keepdims=True) - spread(n, move, other)


def summed(held: np.ndarray, x: np.ndarray, axis: int) -> np.ndarray:
    """Its gradient is the formula of the backward with sums for means."""
    n, s = standard(held, axis), np.sqrt(held.var(axis, keepdims=True) + EPS)
    move = x / s
    return move - move.sum(axis, keepdims=True) - n * (n * move).sum(axis, keepdims=True)


def spread(n: np.ndarray, move: np.ndarray, axis: int) -> np.ndarray:
    return n * (n * move).mean(axis, keepdims=True)


LAYER = backward_exercise(
    name="layer-norm",
    title="Layer normalisation",
    topic="normalisation",
    level=4,
    statement=r"""
    Each row of x (N, D) is normalised by its own mean and variance; g and b (D,) scale and shift:

    n = (x - mean) / s,  s = √(var + ε),  y = n·g + b

    The cache is `(n, s, g)`. Write `backward(dy, cache)` and return `(dx, dg, db)`.

    x reaches y on three paths: directly, through the mean of its row, and through the variance of its row. With
    dn = dy·g the three come together in a short form, in which means over the row of dn and of dn·n are subtracted.
    """,
    given="""
    def forward(x, g, b, eps=1e-5):
        s = np.sqrt(x.var(axis=1, keepdims=True) + eps)
        n = (x - x.mean(axis=1, keepdims=True)) / s
        return n * g + b, (n, s, g)
    """,
    stub='''
    def backward(dy, cache):
        """The gradients (dx, dg, db), in the shapes (N, D), (D,) and (D,); n is (N, D), s (N, 1)."""
        n, s, g = cache
    ''',
    cases=[
        ("ordinary inputs", normal((4, 3), (3,), (3,))),
        ("as many rows as columns", normal((3, 3), (3,), (3,))),
        ("a batch of one", normal((1, 4), (4,), (4,))),
    ],
    rules={
        "x": "Three paths: dn/s directly; through the mean, which takes away the row's mean of dn; through the "
        "variance, which takes away n times the row's mean of dn·n.",
        "g": "g[d] multiplies n[n, d] in every row: sum dy·n over the batch.",
        "b": "b was stretched along the batch axis: sum dy over it.",
    },
    rule="Sum of paths: direct, through the mean, and through the variance of the same row.",
    cache=True,
    slips=norm_slips(1, "along the row", "along the batch"),
)

BATCH = backward_exercise(
    name="batch-norm",
    title="Batch normalisation",
    topic="normalisation",
    level=4,
    statement=r"""
    Each column of x (N, D) is normalised by its mean and variance over the batch; g and b (D,) scale and shift:

    n = (x - mean) / s,  s = √(var + ε),  y = n·g + b

    The cache is `(n, s, g)`. Write `backward(dy, cache)` and return `(dx, dg, db)`.

    The samples of a batch are no longer independent: x[0] moves the mean and the variance, and so the y of every other
    sample. The paths are three: direct, through the mean, and through the variance.
    """,
    given="""
    def forward(x, g, b, eps=1e-5):
        s = np.sqrt(x.var(axis=0) + eps)
        n = (x - x.mean(axis=0)) / s
        return n * g + b, (n, s, g)
    """,
    stub='''
    def backward(dy, cache):
        """The gradients (dx, dg, db), in the shapes (N, D), (D,) and (D,); n is (N, D), s (D,)."""
        n, s, g = cache
    ''',
    cases=[
        ("ordinary inputs", normal((4, 3), (3,), (3,))),
        ("as many rows as columns", normal((3, 3), (3,), (3,))),
        ("two samples far apart", lambda rng: (3 * rng.normal(size=(2, 2)), *normal((2,), (2,))(rng))),
    ],
    rules={
        "x": "Three paths: dn/s directly; through the mean, which takes away the batch's mean of dn; through the "
        "variance, which takes away n times the batch's mean of dn·n.",
        "g": "g[d] multiplies n[n, d] in every row: sum dy·n over the batch.",
        "b": "b was stretched along the batch axis: sum dy over it.",
    },
    rule="Sum of paths: direct, through the mean, and through the variance of the batch.",
    cache=True,
    slips=norm_slips(0, "along the batch", "along the row"),
)


def rms(x: np.ndarray, axis: int = 1) -> np.ndarray:
    return np.sqrt((x**2).mean(axis, keepdims=True) + EPS)


RMS = backward_exercise(
    name="rms-norm",
    title="RMS normalisation",
    topic="normalisation",
    level=3,
    statement=r"""
    Each row of x (N, D) is divided by its root mean square; g (D,) scales:

    r = √(mean(x²) + ε),  y = x / r · g

    Write `backward(dy, x, g)` and return `(dx, dg)`. x reaches y on two paths: directly, and through r.
    """,
    given="""
    def forward(x, g, eps=1e-5):
        r = np.sqrt((x**2).mean(axis=1, keepdims=True) + eps)
        return x / r * g
    """,
    stub='''
    def backward(dy, x, g, eps=1e-5):
        """The gradients (dx, dg), in the shapes (N, D) and (D,)."""
    ''',
    cases=[
        ("ordinary inputs", normal((5, 4), (4,))),
        ("as many rows as columns", normal((3, 3), (3,))),
        ("a batch of one", normal((1, 4), (4,))),
    ],
    rules={
        "x": "Two paths: dn/r directly, with dn = dy·g; and through r, whose slope is x/(D·r), with the whole row's "
        "dn·x in front of it.",
        "g": "g[d] multiplies x/r in every row: sum dy·x/r over the batch.",
    },
    rule="Quotient rule: the denominator moves, too, and it moves the whole row.",
    slips=[
        Slip("missing-term", "r is held fixed: the path through r is missing", lambda held, x, g: x / rms(held[0]) * g),
        Slip("missing-factor", "g is not in dx: the gradient at x/r is dy times g", lambda held, x, g: x / rms(x)),
        Slip(
            "sign",
            "the path through r has the wrong sign: r divides, so a larger r makes y smaller",
            lambda held, x, g: (2 * x / rms(held[0]) - x / rms(x)) * g,
        ),
        Slip(
            "sum-for-mean",
            "a sum over the row stands where the mean belongs: r has a mean of squares",
            lambda held, x, g: (x / rms(held[0]) + (held[0] / rms(x) - held[0] / rms(held[0])) * x.shape[1]) * g,
        ),
        Slip(
            "missing-coupling",
            "the path through r reaches only the entry itself, and not the whole row",
            lambda held, x, g: (x / rms(held[0]) - held[0] ** 2 * x / rms(held[0]) ** 3 / x.shape[1]) * g,
        ),
        Slip("input-for-output", "x stands where x/r belongs", lambda held, x, g: held[0] * g),
        Slip(
            "missing-factor",
            "a power of r is missing in the path through r: the slope of 1/r is -1/r²",
            lambda held, x, g: (x / rms(held[0]) + (held[0] / rms(x) - held[0] / rms(held[0])) * rms(held[0])) * g,
        ),
    ],
)

EXERCISES = [RMS, LAYER, BATCH]
