"""What the checks of CUDA kernels share. They run in Numba's simulator, started by tests/test_kernels_cuda.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.backends import numpy as numpy_backend
from nanonet_kernels.cuda.kernel import simulated
from nanonet_kernels.cuda.memory import SimulatedArray

assert simulated(), "these checks need NUMBA_ENABLE_CUDASIM=1; run tests/test_kernels_cuda.py"

xp = numpy_backend.xp
DTYPES = (np.float32, np.float64)


def on_device(*arrays: Any, dtype: Any = None) -> Any:
    """Copies in the simulated device's memory; floats in `dtype` where it is given. None stays None."""
    copies = [None if a is None else SimulatedArray(np.array(_cast(a, dtype), copy=True)) for a in arrays]
    return copies if len(copies) > 1 else copies[0]


def poisoned(shape: Any, dtype: Any) -> SimulatedArray:
    """An output in which every number is NaN (or an integer that stands out), so that one left unwritten is seen."""
    return SimulatedArray(np.full(shape, np.nan if np.dtype(dtype).kind == "f" else 77, dtype))


def assert_near(got: SimulatedArray, expected: Any, units: float = 16, what: str = "", scale: float = 0) -> None:
    """Within `units` eps of the largest finite element (or of `scale`), NaN and infinities in the same places."""
    host, expected = got.get(), np.asarray(expected)
    assert host.shape == expected.shape, what
    finite = np.abs(expected[np.isfinite(expected)])
    tolerance = units * np.finfo(host.dtype).eps * max(float(finite.max()) if finite.size else 1.0, scale)
    np.testing.assert_allclose(host, expected, rtol=0, atol=tolerance, err_msg=what)


def _cast(a: Any, dtype: Any) -> Any:
    a = np.asarray(a)
    return a.astype(dtype) if dtype is not None and a.dtype.kind == "f" else a
