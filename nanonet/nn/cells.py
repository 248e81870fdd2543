"""RNNCell, LSTMCell and GRUCell: one step of the recurrent layers."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from nanonet import functional as F
from nanonet.creation import zeros_beside
from nanonet.nn import init
from nanonet.nn.module import Module
from nanonet.nn.parameter import new_parameter
from nanonet.tensor import Tensor


class Recurrent(Module):
    """What layers and cells have in common: uniform first weights."""

    hidden_size: int

    def reset_parameters(self) -> None:
        """New random weights, U(-1/√hidden_size, 1/√hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size else 0.0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)


class _Cell(Recurrent):
    """One step: x (N, D) or (D), states (N, H) or (H), zeros unless given."""

    gates: ClassVar[int]

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = self.gates * hidden_size
        self.weight_ih = new_parameter(rows, input_size, dtype=dtype, device=device)
        self.weight_hh = new_parameter(rows, hidden_size, dtype=dtype, device=device)
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, new_parameter(rows, dtype=dtype, device=device) if bias else None)
        self.reset_parameters()

    def _step(self, input: Tensor, states: list[Tensor | None]) -> list[Tensor]:
        """The new states, from states with a batch axis."""
        raise NotImplementedError

    def _forward(self, input: Tensor, states: list[Tensor | None]) -> list[Tensor]:
        name = type(self).__name__
        if input.ndim not in (1, 2) or input.shape[-1] != self.input_size:
            raise ValueError(f"{name}: expected x (N, D) or (D) with D = {self.input_size}, got {input.shape}")
        expected = (*input.shape[:-1], self.hidden_size)
        filled = [zeros_beside(input, expected) if state is None else state for state in states]
        for state in filled:
            if state.shape != expected:
                raise ValueError(f"{name}: x {input.shape} needs states {expected}, got {state.shape}")
        if input.ndim == 2:
            return self._step(input, filled)  # pyright: ignore[reportArgumentType]
        return [F.squeeze(y, 0) for y in self._step(F.expand_dims(input, 0), [F.expand_dims(s, 0) for s in filled])]

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(_Cell):
    """One step of an RNN: weight_ih (H, D), weight_hh (H, H), bias_ih (H), bias_hh (H)."""

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, device, dtype)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNNCell: expected nonlinearity 'tanh' or 'relu', got {nonlinearity!r}")
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._forward(input, [hx])[0]

    def _step(self, input: Tensor, states: list[Any]) -> list[Tensor]:
        step = F.rnn_tanh_cell if self.nonlinearity == "tanh" else F.rnn_relu_cell
        return [step(input, states[0], self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)]

    def extra_repr(self) -> str:
        return super().extra_repr() + ("" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}")


class LSTMCell(_Cell):
    """One step of an LSTM: weights of 4H rows in the order i, f, g, o; called with and returning (h, c)."""

    gates = 4

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        h, c = self._forward(input, [None, None] if hx is None else list(hx))
        return h, c

    def _step(self, input: Tensor, states: list[Any]) -> list[Tensor]:
        return list(F.lstm_cell(input, states, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh))


class GRUCell(_Cell):
    """One step of a GRU: weights of 3H rows in the order r, z, n."""

    gates = 3

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._forward(input, [hx])[0]

    def _step(self, input: Tensor, states: list[Any]) -> list[Tensor]:
        return [F.gru_cell(input, states[0], self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)]
