"""The generative adversarial network of D1, corrected: generator, discriminator, their losses and penalties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nanonet import functional as F
from nanonet.creation import full_like, ones_like, zeros_like
from nanonet.models.config import Config
from nanonet.nn import Conv2d, ConvTranspose2d, Flatten, LeakyReLU, Linear, Module, ReLU, Sequential, Tanh, Unflatten
from nanonet.tensor import Tensor
from nanonet.transforms import grad
from nanonet.variable import no_grad

SLOPE = 0.2  # of the leaky ReLU; Radford et al. 2016


@dataclass(frozen=True)
class GANConfig(Config):
    """The sizes of a GAN for grey images of 28×28.

    network     dcgan (convolutions) or dense
    latent      numbers in the noise z
    channels    dcgan: channels at 14×14; at 7×7 twice as many
    hidden      dense: units of the hidden layer next to the image; the other one has half as many
    """

    network: Literal["dcgan", "dense"] = "dcgan"
    latent: int = 64
    channels: int = 32
    hidden: int = 512

    def __post_init__(self) -> None:
        self.expect("latent", self.latent >= 1, "at least 1")
        self.expect("channels", self.channels >= 1, "at least 1")
        self.expect("hidden", self.hidden >= 2, "at least 2")


class Generator(Module):
    """G: z (N, latent) -> images (N, 1, 28, 28), pixels from -1 (black) to 1 (white).

    The convolutional one grows 7×7 to 14×14 and 28×28 with transposed convolutions of stride 2.
    Source: D1; Radford et al. 2016 (DCGAN), without its batch norm, as Mescheder et al. 2018.
    """

    def __init__(self, config: GANConfig) -> None:
        super().__init__()
        self.config = config
        c, h = config.channels, config.hidden
        if config.network == "dense":
            layers = [Linear(config.latent, h // 2), LeakyReLU(SLOPE), Linear(h // 2, h), LeakyReLU(SLOPE)]
            layers += [Linear(h, 28 * 28), Unflatten(1, (1, 28, 28))]
        else:
            layers = [Linear(config.latent, 2 * c * 7 * 7), Unflatten(1, (2 * c, 7, 7)), ReLU()]
            layers += [ConvTranspose2d(2 * c, c, 4, stride=2, padding=1), ReLU()]  # (N, c, 14, 14)
            layers += [ConvTranspose2d(c, 1, 4, stride=2, padding=1)]  # (N, 1, 28, 28)
        self.layers = Sequential(*layers, Tanh())

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


class Discriminator(Module):
    """D: images (N, 1, 28, 28) -> logits (N,); σ(logit) is the probability that an image is real.

    The convolutional one halves the image twice. No norm layer: the penalties below are about one image at a time.
    """

    def __init__(self, config: GANConfig) -> None:
        super().__init__()
        self.config = config
        c, h = config.channels, config.hidden
        if config.network == "dense":
            layers = [Flatten(), Linear(28 * 28, h), LeakyReLU(SLOPE), Linear(h, h // 2), LeakyReLU(SLOPE)]
            layers += [Linear(h // 2, 1)]
        else:
            layers = [Conv2d(1, c, 4, stride=2, padding=1), LeakyReLU(SLOPE)]  # (N, c, 14, 14)
            layers += [Conv2d(c, 2 * c, 4, stride=2, padding=1), LeakyReLU(SLOPE)]  # (N, 2c, 7, 7)
            layers += [Flatten(), Linear(2 * c * 7 * 7, 1)]
        self.layers = Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return F.flatten(self.layers(x))


def discriminator_loss(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Tensor:
    """L_D = -E[log D(x)] - E[log(1 - D(G(z)))]  of the logits real = D(x) and fake = D(G(z)), both (N,) -> ().

    That is the cross-entropy with label 1 for real and 0 for generated images. With one-sided label smoothing the
    real ones' label is 1 - smoothing (Salimans et al. 2016). On logits nothing overflows:
    -log σ(a) = softplus(-a) and -log(1 - σ(a)) = softplus(a). Source: D1's first statement; its second one exchanges
    real and fake.
    """
    is_real, is_fake = full_like(real, 1 - smoothing), zeros_like(fake)
    return F.binary_cross_entropy_with_logits(real, is_real) + F.binary_cross_entropy_with_logits(fake, is_fake)


def generator_loss(fake: Tensor, kind: str = "non-saturating") -> Tensor:
    """L_G of the logits fake = D(G(z)) (N,) -> ().

    non-saturating  -E[log D(G(z))]: D1's. Its gradient is large where the discriminator is sure: σ(a) - 1
    minimax         E[log(1 - D(G(z)))], the part of -L_D that G can change. Its gradient -σ(a) vanishes there
    Source: Goodfellow et al. 2014, section 3.
    """
    if kind == "minimax":
        return -F.binary_cross_entropy_with_logits(fake, zeros_like(fake))
    return F.binary_cross_entropy_with_logits(fake, ones_like(fake))


def input_gradient(discriminator: Module, x: Tensor) -> Tensor:
    """∇D(x), the logit's gradient with respect to each image, in x's shape; it can be differentiated again."""
    return grad(lambda images: discriminator(images).sum())(x)


def r1_penalty(discriminator: Module, x: Tensor) -> Tensor:
    """½ E‖∇D(x)‖²: keeps D flat at the real images, so that it settles where G(z) has their distribution.

    x: real images (N, …) -> (). Its gradient for D's weights is a second derivative. Source: Mescheder, Geiger and
    Nowozin, Which training methods for GANs do actually converge? (2018), equation 9.
    """
    slopes = input_gradient(discriminator, x)
    return 0.5 * (slopes * slopes).sum() / len(x)


def wgan_gp_penalty(discriminator: Module, real: Tensor, fake: Tensor, u: Tensor) -> Tensor:
    """E(‖∇D(x̂)‖ - 1)² at x̂ = u x + (1 - u) G(z), between a real and a generated image each.

    real, fake: (N, C, H, W); u: (N, 1, 1, 1) from 0 to 1 -> (). A small number in the root gives the norm a derivative
    at 0. Source: Gulrajani et al. 2017, equation 3; with the losses above: Fedus et al. 2018.
    """
    slopes = input_gradient(discriminator, u * real + (1 - u) * fake)
    norms = F.sqrt((slopes * slopes).sum(axis=(1, 2, 3)) + 1e-12)
    return ((norms - 1) ** 2).mean()


def follow(average: Module, module: Module, memory: float) -> None:
    """w̄ ← memory · w̄ + (1 - memory) · w for every weight: `average` follows `module`, smoothly.

    The two players circle around their solution; the mean of G's weights is nearer to it than the last ones
    (Yazıcı et al. 2019).
    """
    with no_grad():
        for mean, w in zip(average.parameters(), module.parameters(), strict=True):
            mean[...] = memory * mean + (1 - memory) * w
