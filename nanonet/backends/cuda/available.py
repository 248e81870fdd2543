"""Can CUDA be used here? One line that says why not, and what to do."""

from __future__ import annotations

from typing import Any

from nanonet_kernels.cuda.kernel import simulated


def reason() -> str:
    """Why the `cuda` backend cannot run here; "" if it can."""
    if simulated():
        return ""
    try:
        import cupy as library  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError as error:
        if error.name not in (None, "cupy"):
            return f"CuPy needs {error.name}, which is not installed; pip install {error.name}"
        return "CuPy is not installed; pip install 'nanonet[cuda13]' (or cuda12), or set NUMBA_ENABLE_CUDASIM=1"
    except ImportError as error:
        return f"CuPy does not load: {' '.join(str(error.__cause__ or error).split())}"
    return _of_device(library)


def _of_device(cupy: Any) -> str:
    errors = cupy.cuda.runtime.CUDARuntimeError
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except errors as error:
        if "InsufficientDriver" in str(error):
            return "no NVIDIA driver, or one older than CuPy's CUDA; install a newer driver"
        if "NoDevice" in str(error):
            return "the NVIDIA driver finds no GPU"
        return f"CUDA does not start: {' '.join(str(error).split())}"
    return "" if count else "the NVIDIA driver finds no GPU"
