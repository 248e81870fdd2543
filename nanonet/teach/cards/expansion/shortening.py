"""Long sums, products and lists of arguments: the first few parts, and one number for the rest."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from nanonet.teach.cards.expansion.expression import Expression, Node, Number, Rest, size
from nanonet.teach.cards.expansion.functions import MEANING

LONGEST, FIRST = 8, 4  # parts of what is shown in full, parts that are shown of what is longer
ROOM = 24  # what has more names and numbers than this is longer, too
NOUNS = {"+": ("more term", "more terms"), "·": ("more factor", "more factors")}
SHORTENED = ("+", "·", "max", "min", "all", "any")
PLACES = ("argmax", "argmin", "argsort")  # which one it is cannot be told without all of them
LONGEST_PLACES = 24


def shortened(x: Expression) -> Expression:
    """x, in which no sum, product or list of arguments has more than `LONGEST` parts."""
    if not isinstance(x, Node):
        return x
    if x.sign in PLACES and len(x.parts) > LONGEST_PLACES:
        return Number(x.value).given(*x.because)
    if x.sign not in SHORTENED or len(x.parts) <= 2 or (len(x.parts) <= LONGEST and size(x) <= ROOM):
        parts = [shortened(p) for p in x.parts]
        return x if all(a is b for a, b in zip(parts, x.parts, strict=True)) else _like(x, parts)
    kept = _telling(x)
    if len(x.parts) - len(kept) < 2:  # a single one is shorter written out
        kept = set(range(len(x.parts)))
    others = [p for i, p in enumerate(x.parts) if i not in kept]
    value: Any = MEANING[x.sign](*[p.value for p in others]) if others else 0.0
    count = sum(p.count if isinstance(p, Rest) else 1 for p in others)
    noun = NOUNS.get(x.sign, ("more", "more"))[count > 1]
    rest = [Rest(value, count, noun)] if others else []
    return _like(x, [*[shortened(x.parts[i]) for i in sorted(kept)], *rest])


def _like(x: Node, parts: list[Expression]) -> Expression:
    return Node(x.sign, parts, x.zeros).given(*x.because)


def _telling(x: Node) -> set[int]:
    """The first few parts that are not 0 (of a maximum: and the largest), or, where there are too few, the first."""
    neutral = 1.0 if x.sign == "·" else 0.0
    telling = [i for i, p in enumerate(x.parts) if p.value != neutral and not isinstance(p, Rest)]
    if x.sign in ("max", "min"):
        winner = next((i for i, p in enumerate(x.parts) if p.value == x.value), 0)
        telling = [winner, *(i for i in telling if i != winner)]
    order = telling + [i for i, p in enumerate(x.parts) if i not in telling and not isinstance(p, Rest)]
    read = list(accumulate(size(x.parts[i]) for i in order[:FIRST]))  # names and numbers up to each
    return {i for n, i in enumerate(order[:FIRST]) if n < 2 or read[n] <= ROOM // 2}
