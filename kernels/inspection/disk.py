"""Machine code that was made before, kept in the user's cache folder: a large kernel takes seconds to compile."""

from __future__ import annotations

import hashlib
import os
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

COMPILERS = ("nvidia-nvjitlink", "nvidia-cuda-nvrtc", "nvidia-nvvm")  # another version may make other code
MOST = 4000  # files that are kept; the oldest go


def folder() -> Path:
    """$XDG_CACHE_HOME/nanonet/inspection, or ~/.cache/nanonet/inspection."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "nanonet", "inspection")


def key(*parts: str) -> str:
    """A name for what these parts are compiled to: the source, the options, the architecture."""
    text = "\0".join((*parts, *map(_version, COMPILERS)))
    return hashlib.sha256(text.encode()).hexdigest()


def load(name: str) -> tuple[bytes, str] | None:
    """The cubin and the assembler's log, or None."""
    try:
        log, _, cubin = (folder() / name).read_bytes().partition(b"\0")
    except OSError:
        return None
    return (cubin, log.decode()) if cubin else None


def store(name: str, cubin: bytes, log: str) -> None:
    """Keep them. A folder that cannot be written to keeps nothing: the next run compiles again."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder(), delete=False) as file:
            file.write(log.encode() + b"\0" + cubin)
        os.replace(file.name, folder() / name)  # at once, so that nobody reads half a file
        kept = sorted(folder().iterdir(), key=lambda path: path.stat().st_mtime)
        for path in kept[: max(0, len(kept) - MOST)]:
            path.unlink(missing_ok=True)
    except OSError:
        return


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
