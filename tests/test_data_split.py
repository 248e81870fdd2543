"""Splits: every sample in exactly one part, classes in proportion, the same for the same seed."""

import numpy as np
import pytest
from sklearn import model_selection

import nanonet as nt
from nanonet.data import ArrayDataset, Subset, k_fold, train_test_split


def test_the_parts_share_out_the_samples_alike_in_every_array():
    x, y = np.arange(100).reshape(50, 2), np.arange(50)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, seed=0)
    assert (len(x_train), len(x_test)) == (40, 10)
    assert sorted([*y_train, *y_test]) == list(range(50))
    np.testing.assert_array_equal(x_train, x[y_train])
    np.testing.assert_array_equal(x_test, x[y_test])


def test_the_split_is_scikit_learns_for_that_seed():
    y = np.arange(40) % 4
    ours = train_test_split(np.arange(40), test_size=0.25, seed=7, stratify=y)
    theirs = model_selection.train_test_split(np.arange(40), test_size=0.25, random_state=7, stratify=y)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_stratify_keeps_the_classes_shares():
    y = np.repeat([0, 1], [90, 10])
    train, test = train_test_split(y, test_size=0.2, seed=1, stratify=y)
    assert (train.sum(), test.sum()) == (8, 2)
    column = train_test_split(y, test_size=0.2, seed=1, stratify=y.reshape(-1, 1))
    np.testing.assert_array_equal(column[0], train)


def test_tensors_stay_tensors_and_data_sets_become_subsets():
    train, test = train_test_split(nt.tensor(np.arange(10.0)), test_size=3, seed=0)
    assert isinstance(train, nt.Tensor)
    assert test.shape == (3,)
    train, test = train_test_split(ArrayDataset(np.arange(10)), test_size=3, seed=0)
    assert isinstance(train, Subset)
    assert sorted(i for part in (train, test) for (i,) in part) == list(range(10))


def test_without_a_seed_manual_seed_decides():
    def split(seed):
        nt.manual_seed(seed)
        return train_test_split(np.arange(30))[1].tolist(), [test.tolist() for _, test in k_fold(30, 3)]

    assert split(1) == split(1)
    assert split(1) != split(2)


@pytest.mark.parametrize("stratify", [None, np.arange(23) % 2])
def test_k_fold_tests_every_sample_once(stratify):
    folds = k_fold(23, 4, seed=0, stratify=stratify)
    assert len(folds) == 4
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(23))
    for train, test in folds:
        assert sorted([*train, *test]) == list(range(23))
        assert len(test) in (5, 6)
        if stratify is not None:
            assert abs(stratify[test].mean() - stratify.mean()) < 0.15
    again = k_fold(23, 4, seed=0, stratify=stratify)
    assert all((a[1] == b[1]).all() for a, b in zip(folds, again, strict=True))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: train_test_split(), "expected one array or more"),
        (lambda: train_test_split(np.zeros(3), np.zeros(4)), "one length, got lengths 3, 4"),
        (lambda: train_test_split(np.zeros(10), test_size=0.0), "test_size 0.0 of 10 samples leaves a part empty"),
        (lambda: train_test_split(np.zeros(10), test_size=1.5), "leaves a part empty"),
        (lambda: train_test_split(np.zeros(10), test_size=10), "leaves a part empty"),
        (lambda: train_test_split(np.zeros(1), test_size=0.2), "leaves a part empty"),
        (lambda: train_test_split(np.zeros(10), test_size=float("nan")), "leaves a part empty"),
        (lambda: train_test_split(np.zeros(10), seed=-1), "expected a seed"),
        (lambda: train_test_split(np.zeros(10), stratify=np.zeros(9)), "one label in stratify for each of 10"),
        (lambda: train_test_split(np.zeros(4), stratify=[0, 0, 0, 1]), r"class 1 has 1 sample\(s\)"),
        (lambda: train_test_split(np.zeros(8), test_size=2, stratify=[0, 0, 1, 1, 2, 2, 3, 3]), "all 4 classes"),
        (lambda: k_fold(5, 6), "expected k from 2 to the number of samples, 5, got 6"),
        (lambda: k_fold(5, 1), "expected k from 2"),
        (lambda: k_fold(6, 3, stratify=[0, 0, 0, 0, 1, 1]), "stratify needs at least 3"),
    ],
)
def test_mistakes_are_refused(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
