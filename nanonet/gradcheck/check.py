"""nt.gradcheck: is the gradient that the tape computes the derivative of the function?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nanonet.gradcheck.reference import gradient
from nanonet.gradcheck.report import Report
from nanonet.op import Op, Sample
from nanonet.sampling import Draw
from nanonet.tensor import Tensor, as_tensor
from nanonet.transforms import vjp_of
from nanonet.variable import enable_grad, no_grad


def gradcheck(
    f: Callable[..., Any], inputs: Sequence[Any], rtol: float = 1e-7, atol: float = 1e-9, seed: int = 0, name: str = ""
) -> Report:
    """Compare the gradient of Σ dy ⊙ f(*inputs), for a random dy, with extrapolated central differences.

    f         a function of Tensors that returns a Tensor, or a tuple of them
    inputs    Tensors, arrays or numbers, or one Tensor or array; every float64 one is checked, in every element

    An element passes when |analytic - numeric| ≤ atol + rtol · max|numeric| + 10 · error bar. Raises TypeError for
    float32 inputs (differences in float32 have no digits to spare) and ValueError when nothing is left to check.
    """
    given: Any = [inputs] if isinstance(inputs, Tensor | np.ndarray | float) else inputs
    tensors = [as_tensor(np.asarray(x)) if isinstance(x, np.ndarray | float) else x for x in given]
    tensors = [Tensor(x.array.copy()) if isinstance(x, Tensor) else x for x in tensors]
    checked = [x for x in tensors if isinstance(x, Tensor) and x.dtype.kind == "f"]
    if not checked:
        raise ValueError("gradcheck: no floating input to check; pass float64 arrays or Tensors")
    for x in checked:
        if x.dtype != np.float64:
            raise TypeError(f"gradcheck: expected float64 inputs, got {x.dtype}; use x.astype('float64')")
        x.requires_grad_()
    with enable_grad():
        outputs = _floating(f(*tensors))
    rng = np.random.default_rng(seed)
    dys = [rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1.0, 1.0], y.shape) for y in outputs]
    if any(y.requires_grad for y in outputs):
        analytic = vjp_of(outputs, checked, dys)
    else:
        analytic = [Tensor.wrap(np.zeros(x.shape)) for x in checked]
    worst: Report | None = None
    for index, (x, dx) in enumerate(zip(checked, analytic, strict=True)):
        numeric, bars = _numeric(f, tensors, x, dys)
        report = _compare(index, dx.array, numeric, bars, rtol, atol, name)
        worst = report if worst is None or worst.where is None else _worse(worst, report)
    assert worst is not None, "something was checked"
    return worst


def _numeric(f: Callable[..., Any], tensors: list[Any], x: Tensor, dys: list[np.ndarray]) -> Any:
    original = x.array

    def objective(values: np.ndarray) -> float:
        x.array = values
        with no_grad():
            outputs = _floating(f(*tensors))
        return sum(float(np.sum(y.array * dy)) for y, dy in zip(outputs, dys, strict=True))

    try:
        return gradient(objective, original)
    finally:
        x.array = original


def _compare(
    index: int, analytic: np.ndarray, numeric: np.ndarray, bars: np.ndarray, rtol: float, atol: float, name: str
) -> Report:
    if not analytic.size:
        return Report("pass", 0.0, None, 0.0, 0.0, 0.0, name)
    errors = np.abs(analytic - numeric)
    scale = float(np.max(np.abs(numeric), initial=0.0, where=np.isfinite(numeric)))
    allowed = atol + rtol * scale
    excess = np.where(np.isfinite(errors), errors - allowed - 10 * bars, np.inf)
    at = np.unravel_index(int(np.argmax(excess)), errors.shape)
    if not np.isfinite(bars[at]) or bars[at] > 1e-3 * max(scale, 1e-3):
        verdict = "inconclusive"
    else:
        verdict = "fail" if excess[at] > 0 else "pass"
    place = (index, tuple(int(i) for i in at))
    return Report(verdict, float(errors[at]), place, float(numeric[at]), float(bars[at]), float(analytic[at]), name)


def _worse(a: Report, b: Report) -> Report:
    order = {"pass": 0, "inconclusive": 1, "fail": 2}
    return max(a, b, key=lambda report: (order[report.verdict], report.max_error))


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
