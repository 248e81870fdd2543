"""PyTorch's names for moving elements."""

import numpy as np
import torch


def expand_dims(x, axis):
    axes = axis if isinstance(axis, tuple) else (axis,)
    for a in sorted(a % (x.ndim + len(axes)) for a in axes):
        x = torch.unsqueeze(x, a)
    return x


def transpose(x, axes=None):
    return x.permute(tuple(range(x.ndim))[::-1] if axes is None else axes)


def repeat(x, repeats, axis=None):
    return torch.repeat_interleave(x, torch.tensor(repeats), axis)


def roll(x, shift, axis=None):
    return torch.roll(x, shift, axis)


def flip(x, axis=None):
    return torch.flip(x, tuple(range(x.ndim)) if axis is None else (axis,) if isinstance(axis, int) else axis)


def pad(x, pad_width, mode="constant", constant_values=0):
    """By an index of the source along each axis; PyTorch pads with constants only in any number of axes."""
    widths = np.broadcast_to(pad_width, (x.ndim, 2)).tolist()
    if mode == "constant":
        return torch.nn.functional.pad(x, [n for pair in widths[::-1] for n in pair], value=constant_values)
    for axis, pair in enumerate(widths):
        x = torch.index_select(x, axis, torch.tensor(np.pad(np.arange(x.shape[axis]), pair, mode)))
    return x


PEERS = {
    "reshape": lambda x, shape: torch.reshape(x, shape),
    "transpose": transpose,
    "swapaxes": lambda x, axis1, axis2: torch.swapaxes(x, axis1, axis2),
    "broadcast_to": lambda x, shape: torch.broadcast_to(x, shape if isinstance(shape, tuple) else (shape,)),
    "astype": lambda x, dtype: x.to(getattr(torch, dtype)),
    "expand_dims": expand_dims,
    "flip": flip,
    "roll": roll,
    "repeat": repeat,
    "diagonal": lambda x, offset=0, axis1=0, axis2=1: torch.diagonal(x, offset, axis1, axis2),
    "array.pad": pad,
}
