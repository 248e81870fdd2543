"""One input's gradient beside its reference as HTML tables: a colour for the size, a letter for the verdict."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Sequence
from html import escape
from itertools import product

import numpy as np

from nanonet.gradcheck.report.cells import (
    BARS,
    LETTERS,
    ROUNDING,
    Blocks,
    Element,
    blocks,
    comparable,
    element,
    shares,
    tally,
    worst_places,
)
from nanonet.gradcheck.report.report import Comparison
from nanonet.gradcheck.report.text import brief, value
from nanonet.htmlpage import count

LEVELS = {  # upper ends of the colours' ranges, in units of the error that is allowed; the last colour is for the rest
    "pass": (1e-6, 1e-4, 1e-2, 1e-1),
    "fail": (10.0, 1e3, 1e5, 1e7),
}
INITIALS = {"pass": "p", "fail": "f", "kink": "k", "subgradient": "s", "inconclusive": "q"}  # of CSS classes
VIEWS = {
    "share": "error ÷ allowed",
    "analytic": "analytic",
    "numeric": "numeric",
    "error": "error",
    "bar": "error bar",
}
ROW = 64  # elements of a vector in one row
WIDE = 24  # columns from which the cells are small


def heatmap(one: Comparison, name: str, most: int = 4096, interactive: bool = True) -> str:
    """The figure for one input, with at most `most` cells; `name` makes the ids on a page unique."""
    shape = np.shape(one.numeric)
    title = f"<figcaption>Input {one.index}, {_size(shape)}</figcaption>"
    if not comparable(one):
        return f"<figure>{title}{_wrong_shape(one)}</figure>"
    if not np.size(one.numeric):
        return f"<figure>{title}<p>It has no elements, so there is nothing to compare.</p></figure>"
    shown = blocks(one, most)
    names = [_class(verdict, share) for verdict, share in _at(one, shown.places)]
    classes = np.empty(shown.shape, object)
    classes[...] = np.array(names, object).reshape(shown.shape)
    body = "".join(_slice(label, table, origin) for label, table, origin in _slices(classes, shown))
    worst = element(one, worst_places(one, 1)[0])
    parts = [
        title,
        _summary(one, shown),
        _switch(name) if interactive else "",
        f'<div class="legend">{legend(one)}</div>',
        f'<p class="read">{sentence(worst)}</p>',
        f'<div class="slices">{body}</div>',
        _data(one, shown) if interactive else "",
    ]
    identity = f' id="{name}"' if name else ""
    return f'<figure class="heatmap"{identity}>{"".join(parts)}</figure>'


def sentence(one: Element) -> str:
    """All that is known of one element."""
    numbers = [
        f"<b>element {list(one.at)}: {LETTERS.get(one.verdict, '')} {one.verdict or 'not kept'}</b>",
        f"analytic {value(one.analytic)}",
        f"numeric {value(one.numeric)} ± {brief(one.bar)}",
        f"error {brief(one.error, 3)}, {brief(one.share, 2)} times what is allowed",
    ]
    return "".join(f"<span>{number}</span> " for number in numbers)


def legend(one: Comparison) -> str:
    """The colours and letters that occur in it; the ranges in units of what is allowed."""
    swatches: list[str] = []
    for verdict in reversed(tally([one])):
        words = [verdict]
        if verdict in LEVELS:
            ends = [brief(end) for end in LEVELS[verdict]]
            first, last = ("0", "1") if verdict == "pass" else ("1", "∞")
            words = [f"{low} to {high}" for low, high in zip([first, *ends], [*ends, last], strict=True)]
        colours = [f"{INITIALS[verdict]}{i}" if len(words) > 1 else INITIALS[verdict] for i in range(len(words))]
        cells = [
            f'<span class="key"><span class="swatch {colour}">{LETTERS[verdict]}</span>{word}</span> '
            for colour, word in zip(colours, words, strict=True)
        ]
        label = f"<b>{verdict}</b> " if len(words) > 1 else ""
        swatches.append(f"<span>{label}{''.join(cells)}</span>")
    unit = f"The colour is the error ÷ what is allowed ({BARS:g} error bars and {brief(ROUNDING)} of the value)."
    return f"{''.join(swatches)}<span>{unit}</span>"


def _class(verdict: str, share: float) -> str:
    """The CSS class of a cell: the verdict's initial, and the level of its error where that has one."""
    level = bisect_left(LEVELS[verdict], share) if verdict in LEVELS else ""
    return f"{INITIALS.get(verdict, 'e')}{level}"


def _at(one: Comparison, places: Sequence[tuple[int, ...]]) -> list[tuple[str, float]]:
    share = shares(one)
    return [(str(one.verdicts[at]), float(share[at])) for at in places]


def _size(shape: tuple[int, ...]) -> str:
    if not shape:
        return "one number"
    return f"shape {shape}, {count(int(np.prod(shape)), 'element')}"


def _summary(one: Comparison, shown: Blocks) -> str:
    """How many have which verdict, and what a cell stands for."""
    counts = ", ".join(f"{n:,} {verdict}" for verdict, n in tally([one]).items())
    if shown.whole:
        return f'<p class="soft">{counts}</p>'
    block = "×".join(str(n) for n in shown.block)
    return (
        f'<p class="soft">{counts}. There are too many elements to show each: a cell stands for a block of {block} '
        "elements and shows the worst of them.</p>"
    )


def _wrong_shape(one: Comparison) -> str:
    given, wanted = np.shape(one.analytic), np.shape(one.numeric)
    arrays = "\n".join(
        f"{name} {array.shape} =\n{np.array2string(array, threshold=100, precision=6)}"
        for name, array in (("analytic", np.asarray(one.analytic)), ("numeric", np.asarray(one.numeric)))
    )
    return f"<p>The gradient has shape {given}, the input {wanted}.</p><pre>{escape(arrays)}</pre>"


Table = tuple[list[str], list[str], list[list[str]]]  # row labels, column labels, classes


def _slices(classes: np.ndarray, shown: Blocks) -> list[tuple[str, Table, int]]:
    """Matrices: (label, table, number of its first cell)."""
    if classes.ndim < 2:
        row = classes.reshape(-1)
        step = shown.block[0] if shown.block else 1
        lines = [row[i : i + ROW] for i in range(0, len(row), ROW)]
        names = [f"{i * ROW * step}…" for i in range(len(lines))] if len(lines) > 1 else [""]
        columns = [str(j * step) for j in range(len(lines[0]))] if classes.ndim else [""]
        return [("", (names, columns, [list(line) for line in lines]), 0)]
    rows, columns = ([str(i * b) for i in range(n)] for n, b in zip(classes.shape[-2:], shown.block[-2:], strict=True))
    found: list[tuple[str, Table, int]] = []
    for i, leading in enumerate(product(*(range(n) for n in classes.shape[:-2]))):
        names = [_span(k, b) for k, b in zip(leading, shown.block, strict=False)]
        label = f"[{', '.join([*names, ':', ':'])}]" if leading else ""
        found.append((label, (rows, columns, classes[leading].tolist()), i * len(rows) * len(columns)))
    return found


def _span(cell: int, block: int) -> str:
    return str(cell) if block == 1 else f"{cell * block}:{(cell + 1) * block}"


def _slice(label: str, table: Table, origin: int) -> str:
    """One matrix of cells, numbered from `origin` in C order."""
    rows, columns, classes = table
    dense = len(columns) > WIDE
    every = 8 if dense else 1
    top = "".join(f"<th>{name if j % every == 0 else ''}</th>" for j, name in enumerate(columns))
    letters = {initial: LETTERS[verdict] for verdict, initial in INITIALS.items()}
    lines = [
        f"<tr><th>{name}</th>" + "".join(f'<td class="{c}">{letters.get(c[0], "")}</td>' for c in line) + "</tr>"
        for name, line in zip(rows, classes, strict=True)
    ]
    caption = f"<caption>{label}</caption>" if label else ""
    kind = ' class="dense"' if dense else ""
    return (
        f'<div class="scroll"><table{kind} data-first="{origin}">{caption}'
        f"<thead><tr><th></th>{top}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _switch(name: str) -> str:
    """Which of the numbers the cells show."""
    choices = "".join(
        f'<label><input type="radio" name="view-{name}" value="{view}"{" checked" if view == "share" else ""}> '
        f"{words}</label>"
        for view, words in VIEWS.items()
    )
    return f'<fieldset class="choice"><legend>Show</legend>{choices}</fieldset>'


def _data(one: Comparison, shown: Blocks) -> str:
    """The numbers of every cell for the script, the bars rounded; their indices where not every element is there."""
    found: dict[str, object] = {"shape": np.shape(one.numeric)}
    for name in ("analytic", "numeric", "bar"):
        array = np.asarray(getattr(one, name), np.float64)
        numbers = [float(array[at]) for at in shown.places]
        if name == "bar":
            numbers = [float(f"{number:.6g}") for number in numbers]
        found[name] = [number if np.isfinite(number) else str(number) for number in numbers]
    found["verdicts"] = "".join(INITIALS.get(str(one.verdicts[at]), "e") for at in shown.places)
    if not shown.whole:
        found["at"] = shown.places
    text = json.dumps(found, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return f'<script type="application/json">{text}</script>'
