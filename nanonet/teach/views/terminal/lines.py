"""The stepper without a screen: commands are lines, answers are plain text. For pipes, and for plain terminals."""

from __future__ import annotations

from collections import Counter
from typing import TextIO

import numpy as np
from rich.cells import cell_len

from nanonet.teach.trace import Trace
from nanonet.teach.views import arrays
from nanonet.teach.views.cardtext import changed
from nanonet.teach.views.progress import code, consumer, place
from nanonet.teach.views.terminal.commands import COMMANDS, find_command
from nanonet.teach.views.terminal.stepper import Stepper
from nanonet.teach.views.terminal.text import clean, columns, cut, wrapped

WIDTH = 80
MOST_TENSORS = 24


def run_lines(stepper: Stepper, commands: TextIO, answers: TextIO, prompt: str = "") -> None:
    """Read commands, one a line, until `q` or the end of the input; write after each what there is to see."""

    def say(lines: list[str]) -> None:
        answers.write("".join(f"{line}\n" for line in lines))
        answers.write(prompt)
        answers.flush()

    noted = f"; {len(stepper.notes)} errata, x shows them" if stepper.notes else ""
    say([f"{stepper.title}: {len(stepper.trace.steps)} steps; h lists the commands{noted}", *here(stepper)])
    while not stepper.done:
        line = commands.readline()
        if not line:
            break
        say(answer(stepper, line.strip()))


def answer(stepper: Stepper, line: str) -> list[str]:
    """Carry out one line and say what there is to see then. An empty line is one step on."""
    word, _, argument = line.partition(" ")
    if word[:1] == "/" and len(word) > 1:  # /tanh
        word, argument = "/", line[1:]
    try:
        command = find_command(word or "next")
    except ValueError as error:
        return wrapped(str(error), WIDTH)
    before = stepper.position, stepper.which, stepper.entry
    stepper.do(command.run, argument)
    if stepper.done:
        return []
    lines = wrapped(clean(stepper.message), WIDTH) if stepper.message else []
    overlay, stepper.overlay = stepper.overlay, ""
    if overlay == "help":
        return help_lines()
    if overlay == "inspect":
        return [*lines, *tensor_lines(stepper, stepper.inspected)]
    if overlay == "jacobian":
        return [*lines, *jacobian_lines(stepper)]
    if overlay == "errata":
        return [*lines, *wrapped(clean(stepper.errata()), WIDTH)]
    changed = (stepper.position, stepper.which, stepper.entry) != before
    return [*lines, *here(stepper)] if changed or not lines else lines


def here(stepper: Stepper) -> list[str]:
    """The step that was made last: where it is, its card, and the tensors that it has to do with."""
    step = stepper.step
    if step is None:
        return ["", f"start, before step 1 of {len(stepper.trace.steps)}", *_tensors(stepper)]
    where = " · ".join(part for part in (step.phase, ".".join(step.module), step.title, place(step)) if part)
    lines = ["", f"step {step.index + 1} of {len(stepper.trace.steps)} · {where}"]
    if code(stepper.trace, step):
        lines.append(cut(f"    {clean(code(stepper.trace, step))}", WIDTH))
    card = stepper.card()
    assert card is not None, "there is a step"
    for label, text, _ in card.lines:
        lines += wrapped(clean(text), WIDTH, f"  {label:<8} ")
    for remark in card.remarks:
        lines += wrapped(clean(remark), WIDTH, "  ")
    return [*lines, *_tensors(stepper)]


def jacobian_lines(stepper: Stepper) -> list[str]:
    """The local Jacobian of the step that was made last."""
    found = stepper.jacobian()
    assert found is not None, "the command looked"
    return found.text.split("\n")


def _tensors(stepper: Stepper) -> list[str]:
    involved = stepper.involved()
    nodes = [stepper.trace.nodes[number] for number in involved[:MOST_TENSORS]]
    wide = min(24, max((cell_len(node.name) for node in nodes), default=0))
    lines: list[str] = []
    for node in nodes:
        value, gradient, words = in_short(stepper, node.id, WIDTH - wide - 10)
        lines.append(f"  {columns(node.name, wide)}  value {value}")
        lines.append(f"  {'':<{wide}}  grad  {gradient or words}")
        terms = terms_in_short(stepper, node.id) if gradient else ""
        if terms:
            lines += wrapped(terms, WIDTH, f"  {'':<{wide}}        ")
    left_out = len(involved) - len(nodes)
    return [*lines, f"  … and {left_out:,} more tensors; inspect NAME shows one"] if left_out else lines


def in_short(stepper: Stepper, node: int, room: int) -> tuple[str, str, str]:
    """(value, gradient, words about the gradient) of a node at the position; gradient is "" where there is none."""
    value, grad = stepper.debugger.value(node), stepper.debugger.grad(node)
    words = stepper.progress.words(node, stepper.position)
    shown = "not yet" if value is None else arrays.inline(value, room)
    return shown, "" if grad is None else arrays.inline(grad, room), words


def terms_in_short(stepper: Stepper, node: int) -> str:
    """ "1 of 2 terms so far: from add of step 5"; "" where one term is all there is."""
    words = stepper.progress.words(node, stepper.position)
    terms = stepper.progress.contributions(node, stepper.position)
    if len(terms) < 2 and not words:
        return ""
    return f"{words or f'{len(terms)} terms'}: from " + ", ".join(consumer(stepper.trace, term) for term in terms)


def tensor_lines(stepper: Stepper, node: int, width: int = WIDTH) -> list[str]:
    """All about one tensor at the position: its value, its gradient, and the terms of it by consumer."""
    one = stepper.trace.nodes[node]
    kind = f"made by {one.op}" if one.op else one.kind
    lines = [f"{one.name}: {kind}, {arrays.shape(one.shape)}, {one.dtype}"]
    value = stepper.debugger.value(node)
    lines += _block("value", value, "not yet" if value is None else "", width)
    words = stepper.progress.words(node, stepper.position)
    lines += _block("gradient", stepper.debugger.grad(node), words, width)
    terms = stepper.progress.contributions(node, stepper.position)
    if len(terms) > 1 or words.endswith("so far"):
        for term in terms:
            lines += _block(f"+ from {consumer(stepper.trace, term)}", term.array, "", width)
    stored = stepper.debugger.state.stored(node)
    if stored is not None and one.kind != "result":
        same = np.array_equal(stored, np.asarray(stepper.debugger.grad(node)), equal_nan=True)
        lines += [".grad: the same"] if same else _block(".grad", stored, "", width)
    return lines


def _block(label: str, array: np.ndarray | None, words: str, width: int) -> list[str]:
    if array is None:
        return [f"{label}: {words}"]
    note = f" ({words})" if words else ""
    if array.ndim == 0:
        return [f"{label}: {arrays.number(array[()], 6)}{note}"]
    return [f"{label}{note}", *(f"  {row}" for row in arrays.rows(array, width - 2))]


def help_lines() -> list[str]:
    """The commands with their short forms; a word's beginning is enough."""
    lines = []
    for command in COMMANDS:
        short = ", ".join(key for key in command.keys if len(key) == 1)
        lines.append(f"{command.word:<9} {short:<5} {command.help}")
    return [*lines, "an empty line is one step on; next 5, jump tanh, inspect w, break 12 say more"]


def summary(trace: Trace) -> str:
    """One line about a trace."""
    phases = Counter(step.phase for step in trace.steps)
    parts = ", ".join(f"{count:,} {phase}" for phase, count in phases.items()) or "none"
    tensors = sum(node.kind != "number" for node in trace.nodes)
    return f"Trace of {len(trace.steps):,} steps ({parts}) and {tensors:,} tensors"


def table(trace: Trace) -> str:
    """All steps, one a line: number, phase, what is computed, where, and what came out."""
    digits = len(str(len(trace.steps)))
    titles = [clean(".".join([*step.module, step.title])) for step in trace.steps]
    wide = min(max(map(cell_len, titles), default=0), 24)
    site = min(max((cell_len(place(step)) for step in trace.steps), default=0), 16)
    lines = [summary(trace)]
    for step, title in zip(trace.steps, titles, strict=True):
        head = f"{step.index + 1:>{digits}}  {step.phase:<8}  {columns(title, wide)}  {columns(place(step), site)}  "
        made = [clean(changed(trace, change)) for change in step.changes]
        room = WIDTH - cell_len(head) - cell_len(made[0]) - 3 if len(made) == 1 else 0
        array = step.changes[0].after if len(made) == 1 else None
        text = "" if array is None else arrays.inline(array, room)
        value = f" = {text}" if text and cell_len(text) <= room else ""
        lines.append(cut(head + ", ".join(made) + value, WIDTH).rstrip())
    return "\n".join(lines)
