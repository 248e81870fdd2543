"""Pictures of a trained GPT: its curve, where a text surprises it, and what it writes."""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from nanonet.data.windows import stream
from nanonet.models.gpt import GPT, Reader
from nanonet.recipes.continued import continued
from nanonet.recipes.recipe import Use
from nanonet.recipes.text_figures import surprises
from nanonet.training.history import History

if TYPE_CHECKING:
    from nanonet.data.tokenizer import Tokenizer
    from nanonet.recipes.gpt import GptRecipe

COLUMNS, ROWS = 88, 22
SIZE = 7.0  # of the letters, in points; a letter of the font is 0.6 as wide
BEGINNINGS = {"python": ["import os\n", "def read_lines(path):\n", "class Stack:\n"], "licences": ["Permission is "]}


def draw(recipe: GptRecipe, history: History) -> dict[str, bytes]:
    """curve.png, surprise.png, samples.png."""
    texts = [document.text for document in recipe.held_out.documents]
    beginnings = BEGINNINGS.get(recipe.settings.data, [""])
    how = Use(length=400)
    samples = [(text, continued(Reader(recipe.model), recipe.tokenizer, text, how, seed=0)[0]) for text in beginnings]
    made = {
        "curve.png": curve(history),
        "surprise.png": surprise(recipe.model, recipe.tokenizer, max(texts, key=len)),
        "samples.png": written(samples),
    }
    return {name: png(figure) for name, figure in made.items()}


def curve(history: History) -> Any:
    """Bits per token of the training and bits per character of the validation files, over the steps."""
    figure, axes = _axes(6, 3.6)
    axes.plot(history["step"], np.array(history["loss"]) / math.log(2), label="training, per token")
    axes.plot(history["step"], history["val_bits_per_character"], label="validation files, per character")
    axes.set(xlabel="step", ylabel="bits", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def surprise(model: GPT, tokenizer: Tokenizer, text: str) -> Any:
    """A page from the middle of a text that was not trained on; the redder a letter, the more bits it took.

    A token of several letters shares its bits among them.
    """
    before, page = _page(text)
    tokens = stream([before + page], tokenizer)
    bits = surprises(model, tokens)
    letters = [tokenizer.decode([token]) for token in tokens[1:-1]]
    shared = [value / len(letter) for letter, value in zip(letters, bits, strict=False) for _ in letter]
    lines, at = page.splitlines(), len(before)
    figure, axes = _page_axes(len(lines))
    colours = _colours()
    for row, line in enumerate(lines):
        for column, letter in enumerate(line[:COLUMNS]):
            share = min(shared[at + column] / 8, 1.0) if at + column < len(shared) else 0.0
            axes.add_patch(_cell(column, row, colours(0.75 * share)))
            axes.text(column + 0.5, row + 0.5, letter, **_font())
        at += len(line) + 1
    axes.set_title("bits that each letter took: white 0, red 8 and more", fontsize=8)
    return figure


def written(samples: list[tuple[str, str]]) -> Any:
    """Beginnings (blue) and what the network wrote after them."""
    blocks = [[*text.splitlines(keepends=True)] for text, _ in samples]
    lines: list[tuple[str, str]] = []
    for (_, more), block in zip(samples, blocks, strict=True):
        lines += [(line.rstrip("\n"), "tab:blue") for line in block]
        for line in more.split("\n"):
            lines += [(part, "black") for part in textwrap.wrap(line, COLUMNS - 6, drop_whitespace=False) or [""]]
        lines.append(("", "black"))
    figure, axes = _page_axes(len(lines))
    for row, (line, colour) in enumerate(lines):
        axes.text(0.5, row + 0.5, _printable(line), color=colour, **{**_font(), "ha": "left"})
    return figure


def png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a letter that the font lacks is drawn as a box
        figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def _page(text: str) -> tuple[str, str]:
    """(what stands before, some lines from the middle of the text)."""
    lines = text.splitlines(keepends=True)
    first = max(min(len(lines) // 2, len(lines) - ROWS), 0)
    before = "".join(lines[:first])[-4000:]
    return before, "".join(lines[first : first + ROWS])


def _axes(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _page_axes(rows: int) -> tuple[Any, Any]:
    """Axes in which a letter is 1 wide and a line 1 high."""
    figure, axes = _axes(COLUMNS * SIZE * 0.62 / 72, (rows + 3) * SIZE * 1.35 / 72)
    axes.set(xlim=(0, COLUMNS), ylim=(max(rows, 1), 0))
    axes.axis("off")
    return figure, axes


def _cell(column: int, row: int, colour: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((column, row), 1, 1, color=colour, linewidth=0)


def _colours() -> Any:
    from matplotlib import colormaps

    return colormaps["Reds"]


def _font() -> dict[str, Any]:
    return {"family": "monospace", "size": SIZE, "ha": "center", "va": "center", "parse_math": False}


def _printable(line: str) -> str:
    return line.expandtabs(4)
