"""Losses: from predictions to one number, and the softmax on the way."""

from __future__ import annotations

import numpy as np

from nanonet.teach.exercises.build import backward_exercise, normal
from nanonet.teach.exercises.measure import Slip

SQUARED = backward_exercise(
    name="mean-squared-error",
    title="Mean squared error",
    topic="losses",
    level=2,
    statement=r"""
    L = mean((p - t)²) over all entries, with predictions p and targets t, both (N, D). L is one number.

    Write `backward(dy, p, t)` and return dp, in the shape of p. Here dy is a number: it is 1 where L is the final loss,
    and something else where L is one term of a larger one. t is data and needs no gradient.

    $$L = \frac1{N D} \sum_{nd} (p_{nd} - t_{nd})^2$$
    """,
    given="""
    def forward(p, t):
        return np.mean((p - t) ** 2)
    """,
    stub='''
    def backward(dy, p, t):
        """The gradient dp, in the shape of p; dy is a number."""
    ''',
    cases=[
        ("ordinary inputs", normal((3, 4), (3, 4))),
        ("a batch of one", normal((1, 3), (1, 3))),
        ("one column", normal((5, 1), (5, 1))),
    ],
    rules={"p": "The square has the slope 2·(p - t), and the mean divides by the number of all entries."},
    rule="Chain rule: mean, then square, then difference; one slope for each.",
    slips=[Slip("missing-term", "the target t is not subtracted", lambda held, p, t: np.mean(p**2))],
)

PENALTY = backward_exercise(
    name="l2-penalty",
    title="A loss with an L2 penalty",
    topic="losses",
    level=2,
    statement=r"""
    L = mean((x·w - t)²) + ½ λ Σ w², with x (N, D), w (D,), t (N,) and a number λ (`lam`).

    Write `backward(dy, x, w, t, lam)` and return dw, in the shape of w. Only w is trained. dy is a number.

    w has two paths to the loss: through the predictions, and through the penalty.
    """,
    given="""
    def forward(x, w, t, lam):
        return np.mean((x @ w - t) ** 2) + 0.5 * lam * np.sum(w**2)
    """,
    stub='''
    def backward(dy, x, w, t, lam):
        """The gradient dw, in the shape of w (D,); dy is a number."""
    ''',
    cases=[
        ("ordinary inputs", lambda rng: (*normal((5, 3), (3,), (5,))(rng), 0.7)),
        ("no penalty (lam = 0)", lambda rng: (*normal((4, 3), (3,), (4,))(rng), 0.0)),
        ("a batch of one", lambda rng: (*normal((1, 3), (3,), (1,))(rng), 0.3)),
    ],
    rules={"w": "Two terms: 2/N·xᵀ·(x·w - t) from the error (derive it), and the slope of ½ λ w² from the penalty."},
    rule="Sum of paths: the gradient of a sum of two losses is the sum of their gradients.",
    slips=[
        Slip(
            "missing-term",
            "the penalty is left out",
            lambda held, x, w, t, lam: np.mean((x @ w - t) ** 2),
        ),
        Slip(
            "scale",
            "the penalty counts twice: the 2 of the square and the ½ cancel",
            lambda held, x, w, t, lam: np.mean((x @ w - t) ** 2) + lam * np.sum(w**2),
        ),
        Slip(
            "scale",
            "the penalty counts half: the 2 of the square and the ½ cancel",
            lambda held, x, w, t, lam: np.mean((x @ w - t) ** 2) + 0.25 * lam * np.sum(w**2),
        ),
        Slip(
            "scale",
            "the 2 of the squared error is missing",
            lambda held, x, w, t, lam: np.mean((x @ w - t) ** 2) / 2 + 0.5 * lam * np.sum(w**2),
        ),
        Slip(
            "sign",
            "the penalty is subtracted: it would make the weights grow",
            lambda held, x, w, t, lam: np.mean((x @ w - t) ** 2) - 0.5 * lam * np.sum(w**2),
        ),
        Slip(
            "sum-for-mean",
            "the errors of the samples are summed, where the loss takes their mean",
            lambda held, x, w, t, lam: np.sum((x @ w - t) ** 2) + 0.5 * lam * np.sum(w**2),
        ),
        Slip(
            "mean-for-sum",
            "the penalty is divided by the number of samples, too; it belongs to the weights and not to the batch",
            lambda held, x, w, t, lam: np.mean((x @ w - t) ** 2) + 0.5 * lam * np.sum(w**2) / len(x),
        ),
        Slip(
            "missing-factor",
            "the penalty's gradient is a constant, as that of Σ w; the slope of ½ w² is w",
            lambda held, x, w, t, lam: np.mean((x @ w - t) ** 2) + lam * np.sum(w),
        ),
    ],
)

EXERCISES = [SQUARED, PENALTY]
