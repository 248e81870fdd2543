"""The GPU timer: CUDA events behind a kernel that waits, so that what is timed is the GPU and not the launching.

One sample, on one stream: flush the L2 cache (if cold), launch a kernel that waits for a flag in the host's memory,
record an event, launch what is measured, record an event, set the flag. All launches are queued before the first of
them runs. The method is that of NVIDIA's nvbench. Written against CuPy's API, which is passed in.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

MOST_LAUNCHES = 500  # CUDA queues some 1,000 launches and then waits; the flag must be set before that
_PATIENCE = 1 << 31  # clock cycles, a second or more: a kernel that waited so long gives up, and the sample is refused
_WAIT = r"""
extern "C" __global__ void wait_for_host(volatile int* flags, long long patience) {
    long long start = clock64();
    while (flags[0] == 0) {
        if (clock64() - start > patience) { flags[1] = 1; __threadfence_system(); return; }
    }
}
"""
_SLOWED = 0x4 | 0x8 | 0x20 | 0x40 | 0x80  # NVML's reasons: power cap, hardware, heat, power brake


def missing() -> str:
    """Why no GPU can be timed here, in one line; "" where one can."""
    if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
        return "Numba simulates CUDA here (NUMBA_ENABLE_CUDASIM=1), and a simulator has no times"
    try:
        cupy: Any = import_module("cupy")
    except ImportError:
        return "CuPy is not installed (pip install cupy-cuda13x)"
    runtime = cupy.cuda.runtime
    try:
        count = runtime.getDeviceCount()
    except runtime.CUDARuntimeError as error:
        text = str(error)
        if "no CUDA-capable device" in text.lower() or "NoDevice" in text:
            return "no CUDA device is visible here"
        return "no CUDA driver that works is installed here"
    return "" if count else "no CUDA device is visible here"


def open_timer() -> GpuTimer:
    """The timer of the current device. RuntimeError with the reason where there is none."""
    if reason := missing():
        raise RuntimeError(f"GPU timer: {reason}")
    return GpuTimer(import_module("cupy"))


class GpuTimer:
    """Times calls that launch work on the current stream of `cupy`."""

    def __init__(self, cupy: Any) -> None:
        cuda = cupy.cuda
        self.cupy, self.stream = cupy, cuda.Stream(non_blocking=True)
        self.start, self.stop = cuda.Event(), cuda.Event()
        properties = cuda.runtime.getDeviceProperties(cuda.Device().id)
        self.device = {
            "device": _text(properties["name"]),
            "uuid": f"GPU-{uuid.UUID(bytes=bytes(properties['uuid'])[:16])}",
            "driver": str(cuda.runtime.driverGetVersion()),
        }
        self.buffer = cupy.empty(2 * max(int(properties["l2CacheSize"]), 1 << 20), np.uint8)
        self.memory = cuda.alloc_pinned_memory(8)  # the host's, which the device reads by the same address
        self.flags = np.frombuffer(self.memory, np.int32, 2)
        self.waiting = cupy.RawKernel(_WAIT, "wait_for_host")

    def seconds(self, call: Callable[[], Any], launches: int, cold: bool = False) -> float:
        """Seconds of one call on the GPU: the mean of `launches` calls in a row, or of one after the L2 was flushed."""
        launches = 1 if cold else min(launches, MOST_LAUNCHES)
        return self._between_events(lambda: [call() for _ in range(launches)], cold) / launches

    def graph_seconds(self, call: Callable[[], Any], launches: int) -> float:
        """The same, with `launches` calls captured into one CUDA graph: no launch of its own for each of them."""
        with self.stream:
            self.stream.begin_capture()
            for _ in range(launches):
                call()
            graph = self.stream.end_capture()
        self._between_events(lambda: graph.launch(self.stream), False)  # the first launch uploads the graph
        return self._between_events(lambda: graph.launch(self.stream), False) / launches

    def end_to_end_seconds(self, call: Callable[[], Any]) -> float:
        """Seconds of one call by the host's clock, from the launch until the GPU is done."""
        with self.stream:
            self.stream.synchronize()
            start = time.perf_counter_ns()
            call()
            self.stream.synchronize()
            return (time.perf_counter_ns() - start) * 1e-9

    def _between_events(self, launch: Callable[[], Any], cold: bool) -> float:
        with self.stream:
            if cold:
                self.buffer.fill(0)
            self.flags[:] = 0
            self.waiting((1,), (1,), (np.intp(self.memory.ptr), np.int64(_PATIENCE)))
            try:
                self.start.record(self.stream)
                launch()
                self.stop.record(self.stream)
            finally:
                self.flags[0] = 1  # also after an error: nothing may wait for ever
            self.stop.synchronize()
        if self.flags[1]:
            raise RuntimeError("GPU timer: launching took so long that the waiting kernel gave up; use fewer launches")
        return self.cupy.cuda.get_elapsed_time(self.start, self.stop) * 1e-3

    def state(self) -> dict[str, Any]:
        """{"clock_mhz", "memory_clock_mhz", "temperature", "throttled"} as nvidia-smi says; {} where it is missing."""
        if not shutil.which("nvidia-smi"):
            return {}
        names = "clocks.sm,clocks.mem,temperature.gpu,clocks_throttle_reasons.active"
        command = ["nvidia-smi", f"--id={self.device['uuid']}", f"--query-gpu={names}", "--format=csv,noheader,nounits"]
        try:
            text = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
        except (OSError, subprocess.SubprocessError):
            return {}
        return parse_state(text)


def parse_state(text: str) -> dict[str, Any]:
    """One line of nvidia-smi's CSV: "1980, 2619, 41, 0x0000000000000000". What it does not know is left out."""
    names = ("clock_mhz", "memory_clock_mhz", "temperature")
    values = [value.strip() for value in text.strip().splitlines()[0].split(",")] if text.strip() else []
    found: dict[str, Any] = {n: int(v) for n, v in zip(names, values, strict=False) if v.isdigit()}
    if len(values) > 3 and values[3].startswith("0x"):
        found["throttled"] = bool(int(values[3], 16) & _SLOWED)
    return found


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
