"""The wrong matrices that are tried in the steps of a forward, those first that a look along one cotangent allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from nanonet.gradcheck.diagnosis.case import Case
from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.diagnosis.chain import Chain, Change, Edge
from nanonet.gradcheck.diagnosis.couplings import ADD
from nanonet.gradcheck.diagnosis.parts import KEEP_ALL
from nanonet.gradcheck.diagnosis.rearranged import orders
from nanonet.gradcheck.diagnosis.whole import named_factor

MULTIPLY = "multiply by it"
TABLE = 400
RANK = {"one": 0, "twice": 1, "axis": 1, "instead": 2, "missing": 3, "extra": 4}  # simple before elaborate


class Search:
    """What all tries need: u[n] is the cotangent at step n, `rest` is what the given gradient has too much."""

    def __init__(self, case: Case, chain: Chain, probe: np.ndarray, rest: np.ndarray) -> None:
        self.case, self.chain, self.rest, self.probe = case, chain, rest, probe
        self.u = {n: probe @ M for n, M in chain.after.items()}
        self.total = self.u[chain.index]
        self.size = float(max(np.max(np.abs(rest)), 1e-3 * np.max(np.abs(self.total))))
        self.uses: dict[int, list[Edge]] = {}
        self.groups: dict[tuple, list[Edge]] = {}
        for e in chain.edges:
            self.uses.setdefault(e.source, []).append(e)
            self.groups.setdefault((chain.steps[e.to].place, e.slot), []).append(e)
        self.alone: dict[tuple[int, int], bool] = {}

    def fits(self, change: np.ndarray) -> bool:
        """Does this change of the first gradient explain it?"""
        return bool(np.max(np.abs(change - self.rest)) <= 3e-6 * self.size)

    def text(self, n: int) -> str:
        step, inputs = self.chain.steps[n], len(self.case.inputs)
        return step.name if n < inputs else f"step {n - inputs + 1} ({step.name})"

    def function_of(self, n: int, p: int) -> bool:
        """Does step n depend on the inputs through step p only?"""
        if (n, p) not in self.alone:
            if n == p:
                found = True
            else:
                parents = self.chain.steps[n].parents
                found = bool(parents) and all(self.function_of(k, p) for k in parents)
            self.alone[n, p] = found
        return self.alone[n, p]

    def table(self, shape: tuple[int, ...]) -> list[tuple[int, str, np.ndarray]]:
        """(step, form, values) of steps that have a shape, or are broadcast to it."""
        found = []
        for k, step in enumerate(self.chain.steps):
            v = step.value
            if v.ndim > len(shape) or v.size < 2 or len(found) > TABLE:
                continue
            try:
                v = np.broadcast_to(v, shape).ravel()
            except ValueError:
                continue
            found += [(k, form, w) for form, w in forms(v).items()]
        return found


def forms(v: np.ndarray) -> dict[str, np.ndarray]:
    """What a local derivative often is of a value."""
    return {"{}": v, "(1 - {})": 1 - v, "(1 - {}²)": 1 - v**2, "{}(1 - {})": v * (1 - v)}


def changes(case: Case, chain: Chain, probe: np.ndarray, rest: np.ndarray) -> Iterator[Change]:
    s = Search(case, chain, probe, rest)
    yield from _multiples(s)
    yield from _one_use(s)
    slopes = [c for e in chain.edges if e in chain.slopes for c in _slopes(s, e)]
    slopes += list(_functions(s))
    slopes.sort(key=lambda found: found[0])
    yield from (change for rank, change in slopes if rank <= RANK["twice"])
    for e in chain.edges:
        if e not in chain.slopes:
            yield from _linear(s, e)
    yield from _coupled(s)
    yield from _loops(s)
    yield from (change for rank, change in slopes if rank > RANK["twice"])
    yield from _at_a_step(s)


def _multiples(s: Search) -> Iterator[Change]:
    """A step's matrix times a constant, of which 0 is the most frequent."""
    for e in s.chain.edges:
        whole = s.u[e.to] @ s.chain.local[e] @ s.chain.before[e.source]
        norm = float(whole @ whole)
        if not norm:
            continue
        c = float(whole @ s.rest) / norm
        if not s.fits(c * whole):
            continue
        if len(s.uses[e.source]) == 1 and abs(c + 1) < 1e-5 and len(s.chain.steps[e.to].parents) == 1:
            continue  # then what comes before or after is lost as well
        what = f"the term through {s.text(e.to)}"
        if abs(c + 1) < 1e-5:
            others = [o for o in s.uses[e.source] if s.chain.steps[o.to].place == s.chain.steps[e.to].place]
            if len(others) > 1:
                cause = Cause("overwritten", f"one of the uses of {s.text(e.source)} is lost", KEEP_ALL)
            else:
                cause = Cause("missing-term", f"{what} is missing", ADD)
        elif s.chain.steps[e.to].parents.count(e.source) > 1:
            continue  # of x·x, one half with another sign or constant is the whole with a third
        elif abs(c + 2) < 1e-5:
            cause = Cause("sign", f"{what} has the wrong sign", "flip its sign")
        elif _usual(s, 1 + c):
            cause = named_factor(s.case, 1 + c, what)
        else:
            continue
        yield Change(cause, lambda chain, e=e, c=c: {e: (1 + c) * chain.local[e]})


def _usual(s: Search, c: float) -> bool:
    sizes = [2, 3, 4, *s.case.x.shape, *s.case.y.shape]
    return any(abs(c - v) < 1e-5 * v for n in sizes for v in (float(n), 1 / n) if n > 1)


def _one_use(s: Search) -> Iterator[Change]:
    """Of several uses of a value, one is kept."""
    for p, edges in s.uses.items():
        for kept in edges if len(edges) > 1 else ():
            lost = [e for e in edges if e != kept]
            total = sum(s.u[e.to] @ s.chain.local[e] for e in lost) @ s.chain.before[p]
            if s.fits(-total):
                sentence = f"{s.text(p)} is used {len(edges)} times, and only one use gets its gradient"
                zeros = lambda chain, lost=lost: {e: np.zeros_like(chain.local[e]) for e in lost}  # noqa: E731
                yield Change(Cause("overwritten", sentence, KEEP_ALL), zeros)


def _scan(s: Search, n: int, slope: np.ndarray, before: np.ndarray) -> Iterator[tuple[str, int, str, int]]:
    """Slopes t with which the gradient is as given: (how, step, form, sign) of those that fit."""
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


def _slopes(s: Search, e: Edge) -> Iterator[tuple[int, Change]]:
    """The slope of an elementwise step, or the other operand of a product, is another array."""
    chain = s.chain
    before = chain.spread[e] @ chain.before[e.source]
    for how, k, form, sign in _scan(s, e.to, chain.slopes[e], before):
        cause = _cause(s, e.to, e.source, _operands_of(s, e), how, k, form)

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


def _operands_of(s: Search, e: Edge) -> list[int]:
    """The other operand of a product."""
    step = s.chain.steps[e.to]
    return [step.parents[1 - e.slot]] if step.name == "multiply" and len(step.parents) == 2 else []


def _cause(s: Search, n: int, p: int, others: list[int], how: str, k: int, form: str) -> Cause:
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
    return _replaced(s, n, right, k, what, product=bool(others))


def _is_mask(s: Search, n: int, p: int) -> bool:
    """Is the slope of step n 1 at some places, or one other number, and 0 at the others?"""
    edges = [e for e in s.chain.edges if e.to == n and e.source == p and e in s.chain.slopes]
    if not edges:
        return False
    slope = s.chain.slopes[edges[0]]
    on = np.abs(slope) > 1e-9
    return bool(np.any(on) and not np.all(on) and np.ptp(slope[on]) < 1e-9 * np.max(slope[on]))


def _replaced(s: Search, n: int, right: int, k: int, what: str, product: bool) -> Cause:
    """Step k stands where step `right` belongs, in a product; or is what a derivative is computed from."""
    steps = s.chain.steps
    at = f"in the derivative of {s.text(n)}"
    if product and k != right and steps[k].place == steps[right].place:
        sentence = f"{at}, the value of another turn of the loop is used"
        return Cause("off-by-one", sentence, "use the value that the forward used in this turn")
    if not product or s.function_of(right, k) or s.function_of(k, right):
        sentence = f"{at}, {what} stands where {s.text(right) if product else 'another value'} belongs"
        return Cause("input-for-output", sentence, "compute it from the value that the formula asks for")
    sentence = f"operands swapped: {at}, {what} stands in the place of {s.text(right)}"
    return Cause("swapped-operands", sentence, f"use {s.text(right)} there")


def _linear(s: Search, e: Edge) -> Iterator[Change]:
    """A step that moves, adds or multiplies matrices: an order, an operand, the places it reaches."""
    chain = s.chain
    L, T = chain.local[e], chain.before[e.source]
    step, source = chain.steps[e.to], chain.steps[e.source]
    if L.shape[0] == L.shape[1]:
        yield from _square(s, e.to, e.source, L, lambda chain: chain.local[e])
    for order in orders(source.value.shape):
        M = np.where(order.index < 0, 0.0, L[:, order.index])
        if s.fits(s.u[e.to] @ (M - L) @ T):
            cause = Cause(order.kind, f"the gradient of {s.text(e.source)} is {order.text}", order.remedy)
            yield Change(cause, lambda chain, i=order.index: {e: np.where(i < 0, 0.0, chain.local[e][:, i])})
    for order in orders(step.value.shape):
        if s.fits(s.u[e.to] @ (order.matrix() @ L - L) @ T):
            cause = Cause(order.kind, f"the upstream gradient of {s.text(e.to)} is {order.text}", order.remedy)
            yield Change(cause, lambda chain, o=order: {e: o.matrix() @ chain.local[e]})
    yield from _operands(s, e)


def _operands(s: Search, e: Edge) -> Iterator[Change]:
    """Another matrix stands in the place of the other operand, or it is transposed."""
    chain = s.chain
    step = chain.steps[e.to]
    if len(step.parents) != 2:
        return
    r = 1 - e.slot
    right = step.parents[r]
    q = chain.steps[right].value
    direction = np.random.default_rng(5).uniform(0.5, 1.5, chain.before[e.source].shape[1])
    along = (chain.before[e.source] @ direction).reshape(chain.steps[e.source].value.shape)
    want = float((s.rest + s.u[e.to] @ chain.local[e] @ chain.before[e.source]) @ direction)
    scale = float(np.abs(s.rest) @ direction)
    for k, other in enumerate(chain.steps):
        for turned in (False, True) if other.value.ndim >= 2 else (False,):
            v = np.swapaxes(other.value, -1, -2) if turned else other.value
            if v.shape != q.shape or (k == right and not turned):
                continue
            values = [v, along] if e.slot else [along, v]
            try:
                got = float(s.u[e.to] @ np.ravel(step.run(*values)))
            except Exception:
                continue
            if abs(got - want) > 1e-5 * scale:
                continue
            if k == right:
                sentence = f"{s.text(k)} is transposed in the derivative of {s.text(e.to)}, or the reverse"
                cause = Cause("transpose", sentence, "transpose what the forward does not, and the reverse")
            else:
                cause = _replaced(s, e.to, right, k, s.text(k), product=True)
            yield Change(cause, lambda chain, k=k, turned=turned: _with_operand(chain, e, k, turned))


def _with_operand(chain: Chain, e: Edge, k: int, turned: bool) -> dict[Edge, np.ndarray] | None:
    values = [chain.steps[p].value for p in chain.steps[e.to].parents]
    v = chain.steps[k].value
    values[1 - e.slot] = np.swapaxes(v, -1, -2) if turned else v
    M = chain.fresh(e, values)
    return None if M is None else {e: M}


def _square(s: Search, n: int, p: int, L: np.ndarray, again: Callable[[Chain], np.ndarray]) -> Iterator[Change]:
    """A function that couples elements is taken for one that does not, or is left out, or runs along another axis."""
    chain = s.chain
    T, u = chain.before[p], s.u[n]
    step = chain.steps[n]
    diagonal = np.diag(np.diag(L))
    if np.any(diagonal) and not s.case.same(diagonal, L) and s.fits(u @ (diagonal - L) @ T):
        sentence = f"{s.text(n)} is treated as if each element depended on its own input only"
        cause = Cause("missing-coupling", sentence, "add the terms off the diagonal of its Jacobian")
        yield Change(cause, lambda chain: (n, p, np.diag(np.diag(again(chain))) - again(chain)))
    if s.fits(u @ (np.eye(len(L)) - L) @ T):
        sentence = f"the derivative of {s.text(n)} is missing: dy is passed on unchanged"
        yield Change(Cause("missing-factor", sentence, MULTIPLY), lambda chain: (n, p, np.eye(len(L)) - again(chain)))
    for axis in range(step.value.ndim):
        for other in range(step.value.ndim):
            y = step.value
            if axis == other or not s.case.same(_softmax(y, axis), L):
                continue
            if s.fits(u @ (_softmax(y, other) - L) @ T):
                sentence = f"the softmax of {s.text(n)} runs along axis {axis}, its gradient along axis {other}"
                cause = Cause("wrong-axis", sentence, f"sum over axis {axis}")
                yield Change(cause, lambda chain, o=other: (n, p, _softmax(chain.steps[n].value, o) - again(chain)))


def _softmax(y: np.ndarray, axis: int) -> np.ndarray:
    """diag(y) - y·yᵀ along an axis."""
    where = np.indices(y.shape).reshape(y.ndim, -1)
    rest = [i for i in range(y.ndim) if i != axis]
    together = np.all(where[rest][:, :, None] == where[rest][:, None, :], axis=0)
    return np.diag(y.ravel()) - np.outer(y, y) * together


def _functions(s: Search) -> Iterator[tuple[int, Change]]:
    """Several elementwise steps that make one function, as a sigmoid does, or a product of several."""
    chain = s.chain
    for p in chain.nodes:
        for n, slope in chain.reached(p).items():
            if n <= p or slope.size < 2 or len([e for e in chain.edges if e.to == n and e.source == p]):
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
                cause = _cause(s, n, p, others, how, k, form)

                def made(chain: Chain, n: int = n, p: int = p, how=how, k=k, form=form, sign=sign) -> tuple:
                    now = chain.reached(p)[n].ravel()
                    return n, p, (_made(chain, n, now, how, k, form, sign) - now)[:, None] * chain.spread_to(n, p)

                yield RANK[how], Change(cause, made)


def _coupled(s: Search) -> Iterator[Change]:
    """Several steps that make one function of the same shape, as a softmax does."""
    chain = s.chain
    for p in chain.nodes:
        shape = chain.steps[p].value.shape
        if chain.steps[p].value.size < 2:
            continue
        later = [n for n in chain.nodes if n > p and chain.steps[n].value.shape == shape and s.function_of(n, p)]
        whole = chain.forwards(p) if later else {}
        for n in later:
            if n in whole and not s.case.same(np.diag(np.diag(whole[n])), whole[n]):
                again = lambda chain, n=n, p=p: chain.forwards(p)[n]  # noqa: E731
                yield from _square(s, n, p, whole[n], again)


def _at_a_step(s: Search) -> Iterator[Change]:
    """The cotangent that arrives at a step has a factor too many, or lacks one."""
    chain = s.chain
    for n in chain.nodes:
        ones = np.ones(chain.steps[n].value.size)
        for how, k, form, sign in _scan(s, n, ones, chain.before[n]):
            if how not in ("extra", "missing"):
                continue
            cause = _cause(s, n, n, [], how, k, form)

            def made(chain: Chain, n: int = n, how=how, k=k, form=form, sign=sign, one=ones) -> tuple:
                return n, n, np.diag(_made(chain, n, one, how, k, form, sign) - one)

            yield Change(cause, made)


def _loops(s: Search) -> Iterator[Change]:
    """The same mistake at every turn of a loop."""
    chain = s.chain
    values: dict[tuple, list[int]] = {}
    for k, step in enumerate(chain.steps):
        values.setdefault(step.place, []).append(k)
    for edges in s.groups.values():
        if len(edges) < 2:
            continue
        first = chain.steps[edges[0].to]
        tries: list[tuple[Cause, object]] = []
        zero = Cause("missing-term", f"the term through {s.text(edges[0].to)} is missing, in every turn", ADD)
        tries.append((zero, lambda chain, edges=edges: {e: 0 * chain.local[e] for e in edges}))
        sign = Cause("sign", f"the term through {s.text(edges[0].to)} has the wrong sign", "flip its sign")
        tries.append((sign, lambda chain, edges=edges: {e: -chain.local[e] for e in edges}))
        if all(e in chain.slopes for e in edges):
            one = _cause(s, edges[0].to, edges[0].source, [], "one", -1, "")
            tries.append((one, lambda chain, edges=edges: {e: 1.0 * chain.spread[e] for e in edges}))
            twice = _cause(s, edges[0].to, edges[0].source, [], "twice", -1, "")
            tries.append(
                (twice, lambda chain, edges=edges: {e: chain.slopes[e][:, None] * chain.local[e] for e in edges})
            )
        if len(first.parents) == 2 and first.name in ("multiply", "matmul", "dot"):
            for shift in (0, 1, -1):
                for group in values.values():
                    cause, change = _turn(s, edges, group, shift)
                    if change is not None:
                        tries.append((cause, change))
        for cause, change in tries:
            M = change(chain)
            if M is None:
                continue
            got = chain.backwards(s.probe[None], M)[chain.index][0] - s.total
            if s.fits(got):
                yield Change(cause, change)  # type: ignore[arg-type]


def _turn(s: Search, edges: list[Edge], group: list[int], shift: int) -> tuple[Cause, object]:
    """Another step's value, of the same turn, the one before or after, in the place of the other operand."""
    steps = s.chain.steps
    unknown = Cause("", "", "")
    if len(group) not in (len(edges), len(edges) + 1, 1) or (len(group) == 1 and shift):
        return unknown, None
    pick: list[int] = []
    for i, e in enumerate(edges):
        at = i + shift if len(group) > 1 else 0
        right = steps[e.to].parents[1 - e.slot]
        pick.append(group[at] if 0 <= at < len(group) else right)
    rights = [steps[e.to].parents[1 - e.slot] for e in edges]
    if pick == rights or any(steps[k].value.shape != steps[r].value.shape for k, r in zip(pick, rights, strict=True)):
        return unknown, None
    last = len(edges) - 1
    if steps[pick[last]].place == steps[rights[last]].place or set(pick[:-1]) & set(rights[1:]):
        sentence = f"in the derivative of {s.text(edges[0].to)}, the value of another turn of the loop is used"
        cause = Cause("off-by-one", sentence, "use the value that the forward used in this turn")
    else:
        cause = _replaced(s, edges[0].to, rights[0], pick[0], s.text(pick[0]), product=True)

    def change(chain: Chain) -> dict[Edge, np.ndarray] | None:
        found: dict[Edge, np.ndarray] = {}
        for e, k in zip(edges, pick, strict=True):
            M = _with_operand(chain, e, k, False)
            if M is None:
                return None
            found |= M
        return found

    return cause, change
