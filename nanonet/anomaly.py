"""Where did the first NaN or Inf come from? A backend that looks at everything that passes the doorway."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nanonet.backends.base import HOMES, Backend, current, installed
from nanonet.device import on_host

_HERE = str(Path(__file__).parent)


class AnomalyError(FloatingPointError):
    """A NaN or Inf appeared; the message names the op, the file and the line that called it."""


class _Saved(tuple[Any, ...]):
    """What a forward saved, and where it was called: the backward of a loss is called far from it."""

    where: str


class _Watch(Backend):
    def __init__(self, inner: Backend) -> None:
        super().__init__(inner.name, inner.xp, inner.array_type)
        self.inner = inner

    def run(self, rule: Callable[..., Any], *args: Any, **attrs: Any) -> Any:
        with np.errstate(all="ignore"):  # the error below says more than NumPy's warning
            result = self.inner.run(rule, *args, **attrs)
        op = getattr(rule, "op", None)
        if op is None:
            self._look(rule.__name__, "computing", _caller(), args, result)
        elif rule is op.forward:
            y, saved = result
            located = _Saved(saved)
            located.where = _caller()
            self._look(op.name, "the forward of", located.where, args, y)
            return y, located
        else:
            where = getattr(args[0], "where", "a line before detect_anomaly() was entered")
            self._look(op.name, "the backward of", where, args[1:], result)
        return result

    def _look(self, name: str, phase: str, where: str, inputs: Any, outputs: Any) -> None:
        bad = _first_bad(outputs)
        if bad:
            already = _first_bad(inputs)
            came = f"one of its inputs already held {already}" if already else "all its inputs were finite"
            raise AnomalyError(f"{phase} {name} gave {bad}; {came}; {name} was called at {where}")


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Within the block the first NaN or Inf, forward or backward, raises AnomalyError.

    The message names the op and the file and line that called it, also for a backward. Every result is looked at,
    which takes time: use it to find a fault, not to train. A deliberate Inf (a mask of -inf) is reported too.
    A backend that `nt.use` picks within the block is not watched: pick it before.
    """
    with installed(_Watch(current())):
        yield


def _first_bad(values: Any) -> str:
    """'NaN' or 'Inf', if some float among (nested) values is, with how many; else ''."""
    if isinstance(values, tuple | list):
        return next((bad for bad in map(_first_bad, values) if bad), "")
    array = getattr(values, "array", values)
    if not isinstance(array, (np.floating, *HOMES)) or array.dtype.kind != "f":
        return ""
    xp = HOMES[type(array)].xp if type(array) in HOMES else np
    count = int(on_host(xp.sum(xp.logical_not(xp.isfinite(array)))))
    if not count:
        return ""
    kind = "NaN" if on_host(xp.any(xp.isnan(array))) else "Inf"
    return f"{kind} in {count} of {array.size} elements"


def _caller() -> str:
    """file:line of the innermost frame outside this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
