"""Files that are downloaded once, checked, and kept."""

from __future__ import annotations

import hashlib
import http.client
import os
import tempfile
import urllib.request
from collections.abc import Sequence
from pathlib import Path


class DataUnavailable(OSError):  # noqa: N818 (it says what is the matter, as OSError's own subclasses do)
    """A data set is not on this machine and cannot be fetched. The text says what to do."""


class DataDamaged(DataUnavailable):
    """The file that is on this machine is not what it should be. The text says what to do."""


def cache_folder() -> Path:
    """Where downloaded data is kept: $NANONET_CACHE, or else ~/.cache/nanonet."""
    return Path(os.environ.get("NANONET_CACHE") or Path.home() / ".cache" / "nanonet")


def fetch(file: Path, urls: Sequence[str], sha256: str, timeout: float = 20.0) -> Path:
    """`file`, downloaded from the first of `urls` that gives it unless it is there; its checksum is compared each time.

    The file appears complete or not at all. Raises DataUnavailable where no address gives it, with each one's reason,
    DataDamaged where the file that is there is another; OSError where it cannot be written.
    """
    if file.exists():
        found = hashlib.sha256(file.read_bytes()).hexdigest()
        if found != sha256:
            raise DataDamaged(
                f"{file}: the file is damaged (SHA-256 {found}, expected {sha256}); delete it and load again"
            )
        return file
    reasons: list[str] = []
    for url in urls:
        try:
            with urllib.request.urlopen(url, timeout=timeout) as response:
                data = response.read()
        except (OSError, http.client.HTTPException) as error:
            reasons.append(f"{url}: {getattr(error, 'reason', None) or error or type(error).__name__}")
            continue
        found = hashlib.sha256(data).hexdigest()
        if found == sha256:
            write_atomically(file, data)
            return file
        reasons.append(f"{url}: wrong content (SHA-256 {found}, expected {sha256})")
    raise DataUnavailable(f"{file.name} could not be downloaded ({'; '.join(reasons)})")


def write_atomically(file: Path, data: bytes) -> None:
    """The whole file or, after any failure, no file and no rest of one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with open(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
