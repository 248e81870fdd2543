"""Corpora are split by file and refuse what is no text; tokenizers give back the text."""

import numpy as np
import pytest

from nanonet.data.corpus import Corpus, Document, read_corpus
from nanonet.data.download import DataUnavailable
from nanonet.data.tokenizer import END, BpeTokenizer, CharTokenizer, tokenizer_from_json, train_tokenizer

LONG = "All happy families are alike.\n" * 10


def folder_of(path, **texts):
    for name, text in texts.items():
        (path / f"{name}.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_python_is_the_library_of_this_interpreter():
    corpus = read_corpus("python", limit=300_000)
    again = read_corpus("python", limit=300_000)
    assert corpus == again
    assert 100_000 < corpus.characters <= 300_000
    assert all(document.name.endswith(".py") for document in corpus.documents)
    assert not any("site-packages" in d.name or "test/" in d.name for d in corpus.documents)
    names = [document.name for document in corpus.documents]
    assert names == sorted(names)


def test_licences_are_found_once_each():
    corpus = read_corpus("licences", limit=200_000)
    texts = [document.text for document in corpus.documents]
    assert len(texts) == len(set(texts)) > 1
    assert any("license" in text.lower() for text in texts)


def test_a_part_is_made_of_whole_files_whatever_else_is_there():
    documents = tuple(Document(f"{i}.txt", LONG) for i in range(200))
    train, validation, test = Corpus("s", documents).split(0.1, 0.1)
    assert len(train) + len(validation) + len(test) == 200
    assert 8 < len(validation) < 32
    assert 8 < len(test) < 32
    assert not {d.name for d in train.documents} & {d.name for d in test.documents}
    fewer = Corpus("s", documents[::2]).split(0.1, 0.1)
    for whole, part in zip((train, validation, test), fewer, strict=True):
        assert {d.name for d in part.documents} <= {d.name for d in whole.documents}


@pytest.mark.parametrize("files", [1, 2, 3, 4, 7])
def test_small_corpora_are_split_too(files):
    documents = tuple(Document(f"{i}", "".join(f"line {i} {j}\n" for j in range(40))) for i in range(files))
    parts = Corpus("s", documents).split(0.1, 0.1)
    assert all(len(part) for part in parts)
    assert sum(part.characters for part in parts) == Corpus("s", documents).characters


def test_splits_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="expected shares above 0 and below 1 together"):
        Corpus("s", (Document("a", LONG),)).split(0.5, 0.5)
    with pytest.raises(ValueError, match="has 8 characters, not enough for 3 parts"):
        Corpus("s", (Document("a", "one line"),)).split(0.1, 0.1)


def test_a_folder_is_read_with_its_subfolders(tmp_path):
    folder_of(tmp_path, b=LONG, a="\ufeff" + LONG.replace("\n", "\r\n") + "ü")
    (tmp_path / "deep").mkdir()
    folder_of(tmp_path / "deep", c=LONG + "c", short="short", same=LONG, _picture=b"\x89PNG\0\0" + b"x" * 300)
    (tmp_path / ".hidden.txt").write_text(LONG + "hidden")
    corpus = read_corpus(str(tmp_path))
    assert [document.name for document in corpus.documents] == ["a.txt", "b.txt", "deep/c.txt"]
    assert corpus.documents[0].text == LONG + "ü"
    assert corpus.skipped == ("deep/_picture.txt (binary)", "deep/same.txt (same as another)", "deep/short.txt (short)")
    assert [d.name for d in read_corpus(str(tmp_path / "b.txt")).documents] == ["b.txt"]
    assert len(read_corpus(str(tmp_path), pattern="c.*")) == 1


def test_a_limit_takes_a_sample_of_whole_files(tmp_path):
    folder = folder_of(tmp_path, **{f"f{i}": f"{i} {LONG}" for i in range(20)})
    corpus = read_corpus(folder, limit=1000)
    assert len(corpus) == 3
    assert corpus == read_corpus(folder, limit=1000)


def test_what_is_no_text_is_refused_in_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    for folder, words in (("nowhere", "there is no such folder"), ("empty", "it is empty")):
        with pytest.raises(DataUnavailable, match=words):
            read_corpus(str(tmp_path / folder))
    folder_of(tmp_path, short="short")
    with pytest.raises(DataUnavailable, match=r"at least 200 characters, found none: short.txt \(short\)"):
        read_corpus(str(tmp_path))
    folder_of(tmp_path, latin=LONG.encode() + "Müller".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin.txt: expected text in UTF-8.*byte 0xfc at position 301, line 11"):
        read_corpus(str(tmp_path))
    folder_of(tmp_path, latin=LONG.encode("utf-16"))
    with pytest.raises(ValueError, match="it begins with the mark of UTF-16"):
        read_corpus(str(tmp_path))
    folder_of(tmp_path, good=LONG)
    corpus = read_corpus(str(tmp_path), skip_undecodable=True)
    assert len(corpus) == 1
    assert "latin.txt (not UTF-8)" in corpus.skipped


def test_characters_come_back():
    text = "def f(x):\n\treturn 'ü€😀' * x\n"
    tokenizer = CharTokenizer.train([text, "more"])
    ids = tokenizer.encode(text)
    assert len(ids) == len(text)
    assert ids.dtype == np.int64
    assert ids.min() >= 2
    assert ids.max() < tokenizer.vocab_size
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode([tokenizer.end, *ids]) == text
    assert tokenizer.decode(tokenizer.encode("fäx")) == "f\ufffdx"
    assert tokenizer.encode("ä").tolist() == [tokenizer.unknown]
    assert tokenizer.encode("").shape == (0,)
    again = tokenizer_from_json(tokenizer.to_json())
    np.testing.assert_array_equal(again.encode(text), ids)


def test_rare_characters_are_unknown():
    assert CharTokenizer.train(["aab"], at_least=2).characters == "a"
    assert CharTokenizer("").encode("ab").tolist() == [1, 1]


def test_tokens_that_are_none_are_refused():
    tokenizer = CharTokenizer("ab")
    for wrong in (-1, 4):
        with pytest.raises(ValueError, match=f"expected tokens from 0 to 3, got {wrong}"):
            tokenizer.decode([wrong])
    with pytest.raises(ValueError, match="each character once"):
        CharTokenizer("aa")
    for text in ("{}", "[]", "no json", '{"kind": "char"}'):
        with pytest.raises(ValueError, match="this is no tokenizer's JSON"):
            tokenizer_from_json(text)
    with pytest.raises(ValueError, match="expected char or bpe, got 'word'"):
        train_tokenizer("word", [])


def test_byte_pairs_come_back():
    pytest.importorskip("tokenizers", reason="byte-pair encoding needs tokenizers: pip install 'nanonet[text]'")
    text = "def f(x):\n    return x  # ü€😀\n"
    tokenizer = train_tokenizer("bpe", [text * 20, LONG], 320)
    ids = tokenizer.encode(text)
    assert isinstance(tokenizer, BpeTokenizer)
    assert tokenizer.vocab_size <= 320
    assert len(ids) < len(text.encode())
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode(tokenizer.encode("never seen: 漢字")) == "never seen: 漢字"
    assert tokenizer.decode([tokenizer.end, *ids]) == text
    again = tokenizer_from_json(tokenizer.to_json())
    np.testing.assert_array_equal(again.encode(text), ids)
    assert again.end == tokenizer.end
    with pytest.raises(ValueError, match="at least 257"):
        BpeTokenizer.train([text], 100)
    with pytest.raises(ValueError, match="no tokenizer's JSON"):
        tokenizer_from_json('{"model": 3}')


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    with pytest.raises(ImportError, match=r"pip install 'nanonet\[text\]'"):
        train_tokenizer("bpe", [LONG])
    assert END == "<|endoftext|>"
