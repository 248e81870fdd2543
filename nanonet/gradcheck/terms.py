"""Mistakes in a sum: terms lost, couplings ignored, gradients overwritten, axes not summed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nanonet.gradcheck.case import Case, Trial, subsets
from nanonet.gradcheck.cause import Cause


def not_reduced(case: Case) -> Iterator[Cause]:
    """A gradient in a larger shape, whose sum over the extra axes is right."""
    given, shape = case.first.analytic, case.x.shape
    extra = given.ndim - len(shape)
    if given.shape == shape or given.size <= case.x.size or extra < 0:
        return
    stretched = tuple(i for i in range(len(shape)) if shape[i] == 1 and given.shape[i + extra] > 1)
    for axes in [tuple(range(extra)), *subsets(list(range(given.ndim)))]:

        def summed(dx: np.ndarray, axes: tuple[int, ...] = axes) -> np.ndarray:
            total = dx.sum(axes)
            return total.reshape(shape) if total.size == case.x.size else total

        if not all(case.same(summed(t.analytic), t.reference, t.bars) for t in case.trials):
            continue
        which = ", ".join(map(str, axes))
        if stretched or (given.shape == case.y.shape and _broadcasts(case)):
            sentence = f"the gradient has the broadcast shape {given.shape}, not the input's {shape}"
            yield Cause("broadcast-not-undone", sentence, f"sum it over the broadcast axes ({which})")
        sentence = f"the gradient has shape {given.shape}: one per sample, not summed over axis {which}"
        yield Cause("missing-sum", sentence, f"sum it over axis {which}, to the shape {shape}")


def _broadcasts(case: Case) -> bool:
    """Is the output what two operands broadcast to? Of more inputs, the small ones are a layer's parameters."""
    try:
        return len(case.inputs) == 2 and np.broadcast_shapes(*[v.shape for v in case.inputs]) == case.y.shape
    except ValueError:
        return False


def coupling(case: Case) -> Iterator[Cause]:
    """The diagonal of the Jacobian alone."""
    J = case.J
    if J is None or case.x.size != case.y.size or case.elementwise or case.x.size < 2:
        return
    diagonal = np.diag(J)
    if case.fits(lambda t: (t.dy.ravel() * diagonal).reshape(case.x.shape)):
        sentence = "each output is treated as if it depended on its own input only: the coupling terms are missing"
        yield Cause("missing-coupling", sentence, "add the terms off the diagonal of the Jacobian")


def overwritten(case: Case) -> Iterator[Cause]:
    """One term of a sum, where all of them belong."""
    remedy = "add the gradient of every use (+= in place of =)"
    if case.x.shape == case.y.shape and not case.elementwise and not _low_rank_rest(case):
        yield from _skip(case, remedy)
    elif case.elementwise and np.ptp(case.slopes) > 1e-6 and case.fits(lambda t: t.reference - t.dy):
        yield Cause("overwritten", "the gradient of the direct path (dy itself) is lost", remedy)
    J, support = case.J, case.support
    if J is None or support is None:
        return
    flat = support.reshape(J.shape)
    if np.all(flat.sum(0) <= 1):
        return
    for at, which in ((-1, "last"), (0, "first")):
        for axis in case.summed_axes:

            def one(t: Trial, axis: int = axis, at: int = at) -> np.ndarray:
                line: list[slice | int] = [slice(None)] * t.dy.ndim
                line[axis] = at
                kept = np.zeros(t.dy.shape)
                kept[tuple(line)] = t.dy[tuple(line)]
                return case.pull(kept)

            if case.y.shape[axis] > 1 and case.fits(one):
                sentence = f"only the {which} term of the sum over axis {axis} of the output is kept"
                yield Cause("overwritten", sentence, remedy)
        order = np.arange(len(flat))[:, None]
        chosen = np.where(flat, order, -1).max(0) if at else np.where(flat, order, len(flat)).min(0)
        only = np.where(order == chosen, J, 0.0)
        if case.fits(lambda t, only=only: (t.dy.ravel() @ only).reshape(case.x.shape)):
            sentence = f"an element that is used several times gets only its {which} gradient"
            yield Cause("overwritten", sentence, remedy)


def _skip(case: Case, remedy: str) -> Iterator[Cause]:
    if case.fits(lambda t: t.reference - t.dy):
        yield Cause("overwritten", "the gradient of the direct path (dy itself) is lost", remedy)
    if case.J is not None and case.fits(lambda t: t.dy):
        sentence = "only the direct path (dy itself) is kept: the gradient through the other path is lost"
        yield Cause("overwritten", sentence, remedy)


def missing_term(case: Case) -> Iterator[Cause]:
    """The rest, reference minus gradient, is one dense and simple term."""
    remedy = "differentiate every path from the input to the output, and add the terms"
    if _low_rank_rest(case):
        sentence = "a term that couples the elements along an axis (through a sum or a mean) is missing"
        yield Cause("missing-term", sentence, remedy)
    if case.first.analytic.shape != case.x.shape:
        return
    if case.elementwise and case.x.size >= 4:
        slopes = case.slopes
        rest = slopes - case.first.analytic / case.first.dy
        for name, v in _simple_terms(case).items():
            if case.same(rest, v) and case.fits(lambda t, v=v: t.dy * (slopes - v)):
                yield Cause("missing-term", f"the term dy·{name} is missing", remedy)
    for axis in case.reduced_axes if case.x.shape != case.y.shape else ():
        if all(_constant_rest(t, axis) for t in case.trials):
            sentence = f"a term that is the same for all elements along axis {axis} (as of a mean) is missing"
            yield Cause("missing-term", sentence, remedy)
    if case.y.size == 1 and case.x.size >= 3:
        rest = case.first.reference - case.first.analytic
        c = float(np.vdot(case.x, rest)) / max(float(np.vdot(case.x, case.x)), 1e-300)
        scaled = c / float(case.first.dy.ravel()[0])
        if c and case.fits(lambda t: t.reference - scaled * t.dy.ravel()[0] * case.x):
            sentence = f"the term {scaled:.6g}·x is missing, as from a penalty on the square of the input"
            yield Cause("missing-term", sentence, remedy)


def _constant_rest(t: Trial, axis: int) -> bool:
    """Is what is missing constant along an axis, where the right gradient is not?"""
    rest, scale = t.reference - t.analytic, 1e-6 * float(np.max(np.abs(t.reference)))
    if rest.shape[axis] < 3:
        return False
    return float(np.max(np.ptp(rest, axis))) <= scale and float(np.min(np.ptp(t.reference, axis))) > 1e3 * scale


def _simple_terms(case: Case) -> dict[str, np.ndarray]:
    x, y = case.x, case.y
    terms = {"x": x, "y": y, "1": np.ones(x.shape), "y/x": y / x, "(1 - y/x)·y": y * (1 - y / x)}
    terms |= {"2x": 2 * x, "x²": x**2, "3x²": 3 * x**2, "exp(x)": np.exp(x), "cos(x)": np.cos(x), "sin(x)": np.sin(x)}
    terms |= {f"input {i}": v for i, v in enumerate(case.inputs) if v.shape == x.shape}
    terms |= {f"{k} (with a minus)": -v for k, v in terms.items()}
    s, t = 1 / (1 + np.exp(-x)), np.tanh(x)
    terms |= {
        "σ(x)": s,
        "σ'(x)": s * (1 - s),
        "x·σ'(x)": x * s * (1 - s),
        "tanh(x)": t,
        "x·(1 - tanh²x)": x * (1 - t**2),
    }
    terms |= {"1 - tanh²x": 1 - t**2, "x·cos(x)": x * np.cos(x), "x·exp(x)": x * np.exp(x), "-x·sin(x)": -x * np.sin(x)}
    return terms


def _low_rank_rest(case: Case) -> bool:
    """Does what is missing from the given Jacobian have rank 1 or 2 along an axis, in a row space of x or y?"""
    A, J = case.given_jacobian, case.J
    if case.x.shape != case.y.shape or case.elementwise:
        return False
    if A is None or J is None:
        return _simple_rest(case)
    rest = (J - A).reshape(case.y.shape + case.x.shape)
    ndim = case.x.ndim
    for axes in [*subsets(list(range(ndim)))]:
        others = [i for i in range(ndim) if i not in axes]
        length = int(np.prod([case.x.shape[i] for i in axes]))
        count = case.x.size // length
        order = [*others, *axes]
        R = rest.transpose([*order, *[ndim + i for i in order]]).reshape(count, length, count, length)
        blocks = R[np.arange(count), :, np.arange(count), :]
        if length < 3 or not case.same(np.sum(R**2, (0, 2)), np.sum(blocks**2, 0)):
            continue
        v = [a.transpose(order).reshape(count, length) for a in (case.x, case.y)]
        scale = float(np.max(np.abs(J)))
        if all(_simple_rows(b, x, y, scale) for b, x, y in zip(blocks, *v, strict=True)):
            return True
    return False


def _simple_rest(case: Case) -> bool:
    """Where the given Jacobian is not known: is what is missing from the gradient simple along an axis?"""
    if case.first.analytic.shape != case.x.shape or np.max(case.x.shape, initial=0) < 4:
        return False
    for axis in range(case.x.ndim):
        length = case.x.shape[axis]
        if length < 4 or case.x.size < 2 * length:
            continue
        x, y = (np.moveaxis(v, axis, -1).reshape(-1, length) for v in (case.x, case.y))
        for t in case.trials:
            rest = np.moveaxis(t.reference - t.analytic, axis, -1).reshape(-1, 1, length)
            scale = float(np.max(np.abs(t.reference)))
            if not all(_simple_rows(r, a, b, scale) for r, a, b in zip(rest, x, y, strict=True)):
                break
        else:
            return True
    return False


def _simple_rows(block: np.ndarray, x: np.ndarray, y: np.ndarray, scale: float) -> bool:
    if np.count_nonzero(np.abs(block) > 1e-6 * scale) < block.size // 2:
        return False
    for basis in ([y], [np.exp(y)], [np.exp(x)], [np.ones_like(x), x]):
        columns = np.stack(basis).T
        coefficients = np.linalg.lstsq(columns, block.T, rcond=None)[0]
        if np.all(np.abs(columns @ coefficients - block.T) <= 1e-6 * scale):
            return True
    return False


def single_entry(case: Case) -> Iterator[Cause]:
    """All right but for one element."""
    if case.first.analytic.shape != case.x.shape or case.x.size < 3:
        return
    wrong = np.any([~case.agree(t.analytic, t.reference, t.bars) for t in case.trials], axis=0)
    if np.count_nonzero(wrong) == 1:
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        sentence = f"a single element is wrong, {list(at)}; all others are right"
        yield Cause("single-entry", sentence, "look at what is special there: an index, a border, a special case")
