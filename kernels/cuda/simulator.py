"""A kernel run as Python, by Numba's simulator, with four of its parts replaced.

Barriers: Numba polls the threads that wait, which takes a millisecond each time; here they wait on a condition.
Shared arrays: Numba lets two threads that ask at the same time get an array each, and arrays asked for on one source
line share their memory; here every request in the program text is one array, full of NaN, so that reading what nobody
wrote is seen.
Device functions: without numba-cuda, the thread that leaves one first takes the simulated `cuda` module away from those
that are still inside; here the last one does.
Arrays: Numba passes copies, so that two pointers to the same memory do not see each other's writes; here they do.
"""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numba import cuda, types
from numba.cuda.simulator import kernel as numba_simulator
from numba.cuda.simulator import kernelapi

Dim = tuple[int, ...]
_one_at_a_time = threading.Lock()  # Numba keeps the running kernel's grid in a global


def run(function: Callable[..., None], grid: Dim, block: Dim, shared: int, arguments: Sequence[Any]) -> None:
    """Block after block, the threads of a block side by side. Arrays among the arguments become pointers."""
    grid, block = ((*dim, 1, 1)[:3] for dim in (grid, block))
    module: Any = kernelapi.FakeCUDAModule(grid, block, shared)
    plain = [Pointer(a) if isinstance(a, np.ndarray) else a for a in arguments]
    with (
        _one_at_a_time,
        warnings.catch_warnings(),
        numba_simulator._push_kernel_context(module),
        swapped(function, module),
    ):
        warnings.simplefilter("ignore", RuntimeWarning)  # a GPU does not warn of overflow or of NaN
        for point in np.ndindex(*grid):
            module._shared = SharedMemory(shared)
            _run_block(lambda: function(*plain), point, block)


@contextmanager
def swapped(function: Callable[..., Any], module: Any) -> Iterator[None]:
    """In the function's globals `cuda` is the simulated module, until the last of the threads in here has left."""
    names = function.__globals__
    with _swap_lock:
        inside, originals = _swaps.get(id(names), (0, {}))
        if not inside:
            originals = {name: value for name, value in names.items() if value is cuda}
            names.update(dict.fromkeys(originals, module))
        _swaps[id(names)] = inside + 1, originals
    try:
        yield
    finally:
        with _swap_lock:
            inside, originals = _swaps[id(names)]
            if inside == 1:
                names.update(originals)
            _swaps[id(names)] = inside - 1, originals


_swap_lock = threading.Lock()
_swaps: dict[int, tuple[int, dict[str, Any]]] = {}  # by the globals' id: how many are inside, and what was there
numba_simulator.swapped_cuda_module = swapped  # what Numba's device functions call  # pyright: ignore


def _run_block(work: Callable[[], None], point: Dim, block: Dim) -> None:
    barrier = Barrier(int(np.prod(block)))
    threads = [BlockThread(work, point, place, block, barrier) for place in np.ndindex(*block)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    errors = [thread.error for thread in threads if thread.error and not isinstance(thread.error, BrokenBarrierError)]
    if errors:
        raise errors[0]


class BrokenBarrierError(RuntimeError):
    """Another thread of the block has failed, so the barrier would never open."""


class Barrier:
    """Opens when every thread that has not ended yet is there."""

    def __init__(self, threads: int) -> None:
        self.living, self.waiting, self.round, self.broken = threads, 0, 0, False
        self.condition = threading.Condition()

    def wait(self) -> None:
        with self.condition:
            before = self.round
            self.waiting += 1
            self._open_if_all_are_here()
            self.condition.wait_for(lambda: self.broken or self.round != before)
            if self.broken:
                raise BrokenBarrierError

    def leave(self, failed: bool) -> None:
        with self.condition:
            self.living -= 1
            self.broken = self.broken or failed
            self._open_if_all_are_here()
            self.condition.notify_all()

    def _open_if_all_are_here(self) -> None:
        if self.waiting == self.living:
            self.waiting, self.round = 0, self.round + 1
            self.condition.notify_all()


class BlockThread(threading.Thread):
    """One thread of a block, with the attributes that Numba's simulated `cuda` module asks the running thread for."""

    def __init__(self, work: Callable[[], None], point: Dim, place: Dim, block: Dim, barrier: Barrier) -> None:
        super().__init__(daemon=True)
        self.work, self.barrier = work, barrier
        self.blockIdx, self.threadIdx = kernelapi.Dim3(*point), kernelapi.Dim3(*place)
        self.thread_id = place[0] + block[0] * (place[1] + block[1] * place[2])
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self.work()
        except Exception as error:
            where = f"thread {tuple(self.threadIdx)} of block {tuple(self.blockIdx)}"
            error.add_note(f"in {where}")
            self.error = error
        finally:
            self.barrier.leave(failed=self.error is not None)

    def syncthreads(self) -> None:
        self.barrier.wait()


class SharedMemory:
    """cuda.shared: the arrays of one block."""

    def __init__(self, dynamic: int) -> None:
        self.arrays: dict[Any, np.ndarray] = {}
        self.dynamic, self.lock = np.zeros(dynamic, np.uint8), threading.Lock()

    def array(self, shape: Any, dtype: Any) -> np.ndarray:
        """The array of this call in the kernel's text; with shape 0 all of the dynamic shared memory."""
        dtype = np.dtype(dtype.name if isinstance(dtype, types.Type) else dtype)
        if shape == 0:
            return self.dynamic[: self.dynamic.size // dtype.itemsize * dtype.itemsize].view(dtype)
        caller = sys._getframe(1)
        place = caller.f_code, caller.f_lasti
        with self.lock:
            if place not in self.arrays:
                self.arrays[place] = np.full(shape, np.nan if dtype.kind == "f" else 0, dtype)
            return self.arrays[place]


class Pointer:
    """A pointer as a kernel sees it: elements of contiguous memory, and an error outside of it.

    NumPy counts a negative index from the end; a pointer does not.
    """

    __slots__ = ("memory",)

    def __init__(self, host: np.ndarray) -> None:
        assert host.flags.c_contiguous
        self.memory = host.reshape(-1)

    def __getitem__(self, i: int) -> Any:
        if i < 0:
            raise IndexError(f"read at {i}, before the array")
        return self.memory[i]

    def __setitem__(self, i: int, value: Any) -> None:
        if i < 0:
            raise IndexError(f"write at {i}, before the array")
        self.memory[i] = value
