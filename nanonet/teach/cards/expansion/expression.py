"""The tree of a formula: numbers, entries of arrays, and what is computed of them. Every node knows its value.

The functions that build a tree simplify a little, as one does when writing by hand: no factor 1, no term 0, a·a is a².
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from nanonet.teach.cards.expansion.functions import MEANING, RELATIONS

LETTERS = {"+": "s", "·": "p", "/": "q", "max": "m", "min": "m", "√": "r", "exp": "u"}  # for parts without a name


class Expression:
    """A node. `because` are the comparisons that decided that this was chosen, as (comparison, came out true)."""

    value: float
    because: tuple[tuple[Expression, bool], ...] = ()
    key: Any
    _hash: int

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Expression) and self._hash == other._hash and bool(self.key == other.key)
        )

    def __hash__(self) -> int:
        return self._hash

    def given(self, *because: tuple[Expression, bool]) -> Expression:
        """The same, known to be chosen because of these comparisons too."""
        if not because:
            return self
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy.because = tuple(dict.fromkeys((*self.because, *because)))
        return copy


class Number(Expression):
    """A constant."""

    def __init__(self, value: Any) -> None:
        self.value = float(value)
        self.key = ("number", "nan" if self.value != self.value else self.value)
        self._hash = hash(self.key)


class Entry(Expression):
    """One entry of an array that has a name: an input, a gradient, or a variable of the rule.

    `array` has `name`, `shape`, `serial`, and, where `given` is false, `definition(position)`.
    """

    def __init__(self, array: Any, position: int, value: Any) -> None:
        self.array, self.position, self.value = array, position, float(value)
        self.key = ("entry", array.serial, position)
        self._hash = hash(self.key)


class Rest(Expression):
    """What is left of a long sum, product or list of arguments: one number for `count` parts."""

    def __init__(self, value: Any, count: int, noun: str) -> None:
        self.value, self.count, self.noun = float(value), count, noun
        self.key = ("rest", self.value, count, noun)
        self._hash = hash(self.key)


class Node(Expression):
    """`sign` (a word of FUNCTIONS, a relation or an operator) of `parts`. `zeros` terms of a sum were left out."""

    def __init__(self, sign: str, parts: Sequence[Expression], zeros: int = 0) -> None:
        self.sign, self.parts, self.zeros = sign, tuple(parts), zeros
        self.value = float(MEANING[sign](*[np.float64(p.value) for p in self.parts]))
        self.size = sum(size(p) for p in self.parts)
        self.key = (sign, self.parts)
        self._hash = hash((sign, *[p._hash for p in self.parts]))


class Alias(Expression):
    """A name for a part that occurs more than once."""

    def __init__(self, part: Node) -> None:
        self.part, self.value = part, part.value
        self.letter = LETTERS.get(part.sign, "t")
        self.key = ("alias", part)
        self._hash = hash(self.key)


def of(sign: str) -> Callable[..., Expression]:
    """A builder of nodes: of("exp")(x) is exp(x). Of numbers alone, their value."""

    def build(*parts: Expression) -> Expression:
        node = Node(sign, parts)
        return Number(node.value) if all(isinstance(p, Number) for p in parts) and sign not in RELATIONS else node

    return build


def several(sign: str) -> Callable[..., Expression]:
    """A builder for "max", "min", "all" and "any": of one argument it is that one, and max(max(a, b), c) is opened."""

    def build(*parts: Expression) -> Expression:
        opened: list[Expression] = []
        because: list[tuple[Expression, bool]] = []
        for part in parts:
            same = isinstance(part, Node) and part.sign == sign
            opened += part.parts if same else [part]  # pyright: ignore[reportAttributeAccessIssue]
            because += part.because if same else ()
        if sign == "any":  # what is no number is no matter where there is none
            opened = [p for p in opened if not (isinstance(p, Node) and p.sign == "isnan" and not p.value)] or opened
        if len(opened) == 1 and sign in ("max", "min"):
            return opened[0].given(*because)
        return of(sign)(*opened).given(*because)

    return build


def total(terms: Sequence[Expression]) -> Expression:
    """Their sum, without those that are constantly 0, which are counted. A sum among them is opened, if it is alone."""
    kept: list[Expression] = []
    zeros = 0
    because: list[tuple[Expression, bool]] = []
    sums = sum(isinstance(term, Node) and term.sign == "+" for term in terms)
    for term in terms:
        if isinstance(term, Node) and term.sign == "+" and sums == 1:
            kept += term.parts
            zeros += term.zeros
            because += term.because
        elif isinstance(term, Number) and term.value == 0:
            zeros += 1
            because += term.because
        else:
            kept.append(term)
    if not kept:
        return Number(0.0).given(*because)
    if len(kept) == 1:
        return kept[0].given(*because)
    if all(isinstance(term, Number) for term in kept):
        return Number(sum(term.value for term in kept)).given(*because)
    return Node("+", kept, zeros).given(*because)


def product(factors: Sequence[Expression]) -> Expression:
    """Their product: 0 where one is constantly 0, without factors 1, the sign in front, equal neighbours as powers."""
    kept: list[Expression] = []
    minus = False
    because: list[tuple[Expression, bool]] = []
    waiting = list(reversed(factors))
    while waiting:
        factor = waiting.pop()
        if isinstance(factor, Node) and factor.sign == "-":
            minus = not minus
            factor = factor.parts[0]
        if isinstance(factor, Node) and factor.sign == "·":
            waiting += reversed(factor.parts)
            because += factor.because
        elif isinstance(factor, Number) and factor.value in (1, -1):
            minus = minus != (factor.value == -1)
            because += factor.because
        else:
            kept.append(factor)
    zero = [f for f in kept if isinstance(f, Number) and f.value == 0]
    if zero and all(np.isfinite(f.value) for f in kept):
        return Number(0.0).given(*because, *(reason for f in kept for reason in f.because))
    if all(isinstance(f, Number) for f in kept):
        result: Expression = Number(np.prod([f.value for f in kept]))
    else:
        powers = _powers(kept)
        result = powers[0] if len(powers) == 1 else Node("·", powers)
    return (negative(result) if minus else result).given(*because)


def _powers(factors: list[Expression]) -> list[Expression]:
    """Equal factors as one power, where the first of them stands."""
    counts: dict[Expression, int] = {}
    for factor in factors:
        base, exponent = factor, 1
        if isinstance(factor, Node) and factor.sign == "^" and factor.parts[1] in (Number(2), Number(3), Number(4)):
            base, exponent = factor.parts[0], int(factor.parts[1].value)
        if isinstance(base, Number | Rest):
            base = factor
        counts[base] = counts.get(base, 0) + exponent
    return [base if n == 1 else Node("^", (base, Number(n))) for base, n in counts.items()]


def negative(x: Expression) -> Expression:
    """-x, without two signs in a row."""
    if isinstance(x, Number):
        return Number(-x.value).given(*x.because)
    if isinstance(x, Node) and x.sign == "-":
        return x.parts[0].given(*x.because)
    return Node("-", (x,)).given(*x.because)


def difference(a: Expression, b: Expression) -> Expression:
    return total((a, negative(b)))


def quotient(a: Expression, b: Expression) -> Expression:
    """a / b, without a division by 1, the sign in front."""
    if isinstance(b, Number) and b.value == 1:
        return a
    if isinstance(a, Number) and (isinstance(b, Number) or (a.value == 0 and np.isfinite(b.value) and b.value != 0)):
        return Number(np.float64(a.value) / np.float64(b.value)).given(*a.because)
    if isinstance(a, Node) and a.sign == "-":
        return negative(quotient(a.parts[0], b))
    return Node("/", (a, b))


def power(a: Expression, b: Expression) -> Expression:
    if isinstance(b, Number) and b.value == 1:
        return a
    if isinstance(b, Number) and b.value == 0:
        return Number(1.0)
    return of("^")(a, b)


def rebuilt(node: Node, parts: Sequence[Expression]) -> Expression:
    """`node` with other parts, simplified again."""
    builders: dict[str, Callable[..., Expression]] = {
        "/": quotient,
        "^": power,
        "-": negative,
        **{sign: several(sign) for sign in ("max", "min", "all", "any")},
    }
    if node.sign == "+":
        new = total(parts)
        if isinstance(new, Node) and new.sign == "+" and node.zeros:
            new = Node("+", new.parts, new.zeros + node.zeros).given(*new.because)
    elif node.sign == "·":
        new = product(parts)
    else:
        new = builders.get(node.sign, of(node.sign))(*parts)
    return new.given(*node.because)


def walk(x: Expression) -> Iterator[Expression]:
    """The node and all below it, from left to right."""
    waiting = [x]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, Node):
            waiting += reversed(node.parts)


def size(x: Expression) -> int:
    """How many numbers, entries and names one reads."""
    return x.size if isinstance(x, Node) else 1
