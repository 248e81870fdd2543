"""Batches on their way to a device: each is copied while the one before is worked with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from nanonet.device import backend_on
from nanonet.tensor import Tensor


def transferred(batches: Iterable[Any], device: str) -> Iterator[Any]:
    """The batches with their Tensors on `device`. The copy of one begins before the one before it is handed out."""
    begin = backend_on(device).stage
    ahead: Callable[[], Any] | None = None
    for batch in batches:
        begun = _begun(batch, begin)
        if ahead is not None:
            yield ahead()
        ahead = begun
    if ahead is not None:
        yield ahead()


def _begun(batch: Any, begin: Callable[[Any], Callable[[], Any]]) -> Callable[[], Any]:
    """Begin to copy every Tensor of a batch; the function that is returned gives the batch on the device."""
    if isinstance(batch, Tensor):
        arrive = begin(batch.array) if batch.device == "cpu" else lambda: batch.array
        return lambda: Tensor.wrap(arrive())
    if isinstance(batch, tuple | list):
        parts = [_begun(part, begin) for part in batch]
        return lambda: type(batch)([part() for part in parts])
    if isinstance(batch, dict):
        named = {key: _begun(part, begin) for key, part in batch.items()}
        return lambda: {key: part() for key, part in named.items()}
    return lambda: batch
