"""nanonet: a neural-network engine written from scratch on NumPy, to learn from, to check with and to compare by."""

from importlib import import_module as _import_module
from typing import Any as _Any

from numpy import bool_ as bool
from numpy import e, float16, float32, float64, inf, int8, int16, int32, int64, nan, newaxis, pi, uint8

from nanonet import functional
from nanonet.anomaly import AnomalyError, detect_anomaly
from nanonet.backends import backends, use
from nanonet.backends import current as current_backend
from nanonet.compare import allclose, array_equal, isclose
from nanonet.creation import (
    arange,
    asarray,
    eye,
    from_dlpack,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    tensor,
    zeros,
    zeros_like,
)
from nanonet.functional import array_functions as _array_functions
from nanonet.gradcheck import Report, check_backward, gradcheck, gradgradcheck
from nanonet.mode import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from nanonet.random import manual_seed, rand, rand_like, randint, randn, randn_like, randperm
from nanonet.tensor import Tensor
from nanonet.transforms import grad, hessian, jacobian, jvp, value_and_grad, vjp, vjp_of

__version__ = "0.1.0"

globals().update(_array_functions)


_matrix_trace = _array_functions["trace"]


def trace(x: _Any, *args: _Any, **kwargs: _Any) -> _Any:
    """Of an array: NumPy's trace, the sum of the diagonal. Of a function: `nanonet.teach.trace.trace(f, *inputs)`,
    which runs it forward and backward and records each step for the debugger, the cards and the page."""
    if callable(x):
        return _import_module("nanonet.teach.trace").trace(x, *args, **kwargs)
    return _matrix_trace(x, *args, **kwargs)


def __getattr__(name: str) -> object:
    """`nt.nn`, `nt.optim`, … without an import of their own; loaded when first used."""
    if name == "tracing":
        return _import_module("nanonet.teach.trace").tracing
    if name in ("data", "nn", "optim", "teach", "training"):
        return _import_module(f"nanonet.{name}")
    raise AttributeError(f"module 'nanonet' has no attribute {name!r}")
