"""Texts to pretrain on, as pairs of neighbouring pieces: reviews, or any corpus."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nanonet.data.corpus import read_corpus
from nanonet.data.masking import Pair, cut_in_two
from nanonet.data.reviews import split_reviews

ENDS = re.compile(r"(?<=[，。！？；!?;\n])|(?<=[.,] )")  # after a mark that ends a part of a sentence, or a line


class Texts(NamedTuple):
    """Documents to train on; to look at during training; to judge by."""

    train: list[str]
    validation: list[str]
    test: list[str]


def read_texts(source: str, limit: int) -> Texts:
    """Documents of a source, of which test and validation see nothing in training.

    source  "reviews": split as for the classifier (see split_reviews), so that its test part stays unseen; python,
            licences, or a folder or file of text (see read_corpus)
    limit   characters to read of a corpus at most
    """
    if source == "reviews":
        return Texts(*(part.texts for part in split_reviews()))
    return Texts(*([one.text for one in part.documents] for part in read_corpus(source, limit=limit).split(0.05, 0.05)))


def pairs_of(texts: Sequence[str], tokenizer: Any, length: int, rng: np.random.Generator) -> list[Pair]:
    """Every document of `texts` cut in pieces of at most `length` tokens, each a pair of neighbours.

    tokenizer   a `tokenizers.Tokenizer`
    """
    pairs = []
    for text in texts:
        encodings = tokenizer.encode_batch(
            [part for part in ENDS.split(text) if part.strip()], add_special_tokens=False
        )
        sentences = [np.array(one.ids, np.int64) for one in encodings if one.ids]
        pairs += cut_in_two(sentences, length, rng)
    return pairs
