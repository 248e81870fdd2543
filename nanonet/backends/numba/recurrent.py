"""LSTM: the rule's loop over time, with a step in one pass. The products in between stay NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.backends.numba.fitting import Array, fits, xp
from nanonet.ops.recurrent import LstmSequence, lstm_back, lstm_step, unroll, unroll_back
from nanonet_kernels.cpu import lstm
from nanonet_kernels.cpu.launch import rows

_rule: Any = LstmSequence  # as Any: rules are static functions, which a type checker takes for methods


def _step(xp: Any, gx: Array, gh: Array, h: Array, c: Array) -> Any:
    if not fits(gx, gh, c):
        return lstm_step(xp, gx, gh, h, c)
    size = c.shape[1]
    gates = np.empty_like(gx)
    new, tanh_c, h = np.empty((3, *c.shape), np.float32)
    rows(lstm.lstm_step, gx, gh, c, gates, new, tanh_c, h)
    return h, new, (*(gates[:, k * size : (k + 1) * size] for k in range(4)), c, tanh_c)


def _back(xp: Any, parts: tuple[Any, ...], dh: Array, dc: Array) -> Any:
    i, _, _, _, c, tanh_c = parts
    gates = i.base  # the four gates lie side by side in one array if `_step` made them
    if gates is None or gates.shape != (len(c), 4 * c.shape[1]) or not fits(gates, c, tanh_c, dh, dc):
        return lstm_back(xp, parts, dh, dc)
    da, before = np.empty_like(gates), np.empty_like(c)
    rows(lstm.lstm_step_backward, gates, c, tanh_c, dh, dc, da, before)
    return da, da, None, before


def lstm_sequence(gx: Array, h: Array, c: Array, w: Array, b: Array | None, *, reverse: bool) -> Any:
    if not fits(gx, h, c, w):
        return _rule.forward(xp, gx, h, c, w, b, reverse=reverse)
    y, h, c, saved = unroll(xp, _step, gx, h, c, w, b, reverse)
    return (y, h, c), saved


def lstm_sequence_backward(saved: Any, dys: Any) -> Any:
    if not fits(*dys):
        return _rule.backward(xp, saved, dys)
    return unroll_back(xp, _back, saved, *dys)


kernels = {LstmSequence.forward: lstm_sequence, LstmSequence.backward: lstm_sequence_backward}
