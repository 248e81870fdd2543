"""The machine code of the micro-kernel: are the sums in registers, and is there anything in the loop but work?

`python -m nanonet_kernels.ladders.cpu_matmul.machine_code` prints the loop for this processor; with the name of another
(`skylake-avx512`) as argument, the loop that LLVM makes for that one. It is compiled then, not run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

# What Numba is to believe of a processor that is not here.
FEATURES = {
    "haswell": "+avx,+avx2,+fma,+sse4.2,+bmi,+bmi2",
    "skylake-avx512": "+avx,+avx2,+fma,+sse4.2,+bmi,+bmi2,+avx512f,+avx512vl,+avx512bw,+avx512dq,+avx512cd",
}


@dataclass(frozen=True)
class Loop:
    """The instructions of one pass of the loop over depth.

    multiply_adds   fused vector multiply-adds
    registers       how many different vector registers they sum up in
    width           "ymm" (8 floats) or "zmm" (16 floats)
    on_stack        instructions that touch the stack: spilled registers
    """

    lines: tuple[str, ...]

    @property
    def multiply_adds(self) -> int:
        return len(self._sums())

    @property
    def registers(self) -> int:
        return len(set(self._sums()))

    @property
    def width(self) -> str:
        return "/".join(sorted({name[:3] for name in self._sums()}))

    @property
    def on_stack(self) -> int:
        return sum("%rsp" in line or "%rbp)" in line for line in self.lines)

    def _sums(self) -> list[str]:
        found = (re.search(r"^vfn?m\w+ps\s.*%(\w+)$", line) for line in self.lines)
        return [match[1] for match in found if match]


def inner_loop(assembly: str) -> Loop:
    """The loop with the most multiply-adds among those that contain no other loop; AT&T syntax, x86."""
    lines = [line.split("#")[0].strip() for line in assembly.splitlines()]
    labels = {line[:-1]: i for i, line in enumerate(lines) if re.fullmatch(r"\.L\w+:", line)}
    jumps = [(i, labels.get(line.split()[-1])) for i, line in enumerate(lines) if re.match(r"j\w+\s+\.L", line)]
    loops = [(start, end) for end, start in jumps if start is not None and start < end]
    innermost = [x for x in loops if not any(x != y and x[0] <= y[0] and y[1] <= x[1] for y in loops)]
    found = [
        Loop(tuple(line for line in lines[start : end + 1] if line and line[0] != ".")) for start, end in innermost
    ]
    return max(found, key=lambda loop: loop.multiply_adds, default=Loop(()))


def assembly() -> str:
    """What LLVM makes of the loops around the micro-kernel, for the processor that Numba compiles for."""
    from numba import njit, void
    from numba.core.types import boolean, intp

    from nanonet_kernels.ladders.cpu_matmul.operands import FLAGS
    from nanonet_kernels.ladders.cpu_matmul.panels import _multiply_panels

    flags = FLAGS | {"cache": False}  # from the cache comes machine code without its text
    compiled = njit(void(*[intp] * 8, boolean), **flags)(_multiply_panels.py_func)
    return next(iter(compiled.inspect_asm().values()))


def assembly_for(cpu: str) -> str:
    """The same for another processor, from a process in which Numba takes this one for it."""
    if cpu not in FEATURES:
        raise ValueError(f"machine code: expected one of {', '.join(FEATURES)}, got {cpu!r}")
    environment = os.environ | {"NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": FEATURES[cpu]}
    command = [
        sys.executable,
        "-c",
        "from nanonet_kernels.ladders.cpu_matmul.machine_code import assembly; print(assembly())",
    ]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def main(arguments: Sequence[str]) -> None:
    """Print the loop, and what is in it."""
    loop = inner_loop(assembly_for(arguments[0]) if arguments else assembly())
    print("\n".join(loop.lines))
    sums = f"{loop.multiply_adds} multiply-adds into {loop.registers} {loop.width} registers"
    print(f"\n{sums}, {loop.on_stack} instructions that touch the stack")


if __name__ == "__main__":
    main(sys.argv[1:])
