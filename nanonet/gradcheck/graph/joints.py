"""What joins the operations of a graph: values that left it and came back as constants.

Such a constant changes when the inputs do. So the function is run at the inputs and close to them, and every operand
that wants no gradient is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from nanonet.gradcheck.graph.sites import Sites, watched
from nanonet.tape import Entry, recorded
from nanonet.tensor import Tensor
from nanonet.variable import Variable

JOINED = "each operation's backward is right: the mistake is in what joins them"
HOW = "look for detach(), .numpy(), .item(), float() or no_grad()"
NEAR = 1e-3
Again = Callable[[], Sequence[Tensor]]


def leaks(again: Again, inputs: Sequence[Tensor]) -> list[str]:
    """Sentences about values that depend on `inputs` but are constants to the tape, and about hooks."""
    with watched() as here:
        outputs = list(again())
    with _moved(inputs):
        others = list(again())
    first, second = recorded(outputs), recorded(others)
    if [entry.op for entry in first] != [entry.op for entry in second]:
        return []
    found = [
        f"a hook changes the gradient of what {_called(here, entry, outputs)} gives" for entry in first if entry.hooks
    ]
    for one, other in zip(first, second, strict=True):
        for i, (a, b) in enumerate(zip(one.inputs, other.inputs, strict=True)):
            if not one.needs[i] and _differ(a, b):
                found.append(f"{_origin(here, a, inputs)} left the graph before {_called(here, one, outputs)}; {HOW}")
        for name, value in one.attrs.items():
            if _differ(value, other.attrs.get(name)):
                called = _called(here, one, outputs)
                found.append(
                    f"{name}={value!r} of {called} depends on the inputs, but is a constant to the tape; {HOW}"
                )
    for i, (a, b) in enumerate(zip(outputs, others, strict=True)):
        if a.entry is None and all(a is not x for x in inputs) and _differ(a, b):
            found.append(f"output {i} left the graph: it is {_origin(here, a, inputs)}; {HOW}")
    return found


@contextmanager
def _moved(inputs: Sequence[Tensor]) -> Iterator[None]:
    """Within the block the inputs are a little away from where they are."""
    rng = np.random.default_rng(0)
    before = [x.array for x in inputs]
    try:
        for x in inputs:
            x.array = x.array + NEAR * rng.uniform(0.5, 1.0, x.shape) * np.maximum(1e-3, np.abs(x.array))
        yield
    finally:
        for x, array in zip(inputs, before, strict=True):
            x.array = array


def _differ(a: Any, b: Any) -> bool:
    """Are these floats, or arrays of them, of other values? Whole numbers (indices, masks) may differ rightly."""
    a, b = (x.array if isinstance(x, Variable) else x for x in (a, b))
    if not all(
        isinstance(x, float | np.floating) or (isinstance(x, np.ndarray) and x.dtype.kind == "f") for x in (a, b)
    ):
        return False
    return np.shape(a) == np.shape(b) and not np.array_equal(a, b, equal_nan=True)


def _origin(sites: Sites, value: Any, inputs: Sequence[Tensor]) -> str:
    """Where a constant came from, in words."""
    array = np.asarray(value.array if isinstance(value, Variable) else value)
    for i, x in enumerate(inputs):
        if x.shape == array.shape and np.array_equal(x.array, array):
            return f"input {i}"
    site = sites.giving(array)
    if site is not None:
        return f"the output of {site.op} at {site.file}:{site.line}"
    return "a number or NumPy array that was computed from the inputs"


def _called(sites: Sites, entry: Entry, outputs: Sequence[Tensor]) -> str:
    file, line = sites.of_entry(entry, outputs)
    return f"{entry.op.name} at {file}:{line}" if file else entry.op.name
