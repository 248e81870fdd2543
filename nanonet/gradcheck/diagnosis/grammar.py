"""A small grammar of expressions in which factors and terms of a derivative are looked for."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np

from nanonet.gradcheck.diagnosis.case import Point

PLAIN = 40  # arrays that expressions are made of, at most
FITS = 1e-6

Arrays = dict[str, np.ndarray]


def plain(point: Point) -> Arrays:
    """Inputs, the output, and what a formula often has in between: sums, differences and products of inputs."""
    found: Arrays = {f"input {k}": v for k, v in enumerate(point.inputs)}
    found["the output"] = point.y
    for (i, u), (j, v) in combinations(enumerate(point.inputs), 2):
        try:
            np.broadcast_shapes(u.shape, v.shape)
        except ValueError:
            continue
        a, b = f"input {i}", f"input {j}"
        found |= {f"({a} + {b})": u + v, f"({a} - {b})": u - v, f"({a} · {b})": u * v}
        found[f"({a}² + {b}²)"] = u**2 + v**2
    for (i, u), (j, v) in permutations(enumerate(point.inputs), 2):
        if u.ndim < 2 or v.ndim != 2:
            continue
        for text, w in (("", v), ("ᵀ", v.T)):
            if u.shape[-1] != w.shape[0] or len(found) >= PLAIN:
                continue
            z = u @ w
            found[f"(input {i} @ input {j}{text})"] = z
            for k, b in enumerate(point.inputs):
                if b.ndim == 1 and b.shape[0] == z.shape[-1]:
                    found[f"(input {i} @ input {j}{text} + input {k})"] = z + b
    return found


TRANSCENDENTAL = ("log", "sin", "cos", "tanh", "(1 - tanh", "σ", "cosh", "exp(-{}²")


def forms(name: str, v: np.ndarray) -> Arrays:
    """Functions of an array that are common in derivatives."""
    with np.errstate(all="ignore"):
        s, t = 1 / (1 + np.exp(-v)), np.tanh(v)
        found = {
            "{}": v,
            "{}²": v**2,
            "{}³": v**3,
            "√{}": np.sqrt(v),
            "|{}|": np.abs(v),
            "sign {}": np.sign(v),
            "exp({})": np.exp(v),
            "exp(-{}²)": np.exp(-(v**2)),
            "exp(-{}²/2)": np.exp(-(v**2) / 2),
            "log {}": np.log(v),
            "sin {}": np.sin(v),
            "cos {}": np.cos(v),
            "tanh {}": t,
            "(1 - tanh²{})": 1 - t**2,
            "σ({})": s,
            "σ(-{})": 1 - s,
            "σ'({})": s * (1 - s),
            "(1 - {}²)": 1 - v**2,
            "(1 + {}²)": 1 + v**2,
            "√(1 + {}²)": np.sqrt(1 + v**2),
            "√(1 - {}²)": np.sqrt(1 - v**2),
            "{}(1 - {})": v * (1 - v),
            "(1 - exp(-{}))": 1 - np.exp(-v),
            "cosh {}": np.cosh(v),
            "sinh {}": np.sinh(v),
        }
        found["(1 - {})"] = 1 - v  # of the output, or of what stands in its place
    if name == "the output":  # a rule that computes from its output does algebra with it, and exp at most
        found = {text: values for text, values in found.items() if not text.startswith(TRANSCENDENTAL)}
    return {text.replace("{}", name): values for text, values in found.items()}


def reductions(point: Point) -> dict[tuple[str, str], Arrays]:
    """Sums and the like of inputs and the output over one axis or several: {(what, of what): {axes: array}}."""
    found: dict[tuple[str, str], Arrays] = {}
    arrays = {f"input {k}": v for k, v in enumerate(point.inputs)} | {"the output": point.y}
    for name, v in arrays.items():
        if v.ndim == 0 or v.ndim > 4:
            continue
        axes: list[tuple[int, ...]] = [(i,) for i in range(v.ndim)]
        axes += [tuple(range(v.ndim))] if v.ndim > 1 else []
        rules = {
            "the standard deviation": lambda v, a: np.std(v, a, keepdims=True),
            "the norm": lambda v, a: np.sqrt(np.sum(v**2, a, keepdims=True)),
            "the sum": lambda v, a: np.sum(v, a, keepdims=True),
            "the sum of exp": lambda v, a: np.sum(np.exp(v), a, keepdims=True),
        }
        with np.errstate(all="ignore"):
            for text, rule in rules.items():
                found[text, name] = {f"over axis {', '.join(map(str, a))}": rule(v, a) for a in axes}
    return found


def fitted(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """The array spread to a shape, flat: as NumPy broadcasts, or with its axes of length 1 dropped."""
    squeezed = array.reshape([n for n in array.shape if n > 1])
    for candidate in (array, squeezed, squeezed.T):
        try:
            return np.broadcast_to(candidate, shape).ravel()
        except ValueError:
            continue
    return None


def steady(values: np.ndarray) -> np.ndarray:
    """Row by row: are all values the same, and not zero or infinite?"""
    with np.errstate(all="ignore"):
        middle = np.median(values, axis=-1)
        spread = np.max(np.abs(values - middle[..., None]), axis=-1)
        return np.isfinite(spread) & (spread <= 10 * FITS * np.abs(middle)) & (np.abs(middle) > 1e-12)


def samples(points: list[Point], shape: tuple[int, ...], use: np.ndarray, with_forms: bool = True) -> Arrays:
    """Expressions at all points, spread to a shape and strung together, where `use` says so."""
    parts = [{n: fitted(v, shape) for n, v in plain(p).items()} for p in points]
    found: Arrays = {}
    for name in parts[0]:
        columns = [part.get(name) for part in parts]
        if any(c is None for c in columns):
            continue
        v = np.concatenate([c for c in columns if c is not None])[use]
        if not np.all(np.isfinite(v)) or float(np.ptp(v)) <= FITS * float(np.max(np.abs(v))):
            continue
        found |= forms(name, v) if with_forms else {name: v}
    return {k: v for k, v in found.items() if np.all(np.isfinite(v)) and np.all(v != 0)}


def reduced_samples(points: list[Point], shape: tuple[int, ...], use: np.ndarray) -> dict[tuple[str, str], Arrays]:
    """The same for reductions."""
    parts = [reductions(p) for p in points]
    found: dict[tuple[str, str], Arrays] = {}
    for key, group in parts[0].items():
        for axes in group:
            columns = [fitted(part[key][axes], shape) for part in parts]
            if any(c is None for c in columns):
                continue
            v = np.concatenate([c for c in columns if c is not None])[use]
            if np.all(np.isfinite(v)) and np.all(v != 0) and float(np.ptp(v)) > FITS * float(np.max(np.abs(v))):
                found.setdefault(key, {})[axes] = v
    return found
