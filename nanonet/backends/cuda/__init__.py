"""The CUDA backend: CuPy's arrays, cuBLAS for large products, and the kernels of nanonet_kernels.cuda.

Importing it raises ImportError, with the reason in one line, where it cannot run. With `NUMBA_ENABLE_CUDASIM=1` the
kernels run in Numba's simulator, on arrays that stand in for a device's memory: slow, and exact.
"""

from __future__ import annotations

from nanonet.backends.base import HOMES
from nanonet.backends.cuda.available import reason
from nanonet_kernels.cuda.kernel import simulated

if _why := reason():
    raise ImportError(_why)

from nanonet.backends.cuda.arrays import xp
from nanonet.backends.cuda.rules import kernels

if simulated():
    from nanonet.backends.cuda.simulation import SimulatedCuda as Cuda
    from nanonet_kernels.cuda.memory import SimulatedArray as DeviceArray
else:
    from cupy import ndarray as DeviceArray  # pyright: ignore[reportMissingImports]

    from nanonet.backends.cuda.device import Cuda

backend = Cuda("cuda", xp, DeviceArray, kernels)
HOMES[DeviceArray] = backend

__all__ = ["backend"]
