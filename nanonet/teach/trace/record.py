"""`trace(f, *inputs)` and `with tracing() as t`: record what nanonet code does."""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from nanonet.backends.base import current, installed
from nanonet.teach.trace.model import Trace
from nanonet.teach.trace.recorder import Recorder
from nanonet.tensor import Tensor


def trace(f: Callable[..., Any], *inputs: Any, backward: bool = True, gradient: Any = None) -> Trace:
    """Run `f(*inputs)`, then backward from the tensor that it returns, and record each step.

    f           a function of Tensors, a module, or a whole training step that calls `backward()` itself
    inputs      Tensors are taken as they are (backward adds to their `.grad`); arrays, lists, numbers with a fraction
                become float64 Tensors that want a gradient; anything else (integers, strings) is passed on
    backward    False: record the forward only. A result for which `f` called `backward()` is not walked again
    gradient    ∂loss/∂result, in the result's shape; else ones

    Returns a `Trace`. Raises TypeError where f is not callable, or its result is no Tensor to walk back from.
    """
    if not callable(f):
        raise TypeError(f"trace: expected a function of Tensors or a module, got {type(f).__name__}")
    tensors = [_as_input(x) for x in inputs]
    names = dict(zip(_argument_names(f, len(inputs)), tensors, strict=True))
    with _recording({id(x): name for name, x in names.items() if isinstance(x, Tensor)}) as recorder:
        result = f(*tensors)
        recorder.trace.result = result
        if backward and not recorder.trace.roots:
            _walk(f, result, gradient)
    return recorder.trace


def _walk(f: Any, result: Any, gradient: Any) -> None:
    name = getattr(f, "__name__", type(f).__name__)
    loss = result[0] if isinstance(result, tuple | list) and result else result
    if not isinstance(loss, Tensor):
        raise TypeError(
            f"trace: {name} returned {type(loss).__name__}; return the Tensor to walk back from, "
            "call backward() within it, or trace with backward=False"
        )
    if loss.requires_grad:
        loss.backward(np.ones(loss.shape, loss.dtype) if gradient is None else gradient)


@contextmanager
def tracing() -> Iterator[Trace]:
    """Within the block every operation, backward and update of the engine is recorded; the block's value is the trace.

    Other threads are not recorded, nor is what runs on a backend that `nt.use` picks within the block.

    with nt.tracing() as t:
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    """
    with _recording({}) as recorder:
        yield recorder.trace


@contextmanager
def _recording(names: dict[int, str]) -> Iterator[Recorder]:
    recorder = Recorder(current(), names)
    try:
        with installed(recorder):
            yield recorder
            if current() is not recorder:
                raise RuntimeError("tracing: nt.use() within the block ends the recording; pick the backend before it")
    finally:  # also of a run that raised: its steps up to there
        found = recorder.finished()
        files = {step.site.file for step in found.steps if step.site}
        found.sources.update({file: [line.rstrip("\n") for line in linecache.getlines(file)] for file in sorted(files)})


def _as_input(x: Any) -> Any:
    if isinstance(x, Tensor) or not isinstance(x, float | list | np.ndarray | np.floating):
        return x
    try:
        array = np.array(x)
    except ValueError:
        raise ValueError(
            "trace: expected an evenly nested list of numbers as an input, got rows of unequal length"
        ) from None
    if array.dtype.kind not in "fiub":
        return x
    return Tensor(array, requires_grad=array.dtype.kind == "f")


def _argument_names(f: Any, count: int) -> list[str]:
    """The names of f's first parameters; x0, x1, … where it takes any number."""
    try:
        parameters = list(inspect.signature(getattr(f, "forward", f)).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][:count]
    return names + [f"x{i}" for i in range(len(names), count)]
