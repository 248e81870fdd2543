"""Finding questions."""

from __future__ import annotations

import difflib

from nanonet.teach.exercises.predict.question import Question


def questions() -> list[Question]:
    """All of them, easy ones first."""
    from nanonet.teach.exercises.predict import graphs, layers

    return [*graphs.QUESTIONS, *layers.QUESTIONS]


def names() -> list[str]:
    """The names of all questions."""
    return [one.name for one in questions()]


def get(name: str) -> Question:
    """The question of this name. Raises ValueError where there is none."""
    found = {one.name: one for one in questions()}
    if name not in found:
        close = difflib.get_close_matches(name, found, 1, 0.4)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(found)}"
        raise ValueError(f"predict: no question is called {name!r}; {hint}")
    return found[name]
