"""How kernels are started: on parts of their arrays, one part for each thread, or at once where that is too little.

A kernel here is a compiled loop that runs in one thread and knows nothing of threads. Numba finds its machine code by
the types of the arguments, about 0.2 µs an array; a part costs the pool of threads some 20 µs, so an array has to be
large before it is divided.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nanonet_kernels.cpu.threads import split

Array = Any
Kernel = Callable[..., Any]
LEAST = 1 << 16  # elements that are worth a thread of their own: some 30 µs of work


def flat(kernel: Kernel, *arrays: Array, numbers: tuple[Any, ...] = (), least: int = LEAST) -> None:
    """kernel(*arrays, *numbers) for contiguous arrays of one size, which it sees without their shape."""
    if arrays[0].size < 2 * least:
        kernel(*[a.ravel() for a in arrays], *numbers)
    else:
        _flat_parts(kernel, [a.ravel() for a in arrays], numbers, least)


def _flat_parts(kernel: Kernel, lines: list[Array], numbers: tuple[Any, ...], least: int) -> None:
    split(lines[0].size, least, lambda start, stop: kernel(*[a[start:stop] for a in lines], *numbers))


def rows(kernel: Kernel, *arrays: Array, shared: tuple[Any, ...] = (), least: int = LEAST) -> None:
    """kernel(*arrays, *shared), where the arrays' first axes go together and are divided; `shared` is for every row."""
    n = arrays[0].shape[0]
    if arrays[0].size < 2 * least:
        kernel(*arrays, *shared)
    else:
        each = max(1, least * n // arrays[0].size)
        split(n, each, lambda start, stop: kernel(*[a[start:stop] for a in arrays], *shared))


def row_totals(
    kernel: Kernel, *arrays: Array, shared: tuple[Any, ...] = (), totals: tuple[Array, ...], least: int = LEAST
) -> None:
    """As `rows`, for kernels that also add something up over the rows: totals += what every part found.

    kernel(*arrays, *shared, *totals) adds to the totals. Each part gets zeros of its own, since two threads must not
    add to one number at the same time. They are added up in the order of the rows, whichever thread is first: the same
    number of threads gives the same result to the last bit.
    """
    n = arrays[0].shape[0]
    if arrays[0].size < 2 * least:
        kernel(*arrays, *shared, *totals)
        return
    found: dict[int, tuple[Array, ...]] = {}

    def part(start: int, stop: int) -> None:
        own = tuple(t * 0 for t in totals)
        kernel(*[a[start:stop] for a in arrays], *shared, *own)
        found[start] = own

    split(n, max(1, least * n // arrays[0].size), part)
    for start in sorted(found):
        for total, term in zip(totals, found[start], strict=True):
            total += term
