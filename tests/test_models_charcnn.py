"""The network that reads characters keeps what is promised; its files are split whole, and wrong ones are refused."""

from __future__ import annotations

import numpy as np
import pytest

from nanonet.data.labelled import RandomCrop, pieces, read_labelled
from nanonet.models import ConfigError
from nanonet.models.charcnn import ALPHABET, encode
from nanonet.recipes import Use
from tests import model_promises as promise

WORDS = {"sea": "wave ship salt tide ", "wood": "leaf bark root moss "}


@pytest.fixture
def folder(tmp_path):
    """Two classes of four small files each."""
    rng = np.random.default_rng(0)
    for name, words in WORDS.items():
        (tmp_path / name).mkdir()
        for i in range(4):
            text = " ".join(rng.choice(words.split(), 600))
            (tmp_path / name / f"{i}.txt").write_text(f"{i} {text}")
    return tmp_path


@pytest.fixture
def tiny(folder):
    return {"data": str(folder), "length": 32, "batch_size": 8, "channels": "8,8", "hidden": 8, "dropout": 0}


def test_overfits_one_batch(tiny):
    promise.overfits(promise.make("charcnn", **{**tiny, "lr": 0.01, "steps": 60}), 60, below=0.05)


def test_the_same_seed_gives_the_same_figures(tiny):
    promise.repeats("charcnn", steps=6, **tiny)


def test_a_stopped_run_goes_on(tiny, tmp_path):
    promise.resumes("charcnn", steps=6, folder=tmp_path, **{**tiny, "dropout": 0.2})


def test_agrees_with_its_twin(tiny):
    promise.agrees("charcnn", **tiny)


def test_weights_travel_losslessly(tiny):
    promise.travels_losslessly("charcnn", **tiny)


def test_numba_computes_the_same(tiny):
    promise.same_on_numba("charcnn", **tiny)


def test_it_learns_and_answers(tiny, folder):
    recipe = promise.make("charcnn", **{**tiny, "lr": 0.01, "steps": 80})
    history = recipe.loop(verbose=0).run()
    (folder / "new.txt").write_text(WORDS["wood"] * 20)
    with recipe.judging():
        assert recipe.test()["accuracy"] > 0.95
        lines = recipe.use([WORDS["sea"] * 5, str(folder / "new.txt")], Use()).lines
        assert [": sea (" in lines[0], ": wood (" in lines[1]] == [True, True]
        assert recipe.use(["moss"], Use()).lines[0].startswith("moss: wood")
        assert recipe.pictures(history).keys() == {"curves.png", "confusion.png"}
        for nothing in ([], [" \n"]):
            with pytest.raises(ValueError, match="expected a text"):
                recipe.use(nothing, Use())


def test_a_file_is_in_one_part_only(folder):
    parts = read_labelled(str(folder)).split(0.2, 0.2)
    names = [{file.name for file in part} for part in parts]
    assert [len(part) for part in names] == [4, 2, 2]
    assert len(set.union(*names)) == 8
    assert [sorted({file.label for file in part}) for part in parts] == [[0, 1]] * 3


def test_scipys_parts_are_held_out_by_file():
    texts = read_labelled("scipy")
    assert len(texts.classes) == 10
    train, val, test = ({(file.name, file.label) for file in part} for part in texts.split(0.1, 0.2))
    assert not train & val
    assert not train & test
    assert not val & test
    assert all({label for _, label in part} == set(range(10)) for part in (train, val, test))
    assert not any("tests/" in name for name, _ in train | val | test)


def test_characters_are_tokens():
    tokens = encode(["aé\n", "abcdef"], 4)
    assert tokens.tolist() == [[2 + ALPHABET.index("a"), 1, 2, 0], [2 + ALPHABET.index(c) for c in "abcd"]]


def test_pieces_cover_a_file(folder):
    files = read_labelled(str(folder)).files
    texts, labels = pieces(files[:1], 100)
    assert "".join(texts) == files[0].text[: 100 * len(texts)]
    assert labels.tolist() == [0] * len(texts)
    with pytest.raises(ValueError, match="expected files of at least"):
        pieces(files, 10**6)


def test_a_crop_repeats_for_its_batch():
    rows, crop = np.arange(40).reshape(2, 20), RandomCrop(8, seed=1)
    first = crop.at(0, 3)(rows)
    assert first.shape == (2, 8)
    assert (np.diff(first) == 1).all()
    assert (crop.at(0, 3)(rows) == first).all()
    assert any((crop.at(epoch, 3)(rows) != first).any() for epoch in (1, 2, 3))


def test_wrong_folders_are_refused(folder):
    with pytest.raises(OSError, match="there is no such folder"):
        read_labelled(str(folder / "nowhere"))
    (folder / "empty").mkdir()
    with pytest.raises(OSError, match="found 0 such"):
        read_labelled(str(folder / "empty"))
    (folder / "sea" / "old.txt").write_bytes("Küste ".encode("latin-1") * 500)
    with pytest.raises(ValueError, match=r"old.txt: expected text in UTF-8, got another encoding \(byte 0xfc"):
        read_labelled(str(folder))
    (folder / "sea" / "old.txt").unlink()
    for i in (1, 2, 3):
        (folder / "sea" / f"{i}.txt").unlink()
    with pytest.raises(ValueError, match="sea: expected at least 3 files in a class, got 1"):
        read_labelled(str(folder)).split(0.1, 0.2)


def test_a_length_that_the_poolings_use_up_is_refused():
    with pytest.raises(ConfigError, match="expected length as at least 8"):
        promise.make("charcnn", length=4)
