"""What is drawn from a language model has the right distribution, and what is searched for is the likeliest."""

import itertools

import numpy as np
import pytest

from nanonet.models.generate import beam_search, draw, log_softmax, probabilities, sample, softmax

V = 5


def predict(ids, rows=None):
    """A language model by arithmetic: logits that depend on all tokens so far and their places."""
    places = np.arange(1, ids.shape[1] + 1)
    phase = (ids * places).sum(1, keepdims=True) + ids[:, -1:]
    return 2.0 * np.sin(1.7 * phase + 1.3 * np.arange(V) ** 2)


def log_probability(ids, start):
    """Σ log p of the tokens from `start` on."""
    return sum(log_softmax(predict(ids[None, :t]))[0, ids[t]] for t in range(start, len(ids)))


def every_continuation(ids, length, stop=None):
    """All that beam search may give: `length` tokens, or fewer that end with the first `stop`."""
    for n in range(1, length + 1):
        for more in itertools.product(range(V), repeat=n):
            if stop not in more[:-1] and (n == length or more[-1] == stop):
                yield np.array([*ids, *more])


def chi_square(drawn, p):
    """Σ (count - expected)² / expected over the tokens of probability above 0."""
    expected = len(drawn) * p[p > 0]
    counts = np.bincount(drawn, minlength=len(p))
    assert counts[p == 0].sum() == 0
    return ((counts[p > 0] - expected) ** 2 / expected).sum(), int((p > 0).sum()) - 1


def plausible(drawn, p):
    """No more than one sample in a million would be further from p."""
    from scipy.stats import chi2

    statistic, freedom = chi_square(drawn, p)
    return statistic < chi2.isf(1e-6, freedom)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize(("top_k", "top_p"), [(0, 1.0), (3, 1.0), (0, 0.8), (4, 0.7)])
def test_tokens_are_drawn_as_often_as_they_should(temperature, top_k, top_p):
    logits = np.array([[1.0, 0.2, -0.5, 0.7, -2.0]])
    p = probabilities(logits, temperature, top_k, top_p)[0]
    assert p.sum() == pytest.approx(1)
    start = np.zeros((20_000, 1), int)
    options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    drawn = sample(lambda ids, rows: np.repeat(logits, len(ids), 0), start, 1, seed=1, **options)[:, 1]
    assert plausible(drawn, p)


def test_the_test_of_frequencies_finds_a_fault():
    """Probabilities before the temperature, or a token that is drawn 2 % too often, are found."""
    p = probabilities(np.array([[1.0, 0.2, -0.5, 0.7, -2.0]]))
    drawn = draw(np.repeat(p, 20_000, 0), np.random.default_rng(1))
    assert not plausible(drawn, probabilities(np.log(p), 0.9)[0])
    more = p[0] + np.array([0.02, -0.02, 0, 0, 0])
    assert not plausible(drawn, more)


def test_draws_are_those_of_whole_texts():
    """The pairs of two tokens have the product of their probabilities."""
    drawn = sample(predict, np.full((20_000, 1), 2), 2, seed=3)
    pairs = V * drawn[:, 1] + drawn[:, 2]
    p = [np.exp(log_probability(np.array([2, a, b]), 1)) for a in range(V) for b in range(V)]
    assert plausible(pairs, np.array(p))


def test_temperature_sharpens_and_flattens():
    logits = np.array([[2.0, 1.0, 0.0], [0.0, 3.0, 3.0]])
    np.testing.assert_array_equal(probabilities(logits, 0), [[1, 0, 0], [0, 1, 0]])
    np.testing.assert_allclose(probabilities(logits), softmax(logits))
    np.testing.assert_allclose(probabilities(logits, 0.01)[0], [1, 0, 0], atol=1e-9)
    np.testing.assert_allclose(probabilities(logits, 1e6)[0], np.full(3, 1 / 3), atol=1e-5)


def test_top_k_keeps_k_tokens():
    logits = np.log(np.array([[0.4, 0.1, 0.3, 0.2], [0.25, 0.25, 0.25, 0.25]]))
    np.testing.assert_allclose(probabilities(logits, top_k=2), [[4 / 7, 0, 3 / 7, 0], [0.5, 0.5, 0, 0]])
    np.testing.assert_allclose(probabilities(logits, top_k=9), np.exp(logits))


def test_top_p_keeps_the_smallest_set():
    """Against a search over all sets of tokens."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        p = rng.dirichlet(np.ones(V))
        share = rng.uniform(0.05, 0.99)
        kept = np.flatnonzero(probabilities(np.log(p)[None], top_p=share)[0])
        sets = [s for n in range(1, V + 1) for s in itertools.combinations(range(V), n) if p[list(s)].sum() >= share]
        smallest = min(len(s) for s in sets)
        assert len(kept) == smallest
        likeliest = max((s for s in sets if len(s) == smallest), key=lambda s: p[list(s)].sum())
        assert tuple(kept) == likeliest


def test_top_p_at_its_edges():
    logits = np.log(np.array([[0.5, 0.3, 0.2]]))
    np.testing.assert_array_equal(np.flatnonzero(probabilities(logits, top_p=1e-9)), [0])
    np.testing.assert_array_equal(np.flatnonzero(probabilities(logits, top_p=0.49)), [0])
    np.testing.assert_array_equal(np.flatnonzero(probabilities(logits, top_p=0.51)), [0, 1])
    np.testing.assert_array_equal(np.flatnonzero(probabilities(logits, top_p=1.0)), [0, 1, 2])


def test_seeds_decide():
    start = np.full((3, 1), 1)
    np.testing.assert_array_equal(sample(predict, start, 20, seed=5), sample(predict, start, 20, seed=5))
    assert (sample(predict, start, 20, seed=5) != sample(predict, start, 20, seed=6)).any()
    greedy = sample(predict, start, 4, temperature=0)
    for row in greedy:
        assert row.tolist() == [1, *(int(predict(row[None, :t]).argmax()) for t in range(1, 5))]


def test_a_stopped_text_stays_stopped():
    ids = sample(predict, np.full((40, 1), 2), 30, stop=0, seed=0)
    for row in ids:
        ends = np.flatnonzero(row == 0)
        if len(ends):
            assert (row[ends[0] :] == 0).all()
    everywhere = sample(lambda ids, rows: np.tile([9.0, 0, 0], (len(ids), 1)), np.ones((2, 1)), 50, top_k=1, stop=0)
    assert everywhere.tolist() == [[1, 0], [1, 0]]


@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("stop", [None, 3])
def test_a_beam_as_wide_as_all_texts_finds_the_best(alpha, stop):
    for first in range(V):
        ids = np.array([first, 2])
        found = beam_search(predict, ids, 4, beams=V**4, alpha=alpha, stop=stop)
        score = {
            tuple(text): log_probability(text, 2) / (len(text) - 2) ** alpha
            for text in every_continuation(ids, 4, stop)
        }
        best = sorted(score, key=lambda text: -score[text])
        assert [tuple(beam.ids) for beam in found[:5]] == best[:5]
        assert found[0].score == pytest.approx(score[best[0]])
        assert found[0].log_p == pytest.approx(log_probability(found[0].ids, 2))


def test_one_beam_is_greedy_and_more_are_no_worse():
    ids = np.array([2])
    greedy = sample(predict, ids[None], 6, temperature=0)[0]
    one = beam_search(predict, ids, 6, beams=1)[0]
    np.testing.assert_array_equal(one.ids, greedy)
    many = beam_search(predict, ids, 6, beams=50)
    assert many[0].log_p >= one.log_p
    assert [beam.score for beam in many] == sorted((beam.score for beam in many), reverse=True)
    assert len({tuple(beam.ids) for beam in many}) == 50


def test_the_search_ends_when_nothing_can_win_any_more():
    calls = []

    def certain(ids, rows=None):
        calls.append(ids.shape)
        return np.tile([5.0, 0.0, 0.0], (len(ids), 1))

    found = beam_search(certain, np.array([1]), 100, beams=1, alpha=0.0, stop=0)
    assert found[0].ids.tolist() == [1, 0]
    assert len(calls) == 1


def test_a_longer_text_may_overtake_those_that_have_ended():
    """Two texts end early; a third is likelier per token, but only when it is long."""
    stop, a, b = 0, 1, 2

    def model(ids, rows=None):
        p = {a: [0.5, 0.001, 0.499], b: [0.001, 0.001, 0.998]}
        return np.log([p[row[-1]] if ids.shape[1] > 1 else [0.5, 0.4, 0.1] for row in ids])

    found = beam_search(model, np.array([b]), 10, beams=2, stop=stop)
    assert found[0].ids.tolist() == [b, a, *[b] * 9]
    assert found[0].score > np.log(0.5)


def test_rows_say_where_each_text_comes_from():
    texts = []

    def watching(ids, rows=None):
        if texts:
            np.testing.assert_array_equal(texts[-1][rows], ids[:, :-1])
        texts.append(ids)
        return predict(ids)

    beam_search(watching, np.array([2]), 6, beams=7, stop=3)
    assert len(texts) > 3


def test_what_cannot_be_is_refused():
    for wrong in ({"temperature": -1}, {"temperature": float("nan")}, {"top_k": -1}, {"top_p": 0}, {"top_p": 1.1}):
        with pytest.raises(ValueError, match="expected temperature ≥ 0, top_k ≥ 0 and top_p above 0, at most 1"):
            sample(predict, np.array([[1]]), 1, **wrong)
    with pytest.raises(ValueError, match=r"expected tokens \(N, T\) with T of at least 1"):
        sample(predict, np.zeros((2, 0)), 1)
    with pytest.raises(ValueError, match=r"expected tokens \(T,\)"):
        beam_search(predict, np.zeros((2, 3)), 1)
    with pytest.raises(ValueError, match="beams ≥ 1"):
        beam_search(predict, np.array([1]), 1, beams=0)
