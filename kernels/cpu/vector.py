"""Vector instructions for Numba: LLVM's vector operations, emitted through `@intrinsic`.

Numba has no vector type. What is written here is the part of a kernel for which the compiler's own vectoriser is not
enough: a block of c that stays in vector registers while a product is summed up. LLVM turns one operation on
<8 x float> into one AVX instruction and one on <16 x float> into one AVX-512 instruction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.core import config as numba_config
from numba.extending import intrinsic as numba_intrinsic

intrinsic: Any = numba_intrinsic  # as Any: what it makes is called without the first parameter of what it is given
config: Any = numba_config  # its attributes are made when it is imported
_FLOAT = ir.FloatType()
_POINTER = types.CPointer(types.float32)


@dataclass(frozen=True)
class Shape:
    """The block of c that a micro-kernel keeps in registers: `rows` times `vectors` vectors of `lanes` floats."""

    lanes: int
    rows: int
    vectors: int

    @property
    def columns(self) -> int:
        return self.lanes * self.vectors


def shape_for(features: set[str]) -> Shape:
    """The largest block that a CPU's vector registers hold, beside one row of b and one number of a.

    One step in depth needs rows · vectors multiply-adds for rows + vectors loads, so a large, nearly square block is
    good; but it must leave registers free for b's vectors and a's number. The latency of a multiply-add (4 cycles, two
    started in each) asks for at least 8 blocks that do not wait for each other.
    """
    if "avx512f" in features:
        return Shape(lanes=16, rows=14, vectors=2)  # 28 of 32 registers
    if "avx2" in features:
        return Shape(lanes=8, rows=6, vectors=2)  # 12 of 16 registers (the shape of BLIS's Haswell kernel)
    if "neon" in features:
        return Shape(lanes=4, rows=8, vectors=3)  # 24 of 32 registers
    return Shape(lanes=4, rows=6, vectors=2)


def features() -> set[str]:
    """What the CPU can do for which Numba compiles: this one, or that of NUMBA_CPU_FEATURES."""
    if config.CPU_FEATURES is not None:
        return {name[1:] for name in config.CPU_FEATURES.split(",") if name.startswith("+")}
    return {name for name, present in binding.get_host_cpu_features().items() if present}


SHAPE = shape_for(features())


@intrinsic
def at(_: Any, address: Any, offset: Any) -> Any:
    """at(address, i): a pointer to the i-th float32 behind an address; `p[j]` reads and writes."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address, offset = args
        return builder.gep(builder.inttoptr(address, _FLOAT.as_pointer()), [offset])

    return _POINTER(types.intp, types.intp), emit


@intrinsic
def copy_row(_: Any, source: Any, target: Any) -> Any:
    """target[j] = source[j] for SHAPE.columns floats, all of them read before the first is written."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, target = args
        vectors = [_load(builder, source, j * SHAPE.lanes) for j in range(SHAPE.vectors)]
        for j, vector in enumerate(vectors):
            _store(builder, vector, target, j * SHAPE.lanes)
        return context.get_dummy_value()

    return types.void(_POINTER, _POINTER), emit


@intrinsic
def micro_kernel(
    _: Any, a: Any, a_row: Any, a_step: Any, b: Any, b_step: Any, depth: Any, c: Any, c_row: Any, add: Any
) -> Any:
    """c[i, j] = Σₚ a[i, p] b[p, j], or += where `add`, for a block of SHAPE.rows × SHAPE.columns.

    a[i, p] lies at a + i · a_row + p · a_step, b[p, j] at b + p · b_step + j, c[i, j] at c + i · c_row + j. The block
    of c is in registers from the first p to the last: per p, SHAPE.vectors loads of b, SHAPE.rows broadcasts of a, and
    rows · vectors multiply-adds.
    """

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        a, a_row, a_step, b, b_step, depth, c, c_row, add = args
        vector = ir.VectorType(_FLOAT, SHAPE.lanes)
        fma = _multiply_add(builder, vector)
        # LLVM turns these variables into registers, since nothing takes their address
        sums = [
            [cgutils.alloca_once_value(builder, vector(None)) for _ in range(SHAPE.vectors)] for _ in range(SHAPE.rows)
        ]
        for row in sums:
            for variable in row:
                builder.store(vector(None), variable)  # again, for the next call of the same function
        for i in range(SHAPE.rows):  # c is needed last, and comes from far away: ask for it first
            _prefetch(builder, _row(builder, c, i, c_row))
        with cgutils.for_range(builder, depth) as loop:
            b_p = builder.gep(b, [builder.mul(loop.index, b_step)])
            a_p = builder.gep(a, [builder.mul(loop.index, a_step)])
            bs = [_load(builder, b_p, j * SHAPE.lanes) for j in range(SHAPE.vectors)]
            for i, row in enumerate(sums):
                x = _broadcast(builder, builder.load(_row(builder, a_p, i, a_row)), vector)
                for y, variable in zip(bs, row, strict=True):
                    builder.store(builder.call(fma, [x, y, builder.load(variable)]), variable)
        with builder.if_else(cgutils.is_true(builder, add)) as (added, written):
            with added:
                _write(builder, sums, c, c_row, add=True)
            with written:
                _write(builder, sums, c, c_row, add=False)
        return context.get_dummy_value()

    n, p = types.intp, _POINTER
    return types.void(p, n, n, p, n, n, p, n, types.boolean), emit


def _write(builder: Any, sums: Any, c: Any, c_row: Any, *, add: bool) -> None:
    for i, row in enumerate(sums):
        c_i = _row(builder, c, i, c_row)
        for j, variable in enumerate(row):
            value = builder.load(variable)
            if add:
                value = builder.fadd(value, _load(builder, c_i, j * SHAPE.lanes))
            _store(builder, value, c_i, j * SHAPE.lanes)


def _row(builder: Any, pointer: Any, i: int, stride: Any) -> Any:
    return builder.gep(pointer, [builder.mul(stride, stride.type(i))])


def _vector_at(builder: Any, pointer: Any, offset: int) -> Any:
    vector = ir.VectorType(_FLOAT, SHAPE.lanes)
    return builder.bitcast(builder.gep(pointer, [ir.IntType(64)(offset)]), vector.as_pointer())


def _load(builder: Any, pointer: Any, offset: int) -> Any:
    return builder.load(_vector_at(builder, pointer, offset), align=4)


def _store(builder: Any, value: Any, pointer: Any, offset: int) -> None:
    builder.store(value, _vector_at(builder, pointer, offset), align=4)


def _prefetch(builder: Any, pointer: Any) -> None:
    """Have the cache lines of one row of a block fetched: to be written (1), kept (3), data (1)."""
    byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
    prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    for offset in (0, SHAPE.columns - 1):
        address = builder.bitcast(builder.gep(pointer, [ir.IntType(64)(offset)]), byte)
        builder.call(prefetch, [address, number(1), number(3), number(1)])


def _broadcast(builder: Any, number: Any, vector: Any) -> Any:
    index = ir.IntType(32)
    first = builder.insert_element(vector(ir.Undefined), number, index(0))
    return builder.shuffle_vector(first, vector(ir.Undefined), ir.VectorType(index, vector.count)([0] * vector.count))


def _multiply_add(builder: Any, vector: Any) -> Any:
    """x · y + z in one instruction where the CPU has it; `llvm.fma` would be a call into the C library where not."""
    kind = ir.FunctionType(vector, [vector] * 3)
    return cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{vector.count}f32")
