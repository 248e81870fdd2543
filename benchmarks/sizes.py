"""The sizes at which workloads are measured, where nobody says otherwise."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from nanonet_benchmarks import workloads as catalogue
from nanonet_benchmarks.workloads import Workload

Size = dict[str, Any]


def _cube(n: int) -> Size:
    return {"m": n, "n": n, "k": n}


def _rows(n: int) -> Size:
    return {"rows": n, "columns": 1024}


# {workload: (sizes of the usual picture, further sizes of --full)}. A workload that is not here has `ORDINARY` sizes.
USUAL: dict[str, tuple[list[Size], list[Size]]] = {
    "matmul": ([_cube(n) for n in (32, 128, 512, 1024)], [_cube(n) for n in (64, 256, 2048)]),
    **dict.fromkeys(("softmax", "layer_norm", "cross_entropy"), ([_rows(1024)], [_rows(4096), _rows(16384)])),
    "gelu": ([{"n": n} for n in (2**14, 2**20, 2**22)], [{"n": n} for n in (2**17, 2**24)]),
}
# The usual picture, the most telling first: where the time is short, the last ones are left out.
PICTURE: list[tuple[str, Size]] = [
    ("matmul", _cube(512)),
    ("gelu", {"n": 2**20}),
    ("softmax", _rows(1024)),
    ("layer_norm", _rows(1024)),
    ("cross_entropy", _rows(1024)),
    ("training step", {"batch": 32}),
    ("matmul", _cube(128)),
    ("gelu", {"n": 2**14}),
    ("matmul", _cube(32)),
    ("relu", {"n": 2**20}),
    ("adam", {"n": 2**20}),
    ("matmul", _cube(1024)),
    ("gelu", {"n": 2**22}),
]
ORDINARY = {"n": 2**20, "rows": 4096, "columns": 1024, "batch": 32}


def workloads(names: Sequence[str], numbers: Sequence[int], full: bool) -> list[Workload]:
    """The workloads of these names at `numbers` (none: at the usual sizes). No names: the usual picture; full: all.

    ValueError in one line for a name or a size that there is not.
    """
    known = catalogue.names()
    for name in names:
        if name not in known and ":" not in name:
            raise ValueError(f"bench: no workload {name!r}; there are {', '.join(known)}")
    if not names and not numbers and not full:
        return [catalogue.find(name, **size) for name, size in PICTURE]
    chosen = list(names) or known
    return [catalogue.find(name, **size) for name in chosen for size in sizes(name, numbers, full)]


def sizes(name: str, numbers: Sequence[int], full: bool) -> list[Size]:
    """The sizes of one workload."""
    if numbers:
        return [asked(name, numbers)]
    usual, further = USUAL.get(name, ([], []))
    return [*usual, *(further if full else [])] or [{one: ORDINARY.get(one, 1024) for one in parameters(name)}]


def asked(name: str, numbers: Sequence[int]) -> Size:
    """--size 512 or --size 512x1024x256 as the workload's own numbers; one number stands for all of a product."""
    wanted = parameters(name)
    if len(numbers) == 1 and set(wanted) == {"m", "n", "k"}:
        return _cube(numbers[0])
    if len(numbers) != len(wanted):
        expected = "x".join(wanted) or "nothing"
        raise ValueError(f"--size for {name}: expected {expected}, got {'x'.join(map(str, numbers))}")
    return dict(zip(wanted, numbers, strict=True))


def parameters(name: str) -> list[str]:
    """The names of the numbers that a workload's size has."""
    signature = inspect.signature(catalogue.builder(name))
    return [one.name for one in signature.parameters.values() if one.default is one.empty]


def parse(text: str) -> tuple[int, ...]:
    """ "512x1024x256" or "512,1024,256" or "1M": positive whole numbers; k is 2¹⁰ and M is 2²⁰."""
    scale = {"k": 2**10, "m": 2**20}
    found = []
    for part in text.lower().replace("×", "x").replace(",", "x").split("x"):
        digits, unit = (part[:-1], scale[part[-1]]) if part[-1:] in scale else (part, 1)
        if not digits.strip().isdigit() or int(digits) == 0:
            raise ValueError(f"--size: expected numbers above 0 such as 512, 512x1024x256 or 1M, got {text!r}")
        found.append(int(digits) * unit)
    return tuple(found)
