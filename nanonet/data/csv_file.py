"""A CSV file as text cells: encoding, delimiter, header, and every irregularity said with its place."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

DELIMITERS = "\t;|,"  # in the order in which they are tried: a comma is also a decimal sign and punctuation


@dataclass
class Cells:
    """The content of a CSV file, as text.

    path    where it was read
    names   the columns' names
    rows    a list of cells for each row, as many as there are names
    lines   the line of the file where each row begins
    notes   what a reader should know
    """

    path: str
    names: list[str]
    rows: list[list[str]]
    lines: list[int]
    notes: list[str]


def read_cells(
    path: str | os.PathLike[str], delimiter: str | None = None, header: bool | None = None, encoding: str = "utf-8"
) -> Cells:
    """The cells of a CSV file, stripped of blanks around them; blank lines are skipped.

    delimiter   a character; None finds it among tab, semicolon, bar and comma
    header      whether the first line holds names; None expects so, and refuses a first line of numbers only
    Raises FileNotFoundError, and ValueError (one line, with file and line) for an empty or binary file, another
    encoding, no rows, rows of unequal length, an open quote, a name that is there twice.
    """
    name = os.fspath(path)
    text = _decode(name, Path(path), encoding)
    records = _records(name, text, delimiter or find_delimiter(text))
    if not records:
        raise ValueError(f"{name}: the file is empty; expected a header line and rows")
    first_line, first = records[0]
    if header is None and all(_is_number(cell) for cell in first):
        raise ValueError(
            f"{name}, line {first_line}: the first line holds numbers only; "
            "say header=False if the file has no column names, header=True if these are the names"
        )
    notes: list[str] = []
    if header is False:
        names = [f"column {i + 1}" for i in range(len(first))]
    else:
        names = _names(name, first_line, first, notes)
        records = records[1:]
    if not records:
        raise ValueError(f"{name}: the file has a header and no rows")
    for line, row in records:
        if len(row) != len(names):
            raise ValueError(
                f"{name}, line {line}: expected {len(names)} cells, as in line {first_line}, got {len(row)}; "
                "put quotes around a cell that holds the delimiter"
            )
    return Cells(name, names, [row for _, row in records], [line for line, _ in records], notes)


def find_delimiter(text: str) -> str:
    """The delimiter by which the first lines all have the same number of cells, more than one."""
    widths: dict[str, int] = {}
    for candidate in DELIMITERS:
        try:
            sample = [len(row) for row in islice(_reader(text, candidate), 20) if row]
        except csv.Error:
            continue
        if sample and sample[0] > 1:
            if len(set(sample)) == 1:
                return candidate
            widths[candidate] = sample[0]
    return max(widths, key=lambda candidate: widths[candidate]) if widths else ","


def _decode(name: str, path: Path, encoding: str) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"{name}: there is no such file") from None
    except IsADirectoryError:
        raise IsADirectoryError(f"{name}: this is a folder, expected a CSV file") from None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) and encoding == "utf-8":
        raise ValueError(f"{name}: the text is UTF-16 (it begins with byte 0x{data[0]:02X}); pass encoding='utf-16'")
    if b"\0" in data and not encoding.lower().startswith("utf-16"):
        raise ValueError(
            f"{name}: this is a binary file (byte 0x00 at position {data.index(0)}), not CSV; "
            "export a table as CSV first"
        )
    try:
        return data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{name}, line {line}: byte 0x{data[error.start]:02X} is not {encoding}; "
            "pass the file's encoding, e.g. encoding='latin-1', or convert it: iconv -f latin1 -t utf-8 OLD > NEW"
        ) from None
    except LookupError:
        raise ValueError(f"{name}: unknown encoding {encoding!r}") from None


def _reader(text: str, delimiter: str):
    return csv.reader(_lines(text), delimiter=delimiter, skipinitialspace=True, strict=True)


def _lines(text: str):
    """The lines with their ends, which csv needs for quoted cells of several lines."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end].replace("\r\n", "\n")
        start = end


def _records(name: str, text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """(line, cells) of every row that is not blank."""
    reader = _reader(text if "\n" in text else text.replace("\r", "\n"), delimiter)
    records: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for row in reader:
            row = [cell.strip() for cell in row]
            if len(row) > 1 or any(row):
                records.append((line, row))
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{name}, line {line}: {error}; look for a quote that is not closed") from None
    return records


def _names(name: str, line: int, cells: list[str], notes: list[str]) -> list[str]:
    names: list[str] = []
    for i, cell in enumerate(cells, 1):
        if not cell:
            notes.append(f"column {i} has no name and is called 'column {i}'; drop it if it only counts the rows")
        found = cell or f"column {i}"
        if found in names:
            raise ValueError(f"{name}, line {line}: columns {names.index(found) + 1} and {i} are both named {found!r}")
        names.append(found)
    return names


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
