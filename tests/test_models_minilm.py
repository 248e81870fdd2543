"""MiniLM's recipe keeps what is promised of every network; here on a tiny body and a few made sentences."""

import io
import itertools
import tarfile

import numpy as np
import pytest

import nanonet as nt
from nanonet.data import english
from nanonet.data.download import DataDamaged, DataUnavailable
from nanonet.data.english import english_sentiment, read_snippets
from nanonet.models.bert import BertConfig, BertModel
from nanonet.models.pretrained import save_pretrained
from nanonet.recipes import Use, minilm
from tests import model_promises as promise

GOOD, BAD = ("good", "fine", "great", "warm", "sweet"), ("bad", "dull", "poor", "cold", "sour")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "and", "film", "very", *GOOD, *BAD]


def lines():
    """100 lines as the real file has them."""
    pairs = [(2.5, *pair) for pair in itertools.product(GOOD, GOOD)] + [
        (-2, *pair) for pair in itertools.product(BAD, BAD)
    ]
    rows = [(rating, f"{how} {one} and {two} film") for rating, one, two in pairs for how in ("a", "very")]
    return "".join(f"{i}\t{rating}\t{text}\r\n" for i, (rating, text) in enumerate(rows))


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Settings with a body of random weights and made sentences."""
    pytest.importorskip("tokenizers", reason="sentences go through tokenizers")
    nt.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    config = BertConfig().replace(vocab_size=len(WORDS), max_position_embeddings=16, **sizes)
    config = config.replace(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, initializer_range=0.5)
    save_pretrained(tmp_path / "body", BertModel(config))
    (tmp_path / "body" / "vocab.txt").write_text("\n".join(WORDS))
    monkeypatch.setenv("NANONET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(minilm, "english_sentiment", lambda data: read_snippets(lines()))
    return {"body": str(tmp_path / "body"), "layers": 2, "hidden": "8", "length": 16, "lr": 0.05, "dropout": 0.0}


WHOLE = {"finetune": True, "batch_size": 8, "lr": 0.01}


@pytest.mark.parametrize("more", [{}, WHOLE])
def test_overfits_one_batch(tiny, more):
    promise.overfits(promise.make("minilm", **tiny | {"batch_size": 8} | more), steps=150, below=0.1)


def test_the_same_seed_gives_the_same_figures(tiny):
    promise.repeats("minilm", steps=12, **tiny | {"dropout": 0.2})
    promise.repeats("minilm", steps=6, **tiny | WHOLE)


def test_a_stopped_run_goes_on(tiny, tmp_path):
    promise.resumes("minilm", steps=20, folder=tmp_path / "run", **tiny | {"dropout": 0.2})


@pytest.mark.parametrize("more", [{}, WHOLE])
def test_agrees_with_its_twin(tiny, more):
    promise.agrees("minilm", **tiny | more)


@pytest.mark.parametrize("more", [{}, WHOLE])
def test_weights_travel_losslessly(tiny, more):
    promise.travels_losslessly("minilm", **tiny | more)


def test_numba_computes_the_same(tiny):
    promise.same_on_numba("minilm", **tiny | WHOLE)


def test_what_is_judged(tiny):
    recipe = promise.make("minilm", epochs=30, **tiny | {"lr": 0.01})
    recipe.loop(verbose=0).run()
    with recipe.judging():
        figures = recipe.test()
    assert figures["test_sentences"] == 20
    assert figures["test_accuracy"] > 0.9 > figures["majority"] == 0.5
    assert 0.5 <= figures["tfidf_accuracy"] <= 1
    rows = [set(recipe.rows[part]) for part in ("train", "validation", "test")]
    assert sum(map(len, rows)) == len(set.union(*rows)) == 100  # no sentence is in two parts
    sentences = ["very good and warm film", "a bad and cold film"]
    shown = recipe.use(sentences, Use())
    again = type(recipe).restore(recipe.settings, recipe.extras())
    again.load_weights(recipe.weights())
    assert again.use(sentences, Use()) == shown
    assert [line.split()[0] for line in shown.lines] == ["positive", "negative"]


def test_the_head_alone_is_restored_and_the_picture_drawn(tiny):
    recipe = promise.make("minilm", **tiny)
    assert recipe.pictures(None)["minilm.png"].startswith(b"\x89PNG")
    again = type(recipe).restore(recipe.settings, recipe.extras())
    again.load_weights(recipe.weights())
    assert again.use(["a good film"], Use()) == recipe.use(["a good film"], Use())


def test_vectors_are_computed_once(tiny, monkeypatch):
    promise.make("minilm", **tiny)
    monkeypatch.setattr(minilm, "sentence_embeddings", None)  # would fail if it were called
    promise.make("minilm", **tiny)


def test_snippets_are_counted_once_and_neutral_ones_left_out():
    rows = [(1.5, "A Good  film."), (2, "a good film"), (-0.4, "so so"), (-2, "Dreadful"), (1, "odd"), (-1, "Odd!")]
    found = read_snippets("".join(f"1\t{rating}\t{text}\r\n" for rating, text in rows))
    assert found.texts == ["A Good film.", "Dreadful"]
    assert found.labels.tolist() == [1, 0]


def archive(path, name, data):
    with tarfile.open(path, "w:gz") as file:
        member = tarfile.TarInfo(f"folder/{name}")
        member.size = len(data)
        file.addfile(member, io.BytesIO(data))
    return path


def test_the_package_within_the_package_is_read(tmp_path, monkeypatch):
    data = lines().encode()
    inner = archive(tmp_path / "inner.tar.gz", english.MOVIES, data)
    outer = archive(tmp_path / "outer.tar.gz", english.INNER, inner.read_bytes())
    with pytest.raises(DataDamaged, match=r"its movieReviewSnippets_GroundTruth.txt is another"):
        english_sentiment(outer)
    monkeypatch.setattr(english, "SHA256", english.hashlib.sha256(data).hexdigest())
    assert english_sentiment(outer).texts == english_sentiment(inner).texts == read_snippets(lines()).texts


def test_errors_say_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("NANONET_CACHE", str(tmp_path))
    with pytest.raises(DataUnavailable, match=r"pip download --no-deps --no-binary :all: vaderSentiment==3.3.2 -d"):
        english_sentiment()
    (tmp_path / "x.tar.gz").write_bytes(b"no archive")
    with pytest.raises(DataDamaged, match=r"damaged, or no .tar.gz"):
        english_sentiment(tmp_path / "x.tar.gz")
    with pytest.raises(DataDamaged, match="there is no movieReviewSnippets"):
        english_sentiment(archive(tmp_path / "y.tar.gz", "other.txt", b"x"))


def test_the_real_set_where_it_is():
    try:
        found = english_sentiment()
    except DataUnavailable as error:
        pytest.skip(str(error))
    assert len(found.texts) == 10070
    assert found.labels.sum() == 4995
    assert len({text.lower() for text in found.texts}) == 10070
    parts = minilm.parts_of(found)
    assert {name: len(rows) for name, rows in parts.items()} == {"train": 7250, "validation": 806, "test": 2014}
    assert abs(np.mean(found.labels[parts["test"]]) - 0.496) < 0.001
