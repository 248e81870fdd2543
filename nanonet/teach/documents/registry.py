"""Errata and examples by the document they belong to."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

import nanonet as nt
from nanonet.teach.documents.erratum import Erratum

DOCUMENTS = {
    "D0": "000_2e963d5db8266ded.txt: forward and backward pass of a layered network",
    "D1": "001_ae81277bb7903df1.txt: VAE and GAN",
    "D2": "002_b6389a1c971fe113.txt: losses, optimizers, a network 3-5-2, a regression",
    "D3": "003_aa244bc8dadf1168.txt: a network 1-3-1; language models",
    "D4": "004_271eb3d4b1487a41.txt: attention; fine-tuning",
}


def errata(document: str | None = None) -> list[Erratum]:
    """Those of one document ("D0" … "D4"), in its order, or of all."""
    if document is None:
        return [one for name in DOCUMENTS for one in errata(name)]
    return list(import_module(f"nanonet.teach.documents.{_known(document).lower()}").ERRATA)


def get(document: str, number: int) -> Erratum:
    """One erratum: `get("D0", 3)`."""
    every = {one.number: one for one in errata(document)}
    if number not in every:
        raise ValueError(f"documents: {document} has the errata {', '.join(map(str, every))}, got {number!r}")
    return every[number]


def example(document: str, number: int = 1) -> tuple[Callable[..., Any], list[Any]]:
    """(function, inputs): the document's worked example, corrected, as nanonet code in float64.

    The function gives the loss of the inputs, which are fresh Tensors: nt.trace(function, *inputs) records it. D0 has
    two: 1 is the network of its pseudocode, 2 its example with X = I₂. D2 has the network 3-5-2 and the regression.
    """
    examples = _examples(_known(document))
    if number not in range(1, len(examples) + 1):
        raise ValueError(f"documents: {document} has {len(examples)} example(s), got number {number!r}")
    return examples[number - 1]()


def _examples(document: str) -> list[Callable[[], tuple[Callable[..., Any], list[Any]]]]:
    names = {"D0": ("D0 ReLU network", "D0 X = I2"), "D2": ("D2 3-5-2", "D2 regression"), "D3": ("D3 1-3-1",)}
    if document in names:
        return [lambda name=name: _golden(name) for name in names[document]]
    return [_vae if document == "D1" else _attention]


def _golden(name: str) -> tuple[Callable[..., Any], list[Any]]:
    from nanonet.teach.documents.golden import golden_example

    one = golden_example(name)
    return one.function, one.inputs()


def _vae() -> tuple[Callable[..., Any], list[Any]]:
    """D1's loss with a linear encoder and decoder: two samples of four pixels, two latent numbers."""
    from nanonet.teach.documents import vae

    We = np.array([[0.4, -0.3, 0.2, 0.1], [-0.2, 0.5, -0.4, 0.3]])
    Wv = np.array([[-0.1, 0.2, -0.5, 0.3], [0.3, -0.4, 0.1, 0.2]])
    wanted = (False, True, True, False, True, True)
    arrays = (vae.X, We, Wv, vae.EPS, vae.W, np.array([0.1, -0.1, 0.2, 0.0]))
    return vae.vae_loss, [nt.tensor(x, requires_grad=want) for x, want in zip(arrays, wanted, strict=True)]


def _attention() -> tuple[Callable[..., Any], list[Any]]:
    """D4's attention with three tokens, and a target for its output."""
    from nanonet.teach.documents import d4, examples

    def attention_loss(Q: Any, K: Any, V: Any, T: Any) -> Any:
        return examples.attention_example(Q, K, V, T)["J"]

    target = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    return attention_loss, [nt.tensor(x, requires_grad=x is not target) for x in (d4.Q, d4.K, d4.V, target)]


def _known(document: str) -> str:
    if document not in DOCUMENTS:
        raise ValueError(f"documents: expected one of {', '.join(DOCUMENTS)}, got {document!r}")
    return document
