"""A place where a document is wrong as written: its formula, run literally, beside the correction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nanonet.gradcheck import Cause, Report

Numbers = dict[str, Any]  # by name: a number, an array, a shape, or words


@dataclass(frozen=True)
class Finding:
    """What came out when one of the two was run.

    verdict     "pass"; "fail": a wrong gradient, or a claim that does not hold; "error": it cannot be run at all
    numbers     what it computed
    sentence    the claim that was tested, or the error in its own words
    cause       of a wrong gradient, as the diagnosis names it
    report      of the gradient check, where there was one
    """

    verdict: str
    numbers: Numbers = field(default_factory=dict)
    sentence: str = ""
    cause: Cause | None = None
    report: Report | None = None

    def __bool__(self) -> bool:
        return self.verdict == "pass"


Check = Callable[[Callable[..., Any]], Finding]


@dataclass(frozen=True)
class Outcome:
    """Both findings, and what the closer looks found."""

    literal: Finding
    corrected: Finding
    closer: tuple[Outcome, ...] = ()

    @property
    def cause(self) -> Cause | None:
        """What the diagnosis names: of the first closer look where it names something, or of the example."""
        named = [look.cause for look in self.closer if look.cause is not None and look.cause.kind != "unknown"]
        return named[0] if named else self.literal.cause

    def as_expected(self) -> bool:
        """Is it as the erratum says: what is written fails, and the correction passes?"""
        return not self.literal and bool(self.corrected) and all(look.as_expected() for look in self.closer)


@dataclass(frozen=True)
class Erratum:
    """One formula that is wrong as written.

    document    "D0" … "D4"; `number` counts within the document
    written     the formula as the document has it, in plain characters; `right` the corrected one
    why         the reason, in a few sentences
    derivation  Markdown with LaTeX: how the right formula follows
    example     on which numbers both are run
    literal     what is written, as code; `corrected` its correction
    check       runs one of them: `check(literal)` is a Finding, and so is `check(corrected)`
    closer      the same mistake looked at alone: where it does not conform on the example, or two mistakes meet
    """

    document: str
    number: int
    title: str
    written: str
    right: str
    why: str
    example: str
    literal: Callable[..., Any]
    corrected: Callable[..., Any]
    check: Check
    derivation: str = ""
    closer: tuple[Erratum, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.document} ({self.number})"

    def run(self) -> Outcome:
        """Run both, now. Nothing is stored."""
        looks = tuple(look.run() for look in self.closer)
        return Outcome(self.check(self.literal), self.check(self.corrected), looks)

    def text(self, outcome: Outcome | None = None) -> str:
        """For the terminal: what is written, what is right, what came out. At most 80 columns.

        `outcome` saves a second run; without it the erratum is run.
        """
        from nanonet.teach.documents.page import erratum_text

        return erratum_text(self, outcome or self.run())

    def markdown(self, outcome: Outcome | None = None) -> str:
        """The same with the derivation, as a section of the document's page."""
        from nanonet.teach.documents.page import erratum_markdown

        return erratum_markdown(self, outcome or self.run())


def closer_look(
    title: str, example: str, literal: Callable[..., Any], corrected: Callable[..., Any], check: Check
) -> Erratum:
    """One mistake of an erratum, alone."""
    return Erratum("", 0, title, "", "", "", example, literal, corrected, check)
