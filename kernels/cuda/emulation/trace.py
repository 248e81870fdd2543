"""What is read off the memory accesses of a launch: races, and how well the accesses of each warp go together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nanonet_kernels.cuda.emulation.races import READ, WARP, conflicts

_BANKS = 32


@dataclass(frozen=True)
class Buffer:
    """Memory that a kernel may touch: [begin, end)."""

    name: str
    begin: int
    end: int
    writable: bool
    shared: bool = False


@dataclass(frozen=True)
class Traffic:
    """How the requests of one line of source to one buffer went.

    line        the source line
    buffer      the buffer's name
    access      "read" or "write"
    bytes_each  the width of each thread's access
    requests    warp instructions executed
    units       shared memory: wavefronts, the passes through the 32 banks; global memory: sectors of 32 bytes moved
    ideal       the units that the same bytes need at least
    """

    line: str
    buffer: str
    access: str
    bytes_each: int
    requests: int
    units: int
    ideal: int

    @property
    def factor(self) -> float:
        """1.0: no bank conflict, or fully coalesced; 32.0: as bad as it can be."""
        return self.units / self.ideal


class Trace:
    """The memory accesses of a launch, in the order in which the emulator made them."""

    def __init__(self, records: np.ndarray, buffers: list[Buffer], line: Callable[[int], str]) -> None:
        self.records, self.buffers, self._line = records, buffers, line

    def races(self, most: int = 3) -> list[str]:
        """Pairs of threads that touch the same bytes, one of them writing, with no barrier between: at most `most`.

        In one block a __syncthreads() orders all accesses before it and after it, a __syncwarp() those of its warp;
        different blocks are never ordered. Two atomic updates are no race. The order in which the emulator ran the
        threads does not matter: a race is found although the result came out right.
        """
        found: list[str] = []
        for buffer in self.buffers:
            records = self._of(buffer)
            found += [self._words(buffer, pair) for pair in conflicts(records, buffer.shared, most)]
        return list(dict.fromkeys(found))[:most]

    def _words(self, buffer: Buffer, pair: np.ndarray) -> str:
        def did(r: np.ndarray, verb: str) -> str:
            return f"thread {r['thread']} of block {r['block']} {verb} it ({self._line(int(r['pc']))})"

        writer, other = pair
        at = int(writer["address"]) - buffer.begin
        verb = "reads" if other["access"] == READ else "writes"
        return f"{buffer.name}, byte {at}: {did(writer, 'writes')} and {did(other, verb)} with no barrier between"

    def traffic(self) -> list[Traffic]:
        """For every line that touches memory: bank conflicts in shared memory, coalescing in global memory."""
        rows = []
        for buffer in self.buffers:
            r = self._of(buffer)
            pcs, which = np.unique(r["pc"], return_inverse=True)
            kinds = np.stack([np.array([self._line(int(pc)) for pc in pcs], object)[which], r["access"], r["size"]])
            for line, access, size in dict.fromkeys(zip(*kinds, strict=True)):
                chosen = (kinds[0] == line) & (kinds[1] == access) & (kinds[2] == size)
                rows.append(_row(line, buffer, "read" if access == READ else "write", int(size), r[chosen]))
        return rows

    def _of(self, buffer: Buffer) -> np.ndarray:
        address = self.records["address"]
        return self.records[(address >= buffer.begin) & (address < buffer.end)]


def _row(line: str, buffer: Buffer, access: str, size: int, r: np.ndarray) -> Traffic:
    request = _requests(r)
    count = _wavefronts if buffer.shared else _sectors
    units, ideal = count(request, r["thread"].astype("i8") % WARP, r["address"].astype("i8"), size)
    return Traffic(line, buffer.name, access, size, int(request.max()) + 1, units, ideal)


def _requests(r: np.ndarray) -> np.ndarray:
    """A number for each warp instruction: what a warp's lanes do when they come to an instruction for the n-th time."""
    most = int(r["thread"].max()) + 1
    thread = r["block"].astype("i8") * most + r["thread"]
    instruction = np.unique(r["pc"], return_inverse=True)[1]
    nth = _occurrence(thread * (int(instruction.max()) + 1) + instruction)
    warp = r["block"].astype("i8") * most + r["thread"] // WARP
    _, dense = np.unique(
        (warp * (int(nth.max()) + 1) + nth) * (int(instruction.max()) + 1) + instruction, return_inverse=True
    )
    return dense


def _occurrence(who: np.ndarray) -> np.ndarray:
    """How many times the same one was there before."""
    order = np.argsort(who, kind="stable")
    starts = np.flatnonzero(np.diff(who[order], prepend=-1))
    nth = np.empty(len(who), "i8")
    nth[order] = np.arange(len(who)) - np.repeat(starts, np.diff(starts, append=len(who)))
    return nth


def _sectors(request: np.ndarray, lane: np.ndarray, address: np.ndarray, size: int) -> tuple[int, int]:
    """Sectors of 32 bytes that each request touches; and as many as its different bytes would fill."""
    address = address - address.min() // 32 * 32
    span = int(address.max()) + 32
    touched = len(np.unique(request * (span // 32 + 1) + address // 32))
    different = np.unique(request * span + address) // span
    return touched, int(np.ceil(np.bincount(different) * size / 32).sum())


def _wavefronts(request: np.ndarray, lane: np.ndarray, address: np.ndarray, size: int) -> tuple[int, int]:
    """Passes through the banks: 4-byte words of one bank need one each, unless they are the same word.

    Accesses of 8 bytes are served by half warps, of 16 bytes by quarter warps. The least is one pass for each part.
    """
    words = max(size // 4, 1)
    part = np.unique(request * words + lane // (WARP // words), return_inverse=True)[1]
    word = (address - address.min() // 128 * 128) // 4
    span = (int(word.max()) // _BANKS + 2) * _BANKS
    different = np.unique((part * span + word)[:, None] + np.arange(words))
    bank = different // span * _BANKS + different % _BANKS
    deep = np.bincount(bank, minlength=(int(part.max()) + 1) * _BANKS).reshape(-1, _BANKS)
    return int(deep.max(axis=1).sum()), len(deep)
