"""Wrong slopes: of one elementwise step, of several that make one function, or of the cotangent at a step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.diagnosis.chain import Chain, Change, Edge
from nanonet.gradcheck.diagnosis.rearranged import orders
from nanonet.gradcheck.diagnosis.step_names import operands_of, slope_cause
from nanonet.gradcheck.diagnosis.step_search import Search, forms

RANK = {"one": 0, "twice": 1, "axis": 1, "instead": 2, "missing": 3, "extra": 4}  # simple before elaborate


def _scan(s: Search, n: int, slope: np.ndarray, before: np.ndarray) -> Iterator[tuple[str, int, str, int]]:
    """Slopes t with which the gradient is as given: (how, step, form, sign) of those that fit."""
    if s.late():
        return
    shape = s.chain.steps[n].value.shape
    want = s.rest + (s.u[n] * slope) @ before
    table = s.table(shape)
    with np.errstate(all="ignore"):
        tries = [("one", -1, "", np.ones_like(slope)), ("twice", -1, "", slope**2)]
        tries += [("extra", k, f, slope * v) for k, f, v in table]
        tries += [("missing", k, f, slope / v) for k, f, v in table]
        tries += [("instead", k, f, v) for k, f, v in table if np.ptp(slope) > 1e-7 * np.max(np.abs(slope))]
        all_t = np.stack([t for *_, t in tries])
        got = np.nan_to_num((all_t * s.u[n]) @ before, nan=np.inf, posinf=1e300, neginf=-1e300)
    scale = max(s.size, 1e-3 * float(np.max(np.abs(want))))
    for sign in (1, -1):
        for i in np.flatnonzero(np.max(np.abs(sign * got - want), axis=1) <= 3e-6 * scale):
            yield tries[i][0], tries[i][1], tries[i][2], sign


def _made(chain: Chain, n: int, slope: np.ndarray, how: str, k: int, form: str, sign: int) -> np.ndarray:
    """The slope that _scan found, at any point."""
    if how in ("one", "twice"):
        return sign * (np.ones_like(slope) if how == "one" else slope**2)
    v = forms(np.broadcast_to(chain.steps[k].value, chain.steps[n].value.shape).ravel())[form]
    with np.errstate(all="ignore"):
        return sign * {"extra": slope * v, "missing": slope / v, "instead": v}[how]


def slopes(s: Search, e: Edge) -> Iterator[tuple[int, Change]]:
    """The slope of an elementwise step, or the other operand of a product, is another array."""
    chain = s.chain
    before = chain.spread[e] @ chain.before[e.source]
    for how, k, form, sign in _scan(s, e.to, chain.slopes[e], before):
        cause = slope_cause(s, e.to, e.source, operands_of(s, e), how, k, form)

        def made(chain: Chain, how: str = how, k: int = k, form: str = form, sign: int = sign) -> dict:
            return {e: _made(chain, e.to, chain.slopes[e], how, k, form, sign)[:, None] * chain.spread[e]}

        yield RANK[how], Change(cause, made)
    step = chain.steps[e.to]
    for order in orders(step.value.shape) if chain.steps[e.source].value.size < step.value.size else ():
        if order.kind == "transpose" and s.fits((s.u[e.to] * chain.slopes[e]) @ (before[order.index] - before)):
            sentence = f"the gradient of {s.text(e.source)} is summed over the wrong axis"
            cause = Cause("wrong-axis", sentence, "sum over the axes that the forward broadcasts it along")
            turned = lambda chain, i=order.index: {e: chain.slopes[e][:, None] * chain.spread[e][i]}  # noqa: E731
            yield RANK["axis"], Change(cause, turned)
    if len(step.parents) == 2 and len({chain.steps[p].value.shape for p in step.parents}) == 1:
        exchanged = lambda chain: _exchanged(chain, e)  # noqa: E731
        M = exchanged(chain)
        M = None if M is None else M[e]
        if M is not None and s.fits(s.u[e.to] @ (M - chain.local[e]) @ chain.before[e.source]):
            sentence = f"the operands of {s.text(e.to)} are swapped in its derivative"
            yield RANK["axis"], Change(Cause("swapped-operands", sentence, "keep the forward's order"), exchanged)


def _exchanged(chain: Chain, e: Edge) -> dict[Edge, np.ndarray] | None:
    values = [chain.steps[p].value for p in chain.steps[e.to].parents][::-1]
    M = chain.fresh(e, values)
    return None if M is None else {e: M}


def functions(s: Search) -> Iterator[tuple[int, Change]]:
    """Several elementwise steps that make one function, as a sigmoid does, or a product of several."""
    chain = s.chain
    for p in chain.nodes:
        for n, slope in chain.reached(p).items():
            if n <= p or s.late() or slope.size < 2 or len([e for e in chain.edges if e.to == n and e.source == p]):
                continue
            others = [
                q
                for k in chain.reached(p)
                if chain.steps[k].name in ("multiply", "divide") and p < k <= n
                for q in chain.steps[k].parents
                if q not in chain.reached(p)
            ]
            before = chain.spread_to(n, p) @ chain.before[p]
            for how, k, form, sign in _scan(s, n, slope.ravel(), before):
                cause = slope_cause(s, n, p, others, how, k, form)

                def made(chain: Chain, n: int = n, p: int = p, how=how, k=k, form=form, sign=sign) -> tuple:
                    now = chain.reached(p)[n].ravel()
                    return n, p, (_made(chain, n, now, how, k, form, sign) - now)[:, None] * chain.spread_to(n, p)

                yield RANK[how], Change(cause, made)


def at_a_step(s: Search) -> Iterator[Change]:
    """The cotangent that arrives at a step has a factor too many, or lacks one."""
    chain = s.chain
    for n in chain.nodes:
        ones = np.ones(chain.steps[n].value.size)
        for how, k, form, sign in _scan(s, n, ones, chain.before[n]):
            if how not in ("extra", "missing"):
                continue
            cause = slope_cause(s, n, n, [], how, k, form)

            def made(chain: Chain, n: int = n, how=how, k=k, form=form, sign=sign, one=ones) -> tuple:
                return n, n, np.diag(_made(chain, n, one, how, k, form, sign) - one)

            yield Change(cause, made)
