"""What happens to a finished sum before it is stored: bias and activation, while it is still in a register.

Fused, they cost no traffic: a separate kernel would read and write the whole product again.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nanonet_kernels.cuda.kernel import simulated
from nanonet_kernels.cuda.vector import device

NONE, RELU, GELU = 0, 1, 2
ACTIVATIONS = {None: NONE, "none": NONE, "relu": RELU, "gelu": GELU}  # gelu in its tanh form

ZERO, ONE = np.float32(0), np.float32(1)
SLOPE = np.float32(-2 * math.sqrt(2 / math.pi) / math.log(2))
CUBIC = np.float32(0.044715)


def _machine_instruction(text: str, arity: int) -> Any:
    """One PTX instruction on float32 as a function for Numba. Short, so that 64 of them in a row still are unrolled."""
    from llvmlite import ir
    from numba.cuda import types as numba_types  # pyright: ignore[reportAttributeAccessIssue]
    from numba.cuda.extending import intrinsic  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]

    types: Any = numba_types
    f4 = ir.FloatType()
    operands = ", ".join(f"${i}" for i in range(arity + 1))
    code = ir.InlineAsm(
        ir.FunctionType(f4, [f4] * arity), f"{text} {operands};", ",".join(["=f"] + ["f"] * arity), side_effect=False
    )

    def emit(context, builder, signature, arguments):
        return builder.call(code, arguments)

    if arity == 1:

        @intrinsic
        def instruction(typingctx, x):
            return types.float32(types.float32), emit

        return instruction

    @intrinsic
    def instruction2(typingctx, x, y):
        return types.float32(types.float32, types.float32), emit

    return instruction2


if simulated():

    def exp2(x: Any) -> Any:
        with np.errstate(over="ignore"):
            return np.exp2(x)

    def divide(x: Any, y: Any) -> Any:
        return x / y

else:
    exp2 = _machine_instruction("ex2.approx.ftz.f32", 1)
    divide = _machine_instruction("div.approx.f32", 2)


@device
def relu(x):
    """x where x > 0, else 0; NaN stays NaN."""
    return ZERO if x <= ZERO else x


@device
def gelu(x):
    """gelu in its tanh form, 0.5 x (1 + tanh u) = x / (1 + exp(-2u)) with u = √(2/π) (x + 0.044715 x³).

    exp is 2^(x / ln 2) by the GPU's own instruction: within 4e-6 |gelu(x)| + 1e-7 of the true value, by the bounds that
    the PTX manual gives for ex2.approx (2^-22) and div.approx (2 ulp).
    """
    return divide(x, ONE + exp2(SLOPE * (x + CUBIC * x * x * x)))


@device
def finish(total, bias, has_bias, column, activation):
    """activation(total + bias[column])."""
    y = total
    if has_bias:
        y = total + bias[column]
    if activation == RELU:
        y = relu(y)
    if activation == GELU:
        y = gelu(y)
    return y
