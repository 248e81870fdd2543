"""Runs of neighbouring characters, numbered, with how much more often each is in one class than in the other."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

LONGEST = 3


class Ngrams:
    """Numbers of the different runs of 1 to 3 characters in a text, from 1; 0 is padding. Unknown ones are left out.

    known   the runs with the numbers 1 … K
    ratio   (K + 1,) log-count ratios:  r = log( p / Σp ) - log( q / Σq ),  p and q one more than the number of
            texts of class 1 and of class 0 that have the run;  r₀ = 0

    Source: Wang and Manning 2012, "Baselines and bigrams", equation 1.
    """

    def __init__(self, known: Sequence[str], ratio: Any) -> None:
        self.known, self.ratio = list(known), np.asarray(ratio, np.float32)
        self._number = {run: i for i, run in enumerate(self.known, 1)}

    @classmethod
    def train(cls, texts: Sequence[str], labels: Any, at_least: int = 2) -> Self:
        """Of the runs that are in at least `at_least` of the texts (N,), whose classes `labels` (N,) are 0 or 1."""
        counts: tuple[Counter[str], Counter[str]] = Counter(), Counter()
        for text, label in zip(texts, labels, strict=True):
            counts[int(label)].update(runs(text))
        known = sorted(
            run for run in counts[0].keys() | counts[1].keys() if counts[0][run] + counts[1][run] >= at_least
        )
        q, p = (np.array([count[run] + 1.0 for run in known]) for count in counts)
        return cls(known, np.append(0.0, np.log(p / p.sum()) - np.log(q / q.sum())))

    def __len__(self) -> int:
        """Numbers that there are, 0 among them."""
        return len(self.known) + 1

    def __call__(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The numbers of each text's runs, sorted."""
        number = self._number
        return [np.array(sorted(number[run] for run in runs(text) if run in number), np.int64) for text in texts]

    def to_json(self) -> str:
        return json.dumps({"known": self.known, "ratio": [round(float(r), 6) for r in self.ratio]}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        found = json.loads(text)
        return cls(found["known"], found["ratio"])


def runs(text: str) -> set[str]:
    """The different runs of 1, 2 and 3 characters, a space before and after the text among them."""
    text = f" {text} "
    return {text[i : i + n] for n in range(1, LONGEST + 1) for i in range(len(text) - n + 1)}
