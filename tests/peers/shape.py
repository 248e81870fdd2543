"""PyTorch's names for moving elements."""

import torch


def expand_dims(x, axis):
    axes = axis if isinstance(axis, tuple) else (axis,)
    for a in sorted(a % (x.ndim + len(axes)) for a in axes):
        x = torch.unsqueeze(x, a)
    return x


PEERS = {
    "expand_dims": expand_dims,
}
