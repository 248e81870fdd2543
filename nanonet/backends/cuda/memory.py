"""Memory of the device: what is held, copies through pinned memory, and an error that says what was asked."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

_sent: deque[tuple[Any, np.ndarray]] = deque()  # copies that are on their way: (event, pinned memory)
_lock = threading.Lock()


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
    """`array` on the device, through pinned memory, on the current stream: the host does not wait for the copy."""
    y = cupy.empty(array.shape, array.dtype)
    _send(pinned(cupy, array), y, cupy.cuda.get_current_stream())
    return y


def staged(cupy: Any, array: np.ndarray) -> Callable[[], Any]:
    """Begin to copy on a stream of its own; the function that is returned lets the current stream wait for the copy.

    The memory is allocated in the order of the current stream, which may still compute with what lay there before. So
    the copy waits for what the stream has been given so far, and runs beside what it is given next.
    """
    y = cupy.empty(array.shape, array.dtype)
    copies = _copy_stream(cupy)
    copies.wait_event(cupy.cuda.get_current_stream().record())
    arrived = _send(pinned(cupy, array), y, copies)

    def arrive() -> Any:
        cupy.cuda.get_current_stream().wait_event(arrived)
        return y

    return arrive


def _send(held: np.ndarray, y: Any, stream: Any) -> Any:
    """Copy pinned memory to the device; the event of its arrival.

    The pool gives a pinned block out again as soon as nobody holds it, so it is held until a later copy finds that the
    event has passed. (A host function of the stream could hold it too, but the device would wait for Python's lock.)
    """
    y.set(held, stream=stream)
    arrived = stream.record()
    with _lock:
        _sent.append((arrived, held))
        while _sent and _sent[0][0].done:
            _sent.popleft()
    return arrived


@cache
def _copy_stream(cupy: Any) -> Any:
    return cupy.cuda.Stream(non_blocking=True)
