"""Small translations, for sequence-to-sequence networks: dates, sorting, addition. As many lines as one wants."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import numpy as np

from nanonet.data.seeds import generator, seed_of

Pair = tuple[str, str]  # source, target
FIRST, LAST = date(1950, 1, 1), date(2049, 12, 31)  # so that a year of two digits is one year

FORMATS: tuple[Callable[[date], str], ...] = (
    lambda d: f"{d.day} {d:%B} {d.year}",  # 3 March 1998
    lambda d: f"{d.day} {d:%b} {d.year}",  # 3 Mar 1998
    lambda d: f"{d:%B} {d.day}, {d.year}",  # March 3, 1998
    lambda d: f"{d:%A}, {d.day} {d:%B} {d.year}",  # Tuesday, 3 March 1998
    lambda d: f"{d:%a} {d:%b} {d.day} {d.year}",  # Tue Mar 3 1998
    lambda d: f"the {ordinal(d.day)} of {d:%B} {d.year}",  # the 3rd of March 1998
    lambda d: f"{d.day}-{d:%b}-{d:%y}",  # 3-Mar-98
    lambda d: f"{d.month}/{d.day}/{d.year}",  # 3/3/1998: slashes, the month first
    lambda d: f"{d:%a}, {d.month}/{d.day}/{d:%y}",  # Tue, 3/3/98
    lambda d: f"{d.day}.{d.month}.{d.year}",  # 3.3.1998: dots, the day first
    lambda d: f"{d:%Y%m%d}",  # 19980303
)


@dataclass(frozen=True)
class Task:
    """A kind of lines.

    draw        (generator) -> (source, target, key): pairs of one key go to the same part, training or test
    characters  all that occur in sources and targets
    longest     characters of a target, at most
    """

    draw: Callable[[np.random.Generator], tuple[str, str, str]]
    characters: str
    longest: int

    def pairs(self, part: str, count: int, seed: int = 0) -> list[Pair]:
        """`count` different pairs of a part: "train", "validation" (5 % of the keys) or "test" (5 %).

        A key's part is decided by its hash, so that no key is in two parts, whatever the counts and the seed.
        Raises ValueError where the part has not so many.
        """
        return list(_pairs(self, part, count, seed_of("pairs", seed)))


@cache
def _pairs(task: Task, part: str, count: int, seed: int) -> tuple[Pair, ...]:
    rng = generator(seed, *part.encode())
    found: dict[str, str] = {}
    tries = 0
    while len(found) < count:
        source, target, key = task.draw(rng)
        tries += 1
        if part_of(key) == part:
            found[source] = target
        if tries > 1000 + 400 * count:
            raise ValueError(f"pairs: there are not {count} different {part} lines, only {len(found)}")
    return tuple(found.items())


def part_of(key: str) -> str:
    """train, validation or test."""
    place = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") % 20
    return "test" if place == 0 else "validation" if place == 1 else "train"


def dates(rng: np.random.Generator) -> tuple[str, str, str]:
    """ "Tue, 3/3/98" -> "1998-03-03": a day from 1950 to 2049 in one of 11 formats. The key is the day."""
    day = FIRST + timedelta(days=int(rng.integers((LAST - FIRST).days + 1)))
    written = FORMATS[rng.integers(len(FORMATS))]
    return written(day), day.isoformat(), day.isoformat()


def sorting(rng: np.random.Generator) -> tuple[str, str, str]:
    """ "network" -> "eknortw": 2 to 12 letters in order. The key is the target, so that a test line is no reordering of
    one that was trained on."""
    letters = rng.integers(26, size=rng.integers(2, 13))
    source = "".join(string.ascii_lowercase[i] for i in letters)
    target = "".join(sorted(source))
    return source, target, target


def addition(rng: np.random.Generator) -> tuple[str, str, str]:
    """ "347+58" -> "405": two numbers of up to three digits. The key has no order: 58+347 is in the same part."""
    a, b = (int(rng.integers(10 ** int(rng.integers(1, 4)))) for _ in range(2))
    return f"{a}+{b}", str(a + b), f"{min(a, b)}+{max(a, b)}"


def ordinal(n: int) -> str:
    """1st, 2nd, 3rd, 4th, … 11th, … 21st."""
    return f"{n}{'th' if n % 100 in (11, 12, 13) else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


TASKS = {
    "dates": Task(dates, " ,-./" + string.digits + string.ascii_letters, 10),
    "sorting": Task(sorting, string.ascii_lowercase, 12),
    "addition": Task(addition, "+" + string.digits, 4),
}


class Alphabet:
    """Lines as rows of whole numbers: 0 is padding, 1 begins a line, 2 ends it; then the characters."""

    padding, begin, end = 0, 1, 2

    def __init__(self, characters: str) -> None:
        self.characters = characters
        self.numbers = {c: i for i, c in enumerate(characters, 3)}

    def __len__(self) -> int:
        return 3 + len(self.characters)

    def encode(self, lines: list[str]) -> np.ndarray:
        """(N, longest + 1), each line with its end, then padding. Raises ValueError for a character that is none."""
        rows = np.zeros((len(lines), max(map(len, lines)) + 1), np.int64)
        for row, line in zip(rows, lines, strict=True):
            strange = next((c for c in line if c not in self.numbers), None)
            if strange is not None:
                raise ValueError(f"{line!r}: expected the characters {self.characters!r}, got {strange!r}")
            row[: len(line) + 1] = [*(self.numbers[c] for c in line), self.end]
        return rows

    def decode(self, rows: np.ndarray) -> list[str]:
        """The lines, each up to its end."""
        return ["".join(self.characters[i - 3] for i in _before_end(row) if i > 2) for row in rows.tolist()]


def _before_end(row: list[int]) -> list[int]:
    return row[: row.index(Alphabet.end)] if Alphabet.end in row else row
