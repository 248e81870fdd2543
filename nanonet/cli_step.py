"""`nanonet step`: forwards and backwards through a run of the user's code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Argument, Option = typer.Argument, typer.Option


class WrongCallError(ValueError):
    """Exit status 2, as typer's own."""

    def format_message(self) -> str:
        return str(self)


def step(
    target: Annotated[str | None, Argument(metavar="[FILE.py:function]", help="Or module:function.")] = None,
    document: Annotated[str, Option(metavar="NAME", help="A document's worked example instead: D0, D2, D3.")] = "",
    inputs: Annotated[str, Option(metavar="SHAPES", help="Of the function's inputs: '3,4;4,5', drawn at random.")] = "",
    seed: Annotated[int, Option(help="Of the inputs drawn, and of everything random in the function.")] = 0,
    to: Annotated[str, Option(metavar="PLACE", help="Start there: a number, an operation, a tensor, backward.")] = "",
    html: Annotated[Path | None, Option(help="Write the page to click through.", show_default=False)] = None,
    markdown: Annotated[Path | None, Option(help="Write all steps as Markdown.", show_default=False)] = None,
    film: Annotated[Path | None, Option(help="Write a film of all steps, .gif or .mp4.", show_default=False)] = None,
    slides: Annotated[Path | None, Option(help="Write a folder of SVG files, one a step.", show_default=False)] = None,
) -> None:
    """Step through your code, back and forth: each formula with its numbers, each gradient as it comes about.

    The function takes Tensors and returns the loss. Its inputs are drawn in the shapes of --inputs, or are what its
    module has as FUNCTION_inputs or INPUTS (a tuple of arrays), or its defaults, where these are arrays. A function
    without parameters is called as it is, and may be a whole training step.

    In a terminal single keys move (h shows them); from a pipe commands are read as lines: printf 'n\\nn\\nq\\n' | …
    """
    from nanonet.gradcheck.suite.target import UnknownTargetError
    from nanonet.teach.views import terminal

    order = terminal.Order(target or "", document, inputs, seed, to, html, markdown, film, slides)
    try:
        terminal.run(order)
    except UnknownTargetError as error:
        raise WrongCallError(str(error)) from error
