"""Packed panels on several threads, each with a block of out of its own."""

from __future__ import annotations

from typing import Any

from nanonet_kernels.cpu.threads import split, threads
from nanonet_kernels.ladders.cpu_matmul.blocks import Blocks, from_caches, round_up
from nanonet_kernels.ladders.cpu_matmul.operands import checked
from nanonet_kernels.ladders.cpu_matmul.panels import MR, NR, multiply

Array = Any
WORTH = 1 << 24  # multiply-adds for a thread, half a millisecond: below, waking it takes longer than it saves
SHARES = 2  # rectangles for each thread: one that has less of a core takes fewer; more would be packed more often


def threaded(a: Array, b: Array, out: Array | None = None) -> Array:
    """out = a @ b, `packed` on every thread of the pool: each computes another rectangle of out.

    Faster by the number of cores, as long as they do not wait for memory. Nobody writes where another writes, so nobody
    waits for another before the end. Every thread packs the rows of a and the columns of b that it needs: rectangles
    that are nearly square need the fewest.

    Intensity: that of `packed` for each core. The third-level cache and the memory are shared: what they must deliver
    grows with the number of threads.
    """
    out = checked(a, b, out)
    multiply_in_parallel(a, b, out, from_caches())
    return out


def multiply_in_parallel(a: Array, b: Array, c: Array, blocks: Blocks) -> None:
    """c = a @ b, for operands that `checked` has seen."""
    M, N = c.shape
    count = min(threads(), M * N * a.shape[1] // WORTH)
    if count <= 1:
        multiply(a, b, c, blocks)
        return
    down, across = grid(M, N, count * SHARES)
    rows, columns = _bounds(M, down, MR), _bounds(N, across, NR)

    def work(start: int, stop: int) -> None:
        for part in range(start, stop):
            i, j = slice(*rows[part // across]), slice(*columns[part % across])
            multiply(a[i], b[:, j], c[i, j], blocks)

    split(down * across, 1, work)


def grid(M: int, N: int, count: int) -> tuple[int, int]:
    """(down, across) with down · across = count, so that M/down + N/across, which is what a thread packs, is least."""
    pairs = [(down, count // down) for down in range(1, count + 1) if count % down == 0]
    return min(pairs, key=lambda pair: M / pair[0] + N / pair[1])


def _bounds(total: int, parts: int, step: int) -> list[tuple[int, int]]:
    """Equal parts of range(total), cut at multiples of `step`; the last ones are empty where there are too few."""
    size = round_up(-(-total // parts), step)
    return [(min(i * size, total), min((i + 1) * size, total)) for i in range(parts)]
