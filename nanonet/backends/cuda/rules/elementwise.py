"""Element by element: activations, and whatever else has one input and one output of a shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nanonet.backends.cuda.arrays import Array, contiguous, empty_like, fits, xp
from nanonet.op import Op
from nanonet.ops.activation import Gelu, Logsigmoid, Mish, Silu, Softplus
from nanonet.ops.elementary import Sigmoid, Tanh
from nanonet.ops.elu import SELU_ALPHA, SELU_SCALE, Celu, Elu, Selu
from nanonet.ops.rectifier import (
    Hardshrink,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyRelu,
    Relu,
    Relu6,
    Softshrink,
    Threshold,
)
from nanonet_kernels.cuda import activation, rectifier

Numbers = Callable[..., tuple[float, ...]]
kernels: dict[Any, Any] = {}


def wire(
    op: type[Op],
    forward: Any,
    backward: Any,
    numbers: Numbers = lambda: (),
    back: Numbers | None = None,
    of_output: bool = False,
) -> None:
    """Kernels for an op: they get `numbers` made of its attributes, the backward kernel those of `back`.

    The backward kernel reads the input, or the output where it is `of_output`; that and the attributes are saved.
    """
    rule: Any = op
    back = back or numbers

    def run(x: Array, **attrs: Any) -> Any:
        if not fits(x):
            y, saved = rule.forward(xp, x, **attrs)
            return y, (None, saved)
        y = empty_like(x)
        forward(x, y, *numbers(**attrs))
        return y, (y if of_output else x, attrs)

    def run_backward(saved: Any, dy: Array) -> Any:
        kept, attrs = saved
        if kept is None:
            return rule.backward(xp, attrs, dy)
        dx = empty_like(kept)
        backward(kept, contiguous(dy, kept.dtype), dx, *back(**attrs))
        return (dx,)

    kernels[rule.forward], kernels[rule.backward] = run, run_backward


def _gelu(name: str) -> Callable[..., None]:
    exact, by_tanh = getattr(activation, name), getattr(activation, name.replace("gelu", "gelu_tanh"))

    def launch(*arguments: Any) -> None:
        *arrays, approximate = arguments
        (by_tanh if approximate == "tanh" else exact)(*arrays)

    return launch


def _of(*defaults: tuple[str, float]) -> Numbers:
    """The attributes of these names, in this order, with their defaults."""
    return lambda **attrs: tuple(attrs.get(name, default) for name, default in defaults)


wire(Relu, rectifier.relu, rectifier.relu_backward, of_output=True)
wire(Relu6, rectifier.relu6, rectifier.relu6_backward, of_output=True)
wire(LeakyRelu, rectifier.leaky_relu, rectifier.leaky_relu_backward, _of(("slope", 0.01)))
wire(Hardtanh, rectifier.hardtanh, rectifier.hardtanh_backward, _of(("min_val", -1.0), ("max_val", 1.0)))
wire(Hardsigmoid, rectifier.hardsigmoid, rectifier.hardsigmoid_backward)
wire(Hardswish, rectifier.hardswish, rectifier.hardswish_backward)
wire(Hardshrink, rectifier.hardshrink, rectifier.shrink_backward, _of(("lambd", 0.5)))
wire(Softshrink, rectifier.softshrink, rectifier.shrink_backward, _of(("lambd", 0.5)))
wire(
    Threshold,
    rectifier.threshold,
    rectifier.threshold_backward,
    lambda threshold, value: (threshold, value),
    lambda threshold, value: (threshold,),
)
wire(Elu, rectifier.elu, rectifier.elu_backward, lambda alpha=1.0: (alpha, 1.0, 1.0))
wire(Selu, rectifier.elu, rectifier.elu_backward, lambda: (SELU_ALPHA, SELU_SCALE, 1.0))
wire(Celu, rectifier.elu, rectifier.elu_backward, lambda alpha=1.0: (alpha, 1.0, 1 / alpha))
wire(Sigmoid, activation.sigmoid, activation.sigmoid_backward, of_output=True)
wire(Tanh, activation.tanh, activation.tanh_backward, of_output=True)
wire(Gelu, _gelu("gelu"), _gelu("gelu_backward"), lambda approximate="none": (approximate,))
wire(Silu, activation.silu, activation.silu_backward)
wire(Mish, activation.mish, activation.mish_backward)
wire(Softplus, activation.softplus, activation.softplus_backward, _of(("beta", 1), ("threshold", 20)))
wire(Logsigmoid, activation.logsigmoid, activation.logsigmoid_backward)
