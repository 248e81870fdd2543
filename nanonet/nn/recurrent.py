"""RNN, LSTM and GRU: layers along whole sequences."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

from nanonet import functional as F
from nanonet.creation import zeros_beside
from nanonet.nn.cells import Recurrent
from nanonet.nn.parameter import new_parameter
from nanonet.tensor import Tensor


class _Layers(Recurrent):
    """`num_layers` recurrent layers, each in one or two directions; the outputs of one are the inputs of the next."""

    gates: ClassVar[int]
    states: ClassVar[int] = 1  # the LSTM has two: h and c

    def _set_up(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        device: str | None,
        dtype: Any,
    ) -> None:
        name = type(self).__name__
        if hidden_size < 1 or num_layers < 1:
            raise ValueError(f"{name}: expected hidden_size and num_layers ≥ 1, got {hidden_size} and {num_layers}")
        if not 0 <= dropout <= 1:
            raise ValueError(f"{name}: expected dropout from 0 to 1, got {dropout}")
        if dropout and num_layers == 1:
            warnings.warn(f"{name}: dropout acts between layers, and there is only one", stacklevel=3)
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        for suffix, _, features in self._directions():
            rows = self.gates * hidden_size
            shapes = {"weight_ih": (rows, features), "weight_hh": (rows, hidden_size)}
            if bias:
                shapes |= dict.fromkeys(("bias_ih", "bias_hh"), (rows,))
            for start, shape in shapes.items():
                self.register_parameter(start + suffix, new_parameter(*shape, dtype=dtype, device=device))
        self.reset_parameters()

    def _directions(self) -> list[tuple[str, bool, int]]:
        """(suffix of the parameters' names, backwards?, input features) of each layer and direction, in order."""
        found: list[tuple[str, bool, int]] = []
        for layer in range(self.num_layers):
            features = self.input_size if layer == 0 else self.hidden_size * (1 + self.bidirectional)
            found.append((f"_l{layer}", False, features))
            if self.bidirectional:
                found.append((f"_l{layer}_reverse", True, features))
        return found

    def _sequence(self, gx: Tensor, states: list[Tensor], w: Tensor, b: Tensor | None, reverse: bool) -> Any:
        """The op along the sequence: (y, h) or (y, h, c)."""
        raise NotImplementedError

    def forward(self, input: Tensor, hx: Any = None) -> tuple[Tensor, Any]:
        """Returns (output, last states).

        input   (T, N, input_size), (N, T, input_size) with batch_first, or (T, input_size) for one sequence
        hx      the first states h (layers·directions, N, hidden_size); for the LSTM the pair (h, c); default zeros
        output  the last layer's h for every time, as input, with hidden_size·directions features
        """
        if input.ndim not in (2, 3) or input.shape[-1] != self.input_size:
            raise ValueError(
                f"{type(self).__name__}: expected x (T, N, D) or (T, D) with D = {self.input_size}, got {input.shape}"
            )
        alone = input.ndim == 2
        x = F.expand_dims(input, 1) if alone else F.swapaxes(input, 0, 1) if self.batch_first else input
        states = self._first_states(x, hx, alone)
        directions = 1 + self.bidirectional
        lasts: list[Any] = []
        for i in range(0, len(self._directions()), directions):
            if i and self.dropout:
                x = F.dropout(x, self.dropout, self.training)
            outputs: list[Any] = []
            for j in range(i, i + directions):
                y, *last = self._run(x, [state[j] for state in states], j)
                outputs.append(y)
                lasts.append(last)
            x = outputs[0] if directions == 1 else F.concatenate(outputs, axis=-1)
        ends = [F.stack([last[k] for last in lasts]) for k in range(self.states)]
        if alone:
            x, ends = F.squeeze(x, 1), [F.squeeze(end, 1) for end in ends]
        elif self.batch_first:
            x = F.swapaxes(x, 0, 1)
        return x, ends[0] if self.states == 1 else tuple(ends)

    def _run(self, x: Tensor, states: list[Tensor], index: int) -> Any:
        """One layer in one direction."""
        suffix, reverse, _ = self._directions()[index]
        b_ih, b_hh = (getattr(self, name + suffix) if self.bias else None for name in ("bias_ih", "bias_hh"))
        gx = F.linear(x, getattr(self, "weight_ih" + suffix), b_ih)  # (T, N, D) -> (T, N, gates·H)
        return self._sequence(gx, states, getattr(self, "weight_hh" + suffix), b_hh, reverse)

    def _first_states(self, x: Tensor, hx: Any, alone: bool) -> list[Tensor]:
        expected = (self.num_layers * (1 + self.bidirectional), x.shape[1], self.hidden_size)
        if hx is None:
            return [zeros_beside(x, expected)] * self.states
        given = [hx] if self.states == 1 else list(hx)
        states = [F.expand_dims(state, 1) if alone and state.ndim == 2 else state for state in given]
        if len(states) != self.states or any(state.shape != expected for state in states):
            raise ValueError(
                f"{type(self).__name__}: expected {self.states} first state(s) (layers·directions, N, H) = {expected}, "
                f"got {', '.join(str(state.shape) for state in given)}"
            )
        return states

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        defaults = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        for name, default in defaults.items():
            if getattr(self, name) != default:
                text += f", {name}={getattr(self, name)}"
        return text


class RNN(_Layers):
    """hₜ = tanh(xₜ W_ihᵀ + b_ih + hₜ₋₁ W_hhᵀ + b_hh), or relu with `nonlinearity="relu"`.

    Parameters of layer k: weight_ih_lk (H, D), weight_hh_lk (H, H), bias_ih_lk (H), bias_hh_lk (H), those of the
    backward direction with the suffix _reverse. `dropout` acts on the outputs of all layers but the last.
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNN: expected nonlinearity 'tanh' or 'relu', got {nonlinearity!r}")
        self.nonlinearity = nonlinearity
        self._set_up(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype)

    def _sequence(self, gx: Tensor, states: list[Tensor], w: Tensor, b: Tensor | None, reverse: bool) -> Any:
        return F.rnn_sequence(gx, states[0], w, b, self.nonlinearity, reverse)


class LSTM(_Layers):
    """i, f, o = σ(…), g = tanh(…) of x W_ihᵀ + b_ih + h W_hhᵀ + b_hh;  c ← f c + i g;  h ← o tanh(c).

    Parameters as RNN's, 4H rows in the order i, f, g, o. Called with and returning the pair (h, c) as states.
    """

    gates, states = 4, 2

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if proj_size:
            raise ValueError(f"LSTM: proj_size is not supported, got {proj_size}; put a Linear after the LSTM")
        self._set_up(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype)

    def _sequence(self, gx: Tensor, states: list[Tensor], w: Tensor, b: Tensor | None, reverse: bool) -> Any:
        return F.lstm_sequence(gx, states[0], states[1], w, b, reverse)


class GRU(_Layers):
    """r, z = σ(gx + gh), n = tanh(gx + r gh), h ← (1 - z) n + z h, with gx = x W_ihᵀ + b_ih, gh = h W_hhᵀ + b_hh.

    Parameters as RNN's, 3H rows in the order r, z, n.
    """

    gates = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self._set_up(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype)

    def _sequence(self, gx: Tensor, states: list[Tensor], w: Tensor, b: Tensor | None, reverse: bool) -> Any:
        return F.gru_sequence(gx, states[0], w, b, reverse)
