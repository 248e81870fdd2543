"""Text in a terminal's columns, where some characters take two."""

from __future__ import annotations

import re

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.text import Text

_CONTROLS = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160)], "?")


def clean(text: str) -> str:
    """Without tabs and control characters: what came from the user's file cannot move the cursor."""
    return text.expandtabs(4).translate(_CONTROLS)


def cut(text: str, width: int) -> str:
    """At most `width` columns; an … where something is left out."""
    return text if cell_len(text) <= width else set_cell_size(text, max(width - 1, 0)) + "…" * (width > 0)


def columns(text: str, width: int) -> str:
    """Exactly `width` columns."""
    return set_cell_size(cut(text, width), width)


def wrapped(text: str, width: int, label: str = "") -> list[str]:
    """Lines of at most `width` columns, the first one behind `label`, the further ones under it."""
    indent = " " * cell_len(label)
    room = max(width - len(indent), 1)
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines += _paragraph(paragraph, room)
    return [(indent if number else label) + line for number, line in enumerate(lines)]


def _paragraph(text: str, room: int) -> list[str]:
    lines, line = [], ""
    # neither at the spaces that align columns, nor within the index of x[0, 1]
    for word in re.split(r"(?<=\S) (?!\d+(?:, \d+)*\])", text):
        if line and cell_len(line) + 1 + cell_len(word) <= room:
            line += f" {word}"
            continue
        if line:
            lines.append(line)
        *full, line = chop_cells(word, room) or [""]
        lines += full
    return [*lines, line]


def padded(text: Text, width: int) -> Text:
    """A copy of exactly `width` columns."""
    copy = text.copy()
    copy.truncate(width, overflow="ellipsis", pad=True)
    return copy


def beside(left: list[Text], right: list[Text], width: int) -> list[Text]:
    """Two columns with a line between them, the left one of `width`."""
    lines = []
    for one, other in zip(left, right, strict=True):
        line = Text().append_text(padded(one, width))
        line.append(" │ ", "dim")
        lines.append(line.append_text(other))
    return lines


def block(title: str, lines: list[Text], width: int, height: int, note: str = "") -> list[Text]:
    """A title with a rule, and the first lines below it: exactly `height` lines."""
    head = Text().append(title, "bold")
    if note:
        head.append(f" {note}", "dim")
    head.truncate(width, overflow="ellipsis")
    head.append(" " + "─" * max(width - head.cell_len - 1, 0), "dim")
    return [head, *(lines + [Text()] * height)[: height - 1]][:height]


def window(count: int, height: int, middle: int) -> int:
    """The first of `height` lines out of `count` such that `middle` is among them, in the middle if there are more."""
    return max(0, min(middle - height // 2, count - height))
