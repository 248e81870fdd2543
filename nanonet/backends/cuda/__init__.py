"""The CUDA backend: CuPy's arrays, cuBLAS for large products, and the kernels of nanonet_kernels.cuda.

Importing it raises ImportError, with the reason in one line, where it cannot run. With `NUMBA_ENABLE_CUDASIM=1` the
kernels run in Numba's simulator, on arrays that stand in for a device's memory: slow, and exact.
"""

from __future__ import annotations

from nanonet.backends.cuda.available import reason
from nanonet_kernels.cuda.kernel import simulated

if _why := reason():
    raise ImportError(_why)
if simulated():
    from nanonet.backends.cuda.simulation import backend
else:
    from nanonet.backends.cuda.device import backend

__all__ = ["backend"]
