"""128-bit loads and stores for Numba CUDA: four float32 in one instruction, from global or shared memory.

A warp that loads 4 bytes a lane asks for 128 bytes with one instruction; with 16 bytes a lane the same instruction
moves 512, so there are a quarter of the instructions and of the address arithmetic (J. Luitjens, "CUDA Pro Tip:
Increase Performance with Vectorized Memory Access"). CUDA C writes `float4`; Numba has no such type, so `load4` and
`store4` emit the vector access themselves, as `@intrinsic`s. Both need an address that is a multiple of 16 bytes: the
GPU faults on any other.

In Numba's simulator, which runs Python, the same names are four plain reads and writes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nanonet_kernels.cuda.kernel import simulated

ZERO4 = (np.float32(0), np.float32(0), np.float32(0), np.float32(0))


def device(function: Callable[..., Any]) -> Any:
    """Decorates a device function: always inlined when compiled, plain Python in the simulator.

    Inlined, because a local array that is passed to a function which stays a function must live in memory; inlined, it
    is a set of registers. A device function names nothing of `cuda`: thread and block numbers come as arguments.
    """
    if simulated():
        return function
    from numba import cuda

    compiler: Any = cuda  # numba-cuda's, whose types differ from those of the numba.cuda it replaces
    return compiler.jit(device=True, inline="always")(function)


def _load4(pointer: Any, i: int) -> tuple[Any, Any, Any, Any]:
    return pointer[i], pointer[i + 1], pointer[i + 2], pointer[i + 3]


def _store4(pointer: Any, i: int, x: tuple[Any, Any, Any, Any]) -> None:
    for j in range(4):
        pointer[i + j] = x[j]


def _floats(array: Any) -> Any:
    return array


def _keep_rolled() -> None:
    pass


def _intrinsics() -> tuple[Any, Any, Any, Any]:
    """`load4`, `store4`, `floats` and `keep_rolled` as code for the compiler."""
    from llvmlite import ir
    from numba.core import cgutils
    from numba.cuda import types as numba_types  # pyright: ignore[reportAttributeAccessIssue]
    from numba.cuda.extending import intrinsic  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]

    types: Any = numba_types
    SHARED = 3  # the number of the address space of shared memory in NVVM
    four = ir.VectorType(ir.FloatType(), 4)
    lanes = [ir.Constant(ir.IntType(32), lane) for lane in range(4)]

    def address(builder: Any, pointer: Any, i: Any) -> Any:
        return builder.bitcast(builder.gep(pointer, [i]), four.as_pointer())

    @intrinsic
    def load4(typingctx, pointer, i):
        def emit(context, builder, signature, arguments):
            x = builder.load(address(builder, *arguments), align=16)
            return cgutils.pack_array(builder, [builder.extract_element(x, lane) for lane in lanes])

        return types.UniTuple(types.float32, 4)(pointer, i), emit

    @intrinsic
    def store4(typingctx, pointer, i, x):
        def emit(context, builder, signature, arguments):
            vector = ir.Constant(four, ir.Undefined)
            for j, lane in enumerate(lanes):
                vector = builder.insert_element(vector, builder.extract_value(arguments[2], j), lane)
            builder.store(vector, address(builder, *arguments[:2]), align=16)
            return context.get_dummy_value()

        return types.void(pointer, i, x), emit

    @intrinsic
    def floats(typingctx, array):
        def emit(context, builder, signature, arguments):
            for variable in builder.module.global_values:
                if getattr(variable, "addrspace", 0) == SHARED:
                    variable.align = 16
            return context.make_array(signature.args[0])(context, builder, arguments[0]).data

        return types.CPointer(array.dtype)(array), emit

    @intrinsic
    def keep_rolled(typingctx):
        def emit(context, builder, signature, arguments):
            pragma = ir.InlineAsm(ir.FunctionType(ir.VoidType(), []), r".pragma \22nounroll\22;", "", side_effect=True)
            builder.call(pragma, [])
            return context.get_dummy_value()

        return types.void(), emit

    return load4, store4, floats, keep_rolled


if simulated():
    vector_functions: Any = _load4, _store4, _floats, _keep_rolled
else:
    vector_functions = _intrinsics()
load4, store4, floats, keep_rolled = vector_functions

load4.__doc__ = "The four float32 at `pointer[i : i + 4]`, as a tuple. The address is a multiple of 16 bytes."
store4.__doc__ = "`pointer[i : i + 4] = x`, four float32. The address is a multiple of 16 bytes."
floats.__doc__ = """A pointer to a shared array (flat, float32), which from here on starts at a multiple of 16 bytes.

A pointer has no length, so indexing it costs no test for a negative index, as a Numba array does."""
keep_rolled.__doc__ = "Says to the assembler that the loop around it stays a loop: unrolled, it needs more registers."
