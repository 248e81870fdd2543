"""From the tree of a formula to what a card shows: lines with names, with numbers, and the result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import floor, isfinite, log10
from typing import Any

from nanonet.teach.cards.expansion.evaluate import evaluate
from nanonet.teach.cards.expansion.expression import Alias, Entry, Expression, Node, rebuilt, size, walk
from nanonet.teach.cards.expansion.functions import RELATIONS
from nanonet.teach.cards.expansion.lazy import index
from nanonet.teach.cards.expansion.naming import distinct_names
from nanonet.teach.cards.expansion.notation import Latex, Text, indexed, latex_name, number
from nanonet.teach.cards.expansion.shortening import shortened

DISAGREEMENT = "The engine's number is"  # how the remark begins that line and result differ
RESULT_DIGITS = 4
INLINE = 2  # a variable that stands for at most so many numbers is written out wherever it occurs, others if they
FORMULA = 10  # occur once; both as long as the formula has at most so many
DEFINITIONS = 6
BY_ROUNDING = 1e-3  # of the largest number in a formula; float16 has three digits
OPPOSITES = {"=": "≠", "≠": "=", "<": "≥", "≥": "<", ">": "≤", "≤": ">"}
UNNAMED = ("-", *RELATIONS)  # no letter for -x: its x has one


@dataclass(frozen=True)
class Line:
    """`left = formula = substituted = result`, in text and in LaTeX.

    formula, substituted    with the names, and with the numbers in their place; without the left side
    value                   the number that the engine holds
    agrees                  does `evaluate(substituted)` give the value to the printed digits?
    remark                  where it does not: a sentence, for rounding is why; else ""
    """

    left: str
    formula: str
    substituted: str
    result: str
    value: float
    agrees: bool
    remark: str
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
        rows = dict.fromkeys((self.latex_formula, self.latex_substituted, self.latex_result))
        body = r" \\ ".join(f"&= {row}" for row in rows)
        return rf"\begin{{aligned}} {self.latex_left} {body} \end{{aligned}}"


@dataclass(frozen=True)
class Expansion(Line):
    """The line of the entry. `where` defines the names in it that are no inputs, each before it is used: of each array
    one entry, for the others are made alike, and at most six.

    because     the comparisons that decided, as they came out: "x[0, 1] ≤ 0: -0.3 ≤ 0"
    reads       the entries of inputs that stand in these lines, as (name, place in the flattened array)
    values      what each name in these lines stands for: {"x[0, 2]": 0.25}
    """

    where: tuple[Line, ...] = ()
    because: tuple[str, ...] = ()
    reads: tuple[tuple[str, int], ...] = ()
    values: Mapping[str, float] = field(default_factory=dict[str, float])


def expansion(
    root: Expression, left: tuple[str, int, Sequence[int]], value: Any, own: Mapping[int, str], taken: Sequence[str]
) -> Expansion:
    """What to show for the entry `left` (name, position, shape), whose formula is `root` and whose value is stored.

    For `own` and `taken` see `distinct_names`.
    """
    while isinstance(root, Entry) and not root.array.given:
        root = root.array.definition(root.position).given(*root.because)
    main, definitions = arranged(root)
    reasons = list(dict.fromkeys(r for x in (main, *[d for _, d in definitions]) for n in walk(x) for r in n.because))
    everything = [main, *[d for _, d in definitions], *[e for e, _ in definitions], *[r for r, _ in reasons]]
    nodes = [n for x in everything for n in walk(x)]
    arrays = [n.array for n in nodes if isinstance(n, Entry)]
    names = distinct_names(arrays, (n for n in nodes if isinstance(n, Alias)), own, [*taken, left[0]])
    text, latex = Text(names), Latex(names)
    name, position, shape = left
    at = ",".join(map(str, index(position, shape)))
    latex_left = f"{{{latex_name(name)}}}_{{{at}}}" if at else latex_name(name)
    parts = _line(main, indexed(name, position, shape), latex_left, float(value), names)
    where = tuple(Line(**_line(d, text(e), latex(e), e.value, names)) for e, d in definitions)
    return Expansion(
        **parts,
        where=where,
        reads=tuple((n.array.name, n.position) for n in dict.fromkeys(nodes) if isinstance(n, Entry) and n.array.given),
        values={text(n): n.value for n in dict.fromkeys(nodes) if isinstance(n, Entry | Alias)},
        because=tuple(_sentence(r, held, text, names) for r, held in reasons),
    )


def _line(x: Expression, left: str, latex_left: str, value: float, names: dict[Any, str]) -> dict[str, Any]:
    digits, agrees = fewest_digits(x, value, names)
    substituted = Text(names, digits)(x)
    return {
        "left": left,
        "formula": Text(names)(x),
        "substituted": substituted,
        "result": number(value, RESULT_DIGITS),
        "value": value,
        "agrees": agrees,
        "remark": "" if agrees else _disagreement(x, substituted, value),
        "latex_left": latex_left,
        "latex_formula": Latex(names)(x),
        "latex_substituted": Latex(names, digits)(x),
        "latex_result": Latex(names, RESULT_DIGITS).number(value),
    }


def fewest_digits(x: Expression, value: float, names: dict[Any, str]) -> tuple[int, bool]:
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


def _disagreement(x: Expression, substituted: str, value: float) -> str:
    """Rounding explains a difference that is small beside the largest number in the formula, and no other."""
    computed = evaluate(substituted)
    largest = max((abs(node.value) for node in walk(x) if isfinite(node.value)), default=0.0)
    numbers = f"{DISAGREEMENT} {number(value, 6)}, and the line as written here gives {number(computed, 6)}: "
    if abs(computed - value) <= BY_ROUNDING * largest:
        return f"{numbers}both are rounded at every step, in another order, and large parts nearly cancel."
    return f"{numbers}that is more than rounding. Another rule ran than the one that is written here, or an overflow."


def _sentence(comparison: Expression, held: bool, text: Text, names: dict[Any, str]) -> str:
    """What is true: 0.5 > 0 and not that 0.5 ≤ 0 does not hold. Of NaN nothing is, so that has to be said so."""
    if isinstance(comparison, Node) and comparison.sign == "not":
        return _sentence(comparison.parts[0], not held, text, names)
    if isinstance(comparison, Node) and comparison.sign == ("all" if held else "any"):  # each of them came out so
        every = [_sentence(part, held, text, names).partition(": ") for part in comparison.parts]
        return f"{' and '.join(one[0] for one in every)}: {' and '.join(one[2] for one in every)}"
    said = " holds" if held else " does not hold"
    bare = isinstance(comparison, Node) and comparison.sign in RELATIONS
    if isinstance(comparison, Node) and comparison.sign in RELATIONS:
        turned = not held and all(part.value == part.value for part in comparison.parts)
        comparison = Node(OPPOSITES[comparison.sign], comparison.parts) if turned else comparison
        said = "" if held or turned else said
    with_names, with_numbers = text(comparison), Text(names, RESULT_DIGITS)(comparison)
    if bare:
        with_names, with_numbers = with_names[1:-1], with_numbers[1:-1]  # without the brackets
    return f"{with_names}{said}: {with_numbers}"


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
    known: dict[Expression, Alias] = {}
    main = settled(shortened(root), kept, known)
    found: dict[Expression, Expression] = {}
    shown: set[int] = set()  # one entry of an array is enough, the others are made alike
    waiting = _names(main)
    while waiting and len(found) < DEFINITIONS:
        name = waiting.pop(0)
        if name in found or (isinstance(name, Entry) and name.array.serial in shown):
            continue
        found[name] = settled(shortened(_behind(name)), kept, known)
        waiting += _names(found[name])
        if isinstance(name, Entry):
            shown.add(name.array.serial)
    return main, found


def settled(x: Expression, kept: frozenset[Expression], known: dict[Expression, Alias]) -> Expression:
    """x with short variables written out, but for those `kept`, and with a letter for what it repeats."""
    while True:
        counts = Counter(node for node in walk(x) if isinstance(node, Entry) and not node.array.given)
        behind = {name: shortened(name.array.definition(name.position)) for name in counts}
        for group in _by_array(counts, behind):
            longest = max(size(behind[name]) for name in group)
            growth = sum(counts[name] * (size(behind[name]) - 1) for name in group)
            short = longest <= INLINE or all(counts[name] == 1 and name not in kept for name in group)
            if longest == 1 or (short and size(x) + growth <= FORMULA):
                for name in group:
                    x = replaced(x, name, behind[name])
                break
        else:
            break
    for part, alias in known.items():
        x = x if x == part else replaced(x, part, alias)  # the line that defines it keeps it
    while True:
        repeats = Counter(n for n in walk(x) if isinstance(n, Node) and size(n) > INLINE and n.sign not in UNNAMED)
        savings = {node: (times - 1) * (size(node) - 1) for node, times in repeats.items() if times > 1}
        if not savings:
            return x
        part = max(savings, key=lambda node: savings[node])
        known[part] = Alias(part)
        x = replaced(x, part, known[part])


def _by_array(names: Iterable[Entry], behind: dict[Entry, Expression]) -> list[list[Entry]]:
    """The entries of one array together, for they are alike: all are written out, or none. Short ones come first."""
    groups: dict[int, list[Entry]] = {}
    for name in names:
        groups.setdefault(name.array.serial, []).append(name)
    return sorted(groups.values(), key=lambda group: max(size(behind[name]) for name in group))


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
