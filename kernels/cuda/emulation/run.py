"""Launches of emulated kernels: what they may touch, and what is said when they touch anything else."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from nanonet_kernels.cuda.emulation.build import Library
from nanonet_kernels.cuda.emulation.races import RECORD
from nanonet_kernels.cuda.emulation.trace import Buffer, Trace

Dim = tuple[int, ...]
_ONE_AT_A_TIME = threading.Lock()  # shared memory and the coordinates of a thread are globals
_ACCESSES = {0: "reads", 1: "writes", 2: "updates"}
_WAITS = {1: "__syncthreads()", 2: "__syncwarp()", 3: "a shuffle or mma of its warp"}


class EmulationFault(RuntimeError):  # noqa: N818 (a fault of the kernel, as hardware calls it)
    """A kernel did what would be an error on a GPU: the thread, the line and the address are named."""


class _Region(ctypes.Structure):
    _fields_ = [("begin", ctypes.c_void_p), ("end", ctypes.c_void_p), ("writable", ctypes.c_int64)]


class _Fault(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("problem", "size", "access", "pc")),
        ("address", ctypes.c_void_p),
        *((name, ctypes.c_int64 * 3) for name in ("block", "thread")),
    ]


def launch(
    library: Library,
    grid: Dim,
    block: Dim,
    arguments: Sequence[Any],
    *,
    names: Sequence[str],
    seed: int | None,
    trace: bool,
) -> Trace | None:
    """Run every block. `arguments` are NumPy arrays (of any strides), None for a null pointer, and NumPy scalars.

    A kernel may touch the memory from an array's first element to its last, its shared arrays and its own variables;
    an array that is not writeable it may only read. Anything else raises EmulationFault, and the outputs are worthless.
    seed    None: the threads of a block take turns in order; a number: in a random order, new after each barrier
    trace   True: every access of memory is kept and handed back
    """
    buffers = [Buffer(name, *_extent(a), a.flags.writeable) for name, a in zip(names, arguments, strict=True) if _is(a)]
    shared = [Buffer(f"__shared__ {s.name}", s.address, s.address + s.size, True, shared=True) for s in library.shared]
    regions = (_Region * (len(buffers) + len(shared)))(*((b.begin, b.end, b.writable) for b in [*shared, *buffers]))
    values = [_value(argument) for argument in arguments]
    pointers = (ctypes.c_void_p * max(len(values), 1))(*(ctypes.addressof(value) for value in values))
    start, stop = (end or 0 for end in library.shared_span)
    fault = _Fault()
    with _ONE_AT_A_TIME:
        count = library.dll.emulate(
            library.entry, pointers, (ctypes.c_uint * 3)(*_three(grid)), (ctypes.c_uint * 3)(*_three(block)),
            regions, ctypes.c_int64(len(regions)), ctypes.c_void_p(start or None), ctypes.c_int64(stop - start),
            ctypes.c_int64(trace), ctypes.c_int64(-1 if seed is None else seed), ctypes.byref(fault),
        )  # fmt: skip
        records = np.empty(count, RECORD)
        ctypes.memmove(records.ctypes.data, library.dll.emulated_records(), records.nbytes)
    if fault.problem:
        raise EmulationFault(_words(fault, [*shared, *buffers], library))
    return Trace(records, [*shared, *buffers], library.line) if trace else None


def _words(fault: _Fault, buffers: list[Buffer], library: Library) -> str:
    who = f"thread {tuple(fault.thread)} of block {tuple(fault.block)}"
    if fault.problem == 4:
        return f"{who} waits for ever at {_WAITS[fault.access]}: not all threads that must come there do"
    what = f"{library.line(fault.pc)}: {who} {_ACCESSES[fault.access]} {fault.size} bytes"
    address = fault.address or 0
    nearest = min(buffers, key=lambda b: max(b.begin - address, address - b.end, 0), default=None)
    if nearest is None:
        return f"{what} at {address:#x}, where there is nothing"
    if fault.problem == 2:
        return f"{what} at an address that is no multiple of {fault.size}, in {nearest.name}"
    if fault.problem == 3:
        return f"{what} in {nearest.name}, which may only be read"
    if address >= nearest.end:
        return f"{what}, {address - nearest.end} bytes behind the end of {nearest.name}"
    if address < nearest.begin:
        return f"{what}, {nearest.begin - address} bytes before {nearest.name}"
    return f"{what} that reach past the end of {nearest.name}"


def _is(argument: Any) -> bool:
    return isinstance(argument, np.ndarray)


def _extent(array: np.ndarray) -> tuple[int, int]:
    """The first byte of an array and the one behind its last, whatever its strides."""
    first, behind = np.lib.array_utils.byte_bounds(array)
    return first, behind


def _value(argument: Any) -> Any:
    """The argument as the bytes that a kernel's entry reads."""
    if _is(argument):
        return ctypes.c_void_p(argument.ctypes.data)
    return ctypes.c_void_p(None) if argument is None else np.ctypeslib.as_ctypes(np.array(argument))


def _three(dim: Dim) -> Dim:
    return (*dim, 1, 1)[:3]
