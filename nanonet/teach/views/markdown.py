"""A trace as Markdown with LaTeX, for GitHub, notebooks and notes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from os import PathLike
from pathlib import Path

import numpy as np

from nanonet.teach.trace import Change, Debugger, Node, Site, Step, Trace
from nanonet.teach.views import arrays, latex
from nanonet.teach.views.cardtext import card_text
from nanonet.teach.views.progress import Progress, code, consumer, place

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
    touched = {node for i in chosen for node in (*trace.steps[i].inputs, *trace.steps[i].outputs)}
    parts += _table(trace, progress, touched)
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
    return f"`{site.function}`" if site.function.isidentifier() else f"`{site.name}`"


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
        parts.append(f"From `{Site(file, first).name}`, line {first}:")
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
        module = f", in {'.'.join(step.module)}" if step.module else ""
        parts.append(f"{place(step)}{module}: {inline_code(line)}")
    card = card_text(trace, step.index)
    formulas = [formula for label, _, formula in card.lines if formula and label != "entry"]
    if formulas:
        parts.append(block(" \\\\\n".join(formulas), "gathered" if len(formulas) > 1 else ""))
    parts += [f"{label.capitalize()} {prose(text)}." for label, text, _ in card.lines if label in ("where", "chain")]
    parts += [f"With {inline_code(text)}." for label, text, _ in card.lines if label == "with"]
    parts += [block(_whole(trace, change)) for change in step.changes]
    given = [one.node for one in step.contributions]
    for node in dict.fromkeys(step.outputs if step.kind == "accumulate" else given):
        parts += _terms(trace, node, progress, step.index + 1)
    return parts + [f"> {prose(remark)}" for remark in card.remarks]


def _whole(trace: Trace, change: Change) -> str:
    """What the step made, as a matrix."""
    name = trace.nodes[change.node].name
    left = {"value": latex.name(name), "grad": latex.gradient(name), "stored": latex.name(f"{name}.grad")}
    return f"{left[change.part]} = " + (r"\text{none}" if change.after is None else latex.array(change.after))


def _terms(trace: Trace, node: int, progress: Progress, position: int) -> list[str]:
    """By consumer, where there are several."""
    done, total = progress.count(node, position)
    if total < 2:
        return []
    of = latex.gradient(trace.nodes[node].name)
    rows = [f"- {consumer(trace, one)}: ${latex.array(one.array)}$" for one in progress.contributions(node, position)]
    return [f"${of}$ is a sum of {total} terms, one for each use; {done} of them so far:", "\n".join(rows)]


def prose(text: str) -> str:
    """A sentence in which nothing is taken for Markdown."""
    return re.sub(r"([\\`*_<$|])", r"\\\1", text)


def inline_code(text: str) -> str:
    """Within a line, also a text that has backticks."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def block(formula: str, environment: str = "") -> str:
    """A formula on lines of its own."""
    body = f"\\begin{{{environment}}}\n{formula}\n\\end{{{environment}}}" if environment else formula
    return f"$$\n{body}\n$$"


def _table(trace: Trace, progress: Progress, touched: set[int]) -> list[str]:
    end = Debugger(trace)
    end.seek(len(trace.steps))
    shown = [node for node in trace.nodes if node.kind != "number" and node.id in touched]
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
