"""Which submissions lie in a folder.

    FOLDER/STUDENT/EXERCISE.py     a folder for each student, a file for each exercise
    FOLDER/EXERCISE.py             of one student alone, who is called as the folder is

EXERCISE is the exercise's name; underscores stand for hyphens as well, and capitals for small letters.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TAKEN = (".py", ".ipynb")  # a notebook cannot be graded, but that has to be said


@dataclass(frozen=True)
class Submission:
    """A student's file for an exercise; `path` is None where there is none."""

    student: str
    exercise: str
    path: Path | None


def find(folder: Path, known: Iterable[str], wanted: Iterable[str] = ()) -> tuple[list[Submission], list[str]]:
    """(the submissions, one for each student and exercise; lines about files that are none).

    known    the names of all exercises
    wanted   those to be graded; without them, every exercise for which somebody handed in a file

    Raises ValueError where there is nothing to grade.
    """
    if not folder.is_dir():
        raise ValueError(f"grade: expected a folder with submissions, got {folder}, which is none")
    known, wanted = list(known), list(wanted)
    for name in wanted:
        if name not in known:
            raise ValueError(f"grade: no exercise is called {name!r}{_close(name, known)}")
    files: dict[str, dict[str, Path]] = {}
    ignored: list[str] = []
    for student, path in _files(folder):
        name = path.stem.replace("_", "-").lower()
        if path.suffix != ".py":
            ignored.append(f"{path.relative_to(folder)}: a submission is a .py file; save the notebook as one")
        elif name not in known:
            ignored.append(f"{path.relative_to(folder)}: no exercise is called {name!r}{_close(name, known)}")
        elif name in files.setdefault(student, {}):
            ignored.append(f"{path.relative_to(folder)}: a second file of {student} for {name}")
        else:
            files[student][name] = path
    exercises = wanted or [name for name in known if any(name in own for own in files.values())]
    if not files or not exercises:
        hint = f"; {ignored[0]}" if ignored else ""
        raise ValueError(f"grade: {folder} has no submission; put them at STUDENT/EXERCISE.py in it{hint}")
    found = [Submission(who, name, own.get(name)) for who, own in files.items() for name in exercises]
    return found, ignored


def _files(folder: Path) -> list[tuple[str, Path]]:
    """(student, file), in the order of the names."""
    found: list[tuple[str, Path]] = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "_")):
            continue
        if path.suffix in TAKEN and not path.is_dir():
            found.append((folder.resolve().name, path))
        elif path.is_dir() and not path.is_symlink():
            inside = [p for p in sorted(path.iterdir()) if p.suffix in TAKEN and not p.name.startswith((".", "_"))]
            found += [(path.name, p) for p in inside]
    return found


def _close(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 1, 0.5)
    return f"; did you mean {close[0]}?" if close else ""
