"""Functions of Tensors, made from the registry of ops.

Array functions have NumPy's names and arguments (`axis`, `keepdims`), network functions those of
`torch.nn.functional`. The stub functional.pyi beside this file is generated, for editors: `python -m nanonet.stubs`.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from typing import Any

import nanonet.ops  # noqa: F401  (registers every op)
from nanonet.backends.base import HOMES, VOCABULARY, Doorway
from nanonet.backends.numpy import xp as numpy_xp
from nanonet.conversion import floats_with
from nanonet.op import REGISTRY, Composite, Op
from nanonet.tensor import READY, Tensor, apply, as_operand, operator, tensors


def make_function(op: type[Op]) -> Callable[..., Any]:
    """The public function of an op: its `call`, if it has one, then `apply`, then its `finish`, if it has one."""
    run = _compose if issubclass(op, Composite) else apply
    if op.call is not None:
        call, finish = op.call, op.finish

        @functools.wraps(call)
        def checked(*args: Any, **kwargs: Any) -> Any:
            try:
                inputs, attrs = call(*args, **kwargs)
            except (TypeError, ValueError, AttributeError) as error:
                if re.match(r"[\w\[\]]+: ", str(error)):
                    raise
                raise _misused(op, call, error) from error
            y = run(op, *inputs, **attrs)
            return y if finish is None else finish(y, *args, **kwargs)

        function = checked
    else:
        inputs, signature = op.input_names(), inspect.Signature(op.parameters())

        def direct(*args: Any, **kwargs: Any) -> Any:
            if len(args) == len(inputs):  # f(x, axis=0): nothing to sort
                return run(op, *args, **kwargs)
            try:
                named = signature.bind(*args, **kwargs).arguments
            except TypeError as error:
                raise TypeError(f"{op.name}: {error}; expected {op.name}{signature}") from None
            return run(op, *[named.pop(name, None) for name in inputs], **named)

        setattr(direct, "__signature__", signature)  # noqa: B010 (an attribute that type checkers do not know)
        function = direct
    function.__name__ = function.__qualname__ = op.name
    function.__module__ = __name__
    function.__doc__ = f"{op.__doc__}\n\n    Shapes: {op.shapes}\n    "
    return function


def _misused(op: type[Op], call: Callable[..., Any], error: Exception) -> Exception:
    """An error of Python's own about arguments, as one that names the op and its arguments."""
    text = re.sub(r"^[\w.]+\(\) ", "", " ".join(str(error).split()))
    kind = ValueError if isinstance(error, ValueError) else TypeError
    return kind(f"{op.name}: {text}; expected {op.name}{inspect.signature(call)}")


def function_of(op: type[Op]) -> Callable[..., Any]:
    """The public function that `make_function` made for `op`."""
    return (array_functions if op.array else network_functions)[op.name]


def _compose(op: type[Op], *inputs: Any, **attrs: Any) -> Any:
    operands = [x if x is None or isinstance(x, Tensor | float | int) else as_operand(x) for x in inputs]
    return op.forward(tensors.xp, *operands, **attrs)


def _operator(op: type[Op], function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The Tensor method `name` ("__add__", "__radd__") of an operator."""
    if name in _OF_BOOLEANS:
        return _of_booleans(op, function, _OF_BOOLEANS[name])
    if len(op.input_names()) == 1:
        return function if op.call is not None else lambda x: apply(op, x)
    reflected = name.startswith("__r") and f"__{name[3:]}" in op.operators
    if op.call is None:
        return (lambda x, other: operator(op, x, other, True)) if reflected else lambda x, other: operator(op, x, other)

    def checked(x: Any, other: Any) -> Any:
        if other.__class__ not in READY:
            try:
                other = as_operand(other, floats_with(x))
            except TypeError:
                return NotImplemented
        return function(other, x) if reflected else function(x, other)

    return checked


_OF_BOOLEANS = {"__and__": "&", "__rand__": "&", "__or__": "|", "__ror__": "|", "__invert__": "~"}


def _of_booleans(op: type[Op], function: Callable[..., Any], sign: str) -> Callable[..., Any]:
    """`&`, `|` and `~` work on the bits of integers in NumPy and PyTorch; here they are refused."""

    def checked(*operands: Any) -> Any:
        for x in operands:
            dtype = getattr(x, "dtype", type(x))
            if dtype not in (bool,):  # a NumPy dtype equals it too
                got = getattr(dtype, "name", getattr(dtype, "__name__", dtype))
                raise TypeError(f"{sign}: expected booleans, got {got}; compare first, or use {op.name}()")
        return function(*operands)

    return checked


def _constant(name: str) -> Any:
    """A NumPy function whose result needs no gradient (zeros, arange), on Tensors; or a constant (pi, float32)."""
    value = getattr(numpy_xp, name)
    if isinstance(value, type) or not callable(value):
        return value

    def function(*args: Any, **kwargs: Any) -> Any:
        arrays = [a.array if isinstance(a, Tensor) else a for a in args]
        home = next((HOMES[type(a)] for a in arrays if type(a) in HOMES), Doorway.backend)
        result = getattr(home.xp, name)(*arrays, **kwargs)
        return Tensor.wrap(result) if hasattr(result, "shape") else result

    return function


array_functions: dict[str, Callable[..., Any]] = {}
network_functions: dict[str, Callable[..., Any]] = {}
for _key, _op in REGISTRY.items():
    _function = make_function(_op)
    for _name in (_op.name, *_op.aliases):
        (array_functions if _op.array else network_functions)[_name] = _function
        if _op.method and not hasattr(Tensor, _name):
            setattr(Tensor, _name, _function)
    for _name in _op.operators:
        setattr(Tensor, _name, _operator(_op, _function, _name))

for _name, _function in (network_functions | array_functions).items():  # for composite ops; NumPy's meaning wins
    setattr(tensors.xp, _name, _function)
for _name in VOCABULARY:
    setattr(tensors.xp, _name, array_functions.get(_name) or network_functions.get(_name) or _constant(_name))

globals().update(array_functions)
globals().update(network_functions)  # where both have a name (pad), this module has torch.nn.functional's
__all__ = sorted({*array_functions, *network_functions})  # pyright: ignore[reportUnsupportedDunderAll]
