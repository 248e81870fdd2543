"""The numbers of the documents' small networks. Columns are samples, as in the documents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Network:
    """X (in × m), Y (out × m), and for each layer W (out × in) and b (out × 1); `g` and `out` as in the pseudocode."""

    X: Array
    Y: Array
    W: tuple[Array, ...]
    b: tuple[Array, ...]
    g: str = "relu"
    out: str = "squares"
    alpha: float = 0.1

    def lists(self) -> tuple[list[Array], list[Array]]:
        """W and b as the pseudocode takes them; its update replaces the entries of the lists."""
        return list(self.W), list(self.b)

    def parameters(self) -> list[Array]:
        """W[0], b[0], W[1], b[1], …"""
        return [x for pair in zip(self.W, self.b, strict=True) for x in pair]


def _columns(*values: float) -> Array:
    return np.array(values, float)[:, None]


# D0: the forward and backward pseudocode. The layers are square, so that nearly every line as written conforms
RELU = Network(
    X=np.array([[1, 0.5, -1], [2, -1, 0.5]]),
    Y=np.array([[1, 0, -1], [0, 1, 0.5]]),
    W=(
        np.array([[0.5, -0.8], [-0.8, 0.8]]),
        np.array([[-0.8, 0.3], [0.1, -0.8]]),
        np.array([[0.5, 0.7], [-0.6, -0.1]]),
    ),
    b=(_columns(0.4, -0.1), _columns(0.1, 0.3), _columns(0.1, -0.3)),
)

# D0: the worked example, with a W that fits one output; the first sample's unit is off, the second's is on
IDENTITY = Network(
    X=np.eye(2),
    Y=np.array([[1.0, 0.0]]),
    W=(np.array([[-0.3, 0.4]]),),
    b=(_columns(0.1),),
    out="relu half squares",
)

# D2: 3-5-2, sigmoids, two labels for two outputs
THREE_FIVE_TWO = Network(
    X=_columns(1, 2, 3),
    Y=_columns(1, 0),
    W=(
        np.array([[0.1, -0.2, 0.3], [0.2, 0.1, -0.1], [-0.3, 0.2, 0.1], [0.4, -0.1, -0.2], [0.1, 0.3, -0.3]]),
        np.array([[0.2, -0.1, 0.3, 0.4, -0.2], [0.1, 0.3, -0.2, 0.2, 0.4]]),
    ),
    b=(_columns(0.1, -0.1, 0.2, 0, 0.3), _columns(0.1, -0.2)),
    g="sigmoid",
    out="sigmoid",
    alpha=0.01,
)

# D3: 1-3-1, sigmoids, J = (Y - Ŷ)²
ONE_THREE_ONE = Network(
    X=_columns(0.5),
    Y=_columns(1),
    W=(_columns(0.4, -0.6, 0.8), np.array([[0.5, -0.3, 0.7]])),
    b=(_columns(0.1, 0.2, -0.1), _columns(0.2)),
    g="sigmoid",
    out="sigmoid squares",
    alpha=0.01,
)

# Matt Mazur, A Step by Step Backpropagation Example: 2-2-2, sigmoids, E = ½ Σ (target - out)²
MAZUR = Network(
    X=_columns(0.05, 0.10),
    Y=_columns(0.01, 0.99),
    W=(np.array([[0.15, 0.20], [0.25, 0.30]]), np.array([[0.40, 0.45], [0.50, 0.55]])),
    b=(_columns(0.35, 0.35), _columns(0.60, 0.60)),
    g="sigmoid",
    out="sigmoid half squares",
    alpha=0.5,
)
