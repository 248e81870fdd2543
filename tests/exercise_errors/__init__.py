"""Planted errors: what stands in the right answer, what a learner wrote instead, and what the feedback must say.

For each exercise a list of (old, new, kind, where): `new` takes the place of the first `old` in the right answer; the
feedback must name this kind, and its first hint must have these words in it.
"""

from __future__ import annotations

from tests.exercise_errors import basics, both, layers, losses, networks, steps

Planted = tuple[str, str, str, str]

ERRORS: dict[str, list[Planted]] = {
    **basics.BASICS,
    **basics.SHAPES,
    **losses.LOSSES,
    **losses.GENERATIVE,
    **networks.NETWORKS,
    **networks.RECURRENCE,
    **networks.ATTENTION,
    **layers.NORMALISATION,
    **layers.CONVOLUTION,
    **steps.OPTIMIZERS,
    **both.BOTH,
}
