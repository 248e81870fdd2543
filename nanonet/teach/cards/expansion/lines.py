"""From the tree of a formula to what a card shows: lines with names, with numbers, and the result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10
from typing import Any

import numpy as np

from nanonet.teach.cards.expansion.evaluate import evaluate
from nanonet.teach.cards.expansion.expression import Alias, Entry, Expression, Node, rebuilt, size, walk
from nanonet.teach.cards.expansion.functions import RELATIONS
from nanonet.teach.cards.expansion.naming import distinct_names
from nanonet.teach.cards.expansion.notation import Latex, Text, indexed, latex_name, number
from nanonet.teach.cards.expansion.shortening import shortened

RESULT_DIGITS = 4
INLINE = 2  # a variable that stands for at most so many numbers is written out wherever it occurs,
FORMULA = 12  # and one that occurs once, as long as the formula has at most so many
DEFINITIONS = 8
UNNAMED = ("-", *RELATIONS)  # no letter for -x: its x has one
LETTERS = {"+": "s", "·": "p", "/": "q", "max": "m", "min": "m", "√": "r", "exp": "e"}


@dataclass(frozen=True)
class Line:
    """`left = formula = substituted = result`, in text and in LaTeX.

    formula, substituted    with the names, and with the numbers in their place; without the left side
    value                   the number that the engine holds
    agrees                  does `evaluate(substituted)` give the value to the printed digits? Where not, rounding is why
    """

    left: str
    formula: str
    substituted: str
    result: str
    value: float
    agrees: bool
    latex_left: str
    latex_formula: str
    latex_substituted: str
    latex_result: str

    @property
    def symbols(self) -> str:
        return f"{self.left} = {self.formula}"

    @property
    def numbers(self) -> str:
        return f"{self.left} = {self.substituted}"

    @property
    def latex(self) -> str:
        r"""The three as one aligned equation, for between $$."""
        rows = [self.latex_formula]
        rows += [row for row in (self.latex_substituted, self.latex_result) if row != rows[-1]]
        body = r" \\ ".join(f"&= {row}" for row in rows)
        return rf"\begin{{aligned}} {self.latex_left} {body} \end{{aligned}}"


@dataclass(frozen=True)
class Expansion(Line):
    """The line of the entry; `where` defines the names in it that are no inputs, each before it is used.

    because     the comparisons that decided, as sentences: "x[0, 1] ≤ 0 holds: -0.3 ≤ 0"
    remark      a sentence where the printed digits and the engine's number differ, else ""
    """

    where: tuple[Line, ...] = ()
    because: tuple[str, ...] = ()
    remark: str = ""


def expansion(root: Expression, left: tuple[str, int, Sequence[int]], value: Any) -> Expansion:
    """What to show for the entry `left` (name, position, shape), whose formula is `root` and whose value is stored."""
    main, definitions = arranged(root)
    reasons = list(dict.fromkeys(r for x in (main, *[d for _, d in definitions]) for n in walk(x) for r in n.because))
    everything = [main, *[d for _, d in definitions], *[e for e, _ in definitions], *[r for r, _ in reasons]]
    names = distinct_names([n.array for x in everything for n in walk(x) if isinstance(n, Entry)])
    text, latex = Text(names), Latex(names)
    name, position, shape = left
    at = ",".join(map(str, np.unravel_index(position, tuple(shape)))) if shape else ""
    latex_left = f"{{{latex_name(name)}}}_{{{at}}}" if at else latex_name(name)
    parts = _line(main, indexed(name, position, shape), latex_left, float(value), names)
    where = tuple(Line(**_line(d, text(e), latex(e), e.value, names)) for e, d in definitions)
    return Expansion(
        **parts,
        where=where,
        because=tuple(_sentence(r, held, text, names) for r, held in reasons),
        remark="" if parts["agrees"] else _rounding(parts["substituted"], float(value)),
    )


def _line(x: Expression, left: str, latex_left: str, value: float, names: dict[int, str]) -> dict[str, Any]:
    digits, agrees = fewest_digits(x, value, names)
    return {
        "left": left,
        "formula": Text(names)(x),
        "substituted": Text(names, digits)(x),
        "result": number(value, RESULT_DIGITS),
        "value": value,
        "agrees": agrees,
        "latex_left": latex_left,
        "latex_formula": Latex(names)(x),
        "latex_substituted": Latex(names, digits)(x),
        "latex_result": Latex(names, RESULT_DIGITS).number(value),
    }


def fewest_digits(x: Expression, value: float, names: dict[int, str]) -> tuple[int, bool]:
    """How many digits the numbers need for the line to give the result's printed digits; and whether 17 are enough."""
    for digits in (*range(RESULT_DIGITS, 13), 17):
        if agree(evaluate(Text(names, digits)(x)), value):
            return digits, True
    return 17, False


def agree(computed: float, value: float) -> bool:
    """Is `computed` what the printed digits of `value` say: nearer than half a unit of the last one?"""
    shown = float(f"{value:.{RESULT_DIGITS}g}")
    if not isfinite(shown) or not isfinite(computed) or shown == 0:
        return computed == shown or (computed != computed and shown != shown)
    unit = 10.0 ** (floor(log10(abs(shown))) - RESULT_DIGITS + 1)
    return abs(computed - shown) <= 0.5 * unit * (1 + 1e-6)


def _rounding(substituted: str, value: float) -> str:
    computed = evaluate(substituted)
    return (
        f"The engine's number is {number(value, 6)}, and the line as written here gives {number(computed, 6)}: "
        "both are rounded at every step, in another order, and large parts nearly cancel."
    )


def _sentence(relation: Expression, held: bool, text: Text, names: dict[int, str]) -> str:
    verdict = "holds" if held else "does not hold"
    with_names, with_numbers = text(relation).strip("[]"), Text(names, RESULT_DIGITS)(relation).strip("[]")
    return f"{_unbracketed(text(relation))} {verdict}: {_unbracketed(Text(names, RESULT_DIGITS)(relation))}" if with_names else with_numbers


def _unbracketed(text: str) -> str:
    return text[1:-1] if text.startswith("[") and text.endswith("]") and text.count("[") == 1 + text[1:-1].count("[") else text


# Which variables are written out, and which get a line of their own


def arranged(root: Expression) -> tuple[Expression, list[tuple[Expression, Expression]]]:
    """The formula as it is shown, and (name, what it stands for) of the names in it, each before it is used."""
    kept: frozenset[Expression] = frozenset()
    while True:
        main, found = _written(root, kept)
        if kept.issuperset(found):
            break
        kept = kept.union(found)  # what has a line of its own is called by its name everywhere: once more
    order: dict[Expression, Expression] = {}

    def put(name: Expression) -> None:
        if name in found and name not in order:
            for used in _names(found[name]):
                put(used)
            order[name] = found[name]

    for name in _names(main):
        put(name)
    return main, list(order.items())


def _written(root: Expression, kept: frozenset[Expression]) -> tuple[Expression, dict[Expression, Expression]]:
    letters: Counter[str] = Counter()
    main = settled(shortened(root), kept, letters)
    found: dict[Expression, Expression] = {}
    waiting = _names(main)
    while waiting and len(found) < DEFINITIONS:
        name = waiting.pop(0)
        if name not in found:
            found[name] = settled(shortened(_behind(name)), kept, letters)
            waiting += _names(found[name])
    return main, found


def settled(x: Expression, kept: frozenset[Expression], letters: Counter[str]) -> Expression:
    """x with short variables written out, but for those `kept`, and with a letter for what it repeats."""
    while True:
        counts = Counter(node for node in walk(x) if isinstance(node, Entry) and not node.array.given)
        room = FORMULA - size(x)
        for name, times in counts.items():
            behind = shortened(name.array.definition(name.position))
            length = size(behind)
            if length <= INLINE or (times == 1 and length - 1 <= room and name not in kept):
                x = replaced(x, name, behind)
                break
        else:
            break
    while True:
        repeats = Counter(n for n in walk(x) if isinstance(n, Node) and size(n) > INLINE and n.sign not in UNNAMED)
        savings = {node: (times - 1) * (size(node) - 1) for node, times in repeats.items() if times > 1}
        if not savings:
            return x
        part = max(savings, key=lambda node: savings[node])
        letter = LETTERS.get(part.sign, "t")
        letters[letter] += 1
        x = replaced(x, part, Alias(letter + "′" * (letters[letter] - 1), part))


def replaced(x: Expression, old: Expression, new: Expression) -> Expression:
    """x with `new` wherever `old` stands."""
    if x == old:
        return new.given(*x.because)
    if not isinstance(x, Node):
        return x
    parts = [replaced(p, old, new) for p in x.parts]
    return x if all(a is b for a, b in zip(parts, x.parts, strict=True)) else rebuilt(x, parts)


def _names(x: Expression) -> list[Expression]:
    found = [n for n in walk(x) if isinstance(n, Alias) or (isinstance(n, Entry) and not n.array.given)]
    return list(dict.fromkeys(found))


def _behind(name: Expression) -> Expression:
    if isinstance(name, Alias):
        return name.part
    assert isinstance(name, Entry)
    return name.array.definition(name.position)
