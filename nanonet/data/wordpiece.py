"""WordPiece: BERT's tokens, learned from texts through the library `tokenizers`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, UNKNOWN, CLS, SEP, MASK = range(len(SPECIAL))


def train_wordpiece(texts: Iterable[str], vocab_size: int = 8000, at_least: int = 2) -> Any:
    """A `tokenizers.Tokenizer` with BERT's pieces: whole words where they are frequent, else their parts, "##ing".

    texts       what the pieces are learned from
    vocab_size  tokens at most, the five special ones among them; [PAD] is 0, [UNK] 1, [CLS] 2, [SEP] 3, [MASK] 4
    at_least    a piece or character that is rarer becomes none

    Text is made lower case; each Chinese character and each punctuation mark is a token of its own. A text becomes
    [CLS] text [SEP], a pair [CLS] first [SEP] second [SEP]. Sources: Schuster and Nakajima 2012; Devlin et al. 2019.
    Raises ImportError where the library is not installed.
    """
    library = _library()
    if vocab_size <= len(SPECIAL):
        raise ValueError(
            f"train_wordpiece: expected vocab_size above the {len(SPECIAL)} special ones, got {vocab_size}"
        )
    tokenizer = _untrained(library)
    texts = [tokenizer.normalizer.normalize_str(text) for text in texts]
    words = Counter(word for text in texts for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text))
    counts: Counter[str] = Counter()
    for word, n in words.items():
        counts.update({c: count * n for c, count in Counter(word).items()})
    known = {c for c, n in counts.items() if n >= at_least}
    within = sorted({f"##{c}" for word in words for c in word[1:]} & {f"##{c}" for c in known})
    trainer = library.trainers.WordPieceTrainer(
        vocab_size=vocab_size,
        min_frequency=at_least,
        limit_alphabet=min(vocab_size - len(SPECIAL), len(known)),
        # Ties are broken by the tokens' numbers, and those of "##…" would be random: other pieces in every run.
        special_tokens=[*SPECIAL, *within[: vocab_size - len(SPECIAL)]],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    learned = _untrained(library, tokenizer.get_vocab())  # only the five are special: no text says "##a"
    learned.add_special_tokens(list(SPECIAL))
    learned.post_processor = library.processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)],
    )
    return learned


def _untrained(library: Any, vocab: dict[str, int] | None = None) -> Any:
    made = library.Tokenizer(library.models.WordPiece(vocab or {}, unk_token="[UNK]"))
    made.normalizer = library.normalizers.BertNormalizer(lowercase=True, handle_chinese_chars=True)
    made.pre_tokenizer = library.pre_tokenizers.BertPreTokenizer()
    made.decoder = library.decoders.WordPiece()
    return made


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
