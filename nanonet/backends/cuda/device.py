"""The `cuda` backend on a GPU: CuPy's arrays and functions, and our kernels for the rules that have one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cupy as library  # pyright: ignore[reportMissingImports]
import numpy as np

from nanonet.backends.base import Backend, Rule
from nanonet.backends.cuda.memory import OutOfDeviceMemoryError, explained, pinned_copy, staged

cupy: Any = library


class Cuda(Backend):
    """Rules and kernels on the current device and stream. Nothing waits for the device but `download`."""

    device = "cuda"

    def run(self, rule: Rule, *args: Any, **attrs: Any) -> Any:
        try:
            return super().run(rule, *args, **attrs)
        except cupy.cuda.memory.OutOfMemoryError as error:
            raise explained(cupy, error) from None

    def upload(self, array: Any) -> Any:
        try:
            return pinned_copy(cupy, np.asarray(array))
        except cupy.cuda.memory.OutOfMemoryError as error:
            raise explained(cupy, error) from None

    def stage(self, array: Any) -> Callable[[], Any]:
        try:
            return staged(cupy, np.asarray(array))
        except cupy.cuda.memory.OutOfMemoryError as error:
            raise explained(cupy, error) from None

    def adopt(self, array: Any) -> Any:
        return cupy.from_dlpack(array) if hasattr(array, "__dlpack__") else cupy.asarray(array)

    def download(self, array: Any) -> np.ndarray:
        return cupy.asnumpy(array)


__all__ = ["Cuda", "OutOfDeviceMemoryError"]
