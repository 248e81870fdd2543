"""Inside a bundle: machine code instead of a compiler, and a stand-in where Numba is not installed.

The archive's copy of nanonet_kernels calls `prepare` when it is imported, also in the processes that the timer starts.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

from nanonet_benchmarks.workloads.base import only

HOOK = "\nfrom nanonet_benchmarks.bundle.there import prepare\n\nprepare()\n"


def prepare(code: Path | None = None) -> None:
    """`code` is the folder of the unpacked bundle that has the two packages (default: the one that this file is in)."""
    code = Path(__file__).parents[2] if code is None else code
    if importlib.util.find_spec("numba") is None:
        sys.path.append(str(code / "stand_in"))
        importlib.import_module("numba")  # it stands in for llvmlite too
        only("cuda")  # kernels for the CPU cannot even be named without Numba
    if (code / "ptx").is_dir():
        use_compiled(code / "ptx")


def use_compiled(folder: Path) -> None:
    """Let the kernels written in Python take their PTX from `folder` where it is there, instead of compiling it.

    PTX for an older architecture runs on a newer one: the newest that is not newer than the device is taken.
    """
    from nanonet_kernels.cuda.kernel import Kernel

    there = sorted((capability(path.name), path) for path in folder.iterdir())
    compile_here = Kernel.ptx

    def ptx(kernel: Kernel, wanted: tuple[int, int]) -> str:
        fitting = [path for one, path in there if one <= wanted]
        file = fitting[-1] / f"{kernel.name}.ptx" if fitting else None
        return file.read_text(encoding="utf-8") if file and file.exists() else compile_here(kernel, wanted)

    Kernel.ptx = ptx  # type: ignore[method-assign]


def capability(name: str) -> tuple[int, int]:
    """sm_120 is (12, 0)."""
    digits = name.removeprefix("sm_")
    return int(digits[:-1]), int(digits[-1])
