"""What is measured: a workload, the variants that compute it, and one variant made ready to be called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


@dataclass
class Prepared:
    """One variant, ready to be called again and again.

    call      computes the outputs from the inputs that were loaded last
    inputs    the arrays that `call` reads; `load` overwrites them in place, so the next call sees other numbers
    outputs   the buffers that `call` writes, made once; an array that is also an input is updated in place
    fetch     for a library that returns new arrays instead: what the last call returned
    send      for a library that cannot share NumPy's memory: takes the inputs there
    phases    parts of the call in their order, where a workload has them: `call` runs them one after another
    """

    call: Callable[[], Any]
    inputs: Arrays
    outputs: Arrays = field(default_factory=dict)
    fetch: Callable[[], Mapping[str, Any]] | None = None
    send: Callable[[Arrays], None] | None = None
    phases: dict[str, Callable[[], Any]] = field(default_factory=dict)

    def load(self, inputs: Arrays) -> None:
        """Take other inputs, in the same memory."""
        for name, array in inputs.items():
            self.inputs[name][...] = array
        if self.send is not None:
            self.send(self.inputs)

    def poison(self) -> None:
        """Fill with NaN every buffer that is written and not read: what a call leaves out, a check then sees."""
        read = [id(array) for array in self.inputs.values()]
        for array in self.outputs.values():
            if id(array) not in read:
                array.fill(np.nan)

    def results(self) -> Mapping[str, Any]:
        """What the last call computed: views of the buffers, or what it returned."""
        return self.outputs if self.fetch is None else self.fetch()


@dataclass(frozen=True)
class Variant:
    """One way to compute a workload.

    name        as it stands in the table: "numba: packed panels", "numpy", "torch"
    library     variants of one library share a worker process: "numpy", "numba", "torch", "jax", "numexpr", "cuda"
    prepare     prepare(inputs) -> Prepared. Compiles, allocates, and keeps `inputs` as its own
    available   "" if it can run here at this size, else the reason why not
    most_threads  how many threads it can use; None: as many as it is given
    device      "cpu" or "cuda"
    """

    name: str
    library: str
    prepare: Callable[[Arrays], Prepared]
    available: Callable[[], str] = lambda: ""
    most_threads: int | None = None
    device: str = "cpu"


@dataclass(frozen=True)
class Workload:
    """What is computed, and how one knows that it was.

    name, size   as they stand in a row; `workloads.find(name, **size)` builds the same workload in another process
    draw         draw(rng) -> inputs
    oracle       oracle(inputs) -> the outputs in float64
    bound        bound(inputs, expected) -> for every output the error that is allowed, element by element or one number
    flops, bytes of one call: arithmetic operations, and bytes that have to move at least
    """

    name: str
    size: dict[str, Any]
    draw: Callable[[np.random.Generator], Arrays]
    oracle: Callable[[Arrays], Arrays]
    bound: Callable[[Arrays, Arrays], Mapping[str, Any]]
    variants: list[Variant]
    flops: float | None = None
    bytes: float | None = None
    phases: tuple[str, ...] = ()

    def inputs(self, seed: int) -> Arrays:
        """The inputs for a seed: the same in every process."""
        return self.draw(np.random.default_rng(seed))

    def variant(self, name: str) -> Variant:
        found = [v for v in self.variants if v.name == name]
        if not found:
            known = ", ".join(v.name for v in self.variants)
            raise ValueError(f"{self.name}: no variant {name!r}; there are {known}")
        return found[0]


_STEP, _PAGE = 320, 4096  # bytes; the step is some cache lines
_turn = count()


def empty(shape: tuple[int, ...], dtype: Any = np.float32) -> np.ndarray:
    """An array whose memory lies well, in every process alike.

    It begins on a cache line, so that no vector load crosses into the next one, and each array begins elsewhere in its
    page than the one before: a load whose address agrees in its last 12 bits with that of a store before it waits for
    that store ("4K aliasing"; Intel's optimization manual, 15.8). With `np.empty` the same small kernel took 78 µs in
    one process and 150 µs in the next.
    """
    item = np.dtype(dtype)
    size = int(np.prod(shape)) * item.itemsize
    memory = np.empty(size + 2 * _PAGE, np.uint8)
    start = (-memory.ctypes.data) % _PAGE + next(_turn) * _STEP % _PAGE
    return memory[start : start + size].view(item).reshape(shape)


def placed(arrays: Arrays) -> Arrays:
    """Copies whose memory lies well."""
    found: Arrays = {}
    for name, array in arrays.items():
        found[name] = empty(array.shape, array.dtype)
        found[name][...] = array
    return found


_only: list[str] = []  # the library that this process is for, if it is for one


def only(library: str) -> None:
    """This process needs the variants of one library: builders may leave out others that are slow to import."""
    _only[:] = [library]


def needed(library: str) -> bool:
    """Are the variants of this library wanted in this process?"""
    return not _only or library in _only


def installed(module: str) -> Callable[[], str]:
    """available() for a variant that needs an optional library; does not import it."""

    def available() -> str:
        from importlib.util import find_spec

        return "" if find_spec(module) else f"{module} is not installed (pip install {module})"

    return available
