"""D1, 001_ae81277bb7903df1.txt: the VAE's loss, its training, its sampling and its decoder; the GAN's L_D."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit

import nanonet as nt
from nanonet import functional as F
from nanonet import nn
from nanonet.generator import get_state, set_state
from nanonet.teach.documents import vae
from nanonet.teach.documents.checks import claim, gradient
from nanonet.teach.documents.erratum import Erratum, Numbers, closer_look

Array = np.ndarray
CODE = {"mean": vae.MEAN, "logvar": vae.LOGVAR}
EXAMPLE = "two samples of four pixels, two latent numbers, ε fixed"


# (1) the loss


def total(mean: Array, logvar: Array) -> Array:
    return np.asarray(vae.reconstruction(mean, logvar) + vae.kl(mean, logvar))


def total_back(dy: Array, mean: Array, logvar: Array) -> tuple[Array, Array]:
    dmean, dlogvar = vae.reconstruction_back(mean, logvar)
    return dy * (dmean + mean), dy * (dlogvar + (np.exp(logvar) - 1) / 2)


def without_kl_back(dy: Array, mean: Array, logvar: Array) -> tuple[Array, Array]:
    dmean, dlogvar = vae.reconstruction_back(mean, logvar)
    return dy * dmean, dy * dlogvar


TOTAL_CHECK = gradient(total, CODE)


def towards_no_variance(with_kl: bool) -> Callable[[], Numbers]:
    """The loss as logvar falls; without KL the encoder's likelihood is -log q(z|x) = ½ Σ (logvar + ε² + log 2π)."""

    def program() -> Numbers:
        numbers: Numbers = {}
        for logvar in (-10.0, -100.0, -1000.0):
            all_of_it = np.full_like(vae.LOGVAR, logvar)
            encoder = 0.5 * np.sum(all_of_it + vae.EPS**2 + np.log(2 * np.pi))
            second = vae.kl(vae.MEAN, all_of_it) if with_kl else encoder
            numbers[f"L at logvar = {logvar:g}"] = vae.reconstruction(vae.MEAN, all_of_it) + second
        return numbers

    return program


# (2) the training


def knows_the_patterns(numbers: Numbers) -> bool:
    return numbers["reconstruction error"] < numbers["error of the mean image"] / 2


def trained(jointly: bool) -> Callable[[], Numbers]:
    def program() -> Numbers:
        mean_image = 12 * -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
        found = {name: round(value, 2) + 0.0 for name, value in vae.train(jointly).items()}
        return {"error of the mean image": mean_image, **found}

    return program


# (3) the sampling layer


def undefined_back(dy: Array, mean: Array, logvar: Array) -> Any:
    return eval("Sampling()([mean, logvar])", {"mean": mean, "logvar": logvar})


def sample_back(dy: Array, mean: Array, logvar: Array) -> tuple[Array, Array]:
    return dy, dy * vae.EPS * np.exp(logvar / 2) / 2


def drawn_back(dy: Array, mean: Array, logvar: Array) -> tuple[Array, Array]:
    """Where z is drawn from N(mean, e^logvar) by a generator, it is a number from nowhere."""
    return np.zeros_like(mean), np.zeros_like(logvar)


SAMPLE_CHECK = gradient(vae.sample, CODE)


# (4) the decoder


def decoder(up: bool) -> Callable[[], Numbers]:
    """Shapes behind each layer: from the code of 10 numbers to the image."""

    def program() -> Numbers:
        drawn = get_state()  # the layers' first weights are drawn, and change no shape
        if up:
            one: nn.Module = nn.ConvTranspose2d(64, 64, 3, stride=2, padding=1, output_padding=1)
            two: nn.Module = nn.ConvTranspose2d(64, 32, 3, stride=2, padding=1, output_padding=1)
        else:
            one, two = nn.Conv2d(64, 64, 3, stride=2, padding=1), nn.Conv2d(64, 32, 3, stride=2, padding=1)
        start = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 64 * 7 * 7), nn.Unflatten(1, (64, 7, 7)))
        end = nn.Sequential(nn.Conv2d(32, 1, 3, padding=1), nn.Sigmoid())
        with nt.no_grad():
            a = start(nt.zeros((1, 10)))
            b = F.relu(one(a))
            c = F.relu(two(b))
            image = end(c)
        set_state(drawn)
        names = ("reshaped", "first convolution", "second convolution", "image")
        return {name: y.shape[1:] for name, y in zip(names, (a, b, c, image), strict=True)}

    return program


# (5) the loss's target

TRAIN = np.array([[1, 0, 1, 0], [0, 1, 1, 0], [0, 0, 1, 1], [1, 1, 0, 0.0]])
BATCH = TRAIN[[2, 0, 3, 1]]  # shuffled, as every epoch does
GUESS = {"Ŷ": np.array([[0.2, 0.3, 0.6, 0.7], [0.8, 0.1, 0.9, 0.3], [0.6, 0.7, 0.2, 0.4], [0.3, 0.9, 0.8, 0.1]])}


def cross_entropy(target: Array, Y_hat: Array) -> Array:
    if target.shape != Y_hat.shape:
        raise ValueError(f"the target is {target.shape}, but the reconstruction is {Y_hat.shape}")
    return np.asarray(-np.sum(target * np.log(Y_hat) + (1 - target) * np.log(1 - Y_hat)))


def loss_of_batch(closes_over: bool) -> Callable[[], Numbers]:
    """The loss of a batch of two that is reconstructed all but perfectly."""

    def program() -> Numbers:
        batch = BATCH[:2]
        near = 0.98 * batch + 0.01
        return {"loss": cross_entropy(TRAIN if closes_over else batch, near)}

    return program


def loss_back(target: Array) -> Callable[[Array, Array], Array]:
    return lambda dy, Y_hat: dy * (Y_hat - target) / (Y_hat * (1 - Y_hat))


# (6) the discriminator D(x) = σ(w x + b), two real and two generated numbers

REAL, FAKE = np.array([1.2, 0.7]), np.array([-0.9, 0.4])
D_W, D_B = 0.5, -0.1


def L_D(real: Array, fake: Array) -> Array:
    """Of what D's last layer gives, before the sigmoid; two real ones and two generated ones."""
    return np.asarray(-(np.sum(np.log(expit(real))) + np.sum(np.log(1 - expit(fake)))) / 2)


def L_D_back(labels: tuple[int, int]) -> Callable[..., tuple[Array, Array]]:
    """(D - y)/N, with the label y of the real ones and that of the generated ones; (1, 0) is right."""
    return lambda dy, real, fake: (
        dy * (expit(real) - labels[0]) / real.size,
        dy * (expit(fake) - labels[1]) / fake.size,
    )


def one_step(labels: tuple[int, int]) -> Callable[[], Numbers]:
    """D(x) before and after w, b have taken a step down L_D."""

    def program() -> Numbers:
        w, b = D_W, D_B
        d_real, d_fake = L_D_back(labels)(np.array(1.0), w * REAL + b, w * FAKE + b)
        new_w = w - 0.5 * (d_real @ REAL + d_fake @ FAKE)
        new_b = b - 0.5 * (d_real.sum() + d_fake.sum())
        numbers: Numbers = {}
        for name, x in (("real", REAL), ("fake", FAKE)):
            numbers[f"D({name}) before"] = np.mean(expit(w * x + b))
            numbers[f"D({name}) after"] = np.mean(expit(new_w * x + new_b))
        return numbers

    return program


def better(n: Numbers) -> bool:
    return n["D(real) after"] - n["D(fake) after"] > n["D(real) before"] - n["D(fake) before"]


ERRATA = [
    Erratum(
        "D1", 1, "The VAE's total loss is two likelihoods, without KL",
        "L = -log q(z|x) - log p(x|z)", "L = -log p(x|z) + KL(q(z|x) ‖ N(0, I))",
        "Without KL nothing ties the code to the prior N(0, I), from which one wants to generate. The encoder's "
        "likelihood of its own sample is no substitute: it rewards a variance of zero, without limit.",
        EXAMPLE + "; as written without the KL", without_kl_back, total_back, TOTAL_CHECK,
        r"From $\log p(x) \geq E_q[\log p(x|z)] - KL(q(z|x) \Vert p(z))$, the bound that a VAE maximises: "
        r"$L = -\log p(x|z) - \frac{1}{2}\sum(1 + \ell - \mu^2 - e^{\ell})$ with $\ell = \log\sigma^2$. Its KL part "
        r"has the gradients $\frac{\partial KL}{\partial\mu} = \mu$ and "
        r"$\frac{\partial KL}{\partial\ell} = \frac{1}{2}(e^\ell-1)$.",
        (closer_look("both likelihoods, as the variance goes to 0", "the same", towards_no_variance(False),
                     towards_no_variance(True), claim("the loss stays above 0", lambda n: min(n.values()) > 0)),),
    ),
    Erratum(
        "D1", 2, "Encoder and decoder are trained one after the other",
        "train the encoder, then the decoder", "one loss, one backward pass, both at once",
        "What the encoder should keep of x, only the decoder can tell: the gradient of the reconstruction reaches the "
        "encoder through the decoder. Alone the encoder has the KL term, whose best code says nothing about x; and the "
        "decoder behind it can only learn the mean image.",
        "four patterns of twelve pixels, Adam, 300 steps for each training", trained(False), trained(True),
        claim("the reconstruction error is less than half of the mean image's", knows_the_patterns),
        r"$\frac{\partial L}{\partial\theta_{enc}} = \frac{\partial(-\log p(x|z))}{\partial z}"
        r"\frac{\partial z}{\partial\theta_{enc}} + \frac{\partial KL}{\partial\theta_{enc}}$, and the first factor is "
        r"what the decoder's backward pass returns. Without it the minimum is $\mu = 0$, $\log\sigma^2 = 0$.",
    ),
    Erratum(
        "D1", 3, "The sampling layer is not defined",
        "z = Sampling()([mean, logvar])", "z = mean + e^(½ logvar) ε with ε from N(0, I)",
        "The name stands for nothing. A plain draw from N(mean, e^logvar) would not do: a drawn number has no "
        "gradient. With the noise from outside, z is a function of mean and logvar.",
        EXAMPLE, undefined_back, sample_back, SAMPLE_CHECK,
        r"$z = \mu + e^{\ell/2}\varepsilon$ gives $\frac{\partial z}{\partial\mu} = 1$ and "
        r"$\frac{\partial z}{\partial\ell} = \frac{1}{2} e^{\ell/2}\varepsilon$.",
        (closer_look("z drawn straight from the distribution", "the same", drawn_back, sample_back, SAMPLE_CHECK),),
    ),
    Erratum(
        "D1", 4, "The decoder's convolutions stride down",
        "Conv 3×3, stride 2, twice, from 7×7", "ConvTranspose 3×3, stride 2, twice, from 7×7",
        "A convolution of stride 2 halves the image; the decoder must double it, twice, from 7×7 to 28×28.",
        "the document's decoder, built of nanonet's layers", decoder(False), decoder(True),
        claim("the image is 1×28×28", lambda n: n["image"] == (1, 28, 28)),
        r"Convolution with $k=3$, $s=2$, padding $1$: $n \mapsto \lfloor\frac{n+2-3}{2}\rfloor+1$, so "
        r"$7\mapsto4\mapsto2$. Transposed, with one row of output padding: "
        r"$n \mapsto (n-1)\cdot2 - 2 + 3 + 1 = 2n$, so $7\mapsto14\mapsto28$.",
    ),
    Erratum(
        "D1", 5, "The loss closes over the training array",
        "loss(y, Ŷ) = cross_entropy(x_train, Ŷ) + KL", "loss(y, Ŷ) = cross_entropy(y, Ŷ) + KL",
        "The loss must compare a reconstruction with the image it was made from, which is in the batch. The whole "
        "array has another shape; and where the batch has its size, the order is another.",
        "a batch of two of four images, reconstructed to 0.01", loss_of_batch(True), loss_of_batch(False),
        claim("the loss is below 0.1", lambda n: n["loss"] < 0.1),
        r"For the batch $B$: $L = -\sum_{i\in B}\sum_k x_{ik}\log\hat y_{ik} + (1-x_{ik})\log(1-\hat y_{ik})$, with "
        r"$\frac{\partial L}{\partial\hat y_{ik}} = \frac{\hat y_{ik}-x_{ik}}{\hat y_{ik}(1-\hat y_{ik})}$, and "
        r"$x_i$ the very image that gave $\hat y_i$.",
        (closer_look("a batch as large as the array, shuffled", "four images", loss_back(TRAIN), loss_back(BATCH),
                     gradient(lambda Y_hat: cross_entropy(BATCH, Y_hat), GUESS)),),
    ),
    Erratum(
        "D1", 6, "Real and fake are exchanged in the second statement of L_D",
        "L_D = -E[log D(G(z))] - E[log(1 - D(x))]", "L_D = -E[log D(x)] - E[log(1 - D(G(z)))]",
        "D(x) is the probability that x is real. Descending the loss as written teaches it the opposite.",
        "D(x) = σ(w x + b), two real and two generated numbers, one step with α = 0.5",
        one_step((0, 1)), one_step((1, 0)),
        claim("a step of descent tells real from fake better than before", better),
        r"With labels $y=1$ for real and $y=0$ for fake, the cross-entropy $-y\log D - (1-y)\log(1-D)$ gives "
        r"$-\log D(x)$ for a real $x$ and $-\log(1-D(G(z)))$ for a generated one. With $D = \sigma(a)$, "
        r"$\frac{\partial L}{\partial a} = D - y$: descent raises $a$ where $y=1$.",
        (closer_look("the gradient of L_D", "the same numbers, before the sigmoid", L_D_back((0, 1)), L_D_back((1, 0)),
                     gradient(L_D, {"real": D_W * REAL + D_B, "fake": D_W * FAKE + D_B})),),
    ),
]  # fmt: skip
