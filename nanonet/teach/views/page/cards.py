"""The cards of a trace as data: of each step its card, and of other arrays and entries of it as many as there is room.

A text is kept once; a card names its texts by number.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from nanonet.teach.cards.card import Card, card
from nanonet.teach.cards.jacobian import Jacobian, local_jacobian
from nanonet.teach.trace.model import Step, Trace
from nanonet.teach.views.page.arrays import Arrays

ROOM = 250_000  # characters, of texts and of the cards that name them,
EACH = 200  # and so many are a card
MORE = 300  # cards beyond the first one of each step
ENTRIES = 12  # of a small array, each of which gets a card
JACOBIANS = 200  # of a page
DENSE = 1024  # entries of a Jacobian that is drawn
LARGEST = 40_000  # entries of x and y together, up to which the structure is looked for: it takes a second or so


class Texts:
    """Each text once; a number stands for it."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.size = 0

    def number(self, text: str) -> int:
        """The text's number."""
        if text not in self.numbers:
            self.numbers[text] = len(self.numbers)
            self.size += len(text) + 3
        return self.numbers[text]


def cards(trace: Trace, arrays: Arrays) -> dict[str, Any]:
    """{"texts", "steps", "whole"}: of each step {"which", "choices"}; without numbers after the first `whole` steps."""
    texts = Texts()
    found: list[dict[str, Any]] = []
    firsts: list[Card] = []
    for step in trace.steps:
        if texts.size + EACH * len(firsts) < ROOM:
            first = card(trace, step.index)
            firsts.append(first)
            found.append(_step(first, texts))
        else:
            found.append(_formulas(step, texts))
    _more(trace, firsts, found, texts)
    _jacobians(trace, firsts, found, texts, arrays)
    return {"texts": list(texts.numbers), "steps": found, "whole": len(firsts)}


def _step(first: Card, texts: Texts) -> dict[str, Any]:
    """A step's choices, of which the first card's has an entry that is filled in."""
    choices = [{"name": texts.number(one.name), "entries": []} for one in first.choices]
    if not choices:
        choices = [{"name": texts.number(first.title), "entries": []}]
    choices[first.which]["entries"].append(_entry(first, texts))
    return {"which": first.which, "choices": choices}


def _entry(one: Card, texts: Texts) -> dict[str, Any]:
    """The words of one card. Its texts are numbers; "" has none."""
    lines = {
        "formula": one.formula,
        "names": ", ".join(f"{letter} is {name}" for letter, name in one.legend),
        "symbols": one.symbols if one.symbols != one.lines[1] else "",
        "numbers": one.lines[1],
        "result": one.lines[2] if one.lines[2] != one.lines[1] else "",
        "link": str(one.link) if one.link else "",
    }
    words: dict[str, Any] = {name: texts.number(text) for name, text in lines.items() if text}
    words |= {"at": texts.number(str([*one.entry]) if one.entry else ""), "title": texts.number(one.title)}
    words |= {"where": [texts.number(text) for text in one.definitions]}
    return words | {"remarks": [texts.number(text) for text in one.remarks]}


def _formulas(step: Step, texts: Texts) -> dict[str, Any]:
    """Of a step for whose numbers there is no room: its operation's formulas."""
    formulas = step.op.formulas() if step.op else {}
    shown = [
        f"{left} = {right}" for left, right in formulas.items() if left.startswith("d") == (step.kind != "forward")
    ]
    words = {"title": texts.number(step.title), "at": texts.number(""), "where": [], "remarks": []}
    words |= {"formula": texts.number("\n".join(shown))} if shown else {}
    return {"which": 0, "choices": [{"name": words["title"], "entries": [words]}]}


def _more(trace: Trace, firsts: list[Card], found: list[dict[str, Any]], texts: Texts) -> None:
    """The other arrays of each step, then the other entries of small arrays."""
    others = [(one, which, None) for one in firsts for which in range(len(one.choices)) if which != one.which]
    entries = [
        (one, which, at)
        for one in firsts
        for which, choice in enumerate(one.choices)
        if 1 < choice.value.size <= ENTRIES
        for at in itertools.product(*map(range, choice.shape))
    ]
    for first, which, at in [*others, *entries][:MORE]:
        if texts.size + EACH * len(firsts) > ROOM:
            return
        kept = found[first.step]["choices"][which]["entries"]
        one = _entry(card(trace, first.step, at, which), texts)
        if all(one["at"] != other["at"] for other in kept):
            kept.append(one)


def _jacobians(trace: Trace, firsts: list[Card], found: list[dict[str, Any]], texts: Texts, arrays: Arrays) -> None:
    """The local Jacobian of each array that a backward made: its structure, and the matrix where it is small."""
    backwards = [one for one in firsts if trace.steps[one.step].kind == "backward"]
    pairs = ((one, which) for one in backwards for which in range(len(one.choices)))
    for first, which in itertools.islice(pairs, JACOBIANS):
        jacobian = _jacobian(trace, trace.steps[first.step], first.choices[which].position)
        if jacobian is not None:
            dense = jacobian.dense
            found[first.step]["choices"][which]["jacobian"] = {
                "says": texts.number(jacobian.sentence),
                "name": texts.number(f"∂{jacobian.y_name}/∂{jacobian.x_name}"),
                "size": [jacobian.rows, jacobian.columns],
                "dense": arrays.number(dense if dense is not None and dense.size > 1 else None),
            }


def _jacobian(trace: Trace, step: Step, wanted: int) -> Jacobian | None:
    """None where the forward is not in the trace, where x or y is no float array, and where they are very large."""
    forward = trace.steps[step.forward].call if step.forward is not None else None
    if step.op is None or step.call is None or forward is None:
        return None
    output = next((i for i, dy in enumerate(step.call.arrays) if dy is not None), 0)
    if np.size(step.call.arrays[output]) + np.size(forward.arrays[wanted]) > LARGEST:
        return None
    with np.errstate(all="ignore"):
        try:
            return local_jacobian(
                step.op, forward.arrays, forward.attrs, step.call.saved, wanted=wanted, output=output, limit=DENSE
            )
        except ValueError:
            return None
