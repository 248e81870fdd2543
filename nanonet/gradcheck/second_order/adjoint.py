"""Tests without differences: two numbers that are equal in exact arithmetic, both computed by the engine.

    forward and reverse mode    ⟨v, J u⟩ = ⟨Jᵀ v, u⟩
    a Hessian is symmetric      ⟨u, H v⟩ = ⟨v, H u⟩

How far rounding may part them is measured: the same is computed with vectors of other lengths at inputs a few units
in the last place away. Rounding then falls differently each time; a mistake stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.report import Report
from nanonet.gradcheck.second_order.replay import Arrays, Replay, cotangents
from nanonet.tape import recorded
from nanonet.transforms import jvp, vjp, vjp_of
from nanonet.variable import enable_grad

EPS = float(np.finfo(np.float64).eps)
UNITS = 16  # roundings that are allowed for each operation without a measurement
REPEATS = 6
SPREADS = 8.0  # so many standard deviations of the measured rounding
STEADY = 1e-6  # of the sums' terms: what scatters more than that is no rounding
LOCATED = 64  # inputs up to which the two elements are named whose order matters
CUT_OFF = Cause(
    "zero",
    "the second derivative is cut off: a `detach()` or a NumPy value inside backward",
    "compute backward with `xp`, `saved` and `dy` alone: no detach(), .numpy(), .array, .item() or float()",
)


@dataclass(frozen=True)
class Gap:
    """Two numbers that should be equal, and the sizes of the terms they were added up from."""

    left: float
    right: float
    terms: float

    @property
    def size(self) -> float:
        return self.left - self.right


def forward_mode_check(f: Callable[..., Any], inputs: Sequence[Any], seed: int | None = None, name: str = "") -> Report:
    """Is forward mode (`nt.jvp`) the transpose of reverse mode (`nt.vjp`): ⟨v, J u⟩ = ⟨Jᵀ v, u⟩ for random u and v?

    f       a function of Tensors that returns a Tensor, or a tuple of them
    inputs  Tensors, arrays or numbers, or one Tensor or array; the floating ones are taken in float64
    seed    for u and v; a fresh one, which the report names, where it is None

    No differences are taken, so the test is exact to rounding, whatever the scale. A gradient that is wrong in both
    modes alike passes: `nt.gradcheck` is for that. Raises ValueError where there is nothing to check.
    """
    seed = fresh_seed(seed)
    return adjoint_test(Replay("forward_mode_check", f, inputs), seed, name)


def fresh_seed(seed: int | None) -> int:
    """`seed`, or one that nobody chose."""
    return int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed


def adjoint_test(f: Replay, seed: int, name: str = "") -> Report:
    """⟨v, J u⟩ = ⟨Jᵀ v, u⟩."""
    with enable_grad():
        outputs = f(*f.leaves())
    rng = np.random.default_rng(seed)
    us, vs = [rng.standard_normal(x.shape) for x in f.arrays], cotangents(rng, outputs)

    def gap(xs: Arrays, a: float, b: float) -> Gap:
        forward = jvp(f, tuple(xs), tuple(a * u for u in us))[1]
        reverse = vjp(f, *xs)[1](tuple(b * v for v in vs))
        return _gap(vs, [y.array / a for y in forward], us, [x.array / b for x in reverse])

    def cause(found: Gap) -> Cause:
        pull = vjp(f, *f.arrays)[1]
        once, twice = ([x.array for x in pull(tuple(k * v for v in vs))] for k in (1.0, 2.0))
        if all(np.array_equal(a, b) for a, b in zip(once, twice, strict=True)):
            return Cause("ignored-upstream", "backward ignores its cotangent dy", "multiply the local derivative by dy")
        if found.left == 0:
            return CUT_OFF
        if not all(np.allclose(2 * a, b, rtol=STEADY) for a, b in zip(once, twice, strict=True)):
            return Cause("unknown", "backward is not linear in its cotangent dy", "every term of dx has dy as a factor")
        sentence = "backward, run on Tensors, is not differentiated rightly with respect to dy"
        return Cause("unknown", sentence, "look for a value inside backward that is not computed from dy by Tensors")

    words = "forward and reverse mode disagree: ⟨v, J u⟩ = {:.10g}, but ⟨Jᵀ v, u⟩ = {:.10g}"
    unit = EPS * (len(recorded(outputs)) + 1)
    return _report(gap, f, unit, _size([y.array for y in outputs], f.arrays), seed, name, words, cause)


def symmetry_test(f: Replay, dys: Arrays, seed: int, name: str = "") -> Report:
    """⟨u, H v⟩ = ⟨v, H u⟩, with H the Hessian of Σ dy ⊙ f with respect to all inputs."""
    rng = np.random.default_rng(seed + 1)
    us, vs = ([rng.standard_normal(x.shape) for x in f.arrays] for _ in range(2))

    def gap(xs: Arrays, a: float, b: float) -> Gap:
        hessian = hessian_of(f, xs, dys)
        return _gap(
            us, [x / a for x in hessian([a * v for v in vs])], vs, [x / b for x in hessian([b * u for u in us])]
        )

    def cause(found: Gap) -> Cause:
        sentence = "the Hessian is not symmetric" + _asymmetry(hessian_of(f, f.arrays, dys), f.arrays)
        return Cause(
            "unknown", sentence, "either the gradient is not that of a function, or it is differentiated wrongly"
        )

    xs = f.leaves()
    with enable_grad():
        outputs = f(*xs)
    unit = EPS * (len(recorded(outputs)) + 1)
    size = _size([x.array for x in vjp_of(outputs, xs, dys)], f.arrays)
    words = "the Hessian is not symmetric: ⟨u, H v⟩ = {:.10g}, but ⟨v, H u⟩ = {:.10g}"
    return _report(gap, f, unit, size, seed, name, words, cause)


def hessian_of(f: Replay, xs: Arrays, dys: Arrays) -> Callable[[Arrays], list[np.ndarray]]:
    """v ↦ Hv for the Hessian of Σ dy ⊙ f at xs, by a recorded gradient; both in the inputs' shapes."""
    leaves = f.leaves(xs)
    with enable_grad():
        gradient = vjp_of(f(*leaves), leaves, dys, create_graph=True)
    return lambda vs: [x.array for x in vjp_of(gradient, leaves, vs)]


def _gap(vs: Arrays, ju: Arrays, us: Arrays, jtv: Arrays) -> Gap:
    with np.errstate(all="ignore"):
        left, right = ([(a * b).ravel() for a, b in zip(one, two, strict=True)] for one, two in ((vs, ju), (us, jtv)))
        terms = float(sum(np.sum(np.abs(products)) for products in (*left, *right)))
        return Gap(float(sum(map(np.sum, left))), float(sum(map(np.sum, right))), terms)


def _report(
    gap: Callable[[Arrays, float, float], Gap],
    f: Replay,
    unit: float,
    size: float,
    seed: int,
    name: str,
    words: str,
    cause: Callable[[Gap], Cause],
) -> Report:
    """`unit` is the relative rounding of the whole function, `size` what its derivatives may cancel from."""
    found = gap(f.arrays, 1.0, 1.0)
    size = size if np.isfinite(size) else 0.0
    allowed = UNITS * unit * (found.terms + size)
    if not np.isfinite(found.terms):
        verdict, allowed = "inconclusive", np.inf
    elif abs(found.size) <= allowed:
        verdict = "pass"
    else:
        allowed += _rounding(gap, f, seed, found.terms + size)
        verdict = "pass" if abs(found.size) <= allowed else "fail"
    note = {
        "pass": "two numbers, equal up to rounding",
        "fail": words.format(found.left, found.right),
        "inconclusive": "the derivatives are not finite there",
    }[verdict]
    numbers = (found.right, allowed, found.left)
    why = cause(found) if verdict == "fail" else None
    return Report(verdict, abs(found.size), None, *numbers, name, cause=why, note=note, seed=seed)


def _size(ys: Arrays, xs: Arrays) -> float:
    """Σ |y| / max(1, |x|): the slopes that a function of this size might have."""
    largest = max((float(np.max(np.abs(x), initial=0.0)) for x in xs), default=0.0)
    return float(sum(np.sum(np.abs(y)) for y in ys)) / max(1.0, largest)


def _rounding(gap: Callable[[Arrays, float, float], Gap], f: Replay, seed: int, terms: float) -> float:
    """By how much rounding makes the gap scatter."""
    rng = np.random.default_rng(seed + 2)
    sizes = []
    for _ in range(REPEATS):
        near = [x * (1 + EPS * rng.integers(-2, 3, x.shape)) for x in f.arrays]
        a, b = rng.uniform(0.5, 2.0, 2)
        sizes.append(gap(near, float(a), float(b)).size)
    return min(SPREADS * float(np.std(sizes)), STEADY * terms)


def _asymmetry(hessian: Callable[[Arrays], list[np.ndarray]], xs: Arrays) -> str:
    """Where it is asymmetric, in words."""
    ends = np.cumsum([x.size for x in xs])
    total = int(ends[-1])
    if total > LOCATED:
        return ""
    shaped = [
        [part.reshape(x.shape) for part, x in zip(np.split(row, ends[:-1]), xs, strict=True)] for row in np.eye(total)
    ]
    H = np.array([np.concatenate([x.ravel() for x in hessian(row)]) for row in shaped])
    i, j = np.unravel_index(int(np.argmax(np.abs(H - H.T))), H.shape)

    def element(k: int) -> str:
        index = int(np.searchsorted(ends, k, side="right"))
        at = np.unravel_index(k - (int(ends[index]) - xs[index].size), xs[index].shape)
        return f"input {index}, element {[int(one) for one in at]}"

    return f", most of all at {element(int(i))} and {element(int(j))}: {H[i, j]:.6g} and {H[j, i]:.6g}"
