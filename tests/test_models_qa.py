"""The recipe of question answering keeps what is promised of every network; spans, scores, and the questions."""

import collections
import types

import numpy as np
import pytest

from nanonet.data import docquestions
from nanonet.data.docquestions import Question, questions, split
from nanonet.models import answers
from nanonet.recipes import Use
from tests import model_promises as promise

pytest.importorskip("tokenizers", reason="questions go through tokenizers")

TINY = {
    "body": "scratch",
    "limit": 300,
    "vocab": 300,
    "length": 64,
    "batch_size": 4,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "lr": 0.01,
}
MODULE = '''
def smooth(x, width=3):
    """Smooth a signal.

    Parameters
    ----------
    x : array_like
        The signal that is made smooth.
    width : int, optional
        How many samples are averaged. Default is 3.
    *args : anything
        Not used at all.
    mode : {'same', 'valid'}
        What happens at the ends.

    Returns
    -------
    y : ndarray
        The smoothed signal.
    """
'''


def test_overfits_one_batch():
    promise.overfits(promise.make("qa", **TINY, steps=400, warmup=0.0), steps=120, below=0.3)


def test_the_same_seed_gives_the_same_figures():
    promise.repeats("qa", steps=6, **TINY | {"hidden_dropout_prob": 0.1})


def test_a_stopped_run_goes_on(tmp_path):
    promise.resumes("qa", steps=8, folder=tmp_path, **TINY | {"hidden_dropout_prob": 0.1})


def test_agrees_with_its_twin():
    promise.agrees("qa", **TINY | {"lr": 1e-3})


def test_weights_travel_losslessly():
    promise.travels_losslessly("qa", **TINY)


def test_numba_computes_the_same():
    promise.same_on_numba("qa", **TINY)


def test_a_pretrained_body_is_cut_and_its_embeddings_stay(tmp_path):
    from nanonet.models.bert import BertConfig, BertModel
    from nanonet.models.pretrained import save_pretrained

    scratch = promise.make("qa", **TINY)
    sizes = {name: TINY[name] for name in ("hidden_size", "num_attention_heads", "intermediate_size")}
    config = BertConfig().replace(vocab_size=len(scratch.tokenizer), num_hidden_layers=3, **sizes)
    save_pretrained(tmp_path, BertModel(config), scratch.tokenizer)
    changes = TINY | {"body": str(tmp_path), "layers": 2}
    recipe = promise.make("qa", **changes)
    assert recipe.model.config.num_hidden_layers == 2
    assert recipe.model.config.hidden_dropout_prob == 0
    before = {name: w.copy() for name, w in recipe.weights().items()}
    recipe.step(recipe.draw(next(iter(recipe.loader))))
    changed = {name for name, w in recipe.weights().items() if (w != before[name]).any()}
    assert not any("embeddings" in name for name in changed)
    assert "model.bert.encoder.layer.0.attention.self.query.weight" in changed
    promise.agrees("qa", steps=5, **changes)


def test_what_is_judged():
    recipe = promise.make("qa", **TINY | {"limit": 600}, steps=2)
    with recipe.judging():
        figures = recipe.test()
        found = recipe.answer(recipe.tested)
    assert figures["questions"] == len(recipe.tested) > 5
    assert 0 <= figures["exact_match"] <= figures["f1"] <= 1
    assert all(text in one.passage for text, one in zip(found, recipe.tested, strict=True))
    shown = recipe.use(["What is x? | x : int The number."], Use())
    assert shown.lines[0] in "x : int The number."
    again = type(recipe).restore(recipe.settings, recipe.extras())
    again.load_weights(recipe.weights())
    assert again.use(["What is x? | x : int The number."], Use()) == shown
    with pytest.raises(ValueError, match=r'expected "question \| passage"'):
        recipe.use(["What is x?"], Use())
    assert recipe.pictures(None)["qa.png"].startswith(b"\x89PNG")


def test_a_span_never_reaches_into_the_question():
    rng = np.random.default_rng(0)
    for _ in range(50):
        start, end = rng.normal(size=(2, 12)) * 5
        allowed = np.arange(12) >= 5
        allowed[-1] = False
        i, j = answers.best_span(start, end, allowed, longest=4)
        pairs = [(a, b) for a in range(5, 11) for b in range(a, min(a + 4, 11))]
        assert (i, j) == max(pairs, key=lambda pair: start[pair[0]] + end[pair[1]])
    with pytest.raises(ValueError, match="the question fills the whole text"):
        answers.best_span(start, end, np.zeros(12, bool))


def test_an_answer_is_located_in_tokens():
    offsets = [(0, 0), (0, 5), (0, 0), (0, 3), (4, 7), (7, 8), (9, 12), (0, 0)]
    one = types.SimpleNamespace(sequence_ids=[None, 0, None, 1, 1, 1, 1, None], offsets=offsets)
    assert answers.locate(one, 4, 8) == (4, 5)
    assert answers.locate(one, 0, 12) == (3, 6)
    assert answers.locate(one, 9, 20) is None  # cut off
    assert answers.locate(one, 30, 40) is None
    assert answers.span_text(one, "the cats, sat", 4, 5) == "cats"


@pytest.mark.parametrize(
    ("found", "right", "exact", "f1"),
    [
        ("The int, optional", "int optional.", True, 1),
        ("int", "int optional", False, 2 / 3),
        ("float", "int", False, 0),
        ("", "int", False, 0),
        ("...", "", True, 1),
        ("a a b", "b b", False, 2 / 3),
    ],
)
def test_scores_are_squads(found, right, exact, f1):
    assert answers.exact_match(found, right) is exact
    assert answers.f1(found, right) == pytest.approx(f1)


@pytest.fixture
def library(tmp_path, monkeypatch):
    (tmp_path / "smoothing").mkdir()
    (tmp_path / "smoothing" / "__init__.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return "smoothing"


def test_questions_are_made_from_documentation(library):
    found = questions([library], per_entry=3)
    assert {(one.kind, one.answer) for one in found} == {
        ("type", "array_like"),
        ("meaning", "The signal that is made smooth"),
        ("type", "int, optional"),
        ("meaning", "How many samples are averaged"),
        ("default", "3"),
        ("type", "{'same', 'valid'}"),
        ("meaning", "What happens at the ends"),
    }
    assert all(one.document == "smoothing/__init__.py" for one in found)
    assert all("smoothed" not in one.passage for one in found)  # what is returned is no parameter
    unnamed = {one.kind: one.unnamed().question for one in found}
    assert all(" it" in question for question in unnamed.values())
    with pytest.raises(ValueError, match="no documented parameter was found in nothing_of_this_name"):
        questions(["nothing_of_this_name"])


def test_the_same_texts_give_the_same_pieces():
    """The library alone gives other ones in every run: what is trained on them would not repeat."""
    from nanonet.data.wordpiece import train_wordpiece

    texts = [one.passage for one in questions(["numpy"], limit=300)]
    first, second = (train_wordpiece(texts, 300).get_vocab() for _ in range(2))
    assert first == second


def test_held_out_questions_are_not_in_the_rest():
    found = questions(["numpy"])
    train, test = split(found)
    assert len(train) > 300
    assert len(test) > 50
    assert not {one.document for one in train} & {one.document for one in test}
    assert not {one.passage for one in train} & {one.passage for one in test}
    assert not {(one.question, one.answer) for one in train} & {(one.question, one.answer) for one in test}
    assert collections.Counter(one.kind for one in found).keys() == docquestions.PATTERNS.keys()
    for one in found:
        assert isinstance(one, Question)
        assert 0 <= one.begin < one.end <= len(one.passage)
        assert one.answer == one.answer.strip()
    assert questions(["numpy"]) == found
