"""nt.gradcheck and nt.check_backward: is this the gradient of that function?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nanonet.gradcheck.examine import examine, options
from nanonet.gradcheck.function import TensorFunction
from nanonet.gradcheck.pairs import NumpyPair
from nanonet.gradcheck.report import Report
from nanonet.op import Op, Sample
from nanonet.sampling import Draw


def gradcheck(
    f: Callable[..., Any],
    inputs: Any,
    rtol: float = 0.0,
    atol: float = 0.0,
    seed: int | None = None,
    name: str = "",
    mode: str = "full",
    directions: int = 3,
) -> Report:
    """Compare the gradient that the tape computes for f with reference derivatives that have error bars.

    f           a function of Tensors that returns a Tensor, or a tuple of them; or a module, whose parameters are
                checked too, as inputs after the others
    inputs      Tensors, arrays or numbers, or one Tensor or array; every floating one is checked, in every element.
                The check is made in float64; what comes in float32 or float16 is then run in that dtype as well and
                compared with float64: differences in float32 have no digits to spare
    rtol, atol  errors up to atol + rtol · the largest slope pass too. Without them the reference's error bar and
                rounding alone decide
    mode        "full": every element, for a random cotangent and for every output alone (the whole Jacobian, up to
                100,000 elements); "fast": `directions` random directions, each with a cotangent of its own
    seed        of everything random; without one the fast mode takes a fresh seed, which the report states

    Raises ValueError or TypeError when there is nothing to check, and what f raises.
    """
    chosen = options(rtol, atol, seed, mode, directions, "gradcheck")
    subject = TensorFunction(f, inputs, name)
    return examine(subject, chosen, f"nt.gradcheck({_called(f, 'f')}, inputs, {_how(chosen, False)})")


def check_backward(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: Any,
    cache: bool = False,
    rtol: float = 0.0,
    atol: float = 0.0,
    seed: int | None = None,
    name: str = "",
    mode: str = "full",
    directions: int = 3,
) -> Report:
    """Is `backward` the gradient of `forward`? Neither needs to know anything of nanonet.

    forward     forward(*inputs) -> y; with cache=True forward(*inputs) -> (y, cache). y may be a tuple of outputs
    backward    backward(dy, *inputs) -> the gradient, or a tuple with one for each input; with cache=True
                backward(dy, cache). For several outputs dy is a tuple. The gradients of inputs that are no floats are
                not looked at
    inputs      a tuple or list of arrays, numbers or anything else, or one array
    The other arguments are those of `gradcheck`.

    Also fails a backward that changes its dy or its inputs, that gives another result the second time, that depends
    on what forward computed last, or on the inputs' layout in memory. Raises TypeError or ValueError where there is
    nothing to check, and what forward raises.
    """
    chosen = options(rtol, atol, seed, mode, directions, "check_backward")
    name = name or getattr(backward, "__name__", "").replace("<lambda>", "")
    subject = NumpyPair(forward, backward, inputs, cache, name)
    pair = f"{_called(forward, 'forward')}, {_called(backward, 'backward')}"
    return examine(subject, chosen, f"nt.check_backward({pair}, inputs, {_how(chosen, cache)})")


def _called(f: Callable[..., Any], otherwise: str) -> str:
    name = getattr(f, "__name__", "")
    return name if name.isidentifier() else otherwise


def _how(chosen: Any, cache: bool) -> str:
    parts = ["cache=True"] if cache else []
    if chosen.mode == "fast":
        parts += ['mode="fast"', f"directions={chosen.directions}"]
    return ", ".join([*parts, "seed={seed}"])


def check_sample(op: type[Op], function: Callable[..., Any], sample: Sample, **how: Any) -> Report:
    """`gradcheck` of an op's public function at one of its samples; `how` are gradcheck's further arguments."""
    arrays = sample.draw()
    flat = [(d, v) for draw, value in zip(sample.args, arrays, strict=True) for d, v in _opened(draw, value)]
    checked = [v for d, v in flat if isinstance(d, Draw) and d.differentiable]

    def f(*given: Any) -> Any:
        fresh = iter(given)
        return function(*[_filled(d, v, fresh) for d, v in zip(sample.args, arrays, strict=True)], **sample.attrs)

    return gradcheck(f, checked, name=op.name, **how)


def _opened(draw: Any, value: Any) -> list[tuple[Any, Any]]:
    return list(zip(draw, value, strict=True)) if isinstance(draw, list) else [(draw, value)]


def _filled(draw: Any, value: Any, fresh: Any) -> Any:
    if isinstance(draw, list):
        return [_filled(d, v, fresh) for d, v in zip(draw, value, strict=True)]
    return next(fresh) if isinstance(draw, Draw) and draw.differentiable else value
