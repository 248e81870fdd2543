"""What the tape knows of a tensor, and whether it records."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nanonet.tape import Entry


class Mode(threading.local):
    """Per thread: does the tape record?"""

    recording = True


mode = Mode()


@contextmanager
def no_grad() -> Iterator[None]:
    """Within the block nothing is recorded, and results do not require gradients. Also a decorator."""
    before, mode.recording = mode.recording, False
    try:
        yield
    finally:
        mode.recording = before


@contextmanager
def enable_grad() -> Iterator[None]:
    """Within the block operations are recorded, also inside `no_grad()`. Also a decorator."""
    before, mode.recording = mode.recording, True
    try:
        yield
    finally:
        mode.recording = before


class Variable:
    """What the tape knows of a tensor; the class `Tensor` adds all that people use."""

    array: Any
    requires_grad: bool = False
    entry: Entry | None = None  # the entry that made it; None for a leaf, which the user made
    index: int = 0  # which of the entry's outputs it is
    version: int = 0  # raised by every change in place
    checksum: int | None = None  # of the array, once it was handed out: see `expose`
    base: Variable | None = None  # the variable whose memory it shares, after detach()
    hooks: list[Callable[[Any], Any]] | None = None  # of a leaf; those of other tensors are kept by their entry

    def expose(self) -> Any:
        """The array itself, to someone who may write into it.

        NumPy cannot tell us of such a write, so from now on the version counter compares checksums. Tensors that
        share this memory are watched as well. Tensors whose array was never handed out cost nothing.
        """
        if self.checksum is None:
            self.checksum = self._checksum()
            shared = [self.base] if self.base is not None else []
            if self.entry is not None and self.array.base is not None:
                shared += [
                    x for x in self.entry.inputs if isinstance(x, Variable) and _same_memory(x.array, self.array)
                ]
            for x in shared:
                x.expose()
        return self.array

    def current_version(self) -> int:
        """`version`, after looking for writes that went past the engine."""
        if self.checksum is not None:
            found = self._checksum()
            if found != self.checksum:
                self.checksum = found
                self.version += 1
        return self.version

    def _checksum(self) -> int:
        return hash(self.array.tobytes())


def total_version(inputs: tuple[Any, ...]) -> int:
    """The sum of the inputs' versions. Each only grows, so the sum changes when one of them does."""
    version = 0
    for x in inputs:
        if isinstance(x, Variable):
            version += x.version if x.checksum is None else x.current_version()
    return version


def _same_memory(a: Any, b: Any) -> bool:
    return b.base is a or (a.base is not None and a.base is b.base)
