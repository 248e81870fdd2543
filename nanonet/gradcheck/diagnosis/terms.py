"""Mistakes in a sum: a term that is lost, has a wrong sign or constant, or is the only one that is kept."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from nanonet.gradcheck.diagnosis.case import Case, Point
from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.diagnosis.couplings import ADD
from nanonet.gradcheck.diagnosis.grammar import samples, steady
from nanonet.gradcheck.diagnosis.names import complexity
from nanonet.gradcheck.diagnosis.parts import KEEP_ALL
from nanonet.gradcheck.diagnosis.rearranged import orders
from nanonet.gradcheck.diagnosis.whole import named_factor


def constant_term(case: Case) -> Iterator[Cause]:
    """J - A is the same at other inputs, one number at some places and zero at the others: a target, a one-hot row."""
    if case.pair is None or case.y.size != 1 or len(case.points) < 2:
        return
    rests = [p.J - p.A for p in case.points]
    scale = float(np.max(np.abs(case.points[0].J)))
    linear = case.same(case.points[0].J, case.points[1].J)
    if linear or not all(case.same(rests[0], r, scale) for r in rests[1:]):
        return
    there = rests[0][np.abs(rests[0]) > 1e-5 * scale]
    if there.size < 2 or np.ptp(there) > 1e-5 * scale or there.size > 0.6 * case.x.size:
        return
    size = abs(float(there[0]))
    for n in (1, *case.x.shape, case.x.size):
        if abs(size * n - 1) < 1e-5:
            yield Cause("missing-term", "a constant term, as of a target or a one-hot row, is missing", ADD)
        if abs(size * n - 2) < 1e-5:
            yield Cause("sign", "a constant term, as of a target or a one-hot row, has the wrong sign", "flip its sign")


def direct_path(case: Case) -> Iterator[Cause]:
    """y = x + g(x): dy itself is lost, or is all there is."""
    if case.J is None or case.x.shape != case.y.shape or case.given_shape != case.x.shape:
        return
    known = case.A is not None  # for one cotangent only, other paths are as likely
    identity = np.eye(case.x.size)
    constant = case.elementwise and float(np.ptp(np.diag(case.J))) <= 1e-6
    if not constant and case.explains(case.J - identity):
        yield Cause("overwritten", "the gradient of the direct path (dy itself) is lost", KEEP_ALL)
    if known and not case.elementwise and case.explains(identity) and not _is_coupling(case):
        sentence = "only the direct path (dy itself) is kept: the gradient through the other path is lost"
        yield Cause("overwritten", sentence, KEEP_ALL)


def _is_coupling(case: Case) -> bool:
    """Is J, but for its diagonal, all zero?"""
    return bool(np.all(np.diag(case.support) == 0)) if case.support is not None else True


def by_zeroing(case: Case) -> Iterator[Cause]:
    """J splits into the part that is left where an input is zero and the rest; A has one of the two wrong."""
    if case.pair is None or len(case.inputs) < 2:
        return
    J, A = case.pair
    scale = float(np.max(np.abs(J)))
    if case.elementwise and case.same(A, np.eye(len(A))):
        return  # the local derivative is missing, as 1 - z in (1 - z)·b
    for k in range(len(case.inputs)):
        inputs = [np.zeros_like(x) if i == k else x for i, x in enumerate(case.inputs)]
        point = case.point(inputs)
        if point is None or k == case.index:
            continue
        left, rest = point.J, J - point.J
        if min(float(np.max(np.abs(left))), float(np.max(np.abs(rest)))) < 1e-3 * scale:
            continue
        first, second = _multiple(case, point.A, left), _multiple(case, A - point.A, rest)
        if first is None or second is None or not case.same(first * left + second * rest, A, scale):
            continue
        if abs(second - 1) < 1e-4 and abs(first - 1) > 1e-4:
            yield _scaled(case, first, f"that does not depend on input {k}")
        if abs(first - 1) < 1e-4 and abs(second - 1) > 1e-4:
            yield _scaled(case, second, f"that depends on input {k}")


def _multiple(case: Case, given: np.ndarray, right: np.ndarray) -> float | None:
    """The constant c with given = c·right."""
    c = float(np.vdot(right, given)) / float(np.vdot(right, right))
    return c if np.max(np.abs(c * right - given)) <= case.precision * np.max(np.abs(right)) * max(1, abs(c)) else None


def _scaled(case: Case, c: float, which: str) -> Cause:
    if abs(c) < 1e-4:
        kind = "overwritten" if _is_direct(case) else "missing-term"
        return Cause(kind, f"the term {which} is missing", ADD)
    if abs(c + 1) < 1e-4:
        return Cause("sign", f"the term {which} has the wrong sign", "flip its sign")
    return named_factor(case, c, f"the term {which}")


def _is_direct(case: Case) -> bool:
    """Is the term that is lost, or the one that is kept, dy itself?"""
    if case.pair is None or case.x.shape != case.y.shape:
        return False
    J, A = case.pair
    return any(case.same(M, np.eye(case.x.size)) for M in (A, J - A))


def other_use(case: Case) -> Iterator[Cause]:
    """An input is used twice, in the same way but for an order: J = A + P·A·Q, or A at a transposed operand."""
    if case.pair is None:
        return
    J, A = case.pair
    rest, scale = J - A, float(np.max(np.abs(J)))
    sentence = "only one term is kept: the input is used more than once, and its gradients were not added up"
    cause = Cause("overwritten", sentence, KEEP_ALL)
    of_x = [None, *[o for o in orders(case.x.shape, zeros=False) if o.kind == "transpose"]]
    of_y = [None, *[o for o in orders(case.y.shape, zeros=False) if o.kind == "transpose"]]
    turned = [(A, cause)]
    missing = Cause("missing-term", "of two terms, as A·x and Aᵀ·x, only one is there", ADD)
    for k, v in enumerate(case.inputs):
        for order in orders(v.shape, zeros=False):
            if order.kind == "transpose" and k != case.index:
                again = case.lab.given([order.of(x) if i == k else x for i, x in enumerate(case.inputs)])
                turned += [] if again is None or again.shape != A.shape else [(again, missing)]
    for M, cause in turned:
        for a in of_x:
            for b in of_y:
                N = M if a is None else M[:, a.index]
                N = N if b is None else N[b.index]
                if not case.same(N, A, scale) and case.same(N, rest, scale):
                    yield cause


def simple_terms(case: Case) -> Iterator[Cause]:
    """Each input element reaches one output, or each output one input: J - A is a vector, looked for in the grammar."""
    if case.pair is None or not case.points:
        return
    profile = _profile(case, case.points)
    if profile is None:
        return
    right, given, shape = profile
    if len(np.unique(np.round(right / np.max(np.abs(right)), 6))) < 4:
        return  # a step function: what differs is a condition, and no term
    rest = right - given
    use = np.abs(rest) > 1e-6 * np.max(np.abs(right))
    if np.count_nonzero(use) < max(4, 0.5 * use.size):
        return
    right, given, rest = right[use], given[use], rest[use]
    if _flat(rest) and not _flat(right):
        if abs(float(np.median(rest)) - 1) < 1e-5 and case.x.shape == case.y.shape:
            yield Cause("overwritten", "the gradient of the direct path (dy itself) is lost", KEEP_ALL)
        yield Cause("missing-term", f"the constant term {float(np.median(rest)):.6g} is missing", ADD)
    expressions = samples(case.points, shape, use)
    if not expressions:
        return
    names, table = list(expressions), np.stack(list(expressions.values()))
    middle = (right + given) / 2  # what is left of J where a term has the wrong sign
    known = [_product_known(v, table) for v in (middle, given)]
    inverse = [3, 0]
    if np.all(right != 0) and np.all(given != 0):
        inverse = [_product_known(v, table) for v in ((1 / right + 1 / given) / 2, 1 / given)]
    if known[0] < known[1] or inverse[0] < inverse[1]:
        yield Cause("sign", "one term of the local derivative has the wrong sign", "flip the sign of that term")
    share = _share_far_away(case)
    if share is not None and abs(share - 2) < 1e-3:
        yield Cause("sign", "one term of the gradient has the wrong sign", "flip the sign of that term")
    if share is None and known[1] > 2:
        return  # what is left is no simple term: there may be any number of mistakes
    if share is not None and abs(share - 1) > 1e-3:
        return
    for i in np.flatnonzero(steady(rest / table)):
        yield Cause("missing-term", f"a term in {names[i]} is missing", ADD)
    for i, j in combinations(range(len(names)), 2) if len(names) < 200 else ():
        if abs(rest[0] * table[i, 1] * table[j, 1] - rest[1] * table[i, 0] * table[j, 0]) > 1e-5 * abs(
            rest[0] * table[i, 1] * table[j, 1]
        ):
            continue
        if steady(rest / (table[i] * table[j])):
            yield Cause("missing-term", f"a term in {names[i]} · {names[j]} is missing", ADD)


def product_rule(case: Case) -> Iterator[Cause]:
    """y = x^n·v(x): one of the two terms n·y/x and x^n·v'(x) is lost."""
    if case.pair is None or not case.elementwise or not case.points:
        return
    profile = _profile(case, case.points)
    if profile is None:
        return
    right, given, _ = profile
    with np.errstate(all="ignore"):
        quotient = np.concatenate([(p.y / p.inputs[case.index]).ravel() for p in case.points])
        quotient = np.where(np.isfinite(quotient), quotient, 0.0)
    use = np.abs(quotient) > 1e-9
    if np.count_nonzero(use) < 4 or _flat(quotient[use]):
        return
    use &= np.abs(right) > 0
    for part in (given, right - given):
        if part is not given and not _is_product(case, given):
            continue
        ratio = part[use] / quotient[use]
        if _flat(ratio) and any(abs(float(np.median(ratio)) - n) < 1e-5 for n in (1, 2, 3, 0.5)):
            yield Cause("missing-term", "one of the two terms of the product rule is missing", ADD)


def _is_product(case: Case, given: np.ndarray) -> bool:
    """Is what was given one expression of the grammar, or a product of two?"""
    expressions = samples(case.points, case.x.shape, np.ones(given.size, dtype=bool))
    return bool(expressions) and _product_known(given, np.stack(list(expressions.values()))) <= 2


def _product_known(v: np.ndarray, table: np.ndarray) -> int:
    """0 for a constant, 1 for one expression of the grammar, 2 for a product of two, 3 for anything else."""
    level = complexity(v, table)
    if level < 2 or len(table) > 200:
        return level if level < 2 else 3
    quotients = v / table
    return 2 if any(np.any(steady(quotients[i] / table[i:])) for i in range(len(table))) else 3


def _share_far_away(case: Case) -> float | None:
    """What J - A is of J where the input is so large or small that one term outweighs all others; None if none does."""
    for scale in (1e-3, 1e3):
        point = case.point([x * scale if k == case.index else x for k, x in enumerate(case.inputs)])
        profile = None if point is None else _profile(case, [point])
        if profile is None:
            continue
        right, given, _ = profile
        share = (right - given) / right
        if np.ptp(share) < 1e-3 * abs(np.median(share)) and abs(np.median(share)) > 0.1:
            return float(np.median(share))
    return None


def _flat(v: np.ndarray) -> bool:
    return float(np.ptp(v)) <= 1e-5 * float(np.max(np.abs(v)))


def _profile(case: Case, points: list[Point]) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]] | None:
    """(right, given) of all points strung together, in the shape of x, or of y, where they are vectors in effect."""
    for axis, shape in ((0, case.x.shape), (1, case.y.shape)):
        right, given = [], []
        for p in points:
            there = (np.abs(p.J) > 1e-7 * np.max(np.abs(p.J))) | (np.abs(p.A) > 1e-7 * np.max(np.abs(p.A)))
            if np.any(there.sum(axis) > 1):
                break
            right.append(p.J.sum(axis))
            given.append(p.A.sum(axis))
        if len(right) == len(points):
            return np.concatenate(right), np.concatenate(given), shape
    return None
