"""Mistakes in the axes of a sum: not summed, summed over others, in another shape."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from nanonet.gradcheck.diagnosis.case import Case, present, subsets
from nanonet.gradcheck.diagnosis.cause import Cause


def not_reduced(case: Case) -> Iterator[Cause]:
    """A gradient in a larger shape, whose sum over the extra axes is right."""
    given, shape = case.given_shape, case.x.shape
    extra = len(given) - len(shape)
    if given == shape or np.prod(given) <= case.x.size or extra < 0:
        return
    stretched = tuple(i for i in range(len(shape)) if shape[i] == 1 and given[i + extra] > 1)
    for axes in [tuple(range(extra)), *subsets(list(range(len(given))))]:

        def summed(dx: np.ndarray, axes: tuple[int, ...] = axes) -> np.ndarray:
            total = dx.sum(axes)
            return total.reshape(shape) if total.size == case.x.size else total

        known = [t for t in case.trials if t.reference is not None]
        if not all(case.same(summed(t.analytic), t.reference) for t in known if t.reference is not None):
            continue
        which = ", ".join(map(str, axes))
        if stretched or (given == case.y.shape and _broadcasts(case)):
            sentence = f"the gradient has the broadcast shape {given}, not the input's {shape}"
            yield Cause("broadcast-not-undone", sentence, f"sum it over the broadcast axes ({which})")
        sentence = f"the gradient has shape {given}: one per sample, not summed over axis {which}"
        yield Cause("missing-sum", sentence, f"sum it over axis {which}, to the shape {shape}")


def _broadcasts(case: Case) -> bool:
    """Is the output what two operands broadcast to? Of more inputs, the small ones are a layer's parameters."""
    known = [J for J in case.jacobians if J is not None]
    if len(known) == len(case.inputs) == 2 and all(np.all(present(J).sum(1) == 1) for J in known):
        return True
    try:
        return len(case.inputs) == 2 and np.broadcast_shapes(*[v.shape for v in case.inputs]) == case.y.shape
    except ValueError:
        return False


def wrong_sum(case: Case) -> Iterator[Cause]:
    """Each output depends on one element of the input: dx is dy times a slope, summed over the axes of the output."""
    if case.J is None or not case.pointwise:
        return
    slopes = case.J.sum(1).reshape(case.y.shape)
    n = case.y.size
    for axes in subsets(list(range(case.y.ndim))):
        kept = tuple(m for i, m in enumerate(case.y.shape) if i not in axes)
        if int(np.prod(kept)) != int(np.prod(case.given_shape)) or int(np.prod(kept)) == n:
            continue
        where = np.broadcast_to(np.expand_dims(np.arange(int(np.prod(kept))).reshape(kept), axes), case.y.shape)
        matrix = np.zeros((n, int(np.prod(kept))))
        matrix[np.arange(n), where.ravel()] = slopes.ravel()
        if case.explains(matrix):
            which = ", ".join(map(str, axes))
            sentence = f"the gradient is summed over the wrong axis of the output ({which})"
            yield Cause("wrong-axis", sentence, "sum over the axes along which the input is used again and again")


def partly_summed(case: Case) -> Iterator[Cause]:
    """The gradient of one output slice after the other, or one that is right for other axes of the input."""
    given, shape = case.given_shape, case.x.shape
    if given == shape or sorted(given) != sorted(shape):
        return
    for order in permutations(range(len(given))):
        known = [t for t in case.trials if t.reference is not None]
        turned = [(t.analytic.transpose(order), t.reference) for t in known]
        if all(case.same(a, r) for a, r in turned if r is not None):
            text = "transposed" if len(order) == 2 else f"permuted by {tuple(int(i) for i in np.argsort(order))}"
            sentence = f"the gradient is {text}: it has shape {given}, the input {shape}"
            yield Cause("transpose", sentence, f"undo it with .transpose{order}")
