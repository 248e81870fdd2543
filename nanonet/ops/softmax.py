"""Softmax and its relatives, with the names and arguments of torch.nn.functional.

`dim` defaults to -1, the last axis; PyTorch's default None is deprecated there, since it guesses.
"""

import operator

from nanonet.op import Op, sample
from nanonet.sampling import normal, values


class Normalizer(Op, abstract=True):
    """The elements along `dim` become positive numbers that add up to 1, or the logarithms of such numbers.

    A 0-d input counts as one element. `dtype`: the input is cast to it first.
    """

    promote = "float"
    shapes = "x (…, D, …) -> y (…, D, …)"
    samples = [
        sample(normal(3, 4), -1),
        sample(normal(2, 3, 4), 1, name="middle"),
        sample(normal(2, 3), dim=-2, name="negative dim"),
        sample(normal(), 0, name="0-d"),
        sample(normal(3, 0), dim=1, name="empty rows"),
        sample(normal(0, 3), dim=1, name="no rows"),
        sample(values([[1e4, -1e4, 0.0], [1e4, 1e4, 9999.0]]), dim=1, name="huge", kink="too steep for differences"),
        sample(values([[-float("inf"), 1.0, 2.0]]), dim=1, name="masked", kink="-inf"),
    ]


class Softmax(Normalizer):
    """y = e^x / Σ e^x;  dx = y ⊙ (dy - Σ dy ⊙ y).

    The sums run along `dim`. The largest element is subtracted first, so nothing overflows. An element -inf gets 0.
    """

    latex = r"y = \frac{e^x}{\sum e^x}; dx = y \odot (dy - \sum dy \odot y)"
    method = True

    def call(input, dim=-1, dtype=None):
        return (input,), {"dim": one_dim("softmax", input, dim), "dtype": dtype}

    def forward(xp, x, *, dim=-1, dtype=None):
        y = shares(xp, x if dtype is None else x.astype(dtype), dim)
        return y, (y, dim)

    def backward(xp, saved, dy):
        y, dim = saved
        dx = dy - xp.sum(dy * y, axis=dim, keepdims=True)
        dx *= y
        return (dx,)


class Softmin(Normalizer):
    """y = e^-x / Σ e^-x;  dx = -y ⊙ (dy - Σ dy ⊙ y).

    softmax of -x; the sums run along `dim`.
    """

    latex = r"y = \frac{e^{-x}}{\sum e^{-x}}; dx = -y \odot (dy - \sum dy \odot y)"
    samples = Normalizer.samples[:-1]

    def call(input, dim=-1, dtype=None):
        return (input,), {"dim": one_dim("softmin", input, dim), "dtype": dtype}

    def forward(xp, x, *, dim=-1, dtype=None):
        y = shares(xp, -x if dtype is None else -x.astype(dtype), dim)
        return y, (y, dim)

    def backward(xp, saved, dy):
        y, dim = saved
        dx = xp.sum(dy * y, axis=dim, keepdims=True) - dy
        dx *= y
        return (dx,)


class LogSoftmax(Normalizer):
    """y = x - log Σ e^x;  dx = dy - e^y ⊙ Σ dy.

    The sums run along `dim`. The largest element is subtracted first, so nothing overflows, and small shares keep
    their logarithm where the logarithm of softmax would be -inf.
    """

    latex = r"y = x - \log \sum e^x; dx = dy - e^y \odot \sum dy"
    method = True

    def call(input, dim=-1, dtype=None):
        return (input,), {"dim": one_dim("log_softmax", input, dim), "dtype": dtype}

    def forward(xp, x, *, dim=-1, dtype=None):
        x = x if dtype is None else x.astype(dtype)
        y = below_largest(xp, x, dim)
        if y.size:  # the logarithm of an empty sum would warn
            y -= xp.log(xp.sum(xp.exp(y), axis=dim, keepdims=True))
        return y, (y, dim)

    def backward(xp, saved, dy):
        y, dim = saved
        dx = xp.exp(y)
        dx *= xp.sum(dy, axis=dim, keepdims=True)
        return (dy - dx,)


def shares(xp, x, dim):
    """e^x / Σ e^x."""
    y = xp.exp(below_largest(xp, x, dim))
    y /= xp.sum(y, axis=dim, keepdims=True)
    return y


def below_largest(xp, x, dim):
    """x minus its largest element along `dim`; a new array also where there are no elements."""
    if x.size == 0:
        return x * 1.0
    return x - xp.max(x, axis=dim, keepdims=True)


def one_dim(op, input, dim):
    """`dim` counted from the front; None for the single element of a 0-d input."""
    shape = getattr(input, "shape", ())
    try:
        i = operator.index(dim)
    except TypeError:
        raise TypeError(f"{op}: dim must be an integer, got {dim!r}") from None
    ndim = max(len(shape), 1)
    if not -ndim <= i < ndim:
        raise ValueError(f"{op}: dim {i} does not exist in input of shape {tuple(shape)}; use {-ndim} to {ndim - 1}")
    return i % ndim if shape else None
