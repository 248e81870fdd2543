"""state_dict and load_state_dict: a module's numbers by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nanonet.backends.base import HOMES
from nanonet.tensor import Tensor
from nanonet.variable import no_grad

if TYPE_CHECKING:
    from nanonet.nn.module import Module


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict(strict=False)` passed over."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class StateDictError(ValueError, RuntimeError):
    """The numbers do not fit the module: a ValueError here, a RuntimeError in PyTorch, so it is both."""


def saved_tensors(module: Module, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """(name, tensor) of parameters and persistent buffers; a tied parameter under each of its names."""
    for path, part in module.named_modules(remove_duplicate=False):
        start = f"{prefix}{path}." if path else prefix
        for name, tensor in part._parameters.items():
            if tensor is not None:
                yield start + name, tensor
        for name, tensor in part._buffers.items():
            if tensor is not None and name not in part._transient:
                yield start + name, tensor


def state_dict(module: Module, prefix: str = "") -> dict[str, Tensor]:
    return {name: tensor.detach() for name, tensor in saved_tensors(module, prefix)}


def load_state_dict(module: Module, values: Mapping[str, Any], strict: bool) -> IncompatibleKeys:
    """All of it, or nothing with one error that lists every problem."""
    if not isinstance(values, Mapping):
        raise TypeError(f"load_state_dict: expected a mapping of names to tensors, got {type(values).__name__}")
    targets = dict(saved_tensors(module))
    missing = [name for name in targets if name not in values]
    unexpected = [name for name in values if name not in targets]
    problems: list[str] = []
    if strict and missing:
        problems.append(f"missing: {', '.join(missing)}")
    if strict and unexpected:
        problems.append(f"unexpected: {', '.join(map(str, unexpected))}")
    arrays: dict[str, np.ndarray] = {}
    for name in targets:
        if name in values:
            found = _as_numbers(values[name])
            if isinstance(found, str):
                problems.append(f"{name}: expected numbers, got {found}")
            elif found.shape != targets[name].shape:
                problems.append(f"{name}: expected shape {targets[name].shape}, got {found.shape}")
            else:
                arrays[name] = found
    if problems:
        raise StateDictError(
            f"load_state_dict: these do not fit {type(module).__name__}, nothing was loaded:\n  "
            + "\n  ".join(problems)
        )
    with no_grad():
        for name, array in arrays.items():
            targets[name][...] = array
    return IncompatibleKeys(missing, unexpected)


def _as_numbers(value: Any) -> np.ndarray | str:
    """An array of numbers, or, in words, what it is instead."""
    if isinstance(value, Tensor):
        value = value.array
    try:
        array: Any = value if type(value) in HOMES else np.asarray(value)  # of any device: the target's gets a copy
    except (ValueError, TypeError, RuntimeError) as error:
        return str(error)
    return array if array.dtype.kind in "fiub" else f"{type(value).__name__} of {array.dtype}"
