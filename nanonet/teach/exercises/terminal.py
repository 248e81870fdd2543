"""The exercises in a terminal: the list, a statement, the file to fill in, and the feedback."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from nanonet.teach.exercises.checking import check as checked
from nanonet.teach.exercises.exercise import LEVELS, NOT_FILLED_IN, Exercise, Feedback
from nanonet.teach.exercises.plain import plain
from nanonet.teach.exercises.shelf import all_exercises, get

COLUMNS = 80  # as wide as a table or a hint gets


def show_list(folder: Path | None = None, console: Console | None = None) -> None:
    """All exercises; with a folder, which of the answers in it are right."""
    if folder is not None and not folder.is_dir():
        raise NotADirectoryError(f"{folder}: there is no such folder")
    console = console or make_console()
    found = all_exercises()
    table = Table(box=None, pad_edge=False, width=min(console.width, COLUMNS))
    columns = ("level", "name", "topic", "title")
    for column in columns:
        table.add_column(column, no_wrap=column in ("level", "name"))
    if folder is not None:
        table.add_column("", no_wrap=True)
    states = [state(exercise, folder) for exercise in found] if folder is not None else [""] * len(found)
    for exercise, word in zip(found, states, strict=True):
        cells = (stars(exercise), exercise.name, exercise.topic, exercise.title)
        table.add_row(*(Text(cell) for cell in cells), *([Text(word)] if folder is not None else []))
    console.print(table)
    if folder is not None:
        begun = sum(1 for word in states if word)
        console.print(
            f"\n{states.count('right')} of {len(found)} are right, {begun} begun, in {folder}", soft_wrap=True
        )
    console.print("\nnanonet exercise show NAME, start NAME, check NAME", soft_wrap=True)


def stars(exercise: Exercise) -> str:
    return "*" * exercise.level


def state(exercise: Exercise, folder: Path) -> str:
    """A word for the answer in the folder; empty where there is none."""
    if not (folder / exercise.file).is_file():
        return ""
    feedback = checked(exercise.name, folder / exercise.file)
    return "right" if feedback.passed else "begun" if feedback.verdict == NOT_FILLED_IN else "not yet"


def show_statement(name: str, console: Console | None = None) -> None:
    """Title, statement, and how to go on."""
    exercise = get(name)
    console = console or make_console()
    width = min(console.width, COLUMNS)
    console.print(Text(f"{exercise.title}  ({exercise.topic}, level {exercise.level} of 5)", "bold"))
    console.print(Markdown(plain(exercise.statement)), width=width)
    console.print(f"\nnanonet exercise start {name} writes the file to fill in", soft_wrap=True)


def start(name: str, folder: Path = Path(), console: Console | None = None) -> Path:
    """Write the template; returns its path. Raises FileExistsError where there is a file of this name."""
    exercise = get(name)
    path = folder / exercise.file
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(exercise.template)
    except FileExistsError as error:
        remedy = f"go on with it, or check it: nanonet exercise check {name}"
        raise FileExistsError(f"{path} is there already and is left as it is; {remedy}") from error
    what = " and ".join(exercise.functions)
    console = console or make_console()
    console.print(f"{path}: fill in {what}; then: nanonet exercise check {name}", soft_wrap=True, markup=False)
    return path


def check(name: str, file: Path | None = None, hint: int = 1, console: Console | None = None) -> bool:
    """Print the feedback on a file; is it right?"""
    feedback = checked(name, file or Path(get(name).file), hint=hint)
    show_feedback(feedback, name, file, console or make_console())
    return feedback.passed


def show_feedback(feedback: Feedback, name: str, file: Path | None, console: Console) -> None:
    """The verdict, the hints up to its level, and how to see the next one."""
    width = min(console.width, COLUMNS)
    style = "bold green" if feedback.passed else "bold yellow"
    console.print(Text(feedback.headline, style), width=width)
    table = Table(box=None, show_header=False, pad_edge=False, width=width)
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for label, text in feedback.shown:
        table.add_row(Text(label), Text(text))
    if feedback.shown:
        console.print(table)
    if feedback.more:
        arguments = f"{name} {file}" if file is not None else name
        words = f"next hint ({LEVELS[feedback.level]}): nanonet exercise check {arguments} --hint {feedback.level + 1}"
        console.print(words, soft_wrap=True, markup=False)


def make_console() -> Console:
    return Console(highlight=False)
