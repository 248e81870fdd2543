"""Mistakes of the gradient as a whole: zero, a sign, a constant, an upstream gradient that is not used."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nanonet.gradcheck.diagnosis.case import Case, subsets
from nanonet.gradcheck.diagnosis.cause import Cause

NAMED = {2.0: "2", 0.5: "½", 3.0: "3", 1 / 3: "⅓", 4.0: "4", 0.25: "¼", -2.0: "-2", -0.5: "-½"}


def zero(case: Case) -> Iterator[Cause]:
    if all(not np.any(t.analytic) for t in case.trials):
        sentence = "the gradient is zero everywhere: nothing flows back to this input"
        yield Cause("zero", sentence, "compute it and return it: it may be detached, overwritten or never filled in")


def ignored_upstream(case: Case) -> Iterator[Cause]:
    """The gradient does not follow dy, or only its mean or sum."""
    sentence = "the upstream gradient dy is ignored: the gradient is the same whatever dy is"
    remedy = "multiply the local derivative by dy (the chain rule)"
    first, later = case.trials[0], case.trials[1:]
    if later and all(case.same(t.analytic, first.analytic) for t in later):
        yield Cause("ignored-upstream", sentence, remedy)
    if case.y.size == 1 and not later and case.same(first.analytic, case.evidence.numeric / first.dy.ravel()[0]):
        yield Cause("ignored-upstream", sentence, remedy)
    if case.J is None:
        return
    yield from _partly(case)
    if case.y.size == 1:
        return
    total = np.repeat(case.J.sum(0, keepdims=True), case.y.size, 0)
    if all(case.same(t.analytic.ravel(), total[0]) for t in case.trials):
        yield Cause("ignored-upstream", "the upstream gradient dy is ignored: ones stand in its place", remedy)
    if case.explains(total / case.y.size):
        sentence = "the upstream gradient is averaged: the mean of dy stands in place of dy"
        yield Cause("ignored-upstream", sentence, remedy)
    if case.explains(total):
        sentence = "the upstream gradient is summed up: the sum of dy stands in place of dy"
        yield Cause("ignored-upstream", sentence, remedy)
    for axes in subsets(list(range(case.y.ndim))):
        J = case.J.reshape(*case.y.shape, -1)
        part = np.broadcast_to(J.sum(axes, keepdims=True), J.shape).reshape(case.J.shape)
        count = int(np.prod([case.y.shape[i] for i in axes]))
        if count > 1 and len(axes) < case.y.ndim and case.explains(part / count):
            which = ", ".join(map(str, axes))
            sentence = f"the upstream gradient is averaged over axis {which}: its mean stands in place of dy"
            yield Cause("ignored-upstream", sentence, remedy)


def _partly(case: Case) -> Iterator[Cause]:
    """With dy = 1 the gradient is right, and with dy = 0 it is not zero: somewhere ones stand in the place of dy."""
    if case.J is None or case.given_shape != case.x.shape or len(case.trials) < 2:
        return
    none = case.lab.gradient(None, np.zeros(case.y.shape))
    ones = case.lab.gradient(None, np.ones(case.y.shape))
    if none is None or ones is None or np.max(np.abs(none)) <= case.precision * np.max(np.abs(ones)):
        return
    if case.same(ones, case.pull(np.ones(case.y.shape))):
        sentence = "one term of the gradient is not multiplied by the upstream gradient dy"
        yield Cause("ignored-upstream", sentence, "multiply every term by dy (the chain rule)")


def upstream_twice(case: Case) -> Iterator[Cause]:
    """dy² in place of dy."""
    if case.J is None or len(case.trials) < 2 or case.given_shape != case.x.shape:
        return
    before = all(case.same(case.pull(t.dy**2), t.analytic) for t in case.trials)
    after = case.x.shape == case.y.shape or case.y.size == 1
    if before or (after and all(case.same(case.pull(t.dy) * t.dy, t.analytic) for t in case.trials)):
        yield Cause("extra-factor", "dy is multiplied in twice", "multiply by dy once")


def constant(case: Case) -> Iterator[Cause]:
    """The right gradient times a constant: -1, the length of an axis that is summed or averaged, or any other."""
    trials = [t for t in case.trials if t.reference is not None]
    if case.given_shape != case.x.shape:
        return
    references = np.concatenate([t.reference.ravel() for t in trials if t.reference is not None])
    analytic = np.concatenate([t.analytic.ravel() for t in trials])
    norm = float(references @ references)
    factor = float(references @ analytic) / norm if norm else 0.0
    if not factor or not case.same(factor * references, analytic):
        return
    if np.isclose(factor, -1.0, rtol=1e-6):
        sentence = "the gradient has the wrong sign: it is the negative of the right one"
        yield Cause("sign", sentence, "flip its sign")
    known = np.count_nonzero(np.abs(references) > 1e-3 * np.max(np.abs(references)))
    if known >= 3 or any(np.isclose(factor, value, rtol=1e-7) for value in NAMED) or _length(case, factor):
        yield named_factor(case, factor, "the gradient")


def counts(case: Case) -> Iterator[Cause]:
    """Sums for means, or the reverse, of groups of several lengths: as of segments, or of windows at the border."""
    if case.J is None or case.support is None or case.given_shape != case.x.shape:
        return
    for axis, whose in ((1, "terms of each output"), (0, "uses of each input")):
        number = np.maximum(case.support.sum(axis, keepdims=True), 1)
        if np.ptp(number) == 0:
            continue
        if case.explains(case.J * number):
            sentence = f"the gradient is a sum; it should be the mean over the {whose}"
            yield Cause("sum-for-mean", sentence, "divide by their number, as the forward does")
        if case.explains(case.J / number):
            sentence = f"the gradient is a mean over the {whose}; it should be the sum"
            yield Cause("mean-for-sum", sentence, "do not divide by their number")


def named_factor(case: Case, factor: float, subject: str) -> Cause:
    """The cause of a constant factor: mean-for-sum, sum-for-mean, the length of a wrong axis, or scale."""
    if _is_length(case, factor):
        for n, place in _lengths(case).items():
            if np.isclose(factor, 1 / n, rtol=1e-7):
                sentence = f"{subject} is the mean over the {place} ({n} elements); it should be the sum"
                remedy = f"do not divide by {n}: where a mean is meant, dy has the 1/{n} already; sum it"
                return Cause("mean-for-sum", sentence, remedy)
            if np.isclose(factor, n, rtol=1e-7):
                sentence = f"{subject} is a sum over the {place} ({n} elements); it should be the mean"
                return Cause("sum-for-mean", sentence, f"divide by {n}, as the forward does")
        wrong = _other_length(case, factor)
        if wrong:
            return wrong
    text = next((text for value, text in NAMED.items() if np.isclose(factor, value, rtol=1e-7)), "")
    text = text or _length(case, factor) or f"{factor:.7g}"
    remedy = f"divide by {factor:.7g}: look for a constant that was lost or put in twice"
    return Cause("scale", f"{subject} is the right one times {text}", remedy)


def _is_length(case: Case, factor: float) -> bool:
    """May it be a length? 2 and ½ are the constants of squares, unless the forward is plainly a sum or a mean."""
    if not any(np.isclose(abs(factor), value, rtol=1e-7) for value in (2.0, 0.5)):
        return True
    if case.J is None or case.support is None:
        return False
    plain = 0.5 if factor == 2.0 else 1.0
    return not case.elementwise and bool(np.allclose(case.J[case.support], plain, rtol=1e-6))


def _lengths(case: Case) -> dict[int, str]:
    """How many terms are added up along the axes that are summed, and where that is."""
    found: dict[int, str] = {}
    summed, reduced = (case.summed_axes, case.y.shape, "output"), (case.reduced_axes, case.x.shape, "input")
    for axes, shape, whose in (summed, reduced):
        for chosen in subsets(axes):
            which = ", ".join(map(str, chosen))
            place = "batch" if chosen == (0,) and len(shape) > 1 else f"axis {which} of the {whose}"
            found.setdefault(int(np.prod([shape[i] for i in chosen])), place)
    for axis, whose in ((1, "input"), (0, "output")):  # a window of them, as in pooling
        counts = np.zeros(1) if case.support is None else case.support.sum(axis)
        if np.ptp(counts) == 0:
            found.setdefault(int(counts[0]), f"elements of the {whose} that belong together")
    return {n: place for n, place in found.items() if n > 1}


def _other_length(case: Case, factor: float) -> Cause | None:
    centred = case.J is not None and bool(np.all(np.abs(case.J.sum(1)) < 1e-6 * np.max(np.abs(case.J))))
    for n in _lengths(case) if case.reduced_axes else ():
        if centred and any(np.isclose(factor, value, rtol=1e-7) for value in (n / (n - 1), (n - 1) / n)):
            sentence = f"the gradient is the right one times {factor:.7g}: n - 1 = {n - 1} and n = {n} are confused"
            return Cause("scale", sentence, "divide by the number that the forward divides by")
        for other in case.x.shape:
            if other not in (n, 1) and np.isclose(factor, n / other, rtol=1e-7):
                sentence = f"the mean divides by {other}, the length of another axis, and not by {n}"
                return Cause("wrong-axis", sentence, f"divide by the length of the axis that the forward reduces, {n}")
    return None


def _length(case: Case, factor: float) -> str:
    for n in (*case.y.shape, *case.x.shape, case.x.size, case.y.size):
        if n > 1 and np.isclose(factor, n, rtol=1e-7):
            return f"{n}, the length of an axis or array"
        if n > 1 and np.isclose(factor, 1 / n, rtol=1e-7):
            return f"1/{n}, where {n} is the length of an axis or array"
    return ""
