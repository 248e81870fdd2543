"""nt.gradcheck: is the gradient that the tape computes the derivative of the function?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nanonet.generator import get_state, set_state
from nanonet.gradcheck.cause import Cause
from nanonet.gradcheck.reference import gradient, jacobian
from nanonet.gradcheck.report import Report
from nanonet.gradcheck.verdict import LARGEST_JACOBIAN, explain, judge, magnitude, worst
from nanonet.op import Op, Sample
from nanonet.sampling import Draw
from nanonet.tensor import Tensor, as_tensor
from nanonet.transforms import vjp_of
from nanonet.variable import enable_grad, no_grad


def gradcheck(
    f: Callable[..., Any], inputs: Sequence[Any], rtol: float = 0.0, atol: float = 0.0, seed: int = 0, name: str = ""
) -> Report:
    """Compare the gradient of Σ dy ⊙ f(*inputs), for a random dy, with extrapolated central differences.

    f           a function of Tensors that returns a Tensor, or a tuple of them
    inputs      Tensors, arrays or numbers, or one Tensor or array; every floating one is checked, in every element.
                float32 and float16 become float64: differences in float32 have no digits to spare
    rtol, atol  errors up to atol + rtol · the largest slope pass too. Without them the reference's error bar and
                rounding alone decide

    Raises ValueError when there is nothing to check.
    """
    given: Any = [inputs] if isinstance(inputs, Tensor | np.ndarray | float) else inputs
    tensors = [as_tensor(np.asarray(x)) if isinstance(x, np.ndarray | float) else x for x in given]
    tensors = [Tensor(_widened(x.array)) if isinstance(x, Tensor) else x for x in tensors]
    checked = [x for x in tensors if isinstance(x, Tensor) and x.dtype.kind == "f"]
    if not checked:
        raise ValueError("gradcheck: no floating input to check; pass float64 arrays or Tensors")
    for x in checked:
        x.requires_grad_()
    drawn = get_state()
    with enable_grad():
        outputs = _floating(f(*tensors))
    if not outputs:
        raise TypeError("gradcheck: the function must return at least one floating Tensor")
    rng = np.random.default_rng(seed)
    dys = [rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1.0, 1.0], y.shape) for y in outputs]
    if any(y.requires_grad for y in outputs):
        analytic = [dx.array for dx in vjp_of(outputs, checked, dys)]
    else:
        analytic = [np.zeros(x.shape) for x in checked]
    values = _Values(f, tensors, drawn)
    y, dy = _flat(outputs), np.concatenate([d.ravel() for d in dys])
    eps = max(float(np.finfo(o.dtype).eps) for o in outputs)
    references = [gradient(values.of(x), x.array, dy, eps) for x in checked]
    reports = [
        judge(i, dx, ref, magnitude(y, dy, x.array), rtol, atol, name)
        for i, (x, dx, ref) in enumerate(zip(checked, analytic, references, strict=True))
    ]
    report = replace(worst(reports), seed=seed, reproduce=f"nt.gradcheck(f, inputs, seed={seed})")
    if report.verdict == "fail" and len(outputs) > 1:
        sentence = "no cause is sought for a function with several outputs"
        report = replace(report, cause=Cause("unknown", sentence, "check one output at a time"))
    elif report.verdict == "fail" and report.where is not None and np.isfinite(y).all():
        index = report.where[0]
        x = checked[index]
        report = explain(
            report,
            inputs=tuple(one.array for one in checked),
            output=y.reshape(outputs[0].shape),
            dy=dys[0],
            analytic=analytic,
            references=references,
            jacobian=jacobian(values.of(x), x.array) if y.size * x.size <= LARGEST_JACOBIAN else None,
            backward=lambda other: _again(f, tensors, checked, other),
            forward=lambda arrays: _at(checked, arrays, lambda: values.of(x)(x.array)).reshape(outputs[0].shape),
            backward_at=lambda arrays, other: _at(checked, arrays, lambda: _again(f, tensors, checked, other)),
        )
    return report


class _Values:
    """The function's outputs, flat, when one of its Tensors has other values; random numbers are drawn again."""

    def __init__(self, f: Callable[..., Any], tensors: list[Any], drawn: dict[str, Any]):
        self.f, self.tensors, self.drawn = f, tensors, drawn

    def of(self, x: Tensor) -> Callable[[np.ndarray], np.ndarray]:
        original = x.array

        def at(values: np.ndarray) -> np.ndarray:
            x.array = values
            set_state(self.drawn)
            try:
                with no_grad():
                    return _flat(_floating(self.f(*self.tensors)))
            finally:
                x.array = original

        return at


def _again(f: Callable[..., Any], tensors: list[Any], checked: list[Tensor], dy: np.ndarray) -> list[np.ndarray]:
    """Forward and backward once more, with another dy."""
    with enable_grad():
        outputs = _floating(f(*tensors))
    parts = np.split(dy.ravel(), np.cumsum([y.size for y in outputs])[:-1])
    dys = [part.reshape(y.shape) for part, y in zip(parts, outputs, strict=True)]
    return [dx.array for dx in vjp_of(outputs, checked, dys)]


def _at(checked: list[Tensor], arrays: Sequence[np.ndarray], run: Callable[[], Any]) -> Any:
    """What `run` gives while the checked Tensors have other values."""
    originals = [x.array for x in checked]
    try:
        for x, array in zip(checked, arrays, strict=True):
            x.array = array
        return run()
    finally:
        for x, array in zip(checked, originals, strict=True):
            x.array = array


def _widened(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float64) if x.dtype.kind == "f" else x.copy()


def _flat(outputs: list[Tensor]) -> np.ndarray:
    """A new array: the outputs may be views of what is about to change."""
    return np.concatenate([y.array.ravel() for y in outputs]).astype(np.float64)


def _floating(outputs: Any) -> list[Tensor]:
    found = outputs if isinstance(outputs, tuple | list) else [outputs]
    for y in found:
        if not isinstance(y, Tensor):
            raise TypeError(f"gradcheck: the function must return Tensors, got {type(y).__name__}")
    return [y for y in found if y.dtype.kind == "f"]


def check_sample(op: type[Op], function: Callable[..., Any], sample: Sample) -> Report:
    """`gradcheck` of an op's public function at one of its samples."""
    arrays = sample.draw()
    flat = [(d, v) for draw, value in zip(sample.args, arrays, strict=True) for d, v in _opened(draw, value)]
    checked = [v for d, v in flat if isinstance(d, Draw) and d.differentiable]

    def f(*given: Any) -> Any:
        fresh = iter(given)
        return function(*[_filled(d, v, fresh) for d, v in zip(sample.args, arrays, strict=True)], **sample.attrs)

    return gradcheck(f, checked, name=op.name)


def _opened(draw: Any, value: Any) -> list[tuple[Any, Any]]:
    return list(zip(draw, value, strict=True)) if isinstance(draw, list) else [(draw, value)]


def _filled(draw: Any, value: Any, fresh: Any) -> Any:
    if isinstance(draw, list):
        return [_filled(d, v, fresh) for d, v in zip(draw, value, strict=True)]
    return next(fresh) if isinstance(draw, Draw) and draw.differentiable else value
