"""Rows looked up by label."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.backends.cuda.arrays import Array, contiguous, empty, fits, xp
from nanonet.ops.embedding import Embedding
from nanonet_kernels.cuda import embedding as kernel

_rule: Any = Embedding  # as Any: rules are static functions, which a type checker takes for methods


def embedding(labels: Array, w: Array, *, padding_idx: int | None) -> Any:
    if not fits(w) or not labels.size:
        return _rule.forward(xp, labels, w, padding_idx=padding_idx)
    y = empty((*labels.shape, w.shape[1]), w.dtype)
    kernel.gather(contiguous(labels, np.int64), w, y)
    return y, (labels, w.shape, padding_idx)


def embedding_backward(saved: Any, dy: Array) -> Any:
    labels, shape, padding_idx = saved
    if dy.dtype.char not in "fd" or not dy.size:
        return _rule.backward(xp, saved, dy)
    dw = empty(shape, dy.dtype)
    kernel.scatter_add(contiguous(labels, np.int64), contiguous(dy), dw, padding_idx)
    return None, dw


kernels = {_rule.forward: embedding, _rule.backward: embedding_backward}
