"""What a card says, as the views without a browser print it: labelled lines and remarks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nanonet.teach.cards.card import Card, card
from nanonet.teach.cards.jacobian import Jacobian, local_jacobian
from nanonet.teach.trace import Change, Step, Trace

Entry = tuple[int, ...]


@dataclass(frozen=True)
class CardText:
    """lines: (label, text, LaTeX or ""); remarks: sentences; choices: names of the arrays that can be shown, and
    `which` of them and which `entry` of it is."""

    title: str
    lines: tuple[tuple[str, str, str], ...]
    remarks: tuple[str, ...] = ()
    choices: tuple[tuple[str, Entry], ...] = ()  # (name, shape)
    which: int = 0
    entry: Entry = ()


def card_text(trace: Trace, index: int, which: int | None = None, entry: Entry | None = None) -> CardText:
    """The card of a step. Of an operation whose rule cannot be shown entry by entry it has the formulas, and why."""
    step = trace.steps[index]
    try:
        found = card(trace, index, entry, which)
    except Exception as error:  # a rule of the user's own may do what no card can follow
        return _without(step, error)
    return CardText(
        title=found.title,
        lines=tuple(_lines(found)),
        remarks=found.remarks,
        choices=tuple((target.name, target.shape) for target in found.choices),
        which=found.which,
        entry=found.entry,
    )


def _lines(found: Card) -> list[tuple[str, str, str]]:
    formula, numbers, result = found.lines
    lines = [("formula", formula, found.latex_formula)]
    if found.legend:
        lines.append(("where", ", ".join(f"{letter} is {name}" for letter, name in found.legend), ""))
    lines += [("with", definition, "") for definition in found.definitions]
    if found.expansion is not None and found.symbols != numbers:
        left = found.expansion.latex_left
        lines.append(("entry", found.symbols, f"{left} = {found.expansion.latex_formula}"))
    if numbers != result:
        lines.append(("numbers", numbers, found.latex[1]))
    lines.append(("result", result, found.latex[2]))
    if found.link is not None:
        lines.append(("chain", str(found.link), ""))
    return [line for line in lines if line[1]]


def _without(step: Step, error: Exception) -> CardText:
    formulas, latex = (step.op.formulas(), step.op.formulas("latex")) if step.op else ({}, {})
    wanted = [name for name in formulas if (name[0] == "d") == (step.kind == "backward")]
    lines = [("formula", f"{one} = {formulas[one]}", f"{one} = {latex[one]}" if one in latex else "") for one in wanted]
    why = " ".join(str(error).split())
    return CardText(step.title, tuple(lines), (f"No entry can be worked out here: {type(error).__name__}: {why}",))


def jacobian_of(trace: Trace, step: Step, which: int | None = None) -> Jacobian | None:
    """The local Jacobian of an operation's backward, for the input whose gradient the card shows; None elsewhere."""
    if step.kind != "backward" or step.op is None or step.forward is None:
        return None
    call = trace.steps[step.forward].call
    if call is None:
        return None
    try:
        found = card(trace, step.index, None, which)
        target = found.choices[found.which]
        with np.errstate(all="ignore"):
            return local_jacobian(step.op, call.arrays, call.attrs, wanted=target.position)
    except Exception:  # as above: the card says why
        return None


def gradient_of(name: str) -> str:
    """ "dz"; "d(tanh 7)" for what has no name in the code."""
    return f"d({name})" if " " in name or "." in name else f"d{name}"


def changed(trace: Trace, change: Change) -> str:
    """What a change is of: z, dz, or w.grad."""
    name = trace.nodes[change.node].name
    return {"value": name, "grad": gradient_of(name), "stored": f"{name}.grad"}[change.part]
