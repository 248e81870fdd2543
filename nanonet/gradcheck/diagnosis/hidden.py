"""Mistakes in the derivative of a hidden layer, between two matrices that are inputs.

Of y = f(x·W)·V, each sample's Jacobian is W·diag(s)·V with the local derivative s of its hidden units: linear in s, so
that s is found by least squares, from the right Jacobian and from the given one. Either matrix may be absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from nanonet.gradcheck.diagnosis.case import Case, Point
from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.diagnosis.names import name_factor


@dataclass(frozen=True)
class Frame:
    """The matrices around the hidden units: input numbers (None: no matrix) and whether each is transposed."""

    first: int | None
    turned: bool
    last: int | None
    last_turned: bool

    def columns(self, inputs: tuple[np.ndarray, ...], n: int, m: int) -> np.ndarray | None:
        """W[:, j] ⊗ V[j, :] for every hidden unit j, (m·n, units); n inputs, m outputs."""
        W = _matrix(inputs, self.first, self.turned, n)
        V = _matrix(inputs, self.last, self.last_turned, m)
        if W.ndim != 2 or V.ndim != 2 or W.shape[0] != n or V.shape[1] != m or W.shape[1] != V.shape[0]:
            return None
        return np.einsum("ij,jk->kij", W, V).reshape(n * m, -1) if n * m >= 1.5 * W.shape[1] else None


def _matrix(inputs: tuple[np.ndarray, ...], k: int | None, turned: bool, n: int) -> np.ndarray:
    if k is None:
        return np.eye(n)
    return inputs[k].T if turned else inputs[k]


def hidden(case: Case) -> Iterator[Cause]:
    """The local derivative of the hidden units is missing, wrong or doubled, or a matrix is transposed."""
    if case.pair is None or case.x.ndim not in (1, 2) or case.y.ndim != case.x.ndim or case.elementwise:
        return
    if case.x.ndim == 2 and len(case.x) != len(case.y):
        return
    for direct in (False, True) if case.x.shape == case.y.shape else (False,):
        shift = np.eye(case.x.size) if direct else 0.0
        points = [Point(p.inputs, p.y, p.J - shift, p.A - shift) for p in case.points]
        for frame in _frames(case):
            right = [_solved(frame, p, p.J, case) for p in points]
            if all(s is not None for s in right):
                yield from _compared(case, frame, points, [s for s in right if s is not None])
            elif not any(s is not None for s in right):
                yield from _uncoupled(case, frame, points)


def lost_path(case: Case) -> Iterator[Cause]:
    """J = A + R, where A and R are each elementwise or W·diag(s)·V, and J is neither: of two paths one is lost."""
    if case.pair is None or case.x.ndim not in (1, 2) or case.x.shape != case.y.shape or case.elementwise:
        return
    rests = [p.J - p.A for p in case.points]
    if len(rests) < 2 or case.same(rests[0], rests[1]):
        return  # the same at other inputs: something that was added, and not a term

    def simple(of: Callable[[Point], np.ndarray]) -> bool:
        matrices = [of(p) for p in case.points]
        if all(case.same(M, np.diag(np.diag(M))) for M in matrices):
            return True
        pairs = list(zip(case.points, matrices, strict=True))
        return any(all(_solved(f, p, M, case) is not None for p, M in pairs) for f in _frames(case))

    if simple(lambda p: p.A) and simple(lambda p: p.J - p.A) and not simple(lambda p: p.J):
        sentence = "one of two paths from the input to the output is missing"
        yield Cause("missing-term", sentence, "add the gradients of all paths (+= in place of =)")


def _uncoupled(case: Case, frame: Frame, points: list[Point]) -> Iterator[Cause]:
    """The given Jacobian is W·diag(t)·V, the right one is not: between the matrices, the units are coupled."""
    given = [_solved(frame, p, p.A, case) for p in points]
    if any(t is None for t in given) or frame.first is None or frame.last is None:
        return
    for point, t in zip(points, given, strict=True):
        total = None if t is None else t.sum(-1, keepdims=True)
        columns = frame.columns(point.inputs, case.x.shape[-1], case.y.shape[-1])
        if t is None or total is None or columns is None or np.ptp(total) > 1e-5 * np.max(np.abs(total)):
            return
        W = _matrix(point.inputs, frame.first, frame.turned, case.x.shape[-1])
        V = _matrix(point.inputs, frame.last, frame.last_turned, case.y.shape[-1])
        whole = np.einsum("ij,sj,jk->ski", W, t, V) - np.einsum("ij,sj,sl,lk->ski", W, t, t / total, V)
        count = len(t)
        J = point.J.reshape(count, case.y.shape[-1], count, -1)[np.arange(count), :, np.arange(count), :]
        if not case.same(J, whole):
            return
    else:
        sentence = "the term that couples the hidden probabilities (the sum within softmax's gradient) is missing"
        yield Cause("missing-term", sentence, "subtract p·Σ(p·dp) from p·dp")


def _frames(case: Case) -> list[Frame]:
    matrices: list[tuple[int | None, bool]] = [(None, False)]
    for k, v in enumerate(case.inputs):
        if v.ndim == 2 and k != case.index:
            matrices += [(k, False), (k, True)]
    return [Frame(a, s, b, t) for a, s in matrices for b, t in matrices if a is not None or b is not None]


def _solved(frame: Frame, point: Point, M: np.ndarray, case: Case) -> np.ndarray | None:
    """s of every sample, (samples, units), where M is W·diag(s)·V sample by sample."""
    n, m = case.x.shape[-1], case.y.shape[-1]
    columns = frame.columns(point.inputs, n, m)
    if columns is None:
        return None
    count = case.x.size // n
    spread = M.reshape(count, m, count, n)
    own = spread[np.arange(count), :, np.arange(count), :].reshape(count, -1)
    s, _, rank, _ = np.linalg.lstsq(columns, own.T, rcond=1e-9)
    scale = float(np.max(np.abs(M)))
    if rank < columns.shape[1] or abs(float(np.sum(own**2) - np.sum(M**2))) > 1e-8 * float(np.sum(M**2)):
        return None
    return s.T if np.max(np.abs(columns @ s - own.T)) <= 1e-6 * scale else None


def _compared(case: Case, frame: Frame, points: list[Point], right: list[np.ndarray]) -> Iterator[Cause]:
    for other in (frame, *_frames(case)):
        given = [_solved(other, p, p.A, case) for p in points]
        if any(t is None for t in given):
            continue
        pairs = [(s, t) for s, t in zip(right, given, strict=True) if t is not None]
        if other != frame:
            if all(case.same(s, t) for s, t in pairs):
                yield _other_matrix(frame, other)
            continue
        s, t = np.concatenate([p[0].ravel() for p in pairs]), np.concatenate([p[1].ravel() for p in pairs])
        yield from _derivative(case, points, s, t, right[0].shape)


def _derivative(
    case: Case, points: list[Point], s: np.ndarray, t: np.ndarray, shape: tuple[int, ...]
) -> Iterator[Cause]:
    if case.same(s, t) or np.ptp(s) < 1e-6 * np.max(np.abs(s)):
        return
    on = np.abs(s) > 1e-7 * np.max(np.abs(s))
    if not np.all(on) and np.ptp(s[on]) < 1e-6 * np.max(np.abs(s)):
        steps = {round(float(v), 5) for v in t / np.median(s[on])}
        if steps <= {0.0, 1.0}:
            sentence = "the mask of the hidden units is missing or wrong: dy passes where they are off"
            yield Cause("mask", sentence, "multiply by the mask of the hidden layer")
        return
    if np.max(np.abs(t - 1)) < 1e-5:
        sentence = "the local derivative of the hidden layer is missing: dy goes on without it"
        yield Cause("missing-factor", sentence, "multiply by the derivative of the hidden layer's function")
    if case.same(t, s**2):
        sentence = "the local derivative of the hidden layer is multiplied in twice"
        yield Cause("extra-factor", sentence, "multiply by it once")
    use = (np.abs(s) > 1e-5) & (np.abs(t) > 1e-5)
    if np.count_nonzero(use) >= 4:
        yield from name_factor(case, points, (t / s)[use], shape, use)


def _other_matrix(right: Frame, given: Frame) -> Cause:
    if (right.first, right.last) == (given.first, given.last):
        k = right.first if right.turned != given.turned else right.last
        sentence = f"input {k} is transposed in the product with dy, where it must not be, or the reverse"
        return Cause("transpose", sentence, f"multiply by the transpose of what the forward multiplies by (input {k})")
    sentence = f"operands swapped: input {given.first} stands in the place of input {right.first}"
    return Cause("swapped-operands", sentence, "use the matrices in the reverse order of the forward")
