"""One operation of a recorded graph, checked alone: its backward at the inputs that the tape recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

import numpy as np

from nanonet.backends.base import current
from nanonet.gradcheck.reference import gradient
from nanonet.gradcheck.report import Report
from nanonet.tape import Entry, unbroadcast
from nanonet.variable import Variable

FULL = 2000  # elements up to which a failure is looked for in every element
EXPLAINED = 300  # and up to which its cause is sought
DIRECTIONS = 2
BARS = 5.0  # so many error bars are allowed
ROUNDING = 1e-8  # of a gradient's terms
EPS = float(np.finfo(np.float64).eps)

Cotangents = list[np.ndarray | None]


class BackwardError(Exception):
    """The backward of an operation raised."""


class Recorded:
    """An entry's rules as functions of arrays. Only inputs that want a gradient are varied."""

    def __init__(self, entry: Entry) -> None:
        self.entry, self.backend = entry, current()
        self.arrays: list[Any] = [x.array if isinstance(x, Variable) else x for x in entry.inputs]
        if entry.op.promote and any(isinstance(x, np.ndarray) and x.dtype.kind != "f" for x in self.arrays):
            self.backend.promote(entry.op.promote, self.arrays)
        self.wanted = [i for i, need in enumerate(entry.needs) if need]
        self.xs = [np.array(self.arrays[i], np.float64) for i in self.wanted]
        types = [self.arrays[i].dtype for i in self.wanted]
        self.eps = max((float(np.finfo(t).eps) for t in types), default=0.0)
        self.size = sum(x.size for x in self.xs)
        self.ys = self.forward(self.xs)

    def forward(self, xs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The floating outputs at other inputs; NaN where the operation refuses them."""
        arrays = list(self.arrays)
        for i, x in zip(self.wanted, xs, strict=True):
            arrays[i] = x.astype(self.arrays[i].dtype, copy=False) if x.dtype.kind == "f" else x
        try:
            with np.errstate(all="ignore"):
                y = self.backend.run(self.entry.op.forward, *arrays, **self.entry.attrs)[0]
        except Exception:  # the function may end here
            return [np.full_like(y, np.nan) for y in self.ys]
        found = [np.asarray(one) for one in (cast(tuple[Any, ...], y) if isinstance(y, tuple) else (y,))]
        return [one for one in found if one.dtype.kind in "fc"]

    def flat(self, xs: Sequence[np.ndarray]) -> np.ndarray:
        return np.concatenate([y.ravel() for y in self.forward(xs)])

    def backward(self, dys: Cotangents) -> list[np.ndarray]:
        """The gradients of the inputs that want one, as the tape would use them."""
        try:
            with np.errstate(all="ignore"):
                found = self.entry.gradients(self.backend, [None if d is None else d.copy() for d in dys], record=False)
        except Exception as error:  # whatever the rule raises
            raise BackwardError(f"{type(error).__name__}: {error}") from error
        return [self._fitted(found[i], x) for i, x in zip(self.wanted, self.xs, strict=True)]

    def _fitted(self, dx: Any, x: np.ndarray) -> np.ndarray:
        if dx is None:
            return np.zeros(x.shape)
        if np.shape(dx) != x.shape:
            with suppress(ValueError, IndexError):  # it is no broadcast shape: the verdict will say so
                dx = self.backend.run(unbroadcast, np.asarray(dx), x.shape)
        return np.asarray(dx, np.float64)

    def random(self, rng: np.random.Generator, reaching: Cotangents | None) -> Cotangents:
        """Random cotangents, for those outputs that a cotangent reaches: others, as of batch norm's statistics, have
        no gradient by design."""
        shapes = self.entry.outputs or [(self.ys[0].shape, self.ys[0].dtype)]
        used = [np.dtype(t).kind == "f" for _, t in shapes] if reaching is None else [d is not None for d in reaching]
        return [
            np.asarray(rng.uniform(0.5, 1.5, s) * rng.choice([-1.0, 1.0], s), t) if use else None
            for (s, t), use in zip(shapes, used, strict=True)
        ]


def suspicious(recorded: Recorded, dys: Cotangents, rng: np.random.Generator) -> bool:
    """Is Jᵀdy wrong along a random direction of all inputs? Cheap: a few dozen runs of forward, whatever the size."""
    dxs = recorded.backward(dys)
    if any(dx.shape != x.shape for dx, x in zip(dxs, recorded.xs, strict=True)):
        return True
    places = range(len(recorded.xs))
    return any(_direction(recorded, dys, dxs, places, rng).verdict != "pass" for _ in range(DIRECTIONS))


def examine(recorded: Recorded, dys: Cotangents, rng: np.random.Generator) -> Report:
    """The verdict on one operation, with the cause where it is wrong: element by element where it is not too large."""
    dxs = recorded.backward(dys)
    reports = []
    for k, (x, dx) in enumerate(zip(recorded.xs, dxs, strict=True)):
        if recorded.size > FULL and dx.shape == x.shape:
            found = [_direction(recorded, dys, dxs, [k], rng) for _ in range(DIRECTIONS)]
        else:
            found = [_elements(recorded, dys, dx, k)]
        reports += [replace(one, where=(recorded.wanted[k], one.where[1] if one.where else ())) for one in found]
    report = max(reports, key=lambda one: (one.verdict == "fail", one.verdict != "pass", one.max_error))
    report = replace(report, name=recorded.entry.op.name)
    return _explained(report, recorded) if report.verdict == "fail" else report


def _elements(recorded: Recorded, dys: Cotangents, dx: np.ndarray, k: int) -> Report:
    """Every element of input k's gradient."""
    x = recorded.xs[k]
    if dx.shape != x.shape:
        note = f"the gradient has shape {dx.shape}, the input {x.shape}"
        return Report("fail", np.inf, None, np.nan, np.inf, np.nan, note=note)

    def along(values: np.ndarray) -> np.ndarray:
        return recorded.flat([*recorded.xs[:k], values, *recorded.xs[k + 1 :]])

    return _compared(recorded, dys, dx, along, x, 0.0)


def _direction(
    recorded: Recorded, dys: Cotangents, dxs: list[np.ndarray], places: Sequence[int], rng: np.random.Generator
) -> Report:
    """The slope of ⟨dy, op⟩ along one random direction of the inputs at `places`."""
    us = [rng.standard_normal(x.shape) if k in places else np.zeros(x.shape) for k, x in enumerate(recorded.xs)]
    parts = [(dxs[k] * us[k]).ravel() for k in places]
    slope = np.array([sum(float(np.sum(part)) for part in parts)])
    terms = sum(float(np.sum(np.abs(part))) for part in parts)

    def along(t: np.ndarray) -> np.ndarray:
        return recorded.flat([x + t[0] * u for x, u in zip(recorded.xs, us, strict=True)])

    report = _compared(recorded, dys, slope, along, np.zeros(1), terms)
    return replace(report, where=None, note="along a random direction")


def _compared(
    recorded: Recorded,
    dys: Cotangents,
    dx: np.ndarray,
    along: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    terms: float,
) -> Report:
    """The worst element of a gradient: "fail" only where it cannot be right, "inconclusive" at a kink or where the
    reference does not know. `terms` is what the gradient was added up from."""
    dy = _flat(recorded, dys)
    reference = gradient(along, x, dy, recorded.eps)
    relative = ROUNDING if recorded.eps <= EPS else 1e3 * recorded.eps
    largest = np.maximum(np.nan_to_num(np.maximum(reference.terms, np.abs(reference.value))), terms)
    drowned = (
        EPS * float(np.nan_to_num(np.sum(np.abs(along(x) * dy)))) / max(1.0, float(np.max(np.abs(x), initial=0.0)))
    )
    allowed = BARS * reference.bar + relative * largest + EPS * np.max(largest, initial=0.0) + drowned
    errors = np.abs(dx - reference.value)
    unknown = reference.kinked | ~np.isfinite(reference.bar) | (reference.bar > 1e-3 * np.maximum(largest, np.abs(dx)))
    wrong = ~(errors <= allowed) & ~unknown
    verdict = "fail" if np.any(wrong) else "inconclusive" if np.any(unknown & ~(errors <= allowed)) else "pass"
    if not dx.size:
        return Report("pass", 0.0, None, 0.0, 0.0, 0.0)
    ranked = np.where(wrong, np.nan_to_num(errors, nan=np.inf, posinf=np.inf), -1.0 if np.any(wrong) else errors)
    i = np.unravel_index(int(np.argmax(ranked)), dx.shape)
    numbers = (float(reference.value[i]), float(reference.bar[i]), float(dx[i]))
    return Report(verdict, float(errors[i]), (0, tuple(int(n) for n in i)), *numbers)


def _explained(report: Report, recorded: Recorded) -> Report:
    """With the cause, where the rule is wrong at fresh cotangents too."""
    from nanonet.gradcheck import check_backward  # which itself asks for the guilty operation after a failure

    if len(recorded.ys) > 1 or recorded.size * recorded.ys[0].size > EXPLAINED**2:
        return report
    found = check_backward(
        lambda *xs: recorded.forward(xs)[0],
        lambda dy, *xs: tuple(recorded.backward([dy])),
        [x.copy() for x in recorded.xs],
        name=report.name,
    )
    return replace(report, cause=found.cause) if found.verdict == "fail" else report


def _flat(recorded: Recorded, dys: Cotangents) -> np.ndarray:
    """The cotangents of the floating outputs as one row, zeros where there is none."""
    shapes = recorded.entry.outputs or [(y.shape, y.dtype) for y in recorded.ys]
    floating = [(s, d) for (s, t), d in zip(shapes, dys, strict=True) if np.dtype(t).kind == "f"]
    return np.concatenate(
        [np.zeros(s).ravel() if d is None else np.asarray(d, np.float64).ravel() for s, d in floating]
    )
