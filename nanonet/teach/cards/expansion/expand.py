"""Run a rule on symbolic arrays and show one entry of what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nanonet.op import Op
from nanonet.teach.cards.expansion.lazy import Lazy, entry
from nanonet.teach.cards.expansion.lines import Expansion, expansion
from nanonet.teach.cards.expansion.naming import named_by_variables, subscript
from nanonet.teach.cards.expansion.vocabulary import xp

Names = Mapping[str, str] | None
Place = Sequence[int]


def expand_forward(
    op: type[Op],
    arrays: Sequence[Any],
    attrs: Mapping[str, Any],
    entry: Place,
    output: int = 0,
    names: Names = None,
    stored: Any = None,
) -> Expansion:
    """The formula of one entry of an op's output.

    arrays, attrs   what `op.forward` was given: arrays, numbers, None
    entry           its index in that output, () where it has no axes
    names           what to call things: {"x": "A1", "y": "Z2"}; by default the rule's own names
    stored          the value that the engine computed; without it, NumPy's
    """
    inputs = symbolic(arrays, input_names(op, len(arrays)), names)
    with np.errstate(all="ignore"):
        with named_by_variables():
            y, _ = op.forward(xp, *inputs, **attrs)
        ys = y if isinstance(y, tuple) else (y,)
        return shown(ys[output], entry, renamed(output_names(len(ys))[output], names), stored, inputs)


def expand_backward(
    op: type[Op],
    arrays: Sequence[Any],
    attrs: Mapping[str, Any],
    dys: Sequence[Any],
    wanted: int,
    entry: Place,
    names: Names = None,
    stored: Any = None,
) -> Expansion:
    """The formula of one entry of the gradient of input number `wanted`, before broadcasting is undone.

    What the forward saved appears under its own name, outputs as y, and is defined in `where` if it is neither input
    nor output. `dys` has a gradient (or None) for each output; for the other arguments see `expand_forward`.
    """
    own = input_names(op, len(arrays))
    inputs = symbolic(arrays, own, names)
    with np.errstate(all="ignore"):
        with named_by_variables():
            y, saved = op.forward(xp, *inputs, **attrs)
        ys = y if isinstance(y, tuple) else (y,)
        outputs = output_names(len(ys))
        for one, name in zip(ys, outputs, strict=True):
            if isinstance(one, Lazy) and not one.given:
                one.name, one.given = renamed(name, names), True
        given = [np.zeros_like(np.asarray(one.array)) if d is None else d for one, d in zip(ys, dys, strict=True)]
        symbols = symbolic(given, [f"d{name}" for name in outputs], names)
        dy = tuple(one if d is not None else z for one, d, z in zip(symbols, dys, given, strict=True))
        rule: Any = op.backward
        needs = ([i == wanted for i in range(len(arrays))],) if op.wants_needs else ()
        with named_by_variables():
            dxs = rule(xp, saved, dy if isinstance(y, tuple) else dy[0], *needs)
        return shown(dxs[wanted], entry, renamed(f"d{own[wanted]}", names), stored, [*inputs, *ys, *symbols])


def expand_rule(
    rule: Callable[..., Any],
    arrays: Mapping[str, Any],
    attrs: Mapping[str, Any],
    output: int,
    entry: Place,
    left: str,
    names: Names = None,
    stored: Any = None,
) -> Expansion:
    """The formula of one entry of what any rule returns, such as an optimizer's; numbers get names too: lr, beta1."""
    inputs = symbolic(list(arrays.values()), list(arrays), names)
    named = {k: number(v, renamed(k, names)) if type(v) in (int, float) else v for k, v in attrs.items()}
    with np.errstate(all="ignore"):
        with named_by_variables():
            results = rule(xp, *inputs, **named)
        chosen = results[output] if isinstance(results, tuple) else results
        return shown(chosen, entry, left, stored, inputs)


def shown(array: Any, place: Place, name: str, stored: Any, given: Sequence[Any]) -> Expansion:
    """The expansion of one entry of a result. `given` is all that the rule was given, whose names are taken."""
    shape = np.shape(array.array if isinstance(array, Lazy) else array)
    position = int(np.ravel_multi_index(tuple(place), shape)) if shape else 0
    root = entry(array, position)
    own: dict[int, str] = {}
    if isinstance(array, Lazy) and not array.given:
        root = array.definition(position)
        own = {array.serial: name}  # a recurrence has entries of the result itself in its formula
    taken = [x.name for x in given if isinstance(x, Lazy) and x.given]
    return expansion(root, (name, position, shape), root.value if stored is None else stored, own, taken)


def symbolic(arrays: Sequence[Any], own: Sequence[str], names: Names) -> list[Any]:
    """The arrays as inputs with names. Numbers and None stay what they are: rules ask what they are."""
    return [
        Lazy(x, None, renamed(name, names)) if isinstance(x, np.ndarray | np.generic) else x
        for x, name in zip(arrays, own, strict=True)
    ]


def number(value: float, name: str) -> Lazy:
    return Lazy(value, None, name)


def renamed(name: str, names: Names) -> str:
    return (names or {}).get(name, name)


def input_names(op: type[Op], count: int) -> list[str]:
    """The rule's names; x₁, x₂, … where it takes any number of arrays."""
    own = op.input_names()
    return own if len(own) == count else [f"x{subscript(i)}" for i in range(1, count + 1)]


def output_names(count: int) -> list[str]:
    return ["y"] if count == 1 else [f"y{subscript(i)}" for i in range(1, count + 1)]
