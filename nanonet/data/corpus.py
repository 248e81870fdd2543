"""Text corpora: sources of Python's own library, licence texts, or any folder of text files; split by file."""

from __future__ import annotations

import hashlib
import re
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nanonet.data.download import DataUnavailable

LEFT_OUT = (
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "idle_test",
    "encodings",
    "pydoc_data",
)  # last two: tables
MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}  # byte-order marks of other encodings
LICENCES = re.compile(
    r"(?i)^(licen[sc]e|copying|notice|copyright)([-._].*)?$|^(Apache|Artistic|BSD|CC0|L?GPL|GFDL|MPL)"
)


@dataclass(frozen=True)
class Document:
    """A file: its name within the corpus, and its text, with lines that end in \\n."""

    name: str
    text: str


@dataclass(frozen=True)
class Corpus:
    """Documents in the order of their names.

    source      what was read
    skipped     "name (why)" of the files that were left out
    """

    source: str
    documents: tuple[Document, ...]
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.documents)

    @property
    def characters(self) -> int:
        """Of all documents together."""
        return sum(len(document.text) for document in self.documents)

    def split(self, *shares: float) -> tuple[Corpus, ...]:
        """The training part, and a part of each share: `train, validation, test = corpus.split(0.05, 0.05)`.

        Whole files go to a part by a hash of their names, so that a file is always in the same part, whatever else is
        in the corpus. A part that would be empty gets the file that is nearest to it; in a corpus with fewer files
        than parts, each file is cut instead, the last lines for the last part. Raises ValueError for shares that are
        not above 0 or leave nothing to train on, and for a corpus too short to be split.
        """
        if any(not 0 < share < 1 for share in shares) or sum(shares) >= 1:
            raise ValueError(f"split: expected shares above 0 and below 1 together, got {shares}")
        parts = self._by_file(shares) if len(self) > len(shares) else self._by_lines(shares)
        if any(not part for part in parts):
            raise ValueError(
                f"split: {self.source} has {self.characters} characters, not enough for {len(parts)} parts; give more"
            )
        return tuple(Corpus(self.source, tuple(part), self.skipped) for part in parts)

    def _by_file(self, shares: tuple[float, ...]) -> list[list[Document]]:
        places = {document.name: _place(document.name) for document in self.documents}
        parts: list[list[Document]] = [[] for _ in (0, *shares)]
        ends = [sum(shares[: i + 1]) for i in range(len(shares))]
        for document in self.documents:
            number = next((i for i, end in enumerate(ends, 1) if places[document.name] < end), 0)
            parts[number].append(document)
        for number, part in enumerate(parts):
            if not part:
                goal = 1.0 if number == 0 else ends[number - 1] - shares[number - 1] / 2
                rest = [document for other in parts if len(other) > 1 for document in other]
                moved = min(rest, key=lambda document: abs(places[document.name] - goal))
                next(other for other in parts if moved in other).remove(moved)
                part.append(moved)
        return parts

    def _by_lines(self, shares: tuple[float, ...]) -> list[list[Document]]:
        parts: list[list[Document]] = [[] for _ in (0, *shares)]
        for document in self.documents:
            lines, start = document.text.splitlines(keepends=True), 0
            for number, share in enumerate((1 - sum(shares), *shares)):
                stop = len(lines) if number == len(shares) else start + round(share * len(lines))
                if stop > start:
                    parts[number].append(Document(document.name, "".join(lines[start:stop])))
                start = stop
        return parts


def read_corpus(
    source: str,
    *,
    limit: int = 20_000_000,
    shortest: int = 200,
    pattern: str = "*",
    skip_undecodable: bool = False,
) -> Corpus:
    """The texts of a source.

    source              "python": the library of the running interpreter, without its tests, tables and packages;
                        "licences": licence texts on this machine; else a folder, read with its subfolders, or a file
    limit               characters in all; of a larger source, a sample of whole files, always the same one
    shortest            files of fewer characters are left out
    pattern             of the names of a folder's files, such as "*.txt"; hidden files and binary ones are left out
    skip_undecodable    leave out, and note in `skipped`, files that are not UTF-8, instead of refusing them

    Equal files are taken once (licences: also those that differ in their copyright lines only). Raises OSError (often
    DataUnavailable, a kind of it) for a folder that is not there or has no text, ValueError for a file in another
    encoding, which it names with the place of the first bad byte.
    """
    files, same = _files(source, pattern)
    documents, skipped, seen = [], [], set()
    for name, path in files:
        text = _text(path, skip_undecodable)
        reason = text.reason if isinstance(text, _Unreadable) else "short" if len(text) < shortest else ""
        key = b"" if reason else hashlib.sha256(same(str(text)).encode()).digest()
        if reason or key in seen:
            skipped.append(f"{name} ({reason or 'same as another'})")
            continue
        seen.add(key)
        documents.append(Document(name, str(text)))
    if not documents:
        why = f": {', '.join(skipped[:3])}{' …' if len(skipped) > 3 else ''}" if skipped else ", it is empty"
        raise DataUnavailable(
            f"{source}: expected text files of at least {shortest} characters, found none{why}; name another folder"
        )
    return Corpus(source, _sample(documents, limit), tuple(skipped))


def _files(source: str, pattern: str) -> tuple[list[tuple[str, Path]], Callable[[str], str]]:
    """(name, path) of the source's files in the order of their names; and what of a text makes it another one."""
    if source == "python":
        root = Path(sysconfig.get_path("stdlib"))
        return _below(root, "*.py", lambda part: part in LEFT_OUT or part.startswith("_sysconfigdata")), str
    if source == "licences":
        return list(_licences()), _without_names
    root = Path(source).expanduser()
    if not root.exists():
        raise DataUnavailable(f"{source}: there is no such folder or file; a corpus is python, licences, or a folder")
    return [(root.name, root)] if root.is_file() else _below(root, pattern, lambda part: part.startswith(".")), str


def _below(root: Path, pattern: str, left_out: Callable[[str], bool]) -> list[tuple[str, Path]]:
    found = []
    for path in root.rglob(pattern):
        name = path.relative_to(root)
        if path.is_file() and not any(left_out(part) for part in name.parts):
            found.append((name.as_posix(), path))
    return sorted(found)


def _licences() -> Iterator[tuple[str, Path]]:
    """The interpreter's, the system's, and those of the installed packages."""
    packages = Path(sysconfig.get_path("purelib"))
    places: Iterable[tuple[str, Path]] = [
        ("python", Path(sysconfig.get_path("stdlib"))),
        ("python", Path(sys.base_prefix)),
        ("common", Path("/usr/share/common-licenses")),
        *((path.name, path) for path in sorted(Path("/usr/share/doc").glob("*"))),
        *((path.name, path) for path in sorted(packages.glob("*.dist-info"))),
        *((path.parent.name, path) for path in sorted(packages.glob("*.dist-info/licenses"))),
    ]
    for name, folder in places:
        for path in sorted(folder.glob("*")) if folder.is_dir() else ():
            if LICENCES.match(path.name) and path.suffix not in (".py", ".gz") and path.is_file():
                yield f"{name}/{path.name}", path


def _without_names(text: str) -> str:
    """The text without the lines that say whose it is, and without line breaks and digits."""
    lines = [line for line in text.lower().splitlines() if "copyright" not in line]
    return "".join(c for c in "".join(lines) if c.isalpha())


@dataclass(frozen=True)
class _Unreadable:
    reason: str


def _text(path: Path, skip_undecodable: bool) -> str | _Unreadable:
    data = path.read_bytes()
    encoding = MARKS.get(data[:2])
    if encoding is None and b"\0" in data:
        return _Unreadable("binary")
    try:
        if encoding is None:
            return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        problem = f"it begins with the mark of {encoding}"
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        problem = f"byte {data[error.start]:#04x} at position {error.start}, line {line}"
    if skip_undecodable:
        return _Unreadable("not UTF-8")
    raise ValueError(
        f"{path}: expected text in UTF-8, got another encoding ({problem}); convert it "
        f"(iconv -f LATIN1 -t UTF-8), or skip such files"
    )


def _sample(documents: list[Document], limit: int) -> tuple[Document, ...]:
    """Whole files up to `limit` characters, in the order of a hash; at least one."""
    taken, total = [], 0
    for document in sorted(documents, key=lambda document: _place(f"sample {document.name}")):
        if taken and total + len(document.text) > limit:
            continue
        taken.append(document)
        total += len(document.text)
    return tuple(sorted(taken, key=lambda document: document.name))


def _place(name: str) -> float:
    """A number from 0 to below 1 that only the name decides."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
