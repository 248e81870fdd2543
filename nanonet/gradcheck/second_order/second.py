"""nt.gradgradcheck: is the gradient itself differentiated rightly?

With g(x, dy) = Jᵀdy, recorded with create_graph=True, four things must hold:
    values      g is the gradient that is not recorded
    slopes      the recorded ∂g/∂x and ∂g/∂dy agree with differences of g
    adjoint     ⟨v, J u⟩ = ⟨Jᵀ v, u⟩, forward mode beside reverse mode
    symmetry    ⟨u, H v⟩ = ⟨v, H u⟩, with H the Hessian of Σ dy ⊙ f
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nanonet.gradcheck.check import gradcheck
from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.report import Report
from nanonet.gradcheck.second_order.adjoint import CUT_OFF, adjoint_test, fresh_seed, symmetry_test
from nanonet.gradcheck.second_order.replay import Arrays, Replay, cotangents
from nanonet.gradcheck.verdict import ORDER
from nanonet.mode import enable_grad, is_grad_enabled
from nanonet.tape import Entry, recorded
from nanonet.tensor import Tensor, apply
from nanonet.transforms import vjp_of
from nanonet.variable import Variable

SAME = 1e-9  # of the largest element: how far the recorded gradient may be from the plain one
SEARCHED = 50  # operations among which the guilty one is looked for


def gradgradcheck(
    f: Callable[..., Any],
    inputs: Sequence[Any],
    rtol: float = 0.0,
    atol: float = 0.0,
    seed: int | None = None,
    name: str = "",
    mode: str = "full",
    directions: int = 3,
) -> Report:
    """Check the second derivatives of f: those of the gradient that `create_graph=True` records.

    f               a function of Tensors that returns a Tensor, or a tuple of them
    inputs          Tensors, arrays or numbers, or one Tensor or array; the floating ones are taken in float64
    rtol, atol      as in `nt.gradcheck`, for the differences of the gradient
    seed            for the cotangents and directions; a fresh one, which the report names, where it is None
    mode            "full", or "fast": differences along `directions` random directions only

    Four parts (`Report.looked`): the recorded gradient's values, its slopes with respect to inputs and cotangents,
    forward mode beside reverse mode, the symmetry of the Hessian. The report is that of the worst part, which its
    note names. In `where`, cotangents are numbered after the inputs. Where f has a kink the gradient jumps and has no
    derivative: the verdict there is "kink".

    The first derivative is not compared with differences of f: `nt.gradcheck` does that. Raises ValueError where
    there is nothing to check.
    """
    subject, seed = Replay("gradgradcheck", f, inputs), fresh_seed(seed)
    with enable_grad():
        outputs = subject(*subject.leaves())
    dys = cotangents(np.random.default_rng(seed), outputs)
    options = {"rtol": rtol, "atol": atol, "seed": seed, "mode": mode, "directions": directions}
    parts = {"values": _values(subject, dys, name)}
    if parts["values"].cause is None:
        parts["slopes"] = _slopes(subject, dys, name, options)
        parts["adjoint"] = adjoint_test(subject, seed, name)
        parts["symmetry"] = symmetry_test(subject, dys, seed, name)
    part = max(parts, key=lambda one: ORDER.index(parts[one].verdict))
    report = parts[part] if part != "values" or len(parts) == 1 else parts["slopes"]
    if report.verdict == "fail":
        report = _located(report, outputs, options)
    if report.verdict != "pass":
        report = replace(report, note=f"second order, {part}: {report.note or 'see the numbers above'}")
    reproduce = f"nt.gradgradcheck(f, inputs, seed={seed})"
    return replace(report, seed=seed, looked=tuple(parts), reproduce=reproduce, mode=mode)


def _values(f: Replay, dys: Arrays, name: str) -> Report:
    """Is the recorded gradient the one that is not recorded? Can it be recorded at all?"""
    xs = f.leaves()
    with enable_grad():
        outputs = f(*xs)
        plain = [x.array for x in vjp_of(outputs, xs, dys)]
        try:
            recorded_one = [x.array for x in vjp_of(outputs, xs, dys, create_graph=True)]
        except Exception as error:  # whatever a user's backward raises when its arrays are Tensors
            why = f"backward cannot be recorded: {type(error).__name__}: {error}"
            cause = Cause("unknown", why, "write backward with `xp`'s functions, so that it runs on Tensors too")
            return Report("fail", np.inf, None, np.nan, np.inf, np.nan, name, cause=cause, note=why)
    largest = max((float(np.max(np.abs(x), initial=0.0)) for x in plain), default=0.0)
    for i, (one, other) in enumerate(zip(plain, recorded_one, strict=True)):
        differs = ~np.isclose(one, other, rtol=0.0, atol=SAME * largest, equal_nan=True)
        if np.any(differs):
            at = tuple(int(k) for k in np.argwhere(differs)[0])
            error, bar = float(abs(one[at] - other[at])), SAME * largest
            why = "backward gives another gradient when it is recorded (create_graph=True)"
            cause = Cause("unknown", why, "backward must compute the same on arrays and on Tensors")
            return Report(
                "fail", error, (f.places[i], at), float(one[at]), bar, float(other[at]), name, cause=cause, note=why
            )
    return Report("pass", 0.0, None, 0.0, 0.0, 0.0, name)


def _slopes(f: Replay, dys: Arrays, name: str, options: dict[str, Any]) -> Report:
    """∂g/∂x and ∂g/∂dy beside differences of g."""
    count = len(f.arrays)

    def g(*given: Tensor) -> tuple[Tensor, ...]:
        if any(x.dtype.kind == "c" for x in given):
            raise TypeError("gradgradcheck: a gradient is not computed in complex numbers")
        record, xs, given_dys = is_grad_enabled(), given[:count], given[count:]
        if not record:  # only values are asked for, of inputs that may want no gradients
            xs = tuple(Tensor.wrap(x.array).requires_grad_() for x in xs)
        with enable_grad():
            return tuple(vjp_of(f(*xs), xs, given_dys, create_graph=record))

    report = gradcheck(g, [*f.arrays, *dys], name=name, **options)
    if report.where is None or report.verdict in ("pass", "subgradient"):
        return report
    index, at = report.where
    report = replace(report, where=(f.places[index] if index < count else len(f.given) + index - count, at))
    subject = f"input {f.places[index]}" if index < count else f"the cotangent of output {index - count}"
    if index < count and _kinked(f, index, at, options):
        note = f"f has a kink at element {list(at)} of {subject}: its gradient jumps there and has no derivative"
        return replace(report, verdict="kink", cause=None, note=note)
    report = replace(report, note=f"the gradient's derivative with respect to {subject} is not right")
    if report.verdict == "fail":
        leaves = f.leaves([*f.arrays, *dys])
        ws = cotangents(np.random.default_rng(0), f.arrays)
        with enable_grad():
            analytic = vjp_of(g(*leaves), leaves, ws)[index].array
        report = replace(report, cause=report.cause if np.any(analytic) else CUT_OFF)
    return report


def _kinked(f: Replay, index: int, at: tuple[int, ...], options: dict[str, Any]) -> bool:
    """Has f itself a kink at this element?"""
    size = np.zeros(f.arrays[index].shape)
    size[at] = 1.0

    def along(t: Tensor) -> tuple[Tensor, ...]:
        xs: list[Any] = [Tensor(x, device="cpu") for x in f.arrays]
        xs[index] = xs[index] + t * Tensor(size, device="cpu")
        return f(*xs)

    return gradcheck(along, [np.array(0.0)], seed=options["seed"]).slopes is not None


def _located(report: Report, outputs: Sequence[Tensor], options: dict[str, Any]) -> Report:
    """The report of a function of several operations, with the first one whose own second derivative is wrong."""
    entries = recorded(outputs)
    if not 1 < len(entries) <= SEARCHED:
        return report
    for number, entry in enumerate(entries, 1):
        alone = _alone(entry, options)
        if alone is not None and alone.verdict == "fail":
            op = f"{entry.op.name}, operation {number} of {len(entries)}"
            return replace(report, op=op, cause=alone.cause or report.cause)
    return report


def _alone(entry: Entry, options: dict[str, Any]) -> Report | None:
    """`gradgradcheck` of one operation at its recorded inputs; None where that cannot be had."""
    floats = [i for i, x in enumerate(entry.inputs) if isinstance(x, Variable) and x.array.dtype.kind == "f"]

    def f(*xs: Tensor) -> Any:
        inputs = list(entry.inputs)
        for i, x in zip(floats, xs, strict=True):
            inputs[i] = x
        return apply(entry.op, *inputs, **entry.attrs)

    try:
        return gradgradcheck(f, [entry.inputs[i].array for i in floats], **options)
    except Exception:  # the operation alone may refuse; the search goes on
        return None
