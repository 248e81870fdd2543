"""Fast mode: derivatives along a few random directions, each against a fresh random cotangent.

Along a Gaussian direction u, an error e of the gradient shows as ⟨e, u⟩, which is Gaussian with the length of e: it
hides below a tolerance t with probability √(2/π) · t / |e| at most, and in k directions with the product of theirs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nanonet.gradcheck.full import Options
from nanonet.gradcheck.reference import Function, Reference, derivatives
from nanonet.gradcheck.reference.channels import Channels, random_cotangent
from nanonet.gradcheck.report import Report
from nanonet.gradcheck.subject import Subject, flat, split
from nanonet.gradcheck.verdict import ORDER, Judgement, Tolerance, judge

STATED = 1e-6  # an error of this share of the gradient's length is what the probability is stated for


@dataclass(frozen=True)
class Direction:
    """One direction through all inputs, and what was found along it."""

    dys: list[np.ndarray]
    us: list[np.ndarray]
    gradients: list[np.ndarray]
    reference: Reference
    judgement: Judgement
    analytic: float
    length: float  # of the gradient, where a direction's elements have the lengths of `Fast.scales`

    @property
    def verdict(self) -> str:
        return str(self.judgement.verdicts[0])

    def hides(self) -> float:
        """With what probability this direction misses an error of STATED times the gradient's length."""
        allowed = float(self.judgement.allowed[0])
        if not self.length or not math.isfinite(allowed):
            return 1.0
        return min(1.0, math.sqrt(2 / math.pi) * allowed / (STATED * self.length))


class Fast:
    """A check along random directions."""

    def __init__(self, subject: Subject, options: Options) -> None:
        self.subject, self.options = subject, options
        self.rng = np.random.default_rng(options.seed)
        self.recording = subject.record(subject.copies())
        self.shapes = [y.shape for y in self.recording.outputs]
        self.y = flat([np.asarray(y) for y in self.recording.outputs])
        self.eps = max(float(np.finfo(y.dtype).eps) for y in self.recording.outputs)
        self.scales = [np.maximum(1.0, np.abs(x)) for x in subject.inputs]
        self.dys = split(random_cotangent(self.y.size, self.rng), self.shapes)

    def report(self) -> Report:
        """The worst direction; a failure is followed to its element by halving."""
        found = [self.direction() for _ in range(self.options.directions)]
        bad = max(found, key=lambda d: ORDER.index(d.verdict))
        miss = math.prod(d.hides() for d in found)
        report = Report(
            verdict=bad.verdict,
            max_error=float(bad.judgement.errors[0]),
            where=None,
            numeric=float(bad.reference.value[0]),
            bar=float(bad.reference.bar[0]),
            analytic=bad.analytic,
            note="" if bad.verdict == "pass" else "the numbers are slopes along a random direction through all inputs",
            slopes=(float(bad.reference.left[0]), float(bad.reference.right[0])) if bad.reference.kinked[0] else None,
            mode="fast",
            miss=(STATED, miss),
            looked=(f"{self.options.directions} random directions",),
        )
        return self._located(report, bad) if bad.verdict == "fail" else report

    def direction(self) -> Direction:
        """A random direction, with a cotangent of its own."""
        dy = random_cotangent(self.y.size, self.rng)
        us = [self.rng.standard_normal(x.shape) * s for x, s in zip(self.subject.inputs, self.scales, strict=True)]
        return self._along(split(dy, self.shapes), us)

    def _along(self, dys: list[np.ndarray], us: list[np.ndarray]) -> Direction:
        gradients = self.recording.pull([dy.copy() for dy in dys])
        for place, dx, u in zip(self.subject.places, gradients, us, strict=True):
            if dx.shape != u.shape:
                raise WrongShapeError(place, dx.shape, u.shape)
        terms = [np.asarray(dx, np.float64) * u for dx, u in zip(gradients, us, strict=True)]
        analytic = float(sum(np.sum(t) for t in terms))
        dy = np.concatenate([d.ravel() for d in dys])
        reference = derivatives(self._line(us), np.zeros(1), Channels(dy[None], units=False), self.eps).channel(0)
        total = float(sum(np.sum(np.abs(t)) for t in terms))
        size = np.array([float(np.abs(self.y) @ np.abs(dy))])
        rounding = np.array([4 * self.eps * total])
        tolerance = Tolerance(self.options.rtol, self.options.atol, rounding, size)
        judgement = judge(np.array([analytic]), reference, tolerance)
        squares = [np.sum((dx * s) ** 2) for dx, s in zip(gradients, self.scales, strict=True)]
        return Direction(dys, us, gradients, reference, judgement, analytic, math.sqrt(float(sum(squares))))

    def _line(self, us: list[np.ndarray]) -> Function:
        """The outputs as a function of how far along the direction, an array of one number."""
        size = self.y.size

        def at(t: np.ndarray) -> np.ndarray:
            inputs = [np.asarray(x + t[0] * u) for x, u in zip(self.subject.inputs, us, strict=True)]
            return self.subject.flat_values(inputs, self.shapes, size)

        return at

    def _located(self, report: Report, bad: Direction) -> Report:
        """Halve the elements again and again, and go on with the half that is further off."""
        elements = [(k, i) for k, x in enumerate(self.subject.inputs) for i in np.ndindex(x.shape)]
        while len(elements) > 1:
            halves = elements[: len(elements) // 2], elements[len(elements) // 2 :]
            found = [self._along(bad.dys, _only(bad.us, half)) for half in halves]
            off = [d.judgement.errors[0] / d.judgement.allowed[0] for d in found]
            side = int(not off[0] >= off[1])
            if found[side].verdict != "fail":
                return report
            elements, bad = halves[side], found[side]
        (k, i), u = elements[0], bad.us[elements[0][0]][elements[0][1]]
        return Report(
            verdict="fail",
            max_error=float(bad.judgement.errors[0] / abs(u)),
            where=(self.subject.places[k], i),
            numeric=float(bad.reference.value[0] / u),
            bar=float(bad.reference.bar[0] / abs(u)),
            analytic=float(bad.analytic / u),
            note="the element was found by halving the direction; others may be wrong too",
            mode="fast",
            miss=report.miss,
            looked=report.looked,
        )


class WrongShapeError(Exception):
    """A gradient whose shape is not its input's."""

    def __init__(self, place: int, got: tuple[int, ...], expected: tuple[int, ...]) -> None:
        super().__init__(f"the gradient of input {place} has shape {got}, the input {expected}")
        self.place = place


def _only(us: list[np.ndarray], elements: list[tuple[int, tuple[int, ...]]]) -> list[np.ndarray]:
    kept = [np.zeros(u.shape) for u in us]
    for k, i in elements:
        kept[k][i] = us[k][i]
    return kept
