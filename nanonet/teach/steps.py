"""The steps of a forward and a backward pass with their numbers, as they go through the doorway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanonet.backends.base import Backend, current, installed
from nanonet.tape import accumulate, unbroadcast


@dataclass(frozen=True)
class Step:
    """One computation: `phase` is "forward" or "backward", `values` (name, array) pairs in the order of reading."""

    phase: str
    op: str
    formula: str
    values: list[tuple[str, np.ndarray]]


class _Recorder(Backend):
    """Computes as the backend within, and keeps a copy of what went in and came out."""

    def __init__(self, inner: Backend) -> None:
        super().__init__(inner.name, inner.xp, inner.array_type)
        self.inner = inner
        self.steps: list[Step] = []

    def run(self, rule: Callable[..., Any], *args: Any, **attrs: Any) -> Any:
        result = self.inner.run(rule, *args, **attrs)
        op = getattr(rule, "op", None)
        if op is not None and rule is op.forward:
            outputs = result[0] if isinstance(result[0], tuple) else (result[0],)
            names = ["y"] if len(outputs) == 1 else [f"y{i}" for i in range(len(outputs))]
            formula = f"y = {op.formulas().get('y', op.name)}"
            self._keep("forward", op.name, formula, [*_named(op, args), *zip(names, outputs, strict=True)])
        elif op is not None and rule is op.backward:
            gradients = [(f"d{name}", dx) for name, dx in _named(op, result) if dx is not None]
            formulas = op.formulas()
            formula = "; ".join(f"{name} = {formulas[name]}" for name, _ in gradients if name in formulas)
            self._keep("backward", op.name, formula, [("dy", args[1]), *gradients])
        elif rule is accumulate:
            values = [("so far", args[0]), ("term", args[1]), ("sum", result)]
            self._keep("backward", "accumulate", "one more use of a tensor: one more term", values)
        elif rule is unbroadcast:
            self._keep("backward", "unbroadcast", "sum over the copies", [("d", args[0]), ("sum", result)])
        return result

    def _keep(self, phase: str, op: str, formula: str, values: list[tuple[str, Any]]) -> None:
        shown = (np.ndarray, np.generic, float)
        arrays = [(name, np.array(value)) for name, value in values if isinstance(value, shown)]
        self.steps.append(Step(phase, op, formula, arrays))


@contextmanager
def recorded_steps() -> Iterator[list[Step]]:
    """Within the block every computation of the engine is appended to the list.

    with recorded_steps() as steps:
        loss = F.mse_loss(model(x), y)
        loss.backward()
    """
    recorder = _Recorder(current())
    with installed(recorder):
        yield recorder.steps


def _named(op: Any, values: Any) -> list[tuple[str, Any]]:
    """The op's names for its inputs, beside them (or beside their gradients)."""
    names = op.input_names()
    if len(names) != len(values):
        names = [f"x{i}" for i in range(len(values))]
    return list(zip(names, values, strict=True))


def numbers(array: np.ndarray, digits: int = 4, most: int = 12) -> str:
    """An array in a few characters: all of a small one, shape and range of a large one."""
    if array.size > most:
        return f"{'×'.join(map(str, array.shape))} in [{array.min():.{digits}g}, {array.max():.{digits}g}]"
    return np.array2string(array, precision=digits, suppress_small=True, separator=", ").replace("\n", "")
