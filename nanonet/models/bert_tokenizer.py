"""The tokenizer of a pretrained BERT: texts to padded batches of tokens, cut and filled only as it is asked to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Encoded(NamedTuple):
    """A batch of texts as tokens, each array (N, T) of int64.

    input_ids       the tokens, then padding
    attention_mask  1 for a token, 0 for padding
    token_type_ids  0 in the first text of a pair, 1 in the second
    """

    input_ids: np.ndarray
    attention_mask: np.ndarray
    token_type_ids: np.ndarray


class BertTokenizer:
    """A `tokenizers.Tokenizer` without settings of its own for truncation and padding.

    A tokenizer.json may say "pad everything to 128"; here that is said in each call.

    tokenizer   the tokenizers.Tokenizer
    pad_id      the token that fills a batch up
    """

    def __init__(self, tokenizer: Any, pad_id: int = 0) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.tokenizer, self.pad_id = tokenizer, pad_id

    def __len__(self) -> int:
        """Tokens in the vocabulary."""
        return self.tokenizer.get_vocab_size()

    def __call__(
        self, texts: Sequence[str], pairs: Sequence[str] | None = None, *, max_length: int, length: int = 0
    ) -> Encoded:
        """A batch: each text, or text and pair, cut to `max_length` tokens, filled to the longest or to `length`."""
        return self.batch(self.encodings(texts, pairs, max_length=max_length), length)

    def encodings(
        self, texts: Sequence[str], pairs: Sequence[str] | None = None, *, max_length: int, cut: str = "longest_first"
    ) -> list[Any]:
        """A `tokenizers.Encoding` (ids, offsets, word_ids, …) of each text, not padded.

        `cut` says which of a pair is cut: longest_first, only_first, only_second. Raises ValueError for what are no
        texts, and for a `max_length` that leaves no room beside the special tokens.
        """
        refuse(texts, pairs)
        special = self.tokenizer.num_special_tokens_to_add(pairs is not None)
        if max_length <= special:
            raise ValueError(f"tokenizer: expected max_length above the {special} special tokens, got {max_length}")
        self.tokenizer.enable_truncation(max_length, strategy=cut)
        try:
            return self.tokenizer.encode_batch(
                list(texts) if pairs is None else list(zip(texts, pairs, strict=True)), add_special_tokens=True
            )
        finally:
            self.tokenizer.no_truncation()

    def batch(self, encodings: Sequence[Any], length: int = 0) -> Encoded:
        """Encodings beside each other, filled to the longest, or to `length` where that is more."""
        T = max([length, *(len(one.ids) for one in encodings)])
        ids = np.full((len(encodings), T), self.pad_id, np.int64)
        mask, kinds = np.zeros_like(ids), np.zeros_like(ids)
        for row, one in enumerate(encodings):
            ids[row, : len(one.ids)] = one.ids
            mask[row, : len(one.ids)] = 1
            kinds[row, : len(one.ids)] = one.type_ids
        return Encoded(ids, mask, kinds)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the tokens, without the special ones."""
        return self.tokenizer.decode(list(ids))

    def to_json(self) -> str:
        """The contents of a tokenizer.json."""
        return self.tokenizer.to_str()


def read_tokenizer(folder: Path, pad_id: int = 0) -> BertTokenizer:
    """From a folder's tokenizer.json, or else its vocab.txt. Raises OSError or ValueError, which say what is wrong."""
    tokenizers = the_library()
    file, words = folder / "tokenizer.json", folder / "vocab.txt"
    if file.exists():
        try:
            return BertTokenizer(tokenizers.Tokenizer.from_str(file.read_text(encoding="utf-8")), pad_id)
        except Exception as error:  # the library raises no other class
            raise ValueError(f"{file}: damaged, or of a newer version of tokenizers ({error})") from None
    if words.exists():
        return BertTokenizer(word_pieces(words, tokenizers), pad_id)
    raise FileNotFoundError(
        f"{folder}: there is no tokenizer.json and no vocab.txt; with transformers, "
        "AutoTokenizer.from_pretrained(folder).save_pretrained(folder) writes the first"
    )


def word_pieces(file: Path, tokenizers: Any) -> Any:
    """BERT's own tokenizer from its list of tokens, one a line; lower case unless tokenizer_config.json says not."""
    settings = file.parent / "tokenizer_config.json"
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        chosen = json.loads(settings.read_text(encoding="utf-8")) if settings.exists() else {}
    except ValueError as error:
        raise ValueError(f"{file.parent}: vocab.txt or tokenizer_config.json is damaged ({error})") from None
    lacking = [token for token in ("[UNK]", "[CLS]", "[SEP]", "[PAD]") if token not in lines]
    if lacking:
        raise ValueError(f"{file}: expected BERT's list of tokens, one a line, but {lacking[0]} is not among them")
    vocab = {token: i for i, token in enumerate(lines)}
    return tokenizers.BertWordPieceTokenizer(vocab, lowercase=chosen.get("do_lower_case", True))._tokenizer


def the_library() -> Any:
    try:
        import tokenizers  # type: ignore[import-not-found]
    except ImportError as error:
        raise OSError(f"tokenizer: this needs the package tokenizers ({error}): pip install 'nanonet[text]'") from None
    return tokenizers


def refuse(texts: Any, pairs: Any) -> None:
    for name, many in (("texts", texts), ("pairs", pairs)):
        if many is None:
            continue
        if isinstance(many, str | bytes) or not all(isinstance(text, str) for text in many):
            raise ValueError(f"tokenizer: expected {name} as a list of strings, got {_in_words(many)}")
    if pairs is not None and len(pairs) != len(texts):
        raise ValueError(f"tokenizer: expected as many pairs as texts, got {len(pairs)} and {len(texts)}")


def _in_words(many: Any) -> str:
    if isinstance(many, str | bytes):
        return f"one {type(many).__name__}"
    return f"{type(next(text for text in many if not isinstance(text, str))).__name__} in it"
