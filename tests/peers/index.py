"""PyTorch's names for picking and placing elements."""

import numpy as np
import torch


def along(x, indices, axis=-1):
    """take_along_axis, by torch.gather, which knows no negative indices and does not broadcast."""
    if axis is None:
        x, axis = x.reshape(-1), 0
    indices = indices % max(x.shape[axis], 1)
    shape = [*np.broadcast_shapes(*([*s[:axis], 1, *s[axis + 1 :]] for s in (x.shape, indices.shape)))]
    shape[axis] = indices.shape[axis]
    return torch.gather(x, axis, indices.expand(shape))


def take(x, indices, axis=None):
    """PyTorch's take flattens; its index_select has no negative indices and one axis of them."""
    if axis is None:
        x, axis = x.reshape(-1), 0
    axis = axis % x.ndim
    places = torch.as_tensor(indices, dtype=torch.int64) % x.shape[axis]
    found = torch.index_select(x, axis, places.reshape(-1))
    return found.reshape(*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])


def getitem(x, key):
    """PyTorch takes a list within a list for several keys, as NumPy did long ago."""
    parts = key if isinstance(key, tuple) else (key,)
    return x[tuple(torch.tensor(k) if isinstance(k, list) and k else k for k in parts)]


def scatter_add(x, axis, index, src):
    """The gradient of torch.scatter_add wants an index as large as src."""
    return torch.scatter_add(x, axis, index, src[tuple(slice(n) for n in index.shape)])


def sort(x, axis=-1, descending=False):
    if axis is None:
        x, axis = x.reshape(-1), 0
    return torch.sort(x, dim=axis, descending=descending, stable=True)


PEERS = {
    "getitem": getitem,
    "put_add": None,  # the transpose of getitem; checked by its own gradient and by getitem's
    "take": take,
    "index_add": lambda x, axis, index, source, alpha=1: torch.index_add(x, axis, index, source, alpha=alpha),
    "array.masked_fill": lambda x, mask, value: x.masked_fill(mask, value),
    "scatter_add": scatter_add,
    "sort": lambda x, axis=-1, descending=False: sort(x, axis, descending).values,
    "argsort": lambda x, axis=-1, descending=False: sort(x, axis, descending).indices,
    "take_along_axis": lambda x, indices, axis=-1: along(x, indices, None if axis is None else axis % x.ndim),
}
