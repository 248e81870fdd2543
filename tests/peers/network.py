"""PyTorch's functions for linear maps, normalisation, attention, dropout and distances, where a call differs."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F


def _dropout(x: Any, p: float = 0.5, training: bool = True, mask: Any = None) -> Any:
    """torch.nn.functional.dropout with the mask given."""
    if mask is None:
        return F.dropout(x, p, training)
    keep = torch.tensor(mask)
    return x * keep.reshape(keep.shape + (1,) * (x.ndim - keep.ndim)) / (1 - p)


def _attention(
    q: Any, k: Any, v: Any, mask: Any = None, dropout_p: float = 0, dropout_mask: Any = None, **options: Any
) -> Any:
    if dropout_mask is None:
        return F.scaled_dot_product_attention(q, k, v, mask, **options)
    p = torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, -1) * torch.tensor(dropout_mask) / (1 - dropout_p)
    return p @ v


def _linear(x: Any, w: Any, b: Any = None) -> Any:
    """torch.nn.functional.linear, which takes a one-dimensional weight only without a bias."""
    y = F.linear(x, w, b if w.ndim > 1 else None)
    return y if b is None or w.ndim > 1 else y + b


PEERS = {"linear": _linear, "dropout": _dropout, "dropout2d": _dropout, "scaled_dot_product_attention": _attention}
