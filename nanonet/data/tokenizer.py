"""Tokenizers: text to whole numbers and back; characters, or byte-pair encoding through the library `tokenizers`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Protocol, Self

import numpy as np

END = "<|endoftext|>"


class Tokenizer(Protocol):
    """What a language model needs of a tokenizer. `end` is the token between two texts; it decodes to nothing."""

    kind: ClassVar[str]
    end: int

    @property
    def vocab_size(self) -> int: ...

    def encode(self, text: str) -> np.ndarray:
        """Tokens (T,) int64."""
        ...

    def decode(self, ids: Sequence[int] | np.ndarray) -> str: ...

    def to_json(self) -> str:
        """All that `tokenizer_from_json` needs."""
        ...


class CharTokenizer:
    """Each character is a token.

    characters  the known ones, each once. Token 0 ends a text, token 1 is any other character and decodes to "\ufffd"
    """

    kind: ClassVar[str] = "char"
    end: int = 0
    unknown: int = 1

    def __init__(self, characters: Iterable[str]) -> None:
        self.characters = "".join(characters)
        codes = _codes(self.characters)
        if len(set(codes.tolist())) != len(codes):
            raise ValueError("CharTokenizer: expected each character once")
        self._order = np.argsort(codes)
        self._sorted = codes[self._order]

    @classmethod
    def train(cls, texts: Iterable[str], at_least: int = 1) -> Self:
        """The characters that occur `at_least` times in the texts, sorted."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(text)
        return cls(sorted(c for c, n in counts.items() if n >= at_least))

    @property
    def vocab_size(self) -> int:
        return 2 + len(self.characters)

    def encode(self, text: str) -> np.ndarray:
        """Tokens (T,) int64, one for each character."""
        codes = _codes(text)
        if not len(self._sorted):
            return np.full(len(codes), self.unknown)
        place = np.minimum(np.searchsorted(self._sorted, codes), len(self._sorted) - 1)
        return np.where(self._sorted[place] == codes, 2 + self._order[place], self.unknown)

    def decode(self, ids: Sequence[int] | np.ndarray) -> str:
        """The text. Raises ValueError for a number that is no token."""
        symbols = ["", "\ufffd", *self.characters]
        return "".join(symbols[i] for i in _checked(ids, self.vocab_size))

    def to_json(self) -> str:
        return json.dumps({"kind": self.kind, "characters": self.characters}, indent=1)


class BpeTokenizer:
    """Byte-pair encoding on bytes, as GPT-2's: no text has an unknown token.

    The frequent pairs of neighbouring tokens became tokens themselves, one after the other, from the 256 bytes to
    `vocab_size`. Source: Sennrich et al. 2016; Radford et al. 2019, section 2.2. Needs the library `tokenizers`.
    """

    kind: ClassVar[str] = "bpe"

    def __init__(self, inner: Any) -> None:
        """`inner`: a `tokenizers.Tokenizer` that knows <|endoftext|>."""
        end = inner.token_to_id(END)
        if end is None:
            raise ValueError(f"BpeTokenizer: expected a tokenizer with the token {END}, GPT-2's end of a text")
        self.inner, self.end = inner, int(end)

    @classmethod
    def train(cls, texts: Iterable[str], vocab_size: int = 1024) -> Self:
        """Learn the pairs from texts. Raises ValueError for fewer tokens than the 256 bytes and the end need."""
        if vocab_size < 257:
            raise ValueError(
                f"BpeTokenizer: expected vocab_size of at least 257 (256 bytes and {END}), got {vocab_size}"
            )
        tokenizers = _library()
        inner = tokenizers.Tokenizer(tokenizers.models.BPE())
        inner.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        inner.decoder = tokenizers.decoders.ByteLevel()
        alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
        inner.train_from_iterator(
            texts,
            tokenizers.trainers.BpeTrainer(
                vocab_size=vocab_size, initial_alphabet=alphabet, special_tokens=[END], show_progress=False
            ),
        )
        return cls(inner)

    @property
    def vocab_size(self) -> int:
        return self.inner.get_vocab_size()

    def encode(self, text: str) -> np.ndarray:
        """Tokens (T,) int64."""
        return np.array(self.inner.encode(text, add_special_tokens=False).ids, np.int64)

    def decode(self, ids: Sequence[int] | np.ndarray) -> str:
        """The text; bytes that are no UTF-8 become "\ufffd". Raises ValueError for a number that is no token."""
        return self.inner.decode(list(_checked(ids, self.vocab_size)), skip_special_tokens=True)

    def to_json(self) -> str:
        """In the format of the library `tokenizers` (tokenizer.json)."""
        return self.inner.to_str()


def train_tokenizer(kind: str, texts: Iterable[str], vocab_size: int = 1024, at_least: int = 1) -> Tokenizer:
    """A new one: kind "char", of the characters that occur `at_least` times, or "bpe", of `vocab_size` tokens."""
    if kind == "char":
        return CharTokenizer.train(texts, at_least)
    if kind == "bpe":
        return BpeTokenizer.train(texts, vocab_size)
    raise ValueError(f"tokenizer: expected char or bpe, got {kind!r}")


def tokenizer_from_json(text: str) -> Tokenizer:
    """The tokenizer whose `to_json` gave this text, or that a tokenizer.json of GPT-2's kind describes.

    Raises ValueError for another text, ImportError where the library for byte-pair encoding is not installed.
    """
    try:
        found = json.loads(text)
        if found.get("kind") == CharTokenizer.kind:
            return CharTokenizer(found["characters"])
        if "model" not in found:
            raise ValueError("it has neither 'characters' nor 'model'")
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"tokenizer: this is no tokenizer's JSON ({error})") from None
    library = _library()
    try:
        inner = library.Tokenizer.from_str(text)
    except Exception as error:  # the library raises Exception itself
        raise ValueError(f"tokenizer: this is no tokenizer's JSON ({error})") from None
    return BpeTokenizer(inner)


def _library() -> Any:
    try:
        import tokenizers
        import tokenizers.decoders
        import tokenizers.models
        import tokenizers.pre_tokenizers
        import tokenizers.trainers
    except ImportError as error:
        raise ImportError(f"byte-pair encoding needs tokenizers ({error}): pip install 'nanonet[text]'") from None
    return tokenizers


def _codes(text: str) -> np.ndarray:
    """The characters' numbers in Unicode (T,)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)


def _checked(ids: Sequence[int] | np.ndarray, vocab_size: int) -> list[int]:
    numbers = [int(i) for i in ids]
    wrong = next((i for i in numbers if not 0 <= i < vocab_size), None)
    if wrong is not None:
        raise ValueError(f"decode: expected tokens from 0 to {vocab_size - 1}, got {wrong}")
    return numbers
