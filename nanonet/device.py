"""Where arrays lie, and the way from one device to another."""

from __future__ import annotations

import importlib
from typing import Any

from nanonet.backends.base import HOMES, Backend, Doorway


def device_of(array: Any) -> str:
    """The device of an array: "cpu" or "cuda"."""
    home = HOMES.get(type(array))
    return "cpu" if home is None else home.device


def backend_on(device: str | None) -> Backend:
    """The backend whose arrays lie on `device`; None is where the current one's lie."""
    if device is None:
        return HOMES[Doorway.backend.array_type]
    kind, _, number = str(device).partition(":")
    if kind not in ("cpu", "cuda") or number not in ("", "0"):
        raise ValueError(f"device: expected 'cpu' or 'cuda', got {device!r}; nanonet.backends() says what can run here")
    for home in HOMES.values():
        if home.device == kind:
            return home
    try:
        return importlib.import_module("nanonet.backends.cuda.backend").backend
    except ImportError as error:
        raise RuntimeError(f"device: {kind} cannot be had here: {error}") from None


def on_host(array: Any) -> Any:
    """`array` in main memory, as NumPy's: itself, or a copy from its device, which waits for the device."""
    home = HOMES.get(type(array))
    return array if home is None else home.download(array)


def place(array: Any, device: str | None = None) -> Any:
    """`array` on `device` (None: the current backend's): itself, or a copy."""
    target = backend_on(device)
    if isinstance(array, target.array_type):
        return array
    return target.upload(on_host(array))


def known(truth: Any) -> bool:
    """Is it true, as far as the host knows without waiting for a device? There False, and the general way is taken."""
    return readable(truth) and bool(truth)


def readable(array: Any) -> bool:
    """May the host look at the values? On a device it would have to wait for them, so checks of values are left out."""
    return device_of(getattr(array, "array", array)) == "cpu"
