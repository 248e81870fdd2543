"""The loops that find the ceilings: chains of vector FMAs, and passes over memory. Numba, without Python's lock.

The FMA loop is written in LLVM's own language, since what a compiler makes of a loop in Python would be measured
otherwise, and not the processor: `accumulators` vectors, each fed by itself, hide the latency of the instruction
(Zen 3 and Skylake: 4 cycles, two a cycle, so that 8 chains are enough; multiply and then add is 7 cycles, 12 to 16).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

ACCUMULATORS = 12  # with the two factors these fill 14 of the 16 registers of SSE and AVX2


def fma_chains(lanes: int, fused: bool) -> Callable[..., Any]:
    """f(n, a, b): n rounds of one x ← x·a + b on ACCUMULATORS vectors of `lanes` float32; returns the sum of all.

    2 · lanes · ACCUMULATORS · n operations. With `fused` one instruction, else a multiplication and an addition.
    """
    vector = ir.VectorType(ir.FloatType(), lanes)

    @intrinsic
    def chains(typing_context: Any, n: Any, a: Any, b: Any) -> Any:
        signature = types.float32(types.int64, types.float32, types.float32)

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
            return _chains(builder, vector, fused, *arguments)

        return signature, generate

    @njit("float32(int64, float32, float32)", nogil=True)
    def run(n, a, b):
        return chains(n, a, b)  # pyright: ignore[reportCallIssue] (the first argument is the compiler's)

    return run


def _chains(builder: ir.IRBuilder, vector: ir.VectorType, fused: bool, n: Any, a: Any, b: Any) -> Any:
    """The loop in LLVM's language: one block, a phi node for the counter and for each accumulator."""
    a, b = _splat(builder, vector, a), _splat(builder, vector, b)
    before = builder.block
    body, after = builder.append_basic_block("chains"), builder.append_basic_block("done")
    kind = ir.FunctionType(vector, [vector] * 3)
    fma = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{vector.count}f32")
    builder.branch(body)
    builder.position_at_end(body)
    counter = builder.phi(n.type)
    accumulators = [builder.phi(vector) for _ in range(ACCUMULATORS)]
    counter.add_incoming(n.type(0), before)
    results = []
    for k, x in enumerate(accumulators):
        x.add_incoming(ir.Constant(vector, [float(k + 1)] * vector.count), before)
        y = builder.call(fma, [x, a, b]) if fused else builder.fadd(builder.fmul(x, a), b)
        x.add_incoming(y, body)
        results.append(y)
    following = builder.add(counter, n.type(1))
    counter.add_incoming(following, body)
    builder.cbranch(builder.icmp_signed("<", following, n), body, after)
    builder.position_at_end(after)
    total = results[0]
    for y in results[1:]:
        total = builder.fadd(total, y)
    return _sum(builder, vector, total)


def _splat(builder: ir.IRBuilder, vector: ir.VectorType, number: Any) -> Any:
    lane = ir.IntType(32)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), number, lane(0))
    mask = ir.Constant(ir.VectorType(lane, vector.count), [0] * vector.count)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), mask)


def _sum(builder: ir.IRBuilder, vector: ir.VectorType, x: Any) -> Any:
    total = builder.extract_element(x, ir.IntType(32)(0))
    for k in range(1, vector.count):
        total = builder.fadd(total, builder.extract_element(x, ir.IntType(32)(k)))
    return total


# Each pass begins a little further on than the one before, so that no compiler may see that it does the same again.
SHIFTS, SHIFT = 8, 16


@cache
def passes() -> dict[str, tuple[Callable[..., Any], int]]:
    """{name: (f(a, b, c, n, repeats), bytes moved for each element)}; a, b, c are int32 or float32 as noted.

    read    xor of all elements of a (int32: exclusive or takes one cycle, where a sum would wait for its own result)
    copy    b ← a
    triad   c ← a + 3 b, as in STREAM (McCalpin 1995); as there, the line that a store fetches first is not counted
    """
    options = {"nogil": True, "fastmath": {"reassoc", "nsz", "contract"}, "error_model": "numpy"}
    return {
        "read": (njit("int32(int32[::1], int32[::1], int32[::1], int64, int64)", **options)(_read), 4),
        "copy": (njit("int32(int32[::1], int32[::1], int32[::1], int64, int64)", **options)(_copy), 8),
        "triad": (njit("int32(float32[::1], float32[::1], float32[::1], int64, int64)", **options)(_triad), 12),
    }


def _read(a, b, c, n, repeats):
    total = np.int32(0)
    for r in range(repeats):
        part = a[(r % SHIFTS) * SHIFT :][:n]
        for i in range(n):
            total ^= part[i]
    return total


def _copy(a, b, c, n, repeats):
    for r in range(repeats):
        x, y = a[(r % SHIFTS) * SHIFT :][:n], b[(r % SHIFTS) * SHIFT :][:n]
        for i in range(n):
            y[i] = x[i]
    return np.int32(0)


def _triad(a, b, c, n, repeats):
    for r in range(repeats):
        start = (r % SHIFTS) * SHIFT
        x, y, z = a[start:][:n], b[start:][:n], c[start:][:n]
        for i in range(n):
            z[i] = x[i] + np.float32(3) * y[i]
    return np.int32(0)
