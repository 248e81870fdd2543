"""nanonet exercise …: exercises in backpropagation, to be filled in with plain NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)
Argument, Option = typer.Argument, typer.Option
NOT_RIGHT = 1


@app.callback(invoke_without_command=True)
def exercise(context: typer.Context) -> None:
    """Exercises: fill in a plain NumPy function, and be told where, how and why it is wrong."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command("list")
def list_all(
    folder: Annotated[
        Path | None, Option(help="Also run the answers in this folder, and say which are right.", show_default=False)
    ] = None,
) -> None:
    """All exercises, easy ones first."""
    from nanonet.teach.exercises.terminal import show_list

    show_list(folder)


@app.command()
def show(name: Annotated[str, Argument(help="As `nanonet exercise list` has it.")]) -> None:
    """Print what is to be done."""
    from nanonet.teach.exercises.terminal import show_statement

    show_statement(name)


@app.command()
def start(
    name: Annotated[str, Argument(help="As `nanonet exercise list` has it.")],
    folder: Annotated[Path, Option(help="Where to write the file.")] = Path(),
) -> None:
    """Write NAME.py, the file to fill in. A file that is there already is left alone."""
    from nanonet.teach.exercises.terminal import start as write

    write(name, folder)


@app.command()
def check(
    name: Annotated[str, Argument(help="As `nanonet exercise list` has it.")],
    file: Annotated[Path | None, Argument(help="Your file; NAME.py, if not given.", show_default=False)] = None,
    hint: Annotated[int, Option(min=1, max=3, help="1: where it is wrong; 2: and what kind; 3: and which rule.")] = 1,
) -> None:
    """Is it right? Exit status: 0 yes, 1 not yet, 2 the call was wrong."""
    from nanonet.teach.exercises.terminal import check as run

    if not run(name, file, hint):
        raise typer.Exit(NOT_RIGHT)
