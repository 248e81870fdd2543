"""Is there a GPU that can compute here, and if not, why not: one line, and what to do."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from nanonet_benchmarks.machine.hardware import output

NO_CUPY = "CuPy is not installed; pip install cupy-cuda13x (or cupy-cuda12x), by the driver's version"
NO_DRIVER = "no NVIDIA driver on this machine (libcuda cannot be loaded); install one, or use a machine with a GPU"
NO_DEVICE = "the NVIDIA driver is there, but no device is; check nvidia-smi and CUDA_VISIBLE_DEVICES"


def missing() -> str:
    """Why no CUDA kernel can run here, in one line; "" where one can."""
    if importlib.util.find_spec("cupy") is None:
        return NO_CUPY
    if not _driver():
        return NO_DRIVER
    import cupy as library  # pyright: ignore[reportMissingImports]

    cupy: Any = library
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return NO_DEVICE if "no CUDA-capable device" in str(error) else f"CUDA does not start: {error}"
    return "" if count else NO_DEVICE


def too_large(needed: int, free: int | None, where: str) -> str:
    """Why a size is not measured, where it asks for more memory than there is; "" where it fits."""
    if free is None or needed <= free:
        return ""
    return f"too little memory: {where} has {free / 2**30:.1f} GiB free, this needs {needed / 2**30:.1f}; use --size"


def describe() -> dict[str, Any]:
    """The driver, the CUDA runtime, and the devices, each with name, capability, memory; or the reason for none."""
    reason = missing()
    if reason:
        return {"reason": reason, "driver": _driver_version(), "devices": []}
    import cupy as library  # pyright: ignore[reportMissingImports]

    cupy: Any = library
    runtime = cupy.cuda.runtime
    devices = [_device(runtime.getDeviceProperties(i)) for i in range(runtime.getDeviceCount())]
    return {
        "reason": "",
        "driver": _driver_version(),
        "cuda": _dotted(runtime.driverGetVersion()),
        "runtime": _dotted(runtime.runtimeGetVersion()),
        "devices": devices,
    }


def _device(found: dict[str, Any]) -> dict[str, Any]:
    name = found["name"]
    return {
        "name": name.decode() if isinstance(name, bytes) else name,
        "capability": [found["major"], found["minor"]],
        "memory": found["totalGlobalMem"],
        "processors": found["multiProcessorCount"],
        "l2": found["l2CacheSize"],
        "ecc": bool(found.get("ECCEnabled", 0)),
    }


def _driver() -> bool:
    """Can the driver's library be loaded?"""
    import ctypes

    for name in ("libcuda.so.1", "nvcuda.dll"):
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False


def _driver_version() -> str:
    if not Path("/proc/driver/nvidia").exists() and not _driver():
        return ""
    return output("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader").split("\n")[0]


def _dotted(version: int) -> str:
    """13020 is 13.2."""
    return f"{version // 1000}.{version % 1000 // 10}"
