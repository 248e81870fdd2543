"""Full mode: every element of every gradient, for a random cotangent and for every output alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nanonet.gradcheck.diagnosis.evidence import Evidence
from nanonet.gradcheck.progress import Watch
from nanonet.gradcheck.reference import Reference, derivatives
from nanonet.gradcheck.reference.channels import Channels, random_cotangent
from nanonet.gradcheck.report import Comparison, Report
from nanonet.gradcheck.subject import Subject, flat, split
from nanonet.gradcheck.verdict import ORDER, Judgement, Tolerance, judge, rank, sizes

LARGEST_JACOBIAN = 100_000  # elements, beyond which random cotangents stand for the single outputs
MOST_OUTPUTS = 512  # backward runs once for each
UNIT_FLOOR = 1e-12  # of one output's largest slope: errors below it are rounding


@dataclass(frozen=True)
class Options:
    """What the caller chose."""

    rtol: float
    atol: float
    seed: int
    mode: str
    directions: int


@dataclass
class Full:
    """A whole check of the values: what was recorded once, and the references, made once."""

    subject: Subject
    options: Options
    watch: Watch

    def __post_init__(self) -> None:
        self.recording = self.subject.record(self.subject.copies())
        self.shapes = [y.shape for y in self.recording.outputs]
        self.y = flat([np.asarray(y) for y in self.recording.outputs])
        self.eps = max(float(np.finfo(y.dtype).eps) for y in self.recording.outputs)
        rng = np.random.default_rng(self.options.seed)
        units = self.y.size * sum(x.size for x in self.subject.inputs) <= LARGEST_JACOBIAN
        units = units and 1 < self.y.size <= MOST_OUTPUTS
        count = 1 if units or self.y.size <= 1 else 4
        rows = [random_cotangent(self.y.size, rng) for _ in range(count)]
        self.channels = Channels(np.array(rows).reshape(count, self.y.size), units)
        self.dys = self.cotangents(0)
        self.references: list[Reference] = []
        self.gradients: list[np.ndarray] = []  # for the first cotangent
        self.rounding: list[np.ndarray] = []

    def cotangents(self, c: int) -> list[np.ndarray]:
        return split(self.channels.cotangent(c), self.shapes)

    def pull(self, dys: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The gradients for these cotangents, from a forward of their own."""
        return self.subject.record(self.subject.copies()).pull([dy.copy() for dy in dys])

    def first(self) -> Report:
        """The gradients for one random cotangent."""
        self.gradients = self.recording.pull([dy.copy() for dy in self.dys])
        lines = [self.subject.line(k, self.shapes) for k in range(len(self.subject.inputs))]
        for line, x in zip(lines, self.subject.inputs, strict=True):
            self.references.append(derivatives(line, x, self.channels, self.eps, self.watch))
        self.rounding = self.analytic_rounding()
        return self.report(0, self.gradients)

    def rest(self, report: Report) -> Report:
        """`report`, or that of another cotangent, or of a single output, which is worse."""
        comparisons = report.comparisons
        for c in range(1, self.channels.count):
            dxs = self.recording.pull(self.cotangents(c))
            other = self.report(c, dxs)
            if any(dx.shape != x.shape for dx, x in zip(dxs, self.subject.inputs, strict=True)):
                return replace(other, comparisons=comparisons)  # a shape that depends on dy's values
            comparisons = tuple(_worse(a, b) for a, b in zip(comparisons, other.comparisons, strict=True))
            if ORDER.index(other.verdict) > ORDER.index(report.verdict):
                report = other
        return replace(report, comparisons=comparisons)

    def looked(self) -> str:
        count = sum(x.size for x in self.subject.inputs)
        whole = self.channels.units or self.y.size == 1
        what = "the whole Jacobian" if whole else f"{len(self.channels.rows)} random cotangents"
        outputs = f"{self.y.size} output{'s' if self.y.size != 1 else ''}"
        return f"{what} ({outputs}, {count} input element{'s' if count != 1 else ''})"

    def report(self, c: int, gradients: Sequence[np.ndarray]) -> Report:
        """The verdict on the gradients for one channel."""
        unit = self.channels.unit(c)
        output = None if unit is None else _place(unit, self.shapes)
        return worst([self._of_input(k, c, dx, output) for k, dx in enumerate(gradients)])

    def _of_input(self, k: int, c: int, dx: np.ndarray, output: Any) -> Report:
        x, ref, place = self.subject.inputs[k], self.references[k].channel(c), self.subject.places[k]
        if dx.shape != x.shape:
            note = f"the gradient of input {place} has shape {dx.shape}, the input {x.shape}"
            return Report("fail", np.inf, (place, ()), np.nan, np.inf, np.nan, note=note)
        options = self.options
        tolerance = Tolerance(
            rtol=options.rtol,
            atol=options.atol,
            rounding=self.rounding[k],
            size=sizes(self.channels.terms(c)[0](self.y), self.channels.terms(c)[1], x),
            eps=self.eps,
        )
        if output is not None:
            tolerance = replace(tolerance, floor=UNIT_FLOOR, around=self._largest(k))
        judgement = judge(np.asarray(dx, np.float64), ref, tolerance)
        comparison = Comparison(place, np.asarray(dx, np.float64), ref.value, ref.bar, judgement.verdicts)
        return _report(place, dx, ref, judgement, comparison, output)

    def _largest(self, k: int) -> float:
        terms = self.references[k].terms[0]
        return float(np.max(terms, initial=0.0, where=np.isfinite(terms)))

    def analytic_rounding(self) -> list[np.ndarray]:
        """How much the gradients change when the inputs move by a rounding error or two: what they can be exact to."""
        rng = np.random.default_rng(self.options.seed)
        largest = [np.zeros(x.shape) for x in self.subject.inputs]
        for _ in range(3):
            moved = [np.asarray(x * (1 + EPS_STEPS * rng.choice([-1.0, 1.0], x.shape))) for x in self.subject.inputs]
            try:
                dxs = self.subject.record(moved).pull([dy.copy() for dy in self.dys])
            except Exception:  # the function may end here
                continue
            for k, (dx, before) in enumerate(zip(dxs, self.gradients, strict=True)):
                if dx.shape != before.shape or dx.shape != largest[k].shape:
                    continue
                terms = self.references[k].terms[0]
                with np.errstate(all="ignore"):
                    change = np.nan_to_num(np.abs(np.asarray(dx, np.float64) - before), nan=0.0, posinf=0.0)
                # More than this is a branch taken the other way (a tie), not rounding.
                change = np.where(change <= 1e-5 * np.maximum(terms, np.abs(before)), change, 0.0)
                largest[k] = np.maximum(largest[k], change)
        return largest

    def evidence(self, k: int) -> Evidence:
        """What is known of the wrong gradient of the k-th input."""
        ref = self.references[k]
        jacobians = [r.value[len(self.channels.rows) :].reshape(self.y.size, -1) for r in self.references]
        if self.y.size == 1:
            jacobians = [r.value[:1].reshape(1, -1) / self.channels.rows[0, 0] for r in self.references]
        known = self.channels.units or self.y.size == 1
        given = np.asarray(self.gradients[k], np.float64)
        slopes = np.sort([ref.left[0], ref.right[0]], axis=0)
        fits = given.shape == ref.value[0].shape
        return Evidence(
            inputs=tuple(self.subject.inputs),
            output=self.y.reshape(self.shapes[0]),
            dy=self.dys[0],
            index=k,
            analytic=given,
            numeric=ref.value[0],
            bars=ref.bar[0],
            jacobian=jacobians[k] if known else None,
            others=tuple(np.asarray(dx, np.float64) for dx in self.gradients),
            references=tuple(r.value[0] for r in self.references),
            backward=lambda dy: self.pull([dy]),
            forward=self._forward_at,
            backward_at=lambda inputs, dy: self.subject.record([x.copy() for x in inputs]).pull([dy.copy()]),
            subgradients=ref.kinked[0] & (slopes[0] <= given) & (given <= slopes[1]) if fits else None,
        )

    def _forward_at(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        return np.asarray(self.subject.values([x.copy() for x in inputs])[0], np.float64)


EPS_STEPS = 2 * float(np.finfo(np.float64).eps)


def _report(
    place: int, dx: np.ndarray, ref: Reference, judgement: Judgement, comparison: Comparison, output: Any
) -> Report:
    i = judgement.worst()
    if i is None:
        return Report("pass", 0.0, None, 0.0, 0.0, 0.0, comparisons=(comparison,))
    return Report(
        verdict=str(judgement.verdicts[i]),
        max_error=float(judgement.errors[i]),
        where=(place, i),
        output=output,
        numeric=float(ref.value[i]),
        bar=float(ref.bar[i]),
        analytic=float(dx[i]),
        note="" if np.isfinite(dx[i]) else "the gradient is not finite there",
        slopes=(float(ref.left[i]), float(ref.right[i])) if ref.kinked[i] else None,
        comparisons=(comparison,),
    )


def _worse(a: Comparison, b: Comparison) -> Comparison:
    """The first one, with the worse of two verdicts for every element."""
    return replace(a, verdicts=np.where(rank(b.verdicts) > rank(a.verdicts), b.verdicts, a.verdicts))


def worst(reports: list[Report]) -> Report:
    """The report that speaks for all, with everybody's comparisons where they are of different inputs."""
    found = max(reports, key=lambda r: (ORDER.index(r.verdict), r.where is not None, np.nan_to_num(r.max_error)))
    comparisons = {c.index: c for r in reversed(reports) for c in r.comparisons}
    return replace(found, comparisons=tuple(comparisons[i] for i in sorted(comparisons)))


def _place(i: int, shapes: Sequence[tuple[int, ...]]) -> tuple[int, tuple[int, ...]]:
    """(output, element) of the i-th element of all outputs."""
    for number, shape in enumerate(shapes):
        size = int(np.prod(shape))
        if i < size:
            return number, tuple(int(j) for j in np.unravel_index(i, shape))
        i -= size
    raise AssertionError("there are as many channels as outputs")
