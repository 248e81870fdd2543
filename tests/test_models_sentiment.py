"""The sentiment classifier keeps what is promised of every network, in both parts of its training."""

import json

import numpy as np
import pytest

from nanonet.models import ConfigError
from nanonet.recipes import Use
from nanonet.recipes.bert import BertRecipe
from nanonet.recipes.sentiment import SentimentRecipe
from tests import model_promises as promise
from tests.chinese_reviews import COMMON, SMALL, write_reviews

pytest.importorskip("tokenizers", reason="WordPiece comes from tokenizers")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Settings of a small network on 300 made-up reviews: 31 steps of pretraining, 31 of classifying."""
    data = write_reviews(tmp_path_factory.mktemp("reviews"))
    return {"data": data, "length": 32, "vocab_size": 60, "pretrain_epochs": 1, "epochs": 1, **SMALL}


@pytest.mark.parametrize("epochs", [0, 1000])
def test_overfits_one_batch(small, epochs):
    more = {"pretrain_epochs": epochs, "warmup": 0.0, "lr": 1e-2, "pretrain_lr": 1e-2, "hidden_dropout_prob": 0.0}
    recipe = promise.make("sentiment", **{**small, **more, "steps": 100_000, "weight_decay": 0.0})
    promise.overfits(recipe, steps=100, below=0.05)


def test_the_same_seed_gives_the_same_figures(small):
    promise.repeats("sentiment", **small, steps=8)


def test_a_stopped_run_goes_on(small, tmp_path):
    promise.resumes("sentiment", folder=tmp_path, **small, steps=12)


@pytest.mark.parametrize("pooling", ["mean", "mean+max"])
def test_agrees_with_its_twin(small, pooling):
    more = {"batch_size": 10, "pooling": pooling, "hidden_dropout_prob": 0.0, "lr": 1e-2}  # 25 steps of each kind
    promise.agrees("sentiment", **{**small, **more})


def test_weights_travel_losslessly(small):
    promise.travels_losslessly("sentiment", **small, warmup=0.0)


def test_numba_computes_the_same(small):
    promise.same_on_numba("sentiment", **small)


def test_pretraining_comes_first_also_where_another_takes_the_steps(small):
    """Which task a batch sets depends on the batches drawn, not on the recipe's own steps: its twin draws as well."""
    recipe = promise.make("sentiment", **small)
    drawn = [recipe.draw(batch) for _ in range(2) for batch in recipe.loader]
    assert ["targets" in batch for batch in drawn] == [True] * 31 + [False] * 31
    assert [recipe.rate(step) > 0 for step in (1, 30, 32, 60)] == [True] * 4
    assert recipe.rate(0) == recipe.rate(31) == 0


def test_no_pair_tells_what_is_hidden(small):
    recipe = promise.make("sentiment", **small)
    batch = recipe.draw(next(iter(recipe.loader)))
    ids, kinds, at = (batch[name].numpy() for name in ("ids", "kinds", "at"))
    np.testing.assert_array_equal(kinds, recipe.pairs(ids))
    assert kinds.any()
    gone = at[ids.reshape(-1)[at] == 4]
    assert len(gone)
    assert not kinds.reshape(-1)[gone].any()


def test_it_learns_and_is_read_back_without_the_reviews(small):
    recipe = promise.make("sentiment", **{**small, "epochs": 5, "lr": 1e-2})
    history = recipe.loop(verbose=0).run()
    again = SentimentRecipe.restore(recipe.settings, recipe.extras())
    again.load_weights(recipe.weights())
    with recipe.judging(), again.judging():
        figures = recipe.test()
        shown = again.use(["这本书美", "这本书烂"], Use()).lines
        assert shown == recipe.use(["这本书美", "这本书烂"], Use()).lines
        picture = recipe.pictures(history)["sentiment.png"]
    assert figures["accuracy"] > 0.9
    assert {f"{who}{name}" for who in ("", "baseline_") for name in ("accuracy", "f1", "precision", "recall")} < {
        *figures
    }
    assert [line.split()[0] for line in shown] == ["praise", "complaint"]
    assert all(0.5 <= float(line.split()[1]) <= 1 for line in shown)
    assert picture.startswith(b"\x89PNG")


def test_it_goes_on_from_a_pretrained_folder(small, tmp_path):
    """A run of `nanonet train bert`, as its folder has it, and the same network in Hugging Face's format."""
    from safetensors.numpy import save

    from nanonet.models.pretrained import save_pretrained

    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number in range(3):
        (corpus / f"{number}.txt").write_text((COMMON + "，好赞美坏差烂。\n") * 20 + str(number), encoding="utf-8")
    taken = {name: small[name] for name in SMALL}
    bert: BertRecipe = promise.make("bert", data=str(corpus), length=32, vocab_size=50, **taken)
    run, theirs = tmp_path / "run", tmp_path / "theirs"
    run.mkdir()
    (run / "model.safetensors").write_bytes(save(bert.weights()))
    (run / "tokenizer.json").write_text(bert.extras()["tokenizer.json"], encoding="utf-8")
    (run / "model.json").write_text(json.dumps({"recipe": "bert", "settings": bert.settings.to_dict()}))
    save_pretrained(theirs, bert.model, bert.tokenizer)
    for folder in (run, theirs):
        recipe = promise.make("sentiment", **small, init_from=str(folder))
        assert recipe.settings.network.vocab_size == len(bert.tokenizer)
        own = recipe.weights()
        shared = [name for name in bert.weights() if name in own]
        assert len(shared) > 30
        for name in shared:
            np.testing.assert_array_equal(own[name], bert.weights()[name], err_msg=name)
        recipe.step(recipe.draw(next(iter(recipe.loader))))
    (run / "model.json").write_text(json.dumps({"recipe": "gpt", "settings": bert.settings.to_dict()}))
    with pytest.raises(ValueError, match="expected a run of the recipe bert, got one of gpt"):
        promise.make("sentiment", **small, init_from=str(run))
    with pytest.raises(OSError, match="nowhere"):
        promise.make("sentiment", **small, init_from=str(tmp_path / "nowhere"))


def test_a_network_of_another_language_is_refused(small, tmp_path):
    from nanonet.models.pretrained import save_pretrained

    (tmp_path / "text").mkdir()
    for number in range(3):
        (tmp_path / "text" / f"{number}.txt").write_text("the cat sees the dog. " * 40 + str(number), encoding="utf-8")
    taken = {name: small[name] for name in SMALL}
    bert = promise.make("bert", data=str(tmp_path / "text"), length=32, vocab_size=50, **taken)
    save_pretrained(tmp_path / "bert", bert.model, bert.tokenizer)
    with pytest.raises(ValueError, match=r"does not know \d+% of the reviews' tokens; pretrain on texts like them"):
        promise.make("sentiment", **small, init_from=str(tmp_path / "bert"))


def test_bad_settings_and_inputs_are_refused_in_one_line(small):
    with pytest.raises(ConfigError, match="expected length as from 3 to 32 positions, got 64"):
        promise.make("sentiment", **{**small, "length": 64})
    with pytest.raises(ConfigError, match="pooling"):
        promise.make("sentiment", **small, pooling="sum")
    recipe = promise.make("sentiment", **small)
    with pytest.raises(ValueError, match="expected texts to judge"), recipe.judging():
        recipe.use([], Use())
