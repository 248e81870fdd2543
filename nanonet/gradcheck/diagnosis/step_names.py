"""The cause that goes with a wrong slope or operand of a step."""

from __future__ import annotations

import numpy as np

from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.diagnosis.chain import Edge
from nanonet.gradcheck.diagnosis.step_search import Search

MULTIPLY = "multiply by it"


def operands_of(s: Search, e: Edge) -> list[int]:
    """The other operand of a product."""
    step = s.chain.steps[e.to]
    return [step.parents[1 - e.slot]] if step.name == "multiply" and len(step.parents) == 2 else []


def slope_cause(s: Search, n: int, p: int, others: list[int], how: str, k: int, form: str) -> Cause:
    """The name of a wrong slope; `others` are the other operands of a product."""
    what = form.replace("{}", s.text(k)) if k >= 0 else ""
    at = f"in the derivative of {s.text(n)}"
    if how == "one":
        if _is_mask(s, n, p):
            return Cause("mask", f"the mask of {s.text(n)} is not applied", MULTIPLY)
        return Cause("missing-factor", f"{at}, a factor is missing: dy goes on without it", MULTIPLY)
    if how == "twice":
        return Cause("extra-factor", f"the derivative of {s.text(n)} is multiplied in twice", "multiply by it once")
    if how == "extra":
        return Cause("extra-factor", f"{at}, a factor {what} is too many", "do not multiply by it")
    if how == "missing":
        return Cause("missing-factor", f"{at}, a factor {what} is missing", MULTIPLY)
    right = next((o for o in others if s.function_of(o, k) or s.function_of(k, o)), others[0] if others else p)
    return replaced(s, n, right, k, what, product=bool(others))


def _is_mask(s: Search, n: int, p: int) -> bool:
    """Is the slope of step n 1 at some places, or one other number, and 0 at the others?"""
    edges = [e for e in s.chain.edges if e.to == n and e.source == p and e in s.chain.slopes]
    if not edges:
        return False
    slope = s.chain.slopes[edges[0]]
    on = np.abs(slope) > 1e-9
    return bool(np.any(on) and not np.all(on) and np.ptp(slope[on]) < 1e-9 * np.max(slope[on]))


def replaced(s: Search, n: int, right: int, k: int, what: str, product: bool) -> Cause:
    """Step k stands where step `right` belongs, in a product; or is what a derivative is computed from."""
    steps = s.chain.steps
    at = f"in the derivative of {s.text(n)}"
    if not product and k != n and steps[k].place[0] == steps[n].place[0] and steps[k].place != steps[n].place:
        sentence = f"{at}, what another call of the same function has kept is used"
        return Cause("stale-cache", sentence, "keep a cache for each call, and use it up in the reverse order")
    if product and k != right and steps[k].place == steps[right].place:
        sentence = f"{at}, the value of another turn of the loop is used"
        return Cause("off-by-one", sentence, "use the value that the forward used in this turn")
    if not product or s.function_of(right, k) or s.function_of(k, right):
        sentence = f"{at}, {what} stands where {s.text(right) if product else 'another value'} belongs"
        return Cause("input-for-output", sentence, "compute it from the value that the formula asks for")
    sentence = f"operands swapped: {at}, {what} stands in the place of {s.text(right)}"
    return Cause("swapped-operands", sentence, f"use {s.text(right)} there")
