"""Backends: which library computes, and with which kernels."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from nanonet.backends import numpy as _numpy
from nanonet.backends.base import HOMES, Backend, Doorway, current, installed

__all__ = ["Backend", "backends", "current", "installed", "use"]

Doorway.backend = _numpy.backend
_LOADERS: dict[str, str] = {
    "numpy": "nanonet.backends.numpy",
    "numba": "nanonet.backends.numba",
    "cuda": "nanonet.backends.cuda.backend",
}


def backends() -> dict[str, str]:
    """{name: "" if it can run here, else the reason why not}."""
    return {name: _reason(name) for name in _LOADERS}


def _reason(name: str) -> str:
    try:
        importlib.import_module(_LOADERS[name])
    except ImportError as error:
        return str(error)
    return ""


class use:  # noqa: N801 (it is called like a function)
    """Pick the kernels: `nt.use("numba")` from now on, or `with nt.use("numba"):` for a block.

    Raises ValueError for an unknown name and RuntimeError, with the reason, for a backend that cannot run here.
    """

    def __init__(self, name: str) -> None:
        if name not in _LOADERS:
            raise ValueError(f"use: expected one of {', '.join(_LOADERS)}, got {name!r}")
        reason = _reason(name)
        if reason:
            raise RuntimeError(f"use: {name} cannot run here: {reason}")
        self.before, self.homes = Doorway.backend, dict(HOMES)
        Doorway.backend = importlib.import_module(_LOADERS[name]).backend
        HOMES[Doorway.backend.array_type] = Doorway.backend

    def __enter__(self) -> Backend:
        return Doorway.backend

    def __exit__(self, *error: object) -> None:
        HOMES.update(self.homes)  # all of them: within the block another backend may have been picked for good
        Doorway.backend = self.before
