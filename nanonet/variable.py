"""What the tape knows of a tensor: its place in the graph, and who has changed its memory."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from nanonet.mode import Mode, enable_grad, mode, no_grad

if TYPE_CHECKING:
    from nanonet.tape import Entry

__all__ = ["Memory", "Mode", "Variable", "enable_grad", "mode", "no_grad", "total_version"]


class Lease:
    """Lives as long as anybody holds an array that was handed out, or a view of it: NumPy keeps it as their base."""

    __slots__ = ("__array_interface__", "__weakref__", "array")

    def __init__(self, array: Any) -> None:
        self.array = array
        self.__array_interface__ = array.__array_interface__


class Memory:
    """Counts the writes into an array that several variables share, or that was handed out to someone."""

    __slots__ = ("array", "checksum", "leases", "writes")

    def __init__(self, array: Any) -> None:
        self.array = array
        self.writes = 0
        self.checksum: int | None = None  # of the array, while somebody else holds it
        self.leases: list[weakref.ref[Lease]] = []

    def hand_out(self, array: Any) -> Any:
        """`array` (this one, or a view of it) for somebody who may write into it."""
        if self.checksum is None:
            self.checksum = self.look()
        lease = Lease(array)
        self.leases.append(weakref.ref(lease))
        return np.asarray(lease)

    def count(self) -> int:
        """The writes, after looking for those that went past the engine: NumPy cannot tell us, a checksum can."""
        if self.checksum is not None:
            found = self.look()
            if found != self.checksum:
                self.checksum = found
                self.writes += 1
            self.leases = [lease for lease in self.leases if lease() is not None]
            if not self.leases:  # nobody holds it any more: that was the last look
                self.checksum = None
        return self.writes

    def look(self) -> int:
        return hash(self.array.tobytes())


class Variable:
    """What the tape knows of a tensor; the class `Tensor` adds all that people use."""

    array: Any
    wants_grad: bool = False  # people see it as `requires_grad`
    entry: Entry | None = None  # the entry that made it; None for a leaf, which the user made
    index: int = 0  # which of the entry's outputs it is
    version: int = 0  # raised by every change in place that the engine makes itself
    memory: Memory | None = None  # once it is shared or was handed out; most tensors never need one
    handed: weakref.ref[Any] | None = None  # what `expose` gave last, as long as somebody holds it
    hooks: list[Callable[[Any], Any]] | None = None  # of a leaf; those of other tensors are kept by their entry

    def expose(self) -> Any:
        """The array, to someone who may write into it. As long as they hold it, its checksum is compared.

        Not so on a GPU, where comparing would mean to wait for the device: changes there are not noticed.
        """
        if not isinstance(self.array, np.ndarray):
            return self.array
        given = None if self.handed is None else self.handed()
        if given is None:
            given = self.shared().hand_out(self.array)
            self.handed = weakref.ref(given)
        return given

    def shared(self) -> Memory:
        """The count of writes that this variable and all that share its memory have in common."""
        root, views = self, []
        while root.memory is None:
            viewed = root._viewed()
            if viewed is None:
                root.memory = Memory(root.array)
                break
            views.append(root)
            root = viewed
        for view in views:
            view.memory = root.memory
            view.version -= root.memory.writes  # those that came before are no change of this one
        return root.memory

    def _viewed(self) -> Variable | None:
        """The input whose memory this is a view of, where the tape still knows."""
        return None if self.entry is None else _owner(self.array, self.entry.inputs)

    def is_view_of_one(self, inputs: tuple[Any, ...]) -> None:
        """Share the count of writes with the input that this unrecorded result is a view of, if it is."""
        owner = _owner(self.array, inputs)
        if owner is not None:
            self.memory = owner.shared()

    def written(self) -> None:
        """Count a change in place that the engine made."""
        self.version += 1
        if self.memory is not None:
            self.memory.writes += 1

    def replace(self, array: Any) -> None:
        """Another array in the place of this one, which stays what it was for those who share it."""
        self.version = self.current_version() + 1
        self.array, self.memory, self.handed = array, None, None

    def current_version(self) -> int:
        """Differs from what it was before if the array was changed in place since."""
        return self.version if self.memory is None else self.version + self.memory.count()


def total_version(inputs: tuple[Any, ...]) -> int:
    """The sum of the inputs' versions. Each only grows, so the sum changes when one of them does."""
    version = 0
    for x in inputs:
        if isinstance(x, Variable):
            version += x.version if x.memory is None else x.current_version()
    return version


def _owner(array: Any, inputs: tuple[Any, ...]) -> Variable | None:
    """The variable among `inputs` that `array` shares memory with."""
    if array.base is None:
        return None
    for x in inputs:
        if isinstance(x, Variable) and (array.base is x.array or array.base is x.array.base):
            return x
    return None
