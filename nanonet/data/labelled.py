"""Text files in one folder for each class, split by file, cut into pieces."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from nanonet.data.download import DataUnavailable
from nanonet.data.seeds import generator

SCIPY = ("integrate", "interpolate", "io", "linalg", "optimize", "signal", "sparse", "spatial", "special", "stats")
LEFT_OUT = ("tests", "_lib", "array_api_compat", "__pycache__")


@dataclass(frozen=True)
class LabelledText:
    """A file: its name below the folder, its class's index, its text."""

    name: str
    label: int
    text: str


@dataclass(frozen=True)
class LabelledTexts:
    """The files of all classes, in the order of their names."""

    classes: tuple[str, ...]
    files: tuple[LabelledText, ...]

    def split(self, *shares: float) -> tuple[tuple[LabelledText, ...], ...]:
        """The files to train on, and a part of each share: `train, val, test = texts.split(0.1, 0.2)`.

        Whole files, so that what is held out comes from files that training never saw. In each class files go to
        the parts in the order of a hash of their names, until a part has its share of the characters.
        """
        parts: list[list[LabelledText]] = [[] for _ in (0, *shares)]
        for label, name in enumerate(self.classes):
            files = sorted((file for file in self.files if file.label == label), key=_place)
            if len(files) < len(parts):
                raise ValueError(f"{name}: expected at least {len(parts)} files in a class, got {len(files)}; add more")
            total = sum(len(file.text) for file in files)
            for number, share in enumerate(shares, 1):
                taken = 0
                while taken < share * total and len(files) > len(parts) - number:  # one for each part to come
                    file = files.pop()
                    taken += len(file.text)
                    parts[number].append(file)
            parts[0] += files
        return tuple(map(tuple, parts))


def read_labelled(source: str, *, shortest: int = 2_000, longest: int = 60_000) -> LabelledTexts:
    """The texts below a folder: each of its subfolders is a class.

    source      a folder; or "scipy": the sources of ten parts of SciPy, which nanonet needs anyway, without tests
    shortest    shorter files are left out
    longest     of longer files the beginning is taken, so that no class is one large file

    Raises OSError (DataUnavailable, a kind of it) for a folder that is not there or has fewer than two classes with
    texts, ValueError for a file that is not UTF-8.
    """
    root, names, pattern = _place_of_scipy(source) if source == "scipy" else _place_of_folder(source)
    found: dict[str, list[tuple[str, str]]] = {}
    for name in names:
        for path in sorted((root / name).rglob(pattern)):
            inside = path.relative_to(root)
            if path.is_file() and not any(part in LEFT_OUT or part[0] == "." for part in inside.parts):
                text = _text(path)
                if len(text) >= shortest:
                    found.setdefault(name, []).append((inside.as_posix(), text[:longest]))
    classes = tuple(found)
    if len(classes) < 2:
        raise DataUnavailable(
            f"{source}: expected a subfolder with text files of at least {shortest} characters for each of two or "
            f"more classes, found {len(classes)} such"
        )
    files = [LabelledText(name, i, text) for i, each in enumerate(classes) for name, text in found[each]]
    return LabelledTexts(classes, tuple(files))


def pieces(files: Sequence[LabelledText], length: int, step: int = 0) -> tuple[list[str], np.ndarray]:
    """Texts of `length` characters (N), one every `step` characters, and their labels (N,); step 0: end to end.

    A file's rest is left out. Raises ValueError where no file is long enough.
    """
    cut = [
        (file.text[start : start + length], file.label)
        for file in files
        for start in range(0, len(file.text) - length + 1, step or length)
    ]
    if not cut:
        raise ValueError(f"pieces: expected files of at least {length} characters, the longest are shorter")
    return [text for text, _ in cut], np.array([label for _, label in cut], np.int64)


class RandomCrop:
    """A DataLoader's transform: rows (N, T) cut to (N, length), each at a place drawn anew.

    The places depend on the seed, the epoch and the batch only, so that they repeat when a run is resumed.
    """

    def __init__(self, length: int, seed: int) -> None:
        self.length, self.seed = length, seed

    def __call__(self, rows: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        rng = rng or generator(self.seed)
        starts = rng.integers(0, rows.shape[1] - self.length + 1, (len(rows), 1))
        return np.take_along_axis(rows, starts + np.arange(self.length), 1)

    def at(self, epoch: int, batch: int) -> Callable[[np.ndarray], np.ndarray]:
        """The function for one batch of one epoch."""
        return partial(self, rng=generator(self.seed, epoch, batch))


def _place_of_scipy(source: str) -> tuple[Path, Sequence[str], str]:
    spec = find_spec(source)
    if spec is None or not spec.submodule_search_locations:
        raise DataUnavailable("scipy: the package is not installed; install it: pip install scipy")
    return Path(spec.submodule_search_locations[0]), SCIPY, "*.py"


def _place_of_folder(source: str) -> tuple[Path, Sequence[str], str]:
    root = Path(source).expanduser()
    if not root.is_dir():
        raise DataUnavailable(f"{source}: there is no such folder; give one that has a subfolder for each class")
    return root, sorted(path.name for path in root.iterdir() if path.is_dir() and path.name[0] != "."), "*"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: expected text in UTF-8, got another encoding (byte {error.object[error.start]:#04x} at "
            f"{error.start}); convert it: iconv -f LATIN1 -t UTF-8"
        ) from None


def _place(file: LabelledText) -> bytes:
    return hashlib.sha256(file.name.encode()).digest()
