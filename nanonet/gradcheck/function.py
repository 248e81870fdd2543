"""A function of Tensors (or a module, with its parameters) as the subject of a check."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nanonet.generator import get_state, set_state
from nanonet.gradcheck.subject import Arrays, MisbehaviourError, Recording, Subject
from nanonet.tensor import Tensor, as_tensor
from nanonet.transforms import vjp_of
from nanonet.variable import enable_grad, no_grad


class TensorFunction(Subject):
    """f(*inputs): every floating input is differentiated, and every parameter if f is a module."""

    what = "gradcheck"

    def __init__(self, f: Callable[..., Any], inputs: Any, name: str) -> None:
        args = _arguments(inputs)
        self.args = args
        self.floats = [i for i, x in enumerate(args) if isinstance(x, Tensor) and x.dtype.kind == "f"]
        self.f, self.parameters = _with_parameters(f)
        sources = [args[i].array for i in self.floats] + [p.array for p in self.parameters]
        self.given = [x.dtype for x in sources]
        self.inputs = [x.astype(np.float64) for x in sources]
        self.places = self.floats + [len(args) + k for k in range(len(self.parameters))]
        if self.parameters:
            names = ", ".join(
                f"{i} {name}" for i, name in zip(self.places[len(self.floats) :], _names(self.f), strict=True)
            )
            self.hint = f"the parameters are inputs {names}"
        self.name = name
        self.drawn = get_state()
        if not self.inputs:
            raise ValueError("gradcheck: no floating input to check; pass float64 arrays or Tensors")

    def call(self, inputs: Arrays, differentiable: bool) -> tuple[list[Tensor], list[Tensor]]:
        """(Tensors of the inputs, floating outputs)."""
        leaves = [Tensor.wrap(x) for x in inputs[: len(self.floats)]]
        for p, x in zip(self.parameters, inputs[len(self.floats) :], strict=True):
            p.array = x
        if differentiable:
            for leaf in leaves:
                leaf.requires_grad_()
        leaves += self.parameters
        return leaves, self._outputs_at(leaves)

    def _outputs_at(self, leaves: Sequence[Tensor]) -> list[Tensor]:
        set_state(self.drawn)
        args = list(self.args)
        for i, leaf in zip(self.floats, leaves, strict=False):
            args[i] = leaf
        return _floating(self.f(*args))

    def record(self, inputs: Arrays) -> Recording:
        with enable_grad():
            leaves, outputs = self.call(inputs, differentiable=True)

        def pull(dys: Arrays) -> list[np.ndarray]:
            if not any(y.requires_grad for y in outputs):
                return [np.zeros(x.shape) for x in inputs]
            with np.errstate(all="ignore"):
                found = vjp_of(outputs, leaves, [Tensor.wrap(dy) for dy in dys])
            return [np.array(dx.array) for dx in found]

        return Recording(tuple(y.array for y in outputs), pull)

    def values(self, inputs: Arrays) -> list[np.ndarray]:
        try:
            with no_grad():
                return [y.array for y in self.call(inputs, differentiable=False)[1]]
        finally:  # a recording that is walked later looks at their dtypes
            for p, x in zip(self.parameters, self.inputs[len(self.floats) :], strict=True):
                p.array = x

    def further_conduct(self, dys: Arrays, gradients: Arrays) -> list[str]:
        """backward() adds to a `.grad` that is there already."""
        with enable_grad():
            leaves, outputs = self.call(self.copies(), differentiable=True)
        if not any(y.requires_grad for y in outputs):
            return []
        before = [np.full(x.shape, 0.75) for x in self.inputs]
        for x, start in zip(leaves, before, strict=True):
            x.grad = start
        with np.errstate(all="ignore"):
            for y, dy in zip(outputs, dys, strict=True):
                if y.requires_grad:
                    y.backward(dy, retain_graph=True)
        for k, (x, start, dx) in enumerate(zip(leaves, before, gradients, strict=True)):
            got = np.zeros(x.shape) if x.grad is None else x.grad.array - start
            x.grad = None
            if not np.allclose(got, dx, 1e-9, 1e-12 * max(1.0, float(np.max(np.abs(dx), initial=0.0))), equal_nan=True):
                sentence = "backward() does not add its gradient to the .grad that was there before"
                raise MisbehaviourError("overwritten", sentence, "accumulate: x.grad = x.grad + dx", k)
        return [".grad filled before"]

    def guilty(self, dys: Arrays) -> str:
        """The operation of the graph whose backward is wrong, and the line that called it."""
        from nanonet.gradcheck.graph.localise import place_in_words  # after a failure only

        with enable_grad():
            leaves = self.call(self.copies(), differentiable=True)[0]

            def again() -> list[Tensor]:
                with enable_grad():
                    return self._outputs_at(leaves)

            return place_in_words(again, leaves, dys)


def _arguments(inputs: Any) -> list[Any]:
    if isinstance(inputs, str | bytes | dict):
        got = type(inputs).__name__
        raise TypeError(f"gradcheck: expected inputs to be a list of Tensors, arrays or numbers, got {got}")
    given: Sequence[Any] = [inputs] if isinstance(inputs, Tensor | np.ndarray | float) else inputs
    tensors = [as_tensor(np.asarray(x), device="cpu") if isinstance(x, np.ndarray | float) else x for x in given]
    for i, x in enumerate(tensors):
        _refuse_device(f"input {i}", x)
    return [x.detach() if isinstance(x, Tensor) else x for x in tensors]


def _refuse_device(what: str, x: Any) -> None:
    if isinstance(x, Tensor) and x.device != "cpu":
        remedy = (
            "check a copy there, .cpu(); `nanonet check NAME --backend cuda` holds the device's kernels to the rules"
        )
        raise ValueError(f"gradcheck: {what} is on {x.device}, reference derivatives need main memory; {remedy}")


def _with_parameters(f: Any) -> tuple[Callable[..., Any], list[Tensor]]:
    """A module's copy with float64 parameters, and these; any other function as it is."""
    if not hasattr(f, "parameters") or not hasattr(f, "state_dict"):
        return f, []
    module = copy.deepcopy(f)
    parameters = [p for p in module.parameters() if p.dtype.kind == "f" and p.requires_grad]
    for p in parameters:
        _refuse_device("the module", p)
        p.array = p.array.astype(np.float64)
    for buffer in getattr(module, "buffers", list)():
        if buffer is not None and buffer.dtype.kind == "f":
            buffer.array = buffer.array.astype(np.float64)
    return module, parameters


def _names(module: Any) -> list[str]:
    return [name for name, p in module.named_parameters() if p.dtype.kind == "f" and p.requires_grad]


def _floating(outputs: Any) -> list[Tensor]:
    found = outputs if isinstance(outputs, tuple | list) else [outputs]
    for y in found:
        if not isinstance(y, Tensor):
            raise TypeError(f"gradcheck: the function must return Tensors, got {type(y).__name__}")
    return [y for y in found if y.dtype.kind in "fc"]
