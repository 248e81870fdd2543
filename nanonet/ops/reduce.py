"""Reductions, with NumPy's names and arguments (`axis`, `keepdims`)."""

from nanonet.op import Op, sample
from nanonet.sampling import normal


class Reduction(Op, abstract=True):
    """Array functions that are Tensor methods too. `axis` is None (all), an integer, or a tuple of them."""

    array = True
    method = True
    shapes = "x (…) -> y (x's shape without `axis`, or with 1 there when keepdims)"


def keep_axes(xp, y, shape, axis, keepdims):
    """Give a reduced `y` its axes back, with length 1, so that it broadcasts against x of `shape`."""
    if keepdims:
        return y
    if axis is None:
        return xp.reshape(y, (1,) * len(shape))
    return xp.expand_dims(y, axis)


class Sum(Reduction):
    """y = Σ x over `axis`;  dx = dy at every element summed."""

    latex = r"y = \sum_{axis} x; dx = dy"
    samples = [
        sample(normal(3, 4)),
        sample(normal(2, 3, 4), axis=1),
        sample(normal(2, 3, 4), axis=(0, -1), keepdims=True),
        sample(normal(), name="0-d"),
        sample(normal(0, 3), axis=0, name="empty"),
    ]

    def forward(xp, x, *, axis=None, keepdims=False):
        return xp.sum(x, axis=axis, keepdims=keepdims), (x.shape, axis, keepdims)

    def backward(xp, saved, dy):
        shape, axis, keepdims = saved
        return (xp.broadcast_to(keep_axes(xp, dy, shape, axis, keepdims), shape),)
