"""An erratum for the terminal and as Markdown; the numbers are rounded so that every machine prints the same."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

import numpy as np

from nanonet.teach.documents.erratum import Erratum, Finding, Outcome

COLUMNS, LABEL = 80, 14
VERDICTS = {"pass": "pass", "fail": "FAIL", "error": "does not run"}


def rounded(value: Any, digits: int = 4) -> str:
    """A number, an array in nested brackets, a shape, or words as they are."""
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return "×".join(map(str, value)) if value else "a number"
    array = np.asarray(value)
    if array.ndim:
        return f"[{', '.join(rounded(one, digits) for one in array)}]"
    if array.dtype.kind in "iub":
        return str(value)
    x = float(array) * (1 + 1e-9)  # a tie, like 0.12345, is rounded up whatever the last bits are
    words = f"{0.0 if abs(x) < 1e-9 else x:.{digits}g}"
    return words.replace("e-0", "e-").replace("e+0", "e")


def erratum_text(erratum: Erratum, outcome: Outcome) -> str:
    """At most 80 columns: what is written, what is right, why, and what came out."""
    lines = textwrap.wrap(f"{erratum.label}  {erratum.title}", COLUMNS)
    for label in ("written", "right", "why", "example"):
        lines += _item(label, getattr(erratum, label))
    return "\n".join(lines + _outcome_lines(erratum, outcome))


def _outcome_lines(erratum: Erratum, outcome: Outcome) -> list[str]:
    lines: list[str] = []
    for label, finding in (("as written", outcome.literal), ("corrected", outcome.corrected)):
        lines += _item(label, _verdict(finding))
        for name, value in finding.numbers.items():
            lines += _item("", f"{name} = {rounded(value)}")
    for look, found in zip(erratum.closer, outcome.closer, strict=True):
        lines += _item("closer look", f"{look.title} ({look.example})") + _outcome_lines(look, found)
    return lines


def _verdict(finding: Finding) -> str:
    words = VERDICTS[finding.verdict]
    if finding.cause is not None:
        return f"{words}; cause: {finding.cause.sentence} ({finding.cause.kind})"
    if finding.verdict == "error":
        return f"{words}: {finding.sentence}"
    return words if finding.report is not None else f"{words}; claim: {finding.sentence}"


def _item(label: str, words: str) -> list[str]:
    indent = " " * LABEL
    return textwrap.wrap(words, COLUMNS, initial_indent=f"  {label}".ljust(LABEL), subsequent_indent=indent)


# Markdown


def erratum_markdown(erratum: Erratum, outcome: Outcome) -> str:
    """A section: the two formulas, the derivation, and a table of what both give."""
    parts = [
        f"## {erratum.label} {erratum.title}",
        f"**Written:** `{erratum.written}`  \n**Right:** `{erratum.right}`",
        erratum.why,
        erratum.derivation,
        f"**Run on:** {erratum.example}.",
        *_outcome_markdown(erratum, outcome),
    ]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _outcome_markdown(erratum: Erratum, outcome: Outcome) -> Iterable[str]:
    literal, corrected = outcome.literal, outcome.corrected
    names = list(dict.fromkeys([*literal.numbers, *corrected.numbers]))
    rows = [("verdict", VERDICTS[literal.verdict], VERDICTS[corrected.verdict])]
    rows += [(name, _cell(literal, name), _cell(corrected, name)) for name in names]
    yield table(("", "as written", "corrected"), rows)
    if literal.cause is not None:
        yield f"The diagnosis of what is written: {literal.cause.sentence} (*{literal.cause.kind}*)."
    elif literal.verdict == "error":
        yield f"What is written stops with `{literal.sentence}`."
    elif literal.report is None:
        yield f"The claim tested: {literal.sentence}."
    for look, found in zip(erratum.closer, outcome.closer, strict=True):
        yield f"**Closer look:** {look.title} ({look.example})."
        yield from _outcome_markdown(look, found)


def _cell(finding: Finding, name: str) -> str:
    return rounded(finding.numbers[name]) if name in finding.numbers else ""


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
