"""The programs of the bug hunt: small, and every number of them can be recomputed by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import nanonet as nt
import nanonet.functional as F


@dataclass(frozen=True)
class Program:
    """A loss, and the values at which it is looked at.

    function    function(*tensors) -> the loss, a Tensor with one element
    inputs      {the name of a parameter: its value}, in order; all want a gradient
    """

    title: str
    function: Callable[..., Any]
    inputs: dict[str, np.ndarray]


def draw(seed: int, **shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Values with two digits, of which none is closer to 0 than 0.1."""
    rng = np.random.default_rng(seed)
    return {
        name: np.round(rng.uniform(0.1, 1.5, shape) * rng.choice([-1, 1], shape), 2) for name, shape in shapes.items()
    }


def two_layers(x: Any, w1: Any, b1: Any, w2: Any, y: Any) -> Any:
    a = nt.tanh(x @ w1 + b1)
    p = a @ w2
    return nt.mean((p - y) ** 2)


def rectified(x: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    h = F.relu(x @ w1 + b1)
    z = h @ w2 + b2
    return nt.sum(z * z)


def affine_layer(x: Any, w: Any, b: Any, v: Any) -> Any:
    z = F.linear(x, w, b)
    p = nt.sigmoid(z)
    return nt.sum(p * v)


def two_products(x: Any, u: Any, v: Any) -> Any:
    h = nt.sin(x @ u)
    return nt.sum(h @ v)


def classifier(x: Any, w: Any, b: Any) -> Any:
    scores = nt.tanh(x @ w) + b
    return F.cross_entropy(scores, np.array([0, 2, 1, 2]))


def shares(x: Any, w: Any, v: Any) -> Any:
    p = F.softmax(x @ w, dim=-1)
    return nt.sum(p * v)


def normalised(x: Any, g: Any, b: Any, w: Any) -> Any:
    h = F.layer_norm(x, (4,), g, b)
    return nt.sum(nt.tanh(h @ w))


def attention(q: Any, k: Any, v: Any, w: Any) -> Any:
    y = F.scaled_dot_product_attention(q, k, v)
    return nt.sum(nt.sin(y * w))


def words(table: Any, w: Any) -> Any:
    e = F.embedding(np.array([2, 0, 2, 1, 2]), table)
    return nt.sum(nt.tanh(e @ w))


def picture(x: Any, w: Any, b: Any) -> Any:
    z = F.conv2d(x, w, b)
    return nt.mean(nt.tanh(z))


def pooled(x: Any, w: Any) -> Any:
    h = F.max_pool2d(nt.sin(x), 2)
    return nt.sum(nt.exp(h * w))


def memory_cell(x: Any, h: Any, c: Any, wf: Any, wi: Any, wg: Any, wo: Any) -> Any:
    f = nt.sigmoid(x + h @ wf)
    i = nt.sigmoid(x + h @ wi)
    g = nt.tanh(x + h @ wg)
    o = nt.sigmoid(x + h @ wo)
    new = f * c + i * g
    return nt.sum(o * nt.tanh(new))


def likelihood(x: Any, m: Any, s: Any) -> Any:
    d = (x - m) / nt.exp(s)
    return nt.sum(0.5 * d * d + s)


def autoencoder(m: Any, logvar: Any, noise: Any, w: Any) -> Any:
    z = m + nt.exp(0.5 * logvar) * noise
    kl = -0.5 * nt.sum(1 + logvar - m**2 - nt.exp(logvar))
    return nt.sum(nt.tanh(z @ w)) + kl


def series(x: Any, w: Any, v: Any) -> Any:
    level = nt.cumsum(x * w, axis=1)
    return nt.sum(nt.tanh(level) * v)


PROGRAMS = [
    Program("a network of two layers", two_layers, draw(1, x=(3, 2), w1=(2, 3), b1=(3,), w2=(3, 1), y=(3, 1))),
    Program("a network with ReLU", rectified, draw(2, x=(3, 2), w1=(2, 4), b1=(4,), w2=(4, 2), b2=(2,))),
    Program("an affine layer and a sigmoid", affine_layer, draw(3, x=(4, 2), w=(3, 2), b=(3,), v=(4, 3))),
    Program("two products of matrices", two_products, draw(4, x=(3, 3), u=(3, 3), v=(3, 2))),
    Program("a classifier", classifier, draw(5, x=(4, 2), w=(2, 3), b=(3,))),
    Program("shares that add up to 1", shares, draw(6, x=(3, 2), w=(2, 3), v=(3, 3))),
    Program("a normalised layer", normalised, draw(7, x=(3, 4), g=(4,), b=(4,), w=(4, 2))),
    Program("attention with two heads", attention, draw(8, q=(2, 3, 4), k=(2, 3, 4), v=(2, 3, 4), w=(2, 3, 4))),
    Program("word vectors", words, draw(9, table=(3, 4), w=(4, 2))),
    Program("a convolution", picture, draw(10, x=(1, 1, 4, 4), w=(2, 1, 2, 2), b=(2,))),
    Program("a pooled picture", pooled, draw(11, x=(1, 1, 4, 4), w=(1, 1, 2, 2))),
    Program(
        "a cell of an LSTM",
        memory_cell,
        draw(12, x=(2, 3), h=(2, 3), c=(2, 3), wf=(3, 3), wi=(3, 3), wg=(3, 3), wo=(3, 3)),
    ),
    Program("a Gaussian likelihood", likelihood, draw(13, x=(4, 2), m=(2,), s=(2,))),
    Program("a variational autoencoder", autoencoder, draw(14, m=(3, 2), logvar=(3, 2), noise=(3, 2), w=(2, 2))),
    Program("a series that adds up", series, draw(15, x=(2, 4), w=(4,), v=(2, 4))),
]
