"""A cubin is an ELF file. Read here: its sections, its symbols and NVIDIA's records in `.nv.info`.

Sources: the ELF-64 specification; the records' layout (EIATTR) as nvdisasm prints it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """A part of the file. `size` counts also where nothing is stored, as for shared memory."""

    name: str
    size: int
    data: bytes


_STORES_NOTHING = 8  # SHT_NOBITS


def sections(cubin: bytes) -> dict[str, Section]:
    """All sections by name."""
    if cubin[:5] != b"\x7fELF\x02":
        raise ValueError(f"cubin: expected a 64-bit ELF file, got {cubin[:5]!r}")
    (table,) = struct.unpack_from("<Q", cubin, 0x28)
    entry, count, names = struct.unpack_from("<HHH", cubin, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", cubin, table + i * entry) for i in range(count)]  # name type … offset size
    start = headers[names][4]
    found = {}
    for name, kind, _, _, offset, size in headers:
        text = cubin[start + name : cubin.index(b"\0", start + name)].decode()
        found[text] = Section(text, size, b"" if kind == _STORES_NOTHING else cubin[offset : offset + size])
    return found


def symbols(found: dict[str, Section]) -> list[str]:
    """The names of the symbols, in the order of their table."""
    table, text = found[".symtab"].data, found[".strtab"].data
    places = [struct.unpack_from("<I", table, i)[0] for i in range(0, len(table), 24)]
    return [text[p : text.index(b"\0", p)].decode() for p in places]


def attributes(section: Section) -> list[tuple[int, bytes]]:
    """The records (attribute, value) of a section .nv.info: two bytes say how the value is stored and what it is."""
    records, at, data = [], 0, section.data
    while at < len(data):
        how, attribute, size = struct.unpack_from("<BBH", data, at)
        sized = how == 4  # else the value is in the two bytes where the size would be
        records.append((attribute, data[at + 4 : at + 4 + size] if sized else data[at + 2 : at + 4]))
        at += 4 + (size if sized else 0)
    return records
