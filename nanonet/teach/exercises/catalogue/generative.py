"""The two steps of a variational autoencoder that have gradients of their own."""

from __future__ import annotations

import numpy as np

from nanonet.teach.exercises.build import backward_exercise, normal
from nanonet.teach.exercises.measure import Slip

REPARAMETRISATION = backward_exercise(
    name="reparametrisation",
    title="The VAE's sampling step",
    topic="generative models",
    level=3,
    statement=r"""
    In a variational autoencoder (VAE) a sample of N(mean, e^logvar) is written as a function of mean and logvar,
    with the chance outside:

    z = mean + exp(½ logvar) · ε, where ε ~ N(0, 1) is drawn beforehand and given. All are (N, D).

    Write `backward(dy, mean, logvar, eps)` and return `(dmean, dlogvar)`. Here dy = ∂L/∂z. ε needs no gradient.
    """,
    given="""
    def forward(mean, logvar, eps):
        return mean + np.exp(0.5 * logvar) * eps
    """,
    stub='''
    def backward(dy, mean, logvar, eps):
        """The gradients (dmean, dlogvar), in the shapes of mean and logvar."""
    ''',
    cases=[
        ("ordinary inputs", normal((3, 4), (3, 4), (3, 4))),
        ("small variances", lambda rng: tuple(rng.normal(size=(3, 2, 3)) - np.array([0, 3, 0])[:, None, None])),
        ("a batch of one", normal((1, 3), (1, 3), (1, 3))),
    ],
    rules={
        "mean": "mean is added: its slope is 1.",
        "logvar": "exp(½ logvar) has the slope ½ exp(½ logvar), and ε multiplies it.",
    },
    rule="With the chance held as a constant ε, z is an ordinary function of mean and logvar.",
    slips=[
        Slip(
            "missing-factor",
            "the ½, the inner factor of exp(½ v)",
            lambda held, mean, logvar, eps: 2 * np.exp(0.5 * logvar) * eps,
        ),
        Slip(
            "missing-factor",
            "ε, which multiplies exp(½ logvar)",
            lambda held, mean, logvar, eps: np.exp(0.5 * logvar),
        ),
        Slip(
            "scale",
            "the variance exp(logvar) stands in place of the standard deviation exp(½ logvar)",
            lambda held, mean, logvar, eps: 0.5 * np.exp(logvar) * eps,
        ),
        Slip(
            "missing-factor",
            "exp(½ logvar) itself: an exponential is in its own derivative",
            lambda held, mean, logvar, eps: 0.5 * logvar * eps,
        ),
        Slip(
            "extra-factor",
            "mean has the slope 1; the standard deviation is multiplied in",
            lambda held, mean, logvar, eps: mean * np.exp(0.5 * held[1]),
        ),
        Slip(
            "extra-factor",
            "mean has the slope 1; ε is multiplied in",
            lambda held, mean, logvar, eps: mean * eps,
        ),
    ],
)


def kl(mean: np.ndarray, logvar: np.ndarray) -> np.ndarray:
    return -0.5 * np.sum(1 + logvar - mean**2 - np.exp(logvar))


KL = backward_exercise(
    name="kl-divergence",
    title="The VAE's KL term",
    topic="generative models",
    level=3,
    statement=r"""
    In a variational autoencoder (VAE), the distance of N(mean, e^logvar) from the prior:

    KL = -½ Σ (1 + logvar - mean² - e^logvar), summed over all entries of mean and logvar, both (N, D).

    It is 0 where mean = 0 and logvar = 0 (the prior N(0, 1)), and positive elsewhere.

    Write `backward(dy, mean, logvar)` and return `(dmean, dlogvar)`. dy is a number.
    """,
    given="""
    def forward(mean, logvar):
        return -0.5 * np.sum(1 + logvar - mean**2 - np.exp(logvar))
    """,
    stub='''
    def backward(dy, mean, logvar):
        """The gradients (dmean, dlogvar), in the shapes of mean and logvar; dy is a number."""
    ''',
    cases=[
        ("ordinary inputs", normal((3, 4), (3, 4))),
        ("the prior itself (mean = logvar = 0)", lambda rng: (np.zeros((2, 2)), np.zeros((2, 2)))),
        ("a batch of one", normal((1, 3), (1, 3))),
    ],
    rules={
        "mean": "Only ½ mean² has mean in it: the 2 of the square and the ½ cancel.",
        "logvar": "Two terms: -½ logvar and ½ e^logvar. At the prior their slopes cancel.",
    },
    rule="Term by term; and at the minimum, the prior, every gradient is 0.",
    slips=[
        Slip("scale", "the -½ in front is missing", lambda held, mean, logvar: -2 * kl(mean, logvar)),
        Slip(
            "scale",
            "the ½ in front is missing",
            lambda held, mean, logvar: 2 * kl(mean, logvar),
        ),
        Slip(
            "missing-term",
            "the term -½ of the logvar itself is missing",
            lambda held, mean, logvar: 0.5 * np.sum(np.exp(logvar)),
        ),
        Slip(
            "missing-term",
            "the term of the exponential is missing",
            lambda held, mean, logvar: -0.5 * np.sum(logvar),
        ),
        Slip(
            "sign",
            "the two terms of logvar have the same sign; at the prior they must cancel",
            lambda held, mean, logvar: 0.5 * np.sum(np.exp(logvar) + logvar),
        ),
        Slip(
            "mean-for-sum",
            "it is divided by the number of entries, and KL is a sum",
            lambda held, mean, logvar: kl(mean, logvar) / mean.size,
        ),
        Slip(
            "mean-for-sum",
            "it is divided by the number of samples, and KL is a sum",
            lambda held, mean, logvar: kl(mean, logvar) / len(mean),
        ),
        Slip(
            "scale",
            "exp(½ logvar), the standard deviation, stands where the variance belongs",
            lambda held, mean, logvar: -0.5 * np.sum(logvar - 2 * np.exp(0.5 * logvar)),
        ),
    ],
)

EXERCISES = [REPARAMETRISATION, KL]
