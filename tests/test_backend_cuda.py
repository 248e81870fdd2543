"""The cuda backend where no GPU is: what it says, and in which order it would call CuPy.

What computes is tested in the simulator (tests/simulator); here a stand-in for CuPy writes down what is asked of it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import weakref
from collections import deque
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet.backends.cuda import available, memory
from nanonet.backends.cuda.namespace import namespace


def driver(error: str = "", count: int = 0) -> Any:
    """CuPy as it answers the question how many devices there are."""

    class CUDARuntimeError(RuntimeError):
        pass

    def count_devices() -> int:
        if error:
            raise CUDARuntimeError(error)
        return count

    runtime = SimpleNamespace(CUDARuntimeError=CUDARuntimeError, getDeviceCount=count_devices)
    return SimpleNamespace(cuda=SimpleNamespace(runtime=runtime))


@pytest.mark.parametrize(
    ("cupy", "said"),
    [
        (driver("cudaErrorInsufficientDriver: CUDA driver version is insufficient"), "no NVIDIA driver"),
        (driver("cudaErrorNoDevice: no CUDA-capable device is detected"), "the NVIDIA driver finds no GPU"),
        (driver(count=0), "the NVIDIA driver finds no GPU"),
        (driver("cudaErrorUnknown:\n strange"), "CUDA does not start: cudaErrorUnknown: strange"),
    ],
)
def test_each_reason_is_one_clear_line(cupy: Any, said: str) -> None:
    reason = available._of_device(cupy)
    assert said in reason
    assert "\n" not in reason
    assert available._of_device(driver(count=1)) == ""


def test_a_machine_without_cuda_says_so_and_goes_on() -> None:
    reason = nt.backends()["cuda"]
    if not reason:
        pytest.skip("this machine has a GPU, or Numba simulates one")
    for ask in (lambda: nt.use("cuda"), lambda: nt.tensor([1.0], device="cuda"), lambda: nt.tensor([1.0]).to("cuda")):
        with pytest.raises(RuntimeError) as error:
            ask()
        assert reason in str(error.value)
        assert "\n" not in str(error.value)
    assert (nt.tensor([1.0]) + 1).item() == 2.0


def test_a_missing_cupy_is_said_with_what_to_install() -> None:
    script = "import sys; sys.modules['cupy'] = None\nimport nanonet as nt\nprint(nt.backends()['cuda'])"
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_ENABLE_CUDASIM"}
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert found.stdout.startswith("CuPy is not installed; pip install 'nanonet[cuda13]'")


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 'cpu' or 'cuda', got 'tpu'"):
        nt.tensor([1.0], device="tpu")


def test_out_of_memory_says_what_was_asked_and_what_is_held() -> None:
    pool = SimpleNamespace(used_bytes=lambda: 3 * 2**30, free_bytes=lambda: 2**20)
    runtime = SimpleNamespace(memGetInfo=lambda: (512 * 2**20, 8 * 2**30))
    cupy = SimpleNamespace(get_default_memory_pool=lambda: pool, cuda=SimpleNamespace(runtime=runtime))
    error = RuntimeError("Out of memory allocating 1,073,741,824 bytes (allocated so far: 3,221,225,472 bytes).")
    said = str(memory.explained(cupy, error))
    assert said == (
        "cuda: out of memory: 1.00 GiB were asked for; arrays hold 3.00 GiB and the pool keeps 1.0 MiB for reuse; "
        "512.0 MiB of the device's 8.00 GiB are free; use smaller batches or fewer arrays"
    )


class FakeCupy:
    """Writes down, in order, which stream is asked to do what."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.events: list[Any] = []
        self.main, self.copies = self.stream("main"), self.stream("copies")
        self.cuda = SimpleNamespace(
            get_current_stream=lambda: self.main,
            Stream=lambda non_blocking: self.copies,
            alloc_pinned_memory=lambda size: bytearray(size),
        )

    def stream(self, name: str) -> Any:
        def record() -> Any:
            self.log.append(f"{name} records")
            self.events.append(SimpleNamespace(name=name, done=False))
            return self.events[-1]

        def wait_event(event: Any) -> None:
            self.log.append(f"{name} waits for {event.name}")

        return SimpleNamespace(record=record, wait_event=wait_event, name=name)

    def empty(self, shape: Any, dtype: Any) -> Any:
        self.log.append("allocate")
        return SimpleNamespace(set=lambda held, stream: self.log.append(f"{stream.name} copies {held.tolist()}"))


def test_a_batch_is_copied_beside_the_work_and_waited_for_when_it_is_used() -> None:
    cupy = FakeCupy()
    arrive = memory.staged(cupy, np.array([1.0, 2.0]))
    begun = [
        "allocate",
        "main records",  # what the memory was used for before …
        "copies waits for main",  # … is over when the copy begins
        "copies copies [1.0, 2.0]",
        "copies records",
    ]
    assert cupy.log == begun
    arrive()
    assert cupy.log == [*begun, "main waits for copies"]


def test_an_upload_stays_in_the_order_of_the_stream() -> None:
    cupy = FakeCupy()
    memory.pinned_copy(cupy, np.array([3.0]))
    assert cupy.log == ["allocate", "main copies [3.0]", "main records"]


def test_pinned_memory_is_held_until_the_device_has_read_it() -> None:
    cupy, held = FakeCupy(), []

    class Pinned(bytearray):
        """A block that can be watched."""

    def alloc(size: int) -> Any:
        block = Pinned(size)
        held.append(weakref.ref(block))
        return block

    cupy.cuda.alloc_pinned_memory = alloc
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "_sent", deque())
        for value in (1.0, 2.0):
            memory.pinned_copy(cupy, np.array([value]))
        assert [block() is not None for block in held] == [True, True]  # nothing has arrived
        cupy.events[0].done = True
        memory.pinned_copy(cupy, np.array([3.0]))
        assert [block() is not None for block in held] == [False, True, True]


class ArrayModule(SimpleNamespace):
    """NumPy in the place of CuPy, where a function of CuPy's is stricter."""

    def __init__(self) -> None:
        super().__init__(**{name: getattr(np, name) for name in dir(np) if name[0] != "_"})
        self.copied: list[Any] = []
        self.ElementwiseKernel = lambda *_: None
        self.linalg = SimpleNamespace(**{name: getattr(np.linalg, name) for name in ("inv", "det", "cholesky")})
        self.linalg.solve = self._solve

    def asarray(self, x: Any, dtype: Any = None) -> Any:
        self.copied.append(x)
        return np.asarray(x, dtype)

    def _solve(self, a: Any, b: Any) -> Any:
        assert b.ndim == 1 or a.shape[:-1] == b.shape[:-1], "CuPy does not broadcast"
        return np.linalg.solve(a, b)


def test_what_cupy_does_otherwise_is_written_here() -> None:
    cupy = ArrayModule()
    xp = namespace(cupy)
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 1, 3, 3)), rng.normal(size=(4, 3, 1))
    assert np.allclose(xp.solve(a, b), np.linalg.solve(a, b))
    assert np.allclose(xp.solve(a, b[0, :, 0]), np.linalg.solve(a, b[0, :, 0]))
    x, mask = np.ones((2, 2), np.float32), np.eye(2) > 0
    filled = xp.masked_fill(x, mask, -np.inf)
    assert filled.dtype == np.float32
    assert np.isneginf(filled).tolist() == mask.tolist()
    assert cupy.copied == []  # the number was no copy to the device


def test_constants_are_copied_once_and_results_are_nobody_elses() -> None:
    cupy = ArrayModule()
    cupy.ndarray = type(None)  # NumPy's arrays are the host's here
    xp = namespace(cupy)
    assert xp.asarray([1.0, 2.0], dtype=np.float32) is xp.asarray((1.0, 2.0), dtype=np.float32)
    assert xp.asarray(np.float32(1)) is not xp.asarray(np.float32(1))
    assert xp.asarray(np.ones(2)).tolist() == [1.0, 1.0]
