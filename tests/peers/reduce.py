"""PyTorch's names for the reductions."""

import warnings

import torch


def axes(x, axis):
    """NumPy's None means all axes; some of PyTorch's functions want them listed."""
    return tuple(range(x.ndim)) if axis is None else axis


def prod(x, axis=None, keepdims=False):
    """torch.prod takes one axis."""
    for a in sorted((a % max(x.ndim, 1) for a in ((axis,) if isinstance(axis, int) else axes(x, axis))), reverse=True):
        x = torch.prod(x, a, keepdim=True)
    if keepdims:
        return x
    return x.squeeze(axis) if axis is not None else x.reshape(())


def scan(function):
    return lambda x, axis=None: function(x.reshape(-1), 0) if axis is None else function(x, axis)


def quiet(function):
    """torch.var warns where no degree of freedom is left."""

    def run(x, axis=None, ddof=0, keepdims=False):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(x, dim=axis, correction=ddof, keepdim=keepdims)

    return run


PEERS = {
    "prod": prod,
    "cumsum": scan(torch.cumsum),
    "cumprod": scan(torch.cumprod),
    "var": quiet(torch.var),
    "std": quiet(torch.std),
    "vector_norm": lambda x, axis=None, keepdims=False, ord=2: torch.linalg.vector_norm(x, ord, axis, keepdims),
    "norm": torch.linalg.norm,
    "max": lambda x, axis=None, keepdims=False: torch.amax(x, axes(x, axis), keepdims),
    "min": lambda x, axis=None, keepdims=False: torch.amin(x, axes(x, axis), keepdims),
    "logsumexp": lambda x, axis=None, keepdims=False: torch.logsumexp(x, axes(x, axis), keepdims),
}
