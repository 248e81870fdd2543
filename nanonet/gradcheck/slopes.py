"""Mistakes in a local derivative: the wrong argument, a factor lost or put in, a mask that is wrong at its border."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nanonet.gradcheck.case import Case
from nanonet.gradcheck.cause import Cause
from nanonet.gradcheck.factors import coupled_rules


def _bases(v: np.ndarray) -> dict[str, np.ndarray]:
    """Families of local derivatives as functions of v: columns whose coefficients are fitted."""
    one = np.ones_like(v)
    return {
        "v": np.stack([v]),
        "v²": np.stack([v**2]),
        "a + b·v": np.stack([one, v]),
        "a + b·v²": np.stack([one, v**2]),
        "a + b·v + c·v²": np.stack([one, v, v**2]),
        "1/v": np.stack([1 / v]),
        "1/v²": np.stack([1 / v**2]),
        "1/√v": np.stack([1 / np.sqrt(v)]),
        "√v": np.stack([np.sqrt(v)]),
        "exp(v)": np.stack([np.exp(v)]),
        "exp(-v)": np.stack([np.exp(-v)]),
        "cos(v)": np.stack([np.cos(v)]),
        "sin(v)": np.stack([np.sin(v)]),
        "1 - exp(-v)": np.stack([1 - np.exp(-v)]),
        "1/(1 + v²)": np.stack([1 / (1 + v**2)]),
        "1/√(1 - v²)": np.stack([1 / np.sqrt(1 - v**2)]),
        "1/√(1 + v²)": np.stack([1 / np.sqrt(1 + v**2)]),
    }


def input_for_output(case: Case) -> Iterator[Cause]:
    """A derivative that is a simple function of the output, but was computed from the input, or the other way."""
    if case.x.shape != case.y.shape:
        return
    for given, right in ((case.x, case.y), (case.y, case.x)):
        words = ("input", "output") if given is case.x else ("output", "input")
        sentence = f"the {words[0]} x stands where the {words[1]} y belongs" if given is case.x else ""
        sentence = sentence or "the output y stands where the input x belongs"
        remedy = f"compute the local derivative from the {words[1]} of the forward"
        same_shape = case.first.analytic.shape == case.x.shape
        if case.elementwise and same_shape and case.x.size >= 3 and _exchanged(case, given.ravel(), right.ravel()):
            yield Cause("input-for-output", sentence, remedy)
        for name, rule in coupled_rules(right).items():
            if name not in ("softmax rule", "log-softmax rule"):
                continue
            wrong = coupled_rules(given)[name]
            for axis in range(case.x.ndim):
                is_right = case.same(rule(case.first.dy, axis), case.first.reference, case.first.bars)
                if is_right and case.fits(lambda t, wrong=wrong, axis=axis: wrong(t.dy, axis)):
                    yield Cause("input-for-output", sentence, remedy)


def _exchanged(case: Case, given: np.ndarray, right: np.ndarray) -> bool:
    differ = ~np.all([case.agree(t.analytic, t.reference, t.bars) for t in case.trials], axis=0)
    at = np.flatnonzero(differ)  # elsewhere the function may be another one, as on the two sides of a ReLU
    slopes, wrong = case.slopes.ravel()[at], _bases(given[at])
    for name, columns in _bases(right[at]).items():
        if len(columns) > len(slopes) - 2 or not (np.all(np.isfinite(columns)) and np.all(np.isfinite(wrong[name]))):
            continue
        coefficients = np.linalg.lstsq(columns.T, slopes, rcond=None)[0]
        if not case.same(coefficients @ columns, slopes):
            continue
        local = case.slopes.copy()
        local.ravel()[at] = coefficients @ wrong[name]
        if case.fits(lambda t, local=local: t.dy * local):
            return True
    return False


def factor(case: Case) -> Iterator[Cause]:
    """Right but for a factor: the local derivative, an input, the output, dy, or one of their functions."""
    if case.x.size < 2 and not case.reruns:
        return
    if case.elementwise and case.fits(lambda t: t.dy):
        sentence = "the local derivative is missing: dy is passed on unchanged"
        yield Cause("missing-factor", sentence, "multiply dy by the local derivative")
    if case.elementwise and case.fits(lambda t: t.reference * case.slopes):
        sentence = "the local derivative is multiplied in twice"
        yield Cause("extra-factor", sentence, "multiply dy by the local derivative once")
    yield from _spread(case)
    if case.fits(lambda t: t.reference * t.dy if t.dy.shape == t.reference.shape else None) or (
        case.J is not None and case.fits(lambda t: case.pull(t.dy**2))
    ):
        yield Cause("extra-factor", "dy is multiplied in twice", "multiply by dy once")
    for name, f in _pool(case):
        text = f"a factor {name}"
        if case.fits(lambda t, f=f: _over(t.reference, f)) or (
            case.J is not None and case.fits(lambda t, f=f: _pulled(case, _over(t.dy, f)))
        ):
            yield Cause("missing-factor", f"{text} is missing", f"multiply by {name}")
        if case.fits(lambda t, f=f: _over(t.reference, 1 / f)) or (
            case.J is not None and case.fits(lambda t, f=f: _pulled(case, _over(t.dy, 1 / f)))
        ):
            yield Cause("extra-factor", f"{text} is too many", f"do not multiply by {name} here")


def _spread(case: Case) -> Iterator[Cause]:
    """A reduction whose gradient hands dy back to every element that it reduced, without their derivatives."""
    if case.J is None or case.support is None or case.elementwise:
        return
    support = case.support.reshape(case.J.shape)
    slopes = case.J.sum(0)
    if support.sum(0).max() > 1 or not np.all(support.sum(0)) or np.ptp(slopes) <= 1e-3 * np.max(np.abs(slopes)):
        return
    if case.fits(lambda t: (t.dy.ravel() @ support).reshape(case.x.shape)):
        sentence = "the local derivative is missing: dy is handed back unchanged to the elements that were reduced"
        yield Cause("missing-factor", sentence, "multiply dy by the local derivative of each element")


def _pool(case: Case) -> Iterator[tuple[str, np.ndarray]]:
    """Arrays that may be a factor; a constant array is left to the hypothesis of a constant."""
    named = {f"input {i}": v for i, v in enumerate(case.inputs)} | {"y (the output)": case.y}
    for name, v in named.items():
        forms = {name: v, f"{name} squared": v**2, f"exp of {name}": np.exp(v), f"the sign of {name}": np.sign(v)}
        forms[f"1 - ({name})²"], forms[f"1 - {name}"] = 1 - v**2, 1 - v
        forms[f"v(1 - v), v = {name}"] = v * (1 - v)
        if case.J is not None:  # elsewhere it may as well be an argument mistaken
            forms[f"√ of {name}"] = np.sqrt(v)
        forms[f"1 + {name}"] = 1 + v
        for text, form in forms.items():
            if form.size > 1 and float(np.ptp(form)) != 0.0:
                yield text, form
    for axis in range(case.x.ndim) if case.x.shape == case.y.shape else ():
        yield f"1/std of the input over axis {axis}", 1 / np.std(case.x, axis, keepdims=True)
        yield f"1/norm of the input over axis {axis}", 1 / np.linalg.norm(case.x, axis=axis, keepdims=True)
    if case.pointwise and float(np.ptp(case.slopes)) > 1e-6 * float(np.max(np.abs(case.slopes))):
        yield "that is the local derivative", case.slopes


def _over(array: np.ndarray, f: np.ndarray) -> np.ndarray | None:
    """array / f where f broadcasts to the array's shape; None elsewhere."""
    try:
        quotient = array / f
    except ValueError:
        return None
    return quotient if quotient.shape == array.shape and np.all(np.isfinite(quotient)) else None


def _pulled(case: Case, dy: np.ndarray | None) -> np.ndarray | None:
    return None if dy is None else case.pull(dy)


def mask(case: Case) -> Iterator[Cause]:
    """Right on one side of a threshold (or off a tie) and wrong on the other."""
    t = case.first
    if t.analytic.shape != case.x.shape or case.x.size < 2:
        return
    right = np.all([case.agree(u.analytic, u.reference, u.bars) for u in case.trials], axis=0)
    remedy = "compare with the same condition as the forward, also at the border"
    if case.elementwise and _piecewise_linear(case):
        yield Cause("mask", "the mask is wrong: elements pass where they must not, or the reverse", remedy)
    if not np.any(right) or np.all(right):
        return
    kept = np.all([np.abs(u.analytic[~right]) < 1e-12 for u in case.trials])
    dropped = np.all([np.abs(u.reference[~right]) <= 1e-9 * np.max(np.abs(u.reference)) for u in case.trials])
    if not (kept or dropped or (case.elementwise and _few_values(case, ~right))):
        return
    where = _condition(case, ~right)
    if where and (where.endswith("exactly") or np.count_nonzero(~right) > 1):
        what = "is zero" if kept else "is not masked" if dropped else "is wrong"
        yield Cause("mask", f"the gradient {what} where {where}, and right elsewhere", remedy)


def selection(case: Case) -> Iterator[Cause]:
    """A function that selects elements (a maximum, a median) whose gradient reaches elements it did not select."""
    A, J = case.given_jacobian, case.J
    if A is None or J is None:
        return
    chosen, given = np.abs(J) > 1e-7, np.abs(A) > 1e-7
    if np.all(chosen | ~given) or not np.all(given | ~chosen) or chosen.sum(1).max() > 1:
        return
    if np.ptp(J[chosen]) < 1e-6 and np.ptp(A[given]) < 1e-6:
        sentence = "the gradient also reaches elements that the forward did not select"
        yield Cause("mask", sentence, "select with the same condition or index as the forward")


def _condition(case: Case, wrong: np.ndarray) -> str:
    """A condition on an input or the output that singles out the wrong elements."""
    arrays = {f"input {i}": v for i, v in enumerate(case.inputs)} | {"the output": case.y}
    for name, v in arrays.items():
        if v.shape != wrong.shape:
            continue
        a, b = v[wrong], v[~wrong]
        special = a.size > 1 or float(a[0]).is_integer()  # one odd element alone is not a condition
        if special and np.ptp(a) == 0.0 and not np.any(b == a[0]):
            return f"{name} is {a[0]:.4g} exactly"
        if a.max() < b.min() or a.min() > b.max():
            return f"{name} is {'below' if a.max() < b.min() else 'above'} a threshold"
        if np.abs(a).max() < np.abs(b).min() or np.abs(a).min() > np.abs(b).max():
            return f"{name} is {'small' if np.abs(a).max() < np.abs(b).min() else 'large'}"
    return ""


def _few_values(case: Case, where: np.ndarray) -> bool:
    local = case.first.analytic[where] / case.first.dy[where]
    spread = max(float(np.ptp(local)), float(np.ptp(case.slopes[where])))
    return spread <= 1e-6 * float(np.max(np.abs(local)))


def _piecewise_linear(case: Case) -> bool:
    """Local derivatives of two values, one of them zero, and given ones from the same two, or all passed on."""
    slopes, given = case.slopes, case.first.analytic / case.first.dy
    values = np.unique(np.round(slopes, 7))
    if len(values) != 2 or not np.any(np.abs(values) < 1e-6):
        return False
    same_values = all(bool(np.any(np.abs(values - g) < 1e-6)) for g in given.ravel())
    return same_values and case.fits(lambda t: t.dy * given)
