"""The variational autoencoder of D1, corrected: convolutional and dense, its bound and the bound of many samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from nanonet import functional as F
from nanonet.models.config import Config
from nanonet.nn import Conv2d, ConvTranspose2d, Flatten, Linear, Module, ReLU, Sequential, Unflatten
from nanonet.tensor import Tensor

SIDE = 28  # pixels


@dataclass(frozen=True)
class VAEConfig(Config):
    """The sizes of a VAE for images of 28×28 pixels.

    architecture  conv: D1's convolutions; dense: one layer of `units` instead
    latent        numbers in the code z; 2 makes a map that one can look at
    hidden        units of the layer between the image's part and the code, in the encoder and in the decoder
    channels      of the convolutions, each of which halves the image; the decoder has them in reverse
    units         of the dense network's layer
    """

    architecture: Literal["conv", "dense"] = "conv"
    latent: int = 10
    hidden: int = 16
    channels: tuple[int, ...] = (32, 64)
    units: int = 400

    def __post_init__(self) -> None:
        self.expect("latent", self.latent >= 1, "at least 1")
        self.expect("hidden", self.hidden >= 1, "at least 1")
        right = len(self.channels) in (1, 2) and all(channels >= 1 for channels in self.channels)
        self.expect("channels", right, "one or two numbers of at least 1 (28 pixels can be halved twice)")
        self.expect("units", self.units >= 1, "at least 1")


class VAE(Module):
    """Encoder q(z|x) = N(mean, e^logvar), decoder p(x|z) = Bernoulli(σ(logits)), prior p(z) = N(0, I).

    x (N, 1, 28, 28), pixels from 0 to 1 -> mean, logvar (N, D) -> z (N, D) -> logits (N, 1, 28, 28).
    Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014); the convolutional network is D1's, with a
    decoder whose convolutions are transposed, so that they double the image where D1's halve it once more.
    """

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.config = config
        conv = config.architecture == "conv"
        self.encoder = conv_encoder(config) if conv else dense_encoder(config)
        self.mean = Linear(config.hidden, config.latent)
        self.logvar = Linear(config.hidden, config.latent)
        self.decoder = conv_decoder(config) if conv else dense_decoder(config)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """mean and logvar (N, D) of q(z|x)."""
        h = self.encoder(x)
        return self.mean(h), self.logvar(h)

    def decode(self, z: Tensor) -> Tensor:
        """The pixels' logits (N, 1, 28, 28); their sigmoid is the image."""
        return self.decoder(z)

    def forward(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(logits, mean, logvar), with z drawn by means of `noise` (N, D) from N(0, I)."""
        mean, logvar = self.encode(x)
        return self.decode(reparametrise(mean, logvar, noise)), mean, logvar


def conv_encoder(config: VAEConfig) -> Sequential:
    """Two convolutions of stride 2, 28 → 14 → 7, and D1's Dense 16."""
    layers: list[Module] = []
    for before, after in pairwise((1, *config.channels)):
        layers += [Conv2d(before, after, 3, stride=2, padding=1), ReLU()]
    return Sequential(*layers, Flatten(), Linear(math.prod(_smallest(config)), config.hidden), ReLU())


def conv_decoder(config: VAEConfig) -> Sequential:
    """Dense 16 → Dense → reshape, then two transposed convolutions of stride 2, 7 → 14 → 28, and one to a channel."""
    smallest = _smallest(config)
    layers: list[Module] = [Linear(config.latent, config.hidden), ReLU()]
    layers += [Linear(config.hidden, math.prod(smallest)), ReLU(), Unflatten(1, smallest)]
    for before, after in pairwise((config.channels[-1], *reversed(config.channels))):
        layers += [ConvTranspose2d(before, after, 3, stride=2, padding=1, output_padding=1), ReLU()]
    return Sequential(*layers, ConvTranspose2d(config.channels[0], 1, 3, padding=1))


def dense_encoder(config: VAEConfig) -> Sequential:
    """784 → units → hidden, each with ReLU."""
    pixels = SIDE * SIDE
    return Sequential(Flatten(), Linear(pixels, config.units), ReLU(), Linear(config.units, config.hidden), ReLU())


def dense_decoder(config: VAEConfig) -> Sequential:
    """latent → hidden → units → 784."""
    first = [Linear(config.latent, config.hidden), ReLU(), Linear(config.hidden, config.units), ReLU()]
    return Sequential(*first, Linear(config.units, SIDE * SIDE), Unflatten(1, (1, SIDE, SIDE)))


def _smallest(config: VAEConfig) -> tuple[int, int, int]:
    """(C, H, W) behind the last convolution."""
    side = SIDE // 2 ** len(config.channels)
    return config.channels[-1], side, side


def reparametrise(mean: Tensor, logvar: Tensor, noise: Tensor) -> Tensor:
    """z = mean + e^(½ logvar) ⊙ noise: a draw from N(mean, e^logvar), if noise is one from N(0, I).

    Written like this z is a function of mean and logvar, with the gradients dmean = dz, dlogvar = ½ dz ⊙ (z - mean).
    """
    return mean + F.exp(0.5 * logvar) * noise


def gaussian_kl(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mean, e^logvar) ‖ N(0, 1)) = -½ (1 + logvar - mean² - e^logvar) of each latent number: (N, D) -> (N, D)."""
    return -0.5 * (1 + logvar - mean * mean - F.exp(logvar))


def cross_entropy(logits: Tensor, x: Tensor) -> Tensor:
    """-log p(x|z) = -Σ x log σ(logits) + (1 - x) log(1 - σ(logits)), summed over the pixels.  (N, 1, H, W) -> (N,)

    Of grey pixels it is the mean of -log p over black and white images, a pixel white with probability x.
    """
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(axis=(1, 2, 3))


def negative_elbo(model: VAE, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """The two parts of -ELBO = -E_q[log p(x|z)] + KL(q(z|x) ‖ p(z)), in nats, one sample of z for each image.

    x (N, 1, 28, 28), noise (N, D) -> reconstruction (N,), KL (N,).
    """
    logits, mean, logvar = model(x, noise)
    return cross_entropy(logits, x), gaussian_kl(mean, logvar).sum(axis=1)


def importance_weighted_bound(model: VAE, x: Tensor, noise: Tensor) -> Tensor:
    """log 1/K Σ_k p(x|z_k) p(z_k) / q(z_k|x), between the ELBO (K = 1) and log p(x) (K → ∞), in expectation.

    x (N, 1, 28, 28), noise (K, N, D) -> (N,). Source: Burda, Grosse, Salakhutdinov, Importance Weighted Autoencoders
    (2016), equation 8.
    """
    samples, n, latent = noise.shape
    mean, logvar = model.encode(x)
    z = reparametrise(mean, logvar, noise)
    logits = model.decode(z.reshape(samples * n, latent))
    repeated = F.broadcast_to(x, (samples, *x.shape)).reshape(samples * n, *x.shape[1:])
    log_likelihood = -cross_entropy(logits, repeated).reshape(samples, n)
    # log p(z) - log q(z|x): both have the constant -½ log 2π, and (z - mean)² / e^logvar is noise².
    log_ratio = 0.5 * (noise * noise + logvar - z * z).sum(axis=2)
    return F.logsumexp(log_likelihood + log_ratio, axis=0) - math.log(samples)
