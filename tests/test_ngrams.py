"""Runs of characters are counted as they are, and the bag of them is naive Bayes before it learns."""

from __future__ import annotations

import numpy as np
import pytest

import nanonet as nt
from nanonet.data.masking import padded
from nanonet.data.ngrams import Ngrams, runs
from nanonet.models.wide import NgramBag

TEXTS, LABELS = ["ab", "ac", "b", "abc"], [1, 0, 0, 1]


def test_the_runs_of_a_text() -> None:
    assert runs("ab") == {" ", "a", "b", " a", "ab", "b ", " ab", "ab "}


def test_ratios_are_counted() -> None:
    ngrams = Ngrams.train(TEXTS, LABELS, at_least=1)
    assert ngrams.known == sorted(set().union(*map(runs, TEXTS)))
    p = np.array([1 + sum(run in runs(t) for t, y in zip(TEXTS, LABELS, strict=True) if y) for run in ngrams.known])
    q = np.array([1 + sum(run in runs(t) for t, y in zip(TEXTS, LABELS, strict=True) if not y) for run in ngrams.known])
    np.testing.assert_allclose(ngrams.ratio, np.append(0, np.log(p / p.sum() / (q / q.sum()))), rtol=1e-6)
    assert set(Ngrams.train(TEXTS, LABELS, at_least=3).known) == {" ", "a", "b", " a"}


def test_unknown_runs_are_left_out() -> None:
    ngrams = Ngrams.train(TEXTS, LABELS, at_least=1)
    assert [ngrams.known[i - 1] for i in ngrams(["xa"])[0]] == [" ", "a"]
    assert len(ngrams(["龙"])[0]) == 1  # the space
    assert len(ngrams) == len(ngrams.known) + 1


def test_they_go_through_json() -> None:
    ngrams = Ngrams.train(TEXTS, LABELS, at_least=1)
    again = Ngrams.from_json(ngrams.to_json())
    assert again.known == ngrams.known
    np.testing.assert_allclose(again.ratio, ngrams.ratio, atol=1e-6)


@pytest.fixture
def bag() -> tuple[NgramBag, np.ndarray, Ngrams]:
    ngrams = Ngrams.train(TEXTS, LABELS, at_least=1)
    return NgramBag(ngrams.ratio), padded(ngrams(TEXTS)), ngrams


def test_the_bag_begins_as_naive_bayes(bag: tuple[NgramBag, np.ndarray, Ngrams]) -> None:
    model, numbers, ngrams = bag
    wanted = [0.3 * ngrams.ratio[found].sum() / np.sqrt(len(found) + 1) for found in ngrams(TEXTS)]
    np.testing.assert_allclose(model(nt.tensor(numbers)).numpy(), wanted, rtol=1e-5)
    assert (np.array(wanted) > 0).tolist() == [True, False, False, True]
    more = np.pad(numbers, ((0, 0), (0, 3)))
    np.testing.assert_allclose(model(nt.tensor(more)).numpy(), wanted, rtol=1e-5)


def test_its_gradient_is_right_and_the_ratios_have_none(bag: tuple[NgramBag, np.ndarray, Ngrams]) -> None:
    model, numbers, _ = bag
    model.double()
    model(nt.tensor(numbers)).sum().backward()
    assert sorted(name for name, _ in model.named_parameters()) == ["scale", "weight"]
    n = (numbers > 0).sum(1)
    wanted = np.zeros(len(model.ratio))
    for row, found in enumerate(numbers):
        np.add.at(wanted, found[found > 0], 0.3 / np.sqrt(n[row] + 1))
    np.testing.assert_allclose(model.weight.grad.numpy()[:, 0], wanted * model.ratio.numpy()[:, 0], rtol=1e-6)
