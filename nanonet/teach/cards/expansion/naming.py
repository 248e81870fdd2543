"""Names for what a rule computes on the way: those of its own local variables, read while it runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from nanonet.teach.cards.expansion.lazy import Lazy

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def subscript(n: int) -> str:
    return str(n).translate(SUBSCRIPTS)


@contextmanager
def named_by_variables() -> Iterator[None]:
    """Within the block every symbolic array is called as the variable that holds it when a function returns.

    `xhat *= r` makes a new array and binds the variable to it, so a name always means the variable's last value.
    """
    before = sys.getprofile()

    def watch(frame: FrameType, event: str, _: Any) -> None:
        if event != "return" or frame.f_globals.get("__package__") == __package__:
            return
        for name, value in frame.f_locals.items():
            if isinstance(value, Lazy) and not value.given and not name.startswith("_"):
                value.name = name

    sys.setprofile(watch)
    try:
        yield
    finally:
        sys.setprofile(before)


def distinct_names(shown: Sequence[Lazy]) -> dict[int, str]:
    """A name for each array (by its serial): an input keeps its own, others of the same name are numbered: h₁, h₂."""
    names: dict[int, str] = {}
    groups: dict[str, list[Lazy]] = {}
    for x in {x.serial: x for x in shown}.values():
        if x.given:
            names[x.serial] = x.name
        else:
            groups.setdefault(x.name, []).append(x)
    taken = set(names.values())
    for name, group in groups.items():
        alone = len(group) == 1 and name not in taken
        for n, x in enumerate(sorted(group, key=lambda x: x.serial), 1):
            names[x.serial] = name if alone else name + subscript(n)
    return names
