"""The backend itself. Importing this module raises ImportError, with the reason in one line, where it cannot run."""

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
