"""Machine code (SASS) as text from nvdisasm, read into instructions and sorted into kinds."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from nanonet_kernels.inspection.tools import tool

_SECTION = re.compile(r"\s*\.section\s+\.text\.([^,]+),")
_LABEL = re.compile(r"(\.L_\w+):")
_LINE = re.compile(r"\s*/\*([0-9a-f]+)\*/\s+(?:@(!?U?P\w+)\s+)?([A-Z][\w.]*)\s*(.*?)\s*;")
_TARGET = re.compile(r"`\((\.L_\w+)\)")


@dataclass(frozen=True)
class Instruction:
    """One line: `@P0 LDG.E.128 R4, desc[UR4][R2.64]` has the predicate "P0" and the opcode "LDG.E.128".

    target   the label that it may jump to, as an address; None where it does not jump
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
        """May a branch not be taken? By @P0, by a predicate among its operands (`BRA.U !UP0, …`), or by BRA.DIV, .CONV."""
        by_operand = re.match(r"!?U?P\d", self.operands) or re.search(r"\.(DIV|CONV)\b", self.opcode)
        return self.predicate not in ("", "PT", "UPT") or by_operand is not None


def disassemble(cubin: bytes) -> dict[str, list[Instruction]]:
    """Each function of a cubin, its instructions in order. Needs nvdisasm (package nvidia-cuda-nvdisasm), no GPU."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "kernel.cubin")
        path.write_bytes(cubin)
        done = subprocess.run([tool("nvdisasm"), "-c", path], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"nvdisasm: {' '.join(done.stderr.split())}")
    return read(done.stdout)


def read(text: str) -> dict[str, list[Instruction]]:
    """What `nvdisasm -c` prints, function by function."""
    functions: dict[str, list[Instruction]] = {}
    for part in re.split(r"(?m)^//-+ ", text):
        if found := _SECTION.search(part):
            functions[found[1]] = _instructions(part)
    return functions


def _instructions(text: str) -> list[Instruction]:
    labels: dict[str, int] = {}
    waiting: list[str] = []
    lines: list[tuple[int, str, str, str]] = []
    for line in text.splitlines():
        if label := _LABEL.match(line):
            waiting.append(label[1])
        elif found := _LINE.match(line):
            address = int(found[1], 16)
            labels |= dict.fromkeys(waiting, address)
            waiting.clear()
            lines.append((address, found[2] or "", found[3], found[4]))
    made = []
    for address, predicate, opcode, operands in lines:
        target = _TARGET.search(operands)
        made.append(Instruction(address, predicate, opcode, operands, labels.get(target[1]) if target else None))
    while made and (made[-1].opcode == "NOP" or made[-1].target == made[-1].address):
        made.pop()  # what fills the section up: a branch to itself as a trap, and NOPs
    return made
