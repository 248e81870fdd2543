"""Memory of the device: what is held, copies through pinned memory, and an error that says what was asked."""

from __future__ import annotations

import re
from typing import Any

import numpy as np


class OutOfDeviceMemoryError(MemoryError):
    """The device has not enough memory: how much was asked, how much is held and free, and what to do."""


def explained(cupy: Any, error: Exception) -> OutOfDeviceMemoryError:
    """CuPy's error with all figures, in one line."""
    asked = re.search(r"allocating ([\d,]+) bytes", str(error))
    pool = cupy.get_default_memory_pool()
    free, total = cupy.cuda.runtime.memGetInfo()
    wanted = f"{_size(int(asked[1].replace(',', '')))} were asked for" if asked else "the device refused"
    held = f"arrays hold {_size(pool.used_bytes())} and the pool keeps {_size(pool.free_bytes())} for reuse"
    left = f"{_size(free)} of the device's {_size(total)} are free"
    return OutOfDeviceMemoryError(f"cuda: out of memory: {wanted}; {held}; {left}; use smaller batches or fewer arrays")


def _size(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB" if count < 2**30 else f"{count / 2**30:,.2f} GiB"


def release(cupy: Any) -> None:
    """Give the memory that the pools keep for reuse back to the device and the system."""
    cupy.get_default_memory_pool().free_all_blocks()
    cupy.get_default_pinned_memory_pool().free_all_blocks()


def pinned(cupy: Any, array: np.ndarray) -> np.ndarray:
    """A copy of `array` in page-locked memory, from where the device can copy while the host goes on."""
    memory = cupy.cuda.alloc_pinned_memory(max(array.nbytes, 1))
    held = np.frombuffer(memory, array.dtype, array.size).reshape(array.shape)
    held[...] = array
    return held


def pinned_copy(cupy: Any, array: np.ndarray) -> Any:
    """`array` on the device, through pinned memory, on the current stream: the host does not wait for the copy.

    CuPy's pool of pinned memory gives a block out again as soon as nobody holds it, so the copy holds it until the
    stream has passed: the block is kept alive by a host function that the stream calls.
    """
    held = pinned(cupy, array)
    y = cupy.empty(array.shape, array.dtype)
    y.set(held)
    stream = cupy.cuda.get_current_stream()
    stream.launch_host_func(lambda _: None, held)
    return y
