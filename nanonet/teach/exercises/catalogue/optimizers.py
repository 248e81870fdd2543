"""Update steps: what happens to a parameter when its gradient is known."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from nanonet.ops import update
from nanonet.teach.exercises.build import template
from nanonet.teach.exercises.exercise import Exercise
from nanonet.teach.exercises.values import ValueJudge, Variant


def update_exercise(
    name: str,
    title: str,
    level: int,
    statement: str,
    stub: str,
    judge: ValueJudge,
) -> Exercise:
    """An exercise in which one step of an optimizer is written."""
    text = textwrap.dedent(statement).strip()
    return Exercise(
        name, title, "optimizers", level, text, template(name, title, "", stub), (judge.name,), judge, judge.rule
    )


def gradient_descent(p: Any, g: Any, lr: Any) -> tuple[Any]:
    return update.sgd(np, p, g, lr=lr)


DESCENT_RULE = "The gradient points uphill, in p: go the other way, by lr times it."
DESCENT = update_exercise(
    "gradient-descent",
    "One step of gradient descent",
    1,
    r"""
    p ← p - lr · g, with a parameter p, its gradient g in the same shape, and a learning rate lr.

    Write `step(p, g, lr)` and return the new p as a new array; p itself stays as it is.
    """,
    '''
    def step(p, g, lr):
        """The new p, one step down the gradient g."""
    ''',
    ValueJudge(
        name="step",
        arguments=("p", "g", "lr"),
        results=("the new p",),
        reference=gradient_descent,
        cases=(
            ("an ordinary state", lambda rng: (rng.normal(size=(3, 2)), rng.normal(size=(3, 2)), 0.1)),
            ("a large learning rate", lambda rng: (rng.normal(size=4), rng.normal(size=4), 1.5)),
            ("a gradient of 0", lambda rng: (rng.normal(size=3), np.zeros(3), 0.1)),
        ),
        variants=(
            Variant("sign", "the step goes up the gradient", DESCENT_RULE, lambda p, g, lr: p + lr * g),
            Variant(
                "missing-factor", "the learning rate is not used", "The step is lr times g.", lambda p, g, lr: p - g
            ),
            Variant(
                "missing-term",
                "the step itself is returned, and not p after the step",
                "The new p is the old p minus the step.",
                lambda p, g, lr: lr * g,
            ),
            Variant(
                "missing-term",
                "minus the step is returned, without the old p",
                "The new p is the old p minus the step.",
                lambda p, g, lr: -lr * g,
            ),
            Variant(
                "extra-factor",
                "only the sign of the gradient is used, not its size",
                "Where the slope is steep the step is long: multiply by g itself.",
                lambda p, g, lr: p - lr * np.sign(g),
            ),
            Variant(
                "extra-factor",
                "p is multiplied by the step; the step is to be subtracted",
                "The step does not depend on how large p is.",
                lambda p, g, lr: p - lr * g * p,
            ),
            Variant("zero", "p is returned as it was", "Subtract the step and return the result.", lambda p, g, lr: p),
        ),
        rules={},
        rule=DESCENT_RULE,
    ),
)


def momentum(p: Any, g: Any, b: Any, lr: Any, mu: Any) -> tuple[Any, Any]:
    return update.momentum(np, p, g, b, lr=lr, momentum=mu)


REMEMBER = "b remembers: the new b is mu times the old one plus the whole new gradient."
MOMENTUM = update_exercise(
    "momentum",
    "One step with momentum",
    2,
    r"""
    b ← μ·b + g, then p ← p - lr · b, as in PyTorch: p goes along the *new* b.

    Write `step(p, g, b, lr, mu)` and return `(p, b)`, both new arrays.
    """,
    '''
    def step(p, g, b, lr, mu):
        """The new p and the new memory b."""
    ''',
    ValueJudge(
        name="step",
        arguments=("p", "g", "b", "lr", "mu"),
        results=("the new p", "the new b"),
        reference=momentum,
        cases=(
            ("the first step (b = 0)", lambda rng: (*rng.normal(size=(2, 4)), np.zeros(4), 0.1, 0.9)),
            ("a later step", lambda rng: (*rng.normal(size=(3, 2, 3)), 0.1, 0.9)),
            ("a gradient of 0", lambda rng: (rng.normal(size=3), np.zeros(3), rng.normal(size=3), 0.2, 0.8)),
        ),
        variants=(
            Variant(
                "missing-term",
                "p follows g alone, as without momentum",
                "p goes along the new b, which has the earlier gradients in it.",
                lambda p, g, b, lr, mu: (p - lr * g, mu * b + g),
            ),
            Variant(
                "off-by-one",
                "p follows the old b, from before this step",
                "First the memory, then the parameter: p goes along the new b.",
                lambda p, g, b, lr, mu: (p - lr * b, mu * b + g),
            ),
            Variant(
                "extra-factor",
                "the gradient enters b with the factor 1 - mu, as in Adam",
                REMEMBER,
                lambda p, g, b, lr, mu: (p - lr * (mu * b + (1 - mu) * g), mu * b + (1 - mu) * g),
            ),
            Variant(
                "swapped-operands",
                "mu multiplies the new gradient, and not the memory",
                REMEMBER,
                lambda p, g, b, lr, mu: (p - lr * (b + mu * g), b + mu * g),
            ),
            Variant(
                "missing-factor",
                "the memory is not damped: mu is not used",
                REMEMBER,
                lambda p, g, b, lr, mu: (p - lr * (b + g), b + g),
            ),
            Variant(
                "sign",
                "the step goes uphill",
                "The memory is a sum of gradients, which point uphill: subtract it.",
                lambda p, g, b, lr, mu: (p + lr * (mu * b + g), mu * b + g),
            ),
            Variant(
                "sign",
                "the gradient is subtracted from the memory",
                REMEMBER,
                lambda p, g, b, lr, mu: (p - lr * (mu * b - g), mu * b - g),
            ),
            Variant(
                "extra-factor",
                "the memory holds lr times the gradient",
                "Here lr is used once, at the end: p ← p - lr·b.",
                lambda p, g, b, lr, mu: (p - mu * b - lr * g, mu * b + lr * g),
            ),
            Variant(
                "extra-factor",
                "this looks ahead along b, as Nesterov's momentum does",
                "Plain momentum goes along b itself, without another gradient.",
                lambda p, g, b, lr, mu: (p - lr * (g + mu * (mu * b + g)), mu * b + g),
            ),
        ),
        rules={"the new b": REMEMBER},
        rule="First the memory, b ← mu·b + g; then the parameter, p ← p - lr·b.",
    ),
)

EXERCISES = [DESCENT, MOMENTUM]
