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
            y = result[0] if isinstance(result[0], tuple) else (result[0],)
            formulas = op.formulas()
            outputs = [("y" if len(y) == 1 else f"y{i}", one) for i, one in enumerate(y)]
            self._keep("forward", op.name, f"y = {formulas.get('y', op.name)}", [*zip(_names(op, args), args), *outputs])
        elif op is not None and rule is op.backward:
            names = [f"d{name}" for name in _names(op, result)]
            formulas = op.formulas()
            text = "; ".join(
                f"{name} = {formulas[name]}" for name, dx in zip(names, result) if name in formulas and dx is not None
            )
            self._keep("backward", op.name, text, [("dy", args[1]), *zip(names, result)])
        elif rule is accumulate:
            self._keep("backward", "accumulate", "one more use: d += term", [("d", args[0]), ("term", args[1]), ("d", result)])
        elif rule is unbroadcast:
            self._keep("backward", "unbroadcast", "sum over the copies", [("d", args[0]), ("d", result)])
        return result

    def _keep(self, phase: str, op: str, formula: str, values: list[tuple[str, Any]]) -> None:
        arrays = [(name, np.array(value)) for name, value in values if isinstance(value, np.ndarray | np.generic | float)]
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


def _names(op: Any, inputs: Any) -> list[str]:
    names = op.input_names()
    return names if len(names) == len(inputs) else [f"x{i}" for i in range(len(inputs))]


def numbers(array: np.ndarray, digits: int = 4, most: int = 12) -> str:
    """An array in a few characters: all of a small one, shape and range of a large one."""
    if array.size > most:
        return f"{'×'.join(map(str, array.shape))} in [{array.min():.{digits}g}, {array.max():.{digits}g}]"
    return np.array2string(array, precision=digits, suppress_small=True, separator=", ").replace("\n", "")
