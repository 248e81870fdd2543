"""Update steps: what happens to a parameter when its gradient is known."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
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


def adam(p: Any, g: Any, m: Any, v: Any, t: Any, lr: Any, beta1: Any, beta2: Any, eps: Any) -> tuple[Any, Any, Any]:
    return update.adam(np, p, g, m, v, lr=lr, beta1=beta1, beta2=beta2, eps=eps, step=t)[:3]


def adam_variant(kind: str, sentence: str, rule: str, **mistake: Any) -> Variant:
    """Adam, its parts replaced: each part is a function of what is known by then."""

    def step(p: Any, g: Any, m: Any, v: Any, t: Any, lr: Any, beta1: Any, beta2: Any, eps: Any) -> tuple[Any, ...]:
        b1, b2 = (beta2, beta1) if mistake.get("decays") else (beta1, beta2)
        gain1, gain2 = mistake.get("gains", lambda b: 1 - b)(b1), mistake.get("gains", lambda b: 1 - b)(b2)
        m = b1 * m + gain1 * g
        v = b2 * v + gain2 * mistake.get("second", lambda g: g * g)(g)
        correct = mistake.get("correct", lambda m, v, t, b1, b2: (m / (1 - b1**t), v / (1 - b2**t)))
        m_hat, v_hat = correct(m, v, t, b1, b2)
        root = mistake.get("root", lambda v, eps: np.sqrt(v) + eps)
        ahead = mistake.get("ahead", lambda m, g: m)(m_hat, g)
        return p - mistake.get("sign", 1) * lr * ahead / root(v_hat, eps), m, v

    return Variant(kind, sentence, rule, step)


CORRECTION = "m and v start at 0 and are too small at first: divide each by 1 - βᵗ, with its own β, t counting from 1."
ROOT = "The step is m̂ / (√v̂ + ε): the root of v̂ first, then ε is added, then it divides."
AVERAGES = "Both memories are averages: β times the old value plus (1 - β) times the new one, m of g and v of g²."


def adam_state(shape: Sequence[int], t: int, first: bool, eps: float) -> Any:
    def draw(rng: np.random.Generator) -> tuple[Any, ...]:
        p, g, m = rng.normal(size=(3, *shape))
        v = rng.uniform(0.1, 0.6, size=shape)
        if first:
            m, v = np.zeros(shape), np.zeros(shape)
        return p, g, m, v, t, 0.05, 0.9, 0.99, eps

    return draw


ADAM = update_exercise(
    "adam",
    "One step of Adam",
    3,
    r"""
    m ← β₁·m + (1 - β₁)·g and v ← β₂·v + (1 - β₂)·g², then with the corrected m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ):

    p ← p - lr · m̂ / (√v̂ + ε)

    Write `step(p, g, m, v, t, lr, beta1, beta2, eps)` and return `(p, m, v)`: the memories as they are before the
    correction. t counts the steps from 1. (The document D2 has Adam without the correction: that is wrong as written.)
    """,
    '''
    def step(p, g, m, v, t, lr, beta1, beta2, eps):
        """The new p, m and v; t = 1 in the first step."""
    ''',
    ValueJudge(
        name="step",
        arguments=("p", "g", "m", "v", "t", "lr", "beta1", "beta2", "eps"),
        results=("the new p", "the new m", "the new v"),
        reference=adam,
        cases=(
            ("the first step (m = v = 0)", adam_state((4,), 1, True, 1e-3)),
            ("a later step", adam_state((3, 2), 7, False, 1e-3)),
            ("a large ε", adam_state((3,), 3, False, 0.3)),
        ),
        variants=(
            adam_variant(
                "missing-factor",
                "the bias correction is missing: m and v are used as they are",
                CORRECTION,
                correct=lambda m, v, t, b1, b2: (m, v),
            ),
            adam_variant(
                "missing-factor",
                "v is not corrected",
                CORRECTION,
                correct=lambda m, v, t, b1, b2: (m / (1 - b1**t), v),
            ),
            adam_variant(
                "missing-factor",
                "m is not corrected",
                CORRECTION,
                correct=lambda m, v, t, b1, b2: (m, v / (1 - b2**t)),
            ),
            adam_variant(
                "missing-factor",
                "the correction does not know which step this is: 1 - β stands in place of 1 - βᵗ",
                CORRECTION,
                correct=lambda m, v, t, b1, b2: (m / (1 - b1), v / (1 - b2)),
            ),
            adam_variant(
                "off-by-one",
                "the correction is that of the next step: t + 1 stands in place of t",
                CORRECTION,
                correct=lambda m, v, t, b1, b2: (m / (1 - b1 ** (t + 1)), v / (1 - b2 ** (t + 1))),
            ),
            adam_variant(
                "swapped-operands",
                "the corrections of m and v are exchanged",
                CORRECTION,
                correct=lambda m, v, t, b1, b2: (m / (1 - b2**t), v / (1 - b1**t)),
            ),
            adam_variant(
                "swapped-operands",
                "m is corrected with β₂; each memory has its own β",
                CORRECTION,
                correct=lambda m, v, t, b1, b2: (m / (1 - b2**t), v / (1 - b2**t)),
            ),
            adam_variant(
                "missing-factor",
                "the correction of m does not know which step this is: 1 - β₁ stands in place of 1 - β₁ᵗ",
                CORRECTION,
                correct=lambda m, v, t, b1, b2: (m / (1 - b1), v / (1 - b2**t)),
            ),
            adam_variant("scale", "ε is inside the root", ROOT, root=lambda v, eps: np.sqrt(v + eps)),
            adam_variant("missing-term", "ε is left out", ROOT, root=lambda v, eps: np.sqrt(v)),
            adam_variant("missing-factor", "v̂ divides without its root", ROOT, root=lambda v, eps: v + eps),
            adam_variant("sign", "the step goes uphill", "m̂ points uphill: subtract the step.", sign=-1),
            adam_variant(
                "missing-factor",
                "v averages g, and not g²",
                AVERAGES,
                second=lambda g: g,
                root=lambda v, eps: np.sqrt(v) + eps,
            ),
            adam_variant("swapped-operands", "β₁ and β₂ are exchanged", AVERAGES, decays=True),
            adam_variant("missing-factor", "the new value enters without its 1 - β", AVERAGES, gains=lambda b: 1.0),
            adam_variant(
                "missing-term",
                "the step goes along g, and not along its average m̂",
                "The direction of the step is the average of the gradients, m̂.",
                ahead=lambda m, g: g,
            ),
        ),
        rules={"the new m": AVERAGES, "the new v": AVERAGES, "the new p": f"{CORRECTION} {ROOT}"},
        rule=f"{AVERAGES} {CORRECTION} {ROOT}",
    ),
)


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
    "Clipping gradients by their common norm",
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

EXERCISES = [DESCENT, MOMENTUM, CLIPPING, ADAM]
