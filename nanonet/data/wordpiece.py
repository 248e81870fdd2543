"""WordPiece: BERT's tokens, learned from texts through the library `tokenizers`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, UNKNOWN, CLS, SEP, MASK = range(len(SPECIAL))
INSIDE = "##"  # begins a piece that does not begin its word


def train_wordpiece(texts: Iterable[str], vocab_size: int = 8000, at_least: int = 2) -> Any:
    """A `tokenizers.Tokenizer` with BERT's pieces: whole words where they are frequent, else their parts, "##ing".

    texts       what the pieces are learned from
    vocab_size  tokens at most, the five special ones among them; [PAD] is 0, [UNK] 1, [CLS] 2, [SEP] 3, [MASK] 4
    at_least    a piece or character that is rarer becomes none

    Text is made lower case; each Chinese character and each punctuation mark is a token of its own. A text becomes
    [CLS] text [SEP], a pair [CLS] first [SEP] second [SEP]. The same texts give the same tokens. Sources: Schuster and
    Nakajima 2012; Devlin et al. 2019. Raises ImportError where the library is not installed.
    """
    library = _library()
    if vocab_size <= len(SPECIAL):
        raise ValueError(
            f"train_wordpiece: expected vocab_size above the {len(SPECIAL)} special ones, got {vocab_size}"
        )
    words = _words(texts, _tokenizer(library, list(SPECIAL)))
    alphabet = _alphabet(words, vocab_size - len(SPECIAL), at_least)
    known = {piece.removeprefix(INSIDE) for piece in alphabet}
    # The library's trainer numbers the characters within words in an order that changes from call to call, and by
    # these numbers it chooses among equally frequent pieces. So the characters are given to it, with their numbers.
    trainer = library.trainers.WordPieceTrainer(
        vocab_size=vocab_size,
        min_frequency=at_least,
        special_tokens=[*SPECIAL, *alphabet],
        show_progress=False,
    )
    learner = library.Tokenizer(library.models.WordPiece(unk_token="[UNK]"))
    learner.pre_tokenizer = library.pre_tokenizers.WhitespaceSplit()
    learned = (" ".join([word] * count) for word, count in words.items() if known.issuperset(word))
    learner.train_from_iterator(learned, trainer)
    return _tokenizer(library, [*SPECIAL, *sorted(learner.get_vocab().keys() - set(SPECIAL))])


def _words(texts: Iterable[str], tokenizer: Any) -> Counter[str]:
    """How often each word is there, in the order in which they come first."""
    clean, split = tokenizer.normalizer.normalize_str, tokenizer.pre_tokenizer.pre_tokenize_str
    return Counter(word for text in texts for word, _ in split(clean(text)))


def _alphabet(words: Counter[str], most: int, at_least: int) -> list[str]:
    """Pieces of one character: c where it begins a word, ##c where it does not; the most frequent ones, sorted."""
    begins, inside = Counter[str](), Counter[str]()
    for word, count in words.items():
        begins[word[0]] += count
        for c in word[1:]:
            inside[c] += count
    both = begins + inside
    pieces: list[str] = []
    for c in sorted(both, key=lambda c: (-both[c], c)):
        forms = [c] * (c in begins) + [INSIDE + c] * (c in inside)
        if both[c] < at_least or len(pieces) + len(forms) > most:
            break
        pieces += forms
    return sorted(pieces)


def _tokenizer(library: Any, pieces: list[str]) -> Any:
    """BERT's way with a text, around these tokens."""
    numbered = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = library.Tokenizer(library.models.WordPiece(numbered, unk_token="[UNK]"))
    tokenizer.normalizer = library.normalizers.BertNormalizer(lowercase=True, handle_chinese_chars=True)
    tokenizer.pre_tokenizer = library.pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = library.decoders.WordPiece()
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.post_processor = library.processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)],
    )
    return tokenizer


def _library() -> Any:
    try:
        import tokenizers
        import tokenizers.decoders
        import tokenizers.models
        import tokenizers.normalizers
        import tokenizers.pre_tokenizers
        import tokenizers.processors
        import tokenizers.trainers
    except ImportError as error:
        raise ImportError(f"WordPiece needs tokenizers ({error}): pip install 'nanonet[text]'") from None
    return tokenizers
