"""Who called which operation, and what came out: a backend that watches the doorway."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from nanonet.backends.base import Backend, current, installed
from nanonet.tape import Entry, apply, recorded
from nanonet.variable import Variable

_HERE = str(Path(__file__).parents[2])  # the package nanonet


@dataclass(frozen=True)
class Site:
    """One call of an operation's forward."""

    op: str
    file: str
    line: int
    outputs: tuple[np.ndarray, ...]  # held, so that no other array gets their address


class Sites(Backend):
    """Computes as `inner` does, and keeps every call of a forward in order."""

    def __init__(self, inner: Backend) -> None:
        super().__init__(inner.name, inner.xp, inner.array_type)
        self.inner = inner
        self.calls: list[Site] = []

    def run(self, rule: Callable[..., Any], *args: Any, **attrs: Any) -> Any:
        result = self.inner.run(rule, *args, **attrs)
        if sys._getframe(1).f_code is not apply.__code__:  # a backward, or an update of something
            return result
        y, saved = result
        several = isinstance(y, tuple)
        ys = tuple(np.asarray(one) for one in (cast(tuple[Any, ...], y) if several else (y,)))  # 0-d arrays, no scalars
        name = getattr(getattr(rule, "op", None), "name", rule.__name__)
        self.calls.append(Site(name, *_caller(), ys))
        return (ys if several else ys[0]), saved

    def of_entry(self, entry: Entry, outputs: Sequence[Variable]) -> tuple[str, int]:
        """The file and line that called an entry on which `outputs` depend; ("", 0) where they are not known."""
        used = [*outputs, *(x for later in recorded(outputs) for x in later.inputs if isinstance(x, Variable))]
        arrays = {id(x.array) for x in used if x.entry is entry}
        for site in self.calls:
            if any(id(y) in arrays for y in site.outputs):
                return site.file, site.line
        return "", 0

    def giving(self, value: np.ndarray) -> Site | None:
        """The last call that gave an array of these values."""
        for site in reversed(self.calls):
            if any(y.shape == value.shape and np.array_equal(y, value) for y in site.outputs):
                return site
        return None


@contextmanager
def watched() -> Iterator[Sites]:
    """Within the block the present backend's calls are kept."""
    sites = Sites(current())
    with installed(sites):
        yield sites


def _caller() -> tuple[str, int]:
    """The innermost frame outside this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno
