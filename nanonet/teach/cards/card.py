"""The card of a step: its formula, the same with the numbers of one entry put in, the result, and what to notice.

    c = card(trace, 6)
    print(*c.lines, *c.remarks, sep="\\n")

The result is the engine's own number, from the trace. The formula of the entry comes from running the step's rule on
symbolic arrays (`nanonet.teach.cards.expansion`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from nanonet.teach.cards.chain import Link, chain_link
from nanonet.teach.cards.expansion import Expansion
from nanonet.teach.cards.expansion.notation import number
from nanonet.teach.cards.remarks import remarks_on
from nanonet.teach.cards.targets import Target, targets_of
from nanonet.teach.trace.model import Step, Trace


@dataclass(frozen=True)
class Card:
    """What to show of one step.

    title       "linear, backward: dw"
    formula     as the op's or the rule's author wrote it: "dw = dyᵀ x"
    legend      which tensor each letter is: (("x", "relu 4"), ("w", "model.2.weight"))
    choices     the arrays that the step made: whose formula can be shown, by `which`
    which       the one that is shown, and `entry`, its index there: any index within `choices[which].shape`
    expansion   the entry's formula in all its notations; None where there is no entry, or the rule of an operation
                of the user's own cannot be written out
    lines       three: the formula, the entry with the numbers put in, the result
    latex       the same three for between $$
    link        of an op's backward: upstream, local derivative and their product
    remarks     sentences
    where       "model.py:12", or ""
    """

    step: int
    title: str
    formula: str
    latex_formula: str
    legend: tuple[tuple[str, str], ...]
    choices: tuple[Target, ...]
    which: int
    entry: tuple[int, ...]
    expansion: Expansion | None
    lines: tuple[str, str, str]
    latex: tuple[str, str, str]
    link: Link | None = None
    remarks: tuple[str, ...] = ()
    where: str = ""
    definitions: tuple[str, ...] = field(default=())

    @property
    def symbols(self) -> str:
        """The entry's formula with names: dw[0, 1] = dy[0, 0]·x[0, 1] + dy[1, 0]·x[1, 1]; else the second line."""
        computed = self.expansion is not None and self.lines[1] == self.expansion.numbers
        return self.expansion.symbols if self.expansion and computed else self.lines[1]

    def __str__(self) -> str:
        names = ", ".join(f"{letter} is {name}" for letter, name in self.legend)
        middle = (self.symbols,) if self.symbols != self.lines[1] else ()
        rows = [self.title, self.formula, f"  {names}" if names else "", *self.definitions, *middle, *self.lines[1:]]
        rows += [str(self.link)] if self.link else []
        return "\n".join(row for row in [*rows, *self.remarks, self.where] if row)


def card(trace: Trace, step: int, entry: Sequence[int] | int | None = None, which: int | None = None) -> Card:
    """The card of step number `step`.

    which   which of the arrays that the step made (`Card.choices`); by default a parameter's gradient, else the first
    entry   which entry of it; by default the one of the largest magnitude

    Raises IndexError for a step, an array or an entry that does not exist.
    """
    if isinstance(entry, int | np.integer):
        entry = (int(entry),)
    if not 0 <= step < len(trace.steps):
        raise IndexError(f"card: the trace has the steps 0 to {len(trace.steps) - 1}, got {step}")
    made = trace.steps[step]
    choices = targets_of(trace, made)
    if not choices:
        return _empty(made)
    if which is None:
        which = next((i for i, t in enumerate(choices) if t.node and t.node.kind == "parameter"), 0)
    if not 0 <= which < len(choices):
        raise IndexError(f"card: step {step} made {len(choices)} arrays, 0 to {len(choices) - 1}, got which={which}")
    target = choices[which]
    chosen = telling_entry(target.value) if entry is None else tuple(int(i) for i in entry)
    if not target.value.size:
        chosen = ()
    elif len(chosen) != len(target.shape) or any(not 0 <= i < n for i, n in zip(chosen, target.shape, strict=True)):
        raise IndexError(f"card: {target.name} of step {step} has shape {target.shape}, got entry {chosen}")
    expansion, why_not = _expanded(target, chosen)
    lines, latex = _lines(target, chosen, expansion, why_not)
    remarks = remarks_on(trace, made, target, chosen)
    if expansion:
        rounding = [line.remark for line in (*expansion.where, expansion) if line.remark]
        remarks = (*(f"Because {reason}." for reason in expansion.because), *rounding, *remarks)
    return Card(
        step=step,
        title=target.title,
        formula=target.formula,
        latex_formula=target.latex,
        legend=tuple((letter, name) for letter, name in target.legend if letter != name),
        choices=choices,
        which=which,
        entry=chosen,
        expansion=expansion,
        lines=lines,
        latex=latex,
        link=chain_link(trace, made, target, chosen, expansion),
        remarks=remarks,
        where=_place(made),
        definitions=tuple(f"{w.symbols} = {w.substituted} = {w.result}" for w in expansion.where) if expansion else (),
    )


def telling_entry(value: np.ndarray) -> tuple[int, ...]:
    """The entry of the largest magnitude; the first where all are alike, or none is finite; () of an empty array."""
    if not value.size or not value.ndim:
        return ()
    sizes = np.abs(np.where(np.isfinite(value), value, 0)).astype(np.float64).reshape(-1)
    return tuple(int(i) for i in np.unravel_index(int(sizes.argmax()), value.shape))


def _expanded(target: Target, entry: tuple[int, ...]) -> tuple[Expansion | None, str]:
    """The entry's formula; or None, and why there is none."""
    if not target.value.size:
        return None, "an empty array: there is no entry to show"
    if target.value.dtype.kind == "c":
        return None, "complex numbers are not written out"
    try:
        return target.expand(entry), ""
    except Exception:  # an operation of the user's own may do what only arrays can
        return None, "No entry can be worked out here: the rule uses more than the functions of xp"


def _lines(
    target: Target, entry: tuple[int, ...], expansion: Expansion | None, why_not: str
) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
    if expansion is None:
        result = ""
        if target.value.size:
            value = target.value[entry]
            shown = f"{value:.4g}" if target.value.dtype.kind == "c" else number(float(value), 4)
            result = f"{target.name}[{', '.join(map(str, entry))}] = {shown}" if entry else f"{target.name} = {shown}"
        return (target.formula, why_not, result), (target.latex, rf"\text{{{why_not}}}", rf"\text{{{result}}}")
    if target.before is not None and expansion.formula == expansion.substituted:  # put there, not computed
        was = f"{expansion.left} was {number(float(target.before[entry]), 4)}"
        now = f"{expansion.left} = {'nothing' if target.gone else expansion.result}"
        return (target.formula, was, now), (target.latex, rf"\text{{{was}}}", rf"\text{{{now}}}")
    left = expansion.latex_left
    return (
        (target.formula, expansion.numbers, f"{expansion.left} = {expansion.result}"),
        (target.latex, f"{left} = {expansion.latex_substituted}", f"{left} = {expansion.latex_result}"),
    )


def _empty(step: Step) -> Card:
    """Of a step that made nothing."""
    lines = (step.title, "nothing is computed", "")
    return Card(step.index, step.title, step.title, "", (), (), 0, (), None, lines, ("", "", ""), where=_place(step))


def _place(step: Step) -> str:
    return step.site.place if step.site else ""
