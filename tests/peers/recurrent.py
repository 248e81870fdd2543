"""PyTorch's cells, step by step, for the whole sequences."""

from __future__ import annotations

from typing import Any

import torch


def _sequence(cell: Any, gx: Any, state: Any, w: Any, b: Any, reverse: bool) -> tuple[Any, Any]:
    """Steps of `cell` on gx as it is: its input weights are the identity."""
    same, zero = torch.eye(gx.shape[-1], dtype=gx.dtype), torch.zeros(gx.shape[-1], dtype=gx.dtype)
    ys = []
    for x in reversed(gx) if reverse else gx:
        state = cell(x, state, same, w, zero, zero if b is None else b)
        ys.append(state[0] if isinstance(state, tuple) else state)
    return torch.stack(ys[::-1] if reverse else ys), state


def rnn_sequence(gx: Any, h: Any, w: Any, b: Any, nonlinearity: str = "tanh", reverse: bool = False) -> tuple[Any, ...]:
    cell = torch.rnn_tanh_cell if nonlinearity == "tanh" else torch.rnn_relu_cell
    return _sequence(cell, gx, h, w, b, reverse)


def lstm_sequence(gx: Any, h: Any, c: Any, w: Any, b: Any, reverse: bool = False) -> tuple[Any, ...]:
    y, state = _sequence(torch.lstm_cell, gx, (h, c), w, b, reverse)
    return (y, *state)


def gru_sequence(gx: Any, h: Any, w: Any, b: Any, reverse: bool = False) -> tuple[Any, ...]:
    return _sequence(torch.gru_cell, gx, h, w, b, reverse)


PEERS = {"rnn_sequence": rnn_sequence, "lstm_sequence": lstm_sequence, "gru_sequence": gru_sequence}
