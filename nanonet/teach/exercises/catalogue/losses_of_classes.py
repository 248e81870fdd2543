"""From scores to probabilities to a loss: softmax, its logarithm, and the two cross-entropies."""

from __future__ import annotations

import numpy as np

from nanonet.teach.exercises.build import backward_exercise, normal
from nanonet.teach.exercises.measure import Slip

SOFTMAX = backward_exercise(
    name="softmax",
    title="Softmax",
    topic="losses",
    level=3,
    statement=r"""
    y = softmax(x) along the last axis, with x (N, K): each row of y is positive and sums to 1.

    Write `backward(dy, x)` and return dx, in the shape of x.

    $$y_k = \frac{e^{x_k}}{\sum_j e^{x_j}} \qquad
    \frac{\partial y_k}{\partial x_i} = y_k\,(\delta_{ki} - y_i)$$

    Every x in a row moves every y in it, through the sum. The Jacobian of a row is K × K, but no such matrix is needed:
    multiply it by dy on paper, and two short terms remain.
    """,
    given="""
    def forward(x):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)
    """,
    stub='''
    def backward(dy, x):
        """The gradient dx, in the shape of x (N, K)."""
    ''',
    cases=[
        ("ordinary inputs", normal((3, 4))),
        ("as many rows as columns", normal((4, 4))),
        ("a batch of one", normal((1, 3))),
    ],
    rules={
        "x": "x[i] moves y[i] directly and all y of its row through the sum: dx[i] = y[i]·(dy[i] - something common)."
    },
    rule="Sum over outputs: where each input moves all outputs of a row, its gradient has a term for each of them.",
)

LOG_SOFTMAX = backward_exercise(
    name="log-softmax",
    title="Log-softmax",
    topic="losses",
    level=3,
    statement=r"""
    y = log softmax(x) along the last axis, with x (N, K).

    Write `backward(dy, x)` and return dx, in the shape of x.

    $$y_k = x_k - \log \sum_j e^{x_j}$$

    The first term hands dy on as it is. The second is the same for all k of a row, so its gradient sums dy over the
    row. The slope of log Σ exp is a softmax.
    """,
    given="""
    def forward(x):
        top = x.max(axis=-1, keepdims=True)
        return x - top - np.log(np.exp(x - top).sum(axis=-1, keepdims=True))
    """,
    stub='''
    def backward(dy, x):
        """The gradient dx, in the shape of x (N, K)."""
    ''',
    cases=[
        ("ordinary inputs", normal((3, 4))),
        ("as many rows as columns", normal((4, 4))),
        ("a batch of one", normal((1, 3))),
    ],
    rules={
        "x": "Two paths: x[k] itself, and log Σ exp x, which is in every y of the row and has the slope softmax(x)."
    },
    rule="Sum of paths: the direct one, and the one through the sum of the row.",
    slips=[
        Slip(
            "missing-coupling",
            "softmax(x) is multiplied by dy place by place; the path through the sum collects dy from the whole row",
            lambda held, x: (1 - softmax(held[0])) * x,
        ),
        Slip(
            "mean-for-sum",
            "dy is averaged over the row; all of it comes back through the sum",
            lambda held, x: x - (softmax(held[0]) * x).sum(-1, keepdims=True) / x.shape[-1],
        ),
        Slip(
            "wrong-axis",
            "dy is summed over the batch, where the forward sums over the row",
            lambda held, x: x - (softmax(held[0]) * x).sum(0, keepdims=True),
        ),
        Slip(
            "sign",
            "the second term is added; the forward subtracts the logarithm, so its gradient is subtracted, too",
            lambda held, x: x + (softmax(held[0]) * x).sum(-1, keepdims=True),
        ),
        Slip(
            "input-for-output",
            "the slope of the logarithm of the sum is a softmax, and not its logarithm",
            lambda held, x: x - (np.log(softmax(held[0])) * x).sum(-1, keepdims=True),
        ),
        Slip(
            "missing-factor",
            "the sum of dy comes back in full to every entry; it belongs to each by its share, a softmax",
            lambda held, x: x - x.sum(-1, keepdims=True),
        ),
    ],
)

CROSS_ENTROPY = backward_exercise(
    name="softmax-cross-entropy",
    title="Softmax with cross-entropy",
    topic="losses",
    level=3,
    statement=r"""
    Scores z (N, K) and class numbers t (N,), integers from 0 to K - 1:

    L = -1/N Σₙ log softmax(zₙ)[tₙ]

    Write `backward(dy, z, t)` and return dz, in the shape of z. dy is a number.

    $$\frac{\partial L}{\partial z_{nk}} = \;?$$

    Softmax and logarithm together collapse to something short: the probability of each class, minus 1 at the right
    one, with what the mean asks for.
    """,
    given="""
    def softmax(z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)


    def forward(z, t):
        p = softmax(z)
        return -np.mean(np.log(p[np.arange(len(t)), t]))
    """,
    stub='''
    def backward(dy, z, t):
        """The gradient dz, in the shape of z (N, K); dy is a number, t (N,) holds the classes."""
    ''',
    cases=[
        ("ordinary inputs", lambda rng: (rng.normal(size=(5, 3)), np.array([2, 0, 1, 1, 0]))),
        ("a batch of one", lambda rng: (rng.normal(size=(1, 4)), np.array([3]))),
        ("all of one class", lambda rng: (rng.normal(size=(3, 3)), np.array([1, 1, 1]))),
    ],
    rules={
        "z": "-log p[t] has the gradient p in every class, minus 1 in the right one; the mean over N gives the 1/N."
    },
    rule="Softmax and logarithm together: the exponential and the logarithm cancel, and p minus one-hot remains.",
    slips=[
        Slip(
            "missing-term",
            "the 1 of the right class is not subtracted",
            lambda held, z, t: (softmax(held[0]) * z).sum() / len(z),
        ),
        Slip(
            "missing-coupling",
            "only the right class of each row gets a gradient; the others are in the softmax, too",
            lambda held, z, t: ((softmax(held[0]) - one_hot(z, t)) * one_hot(z, t) * z).sum() / len(z),
        ),
        Slip(
            "wrong-axis",
            "the mean divides by the number of classes, and not by the number of samples",
            lambda held, z, t: ((softmax(held[0]) - one_hot(z, t)) * z).sum() / z.shape[1],
        ),
        Slip(
            "input-for-output",
            "the scores z stand where their softmax belongs",
            lambda held, z, t: ((held[0] - one_hot(z, t)) * z).sum() / len(z),
        ),
        Slip(
            "wrong-axis",
            "the softmax runs over the batch, and not over the classes",
            lambda held, z, t: ((softmax(held[0].T).T - one_hot(z, t)) * z).sum() / len(z),
        ),
    ],
)

BINARY = backward_exercise(
    name="binary-cross-entropy",
    title="Binary cross-entropy (logits)",
    topic="losses",
    level=3,
    statement=r"""
    Scores z and targets t in [0, 1], both (N,):

    L = mean(log(1 + eᶻ) - t·z), which is -mean(t log σ(z) + (1 - t) log(1 - σ(z))), written so that nothing overflows.

    Write `backward(dy, z, t)` and return dz, in the shape of z. dy is a number; t is data.

    $$\frac{d}{dz} \log(1 + e^z) = \sigma(z)$$
    """,
    given="""
    def forward(z, t):
        return np.mean(np.logaddexp(0, z) - t * z)
    """,
    stub='''
    def backward(dy, z, t):
        """The gradient dz, in the shape of z (N,); dy is a number."""
    ''',
    cases=[
        ("ordinary inputs", lambda rng: (rng.normal(size=5), np.array([1.0, 0.0, 1.0, 1.0, 0.0]))),
        ("soft targets", lambda rng: (rng.normal(size=4), np.array([0.9, 0.1, 0.6, 0.3]))),
        ("a batch of one", lambda rng: (rng.normal(size=1), np.array([1.0]))),
    ],
    rules={"z": "log(1 + eᶻ) has the slope σ(z), t·z the slope t; the mean over N gives the 1/N."},
    rule="The σ' of the sigmoid cancels the denominators of the logarithms' derivatives.",
    slips=[
        Slip(
            "extra-factor",
            "the slope σ(z)·(1 - σ(z)) of the sigmoid is multiplied in; together with the logarithms it cancels",
            lambda held, z, t: np.mean((sigmoid(held[0]) - t) * sigmoid(held[0]) * sigmoid(-held[0]) * z),
        ),
        Slip(
            "missing-term",
            "the term of the targets, t·z, is left out",
            lambda held, z, t: np.mean(np.logaddexp(0, z)),
        ),
        Slip(
            "input-for-output",
            "the score z stands where its sigmoid belongs",
            lambda held, z, t: np.mean((held[0] - t) * z),
        ),
        Slip(
            "missing-term",
            "only the part of the targets that are 1 is there: that of -t log σ(z)",
            lambda held, z, t: np.mean(t * (sigmoid(held[0]) - 1) * z),
        ),
        Slip(
            "sign",
            "σ(z) and t are added; they must be subtracted from each other",
            lambda held, z, t: np.mean(np.logaddexp(0, z) + t * z),
        ),
    ],
)


def softmax(z: np.ndarray) -> np.ndarray:
    """Of every row."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def one_hot(z: np.ndarray, t: np.ndarray) -> np.ndarray:
    return np.eye(z.shape[1])[t]


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


EXERCISES = [SOFTMAX, LOG_SOFTMAX, CROSS_ENTROPY, BINARY]
