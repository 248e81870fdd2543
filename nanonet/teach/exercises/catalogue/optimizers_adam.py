"""One step of Adam, and its usual errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nanonet.ops import update
from nanonet.teach.exercises.catalogue.optimizers import update_exercise
from nanonet.teach.exercises.values import ValueJudge, Variant


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

EXERCISES = [ADAM]
