"""PyTorch's names for the reductions."""

import torch


def axes(x, axis):
    """NumPy's None means all axes; some of PyTorch's functions want them listed."""
    return tuple(range(x.ndim)) if axis is None else axis


PEERS = {
    "max": lambda x, axis=None, keepdims=False: torch.amax(x, axes(x, axis), keepdims),
    "min": lambda x, axis=None, keepdims=False: torch.amin(x, axes(x, axis), keepdims),
    "logsumexp": lambda x, axis=None, keepdims=False: torch.logsumexp(x, axes(x, axis), keepdims),
}
