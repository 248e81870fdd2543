"""What the commands do to a stepper. Each takes the stepper and the words behind the command."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from nanonet.teach.trace import Step, Trace
from nanonet.teach.views import arrays
from nanonet.teach.views.cardtext import CardText
from nanonet.teach.views.progress import code
from nanonet.teach.views.terminal.stepper import Stepper


def step_on(stepper: Stepper, argument: str) -> None:
    count = _count(argument)
    if stepper.position == len(stepper.debugger):
        stepper.message = "this is the end; b goes back, q quits"
    stepper.seek(stepper.position + count)


def step_back(stepper: Stepper, argument: str) -> None:
    count = _count(argument)
    if not stepper.position:
        stepper.message = "this is the start; n goes on"
    stepper.seek(stepper.position - count)


def _count(argument: str) -> int:
    if argument and not argument.isdigit():
        raise ValueError(f"expected how many steps, got {argument!r}")
    return int(argument or 1)


def step_over(stepper: Stepper, argument: str) -> None:
    if stepper.debugger.next is None:
        return step_on(stepper, "")
    stepper.seek(stepper.folds.beyond(stepper.debugger.next.index) + 1)


def to_phase(phase: str) -> Callable[[Stepper, str], None]:
    def to(stepper: Stepper, argument: str) -> None:
        first = [s.index for s in stepper.trace.steps if s.phase == phase and _begins(stepper.trace, s.index)]
        if not first:
            stepper.message = f"there is no {phase} in this trace"
            return
        later = [index for index in first if index + 1 > stepper.position]
        stepper.seek((later or first)[0] + 1)

    return to


def _begins(trace: Trace, index: int) -> bool:
    return index == 0 or trace.steps[index - 1].phase != trace.steps[index].phase


def jump(stepper: Stepper, argument: str) -> None:
    """To a position by number, else to the next step that an operation, tensor or line names; from the start again."""
    if not argument:
        raise ValueError("jump where? a number, an operation, a tensor, or line 12")
    if argument in ("start", "end"):
        return stepper.seek(0 if argument == "start" else len(stepper.debugger))
    if argument.lstrip("-").isdigit():
        return stepper.debugger.seek(int(argument))
    target = stepper.debugger.target(_named(argument))
    _to(stepper, lambda step: target.matches(stepper.trace, step))


def _named(argument: str) -> str:
    """ "line 12" and ":12" are lines; Debugger.target knows the rest."""
    words = argument.split()
    return words[1] if len(words) == 2 and words[0] == "line" else argument.removeprefix(":")


def _to(stepper: Stepper, fits: Callable[[Step], bool]) -> None:
    """To the next step that fits, after the end again from the start."""
    count, here = len(stepper.debugger), stepper.position
    for index in [*range(here, count), *range(here)]:
        if fits(stepper.trace.steps[index]):
            if index < here:
                stepper.message = "none ahead: from the start again"
            return stepper.seek(index + 1)
    raise ValueError("no such step")


def _all_words(trace: Trace, step: Step) -> str:
    names = [trace.nodes[node].name for node in (*step.inputs, *step.outputs)]
    return " ".join([step.title, step.kind, *names, ".".join(step.module), code(trace, step)]).lower()


def find(stepper: Stepper, argument: str) -> None:
    """The next step with this text in its operation, tensors, module or line of code; nothing: the last text again."""
    stepper.sought = argument or stepper.sought
    if not stepper.sought:
        raise ValueError("find what? a part of a name, or of the line of code")
    text = stepper.sought.lower()
    try:
        _to(stepper, lambda step: text in _all_words(stepper.trace, step))
    except ValueError:
        raise ValueError(f"nothing found for {stepper.sought!r}") from None


def fold(stepper: Stepper, argument: str) -> None:
    if argument == "all":
        stepper.message = "all modules folded" if stepper.folds.toggle_all() else "all modules unfolded"
        return
    step = stepper.step or stepper.debugger.next
    name = stepper.folds.toggle(step.index) if step is not None else ""
    stepper.message = name or "this step is in no module"


def fold_all(stepper: Stepper, argument: str) -> None:
    fold(stepper, "all")


def inspect(stepper: Stepper, argument: str) -> None:
    involved = stepper.involved()
    if not argument and not involved:
        raise ValueError("inspect which tensor?")
    if argument.isdigit() and int(argument) < len(stepper.trace.nodes):
        stepper.inspected = int(argument)
    else:
        stepper.inspected = stepper.debugger.node(argument) if argument else involved[-1]
    stepper.overlay, stepper.scroll = "inspect", 0


def run_on(stepper: Stepper, argument: str) -> None:
    if stepper.debugger.run() is None:
        stepper.message = "no breakpoint ahead: the end" if stepper.debugger.breakpoints else "no breakpoint: the end"


def toggle_breakpoint(stepper: Stepper, argument: str) -> None:
    """On the current line, or where the argument says; a second time takes it away."""
    if not argument:
        step = stepper.step or stepper.debugger.next
        if step is None or step.site is None:
            raise ValueError("this step has no line of code; name an operation, a tensor or a line")
        argument = step.site.place
    target = stepper.debugger.target(_named(argument))
    if target in stepper.debugger.breakpoints:
        stepper.debugger.breakpoints.remove(target)
        stepper.message = f"no breakpoint any more at {target}"
    else:
        stepper.debugger.breakpoints.append(target)
        stepper.message = f"breakpoint at {target}; c runs there"


def move_entry(move: int) -> Callable[[Stepper, str], None]:
    """To the next or the previous entry, in the order of reading; after the last the first."""

    def change(stepper: Stepper, argument: str) -> None:
        card, shape = _shown_array(stepper)
        flat = int(np.ravel_multi_index(card.entry, shape)) if shape else 0
        to_entry(stepper, card.which, np.unravel_index((flat + move) % max(math.prod(shape), 1), shape))

    return change


def move_array(move: int) -> Callable[[Stepper, str], None]:
    def change(stepper: Stepper, argument: str) -> None:
        card, _ = _shown_array(stepper)
        to_entry(stepper, (card.which + move) % len(card.choices), None)

    return change


def _shown_array(stepper: Stepper) -> tuple[CardText, tuple[int, ...]]:
    card = stepper.card()
    if card is None or not card.choices:
        raise ValueError("there is no array on this card")
    return card, card.choices[card.which][1]


def to_entry(stepper: Stepper, which: int, entry: Iterable[Any] | None) -> None:
    """Show this entry of this array on the card."""
    stepper.which, stepper.entry = which, None if entry is None else tuple(int(i) for i in entry)
    card, shape = _shown_array(stepper)
    at = f"[{', '.join(map(str, card.entry))}] of {arrays.shape(shape)}" if shape else ""
    number = f", array {which + 1} of {len(card.choices)}" if len(card.choices) > 1 else ""
    stepper.message = f"{card.choices[which][0]}{at}{number}"


def entry_at(stepper: Stepper, argument: str) -> None:
    """ "1,0", or with the array's name "dw 1,0"."""
    card, _ = _shown_array(stepper)
    names = [name for name, _ in card.choices]
    name, _, place = argument.partition(" ") if argument.partition(" ")[0] in names else ("", "", argument)
    which = names.index(name) if name else card.which
    shape = card.choices[which][1]
    numbers = place.replace(",", " ").split()
    if not all(one.isdigit() for one in numbers) or (place and len(numbers) != len(shape)):
        raise ValueError(f"expected an entry of {names[which]}, {arrays.shape(shape)}, as 0,1; got {argument!r}")
    if any(int(one) >= size for one, size in zip(numbers, shape, strict=False)):
        raise ValueError(f"{names[which]} is {arrays.shape(shape)}, counted from 0; got {argument!r}")
    to_entry(stepper, which, [int(one) for one in numbers] if place else None)


def show_jacobian(stepper: Stepper, argument: str) -> None:
    if stepper.jacobian() is None:
        raise ValueError("a local Jacobian belongs to the backward of an operation; w goes to the backward")
    stepper.overlay, stepper.scroll = "jacobian", 0


def show_help(stepper: Stepper, argument: str) -> None:
    stepper.overlay, stepper.scroll = "help", 0


def show_errata(stepper: Stepper, argument: str) -> None:
    """All in short, or one by its number with what comes out when it is run."""
    if not stepper.notes:
        raise ValueError("there are no errata here; they come with --document D0")
    if argument and not (argument.isdigit() and 0 < int(argument) <= len(stepper.notes)):
        raise ValueError(f"expected a number from 1 to {len(stepper.notes)}, got {argument!r}")
    stepper.note = int(argument or 0)
    stepper.overlay, stepper.scroll = "errata", 0


def leave(stepper: Stepper, argument: str) -> None:
    stepper.done = True
