"""nanonet ideas: ideas about backpropagation, whose numbers are computed while one looks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Argument, Option = typer.Argument, typer.Option


def ideas(
    name: Annotated[str | None, Argument(help="As the list has it; without one, the list.", show_default=False)] = None,
    markdown: Annotated[bool, Option("--markdown", help="Print Markdown with LaTeX.")] = False,
    figure: Annotated[Path | None, Option(help="Write its picture (.png, .svg, .pdf).", show_default=False)] = None,
) -> None:
    """Show an idea: topological order, dead ReLUs, batch norm's three paths, …"""
    from nanonet.teach import ideas as shelf

    if name is None:
        for key, title in shelf.titles().items():
            print(f"{key:22} {title}")
        return
    idea = shelf.get(name)
    print(idea.markdown() if markdown else idea.text())
    if figure is not None:
        picture = idea.figure()
        if picture is None:
            raise ValueError(f"ideas: {name} has no picture; leave --figure out")
        picture.savefig(figure)
        print(f"{figure}: the picture")
