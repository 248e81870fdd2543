"""The MLP keeps what is promised of every network; the documents' programs reach what they should."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from nanonet.data import linear
from nanonet.models import ConfigError
from nanonet.recipes import Use, find
from tests import model_promises as promise

EACH_TASK: list[dict[str, Any]] = [
    {"data": "digits", "l1": 1e-4, "l2": 1e-3},
    {"data": "breast_cancer", "weight_decay": 0.1},
    {"data": "linear", "optimizer": "sgd", "hidden": "8", "lr": 0.01, "weight_decay": 0.1},
]


@pytest.mark.parametrize("changes", EACH_TASK, ids=lambda changes: changes["data"])
def test_agrees_with_its_twin(changes):
    promise.agrees("mlp", dropout=0, **changes)


def test_overfits_one_batch():
    promise.overfits(promise.make("mlp", dropout=0), steps=100, below=0.01)


def test_the_same_seed_gives_the_same_figures():
    promise.repeats("mlp", steps=20)


def test_a_stopped_run_goes_on(tmp_path):
    promise.resumes("mlp", steps=60, folder=tmp_path)


def test_weights_travel_losslessly():
    promise.travels_losslessly("mlp")


@pytest.mark.parametrize("data", ["digits", "breast_cancer", "linear"])
def test_numba_computes_the_same(data):
    promise.same_on_numba("mlp", data=data, dropout=0)


def test_linear_regression_finds_the_best_line():
    recipe = trained("line", lr=0.1)
    found = judged(recipe)
    x, y = linear()
    slope, intercept = np.polyfit(x[:, 0], y[:, 0], 1)
    assert found["slope"] == pytest.approx(slope, abs=0.02)
    assert found["intercept"] == pytest.approx(intercept, abs=0.02)
    assert 1 / 12 - 0.002 < found["mse"] < 1 / 12 + 0.01  # the noise floor, not the 0.0035 that D2 prints


def test_logistic_regression_is_scikit_learns():
    recipe = promise.make("mlp", data="breast_cancer", hidden="none", l2=1e-2, lr=0.05, batch_size=1000, epochs=400)
    recipe.loop(verbose=0, evaluate=None, every=400).run()
    x, y = recipe.loader.dataset.arrays
    peer = LogisticRegression(C=1 / (2 * 1e-2 * len(x)), tol=1e-8, max_iter=1000).fit(x, y[:, 0])
    weights = recipe.model.layers[0].weight.numpy()
    np.testing.assert_allclose(weights, peer.coef_, atol=0.02)


def test_a_tabular_classifier_is_cross_validated():
    found = judged(trained("tabular"))
    assert found["accuracy_of_5_folds"] >= 0.96
    assert found["roc_auc"] > 0.98
    assert found.keys() >= {"accuracy", "precision", "recall", "f1"}


def test_cross_validation_leaves_the_network_as_it_was():
    recipe = promise.make("tabular", steps=3)
    recipe.loop(verbose=0).run()
    before, first = recipe.weights(), judged(recipe)
    promise.same(recipe.weights(), before)
    assert judged(recipe) == first


def test_what_is_held_out_is_not_trained_on():
    recipe = promise.make("mlp")
    rows = {part: {row.tobytes() for row in x} for part, x in (("val", recipe.val[0]), ("test", recipe.held_out[0]))}
    train = recipe.loader.dataset.arrays[0]
    back = np.rint((train * recipe.scale.std + recipe.scale.mean) * 16).astype(np.float32) / 16
    rows["train"] = {row.tobytes() for row in back}
    assert {part: len(found) for part, found in rows.items()} == {"train": 1293, "val": 144, "test": 360}
    assert not rows["train"] & rows["test"]
    assert not rows["val"] & rows["test"]
    assert not rows["train"] & rows["val"]


def test_a_penalty_makes_weights_small():
    sizes = []
    for l1 in (0.0, 1e-2):
        recipe = promise.make("mlp", data="breast_cancer", hidden="none", l1=l1, epochs=30, lr=0.02)
        recipe.loop(verbose=0, evaluate=None).run()
        sizes.append(np.sort(abs(recipe.model.layers[0].weight.numpy())[0]))
    assert (sizes[1] < 0.02).sum() > 10 > (sizes[0] < 0.02).sum()


def test_it_answers_for_a_row_and_draws():
    recipe = promise.make("line", epochs=20)
    history = recipe.loop(verbose=0).run()
    with recipe.judging():
        assert recipe.use(["0.5"], Use()).lines == (f"0.5: {recipe.outputs(np.float32([[0.5]]))[0, 0]:.3f}",)
        with pytest.raises(ValueError, match=r"line: expected 1 numbers for a sample of linear, got 2"):
            recipe.use(["1,2"], Use())
        with pytest.raises(ValueError, match=r"expected numbers with commas between them, got 'x'"):
            recipe.use(["x"], Use())
        assert recipe.pictures(history).keys() == {"curves.png", "line.png"}


def test_it_reads_a_digit_from_a_file(tmp_path):
    from PIL import Image

    recipe = trained("mlp", epochs=5)
    with recipe.judging():
        sure = recipe.outputs(recipe.held_out[0]).max(1).argsort()[-6:]
        paths = []
        for i in sure:
            image = Image.fromarray((255 - 255 * recipe.held_out[0][i].reshape(8, 8)).astype(np.uint8))
            paths.append(str(tmp_path / f"{i}.png"))
            image.resize((64, 64), Image.Resampling.NEAREST).save(paths[-1])
        lines = recipe.use(paths, Use()).lines
        right = [f": {recipe.held_out[1][i]} (" in line for i, line in zip(sure, lines, strict=True)]
        assert sum(right) >= 5
        (tmp_path / "no.png").write_text("no image")
        with pytest.raises(OSError, match="expected an image file"):
            recipe.use([str(tmp_path / "no.png")], Use())
        with pytest.raises(OSError, match="nowhere"):
            recipe.use(["nowhere.png"], Use())
        Image.new("L", (9, 9), 255).save(tmp_path / "empty.png")
        with pytest.raises(ValueError, match="found nothing in the image"):
            recipe.use([str(tmp_path / "empty.png")], Use())


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"data": "cats"}, "expected data as one of digits, mnist5k, breast_cancer, linear, got 'cats'"),
        ({"inputs": 3}, "there is no setting 'inputs'"),
        ({"dropout": 1}, "expected dropout as a share from 0 to below 1"),
        ({"hidden": "0"}, "expected hidden as sizes of at least 1"),
        ({"l1": -1}, "expected l1 as a number of at least 0"),
        ({"l2": "nan"}, "expected l2 as a number of at least 0"),
    ],
)
def test_impossible_settings_are_refused(wrong, words):
    with pytest.raises(ConfigError, match=words):
        find("mlp").Settings().replace(**wrong)


def trained(name: str, **changes: Any) -> Any:
    recipe = promise.make(name, **changes)
    recipe.loop(verbose=0, evaluate=None).run()
    return recipe


def judged(recipe: Any) -> dict[str, float]:
    with recipe.judging():
        return recipe.test()
