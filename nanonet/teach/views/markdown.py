"""A trace as Markdown with LaTeX, for GitHub, notebooks and notes."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path

import numpy as np

from nanonet.teach.trace import Debugger, Node, Step, Trace
from nanonet.teach.views import arrays, latex
from nanonet.teach.views.cardtext import card_text
from nanonet.teach.views.progress import Progress, consumer, place
from nanonet.teach.views.stepper import code

MOST_CODE = 120  # lines of a file


def to_markdown(
    trace: Trace, path: str | PathLike[str] | None = None, steps: Iterable[int] | None = None, title: str = ""
) -> str:
    """The code, a section for each step (or those of `steps`, counted from 0), and a table of what came out.

    Formulas are in LaTeX between $$. Written to `path` if one is given. Raises IndexError for a step that is not there.
    """
    chosen = range(len(trace.steps)) if steps is None else sorted({_checked(trace, index) for index in steps})
    progress = Progress(trace)
    parts = [f"# {title or name_of(trace)}", f"{trace!r}.", *_code(trace)]
    phase = ""
    for index in chosen:
        step = trace.steps[index]
        if step.phase != phase:
            phase = step.phase
            parts.append(f"## {phase.capitalize()}")
        parts += _section(trace, step, progress)
    parts += _table(trace, progress)
    text = "\n\n".join(parts) + "\n"
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


def _checked(trace: Trace, index: int) -> int:
    if not -len(trace.steps) <= index < len(trace.steps):
        raise IndexError(f"to_markdown: expected steps from 0 to {len(trace.steps) - 1}, got {index}")
    return index % len(trace.steps)


def name_of(trace: Trace) -> str:
    """The function that was traced, as far as the lines of code tell."""
    site = next((step.site for step in trace.steps if step.site), None)
    if site is None:
        return "A trace"
    return f"`{site.function}`" if site.function.isidentifier() else f"`{site.file.rsplit('/', 1)[-1]}`"


def _code(trace: Trace) -> list[str]:
    """The lines that the steps point into, from the definition above them on."""
    parts: list[str] = []
    for file, lines in trace.sources.items():
        used = [step.site.line for step in trace.steps if step.site and step.site.file == file]
        if not lines or not used:
            continue
        first, last = min(used), min(max(used), min(used) + MOST_CODE)
        above = (n for n in range(first, max(first - 40, 0), -1) if lines[n - 1].lstrip().startswith("def "))
        first = next(above, first)
        parts.append(f"From `{file.rsplit('/', 1)[-1]}`, line {first}:")
        parts.append(fenced("\n".join(lines[first - 1 : last]), "python"))
    return parts


def fenced(text: str, language: str = "") -> str:
    """A code block, with more backticks than the text has anywhere."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def _section(trace: Trace, step: Step, progress: Progress) -> list[str]:
    names = ", ".join(f"`{trace.nodes[node].name}`" for node in step.outputs)
    parts = [f"### {step.index + 1}. {step.title}{f': {names}' if names else ''}"]
    line = code(trace, step)
    if line:
        parts.append(f"{place(step)}" + (f", in {'.'.join(step.module)}" if step.module else "") + f": `{line}`")
    card = card_text(trace, step.index)
    for label, text, formula in card.lines:
        parts.append(block(formula) if formula else f"{label}: {text}")
    for change in step.changes:
        node = trace.nodes[change.node]
        left = {
            "value": latex.name(node.name),
            "grad": latex.gradient(node.name),
            "stored": rf"\mathrm{{{node.name}.grad}}",
        }
        right = r"\text{none}" if change.after is None else latex.array(change.after)
        parts.append(block(f"{left[change.part]} = {right}"))
    for node in dict.fromkeys(one.node for one in step.contributions):
        terms = progress.contributions(node, step.index + 1)
        done, total = progress.count(node, step.index + 1)
        if total > 1:
            listed = ", ".join(consumer(trace, one) for one in terms)
            parts.append(
                f"Terms of {symbol(latex.gradient(trace.nodes[node].name))} so far, {done} of {total}: {listed}."
            )
    parts += [f"> {remark}" for remark in card.remarks]
    return parts


def symbol(formula: str) -> str:
    """A formula within a line."""
    return f"${formula}$"


def block(formula: str) -> str:
    """A formula on lines of its own."""
    return f"$$\n{formula}\n$$"


def _table(trace: Trace, progress: Progress) -> list[str]:
    end = Debugger(trace)
    end.seek(len(trace.steps))
    shown = [node for node in trace.nodes if node.kind != "number"]
    rows = ["| tensor | shape | value | gradient |", "|---|---|---|---|"]
    for node in shown:
        cells = [f"`{node.name}`", arrays.shape(node.shape), _cell(end.value(node.id)), _gradient(end, progress, node)]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return ["## Values and gradients at the end", "\n".join(rows)]


def _cell(array: np.ndarray | None) -> str:
    return "not yet" if array is None else arrays.inline(array, 48)


def _gradient(end: Debugger, progress: Progress, node: Node) -> str:
    grad = end.grad(node.id)
    return progress.words(node.id, end.position) if grad is None else _cell(grad)
