"""Extractive question answering: where the answer lies in the tokens, which span is the likeliest, how right it is."""

from __future__ import annotations

import re
import string
from collections import Counter
from typing import Any

import numpy as np

ARTICLES = re.compile(r"\b(a|an|the)\b")


def locate(encoding: Any, begin: int, end: int) -> tuple[int, int] | None:
    """The first and last token of passage[begin:end] in an encoded (question, passage), or None if it was cut off."""
    inside = [
        place
        for place, (part, (low, high)) in enumerate(zip(encoding.sequence_ids, encoding.offsets, strict=True))
        if part == 1 and low < end and high > begin
    ]
    if not inside or encoding.offsets[inside[-1]][1] < end:
        return None
    return inside[0], inside[-1]


def best_span(start: np.ndarray, end: np.ndarray, allowed: np.ndarray, longest: int = 40) -> tuple[int, int]:
    """argmax of start[i] + end[j] over i <= j < i + longest, both in the passage.

    start, end (T,) are logits, `allowed` (T,) is True for the passage's tokens, so that no span reaches into the
    question. Raises ValueError where nothing is allowed.
    """
    if not allowed.any():
        raise ValueError("best_span: the question fills the whole text; nothing is left of the passage")
    a = np.where(allowed, start, -np.inf)
    b = np.where(allowed, end, -np.inf)
    T = len(a)
    order = np.arange(T)[None] - np.arange(T)[:, None]  # j - i
    scores = np.where((order >= 0) & (order < longest), a[:, None] + b[None], -np.inf)
    i, j = divmod(int(scores.argmax()), T)
    return i, j


def passage_tokens(encoding: Any) -> np.ndarray:
    """(T,) booleans: the tokens of an encoded (question, passage) that are the passage's."""
    return np.array([part == 1 for part in encoding.sequence_ids])


def span_text(encoding: Any, passage: str, first: int, last: int) -> str:
    """The passage's own letters from one token to another."""
    return passage[encoding.offsets[first][0] : encoding.offsets[last][1]]


def plain(text: str) -> list[str]:
    """Its words without capitals, punctuation and articles, as SQuAD compares them."""
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return ARTICLES.sub(" ", text).split()


def exact_match(found: str, right: str) -> bool:
    """The same words. Source: Rajpurkar et al. 2016 (SQuAD), section 6."""
    return plain(found) == plain(right)


def f1(found: str, right: str) -> float:
    """2 p r / (p + r), where p is the share of the found words that are right, r that of the right ones found."""
    a, b = plain(found), plain(right)
    if not a or not b:
        return float(a == b)
    common = sum((Counter(a) & Counter(b)).values())
    return 2 * common / (len(a) + len(b))
