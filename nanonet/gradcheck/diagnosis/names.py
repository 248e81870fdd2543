"""What a factor is: one expression of the grammar, missing or too many, or one function at a wrong argument."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nanonet.gradcheck.diagnosis.case import Case, Point
from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.diagnosis.grammar import reduced_samples, samples, steady

OPERATIONS = ("²", "³", "√", "|", "sign", "exp", "log", "sin", "cos", "tanh", "σ", "'", " - ", " + ", "cosh", "·", "@")


def name_factor(
    case: Case, points: list[Point], values: np.ndarray, shape: tuple[int, ...], use: np.ndarray
) -> Iterator[Cause]:
    """What a factor is: its values at the places `use` of an array of this shape, for all points strung together."""
    for axis in (1, 0):
        if case.support is None or np.any(case.support.sum(axis) > 1):
            continue
        slopes = _strung([p.J.sum(axis) for p in points], shape, use)
        if slopes is not None and steady(values * slopes) and np.isclose(abs(np.median(values * slopes)), 1.0):
            sentence = "the local derivative is missing: dy is passed on unchanged"
            yield Cause("missing-factor", sentence, "multiply dy by the local derivative")
        if slopes is not None and steady(values / slopes) and np.isclose(abs(np.median(values / slopes)), 1.0):
            sentence = "the local derivative is multiplied in twice"
            yield Cause("extra-factor", sentence, "multiply dy by the local derivative once")
    expressions = samples(points, shape, use)
    yield from _simple(expressions, values, _simpler(case), case.x.shape != case.y.shape)
    yield from _signs(expressions, values)
    yield from _slopes_of_others(case, points, values, shape, use)
    yield from _arguments(case, expressions, values)
    yield from _before_activation(points, values, shape, use)
    yield from _reductions(case, points, values, shape, use)


def _simpler(case: Case) -> int:
    """-1 where the given derivative is simpler than the right one (it lacks something), 1 where it is less simple."""
    if case.support is None or np.any(case.support.sum(0) > 1):
        return 0
    given, right = _degrees(case)
    if given != right:
        return int(np.sign(given - right))
    expressions = samples(case.points, case.x.shape, np.ones(case.x.size * len(case.points), dtype=bool))
    own = {name: v for name, v in expressions.items() if "output" not in name}
    if not own:
        return 0
    sides = [np.concatenate([p.A.sum(0) for p in case.points]), np.concatenate([p.J.sum(0) for p in case.points])]
    given, right = (_length(v, own) for v in sides)
    return int(np.sign(given - right))


def _length(v: np.ndarray, expressions: dict[str, np.ndarray]) -> int:
    """How much must be written down: 0 for a constant, then by the number of operations; 9 if it is not known."""
    if float(np.ptp(v)) <= 1e-5 * float(np.max(np.abs(v))):
        return 0
    fits = [name for name, w in expressions.items() if bool(steady(v / w))]
    return min((1 + sum(name.count(mark) for mark in OPERATIONS) for name in fits), default=9)


def _degrees(case: Case) -> tuple[int, int]:
    """The degree of the given and of the right derivative, as polynomials in all inputs; 3 for all others."""
    rng = np.random.default_rng(8)
    dy, direction = case.trials[0].dy, rng.uniform(0.5, 1.5, case.x.shape)
    shifts = [-0.1 * x * rng.uniform(0.5, 1.0, x.shape) for x in case.inputs]
    given, right = [], []
    for t in range(5):
        inputs = [x + t * shift for x, shift in zip(case.inputs, shifts, strict=True)]
        dx, slope = case.lab.gradient(inputs, dy), case.lab.slope(inputs, case.index, direction)
        if dx is None or slope is None or dx.shape != direction.shape:
            return 3, 3
        given.append(float(np.vdot(dx, direction)))
        right.append(float(dy.ravel() @ slope))
    return _degree(np.array(given)), _degree(np.array(right))


def _degree(values: np.ndarray) -> int:
    size = float(np.max(np.abs(values)))
    return next((n for n in range(3) if np.max(np.abs(np.diff(values, n + 1))) <= 1e-7 * size), 3)


def complexity(v: np.ndarray, table: np.ndarray) -> int:
    """0 for a constant, 1 for one expression of the grammar, 2 for anything else."""
    constant = float(np.ptp(v)) <= 1e-5 * float(np.max(np.abs(v)))
    return 0 if constant else 1 if np.any(steady(v / table)) else 2


def _simple(expressions: dict[str, np.ndarray], values: np.ndarray, simpler: int, reduces: bool) -> Iterator[Cause]:
    """One expression times a constant, or its reciprocal."""
    if not expressions:
        return
    names, table = list(expressions), np.stack(list(expressions.values()))
    size = np.abs(values)
    e = "exp(the output)"  # a logarithm's derivative is 1/exp(y): what belongs there is the reciprocal
    if reduces and e in expressions and simpler == 0 and steady(values / expressions[e]):
        yield _missing(f"1/{e}")
    plain = np.array([not name.startswith("(1 - input ") or "exp" in name or "²" in name for name in names])
    for i in np.flatnonzero(steady(values * table) & plain | _absolute(names, steady(size * table))):
        yield _extra(f"1/{names[i]}") if simpler > 0 else _missing(names[i])
    for i in np.flatnonzero(steady(values / table) & plain | _absolute(names, steady(size / table))):
        yield _missing(f"1/{names[i]}") if simpler < 0 else _extra(names[i])


def _signs(expressions: dict[str, np.ndarray], values: np.ndarray) -> Iterator[Cause]:
    """(1 + v)/(1 - v): a sign within the factor."""
    for name, v in expressions.items():
        for w in (v, v**2):
            quotient = (1 + w) / (1 - w)
            if steady(values / quotient) or steady(values * quotient):
                sentence = f"a sign within the local derivative, in 1 ± {name}, is wrong"
                yield Cause("sign", sentence, "derive that factor again, and flip the sign")


def _absolute(names: list[str], fits: np.ndarray) -> np.ndarray:
    """√(1 - y²) is the derivative of a sine but for its sign."""
    return fits & np.array([name == "√(1 - the output²)" for name in names])


def _missing(name: str) -> Cause:
    return Cause("missing-factor", f"a factor {name} is missing", f"multiply by {name}")


def _extra(name: str) -> Cause:
    return Cause("extra-factor", f"a factor {name} is too many", f"do not multiply by {name} here")


def _slopes_of_others(
    case: Case, points: list[Point], values: np.ndarray, shape: tuple[int, ...], use: np.ndarray
) -> Iterator[Cause]:
    """The derivative of the last step, which a bias shows: ∂y/∂b, where each output depends on one element of b."""
    for k, x in enumerate(case.inputs):
        if k == case.index or x.size < 2:
            continue
        slopes = []
        for number, point in enumerate(points):
            J = case.jacobians[k] if not number else case.lab.jacobian(point.inputs, k)
            if J is None or np.any((np.abs(J) > 1e-7 * np.max(np.abs(J))).sum(1) > 1):
                break
            slopes.append(J.sum(1).reshape(case.y.shape))
        if len(slopes) < len(points):
            continue
        table = _strung(slopes, shape, use)
        if table is None or float(np.ptp(table)) <= 1e-6 * float(np.max(np.abs(table))):
            continue
        if steady(values * table):
            sentence = "the local derivative of the output is missing: dy goes on without it"
            yield Cause("missing-factor", sentence, "multiply dy by the local derivative first")
        if steady(values / table):
            sentence = "the local derivative of the output is multiplied in twice"
            yield Cause("extra-factor", sentence, "multiply dy by it once")


def _strung(arrays: list[np.ndarray], shape: tuple[int, ...], use: np.ndarray) -> np.ndarray | None:
    if any(a.size != int(np.prod(shape)) for a in arrays):
        return None
    return np.concatenate([a.ravel() for a in arrays])[use]


def _arguments(case: Case, expressions: dict[str, np.ndarray], values: np.ndarray) -> Iterator[Cause]:
    """f(u)/f(v): u stands where v belongs."""
    groups: dict[str, dict[str, np.ndarray]] = {}
    for text, v in expressions.items():
        name = _argument(text)
        groups.setdefault(text.replace(name, "{}"), {})[name] = v
    for group in groups.values():
        names, table = list(group), np.stack(list(group.values()))
        for i, u in enumerate(names):
            for j in np.flatnonzero(steady(values * table / table[i])):
                v = names[j]
                if v == u or not np.isclose(float(np.median(values * table[j] / table[i])), 1.0, rtol=1e-5):
                    continue
                sentence = f"{u} stands where {v} belongs"
                if "the output" in (u, v):
                    remedy = f"compute the local derivative from {v}"
                    yield Cause("input-for-output", sentence, remedy)
                yield Cause("swapped-operands", f"operands swapped: {sentence}", f"use {v} there")


def _before_activation(
    points: list[Point], values: np.ndarray, shape: tuple[int, ...], use: np.ndarray
) -> Iterator[Cause]:
    """f(z)/f(a(z)): z stands where the hidden layer's output a(z) belongs, or the reverse."""
    local = {"1 - v²": lambda v: 1 - v**2, "v(1 - v)": lambda v: v * (1 - v), "v": lambda v: v}
    activations = {"tanh": np.tanh, "σ": lambda v: 1 / (1 + np.exp(-v)), "exp": np.exp}
    for name, z in samples(points, shape, use, with_forms=False).items():
        for activation, a in activations.items():
            for f in local.values():
                quotient = f(z) / f(a(z))
                for ratio, wrong, right in (
                    (quotient, name, f"{activation} {name}"),
                    (1 / quotient, f"{activation} {name}", name),
                ):
                    if steady(values / ratio) and np.isclose(np.median(values / ratio), 1.0, rtol=1e-5):
                        sentence = f"{wrong} stands where {right} belongs"
                        yield Cause("input-for-output", sentence, f"compute the local derivative from {right}")


def _argument(text: str) -> str:
    """The array that an expression of the grammar is a function of."""
    if "the output" in text:
        return "the output"
    start = text.find("(input")
    single = text.find("input ")
    if start >= 0 and any(mark in text[start:] for mark in (" @ ", " + input", " - input", " · input")):
        return text[start : text.index(")", start) + 1]
    return text[single : single + 7]


def _divided_out(case: Case, k: int) -> bool:
    """Does the output stay, nearly, as this input is scaled? Then the forward divides by its size."""
    y = case.lab.value([1.5 * x if i == k else x for i, x in enumerate(case.inputs)])
    return y is not None and bool(np.max(np.abs(y - case.y)) < 0.05 * np.max(np.abs(case.y)))


def _nearly(values: np.ndarray, v: np.ndarray) -> bool:
    """values = c·(v + ε), where ε is what is added below a root or a fraction line for safety."""
    if steady(values / v):
        return True
    if len(v) < 5:
        return False
    columns = np.stack([v, np.ones_like(v)], 1)
    c, e = np.linalg.lstsq(columns, values, rcond=None)[0]
    return bool(steady(values / (columns @ np.array([c, e])))) and 0 < e <= 1e-2 * c * float(np.min(v))


def _reductions(
    case: Case, points: list[Point], values: np.ndarray, shape: tuple[int, ...], use: np.ndarray
) -> Iterator[Cause]:
    """A standard deviation, norm or sum that is missing, too many, or taken over another axis."""
    scaled = {f"input {k}": _divided_out(case, k) for k in range(len(case.inputs))}
    for (what, of), group in reduced_samples(points, shape, use).items():
        for axes, v in group.items():
            for power in (1, 2):
                if _nearly(values**-2.0, v ** (2 * power)):
                    if scaled.get(of):
                        sentence = f"the gradient is divided by {what} of {of} {axes} twice"
                        yield Cause("extra-factor", sentence, "divide by it once")
                    yield _missing(f"{what} of {of} {axes}")
                if _nearly(values**2, v ** (2 * power)):
                    sentence = f"the division by {what} of {of} {axes} is missing"
                    yield Cause("missing-factor", sentence, f"divide by {what} of {of} {axes}")
        for a, b in [(a, b) for a in group for b in group if a != b]:
            if steady(values * group[a] / group[b]) or steady(values * group[b] / group[a]):
                sentence = f"{what} of {of} is taken over the wrong axis"
                yield Cause("wrong-axis", sentence, "use the axis of the forward")
