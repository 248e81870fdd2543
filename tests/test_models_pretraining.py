"""BERT's, RoBERTa's and ALBERT's pretraining keep what is promised of every network."""

import json

import numpy as np
import pytest

from nanonet.models import ConfigError
from nanonet.recipes import Use
from tests import model_promises as promise
from tests.chinese_reviews import SMALL

pytest.importorskip("tokenizers", reason="WordPiece comes from tokenizers")
FAMILIES = ("bert", "roberta", "albert")
WORDS = ("the", "cat", "dog", "bird", "fish", "sees", "likes", "eats", "a", "big", "small", "red")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Settings of small networks on text whose every line has one word alone, so that a hidden one can be guessed."""
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.Generator(np.random.PCG64(0))
    for number in range(12):
        lines = []
        for _ in range(20):
            lines.append(" ".join([rng.choice(WORDS)] * rng.integers(20, 26)) + ".")
        (folder / f"{number}.txt").write_text("\n".join(lines), encoding="utf-8")
    more = {"vocab_size": 60, "max_position_embeddings": 40, "initializer_range": 0.1}
    return {"data": str(folder), "length": 32, **SMALL, **more}


def family(small, name, **more):
    return {**small, "family": name, "embedding_size": 8 if name == "albert" else 0, **more}


def test_overfits_one_batch(small):
    settings = family(small, "bert", lr=1e-2, warmup=0.1, steps=200, hidden_dropout_prob=0.0, weight_decay=0.0)
    promise.overfits(promise.make("bert", **settings), steps=150, below=0.05)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_seed_gives_the_same_figures(small, name):
    promise.repeats("bert", **family(small, name, steps=8))


def test_a_stopped_run_goes_on(small, tmp_path):
    promise.resumes("bert", folder=tmp_path, **family(small, "roberta", steps=12))


@pytest.mark.parametrize("name", FAMILIES)
def test_agrees_with_its_twin(small, name):
    promise.agrees("bert", **family(small, name, hidden_dropout_prob=0.0, epochs=3, lr=1e-2))


@pytest.mark.parametrize("name", FAMILIES)
def test_weights_travel_losslessly(small, name):
    promise.travels_losslessly("bert", **family(small, name, warmup=0.0))


def test_numba_computes_the_same(small):
    promise.same_on_numba("bert", **family(small, "bert"))


def test_static_masks_stay_and_dynamic_ones_change(small):
    for name, masking, same in (("bert", "static", True), ("bert", "dynamic", False)):
        recipe = promise.make("bert", **family(small, name, masking=masking))
        batch = next(iter(recipe.loader))
        first, second = recipe.draw(batch), recipe.draw(batch)
        assert np.array_equal(first["ids"].numpy(), second["ids"].numpy()) is same
    choices = [promise.make("bert", **family(small, name)).settings.dynamic for name in FAMILIES]
    assert choices == [False, True, True]


def test_it_learns_more_than_frequencies_and_says_what_it_guesses(small):
    recipe = promise.make("bert", **family(small, "roberta", steps=150, lr=1e-2, hidden_dropout_prob=0.0))
    history = recipe.loop(verbose=0).run()
    with recipe.judging():
        figures = recipe.test()
        shown = recipe.use(["dog dog dog dog [MASK] dog dog dog dog dog dog dog"], Use())
    assert figures["masked_loss"] < figures["unigram_loss"] - 0.5
    assert figures["perplexity"] == pytest.approx(np.exp(figures["masked_loss"]))
    assert shown.lines[0].split("  ")[1].startswith("dog ")
    assert recipe.pictures(history)["pretraining.png"].startswith(b"\x89PNG")


def test_a_run_s_folder_is_read_back_without_the_texts(small, tmp_path):
    from nanonet.recipes.bert import BertRecipe

    recipe = promise.make("bert", **family(small, "albert"))
    again = BertRecipe.restore(recipe.settings, recipe.extras())
    again.load_weights(recipe.weights())
    with recipe.judging(), again.judging():
        assert again.use(["the cat [MASK]"], Use()).lines == recipe.use(["the cat [MASK]"], Use()).lines


def test_bad_settings_and_texts_are_refused_in_one_line(small):
    with pytest.raises(ConfigError, match="expected length as from 16 to 40 positions, got 64"):
        promise.make("bert", **{**small, "length": 64})
    with pytest.raises(ConfigError, match=r"no setting 'maskd'; did you mean 'masked'"):
        promise.make("bert", maskd=0.2)
    with pytest.raises(OSError, match="no such folder"):
        promise.make("bert", data="/nowhere")
    recipe = promise.make("bert", **small)
    with pytest.raises(ValueError, match=r"expected a text with \[MASK\]"), recipe.judging():
        recipe.use(["the cat"], Use())
    assert json.loads(recipe.extras()["tokenizer.json"])["model"]["type"] == "WordPiece"
