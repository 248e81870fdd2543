"""A question about a small program."""

from __future__ import annotations

import html
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nanonet.teach.exercises.predict.answers import HOW, canonical, same, shown


@dataclass(frozen=True)
class Question:
    """A program, and what to predict about it.

    name       in kebab-case
    program    what the engine runs when the answer is revealed; its lines are shown, and what it returns is asked for
    asked      the question
    kind       of the answer: a key of `answers.HOW`
    why        one sentence
    otherwise  computes what is answered most often instead
    mistake    which thought leads there
    """

    name: str
    program: Callable[[], Any]
    asked: str
    kind: str
    why: str
    otherwise: Callable[[], Any]
    mistake: str

    @property
    def code(self) -> str:
        """The program's lines, without the one that returns the answer."""
        lines = inspect.getsource(self.program).splitlines()[1:]
        body = textwrap.dedent("\n".join(lines)).strip().splitlines()
        return "\n".join(body[:-1]).strip()

    def ask(self) -> Asked:
        """The question, to be shown: in a notebook, or with print."""
        return Asked(self)

    def reveal(self, answer: Any = None) -> Revealed:
        """What the engine computes, beside an answer: a number, a list, an array, or what one would type.

        Without an answer it only shows. Raises ValueError for an answer that is none of the kind asked for.
        """
        given = None if answer is None else canonical(self.kind, answer)
        true = canonical(self.kind, self.program())
        other = canonical(self.kind, self.otherwise())
        right = given is not None and same(self.kind, given, true)
        return Revealed(self, given, true, other, right)


@dataclass(frozen=True)
class Asked:
    """A question as a page shows it."""

    question: Question

    def __str__(self) -> str:
        code = textwrap.indent(self.question.code, "    ")
        return f"{self.question.name}\n\n{code}\n\n{self.question.asked} ({HOW[self.question.kind]})"

    def _repr_html_(self) -> str:
        code, asked = html.escape(self.question.code), html.escape(self.question.asked)
        call = html.escape(f'predict.get("{self.question.name}").reveal(…)')
        how = html.escape(HOW[self.question.kind])
        return (
            f"<div><pre style='padding:.6em;border-left:4px solid #6e7781'>{code}</pre>"
            f"<p><b>{asked}</b> ({how})</p><p><small>Predict, then reveal: <code>{call}</code></small></p></div>"
        )

    def _repr_markdown_(self) -> str:
        return f"```python\n{self.question.code}\n```\n\n**{self.question.asked}** ({HOW[self.question.kind]})"


@dataclass(frozen=True)
class Revealed:
    """The engine's answer (`true`), the learner's (`given`, None without one) and the commonest wrong one (`other`)."""

    question: Question
    given: Any
    true: Any
    other: Any
    right: bool

    def __bool__(self) -> bool:
        return self.right

    @property
    def lines(self) -> list[str]:
        """The verdict, why, and what to say about the commonest wrong answer."""
        kind = self.question.kind
        true, other = shown(kind, self.true), shown(kind, self.other)
        if self.given is None:
            first = f"The engine computes {true}."
        elif self.right:
            first = f"Right: the engine computes {true}."
        else:
            first = f"The engine computes {true}, not {shown(kind, self.given)}."
        taken = self.given is not None and same(kind, self.given, self.other)
        mistake = f"{other}: {self.question.mistake}" if taken else f"Often answered: {other}. {self.question.mistake}"
        return [first, self.question.why, mistake]

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def _repr_html_(self) -> str:
        colour = "#1a7f37" if self.right else "#9a6700"
        first, *rest = (html.escape(line) for line in self.lines)
        style = f"border-left:4px solid {colour};padding:.2em .8em"
        return f"<div style='{style}'><b>{first}</b>{''.join(f'<br>{line}' for line in rest)}</div>"

    def _repr_markdown_(self) -> str:
        first, *rest = self.lines
        return "\n\n".join([f"**{first}**", *rest])
