"""Mistakes that keep a part of the Jacobian and lose the rest, or add what is not in it, element by element."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nanonet.gradcheck.diagnosis.case import NOTHING, Case, present
from nanonet.gradcheck.diagnosis.cause import Cause

KEEP_ALL = "add the gradient of every use (+= in place of =)"


def single_entry(case: Case) -> Iterator[Cause]:
    """All right but for one element."""
    if case.given_shape != case.x.shape or case.x.size < 3:
        return
    wrong = np.zeros(case.x.shape, dtype=bool)
    for t in case.trials:
        if t.reference is not None:
            scale = max(float(np.max(np.abs(t.reference))), float(np.max(np.abs(t.analytic))))
            wrong |= np.abs(t.analytic - t.reference) > case.precision * scale
    if np.count_nonzero(wrong) == 1:
        at = [int(i) for i in np.argwhere(wrong)[0]]
        sentence = f"a single element is wrong, {at}; all others are right"
        yield Cause("single-entry", sentence, "look at what is special there: an index, a border, a special case")


def coupling(case: Case) -> Iterator[Cause]:
    """The diagonal of the Jacobian alone."""
    J = case.J
    if J is None or case.x.size != case.y.size or case.elementwise or case.x.size < 2:
        return
    if case.explains(np.diag(np.diag(J))):
        sentence = "each output is treated as if it depended on its own input only: the coupling terms are missing"
        yield Cause("missing-coupling", sentence, "add the terms off the diagonal of the Jacobian")


def kept(case: Case) -> Iterator[Cause]:
    """A equals J where it is not zero: which part of J is that?"""
    if case.pair is None:
        return
    J, A = case.pair
    scale = float(np.max(np.abs(J)))
    given, right = np.abs(A) > case.precision * scale, present(J)
    if not np.any(given) or not case.same(np.where(given, J, 0.0), A, scale):
        return
    lost = right & ~given
    yield from _slices(case, given, right)
    yield from _one_use(case, given, right)
    yield from _one_of_two_places(case, given, lost)
    yield from _lost_coupling(case, given, lost)
    yield from _one_distance(case, given, lost)


def _slices(case: Case, given: np.ndarray, right: np.ndarray) -> Iterator[Cause]:
    """Only one slice of an axis is used, or all but one."""
    for whose, shape, flags in (("output", case.y.shape, (given, right)), ("input", case.x.shape, (given.T, right.T))):
        for axis, length in enumerate(shape):
            if length < 2:
                continue
            g, r = [np.moveaxis(f.reshape(*shape, -1), axis, 0).reshape(length, -1) for f in flags]
            whole = ~np.any(g ^ r, 1)
            empty = ~np.any(g, 1)
            busy = np.any(r, 1)
            if not np.all(np.logical_or(whole, empty)) or np.all(whole):
                continue
            used, lost = np.flatnonzero(whole & busy), np.flatnonzero(empty & busy)
            if len(used) == 1 and whose == "output":
                which = {0: "first", length - 1: "last"}.get(int(used[0]), f"number {used[0]}")
                sentence = f"only the {which} term of the sum over axis {axis} of the output is kept"
                yield Cause("overwritten", sentence, KEEP_ALL)
            elif len(lost) == 1 and len(used) > 1:
                sentence = f"the slice {lost[0]} of axis {axis} of the {whose} gets no gradient; all others are right"
                remedy = "check the bounds of the loop or slice: it begins too late or ends too early"
                if lost[0] in (0, length - 1):
                    yield Cause("off-by-one", sentence, remedy)


def _one_use(case: Case, given: np.ndarray, right: np.ndarray) -> Iterator[Cause]:
    """Of an element's several uses, the last or the first alone is kept."""
    if np.all(right.sum(0) <= 1):
        return
    order = np.arange(len(right))[:, None]
    for at, which in ((-1, "last"), (0, "first")):
        chosen = np.where(right, order, -1).max(0) if at else np.where(right, order, len(right)).min(0)
        if np.array_equal(given, right & (order == chosen)):
            sentence = f"an element that is used several times gets only its {which} gradient"
            yield Cause("overwritten", sentence, KEEP_ALL)
    for axis in range(case.y.ndim):  # the last of the slices of one axis that use it
        spread = np.moveaxis(right.reshape(*case.y.shape, -1), axis, 0)
        g = np.moveaxis(given.reshape(*case.y.shape, -1), axis, 0)
        place = np.arange(len(spread)).reshape(-1, *[1] * (spread.ndim - 1))
        used = np.any(spread, axis=tuple(range(1, spread.ndim - 1)), keepdims=True)
        for last in (True, False):
            chosen = np.where(used, place, -1).max(0) if last else np.where(used, place, len(spread)).min(0)
            if np.array_equal(g, spread & (place == chosen)):
                which = "last" if last else "first"
                sentence = f"an element that is used several times gets only its {which} gradient"
                yield Cause("overwritten", sentence, KEEP_ALL)


def _one_distance(case: Case, given: np.ndarray, lost: np.ndarray) -> Iterator[Cause]:
    """Of an element's uses at several distances along an axis, as in x[1:] - x[:-1], those at one are kept."""
    if case.x.ndim != case.y.ndim:
        return
    for axis in range(case.x.ndim):
        of_y = np.indices(case.y.shape)[axis].ravel()[:, None]
        of_x = np.indices(case.x.shape)[axis].ravel()[None, :]
        distance = of_y - of_x
        kept = np.unique(distance[given])
        if len(kept) == 1 and np.any(lost) and not np.any(lost & (distance == kept[0])):
            sentence = f"an element is used at several places along axis {axis}, and only one use gets its gradient"
            if np.any(lost.any(0) & ~given.any(0)):  # an assignment would have kept what is used once
                yield Cause("missing-term", sentence, KEEP_ALL)
            yield Cause("overwritten", sentence, KEEP_ALL)


def _one_of_two_places(case: Case, given: np.ndarray, lost: np.ndarray) -> Iterator[Cause]:
    """y[i, j] depends on the slices i and j of x, as a distance does; those of one axis of y alone are kept."""
    if not np.any(lost):
        return
    for axis, length in enumerate(case.x.shape):
        of_x = np.indices(case.x.shape)[axis].ravel()[None, :]
        met = [
            np.indices(case.y.shape)[k].ravel()[:, None] == of_x for k, n in enumerate(case.y.shape) if n == length > 1
        ]
        for i, one in enumerate(met):
            for j, other in enumerate(met):
                if i != j and not np.any(given & ~one) and not np.any(lost & ~other):
                    sentence = f"slices of axis {axis} are used in pairs, and only one of the two gets its gradient"
                    yield Cause("overwritten", sentence, KEEP_ALL)


def _lost_coupling(case: Case, given: np.ndarray, lost: np.ndarray) -> Iterator[Cause]:
    """What is lost are the entries between different places along an axis; those within a place are kept."""
    if case.x.ndim != case.y.ndim:
        return
    for axis in range(case.x.ndim):
        if case.x.shape[axis] != case.y.shape[axis] or case.x.shape[axis] < 2:
            continue
        of_y = np.indices(case.y.shape)[axis].ravel()[:, None]
        of_x = np.indices(case.x.shape)[axis].ravel()[None, :]
        apart = of_y != of_x
        if not np.any(given & apart) and not np.any(lost & ~apart):
            sentence = f"outputs are treated as if they depended on inputs at the same place along axis {axis} only"
            yield Cause("missing-coupling", sentence, f"add the terms between different places along axis {axis}")


def selected(case: Case) -> Iterator[Cause]:
    """J equals A where J is not zero, and A is not zero elsewhere too: elements that the forward did not select."""
    if case.pair is None:
        return
    J, A = case.pair
    right, given = present(J), present(A)
    scale = float(np.max(np.abs(J)))
    extra = given & ~right
    remedy = "select with the same condition or index as the forward"
    if np.any(extra) and case.same(np.where(right, A, 0.0), J, scale) and right.sum(1).max() <= 1 and _few(A[given]):
        sentence = "the gradient also reaches elements that the forward did not select"
        yield Cause("mask", sentence, remedy)
    if np.any(extra) and right.sum(1).max() <= 1 and given.sum(1).max() <= 1 and not case.elementwise:
        counts = right.any(0).sum(), given.any(0).sum()
        if _few(J[right]) and _few(A[given]) and case.same(J[right][:1], A[given][:1]) and min(counts) > 1:
            sentence = "the gradient goes to elements that the forward did not select"
            yield Cause("mask", sentence, remedy)


def _few(values: np.ndarray) -> bool:
    return float(np.ptp(values)) <= NOTHING + 1e-6 * float(np.max(np.abs(values)))
