"""Mistakes in a constant, an order or an axis: hypotheses that rearrange or rescale the right gradient."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from nanonet.gradcheck.case import Candidate, Case, Change, Rule, Trial, subsets
from nanonet.gradcheck.cause import Cause

NAMED = {2.0: "2", 0.5: "½", 3.0: "3", 1 / 3: "⅓", 4.0: "4", 0.25: "¼", -2.0: "-2", -0.5: "-½"}


def zero(case: Case) -> Iterator[Cause]:
    if all(not np.any(t.analytic) for t in case.trials):
        sentence = "the gradient is zero everywhere: nothing flows back to this input"
        yield Cause("zero", sentence, "compute it and return it: it may be detached, overwritten or never filled in")


def sign(case: Case) -> Iterator[Cause]:
    if case.fits(lambda t: -t.reference):
        yield Cause("sign", "the gradient has the wrong sign: it is the negative of the right one", "flip its sign")


def ignored_upstream(case: Case) -> Iterator[Cause]:
    sentence = "the upstream gradient dy is ignored: the gradient is the same whatever dy is"
    remedy = "multiply the local derivative by dy (the chain rule)"
    if case.reruns and all(case.same(dx, case.first.analytic) for _, dx in case.reruns):
        yield Cause("ignored-upstream", sentence, remedy)
    if case.y.size == 1 and case.fits(lambda t: t.reference / t.dy.ravel()[0]):
        yield Cause("ignored-upstream", sentence, remedy)
    if case.J is None:
        return
    if case.fits(lambda t: case.pull(np.ones(case.y.shape))):
        yield Cause("ignored-upstream", "the upstream gradient dy is ignored: ones stand in its place", remedy)
    if case.y.size > 1 and case.fits(lambda t: case.pull(np.full(case.y.shape, t.dy.mean()))):
        sentence = "the upstream gradient is averaged: the mean of dy stands in place of dy"
        yield Cause("ignored-upstream", sentence, remedy)
    if case.y.size > 1 and case.fits(lambda t: case.pull(np.full(case.y.shape, t.dy.sum()))):
        sentence = "the upstream gradient is summed up: the sum of dy stands in place of dy"
        yield Cause("ignored-upstream", sentence, remedy)


def constant(case: Case) -> Iterator[Cause]:
    """The right gradient times a constant: the length of an axis that is summed or averaged, or any other."""
    references = np.concatenate([t.reference.ravel() for t in case.trials])
    analytic = np.concatenate([t.analytic.ravel() for t in case.trials])
    norm = float(references @ references)
    if not norm or case.first.analytic.shape != case.x.shape:
        return
    factor = float(references @ analytic) / norm
    if not case.fits(lambda t: factor * t.reference):
        return
    named = next((text for value, text in NAMED.items() if np.isclose(factor, value, rtol=1e-7)), "")
    if abs(factor) not in (2.0, 0.5) and named not in ("2", "½"):
        yield from _axis_length(case, factor)
    evidence = np.count_nonzero(np.abs(references) > 1e-3 * np.max(np.abs(references)))
    lengths = {float(n): n for n in (*case.y.shape, *case.x.shape, case.x.size, case.y.size)}
    for length in lengths.values():
        if length > 1 and not named and np.isclose(factor, length, rtol=1e-7):
            named = f"{length}, the length of an axis or array"
        elif length > 1 and not named and np.isclose(factor, 1 / length, rtol=1e-7):
            named = f"1/{length}, where {length} is the length of an axis or array"
    if named or evidence >= 3:
        text = named or f"{factor:.7g}"
        remedy = f"divide the gradient by {factor:.7g}: look for a constant that was lost or put in twice"
        yield Cause("scale", f"the gradient is the right one times {text}", remedy)


def _axis_length(case: Case, factor: float) -> Iterator[Cause]:
    lengths: dict[int, str] = {}
    for axes, shape, whose in (
        (case.summed_axes, case.y.shape, "output"),
        (case.reduced_axes, case.x.shape, "input"),
    ):
        for chosen in subsets(axes):
            which = ", ".join(map(str, chosen))
            place = "batch" if chosen == (0,) else f"axis {which} of the {whose}"
            lengths.setdefault(int(np.prod([shape[i] for i in chosen])), place)
    for n, place in lengths.items():
        if n > 1 and np.isclose(factor, 1 / n, rtol=1e-7):
            sentence = f"the gradient is the mean over the {place} ({n} elements); it should be the sum"
            yield Cause(
                "mean-for-sum", sentence, f"do not divide by {n}: where a mean is meant, dy has the 1/{n} already"
            )
        if n > 1 and np.isclose(factor, n, rtol=1e-7):
            sentence = f"the gradient is a sum over the {place} ({n} elements); it should be the mean"
            yield Cause("sum-for-mean", sentence, f"divide by {n}, as the forward does")
    for n in lengths:
        for other in case.x.shape:
            if n != other and other > 1 and n > 1 and np.isclose(factor, n / other, rtol=1e-7) and case.reduced_axes:
                sentence = f"the mean divides by {other}, the length of another axis, and not by {n}"
                yield Cause("wrong-axis", sentence, f"divide by the length of the axis that the forward reduces, {n}")


def moved(array: np.ndarray, axis: int, by: int, wrap: bool) -> np.ndarray:
    """The array shifted along an axis, wrapped around or filled with zeros."""
    shifted = np.roll(array, by, axis)
    if not wrap:
        edge: list[slice | int] = [slice(None)] * array.ndim
        edge[axis] = 0 if by > 0 else -1
        shifted[tuple(edge)] = 0.0
    return shifted


def _either_side(case: Case, change: Change, axis: int) -> Iterator[Candidate]:
    """A change of the order of elements: made to the gradient, or to dy before it is used."""
    if axis < case.x.ndim:
        yield lambda t: change(t.reference)
    if axis < case.y.ndim and case.J is not None:
        yield lambda t: case.pull(change(t.dy))
        if axis < case.x.ndim:
            yield lambda t: change(case.pull(change(t.dy)))


def off_by_one(case: Case) -> Iterator[Cause]:
    for axis in range(max(case.x.ndim, case.y.ndim)):
        lengths = [s[axis] for s in (case.x.shape, case.y.shape) if axis < len(s)]
        if min(lengths) < 3:
            continue
        for by in (1, -1):
            for wrap in (False, True):

                def change(v: np.ndarray, axis: int = axis, by: int = by, wrap: bool = wrap) -> np.ndarray:
                    return moved(v, axis, by, wrap)

                if any(case.fits(c) for c in list(_either_side(case, change, axis))[:2]):
                    way = "later" if by > 0 else "earlier"
                    sentence = f"the gradient is shifted: along axis {axis} each element sits one place {way}"
                    yield Cause("off-by-one", sentence, f"move it by one along axis {axis}: check the slice bounds")


def flipped(case: Case) -> Iterator[Cause]:
    for axes in subsets(list(range(min(4, max(case.x.ndim, case.y.ndim))))):

        def change(v: np.ndarray, axes: tuple[int, ...] = axes) -> np.ndarray:
            return np.flip(v, axes)

        if any(case.fits(c) for c in _either_side(case, change, axes[-1])):
            which = f"axis {axes[0]}" if len(axes) == 1 else f"the axes {axes}"
            sentence = f"the gradient, or what dy is multiplied by, runs backwards along {which}"
            yield Cause("flipped", sentence, f"reverse along {which}, once")


def transposed(case: Case) -> Iterator[Cause]:
    def cause(what: str, order: tuple[int, ...]) -> Cause:
        back = tuple(int(i) for i in np.argsort(order))
        text = "transposed" if len(order) == 2 else f"permuted: its axes are in the order {order}"
        return Cause("transpose", f"{what} is {text}", f"undo it with .transpose{back}")

    def permuted(ndim: int) -> Iterator[tuple[int, ...]]:
        return (order for order in permutations(range(ndim)) if order != tuple(range(ndim)))

    if case.x.ndim <= 5:
        for order in permuted(case.x.ndim):
            if case.fits(lambda t, order=order: t.reference.transpose(order)):
                yield cause("the gradient", order)
    if case.J is None or case.y.ndim > 5:
        return
    for order in permuted(case.y.ndim):
        same_shape = case.y.transpose(order).shape == case.y.shape
        if same_shape and case.fits(lambda t, order=order: case.pull(t.dy.transpose(order))):
            yield cause("the upstream gradient", order)
    for order in permuted(case.x.ndim) if case.x.ndim == case.y.ndim else ():
        back = tuple(int(i) for i in np.argsort(order))
        same_shapes = all(v.transpose(order).shape == v.shape for v in (case.x, case.y))
        if same_shapes and case.fits(lambda t, o=order, b=back: case.pull(t.dy.transpose(o)).transpose(b)):
            sentence = "what dy is multiplied by is transposed"
            yield Cause("transpose", sentence, f"undo it with .transpose{back}")
    if case.x.shape == case.y.shape:

        def push(t: Trial) -> np.ndarray:
            assert case.J is not None, "checked above"
            return (case.J @ t.dy.ravel()).reshape(case.x.shape)

        if case.fits(push):
            sentence = "the Jacobian is applied without its transpose: J·dy in place of Jᵀ·dy"
            yield Cause("transpose", sentence, "transpose the matrix that the forward multiplies by")


def wrong_axis(case: Case) -> Iterator[Cause]:
    """A sum over the wrong axis, a broadcast along the wrong axis, a coupling along the wrong axis."""
    remedy = "use the axis of the forward"
    if case.pointwise:
        for axes in subsets(list(range(case.y.ndim))):
            for keep in (False, True):
                if case.fits(lambda t, axes=axes, keep=keep: np.sum(t.dy * case.slopes, axis=axes, keepdims=keep)):
                    which = ", ".join(map(str, axes))
                    yield Cause("wrong-axis", f"the gradient is summed over the wrong axis ({which})", remedy)
    reference = case.first.reference
    flat = [i for i in case.reduced_axes if case.same(np.repeat(reference.take([0], i), case.x.shape[i], i), reference)]
    if flat and case.first.analytic.shape == case.x.shape:
        for order in permutations(range(case.x.ndim)):
            if order != tuple(range(case.x.ndim)) and case.fits(lambda t, o=order: t.reference.transpose(o)):
                yield Cause("wrong-axis", "the gradient is broadcast along the wrong axis", remedy)
    if case.x.shape != case.y.shape or case.x.ndim < 2:
        return
    for name, rule in coupled_rules(case.y).items():
        right = [i for i in range(case.x.ndim) if case.same(rule(case.first.dy, i), reference, case.first.bars)]
        for axis in range(case.x.ndim) if right else ():
            if axis not in right and case.fits(lambda t, rule=rule, axis=axis: rule(t.dy, axis)):
                yield Cause("wrong-axis", f"the {name} is summed over axis {axis}, not over axis {right[0]}", remedy)
    if case.J is not None and not case.pointwise and len(case.summed_axes) < case.y.ndim:
        for order in permutations(range(case.x.ndim)):
            swap = order != tuple(range(case.x.ndim)) and case.x.transpose(order).shape == case.x.shape
            back = tuple(int(i) for i in np.argsort(order))
            if swap and case.fits(lambda t, o=order, b=back: case.pull(t.dy.transpose(o)).transpose(b)):
                yield Cause("wrong-axis", "the rule runs along the wrong axis", remedy)


def coupled_rules(v: np.ndarray) -> dict[str, Rule]:
    """Rules that couple the elements along an axis, written with v in the place of the output."""

    def softmax(dy: np.ndarray, axis: int) -> np.ndarray:
        return v * (dy - np.sum(v * dy, axis, keepdims=True))

    def log_softmax(dy: np.ndarray, axis: int) -> np.ndarray:
        return dy - np.exp(v) * np.sum(dy, axis, keepdims=True)

    def centred(dy: np.ndarray, axis: int) -> np.ndarray:
        return dy - np.mean(dy, axis, keepdims=True)

    def accumulated(dy: np.ndarray, axis: int) -> np.ndarray:
        return np.flip(np.cumsum(np.flip(dy, axis), axis), axis)

    return {"softmax rule": softmax, "log-softmax rule": log_softmax, "mean": centred, "running sum": accumulated}
