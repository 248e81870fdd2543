"""The compilers and tools from NVIDIA's pip wheels: found, or missed in one line."""

from __future__ import annotations

import importlib
import shutil
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

REMEDY = "pip install 'nanonet[inspect]'"


class MissingToolError(RuntimeError):
    """A package that inspection needs is not installed."""


@cache
def tool(name: str) -> str:
    """The path of `nvdisasm` or `cuobjdump`: from the wheel, else from a CUDA toolkit on the PATH."""
    spec = find_spec("nvidia")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in Path(folder).glob(f"*/bin/{name}*"):
            if path.stem == name:
                return str(path)
    found = shutil.which(name)
    if found is None:
        raise MissingToolError(f"inspection: {name} is not installed; {REMEDY}")
    return found


@cache
def module(name: str) -> ModuleType:
    """`cuda.core`, `numba.cuda`, …: imported when it is first used."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingToolError(f"inspection: {name} cannot be imported ({error}); {REMEDY}") from None


def numba_compiler() -> ModuleType:
    """`numba.cuda.compiler`, which in a process that simulates CUDA is not there."""
    config = module("numba").config
    if config.ENABLE_CUDASIM:
        raise MissingToolError(
            "inspection: Numba simulates CUDA in this process; unset NUMBA_ENABLE_CUDASIM to compile"
        )
    return module("numba.cuda.compiler")


@cache
def header(name: str) -> Path | None:
    """A header of the CUDA toolkit from the wheel nvidia-cuda-runtime, or None."""
    spec = find_spec("nvidia")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in Path(folder).glob(f"*/include/{name}"):
            return path
    return None
