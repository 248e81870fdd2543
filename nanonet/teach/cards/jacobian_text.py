"""A Jacobian to look at: as a table in the terminal, and in LaTeX."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from nanonet.teach.cards.jacobian import Jacobian

WIDTH = 80
MOST_ROWS = 12
MOST_LATEX = 6


def table(J: Jacobian) -> str:
    """Heading, entries (a dot for 0), and the sentence about the structure."""
    size = f"{J.rows} × {J.columns}"
    symbol = f" = {J.structure.symbol}" if J.structure.symbol else ""
    head = (
        f"J = ∂{J.y_name}/∂{J.x_name}{symbol}, {size}: {J.y_name} {_shape(J.y_shape)}, {J.x_name} {_shape(J.x_shape)}"
    )
    lines = textwrap.wrap(head, WIDTH)
    if J.dense is not None and J.dense.size:
        lines += _grid(J, J.dense)
    return "\n".join([*lines, *textwrap.wrap(J.sentence, WIDTH)])


def _grid(J: Jacobian, dense: np.ndarray) -> list[str]:
    """The entries under the places of x and beside those of y; what does not fit is left out and shown as …"""
    rows = _shown(J.rows, MOST_ROWS)
    labels = {i: _place(J.y_name, i, J.y_shape) for i in rows if i is not None}
    margin = max(len(label) for label in labels.values())
    names = [_place(J.x_name, j, J.x_shape) for j in range(J.columns)]
    entries = {(i, j): _entry(dense[i, j]) for i in labels for j in range(J.columns)}
    width = max(*(len(text) for text in entries.values()), *(len(name) for name in names)) + 2
    columns = _shown(J.columns, max(2, (WIDTH - margin) // width))
    head = "".join(("…" if j is None else names[j]).rjust(width) for j in columns)
    lines = [(" " * margin + head).rstrip()]
    for i in rows:
        cells = ["…" if i is None or j is None else entries[i, j] for j in columns]
        label = "…" if i is None else labels[i]
        lines.append(label.rjust(margin) + "".join(cell.rjust(width) for cell in cells))
    return lines


def latex(J: Jacobian) -> str:
    """`\\frac{∂y}{∂x} = matrix`."""
    left = rf"\frac{{\partial {J.y_name}}}{{\partial {J.x_name}}}"
    if J.dense is None or not J.dense.size:
        return rf"{left} \in \mathbb{{R}}^{{{J.rows} \times {J.columns}}}"
    rows, columns = _shown(J.rows, MOST_LATEX), _shown(J.columns, MOST_LATEX)
    body = r" \\ ".join(
        " & ".join(r"\cdots" if j is None else r"\vdots" if i is None else _number(J.dense[i, j]) for j in columns)
        for i in rows
    )
    return rf"{left} = \begin{{bmatrix}} {body} \end{{bmatrix}}"


def _shown(count: int, most: int) -> list[int | None]:
    """Which of `count` places are shown: all, or the first ones, a gap (None), and the last."""
    if count <= most:
        return list(range(count))
    return [*range(max(1, most - 2)), None, count - 1]


def _place(name: str, flat: int, shape: tuple[int, ...]) -> str:
    """x[1,2]; x alone where it is one number."""
    return f"{name}[{','.join(str(i) for i in np.unravel_index(flat, shape))}]" if shape else name


def _entry(value: float) -> str:
    return "·" if value == 0 else f"{value:.4g}"


def _number(value: float) -> str:
    """A number in LaTeX: 1.2e-05 is 1.2 · 10^{-5}."""
    text = f"{value:.4g}"
    if "e" in text:
        digits, power = text.split("e")
        return rf"{digits} \cdot 10^{{{int(power)}}}"
    return {"nan": r"\mathrm{NaN}", "inf": r"\infty", "-inf": r"-\infty"}.get(text, text)


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
