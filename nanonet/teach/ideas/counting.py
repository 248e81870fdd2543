"""Multiplications, counted while they are made: arrays that count, and a backend that computes with them."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.backends.base import Backend, current


class Counted(np.ndarray):
    """An array that counts the multiplications and divisions that it takes part in; a matrix product's too."""

    counter: Counter

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = [np.asarray(x) if isinstance(x, Counted) else x for x in inputs]
        result = getattr(ufunc, method)(*plain, **kwargs)
        if ufunc is np.matmul:
            self.counter.multiplications += int(np.size(result)) * plain[0].shape[-1]
        elif ufunc in (np.multiply, np.divide, np.square):
            self.counter.multiplications += int(np.size(result))
        return self.counter.lift(result)

    def __array_finalize__(self, source: Any) -> None:
        if isinstance(source, Counted):
            self.counter = source.counter


class Counter:
    """How many multiplications were made with its arrays."""

    def __init__(self) -> None:
        self.multiplications = 0

    def lift(self, x: Any) -> Any:
        """x as an array that counts; tuples of arrays too."""
        if isinstance(x, tuple | list):
            return type(x)(self.lift(one) for one in x)
        if not isinstance(x, np.ndarray | np.floating):
            return x
        counted = np.asarray(x).view(Counted)
        counted.counter = self
        return counted


def lower(x: Any) -> Any:
    """Counted arrays as plain ones again."""
    if isinstance(x, tuple | list):
        return type(x)(lower(one) for one in x)
    return np.asarray(x) if isinstance(x, Counted) else x


class CountingBackend(Backend):
    """Runs the textbook rules of the present backend on arrays that count."""

    def __init__(self) -> None:
        inner = current()
        super().__init__(inner.name, inner.xp, inner.array_type)
        self.counter = Counter()

    def run(self, rule: Any, *args: Any, **attrs: Any) -> Any:
        return lower(super().run(rule, *self.counter.lift(args), **attrs))
