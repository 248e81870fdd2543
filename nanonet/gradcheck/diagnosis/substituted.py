"""Mistakes in an operand: another array stands in its place, or it is transposed, reversed, shifted or left out.

Nothing needs to be known of the function. Where `b` stands in the place of `a`, the given gradient is the right one of
another problem, in which `a` is `b`: A(a, b) = J(b, b). Where the input stands in the place of the output, the given
rule, run at the output, is the right one: A(y) = J(x).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nanonet.gradcheck.diagnosis.case import Case, present
from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.diagnosis.ratios import factors
from nanonet.gradcheck.diagnosis.rearranged import Order, orders

LIMIT = 200  # further inputs that are tried


@dataclass(frozen=True)
class Substitution:
    """Other inputs: number k has another value; and the mistake that this would be."""

    k: int
    value: np.ndarray
    cause: Cause
    order: Order | None = None

    def inputs(self, case: Case) -> list[np.ndarray]:
        return [self.value if i == self.k else x for i, x in enumerate(case.inputs)]


def exchanged(case: Case) -> Iterator[Cause]:
    """The gradients of two inputs are given, each for the other."""
    yield from _gradient_of_another(case, both=True)


def anothers(case: Case) -> Iterator[Cause]:
    """The gradient of another input is given."""
    yield from _gradient_of_another(case, both=False)


def _gradient_of_another(case: Case, both: bool) -> Iterator[Cause]:
    for j, reference in enumerate(case.evidence.references):
        if j == case.index or reference.size < 2 or reference.size != case.evidence.analytic.size:
            continue
        if not case.same(reference, case.evidence.analytic):
            continue
        J = case.jacobians[j]
        other = case.evidence.others[j]
        if J is not None and not case.explains(J):
            continue
        mutual = other is not None and case.same(other, case.evidence.numeric)
        if mutual != both:
            continue
        factor = None if both else next(factors(case), None)
        if factor is not None and factor.kind == "missing-factor":
            return  # x·s + b with dx left out of ds: that is the gradient of b, too
        if J is not None and case.J is not None and not mutual and _chosen(case.J, J):
            sentence = f"the mask of input {j} is used for input {case.index}"
            yield Cause("mask", sentence, "each input gets dy where the forward chose it")
        sentence = f"the gradient of input {j} is given for input {case.index}: the operands are swapped"
        if mutual:
            sentence = f"the gradients of the inputs {case.index} and {j} are swapped"
        yield Cause("swapped-operands", sentence, "return the gradients in the order of the inputs")


def _chosen(J: np.ndarray, other: np.ndarray) -> bool:
    """Does each output pass on one of the two inputs, here the one and there the other?"""
    there, theirs = present(J), present(other)
    values = np.concatenate([J[there], other[theirs]])
    return not np.any(there.any(1) & theirs.any(1)) and bool(np.ptp(values) < 1e-6 * np.max(np.abs(values)))


def input_for_output(case: Case) -> Iterator[Cause]:
    """A(y) = J(x): x stands where y belongs. A(x) = J(y): y stands where x belongs."""
    if case.x.shape != case.y.shape or case.J is None or case.given_shape != case.x.shape:
        return
    at_output = Substitution(case.index, case.y, Cause("", "", "")).inputs(case)
    if case.lab.value(at_output) is None or case.same(case.x, case.y):
        return
    rerun = [case.lab.gradient(at_output, t.dy) for t in case.trials]
    right = [t.reference for t in case.trials]
    pairs = list(zip(rerun, right, strict=True))
    if all(a is not None and r is not None and case.same(a, r) for a, r in pairs):
        sentence = "the input x stands where the output y belongs"
        yield Cause("input-for-output", sentence, "compute the local derivative from the output of the forward")
    sentence = "the output y stands where the input x belongs"
    cause = Cause("input-for-output", sentence, "compute the local derivative from the input of the forward")
    again = case.lab.value(at_output)
    if again is not None and case.same(again, case.y):
        return  # as a normalisation, whose output is an input of another scale
    if _is_right_there(case, Substitution(case.index, case.y, cause)):
        yield cause


def swapped(case: Case) -> Iterator[Cause]:
    """Another array of the same shape stands in the place of an operand."""
    for substitution in _replaced(case):
        if _is_right_there(case, substitution):
            yield substitution.cause


def turned(case: Case) -> Iterator[Cause]:
    """An operand is transposed, reversed or shifted; or it is in the wrong place of a product."""
    for substitution in _reordered(case) if case.A is not None else ():
        if _is_right_there(case, substitution):
            yield substitution.cause
    yield from _other_side(case)


def left_out(case: Case) -> Iterator[Cause]:
    """Ones stand in the place of an operand, or its square, or its reciprocal."""
    for k, v in enumerate(case.inputs) if case.A is not None else ():
        if np.ptp(v) == 0:
            continue
        name = f"input {k}"
        missing = Cause("missing-factor", f"a factor {name} is missing", f"multiply by {name}")
        twice = Cause("extra-factor", f"{name} is multiplied in twice", f"multiply by {name} once")
        for value, cause in ((np.ones_like(v), missing), (v**2, twice)):
            if _is_right_there(case, Substitution(k, value, cause)):
                yield cause


def _replaced(case: Case) -> Iterator[Substitution]:
    for k, v in enumerate(case.inputs):
        for j, other in enumerate(case.inputs):
            if j == k or v.size < 2:
                continue
            same = [other] if other.shape == v.shape else []
            if other.ndim == 2 and other.T.shape == v.shape:
                same.append(other.T)
            for value in same:
                sentence = f"operands swapped: input {j} stands in the place of input {k}"
                remedy = f"use input {k} there: the gradient of a product takes the other operand"
                yield Substitution(k, value, Cause("swapped-operands", sentence, remedy))


def _reordered(case: Case) -> Iterator[Substitution]:
    for k, v in enumerate(case.inputs):
        for order in orders(v.shape)[:LIMIT]:
            cause = Cause(order.kind, f"input {k} is {order.text} where it is used", order.remedy)
            yield Substitution(k, order.of(v), cause, order)


def _is_right_there(case: Case, substitution: Substitution) -> bool:
    """Is the given gradient the right one for these other inputs, and is that another than the right one here?"""
    inputs = substitution.inputs(case)
    if case.J is None or case.given_shape != case.x.shape or case.lab.value(inputs) is None:
        return False
    direction = _direction(case)
    slope = case.lab.slope(inputs, case.index, direction)
    if slope is None or not _matters(case, substitution.k, direction):
        return False
    for t in case.trials:  # a cheap look along one direction, before the whole Jacobian is measured
        given, scale = (
            float(np.vdot(t.analytic, direction)),
            float(np.abs(t.analytic).ravel() @ np.abs(direction).ravel()),
        )
        if abs(float(t.dy.ravel() @ slope) - given) > 10 * case.precision * scale:
            return False
    J = case.lab.jacobian(inputs, case.index)
    return J is not None and case.explains(J) and not case.same(J, case.J)


def _matters(case: Case, k: int, direction: np.ndarray) -> bool:
    """Does the Jacobian follow small changes of this operand? Where it does not, the operand is a condition only."""
    if k not in case.matters:
        rng = np.random.default_rng(6)
        moved = [x * rng.uniform(0.999, 1.001, x.shape) if i == k else x for i, x in enumerate(case.inputs)]
        slopes = [case.lab.slope(inputs, case.index, direction) for inputs in (case.inputs, moved)]
        same = slopes[0] is not None and slopes[1] is not None and case.same(slopes[0], slopes[1])
        case.matters[k] = not same
    return case.matters[k]


def _direction(case: Case) -> np.ndarray:
    return np.random.default_rng(2).uniform(0.5, 1.5, case.x.shape)


def _other_side(case: Case) -> Iterator[Cause]:
    """B·dy in place of dy·B: both sides transposed, and the operand too."""
    if case.J is None or case.given_shape != case.x.shape or case.x.ndim < 2:
        return
    of_x = [o for o in orders(case.x.shape, zeros=False) if o.kind == "transpose"]
    of_y = [o for o in orders(case.y.shape, zeros=False) if o.kind == "transpose"]
    for s in _reordered(case):
        if s.order is None or s.order.kind != "transpose" or case.lab.value(s.inputs(case)) is None:
            continue
        if s.k == case.index and len(case.inputs) > 1:
            continue
        J = case.lab.jacobian(s.inputs(case), case.index) if of_x else None
        if J is None:
            continue
        for a in of_x:
            turned = J[:, a.index]
            if case.y.ndim < case.x.ndim and case.explains(turned):
                yield Cause("wrong-axis", "the rule runs along the wrong axis", "use the axis of the forward")
            for b in of_y:
                if case.explains(b.matrix().T @ turned):
                    if len(case.inputs) == 1 and len(case.summed_axes) < case.y.ndim:
                        yield Cause("wrong-axis", "the rule runs along the wrong axis", "use the axis of the forward")
                    sentence = f"operands swapped: input {s.k} is on the wrong side of the product"
                    remedy = f"multiply dy by input {s.k}, transposed, on the side where the shapes say so"
                    yield Cause("swapped-operands", sentence, remedy)
