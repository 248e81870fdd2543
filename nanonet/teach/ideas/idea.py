"""An idea made visible: a sentence, the numbers that show it, and sometimes a picture."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nanonet.tensor import Tensor

WIDTH = 80


@dataclass(frozen=True)
class Table:
    """Rows of numbers and words under a header. `says` tells what to see in it."""

    header: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    says: str = ""

    def cells(self) -> list[list[str]]:
        """Header and rows as text; numbers in four digits."""
        return [list(self.header), *([shown(cell) for cell in row] for row in self.rows)]


@dataclass(frozen=True)
class Idea:
    """One idea, computed.

    name        how it is asked for: "vanishing"
    title       a heading
    sentence    the idea itself
    tables      what was computed, to be read
    figures     the same as data: {name: number, list or array}
    so          what follows from it, in a sentence or two
    draw        draws it on a matplotlib Figure; None where a picture would not help
    """

    name: str
    title: str
    sentence: str
    tables: Sequence[Table]
    figures: dict[str, Any]
    so: str
    draw: Callable[[Figure], None] | None = field(default=None, repr=False)

    def text(self) -> str:
        """For the terminal, at most 80 columns wide."""
        parts = [self.title, "\n".join(textwrap.wrap(self.sentence, WIDTH))]
        for table in self.tables:
            parts.append(_plain(table))
        return "\n\n".join([*parts, "\n".join(textwrap.wrap(self.so, WIDTH))])

    def markdown(self) -> str:
        """The same with Markdown tables."""
        parts = [f"## {self.title}", self.sentence]
        for table in self.tables:
            head, *rows = (["\\|".join(cell.split("|")) for cell in row] for row in table.cells())
            lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
            parts += [table.says] * bool(table.says)
            parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
        return "\n\n".join([*parts, self.so]) + "\n"

    def figure(self) -> Figure | None:
        """A matplotlib Figure, or None where there is no picture. Show it in a notebook, or `.savefig(path)`."""
        if self.draw is None:
            return None
        from nanonet.teach.plots.picture import Picture  # 0.3 s that only pictures need

        page = Picture(figsize=(7, 4), layout="constrained")
        self.draw(page)
        return page

    def _repr_markdown_(self) -> str:
        return self.markdown()


def _plain(table: Table) -> str:
    """A table for the terminal: words to the left, numbers to the right."""
    cells = table.cells()
    widths = [max(len(row[k]) for row in cells) for k in range(len(table.header))]
    lines = textwrap.wrap(table.says, WIDTH) if table.says else []
    for row in cells:
        first, *others = (
            cell.ljust(w) if k == 0 else cell.rjust(w) for k, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join([first, *others]).rstrip())
    lines.insert(len(lines) - len(table.rows), "-" * max(map(len, lines[-len(cells) :])))
    return "\n".join(lines)


def shown(value: Any) -> str:
    """A number in four digits, an integer with commas, anything else as it is; None is a dash."""
    if value is None:
        return "-"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if isinstance(value, float | np.floating):
        return f"{value + 0.0:.4g}"  # -0 + 0 is 0
    return str(value)


def gradient(x: Tensor) -> np.ndarray:
    """x.grad as an array, after a backward that reached x."""
    assert x.grad is not None
    return x.grad.numpy()
