"""Records on disk: read with one line where something is wrong, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from nanonet_benchmarks.record import Record
from nanonet_benchmarks.report import spreadsheet


def load(path: str | Path) -> Record:
    """A record. OSError where there is no file; ValueError in one line where it is no file of this version."""
    path = Path(path)
    try:
        record = Record.load(path)
        needed = {"cpu", "blas", "environment", "python", "packages", "system", "gpu", "load", "commit", "id"}
        missing = sorted(needed - set(record.machine))
        if missing:
            raise ValueError(f"{path}: its machine has no {', '.join(missing)}; expected a file of nanonet bench")
        return record
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected JSON of nanonet bench, got bytes that are no text") from error
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path}: a row or the machine is not as nanonet bench writes it ({error})") from error
    except ValueError as error:
        text = str(error)
        raise ValueError(text if str(path) in text else f"{path}: {text}") from error


def write(record: Record, json: Path | None, csv: Path | None, html: Path | None) -> Iterator[Path]:
    """Write what has a path; each path as it is there."""
    if json is not None:
        yield _whole(json, record.save)
    if csv is not None:
        yield _whole(csv, lambda path: path.write_text(spreadsheet.text(record), encoding="utf-8"))
    if html is not None:
        from nanonet_benchmarks.report.page import page

        yield _whole(html, lambda path: path.write_text(page(record), encoding="utf-8"))


def _whole(path: Path, save: Callable[[Path], object]) -> Path:
    """Write beside it and then rename, so that a stop in between leaves the old file."""
    beside = path.with_name(path.name + ".part")
    try:
        save(beside)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return path
