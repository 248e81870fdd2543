"""Mistakes in an order: axes exchanged, elements reversed or shifted, in dy, in the gradient or in an operand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from nanonet.gradcheck.diagnosis.case import Case, subsets
from nanonet.gradcheck.diagnosis.cause import Cause


@dataclass(frozen=True)
class Order:
    """Another order of an array's elements: flat indices into it, -1 for a zero."""

    kind: str
    text: str
    remedy: str
    index: np.ndarray
    axes: tuple[int, ...] = ()

    def of(self, array: np.ndarray) -> np.ndarray:
        """The array in this order (of the same shape)."""
        moved = array.ravel()[self.index]
        return np.where(self.index < 0, 0.0, moved).reshape(array.shape)

    def matrix(self) -> np.ndarray:
        """M with vec(of(v)) = M·vec(v)."""
        return (self.index[:, None] == np.arange(self.index.size)).astype(np.float64)


def orders(shape: tuple[int, ...], zeros: bool = True) -> list[Order]:
    """Axes permuted (where the shape stays), reversed, rolled, and with `zeros` shifted by one place."""
    indices = np.arange(int(np.prod(shape))).reshape(shape)
    found: list[Order] = []

    def add(kind: str, text: str, remedy: str, index: np.ndarray, axes: tuple[int, ...]) -> None:
        if not np.array_equal(index, indices):
            found.append(Order(kind, text, remedy, index.ravel(), axes))

    for axes in permutations(range(len(shape))) if len(shape) <= 5 else ():
        if indices.transpose(axes).shape == shape:
            back = tuple(int(i) for i in np.argsort(axes))
            text = "transposed" if len(axes) == 2 else f"permuted (its axes are in the order {axes})"
            add("transpose", text, f"undo it with .transpose{back}", indices.transpose(axes), axes)
    for axes in subsets(list(range(len(shape))))[:15]:
        which = f"axis {axes[0]}" if len(axes) == 1 else f"the axes {axes}"
        add("flipped", f"reversed along {which}", f"reverse it along {which}, once", np.flip(indices, axes), axes)
    for axis in range(len(shape)):
        for by in (1, -1) if shape[axis] >= 3 else ():
            way = "later" if by > 0 else "earlier"
            text = f"shifted along axis {axis} (each element sits one place {way})"
            remedy = f"move it by one along axis {axis}: check the slice bounds"
            rolled = np.roll(indices, by, axis)
            add("off-by-one", text, remedy, rolled, (axis,))
            cut = np.moveaxis(rolled.copy(), axis, 0)
            cut[0 if by > 0 else -1] = -1
            if zeros:
                add("off-by-one", text, remedy, np.moveaxis(cut, 0, axis), (axis,))
    return found


def rearranged(case: Case) -> Iterator[Cause]:
    """A = P·J, J·Q or P·J·Q for the matrices of such orders."""
    J = case.J
    if J is None or case.given_shape != case.x.shape:
        return
    of_x, of_y = orders(case.x.shape), orders(case.y.shape)
    for order in of_x:
        if case.explains(_columns(J, order)) and case.elsewhere(lambda M, o=order: _columns(M, o)):
            yield _cause(case, order, "the gradient is")
    for order in of_y:
        if case.explains(order.matrix().T @ J) and case.elsewhere(lambda M, o=order: o.matrix().T @ M):
            yield _cause(case, order, "the upstream gradient is")
    for a in of_x:
        for b in of_y:
            alike = a.kind == b.kind and (a.axes == b.axes or a.kind == "transpose")
            if alike and a.kind in ("transpose", "flipped") and case.explains(b.matrix().T @ _columns(J, a)):
                if not case.elsewhere(lambda M, a=a, b=b: b.matrix().T @ _columns(M, a)):
                    continue
                if case.elementwise and _is_mask(J):
                    continue  # a mask that is the wrong way round
                if case.elementwise:
                    yield _cause(case, a, "what dy is multiplied by is")
                if a.kind == "transpose" and len(case.inputs) == 1 and len(case.summed_axes) < case.y.ndim:
                    yield Cause("wrong-axis", "the rule runs along the wrong axis", "use the axis of the forward")
                yield _cause(case, a, "what dy is multiplied by is")
    if case.x.shape == case.y.shape and not case.elementwise and case.explains(J.T):
        sentence = "the Jacobian is applied without its transpose: J·dy in place of Jᵀ·dy"
        kind = "flipped" if _runs(case) else "transpose"
        yield Cause(kind, sentence, "transpose the matrix that the forward multiplies by; run the other way through it")
    if case.A is not None:
        for order in of_x + of_y:  # what falls over the edge in the right gradient is still there in the given one
            if order.kind != "off-by-one" or np.all(order.index >= 0):
                continue
            sides = [_columns(case.A, order)] if order.index.size == J.shape[1] else []
            sides += [order.matrix().T @ case.A] if order.index.size == len(J) else []
            if any(case.same(M, J) for M in sides):
                yield Cause(order.kind, "the gradient lacks a shift by one place", order.remedy)
    yield from _reshaped(case)


def _is_mask(J: np.ndarray) -> bool:
    """Is the diagonal one number at some places and 0 at the others?"""
    slopes = np.diag(J)
    on = np.abs(slopes) > 1e-9 * np.max(np.abs(slopes))
    return not np.all(on) and bool(np.ptp(slopes[on]) < 1e-6 * np.max(np.abs(slopes)))


def _columns(J: np.ndarray, order: Order) -> np.ndarray:
    return np.where(order.index < 0, 0.0, J[:, order.index])


def _runs(case: Case) -> bool:
    """Is the function a running one, as a cumulative sum, each output of the inputs up to its own place?"""
    support = case.support
    return support is not None and not (np.any(np.triu(support, 1)) and np.any(np.tril(support, -1)))


def _cause(case: Case, order: Order, subject: str) -> Cause:
    reduces = 0 < case.y.ndim < case.x.ndim and case.reduced_axes
    if order.kind == "transpose" and reduces:
        sentence = "the gradient is spread along the wrong axis of the input"
        return Cause("wrong-axis", sentence, "use the axis of the forward")
    return Cause(order.kind, f"{subject} {order.text}", order.remedy)


def _reshaped(case: Case) -> Iterator[Cause]:
    """The forward moves axes; the backward only reshapes."""
    J = case.J
    if J is None or J.shape[0] != J.shape[1] or case.y.ndim < 2:
        return
    identity = np.eye(len(J))
    size = float(np.max(np.abs(J)))
    if not case.explains(size * identity):
        return
    indices = np.arange(case.y.size)
    for shape in {case.y.shape, case.x.shape, *_split(case.x.shape), *_split(case.y.shape)}:
        for axes in permutations(range(len(shape))):
            moved = indices.reshape(shape).transpose(axes).ravel()
            if case.same(J, size * identity[moved]) or case.same(J, size * identity[:, moved]):
                sentence = "the gradient is reshaped where it must be transposed"
                yield Cause("transpose", sentence, "undo the forward's transposition, then its reshape")


def _split(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """A shape with one or two of its axes split in two, as of pixels that are shuffled into channels."""
    found, new = [], [tuple(n for n in shape if n > 1)]
    for _ in range(2):
        new = [
            (*s[:i], n // k, k, *s[i + 1 :])
            for s in new
            for i, n in enumerate(s)
            for k in range(2, n)
            if n % k == 0 and len(s) < 6
        ]
        found += new
    return found[:20]
