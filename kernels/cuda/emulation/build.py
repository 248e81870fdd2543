"""CUDA C made into a shared library for the CPU, with g++. Each text is compiled once and kept in the cache folder."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
# -O1: enough to inline, while an access of 16 bytes stays one access. The calls before each access are the scheduler's.
_KERNEL = [
    "-O1",
    "-g1",
    "-fsanitize=thread",
    "--param",
    "tsan-instrument-func-entry-exit=0",
    "-fno-strict-aliasing",
    "-fno-tree-sra",
    "-Wno-unknown-pragmas",
]
_COMMON = ["-std=c++17", "-fPIC", f"-I{_HERE}"]
_TYPES = {
    "f4": "float", "f8": "double", "i4": "int", "i8": "long long", "u4": "unsigned", "u8": "unsigned long long",
    "u2": "unsigned short", "u1": "unsigned char",
}  # fmt: skip


class EmulatorUnavailable(RuntimeError):  # noqa: N818 (as DataUnavailable: it says what is the matter)
    """There is no g++ here, or it refuses. The text says what to do."""


@dataclass(frozen=True)
class SharedArray:
    """A __shared__ array of a built kernel: its name, and where it lies in memory."""

    name: str
    address: int
    size: int


class Library:
    """A kernel that can run here: the library, its entry with raw arguments, and its shared arrays."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.dll: Any = ctypes.CDLL(str(path))
        self.dll.emulate.restype = ctypes.c_int64
        self.dll.emulated_records.restype = ctypes.c_void_p
        self.entry = ctypes.cast(self.dll.emulated_entry, ctypes.c_void_p)
        self.shared_span = tuple((ctypes.c_void_p * 2).in_dll(self.dll, "emulated_shared"))
        self.shared = self._arrays()

    def _arrays(self) -> list[SharedArray]:
        first, last = (end or 0 for end in self.shared_span)
        inside = [(name, self._base() + at, size) for name, (at, size) in _symbols(self.path).items() if size]
        # _ZZ7tile_2dE2As: the array As in the function tile_2d
        arrays = [
            SharedArray(re.sub(r"^_ZZ.*E\d+|^_ZL\d+|_\d+$", "", name), at, size)
            for name, at, size in inside
            if first <= at < last
        ]
        return sorted(arrays, key=lambda array: array.address)

    def line(self, pc: int) -> str:
        """The source line of a return address, as "tile_2d.cu:41"."""
        offset = pc - self._base() - 1  # a call returns behind itself
        found = subprocess.run(
            ["addr2line", "-e", str(self.path), hex(offset)], capture_output=True, text=True, check=True
        )
        return re.sub(r".*/| \(.*", "", found.stdout.strip())

    def _base(self) -> int:
        return _address(self.dll.emulated_entry) - _symbols(self.path)["emulated_entry"][0]


def available() -> str | None:
    """None if kernels can be emulated here, else the reason in one line."""
    missing = [tool for tool in ("g++", "nm", "addr2line") if shutil.which(tool) is None]
    if missing:
        return f"emulating CUDA C needs {' and '.join(missing)}: install a C++ compiler (Debian: apt-get install g++)"
    return None


@cache
def build(text: str, entry: str, signature: str, flags: tuple[str, ...] = ()) -> Library:
    """The library for the kernel `entry` in `text`, whose arguments are of the types in `signature` ("f4* i4 …").

    Raises EmulatorUnavailable without a compiler, ValueError with the compiler's words where it refuses the text.
    """
    if reason := available():
        raise EmulatorUnavailable(reason)
    runtime = _compile((_HERE / "runtime.cpp").read_text(), "runtime", ["-O2", "-c"], ".o")
    whole = f'#define EMULATED\n#include "tensor_core.h"\n{text}\n{_entry_with_raw_arguments(entry, signature.split())}'
    return Library(_compile(whole, entry, [*_KERNEL, *flags, "-shared", str(runtime)], ".so"))


def _entry_with_raw_arguments(entry: str, signature: list[str]) -> str:
    types = [_TYPES[kind.rstrip("*")] + " *" * kind.endswith("*") for kind in signature]
    values = ", ".join(f"*({kind} *)arguments[{i}]" for i, kind in enumerate(types))
    return f"""
extern "C" __attribute__((no_sanitize("thread"))) void emulated_entry(void **arguments) {{ {entry}({values}); }}
// The linker makes these two for the section in which shared arrays lie, if there are any.
extern "C" __attribute__((weak)) unsigned char __start_emulated_shared_memory[], __stop_emulated_shared_memory[];
extern "C" {{ unsigned char *emulated_shared[2] = {{__start_emulated_shared_memory, __stop_emulated_shared_memory}}; }}
"""


def _compile(text: str, name: str, flags: list[str], ending: str) -> Path:
    """Compiled, or found in the cache under the hash of all that it depends on."""
    headers = [file.read_text() for file in sorted(_HERE.glob("*.h"))]
    key = hashlib.sha256("\0".join([text, *headers, *flags, *_COMMON, _compiler_version()]).encode()).hexdigest()
    folder = Path(os.environ.get("NANONET_CACHE") or Path.home() / ".cache" / "nanonet") / "emulator"
    target = folder / f"{name}-{key[:24]}{ending}"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        source, made = Path(scratch) / f"{name}.cu", Path(scratch) / target.name
        source.write_text(text)
        objects = [flag for flag in flags if flag.endswith(".o")]
        others = [flag for flag in flags if flag not in objects]
        # A sanitizer named when linking would bring its own library: compile and link apart.
        compiled = made if "-c" in flags else Path(scratch) / f"{name}.o"
        _gxx(
            [*_COMMON, *(f for f in others if f != "-shared"), "-x", "c++", "-c", str(source), "-o", str(compiled)],
            name,
        )
        if compiled is not made:
            _gxx(["-shared", str(compiled), *objects, "-o", str(made)], name)
        made.replace(target)  # whole or not at all, also with several processes
    return target


def _gxx(arguments: list[str], name: str) -> None:
    done = subprocess.run(["g++", *arguments], capture_output=True, text=True)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
        raise ValueError(f"{name}: g++ refuses it: {'; '.join(errors[:3])}")


@cache
def _compiler_version() -> str:
    return subprocess.run(["g++", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


@cache
def _symbols(library: Path) -> dict[str, tuple[int, int]]:
    """Name -> (offset, size) of everything defined in a library."""
    listing = subprocess.run(["nm", "-S", str(library)], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^([0-9a-f]+) (?:([0-9a-f]{16}) )?\w (\S+)$", listing, re.MULTILINE)
    return {name: (int(offset, 16), int(size or "0", 16)) for offset, size, name in found}
