"""What a compiled kernel takes: registers, spills, stack, shared memory; from its cubin and the assembler's log."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from nanonet_kernels.inspection.architectures import Architecture
from nanonet_kernels.inspection.compile import Compiled
from nanonet_kernels.inspection.elf import attributes, sections, symbols

_FRAME, _REGISTERS, _BARRIERS = 0x11, 0x2F, 0x4C  # EIATTR_FRAME_SIZE, _REGCOUNT, _NUM_BARRIERS


@dataclass(frozen=True)
class Resources:
    """Of one kernel.

    registers                 of a thread
    spill_stores, spill_loads bytes that a thread stores and loads because its registers do not suffice
    stack                     bytes of local memory of a thread: spills, and arrays that cannot be kept in registers
    shared                    bytes of static shared memory of a block, without the driver's own part
    constant                  bytes of constant memory, the arguments among them
    barriers                  named barriers of a block
    calls                     functions were left beside the kernel, which has registers enough for them too
    """

    registers: int
    spill_stores: int
    spill_loads: int
    stack: int
    shared: int
    constant: int
    barriers: int
    calls: bool

    @property
    def spills(self) -> int:
        """Bytes of spills, stores and loads together."""
        return self.spill_stores + self.spill_loads


def resources(made: Compiled, entry: str, gpu: Architecture) -> Resources:
    """Of the kernel `entry`. RuntimeError where the cubin and the assembler's log tell different numbers."""
    parts = sections(made.cubin)
    names = symbols(parts)
    pairs = [(a, *struct.unpack("<II", v)) for a, v in attributes(parts[".nv.info"]) if a in (_FRAME, _REGISTERS)]
    of_entry = {attribute: value for attribute, symbol, value in pairs if names[symbol] == entry}
    if _REGISTERS not in of_entry:
        raise RuntimeError(f"{entry}: the cubin has no such kernel; it has {', '.join(n for n in names if n)}")
    barriers = [v[0] for a, v in attributes(parts[f".nv.info.{entry}"]) if a == _BARRIERS]
    shared = parts[f".nv.shared.{entry}"].size if f".nv.shared.{entry}" in parts else 0
    if shared and gpu.capability >= (9, 0):
        shared -= gpu.shared_reserved  # from here on the section begins with the driver's part
    stores, loads = _spills(made.log)
    found = Resources(
        registers=of_entry[_REGISTERS],
        spill_stores=stores,
        spill_loads=loads,
        stack=of_entry.get(_FRAME, 0),
        shared=shared,
        constant=sum(s.size for name, s in parts.items() if re.fullmatch(rf"\.nv\.constant\d\.{entry}", name)),
        barriers=barriers[0] if barriers else 0,
        calls=sum(name.startswith(".text.") for name in parts) > 1,
    )
    _same_as_log(found, entry, made.log)
    return found


def _spills(log: str) -> tuple[int, int]:
    """Of the kernel and of the functions that it calls."""
    found = re.findall(r"(\d+) bytes spill stores, (\d+) bytes spill loads", log)
    return sum(int(s) for s, _ in found), sum(int(loads) for _, loads in found)


def _same_as_log(found: Resources, entry: str, log: str) -> None:
    told = re.search(rf"Function properties for {entry}\s.*?(\d+) bytes stack.*?Used (\d+) registers", log, re.DOTALL)
    if told is None:
        raise RuntimeError(f"{entry}: the assembler's log does not tell what it uses: {log!r}")
    registers, calls = int(told[2]), len(re.findall("Function properties for", log)) > 1 or found.calls
    same = found.registers >= registers if calls else found.registers == registers
    if not same or int(told[1]) != found.stack:
        raise RuntimeError(
            f"{entry}: the cubin says {found.registers} registers and {found.stack} bytes of stack, "
            f"the assembler {registers} and {told[1]}"
        )
