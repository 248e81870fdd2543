"""What `nanonet bench` measures, by name, so that a fresh process can build the same workload again."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import nanonet_kernels  # in a bundle it brings the stand-in for Numba, before a workload asks for it
from nanonet_benchmarks.workloads.base import Arrays, Prepared, Variant, Workload

__all__ = ["Arrays", "Prepared", "Variant", "Workload", "builder", "find", "names"]

_HOME = "nanonet_benchmarks.workloads"
_BUILDERS = {
    "matmul": f"{_HOME}.matmul:matmul",
    "gelu": f"{_HOME}.activations:gelu",
    "relu": f"{_HOME}.activations:relu",
    "softmax": f"{_HOME}.softmax:softmax",
    "layer_norm": f"{_HOME}.layer_norm:layer_norm",
    "cross_entropy": f"{_HOME}.cross_entropy:cross_entropy",
    "adam": f"{_HOME}.adam:adam",
    "training step": f"{_HOME}.training:training_step",
}


def names() -> list[str]:
    """Every workload that `find` knows."""
    return list(_BUILDERS)


def find(name: str, **size: Any) -> Workload:
    """The workload of that name at that size: find("matmul", m=512, n=512, k=512), find("gelu", n=1 << 20).

    A name like "package.module:function" is a workload from elsewhere: the function is called with the size.
    Raises ValueError for an unknown name or size.
    """
    try:
        return builder(name)(**size)
    except TypeError as error:
        raise ValueError(f"workload {name}: {error}; got {size}") from error


def builder(name: str) -> Callable[..., Workload]:
    """The function that builds the workload of that name; its arguments are the size. ValueError for no such name."""
    where = name if ":" in name else _BUILDERS.get(name)
    if where is None:
        raise ValueError(f"workload: expected one of {', '.join(names())}, got {name!r}")
    module, function = where.split(":")
    return getattr(import_module(module), function)
