"""What a card says, as the views without a browser print it: labelled lines and remarks."""

from __future__ import annotations

from dataclasses import dataclass

from nanonet.teach.trace import Change, Step, Trace
from nanonet.teach.views import arrays


@dataclass(frozen=True)
class CardText:
    """lines: (label, text, LaTeX or ""); remarks: sentences; entries: of how many the card can show one."""

    lines: tuple[tuple[str, str, str], ...]
    remarks: tuple[str, ...] = ()
    entries: int = 1


KINDS = {
    "seed": "the gradient of the loss with respect to itself",
    "unbroadcast": "the sum over the copies that broadcasting made",
    "accumulate": "one more use of this tensor adds one more term: +=",
    "hook": "a hook replaced the gradient",
    "store": "backward() puts the gradients into .grad",
    "update": "the optimizer's rule makes a new value from the value and its gradient",
    "assign": "the code wrote a new value into the tensor",
    "zero_grad": "the stored gradients are cleared, so that the next backward() does not add to them",
}


def card_text(trace: Trace, index: int, entry: int = 0) -> CardText:
    """The card of a step; `entry` counts through the entries of the array that the card expands."""
    step = trace.steps[index]
    lines: list[tuple[str, str, str]] = []
    if step.op is not None:
        latex = step.op.formulas("latex")
        wanted = [name for name in step.op.formulas() if (name[0] == "d") == (step.kind == "backward")]
        lines += [
            ("formula", f"{name} = {step.op.formulas()[name]}", _latex(name, latex.get(name, ""))) for name in wanted
        ]
    lines += [("result", text, "") for text in _results(trace, step)]
    remark = KINDS.get(step.kind, "")
    return CardText(tuple(lines), (f"{remark[0].upper()}{remark[1:]}.",) if remark else ())


def _latex(name: str, formula: str) -> str:
    return f"{name} = {formula}" if formula else ""


def _results(trace: Trace, step: Step) -> list[str]:
    found: list[str] = []
    for change in step.changes:
        value = "none" if change.after is None else arrays.inline(change.after, 60)
        found.append(f"{changed(trace, change)} = {value}")
    return found


def gradient_of(name: str) -> str:
    """ "dz"; "d(tanh 7)" for what has no name in the code."""
    return f"d({name})" if " " in name or "." in name else f"d{name}"


def changed(trace: Trace, change: Change) -> str:
    """What a change is of: z, dz, or w.grad."""
    name = trace.nodes[change.node].name
    return {"value": name, "grad": gradient_of(name), "stored": f"{name}.grad"}[change.part]
