"""Hidden tokens as BERT hides them, and pairs of texts for its second task and ALBERT's."""

import numpy as np
import pytest

from nanonet.data.masking import Pair, cut_in_two, joined, mask_tokens, next_sentence, padded, sentence_order
from nanonet.data.wordpiece import CLS, MASK, PAD, SEP


def generator(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def test_the_shares_of_hidden_replaced_and_kept_tokens_are_berts():
    ids = generator().integers(5, 1000, (200, 100))
    before = ids.copy()
    hidden, at, targets = mask_tokens(ids, 1000, generator(1))
    np.testing.assert_array_equal(ids, before)
    np.testing.assert_array_equal(ids.reshape(-1)[at], targets)
    assert len(at) == len(set(at.tolist())) == 3000
    now = hidden.reshape(-1)[at]
    assert np.mean(now == MASK) == pytest.approx(0.8, abs=0.03)
    assert np.mean(now == targets) == pytest.approx(0.1, abs=0.03)
    assert np.mean((now != targets) & (now != MASK)) == pytest.approx(0.1, abs=0.03)
    untouched = np.ones(ids.size, bool)
    untouched[at] = False
    np.testing.assert_array_equal(hidden.reshape(-1)[untouched], ids.reshape(-1)[untouched])


def test_special_tokens_are_never_chosen_and_one_token_always_is():
    ids = np.array([[CLS, 9, SEP, PAD, PAD], [CLS, 8, 7, 6, SEP]])
    for seed in range(20):
        hidden, at, targets = mask_tokens(ids, 10, generator(seed))
        assert len(at) == 1
        assert targets[0] >= 5
        assert hidden.reshape(-1)[at[0]] >= MASK
    assert len(mask_tokens(np.array([[CLS, SEP]]), 10, generator()).at) == 0
    assert len(mask_tokens(ids, 10, generator(), 0.99).at) == 4
    with pytest.raises(ValueError, match="share above 0 and below 1, got 1"):
        mask_tokens(ids, 10, generator(), 1.0)


def test_masks_are_decided_by_the_generator():
    ids = generator().integers(5, 1000, (4, 50))
    a, b, c = (mask_tokens(ids, 1000, generator(seed)).at.tolist() for seed in (3, 3, 4))
    assert a == b != c


def test_a_document_is_cut_into_pairs_of_neighbours():
    sentences = [np.arange(10 * i + 5, 10 * i + 5 + n) for i, n in enumerate((6, 7, 8, 4, 9, 40))]
    pairs = cut_in_two(sentences, 23, generator())
    whole = [np.concatenate(pair[:2]).tolist() for pair in pairs]
    assert whole == [
        [*sentences[0], *sentences[1]],
        [*sentences[2], *sentences[3]],
        [*sentences[4]],
        [*sentences[5][:20]],
    ]
    assert [len(pair.first) for pair in pairs] == [6, 8, 4, 10]  # at the end of a sentence, or in the middle of one
    assert cut_in_two([np.arange(5, 12)], 23, generator()) == []


def test_pairs_are_joined_as_bert_reads_them():
    ids, kinds = joined(Pair(np.array([5, 6]), np.array([7, 8, 9]), 0), 8)
    assert ids.tolist() == [CLS, 5, 6, SEP, 7, 8, 9, SEP]
    assert kinds.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    ids, kinds = joined(Pair(np.array([5, 6]), np.array([7, 8, 9]), 0), 6)
    assert ids.tolist() == [CLS, 5, 6, SEP, 7, SEP]
    ids, kinds = joined(Pair(np.array([5, 6]), np.array([], int), 0), 6)
    assert (ids.tolist(), kinds.tolist()) == ([CLS, 5, 6, SEP], [0, 0, 0, 0])
    assert padded([ids, ids[:1]]).tolist() == [[CLS, 5, 6, SEP], [CLS, PAD, PAD, PAD]]


def test_half_of_the_second_texts_are_others_and_half_of_the_orders_are_turned():
    pairs = [Pair(np.array([i, 0]), np.array([i, 1]), 0) for i in range(1000)]
    rng = generator()
    drawn = [next_sentence(pair, pairs, rng) for pair in pairs]
    assert np.mean([pair.label for pair in drawn]) == pytest.approx(0.5, abs=0.05)
    assert all(
        (pair.first[0] == pair.second[0]) == (pair.label == 0) for pair in drawn if pair.first[0] != pair.second[0]
    )
    assert sum(pair.label and pair.first[0] == pair.second[0] for pair in drawn) < 5
    turned = [sentence_order(pair, rng) for pair in pairs]
    assert np.mean([pair.label for pair in turned]) == pytest.approx(0.5, abs=0.05)
    assert all(pair.first[1] == pair.label == 1 - pair.second[1] for pair in turned)
