"""Questions about Python libraries, answered by a stretch of their documentation: what is on every machine here.

The documentation strings of NumPy, SciPy and scikit-learn follow one form: after "Parameters", each parameter's name,
its type, and what it means. So the place of an answer is known without anybody marking it. The text is real; the
questions are made from a few patterns. Whoever reads the form with rules needs no network; the network is not told it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

LIBRARIES = ("numpy", "scipy", "sklearn")
SKIPPED = {"tests", "_lib", "externals", "_vendor", "f2py", "distutils", "array_api_compat", "array_api_extra"}
DOCSTRING = re.compile(r'(?:def|class) (\w+)[^\n]*(?:\n[^\n]*){0,12}?"""(.*?)"""', re.DOTALL)
SECTION = re.compile(r"\n([A-Z][\w ]+)\n-{3,}\n")
ENTRY = re.compile(r"^(\w+) ?: ?(\S.*)$")
DEFAULT = re.compile(r"[Dd]efaults?(?: value)?(?: is|=|:| to)? ?(``[^`]+``|'[^']+'|\"[^\"]+\"|[-\w]+(?:\.\w+)*)")
SENTENCE = re.compile(r"(.+?[.:;])(?:\s|$)")
PATTERNS = {
    "type": ("What type is {}?", "What kind of value is {}?", "What can be given as {}?"),
    "meaning": ("What is {}?", "What does {} mean?", "What is {} for?"),
    "default": ("What is the default of {}?", "What is {} if it is not given?"),
}
LONGEST_ENTRY, LONGEST_PASSAGE, LONGEST_ANSWER = 35, 50, 20  # words


@dataclass(frozen=True)
class Question:
    """A question, the passage, and its answer passage[begin:end]; `document` is the file it is from."""

    kind: str
    question: str
    passage: str
    begin: int
    end: int
    document: str

    @property
    def answer(self) -> str:
        return self.passage[self.begin : self.end]

    def unnamed(self) -> Question:
        """The same without the name of what is asked for, "What type is it?": whoever answers can only guess."""
        begin, _, end = next(one.partition("{}") for one in PATTERNS[self.kind] if self._fits(one))
        return replace(self, question=f"{begin}it{end}")

    def _fits(self, pattern: str) -> bool:
        begin, _, end = pattern.partition("{}")
        return self.question.startswith(begin) and self.question.endswith(end)


@dataclass(frozen=True)
class Entry:
    """A parameter as it is documented: "name : type description"."""

    name: str
    type: str
    text: str

    def answers(self) -> Iterator[tuple[str, int, int]]:
        """(kind, begin, end) of what can be asked of it, within `str(self)`."""
        start = len(self.name) + 3
        yield "type", start, start + len(self.type)
        whole, after = str(self), start + len(self.type) + 1
        sentence = SENTENCE.match(self.text)
        if sentence and 2 <= len(sentence[1].split()) <= LONGEST_ANSWER:
            yield "meaning", after, after + len(sentence[1]) - 1  # without its full stop
        default = DEFAULT.search(whole, start)
        if default and default[1] not in ("None", "value", "values"):
            yield "default", default.start(1), default.end(1)

    def __str__(self) -> str:
        return f"{self.name} : {self.type} {self.text}"


def questions(
    libraries: Sequence[str] = LIBRARIES, per_entry: int = 1, seed: int = 0, limit: int = 0
) -> list[Question]:
    """All questions, from every function and class of the libraries; `per_entry` of those that each parameter allows.

    With a `limit` about so many, from as many files as these are in.

    The same libraries in the same versions give the same questions. Raises ValueError where there are none.
    """
    found: list[Question] = []
    for document, entries in documents(libraries):
        draw = random.Random(f"{seed} {document} {entries}")
        for place, entry in enumerate(entries):
            passage, offset = _passage(entries, place, draw)
            if passage:
                kinds = list(entry.answers())
                for kind, begin, end in draw.sample(kinds, min(per_entry, len(kinds))):
                    text = draw.choice(PATTERNS[kind]).format(entry.name)
                    found.append(Question(kind, text, passage, offset + begin, offset + end, document))
        if limit and len(found) >= limit:
            break
    if not found:
        raise ValueError(f"questions: no documented parameter was found in {', '.join(libraries)}")
    return list({(one.question, one.passage): one for one in found}.values())


def split(found: Sequence[Question], share: float = 0.2, begin: float = 0.0) -> tuple[list[Question], list[Question]]:
    """Questions to train on, and those of a `share` of the files, held out; `begin` chooses another share.

    Libraries copy their texts: a held-out question of which question and answer, or the passage, also occur in the
    rest is left out.
    """
    held = {one.document for one in found if begin <= _number(one.document) < begin + share}
    train = [one for one in found if one.document not in held]
    known = {(one.kind, one.question, one.answer) for one in train}
    passages = {one.passage for one in train}
    test = [one for one in found if one.document in held and one.passage not in passages]
    return train, [one for one in test if (one.kind, one.question, one.answer) not in known]


def documents(libraries: Sequence[str]) -> Iterator[tuple[str, list[Entry]]]:
    """(file, entries) of every documentation string with parameters."""
    for library in libraries:
        spec = importlib.util.find_spec(library)
        if spec is None or spec.origin is None:
            continue
        root = Path(spec.origin).parent
        for file in sorted(root.rglob("*.py")):
            if SKIPPED.isdisjoint(file.relative_to(root).parts):
                text = file.read_text(encoding="utf-8", errors="replace")
                for match in DOCSTRING.finditer(text):
                    entries = _entries(match[2])
                    if len(entries) >= 2:
                        yield f"{library}/{file.relative_to(root).as_posix()}", entries


def _entries(docstring: str) -> list[Entry]:
    """The parameters of a documentation string whose text is short enough."""
    lines = docstring.expandtabs().split("\n")
    indent = min((len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()), default=0)
    sections = SECTION.split("\n".join([lines[0], *(line[indent:] for line in lines[1:])]))
    if "Parameters" not in sections[1::2]:
        return []
    found: list[Entry] = []
    name, kind, text = "", "", []
    for line in [*sections[2 + 2 * sections[1::2].index("Parameters")].split("\n"), "end"]:
        if line.startswith(" ") or not line.strip():
            text += line.split()
            continue
        if name and 3 <= len(text) <= LONGEST_ENTRY and "%(" not in kind:
            found.append(Entry(name, kind, " ".join(text)))
        match = ENTRY.match(line)  # or another form, such as "*args" or "x, y : array": nobody is asked for these
        name, kind, text = (match[1], " ".join(match[2].split()), []) if match else ("", "", [])
    return found


def _passage(entries: list[Entry], place: int, draw: random.Random) -> tuple[str, int]:
    """Some neighbours around an entry, and where it begins among them; nothing where it would stand alone."""
    low = high = place
    words = len(str(entries[place]).split())
    while True:
        sides = [side for side in (low - 1, high + 1) if 0 <= side < len(entries)]
        sides = [side for side in sides if words + len(str(entries[side]).split()) <= LONGEST_PASSAGE]
        if not sides:
            break
        side = draw.choice(sides)
        words += len(str(entries[side]).split())
        low, high = min(low, side), max(high, side)
    parts = [str(entry) for entry in entries[low : high + 1]]
    return ("", 0) if low == high else (" ".join(parts), sum(len(part) + 1 for part in parts[: place - low]))


def _number(document: str) -> float:
    """From 0 to 1, always the same for a name."""
    return int.from_bytes(hashlib.sha256(document.encode()).digest()[:4]) / 2**32
