"""What an exercise is, and what its check answers."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

RIGHT, WRONG, ERROR, NOT_FILLED_IN = "right", "wrong", "error", "not-filled-in"
LEVELS = ("where", "what kind", "which rule")

Functions = Mapping[str, Callable[..., Any]]
NO_HINTS = ("", "", "")


@dataclass(frozen=True)
class Feedback:
    """The answer to one attempt.

    passed      is it right?
    verdict     "right"; "wrong": it runs, and its result is not the right one; "error": it does not run (an exception,
                a syntax error, a function or a file that is not there); or "not-filled-in"
    kind        the kind of mistake, as in `nt.check_backward(…).cause.kind`; "unknown" or ""
    hints       (where, what kind, which rule): each says more than the one before. None of them holds a number of the
                right answer. Empty where the attempt is right
    exercise    its name
    level       how many of the hints are shown by `print` and in a notebook
    checked     at which inputs the attempt was looked at, in words

    Tested for truth it is `passed`. `feedback.hint(2)` shows two hints, `feedback.hint(3)` all.
    """

    passed: bool
    verdict: str
    kind: str = ""
    hints: tuple[str, str, str] = NO_HINTS
    exercise: str = ""
    level: int = 1
    checked: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.passed

    def hint(self, level: int) -> Feedback:
        """The same feedback, showing the hints up to this level: 1, 2 or 3. Raises ValueError for another one."""
        if level not in (1, 2, 3):
            raise ValueError(f"hint: expected 1 (where), 2 (what kind) or 3 (which rule), got {level!r}")
        return replace(self, level=level)

    @property
    def headline(self) -> str:
        """The verdict in a few words."""
        words = {RIGHT: "right", WRONG: "not right yet", ERROR: "it does not run yet", NOT_FILLED_IN: "not filled in"}
        where = f", at {', '.join(self.checked)}" if self.passed and self.checked else ""
        return f"{self.exercise or 'exercise'}: {words[self.verdict]}{where}"

    @property
    def shown(self) -> list[tuple[str, str]]:
        """(what the hint says, the hint) up to the level."""
        return [(name, text) for name, text in zip(LEVELS, self.hints, strict=True) if text][: self.level]

    @property
    def more(self) -> str:
        """How to see the next hint; empty where there is none."""
        if self.level >= len([text for text in self.hints if text]):
            return ""
        return f"hint={self.level + 1} shows the next hint ({LEVELS[self.level]})"

    def __str__(self) -> str:
        lines = [self.headline, *(f"  {name}: {text}" for name, text in self.shown)]
        return "\n".join([*lines, f"  ({self.more})"] if self.more else lines)

    def _repr_html_(self) -> str:
        """What a notebook shows: the verdict and the hints up to the level."""
        colour = "#1a7f37" if self.passed else "#9a6700"
        items = "".join(f"<li><b>{name}:</b> {html.escape(text)}</li>" for name, text in self.shown)
        more = f"<small>{html.escape(self.more)}</small>" if self.more else ""
        body = f"<ul style='margin:.3em 0'>{items}</ul>" if items else ""
        style = f"border-left:4px solid {colour};padding:.2em .8em"
        return f"<div style='{style}'><b>{html.escape(self.headline)}</b>{body}{more}</div>"


@dataclass(frozen=True)
class Exercise:
    """A plain NumPy function to fill in, and what tells whether it is right.

    name        in kebab-case
    title       a few words
    topic       the shelf that it lies on
    level       1 (a first step) to 5
    statement   the task, in Markdown: formula, shapes, what to return
    template    the source of the file to fill in. What is given stands there; what is to be filled in raises
                NotImplementedError
    functions   the names that the learner provides
    judge       judge({name: function}) -> Feedback. It calls the functions with NumPy arrays and uses what they return,
                nothing else: they may run in another process. See `Stopped` and `LearnerError` for what they may raise
    rule        the rule of calculus behind the exercise, in a sentence
    """

    name: str
    title: str
    topic: str
    level: int
    statement: str
    template: str = field(repr=False)
    functions: tuple[str, ...]
    judge: Callable[[Functions], Feedback] = field(repr=False)
    rule: str

    @property
    def file(self) -> str:
        """The file's name, as `nanonet exercise start` writes it."""
        return f"{self.name}.py"

    def _repr_markdown_(self) -> str:
        """What a notebook shows: title and statement."""
        return f"### {self.title}\n\n{self.statement}"


class LearnerError(Exception):
    """What a function that runs elsewhere raises in place of the learner's own exception.

    The judge words it as it words an exception of a function that runs here. Such a function must also write what
    happened to its arguments back into the arrays that it was given, so that changed inputs are noticed.
    """

    def __init__(self, kind: str, message: str, line: int | None = None, code: str = "") -> None:
        """The exception's type as a word, its message, and the line of the learner's file and what is there."""
        super().__init__(message)
        self.kind, self.message, self.line, self.code = kind, message, line, code


class Stopped(BaseException):
    """Raised by a function that cannot go on, as when its time is up: it passes through every judge."""
