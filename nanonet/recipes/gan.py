"""The GAN on digits of MNIST (D1): two networks that learn from each other, and a judge who counts the digits."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

import nanonet as nt
from nanonet import optim
from nanonet.data import DataLoader
from nanonet.models import gan
from nanonet.models.gan import Discriminator, GANConfig, Generator
from nanonet.recipes import gan_pictures, recipe
from nanonet.recipes.digits import mnist5k_split
from nanonet.recipes.judge import Judge, coverage
from nanonet.tensor import Tensor
from nanonet.training.history import History

BETAS = (0.5, 0.999)  # less momentum than usual: the other player moves on (Radford et al. 2016)


@dataclass(frozen=True)
class Settings(recipe.Settings):
    """The GAN's.

    loss            non-saturating or minimax: what the generator descends
    smoothing       the real images' label is 1 less this
    penalty         on the discriminator's slope: r1 (real images), wgan-gp (between real and generated ones) or none
    penalty_weight  γ of r1, λ of wgan-gp
    penalty_share   share of the batch on which the penalty is computed
    memory          of the average of the generator's weights, which draws the digits; 0: no average
    judged          digits drawn for the final figures
    """

    model: GANConfig = field(default_factory=GANConfig)
    epochs: int = 40
    batch_size: int = 32
    lr: float = 5e-4
    loss: Literal["non-saturating", "minimax"] = "non-saturating"
    smoothing: float = 0.0
    penalty: Literal["r1", "wgan-gp", "none"] = "r1"
    penalty_weight: float = 0.2
    penalty_share: float = 0.25
    memory: float = 0.998
    judged: int = 2000

    def __post_init__(self) -> None:
        super().__post_init__()
        self.expect("smoothing", 0 <= self.smoothing < 0.5, "a share from 0 to below 0.5")
        self.expect("penalty_weight", 0 <= self.penalty_weight < float("inf"), "a number of at least 0")
        self.expect("penalty_share", 0 < self.penalty_share <= 1, "a share above 0 and at most 1")
        self.expect("memory", 0 <= self.memory < 1, "a share from 0 to below 1")
        self.expect("judged", self.judged >= 1, "at least 1")

    @property
    def penalized(self) -> int:
        """Images of a batch on which the penalty is computed."""
        return max(1, round(self.penalty_share * self.batch_size))


class GanRecipe(recipe.Recipe):
    name = "gan"
    summary = "generative adversarial network, convolutional or dense, on 4,000 digits of MNIST (D1)"
    title = "GAN on digits"
    Settings = Settings
    every = 250

    def prepare(self) -> None:
        s = self.settings
        x, _, self.test_x, _ = mnist5k_split()
        self.loader = DataLoader(as_pixels(x), s.batch_size, shuffle=True, seed=s.seed, drop_last=len(x) > s.batch_size)
        generator, discriminator = Generator(s.model), Discriminator(s.model)
        self.parts = {
            "generator": generator,
            "average": copy.deepcopy(generator),
            "discriminator": discriminator,
            "generator_optimizer": optim.Adam(generator.parameters(), lr=s.lr, betas=BETAS),
            "discriminator_optimizer": optim.Adam(discriminator.parameters(), lr=s.lr, betas=BETAS),
            "snapshots": Snapshots(),
        }

    @property
    def model(self) -> Generator:
        """The generator with the averaged weights."""
        return self.parts["average"]

    def draw(self, batch: Any) -> Any:
        """x (N, 1, 28, 28); noise z (N, latent); u (N, 1, 1, 1), where wgan-gp's penalty is taken."""
        n = len(batch)
        return self.cast((batch, nt.randn(n, self.settings.model.latent), nt.rand(n, 1, 1, 1)))

    def step(self, batch: Any) -> dict[str, float]:
        x, z, u = batch
        s, generator, discriminator = self.settings, self.parts["generator"], self.parts["discriminator"]
        fake = generator(z)

        self.parts["discriminator_optimizer"].zero_grad()
        loss = gan.discriminator_loss(discriminator(x), discriminator(fake.detach()), s.smoothing)
        penalty = self.penalty(x, fake.detach(), u)
        (loss + penalty).backward()
        self.parts["discriminator_optimizer"].step()

        self.parts["generator_optimizer"].zero_grad()
        discriminator.requires_grad_(False)  # the gradient passes through it; its own weights need none
        generator_loss = gan.generator_loss(discriminator(fake), s.loss)
        generator_loss.backward()
        discriminator.requires_grad_(True)
        self.parts["generator_optimizer"].step()

        gan.follow(self.parts["average"], generator, s.memory)
        return {"loss": loss.item(), "generator_loss": generator_loss.item(), "penalty": penalty.item()}

    def penalty(self, x: Tensor, fake: Tensor, u: Tensor) -> Tensor:
        """The weighted penalty on the first images of the batch: the batch is in random order, so they will do."""
        s, discriminator, n = self.settings, self.parts["discriminator"], self.settings.penalized
        if s.penalty == "r1":
            return s.penalty_weight * gan.r1_penalty(discriminator, x[:n])
        if s.penalty == "wgan-gp":
            return s.penalty_weight * gan.wgan_gp_penalty(discriminator, x[:n], fake[:n], u[:n])
        return nt.tensor(0.0, dtype=x.dtype, device=x.device)

    def evaluate(self) -> dict[str, float]:
        """The mean D(x) of digits that it never saw, and of generated ones. Also takes a snapshot."""
        fake = self.generate(200, seed=0)
        self.parts["snapshots"].take(fake[: gan_pictures.COLUMNS])
        discriminator = self.parts["discriminator"]
        real, fake = (discriminator(self.cast(x)).sigmoid().mean().item() for x in (self.test_x[:200] * 2 - 1, fake))
        return {"real": real, "fake": fake}

    def test(self) -> dict[str, float]:
        """Digits drawn with fixed noise, judged by a classifier of real ones."""
        judge = Judge.trained()
        figures = coverage(judge.probabilities(as_brightness(self.generate(self.settings.judged, seed=1))))
        return {**figures, **judge.figures()}

    def generate(self, count: int, seed: int | None = None) -> np.ndarray:
        """(count, 1, 28, 28), pixels from -1 to 1; with a seed, always of the same noise."""
        shape = (count, self.settings.model.latent)
        z = nt.randn(*shape) if seed is None else nt.tensor(np.random.default_rng(seed).standard_normal(shape))
        z = self.cast(z)
        return np.concatenate([self.model(z[i : i + 200]).numpy() for i in range(0, count, 200)])

    def pictures(self, history: History) -> dict[str, bytes]:
        taken = [as_brightness(images) for images in self.parts["snapshots"].taken]
        made = {"digits.png": gan_pictures.grid(as_brightness(self.generate(100, seed=1)))}
        if taken:
            made["training.png"] = gan_pictures.over_training(history["step"], taken)
            made["curves.png"] = gan_pictures.curves(history)
        return made

    def use(self, inputs: Sequence[str], how: recipe.Use) -> recipe.Shown:
        """`count` new digits."""
        if inputs:
            raise ValueError(f"gan: expected no input, the digits are drawn from noise, got {inputs[0]!r}")
        images = as_brightness(self.generate(how.count))
        return recipe.Shown((f"{how.count} generated digits",), {"digits.png": gan_pictures.grid(images)})


class Snapshots:
    """Images of the same noise, as training goes on; kept in checkpoints like the other parts."""

    def __init__(self) -> None:
        self.taken: list[np.ndarray] = []

    def take(self, images: np.ndarray) -> None:
        self.taken.append(images.astype(np.float32))

    def state_dict(self) -> dict[str, Any]:
        return {"taken": list(self.taken)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.taken = list(state["taken"])


def as_pixels(brightness: np.ndarray) -> np.ndarray:
    """0 (black) … 1 as -1 … 1, what Tanh gives."""
    return (brightness * 2 - 1).astype(np.float32)


def as_brightness(pixels: np.ndarray) -> np.ndarray:
    """-1 … 1 as 0 … 1."""
    return (pixels + 1) / 2
