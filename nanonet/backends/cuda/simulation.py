"""The `cuda` backend without a GPU: textbook rules on arrays like a device's, kernels in Numba's simulator."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from nanonet.backends import numpy as numpy_backend
from nanonet.backends.base import VOCABULARY, Backend
from nanonet_kernels.cuda.memory import SimulatedArray, on_device


class SimulatedCuda(Backend):
    """Counts the copies between host and device, so that a test can show that a training step makes none."""

    device = "cuda"
    uploads = downloads = 0

    def upload(self, array: Any) -> SimulatedArray:
        self.uploads += 1
        return SimulatedArray(np.array(array))

    def download(self, array: SimulatedArray) -> np.ndarray:
        self.downloads += 1
        return array.get()


def on_simulated(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of NumPy arrays as one of simulated arrays."""

    def compute(*args: Any, **attrs: Any) -> Any:
        result = function(*on_device(args), **{name: on_device(value) for name, value in attrs.items()})
        sources = [x for x in args if isinstance(x, SimulatedArray)]
        return _wrapped(result, sources)

    return compute


def _wrapped(result: Any, sources: list[SimulatedArray]) -> Any:
    if isinstance(result, tuple | list):
        return type(result)([_wrapped(one, sources) for one in result])
    if not isinstance(result, np.ndarray | np.generic):
        return result
    host = np.asarray(result)
    base = next((x for x in sources if host.base is not None and np.may_share_memory(x.host, host)), None)
    return SimulatedArray(host, base if base is None or base.base is None else base.base)


def namespace() -> SimpleNamespace:
    """The vocabulary on simulated arrays."""
    found: dict[str, Any] = {}
    for name in VOCABULARY:
        value = getattr(numpy_backend.xp, name)
        computes = callable(value) and not isinstance(value, type) and name != "result_type"
        found[name] = on_simulated(value) if computes else value
    found["result_type"] = lambda *types: np.result_type(*[getattr(t, "dtype", t) for t in types])
    return SimpleNamespace(**found)
