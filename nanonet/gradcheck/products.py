"""Mistakes in a product: operands swapped or transposed, a factor lost, one of several terms kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from nanonet.gradcheck.case import Case, Trial, subsets
from nanonet.gradcheck.cause import Cause

MASK = "v > 0"


class Product(NamedTuple):
    """dy (perhaps times a local derivative) times an operand, each perhaps transposed, in one order or the other."""

    upstream: str
    operand: str
    dy_first: bool
    dy_turned: bool
    operand_turned: bool


def local_derivatives(v: np.ndarray) -> dict[str, np.ndarray]:
    """Local derivatives that functions commonly have, written with their output v."""
    return {
        "1 - v²": 1 - v**2,
        "v(1 - v)": v * (1 - v),
        MASK: (v > 0).astype(float),
        "v <= 0": (v <= 0).astype(float),
        "v": v,
        "1 - exp(-v)": 1 - np.exp(-v),
        "1/v": 1 / v,
        "2v": 2 * v,
        "1/2v": 0.5 / v,
        "v²": v**2,
    }


def products(case: Case, trial: Trial) -> dict[Product, np.ndarray]:
    """Every such product that has the shape of the given gradient."""
    upstream = {"dy": trial.dy} | {f"dy·({k})": trial.dy * h for k, h in local_derivatives(case.y).items()}
    operands = {f"input {i}": v for i, v in enumerate(case.inputs) if v.ndim} | {"the output": case.y}
    found: dict[Product, np.ndarray] = {}
    for d_name, d in upstream.items():
        for name, operand in operands.items():
            for d_turned, D in enumerate(_matrices(d)):
                for turned, P in enumerate(_matrices(operand)):
                    for first in (True, False):
                        array = _product(D, P) if first else _product(P, D)
                        array = None if array is None else _shaped(array, trial.analytic.shape)
                        if array is not None:
                            found[Product(d_name, name, first, bool(d_turned), bool(turned))] = array
        for axes in subsets(list(range(d.ndim))):
            summed = _shaped(np.sum(d, axes), trial.analytic.shape)
            if summed is not None:
                found[Product(d_name, f"ones over {axes}", True, False, False)] = summed
    return found


def _matrices(v: np.ndarray) -> list[np.ndarray]:
    if v.ndim < 2:
        return [v.reshape(1, -1), v.reshape(-1, 1)]
    return [v, np.swapaxes(v, -1, -2)]


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray | None:
    if a.shape[-1] != b.shape[-2]:
        return None
    try:
        return a @ b
    except ValueError:  # the leading axes do not go together
        return None


def _shaped(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """The product in the gradient's shape: leading axes summed, axes of length 1 dropped; None if it does not fit."""
    while array.ndim > len(shape) and array.ndim > 2:
        array = array.sum(0)
    kept = tuple(n for n in array.shape if n != 1)
    return array.reshape(shape) if kept == tuple(n for n in shape if n != 1) else None


def product_edits(case: Case) -> Iterator[Cause]:
    """The right gradient is one product, the given one another: what differs is the mistake."""
    if case.x.size < 2:
        return
    all_given = products(case, case.first)
    given = [p for p, array in all_given.items() if case.same(array, case.first.analytic, case.first.bars)]
    later = [products(case, t) for t in case.trials[1:]] if given else []
    given = [p for p in given if all(case.same(q[p], t.analytic) for q, t in zip(later, case.trials[1:], strict=True))]
    if not given:
        return
    right = [p for p, v in all_given.items() if case.same(v, case.first.reference, case.first.bars)]
    pairs = sorted((sum(a != b for a, b in zip(g, r, strict=True)), g, r) for g in given for r in right)
    if pairs:
        yield _difference(*pairs[0][1:])
    if right or case.first.analytic.shape != case.x.shape:
        return
    rest = case.first.reference - case.first.analytic
    if any(case.same(v, rest, case.first.bars) for v in all_given.values()):
        sentence = "only one term is kept: the input is used more than once, and its gradients were not added up"
        yield Cause("overwritten", sentence, "add the gradient of every use (+= in place of =)")
    elif given[0].upstream == "dy" and _lost_row_factor(case):
        sentence = "the local derivative of the output is missing: dy goes on without it"
        yield Cause("missing-factor", sentence, "multiply dy by the local derivative first")


def _lost_row_factor(case: Case) -> bool:
    """Is each row of the right Jacobian a multiple of the given one's, by more than one factor?"""
    A, J = case.given_jacobian, case.J
    if A is None or J is None:
        return False
    factors = np.sum(A * J, 1) / np.sum(A * A, 1)
    return case.same(factors[:, None] * A, J) and float(np.ptp(factors)) > 1e-3 * float(np.max(np.abs(factors)))


def _difference(given: Product, right: Product) -> Cause:
    if given.upstream != right.upstream:
        if MASK in right.upstream:
            sentence = "the mask of the output is missing or wrong: dy passes where the output is not above zero"
            return Cause("mask", sentence, "multiply dy by the mask (y > 0) first")
        if given.upstream == "dy":
            sentence = f"the local derivative is missing: dy stands where {right.upstream} belongs (v is the output)"
            return Cause("missing-factor", sentence, "multiply dy by the local derivative first")
        sentence = f"a factor too many: {given.upstream} stands where {right.upstream} belongs (v is the output)"
        return Cause("extra-factor", sentence, f"use {right.upstream}")
    if given.operand.startswith("ones") and right.operand.startswith("ones"):
        return Cause("wrong-axis", "the gradient is summed over the wrong axis", "sum over the broadcast axes")
    if given.operand != right.operand or given.dy_first != right.dy_first:
        how = "the operands are in the wrong order" if given.operand == right.operand else f"{given.operand} is used"
        sentence = f"operands swapped: {how} where {right.operand} belongs"
        return Cause("swapped-operands", sentence, f"multiply dy by {right.operand}, in the order of the shapes")
    what = "dy" if given.dy_turned != right.dy_turned else right.operand
    need = right.dy_turned if what == "dy" else right.operand_turned
    sentence = f"{what} is {'not ' if need else ''}transposed in the product"
    return Cause("transpose", sentence, f"{'transpose' if need else 'do not transpose'} {what} there")


def exchanged(case: Case) -> Iterator[Cause]:
    """The gradient of another operand, which has this one's in turn."""
    for j in _owners(case):
        other = case.evidence.others[j]
        if other is not None and case.same(other, case.first.reference, case.first.bars):
            sentence = f"the gradients of the inputs {case.index} and {j} are swapped"
            yield Cause("swapped-operands", sentence, "return the gradients in the order of the inputs")


def swapped(case: Case) -> Iterator[Cause]:
    """The gradient of another operand."""
    for j in _owners(case):
        sentence = f"the gradient of input {j} is given for input {case.index}: the operands are swapped"
        yield Cause("swapped-operands", sentence, "multiply dy by the other operand, not by this one")


def _owners(case: Case) -> list[int]:
    """The other inputs whose right gradient is the one that was given."""
    found = [j for j, r in enumerate(case.evidence.references) if r.size > 1 and case.same(r, case.first.analytic)]
    return [j for j in found if j != case.index]
