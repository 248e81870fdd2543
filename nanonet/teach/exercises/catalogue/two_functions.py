"""Exercises in which the forward is to be written, too."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from nanonet.teach.exercises.backward import BackwardJudge, Case
from nanonet.teach.exercises.both import BothJudge
from nanonet.teach.exercises.build import normal, template
from nanonet.teach.exercises.exercise import Exercise
from nanonet.teach.exercises.measure import Slip
from nanonet.teach.exercises.values import ValueJudge, Variant


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def exercise(
    name: str, title: str, topic: str, level: int, statement: str, stubs: tuple[str, str], judge: BothJudge
) -> Exercise:
    text = textwrap.dedent(statement).strip()
    source = template(name, title, "", *stubs)
    return Exercise(name, title, topic, level, text, source, ("forward", "backward"), judge, judge.backward.rule)


SWISH_CASES: tuple[Case, ...] = (
    ("ordinary inputs", normal((3, 4))),
    ("large and negative inputs", lambda rng: (3 * rng.normal(size=5) - 2,)),
)
SWISH_RULE = "Product rule: x and σ(x) both move with x, so there are two terms."
SWISH = exercise(
    "swish",
    "Swish, both ways",
    "activations",
    2,
    r"""
    y = x · σ(x), for every entry, with σ(x) = 1 / (1 + e⁻ˣ). (PyTorch calls it SiLU.)

    Write `forward(x)` and return y; write `backward(dy, x)` and return dx. x is used twice.
    """,
    (
        '''
        def forward(x):
            """y = x · σ(x), in the shape of x."""
        ''',
        '''
        def backward(dy, x):
            """The gradient dx, in the shape of x."""
        ''',
    ),
    BothJudge(
        ValueJudge(
            name="forward",
            arguments=("x",),
            results=("y",),
            reference=lambda x: x * sigmoid(x),
            cases=SWISH_CASES,
            variants=(
                Variant("missing-factor", "y is σ(x) alone", "y = x · σ(x).", sigmoid),
                Variant("missing-term", "y is x + σ(x)", "It is a product.", lambda x: x + sigmoid(x)),
                Variant("sign", "the exponent has the wrong sign", "σ(x) = 1 / (1 + e⁻ˣ).", lambda x: x * sigmoid(-x)),
            ),
            rules={},
            rule="y = x · σ(x).",
        ),
        BackwardJudge(
            forward=lambda x: x * sigmoid(x),
            inputs=("x",),
            wanted=("x",),
            cases=SWISH_CASES,
            rules={"x": SWISH_RULE},
            rule=SWISH_RULE,
            slips=(
                Slip(
                    "missing-term",
                    "only the term of the factor x is there: σ(x) moves with x, too",
                    lambda held, x: x * sigmoid(held[0]),
                ),
                Slip(
                    "missing-term",
                    "only the term of the factor σ(x) is there: x itself moves, too",
                    lambda held, x: held[0] * sigmoid(x),
                ),
                Slip(
                    "missing-factor",
                    "the second term lacks its x",
                    lambda held, x: x * sigmoid(held[0]) + sigmoid(x),
                ),
                Slip(
                    "missing-factor",
                    "the second term lacks the slope of σ",
                    lambda held, x: x * sigmoid(held[0]) + held[0] * sigmoid(held[0]) * x,
                ),
                Slip(
                    "sign",
                    "the second term of the product rule is subtracted; it must be added",
                    lambda held, x: x * sigmoid(held[0]) - held[0] * sigmoid(x),
                ),
            ),
        ),
    ),
)


def huber(p: Any, t: Any, delta: Any) -> Any:
    e = p - t
    return np.mean(np.where(np.abs(e) <= delta, 0.5 * e**2, delta * (np.abs(e) - 0.5 * delta)))


HUBER_CASES: tuple[Case, ...] = (
    ("ordinary inputs", lambda rng: (*(2 * rng.normal(size=(2, 6))), 1.0)),
    ("small errors", lambda rng: (*(0.1 * rng.normal(size=(2, 3, 2))), 1.0)),
    ("a small delta", lambda rng: (*rng.normal(size=(2, 5)), 0.3)),
)
HUBER_RULE = "In each piece the slope of that piece: e inside, ±delta outside; then the mean's 1/N."
HUBER = exercise(
    "huber-loss",
    "Huber loss, both ways",
    "losses",
    3,
    r"""
    With e = p - t, in each entry ½ e² where |e| ≤ delta, and delta·(|e| - ½ delta) elsewhere; L is the mean over all
    entries. A square in the middle, straight lines outside: an outlier pulls with a bounded force.

    Write `forward(p, t, delta)` and return L, a number; write `backward(dy, p, t, delta)` and return dp, in the shape
    of p. dy is a number.
    """,
    (
        '''
        def forward(p, t, delta):
            """The loss, a number."""
        ''',
        '''
        def backward(dy, p, t, delta):
            """The gradient dp, in the shape of p; dy is a number."""
        ''',
    ),
    BothJudge(
        ValueJudge(
            name="forward",
            arguments=("p", "t", "delta"),
            results=("L",),
            reference=huber,
            cases=HUBER_CASES,
            variants=(
                Variant(
                    "scale",
                    "L is the sum, and not the mean",
                    "The mean divides by the number of entries.",
                    lambda p, t, delta: huber(p, t, delta) * np.size(p),
                ),
                Variant(
                    "mask",
                    "all entries are squared, also those outside",
                    "Where |e| > delta the straight line counts: np.where chooses.",
                    lambda p, t, delta: np.mean(0.5 * (p - t) ** 2),
                ),
                Variant(
                    "missing-term",
                    "the line lacks its -½ delta, so the pieces do not meet",
                    "At |e| = delta both pieces must give ½ delta².",
                    lambda p, t, delta: np.mean(
                        np.where(np.abs(p - t) <= delta, 0.5 * (p - t) ** 2, delta * np.abs(p - t))
                    ),
                ),
            ),
            rules={},
            rule="½ e² inside, delta·(|e| - ½ delta) outside, then the mean.",
        ),
        BackwardJudge(
            forward=huber,
            inputs=("p", "t", "delta"),
            wanted=("p",),
            cases=HUBER_CASES,
            rules={"p": HUBER_RULE},
            rule=HUBER_RULE,
            slips=(
                Slip(
                    "mask",
                    "the slope of the square is used outside, too",
                    lambda held, p, t, delta: np.mean(0.5 * (p - t) ** 2),
                ),
                Slip(
                    "mask",
                    "the slope outside is used inside, too",
                    lambda held, p, t, delta: np.mean(delta * np.sign(held[0] - t) * p),
                ),
                Slip(
                    "scale",
                    "the errors are clipped at 1, and not at delta",
                    lambda held, p, t, delta: np.mean(np.clip(held[0] - t, -1, 1) * p),
                ),
                Slip(
                    "missing-factor",
                    "outside, delta is missing",
                    lambda held, p, t, delta: np.mean(np.where(inside(held), 0.5 * (p - t) ** 2, np.abs(p - t))),
                ),
                Slip(
                    "missing-factor",
                    "outside, the sign of the error is missing",
                    lambda held, p, t, delta: np.mean(np.where(inside(held), 0.5 * (p - t) ** 2, delta * p)),
                ),
                Slip(
                    "zero",
                    "outside, the gradient is 0: a line has a slope, too",
                    lambda held, p, t, delta: np.mean(np.where(inside(held), 0.5 * (p - t) ** 2, 0)),
                ),
                Slip(
                    "sum-for-mean",
                    "the 1/N of the mean is missing",
                    lambda held, p, t, delta: huber(p, t, delta) * np.size(p),
                ),
            ),
        ),
    ),
)


def inside(held: Any) -> Any:
    p, t, delta = held
    return np.abs(p - t) <= delta


EXERCISES = [SWISH, HUBER]
