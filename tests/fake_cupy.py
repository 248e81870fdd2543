"""A stand-in for CuPy that computes nothing and writes down the order in which it is called."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

UUID = bytes(range(16))


class PinnedMemory(bytearray):
    """Host memory that the device reads by its address."""

    ptr = 4096


class FakeCuPy:
    """What the GPU timer uses of CuPy. `log` is what was called; `patience` False: the waiting kernel gives up."""

    def __init__(self, milliseconds: float = 2.0, patience: bool = True) -> None:
        self.log: list[str] = []
        self.patience = patience
        self.flags: np.ndarray = np.zeros(2, np.int32)
        log = self.log

        class Stream:
            def __init__(self, non_blocking: bool = False) -> None:
                assert non_blocking

            def __enter__(self) -> None:
                log.append("stream")

            def __exit__(self, *error: object) -> None:
                log.append("end of stream")

            def synchronize(self) -> None:
                log.append("synchronize stream")

            def begin_capture(self) -> None:
                log.append("capture")

            def end_capture(self) -> Any:
                log.append("end of capture")
                return SimpleNamespace(launch=lambda stream: log.append("launch graph"))

        class Event:
            names = iter(["start", "stop"])

            def __init__(self) -> None:
                self.name = next(Event.names)

            def record(self, stream: Any) -> None:
                log.append(f"record {self.name}")

            def synchronize(_) -> None:
                log.append(f"synchronize, flag {self.flags[0]}")

        def pinned(size: int) -> Any:
            memory = PinnedMemory(size)
            self.flags = np.frombuffer(memory, np.int32)
            return memory

        runtime = SimpleNamespace(
            getDeviceProperties=lambda i: {"name": b"NVIDIA Fake", "uuid": UUID, "l2CacheSize": 1 << 20},
            driverGetVersion=lambda: 13000,
        )
        self.cuda = SimpleNamespace(
            Stream=Stream,
            Event=Event,
            Device=lambda: SimpleNamespace(id=0, synchronize=lambda: log.append("synchronize device")),
            runtime=runtime,
            alloc_pinned_memory=pinned,
            get_elapsed_time=lambda start, stop: milliseconds,
        )

    def empty(self, size: int, dtype: Any) -> Any:
        assert size >= 2 << 20
        return SimpleNamespace(fill=lambda value: self.log.append("flush"))

    def RawKernel(self, source: str, name: str) -> Any:
        assert f"void {name}(" in source

        def launch(grid: Any, block: Any, args: Any) -> None:
            self.log.append(f"block, flag {self.flags[0]}")
            if not self.patience:
                self.flags[1] = 1

        return launch
