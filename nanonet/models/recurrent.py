"""Recurrent networks: one for whole sequences, one for the next character; and how far back their gradients reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nanonet import functional as F
from nanonet.creation import tensor, zeros_beside
from nanonet.device import on_host
from nanonet.models.config import Config
from nanonet.nn import GRU, LSTM, RNN, Dropout, Embedding, Linear, Module
from nanonet.tensor import Tensor
from nanonet.variable import enable_grad, no_grad

CELLS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
Cell = Literal["rnn", "lstm", "gru"]
State = tuple[Tensor, ...]  # h, and for the LSTM c: each (layers, N, hidden)


@dataclass(frozen=True)
class RecurrentConfig(Config):
    """What every recurrent network has.

    cell        rnn (Elman 1990), lstm (Hochreiter and Schmidhuber 1997) or gru (Cho et al. 2014)
    hidden      numbers in the state h of a layer
    layers      recurrent layers; the states of one are the inputs of the next
    dropout     share of each layer's outputs left out in each step
    """

    cell: Cell = "lstm"
    hidden: int = 128
    layers: int = 1
    dropout: float = 0.0

    def __post_init__(self) -> None:
        self.expect("hidden", self.hidden >= 1, "at least 1")
        self.expect("layers", self.layers >= 1, "at least 1")
        self.expect("dropout", 0 <= self.dropout < 1, "a share from 0 to below 1")


@dataclass(frozen=True)
class ClassifierConfig(RecurrentConfig):
    """The sizes of a SequenceClassifier.

    inputs      numbers in each step of the sequence
    outputs     classes
    """

    inputs: int = 28
    outputs: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        self.expect("inputs", self.inputs >= 1, "at least 1")
        self.expect("outputs", self.outputs >= 1, "at least 1")


@dataclass(frozen=True)
class CharRnnConfig(RecurrentConfig):
    """The sizes of a CharRnn.

    embedding   numbers that stand for a character
    """

    embedding: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        self.expect("embedding", self.embedding >= 1, "at least 1")


def layers_of(config: RecurrentConfig, inputs: int) -> Any:
    """The recurrent layers of a configuration, batch first."""
    between = config.dropout if config.layers > 1 else 0.0
    return CELLS[config.cell](inputs, config.hidden, config.layers, batch_first=True, dropout=between)


class SequenceClassifier(Module):
    """h_t = cell(x_t, h_{t-1}), logits = W h_T + b.  x (N, T, inputs) -> (N, outputs).

    One cell reads the whole sequence, a step at a time; only the last state is asked for the class. So the error must
    travel back through all T steps: backpropagation through time. Source: D3; Elman 1990.
    """

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config = config
        self.recurrent = layers_of(config, config.inputs)
        self.dropout = Dropout(config.dropout)
        self.head = Linear(config.hidden, config.outputs)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.recurrent(x)  # (N, T, H)
        return self.head(self.dropout(y[:, -1]))


class CharRnn(Module):
    """P(next character | all characters before it).  tokens (N, T), state -> logits (N, T, vocabulary), state.

    The state is what the network remembers of the text so far: handed over to the next window, it makes the memory
    longer than a window. Source: D3; Graves 2013.
    """

    def __init__(self, config: CharRnnConfig, vocabulary: int) -> None:
        super().__init__()
        self.config = config
        self.embedding = Embedding(vocabulary, config.embedding)
        self.recurrent = layers_of(config, config.embedding)
        self.dropout = Dropout(config.dropout)
        self.head = Linear(config.hidden, vocabulary)

    def forward(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        y, state = run(self.recurrent, self.dropout(self.embedding(tokens)), state)
        return self.head(self.dropout(y)), state

    def first_state(self, count: int) -> State:
        """Zeros, for `count` texts."""
        shape = (self.config.layers, count, self.config.hidden)
        parts = 2 if self.config.cell == "lstm" else 1
        return tuple(zeros_beside(self.head.weight, shape) for _ in range(parts))


def run(recurrent: Any, x: Tensor, state: State | None) -> tuple[Tensor, State]:
    """The layers along x (N, T, D), with a tuple as their state, whichever the cell."""
    before = None if state is None else state if isinstance(recurrent, LSTM) else state[0]
    y, after = recurrent(x, before)
    return y, after if isinstance(after, tuple) else (after,)


def next_character_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """-1/(NT) Σ log p(target), in nats: logits (N, T, V), targets (N, T)."""
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))


class Reader:
    """The logits that follow texts, for `nanonet.models.generate`: tokens ids (N, T) -> (N, V), arrays.

    Each call's ids are those of the call before with one more token; row i goes on from row rows[i]. Only the new token
    passes through the network: all that it must know of the others is in the state.
    """

    def __init__(self, model: CharRnn) -> None:
        self.model = model
        self.state: State | None = None

    def __call__(self, ids: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        if self.state is not None:
            ids = ids[:, -1:]
            if rows is not None:
                self.state = tuple(part[:, rows] for part in self.state)
        with no_grad():
            tokens = tensor(ids, device=self.model.head.weight.device)
            logits, self.state = self.model(tokens, self.state)
        return on_host(logits.array)[:, -1].astype(np.float64)


def gradients_through_time(model: SequenceClassifier, x: Tensor, y: Tensor) -> np.ndarray:
    """‖∂loss/∂s_t‖ for t = 1 … T, the mean over the samples.  x (N, T, inputs), y (N,) -> (T,).

    s_t is all that goes from step t to the next: h_t, for the LSTM h_t and c_t. The steps are taken one at a time, so
    that each state is a tensor of its own, whose gradient can be kept.
    """
    state: State | None = None
    kept: list[State] = []
    with enable_grad():
        for t in range(x.shape[1]):
            _, state = run(model.recurrent, x[:, t : t + 1], state)
            for part in state:
                part.retain_grad()
            kept.append(state)
        h_last = kept[-1][0][-1]  # of the last layer
        F.cross_entropy(model.head(h_last), y, reduction="sum").backward()
    model.zero_grad()
    return np.array([_mean_norm([part.grad for part in state]) for state in kept])


def _mean_norm(gradients: list[Tensor | None]) -> float:
    """The mean of the samples' norms; gradients (layers, N, H), None where nothing came back."""
    squares = sum((on_host(g.array).astype(float) ** 2).sum((0, 2)) for g in gradients if g is not None)
    return float(np.sqrt(squares).mean())
