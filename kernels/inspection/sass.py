"""Machine code (SASS), disassembled into instructions.

nvdisasm takes half a second to start and almost nothing for each function, so many functions go
through it at once: they are laid end to end, as a raw binary of one architecture.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nanonet_kernels.inspection.architectures import Architecture
from nanonet_kernels.inspection.tools import tool

# /*0070*/ @!P0 LDG.E.128 R4, [R2.64+0x10] ;
_LINE = re.compile(r"\s*/\*([0-9a-f]+)\*/\s+(?:@(!?U?P\w+)\s+)?([A-Z][\w.]*)\s*(.*?)\s*;")
_TARGET = re.compile(r"(?:^|[ ,])0x([0-9a-f]+)$")
_JUMPS = {"BRA", "JMP", "BSSY"}  # those whose last operand is an address in the same function


@dataclass(frozen=True)
class Instruction:
    """One line: `@P0 LDG.E.128 R4, [R2.64]` has the predicate "P0" and the opcode "LDG.E.128".

    target   the address to which it may jump; for BSSY where the threads will meet again; else None
    """

    address: int
    predicate: str
    opcode: str
    operands: str
    target: int | None = None

    @property
    def mnemonic(self) -> str:
        """The opcode without its modifiers: "LDG"."""
        return self.opcode.split(".")[0]

    @property
    def conditional(self) -> bool:
        """May a branch not be taken? By @P0, by a predicate as operand (`BRA.U !UP0, …`), or by BRA.DIV, .CONV."""
        by_operand = re.match(r"!?U?P\d", self.operands) or re.search(r"\.(DIV|CONV)\b", self.opcode)
        return self.predicate not in ("", "PT", "UPT") or by_operand is not None


def disassemble(functions: Mapping[str, bytes], gpu: Architecture) -> dict[str, list[Instruction]]:
    """The instructions of each function, from its code. Needs nvdisasm (package nvidia-cuda-nvdisasm), no GPU."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "code")
        path.write_bytes(b"".join(functions.values()))
        command = [tool("nvdisasm"), "--no-dataflow", "--binary", gpu.name.upper().replace("_", ""), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"nvdisasm: {' '.join(done.stderr.split())}")
    code = parse(done.stdout)
    parts: dict[str, list[Instruction]] = {}
    start = 0
    for name, data in functions.items():
        inside = [i for i in code if start <= i.address < start + len(data)]
        parts[name] = _without_padding([_moved(i, start) for i in inside])
        start += len(data)
    return parts


def parse(text: str) -> list[Instruction]:
    """The instructions in what nvdisasm prints."""
    code = []
    for found in filter(None, map(_LINE.match, text.splitlines())):
        address, predicate, opcode, operands = found.groups()
        target = _TARGET.search(operands) if opcode.split(".")[0] in _JUMPS else None
        jump = int(target[1], 16) if target else None
        code.append(Instruction(int(address, 16), predicate or "", opcode, operands, jump))
    return code


def _moved(i: Instruction, start: int) -> Instruction:
    """As if the function that lies at `start` lay at 0."""
    return replace(i, address=i.address - start, target=None if i.target is None else i.target - start)


def _without_padding(code: list[Instruction]) -> list[Instruction]:
    """A function ends with a branch to itself, as a trap, and with NOPs up to a full line of the cache."""
    while code and (code[-1].opcode == "NOP" or code[-1].target == code[-1].address):
        code = code[:-1]
    return code
