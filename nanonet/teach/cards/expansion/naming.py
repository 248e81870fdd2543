"""Names for what a rule computes on the way: those of its own local variables, read while it runs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from types import FrameType
from typing import Any

from nanonet.teach.cards.expansion.expression import Alias
from nanonet.teach.cards.expansion.lazy import Lazy

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def subscript(n: int) -> str:
    return str(n).translate(SUBSCRIPTS)


@contextmanager
def named_by_variables() -> Iterator[None]:
    """Within the block every symbolic array is called as the variable that holds it when a function returns.

    `xhat *= r` makes a new array and binds the variable to it, so a name always means the variable's last value. While
    a profiler is at work, which Python allows one of, nothing gets a name, and formulas are written out instead.
    """
    if sys.getprofile() is not None:
        yield
        return

    def watch(frame: FrameType, event: str, _: Any) -> None:
        if event != "return" or frame.f_globals.get("__package__") == __package__:
            return
        for name, value in frame.f_locals.items():
            if isinstance(value, Lazy) and not value.given and not name.startswith("_") and value.dtype.kind != "b":
                value.name = name  # comparisons are always written out

    sys.setprofile(watch)
    try:
        yield
    finally:
        sys.setprofile(None)


def distinct_names(
    arrays: Iterable[Lazy], aliases: Iterable[Alias], own: Mapping[int, str], taken: Iterable[str]
) -> dict[Any, str]:
    """A name for each array (by its serial) and each alias: inputs keep theirs, equal ones are numbered: h₁, h₂.

    `own` has arrays whose names are known, `taken` names that no variable of the rule may have: those of all inputs,
    also of those that are not seen.
    """
    names: dict[Any, str] = dict(own)
    groups: dict[str, list[Any]] = {}
    for x in sorted({x.serial: x for x in arrays}.values(), key=lambda x: x.serial):
        if x.given:
            names[x.serial] = x.name
        elif x.serial not in own:
            groups.setdefault(x.name, []).append(x.serial)
    for alias in dict.fromkeys(aliases):
        groups.setdefault(alias.letter, []).append(alias)
    used = {*taken, *names.values()}
    for name, group in groups.items():
        alone = len(group) == 1 and name not in used
        free = (name + subscript(n) for n in count(1) if name + subscript(n) not in used)
        names.update({key: name if alone else next(free) for key in group})
    return names
