"""Kernels for the tests of inspection: one with shared memory and a loop, and one in PTX that must spill."""

from __future__ import annotations

from dataclasses import dataclass

from numba import cuda, float32

TILE = 16


def tiled(a, b, c, n, k):
    """c = a b, by tiles of 16 x 16 in shared memory: 16 FFMA and 32 loads from shared memory in the inner loop."""
    left, right = cuda.shared.array((TILE, TILE), float32), cuda.shared.array((TILE, TILE), float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    row, column = cuda.blockIdx.y * TILE + y, cuda.blockIdx.x * TILE + x
    total = float32(0)
    for t in range(k // TILE):
        left[y, x], right[y, x] = a[row * k + t * TILE + x], b[(t * TILE + y) * n + column]
        cuda.syncthreads()
        for i in range(TILE):
            total += left[y, i] * right[i, x]
        cuda.syncthreads()
    c[row * n + column] = total


def misspelt(x, y, n):
    """It does not compile: there is no such function."""
    y[0] = cuda.no_such_function(x[0], n)


@dataclass(frozen=True)
class Hoarder:
    """Loads `count` numbers, waits for the whole block, and stores them: more than 255 do not fit into registers."""

    count: int
    spills: int = 0
    name: str = "planted.hoarder"
    entry: str = "hoarder"
    block: tuple[int, ...] = (128,)
    shared: int = 0
    needs: tuple[int, int] = (7, 5)

    def ptx(self, capability: tuple[int, int]) -> str:
        loads = [f"ld.volatile.global.f32 %f{i}, [%a+{4 * i}];" for i in range(self.count)]
        stores = [f"st.volatile.global.f32 [%a+{4 * i}], %f{i};" for i in reversed(range(self.count))]
        lines = [
            ".reg .u64 %a;",
            f".reg .f32 %f<{self.count}>;",
            "ld.param.u64 %a, [p];",
            *loads,
            "bar.sync 0;",
            *stores,
        ]
        head = f".version 8.7\n.target sm_{capability[0]}{capability[1]}\n.address_size 64\n"
        return head + ".visible .entry hoarder(.param .u64 p) {\n" + "\n".join(lines) + "\nret;\n}\n"
