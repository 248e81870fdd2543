"""Golden worked examples: each computed three ways that must agree, by the engine, the pseudocode, and by hand."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import nanonet as nt
from nanonet import optim
from nanonet.teach import pseudocode as doc
from nanonet.teach.documents import examples, hand, mazur, networks, regression
from nanonet.teach.documents.networks import Network

Array = np.ndarray
Values = dict[str, Any]


@dataclass(frozen=True)
class Golden:
    """A worked example.

    layers      nanonet code: all that the forward pass computes, by name, the loss "J" last
    network     its numbers
    by_hand     the same values from formulas written out for this example, in NumPy
    published   the numbers that its source prints, as text with their digits, by name (the documents print none)
    remarks     what is to be said of a published number
    computed    what belongs to the published numbers, by name
    """

    name: str
    source: str
    layers: Callable[..., Values]
    network: Network
    by_hand: Callable[[Network], Values]
    published: Mapping[str, str] = field(default_factory=dict)
    remarks: Mapping[str, str] = field(default_factory=dict)
    computed: Callable[[], dict[str, float]] = dict

    @property
    def function(self) -> Callable[..., Any]:
        """The loss, as a function of Tensors: X, Y, W0, b0, W1, … in this order."""
        layers = self.layers

        @functools.wraps(layers)  # its name, and those of its arguments
        def loss(*inputs: Any) -> Any:
            return layers(*inputs)["J"]

        return loss

    def inputs(self) -> list[Any]:
        """Fresh Tensors in float64, of which the weights and biases want a gradient."""
        given = [nt.tensor(self.network.X), nt.tensor(self.network.Y)]
        return given + [nt.tensor(p, requires_grad=True) for p in self.network.parameters()]

    def by_engine(self) -> Values:
        """Z1, A1, …, Ŷ, J; dW0, db0, …; and W0+, b0+, …, after one step of gradient descent."""
        inputs = self.inputs()
        parameters = inputs[2:]
        values = self.layers(*inputs)
        values["J"].backward()
        found: Values = {name: value.numpy().copy() for name, value in values.items()}
        found |= {f"d{name}": p.grad.numpy() for name, p in _named(parameters)}
        optim.SGD(parameters, lr=self.network.alpha).step()
        return found | {f"{name}+": p.numpy() for name, p in _named(parameters)}

    def by_pseudocode(self) -> Values:
        """The same, from the documents' layered pass."""
        net, (W, b) = self.network, self.network.lists()
        L = len(W)
        Z, A = doc.forward(net.X, W, b, net.g, net.out)
        _, dW, db = doc.backward(net.Y, W, Z, A, net.g, net.out)
        found: Values = {f"Z{i}": Z[i] for i in range(1, L + 1)} | {f"A{i}": A[i] for i in range(1, L)}
        found |= {"Ŷ": A[L], "J": doc.loss(net.Y, A[L], net.X.shape[1], net.out)}
        found |= {f"dW{i}": dW[i] for i in range(L)} | {f"db{i}": db[i] for i in range(L)}
        doc.update(W, b, dW, db, net.alpha)
        return found | {f"W{i}+": W[i] for i in range(L)} | {f"b{i}+": b[i] for i in range(L)}

    def reproduce(self) -> dict[str, tuple[str, float]]:
        """{name: (as published, computed)} for every published number."""
        computed = self.computed()
        return {name: (text, computed[name]) for name, text in self.published.items()}


def same_digits(published: str, computed: float) -> bool:
    """Is the number, rounded to as many decimals as are printed, what is printed?"""
    decimals = len(published.partition(".")[2])
    return float(f"{computed:.{decimals}f}") == float(published)


def _named(parameters: list[Any]) -> list[tuple[str, Any]]:
    return [(f"{'Wb'[i % 2]}{i // 2}", p) for i, p in enumerate(parameters)]


# The regression's pass is one linear layer, in columns for the pseudocode


def _line_layers(X: Any, Y: Any, W0: Any, b0: Any) -> Values:
    return examples.line(X.T, Y.T, W0, b0.T)


def _line_network() -> Network:
    x, y = regression.points()
    return Network(x.T, y.T, (np.zeros((1, 1)),), (np.zeros((1, 1)),), out="squares", alpha=0.1)


def golden_examples() -> list[Golden]:
    """All of them: D0's two networks, D2's 3-5-2, D3's 1-3-1, D2's regression, and Mazur's 2-2-2."""
    return [
        Golden("D0 ReLU network", "D0, its forward and backward pseudocode, corrected", examples.relu_network,
               networks.RELU, hand.relu_network),
        Golden("D0 X = I2", "D0, its worked example, corrected", examples.identity_example, networks.IDENTITY,
               hand.identity_example),
        Golden("D2 3-5-2", "D2, its worked example, corrected", examples.three_five_two, networks.THREE_FIVE_TWO,
               hand.two_layers("cross-entropy")),
        Golden("D3 1-3-1", "D3, its worked example, corrected", examples.one_three_one, networks.ONE_THREE_ONE,
               hand.two_layers("squares")),
        Golden("D2 regression", "D2 (c), y = 2x + 1 + U(0, 1)", _line_layers, _line_network(), hand.line),
        Golden("Mazur 2-2-2", mazur.SOURCE, examples.mazur_network, networks.MAZUR, hand.two_layers("half squares"),
               mazur.PUBLISHED, mazur.REMARKS, mazur.by_engine),
    ]  # fmt: skip


def golden_example(name: str) -> Golden:
    """The one of this name. Raises ValueError for a name that there is not."""
    names = {one.name: one for one in golden_examples()}
    if name not in names:
        raise ValueError(f"golden_example: expected one of {', '.join(names)}; got {name!r}")
    return names[name]
