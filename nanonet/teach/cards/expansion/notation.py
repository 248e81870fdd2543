"""A formula as text in the documents' notation, or as LaTeX: with the names in it, or with the numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from nanonet.teach.cards.expansion.expression import Alias, Entry, Expression, Node, Number, Rest
from nanonet.teach.cards.expansion.functions import RELATIONS
from nanonet.teach.cards.expansion.lazy import index
from nanonet.teach.cards.expansion.naming import subscript

# How tightly a piece of text holds together: what holds less tightly than its place asks for goes into parentheses.
SUM, MINUS, RATIO, PRODUCT, POWER, WHOLE = range(6)
SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
Piece = tuple[str, int]


def number(value: float, digits: int) -> str:
    """With as many significant digits, or fewer if these say it all: 0.3333, 2, 1.2e-05, ∞."""
    if value != value:
        return "nan"
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "-∞"
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.{digits}g}"


def indexed(name: str, position: int, shape: Sequence[int]) -> str:
    """x[0, 2]; the name alone for an array without axes."""
    return f"{name}[{', '.join(map(str, index(position, shape)))}]" if shape else name


class Text:
    """Writes formulas as text: with numbers of so many `digits`, or, without `digits`, with names."""

    times, comma = "·", ", "

    def __init__(self, names: Mapping[Any, str], digits: int | None = None) -> None:
        self.names, self.digits = names, digits

    def __call__(self, x: Expression) -> str:
        return self.piece(x)[0]

    def piece(self, x: Expression) -> Piece:
        if isinstance(x, Node):
            return self.node(x)
        if isinstance(x, Entry | Alias) and self.digits is None:
            return self.symbol(x), WHOLE
        return self.number(x.value), MINUS if x.value < 0 else WHOLE

    def inside(self, x: Expression, tight: int) -> str:
        text, own = self.piece(x)
        return text if own >= tight else self.parentheses(text)

    def node(self, x: Node) -> Piece:
        parts = x.parts
        if x.sign == "+":
            return self.sum(x), SUM
        if x.sign == "-":
            return "-" + self.inside(parts[0], RATIO), MINUS
        if x.sign == "·":
            factors = [self.rest(p, self.times) if isinstance(p, Rest) else self.inside(p, POWER) for p in parts]
            return self.times.join(factors), PRODUCT
        if x.sign == "/":
            return self.ratio(parts[0], parts[1])
        if x.sign in ("//", "mod"):
            return self.infix(x.sign, self.inside(parts[0], POWER), self.inside(parts[1], POWER)), RATIO
        if x.sign == "^":
            return self.power(parts[0], parts[1]), POWER
        if x.sign in RELATIONS:
            return self.relation(x.sign, self(parts[0]), self(parts[1])), WHOLE
        name, arguments = x.sign, parts
        if x.sign == "argsort":
            name, arguments = x.sign + subscript(int(parts[0].value)), parts[1:]
        texts = [self.rest(p, ",") if isinstance(p, Rest) else self(p) for p in arguments]
        return self.function(name, texts), WHOLE

    def sum(self, x: Node) -> str:
        text = ""
        for i, term in enumerate(x.parts):
            if isinstance(term, Rest):
                text += " + " + self.rest(term, " + ")
            elif i == 0:
                text = self.inside(term, MINUS)
            elif isinstance(term, Node) and term.sign == "-":
                text += " - " + self.inside(term.parts[0], RATIO)
            else:
                text += " + " + self.inside(term, RATIO)
        zeros = self.note(0, x.zeros, "term that is 0" if x.zeros == 1 else "terms that are 0")
        return f"{text} + {zeros}" if x.zeros else text

    def rest(self, x: Rest, joint: str) -> str:
        """… (781 more terms), with the number that stands for them."""
        if self.digits is None:
            return f"… ({x.count} {x.noun})"
        return f"…{joint if joint != ',' else ', '}{self.bracketed(x.value)} ({x.count} {x.noun})"

    def note(self, value: int, count: int, noun: str) -> str:
        return f"{value} ({count} {noun})"

    def bracketed(self, value: float) -> str:
        return self.parentheses(self.number(value)) if value < 0 else self.number(value)

    # What LaTeX writes differently

    def number(self, value: float) -> str:
        return number(value, self.digits or 4)

    def symbol(self, x: Entry | Alias) -> str:
        if isinstance(x, Alias):
            return self.names[x]
        return indexed(self.names[x.array.serial], x.position, x.array.shape)

    def parentheses(self, text: str) -> str:
        return f"({text})"

    def ratio(self, a: Expression, b: Expression) -> Piece:
        return f"{self.inside(a, PRODUCT)} / {self.inside(b, POWER)}", RATIO

    def power(self, a: Expression, b: Expression) -> str:
        base = self.inside(a, WHOLE)
        if isinstance(b, Number) and b.value == int(b.value) and abs(b.value) < 100:
            return base + str(int(b.value)).translate(SUPERSCRIPTS)
        return f"{base}^{self.inside(b, WHOLE)}"

    def infix(self, sign: str, a: str, b: str) -> str:
        return f"{a} {sign} {b}"

    def relation(self, sign: str, a: str, b: str) -> str:
        return f"[{a} {sign} {b}]"

    def function(self, name: str, arguments: list[str]) -> str:
        return f"{name}({', '.join(arguments)})"


class Latex(Text):
    """Writes formulas as LaTeX, for Markdown and notebooks."""

    times = r" \cdot "
    commands = ("exp", "log", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "max", "min")
    signs = {"≤": r"\le", "≥": r"\ge", "≠": r"\ne"}

    def number(self, value: float) -> str:
        text = super().number(value).replace("∞", r"\infty").replace("nan", r"\mathrm{nan}")
        return re.sub(r"e([+-])0*(\d+)", lambda m: rf" \cdot 10^{{{m[1].strip('+')}{m[2]}}}", text)

    def symbol(self, x: Entry | Alias) -> str:
        if isinstance(x, Alias):
            return latex_name(self.names[x])
        at = index(x.position, x.array.shape)
        name = latex_name(self.names[x.array.serial])
        return f"{{{name}}}_{{{','.join(map(str, at))}}}" if at else name

    def parentheses(self, text: str) -> str:
        return rf"\left({text}\right)"

    def ratio(self, a: Expression, b: Expression) -> Piece:
        return rf"\frac{{{self(a)}}}{{{self(b)}}}", POWER

    def power(self, a: Expression, b: Expression) -> str:
        return f"{self.inside(a, WHOLE)}^{{{self(b)}}}"

    def infix(self, sign: str, a: str, b: str) -> str:
        return rf"\lfloor {a} / {b} \rfloor" if sign == "//" else rf"{a} \bmod {b}"

    def relation(self, sign: str, a: str, b: str) -> str:
        return rf"\left[{a} {self.signs.get(sign, sign)} {b}\right]"

    def function(self, name: str, arguments: list[str]) -> str:
        inner = ", ".join(arguments)
        if name == "√":
            return rf"\sqrt{{{inner}}}"
        if name == "abs":
            return rf"\left|{inner}\right|"
        command = "\\" + name if name in self.commands else r"\sigma" if name == "σ" else latex_name(name)
        return rf"{command}\left({inner}\right)"

    def rest(self, x: Rest, joint: str) -> str:
        dots = r"\cdots" if joint != "," else r"\ldots"
        value = "" if self.digits is None else f"{joint} {self.bracketed(x.value)}"
        return rf"{dots}{value}\;(\text{{{x.count} {x.noun}}})"

    def note(self, value: int, count: int, noun: str) -> str:
        return rf"{value}\;(\text{{{count} {noun}}})"


def latex_name(name: str) -> str:
    """x, dx, \\mathrm{xhat}; the number of h₂ below."""
    plain = name.rstrip("₀₁₂₃₄₅₆₇₈₉")
    below = name[len(plain) :].translate(str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789"))
    escaped = plain.replace("\\", r"\backslash ").replace("_", r"\_").replace("#", r"\#").replace("%", r"\%")
    escaped = escaped.replace("&", r"\&").replace("$", r"\$")
    text = plain if re.fullmatch(r"d?[^\W\d_]", plain) else rf"\mathrm{{{escaped}}}"
    return f"{text}_{{{below}}}" if below else text
