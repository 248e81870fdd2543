"""PyTorch's names for array functions of the first thin slice."""

import torch

PEERS = {
    "reshape": lambda x, shape: torch.reshape(x, shape),
    "transpose": lambda x, axes=None: x.permute(axes if axes is not None else tuple(range(x.ndim))[::-1]),
    "swapaxes": lambda x, axis1, axis2: torch.swapaxes(x, axis1, axis2),
    "broadcast_to": lambda x, shape: torch.broadcast_to(x, shape),
    "astype": lambda x, dtype: x.to(getattr(torch, dtype)),
    "getitem": lambda x, key: x[key],
    "put_add": None,  # the transpose of getitem; checked by its own gradient and by getitem's
}
