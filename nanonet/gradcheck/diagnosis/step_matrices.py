"""Wrong matrices of steps that move, add or multiply, and of functions that couple their elements."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.diagnosis.chain import Chain, Change, Edge
from nanonet.gradcheck.diagnosis.rearranged import orders
from nanonet.gradcheck.diagnosis.step_names import MULTIPLY, replaced
from nanonet.gradcheck.diagnosis.step_search import Search


def linear(s: Search, e: Edge) -> Iterator[Change]:
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
                cause = replaced(s, e.to, right, k, s.text(k), product=True)
            yield Change(cause, lambda chain, k=k, turned=turned: with_operand(chain, e, k, turned))


def with_operand(chain: Chain, e: Edge, k: int, turned: bool) -> dict[Edge, np.ndarray] | None:
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


def coupled(s: Search) -> Iterator[Change]:
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
