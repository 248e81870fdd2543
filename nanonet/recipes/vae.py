"""The VAE on MNIST's digits (D1, corrected): one loss for encoder and decoder, with the KL that D1 leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import nanonet as nt
from nanonet import functional as F
from nanonet import optim
from nanonet.data import DataLoader, train_test_split
from nanonet.models.vae import VAE, VAEConfig, gaussian_kl, importance_weighted_bound, negative_elbo
from nanonet.recipes import recipe, vae_pictures
from nanonet.recipes.digits import mnist5k_split
from nanonet.training.history import History

QUICK, PART = 250, 250  # images that `evaluate` takes; images that are judged at once
DRAWS, WEIGHTED, IMPORTANCE = 5, 200, 50  # draws per image for the ELBO; images and K for the tighter bound


@dataclass(frozen=True)
class Settings(recipe.Settings):
    """The VAE's; epochs, batch_size and lr are D1's.

    beta        weight of the KL in the loss
    warmup      epochs in which that weight rises from 0 to beta
    choosing    true: train on nine tenths of the training images and judge on the last tenth, to choose settings by
    """

    network: VAEConfig = field(default_factory=VAEConfig)
    beta: float = 1.0
    warmup: int = 5
    choosing: bool = False
    epochs: int = 20
    batch_size: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        self.expect("beta", 0 <= self.beta < float("inf"), "a number of at least 0")
        self.expect("warmup", self.warmup >= 0, "at least 0")


class Warmup:
    """The KL's weight: `beta`, reached in equal steps."""

    def __init__(self, beta: float, steps: int) -> None:
        self.beta, self.steps, self.done = beta, steps, 0

    def step(self) -> float:
        """The weight in this step; the next call is the next step's."""
        self.done += 1
        return self.beta * min(1.0, self.done / self.steps) if self.steps else self.beta

    def state_dict(self) -> dict[str, int]:
        return {"done": self.done}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.done = int(state["done"])


class VaeRecipe(recipe.Recipe):
    name = "vae"
    summary = "variational autoencoder that draws digits (D1, corrected)"
    Settings = Settings
    every = 250  # an epoch

    def prepare(self) -> None:
        self.title = f"{'convolutional' if self.settings.network.architecture == 'conv' else 'dense'} VAE on MNIST"
        x, y, self.test_x, self.test_y = mnist5k_split()
        if self.settings.choosing:
            x, self.test_x, y, self.test_y = train_test_split(x, y, test_size=0.1, seed=1, stratify=y)
        self.loader = DataLoader(x, self.settings.batch_size, shuffle=True, seed=self.settings.seed)
        model = VAE(self.settings.network)
        optimizer = optim.Adam(model.parameters(), lr=self.settings.lr)
        warmup = Warmup(self.settings.beta, self.settings.warmup * len(self.loader))
        self.parts = {"model": model, "optimizer": optimizer, "warmup": warmup}

    def draw(self, batch: Any) -> Any:
        return self.cast(batch), nt.randn(len(batch), self.settings.network.latent, dtype=self.dtype)

    def step(self, batch: Any) -> dict[str, float]:
        x, noise = batch
        self.parts["optimizer"].zero_grad()
        reconstruction, kl = (part.mean() for part in negative_elbo(self.model, x, noise))
        loss = reconstruction + self.parts["warmup"].step() * kl
        loss.backward()
        self.parts["optimizer"].step()
        return {"loss": loss.item(), "reconstruction": reconstruction.item(), "kl": kl.item()}

    def evaluate(self) -> dict[str, float]:
        return self.bound(self.test_x[:QUICK], draws=1)

    def test(self) -> dict[str, float]:
        mean, logvar = self.codes(self.test_x)
        kl = gaussian_kl(nt.tensor(mean), nt.tensor(logvar)).numpy().mean(0)
        errors, some = self.images(mean) - self.test_x, self.test_x[:WEIGHTED]
        return {
            **self.bound(self.test_x, DRAWS),
            "iwae": (weighted := self.weighted_bound(some, IMPORTANCE)),
            "iwae_above_elbo": weighted - self.bound(some, DRAWS)["elbo"],  # of the same images
            "rmse": float(np.sqrt((errors**2).mean())),
            "active": int((kl > 0.01).sum()),  # latent numbers that say something about the image
        }

    def bound(self, x: np.ndarray, draws: int) -> dict[str, float]:
        """The ELBO and its parts, in nats per image: means over the images and `draws` samples of z for each."""
        sums = np.zeros(2)
        for part, noise in self.judged_parts(x, draws):
            for one in noise:
                sums += [float(terms.sum().item()) for terms in negative_elbo(self.model, part, self.cast(one))]
        reconstruction, kl = (sums / (len(x) * draws)).tolist()
        return {"elbo": -reconstruction - kl, "reconstruction": reconstruction, "kl": kl}

    def weighted_bound(self, x: np.ndarray, samples: int) -> float:
        """The importance-weighted bound in nats per image."""
        parts = self.judged_parts(x, samples, size=20)
        return sum(importance_weighted_bound(self.model, x, self.cast(e)).sum().item() for x, e in parts) / len(x)

    def judged_parts(self, x: np.ndarray, draws: int, size: int = PART) -> Iterator[tuple[Any, np.ndarray]]:
        """`size` images at a time, with `draws` times their noise (draws, N, D); the same in every call."""
        generator = np.random.default_rng(0)
        for start in range(0, len(x), size):
            part = x[start : start + size]
            yield self.cast(part), generator.standard_normal((draws, len(part), self.settings.network.latent))

    def codes(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """mean and logvar (N, D) of the images."""
        mean, logvar = self.model.encode(self.cast(x))
        return mean.numpy(), logvar.numpy()

    def images(self, z: np.ndarray) -> np.ndarray:
        """What the decoder makes of codes: z (N, D) -> (N, 1, 28, 28), from 0 to 1."""
        parts = [self.cast(z[i : i + PART]) for i in range(0, len(z), PART)]
        return np.concatenate([F.sigmoid(self.model.decode(part)).numpy() for part in parts])

    def pictures(self, history: History) -> dict[str, bytes]:
        with self.judging():
            mean, _ = self.codes(self.test_x)
            ten = [int(np.flatnonzero(self.test_y == digit)[0]) for digit in range(10)]
            between = [self.between(*pair) for pair in ((0, 1), (3, 8), (4, 9), (5, 6), (7, 2))]
            centre, across, down = vae_pictures.plane(mean)
            made = {
                "reconstructions.png": vae_pictures.tiles(np.stack([self.test_x[ten], self.images(mean[ten])])),
                "samples.png": vae_pictures.tiles(self.samples(100, seed=0).reshape(10, 10, 28, 28)),
                "interpolation.png": vae_pictures.tiles(np.stack(between)),
                "latent.png": vae_pictures.latent_map(mean, self.test_y, centre, across, down),
                "plane.png": vae_pictures.tiles(self.over(centre, across, down)),
            }
        if history.epochs:
            made["curves.png"] = vae_pictures.curves(history, self.parts["warmup"].steps)
        return made

    def samples(self, count: int, seed: int) -> np.ndarray:
        """Images of codes from the prior N(0, I): (count, 1, 28, 28)."""
        return self.images(np.random.default_rng(seed).standard_normal((count, self.settings.network.latent)))

    def between(self, a: int, b: int, steps: int = 10, nth: int = 0) -> np.ndarray:
        """Images of the codes on the line from a test image of the digit a to one of b: (steps, 1, 28, 28)."""
        ends = [self.test_x[np.flatnonzero(self.test_y == digit)[nth]] for digit in (a, b)]
        mean, _ = self.codes(np.stack(ends))
        share = np.linspace(0, 1, steps)[:, None]
        return self.images((1 - share) * mean[0] + share * mean[1])

    def over(self, centre: np.ndarray, across: np.ndarray, down: np.ndarray, count: int = 15) -> np.ndarray:
        """Images on a grid over a plane of codes: (count, count, 28, 28)."""
        steps = np.linspace(-2, 2, count)
        z = centre + steps[None, :, None] * across - steps[:, None, None] * down
        return self.images(z.reshape(count * count, -1)).reshape(count, count, 28, 28)

    def use(self, inputs: Sequence[str], how: recipe.Use) -> recipe.Shown:
        """Without inputs, `how.count` digits from the prior; for two digits, what lies between images of them.

        `how.seed` chooses the samples; of the other settings a VAE has no use.
        """
        if not inputs:
            with self.judging():
                images = self.samples(how.count, how.seed)
            said = f"{how.count} drawn from the prior, N(0, I) of {self.settings.network.latent} numbers"
            return recipe.Shown((said,), {"drawn.png": vae_pictures.tiles(vae_pictures.rows(images))})
        if len(inputs) != 2 or not all(len(text) == 1 and text in "0123456789" for text in inputs):
            got = " ".join(map(repr, inputs))
            raise ValueError(f"vae: expected no input, to draw samples, or two digits such as 3 8, got {got}")
        a, b = map(int, inputs)
        most = min(int((self.test_y == digit).sum()) for digit in (a, b))
        with self.judging():
            sheet = np.stack([self.between(a, b, nth=nth % most) for nth in range(how.count)])
        said = f"from a {a} to a {b}, {how.count} times"
        return recipe.Shown((said,), {f"between-{a}-{b}.png": vae_pictures.tiles(sheet)})
