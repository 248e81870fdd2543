"""A program of the hunt on a terminal: everything the rules were given and gave, in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nanonet.backends.base import Backend, current, installed
from nanonet.op import Op
from nanonet.teach.exercises.hunt.bug import Bug


class Watching(Backend):
    """Computes as the backend before it, and keeps what the operations' rules got and gave."""

    def __init__(self, inner: Backend) -> None:
        super().__init__(inner.name, inner.xp, inner.array_type, inner.kernels)
        self.calls: list[tuple[type[Op], bool, tuple[Any, ...], Any]] = []

    def run(self, rule: Any, *args: Any, **attrs: Any) -> Any:
        found = super().run(rule, *args, **attrs)
        op = getattr(rule, "op", None)
        if op is not None:
            self.calls.append((op, rule is op.forward, args, found))
        return found


def listing(bug: Bug) -> str:
    """The forward and the backward of the program with its bug: operation, inputs, result, gradients."""
    with bug.planted(), installed(Watching(current())) as watching:
        bug.run().backward()
    return "\n".join(line for call in watching.calls for line in _lines(*call))


def _lines(op: type[Op], forward: bool, args: tuple[Any, ...], found: Any) -> Iterator[str]:
    if forward:
        yield f"{op.name}"
        values = [*zip(op.input_names(), args, strict=False), ("y", found[0])]
    else:
        yield f"{op.name}, backward"
        values = [("dy", args[1]), *((f"d{name}", dx) for name, dx in zip(op.input_names(), found, strict=False))]
    for name, value in values:
        if isinstance(value, np.ndarray):
            text = np.array2string(value, precision=6, suppress_small=True, threshold=100)
            yield f"    {name} = " + text.replace("\n", "\n" + " " * (7 + len(name)))


def open_in_debugger(bug: Bug) -> None:
    """Show the run of the program with its bug."""
    print(bug)
    print()
    print(listing(bug))
