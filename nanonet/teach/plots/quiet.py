"""Evaluate a model elsewhere and leave no trace: weights, statistics, modes and random numbers are as before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from nanonet import random
from nanonet.nn import Module
from nanonet.tensor import Tensor
from nanonet.variable import no_grad


def tensors_of(parameters: Module | Iterable[Tensor]) -> list[Tensor]:
    """A model's parameters, or the Tensors themselves. Raises TypeError for anything else."""
    found: list[Tensor] = [*(parameters.parameters() if isinstance(parameters, Module) else parameters)]
    wrong = [type(p).__name__ for p in found if not isinstance(p, Tensor)]
    if wrong:
        raise TypeError(f"parameters: expected a Module or a list of Tensors, got a {wrong[0]} among them")
    if not found:
        raise ValueError("parameters: expected a Module or a list of Tensors, got none")
    return found


@contextmanager
def undisturbed(tensors: Sequence[Tensor] = (), model: Module | None = None) -> Iterator[None]:
    """Within the block nothing is recorded, and `tensors` and the model's tensors may hold other arrays.

    Afterwards they hold their own arrays again, the very objects: also one between a forward and its backward.
    """
    modules = list(model.modules()) if model is not None else []
    own = [t for module in modules for t in (*module._parameters.values(), *module._buffers.values()) if t is not None]
    everything = {id(t): t for t in (*tensors, *own)}.values()
    states: list[tuple[Tensor, dict[str, Any]]] = [(t, dict(vars(t))) for t in everything]
    kept = [(module, module.training, dict(module._buffers)) for module in modules]
    where = random.get_state()
    try:
        for t in everything:
            t.array, t.memory, t.handed = t.array.copy(), None, None
        with no_grad():
            yield
    finally:
        for t, state in states:
            vars(t).clear()
            vars(t).update(state)
        for module, training, buffers in kept:
            module.training = training
            module._buffers.clear()
            module._buffers.update(buffers)
        random.set_state(where)
