"""How kernels are started: on parts of their arrays, one part after the other by the threads of the pool, or at once.

A kernel here is a compiled loop that runs in one thread and knows nothing of threads. Numba finds its machine code by
the types of the arguments, about 0.2 µs an array. To call the other threads costs some 50 µs, so an array has to be
large before it is divided.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nanonet_kernels.cpu.threads import split

Array = Any
Kernel = Callable[..., Any]
LEAST = 1 << 18  # elements of a part: some 80 µs for a kernel that reads and writes and hardly computes


def flat(kernel: Kernel, *arrays: Array, numbers: tuple[Any, ...] = (), work: int = 1) -> None:
    """kernel(*arrays, *numbers) for contiguous arrays of one size, which it sees without their shape.

    `work` is how long an element takes, in units of a copy's: 2 for a kernel with an exponential.
    """
    if arrays[0].size * work < 2 * LEAST:
        kernel(*[a.ravel() for a in arrays], *numbers)
    else:
        _flat_parts(kernel, [a.ravel() for a in arrays], numbers, LEAST // work)


def _flat_parts(kernel: Kernel, lines: list[Array], numbers: tuple[Any, ...], least: int) -> None:
    split(lines[0].size, least, lambda start, stop: kernel(*[a[start:stop] for a in lines], *numbers))


def rows(kernel: Kernel, *arrays: Array, shared: tuple[Any, ...] = (), work: int = 1) -> None:
    """kernel(*arrays, *shared), where the arrays' first axes go together and are divided; `shared` is for every row."""
    if arrays[0].size * work < 2 * LEAST:
        kernel(*arrays, *shared)
    else:
        least = _rows_of(arrays[0], work)
        split(len(arrays[0]), least, lambda start, stop: kernel(*[a[start:stop] for a in arrays], *shared))


def row_totals(
    kernel: Kernel, *arrays: Array, shared: tuple[Any, ...] = (), totals: tuple[Array, ...], work: int = 1
) -> None:
    """As `rows`, for kernels that also add something up over the rows: totals += what every part found.

    kernel(*arrays, *shared, *totals) adds to the totals. Each part gets zeros of its own, since two threads must not
    add to one number at the same time. They are added up in the order of the rows, whichever thread is first: the same
    number of threads gives the same result to the last bit.
    """
    if arrays[0].size * work < 2 * LEAST:
        kernel(*arrays, *shared, *totals)
        return
    found: dict[int, tuple[Array, ...]] = {}

    def part(start: int, stop: int) -> None:
        own = tuple(t * 0 for t in totals)
        kernel(*[a[start:stop] for a in arrays], *shared, *own)
        found[start] = own

    split(len(arrays[0]), _rows_of(arrays[0], work), part)
    for start in sorted(found):
        for total, term in zip(totals, found[start], strict=True):
            total += term


def ranges(kernel: Kernel, n: int, size: int, *arguments: Any) -> None:
    """kernel(*arguments, first, last) for ranges of n channels, which together have `size` elements."""
    split(n, max(1, LEAST * n // size), lambda first, last: kernel(*arguments, first, last))


def _rows_of(x: Array, work: int) -> int:
    """The rows that a part has at least."""
    return max(1, LEAST // work * len(x) // x.size)
