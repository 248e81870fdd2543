"""Reductions, with NumPy's names and arguments (`axis`, `keepdims`)."""

from nanonet.device import known
from nanonet.op import Op, sample
from nanonet.ops.arguments import count, reduced_axes, shape_of
from nanonet.sampling import boolean, distinct, normal, values


class Reduction(Op, abstract=True):
    """Array functions that are Tensor methods too. `axis` is None (all), an integer, or a tuple of them."""

    array = True
    method = True
    shapes = "x (…) -> y (x's shape without `axis`, or with 1 there when keepdims)"


def keep_axes(xp, y, shape, axis, keepdims):
    """Give a reduced `y` its axes back, with length 1, so that it broadcasts against x of `shape`."""
    if keepdims or axis is None:  # a 0-d y broadcasts as it is
        return y
    if isinstance(axis, tuple):
        return xp.expand_dims(y, axis)
    return xp.reshape(y, (*shape[:axis], 1, *shape[axis + 1 :]))


def reduction(name, x, axis, keepdims):
    """The inputs and attributes of a reduction, checked."""
    return (x,), {"axis": axis if axis is None else reduced_axes(name, x, axis), "keepdims": keepdims}


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

    def call(x, axis=None, keepdims=False):
        return reduction("sum", x, axis, keepdims)

    def forward(xp, x, *, axis=None, keepdims=False):
        return xp.sum(x, axis=axis, keepdims=keepdims), (x.shape, axis, keepdims)

    def backward(xp, saved, dy):
        shape, axis, keepdims = saved
        return (xp.broadcast_to(keep_axes(xp, dy, shape, axis, keepdims), shape),)


class Mean(Reduction):
    """y = 1/n Σ x over `axis`;  dx = dy / n at every element summed.

    n is the number of elements that become one. The mean of no elements is NaN, without a warning, as in PyTorch.
    Integers become float32.
    """

    latex = r"y = \frac{1}{n} \sum_{axis} x; dx = \frac{1}{n} dy"
    promote = "float"
    samples = Sum.samples

    def call(x, axis=None, keepdims=False):
        return reduction("mean", x, axis, keepdims)

    def forward(xp, x, *, axis=None, keepdims=False):
        n = count(x.shape, axis)
        y = xp.sum(x, axis=axis, keepdims=keepdims)
        return y / n if n else y * xp.nan, (x.shape, axis, keepdims)

    def backward(xp, saved, dy):
        shape, axis, keepdims = saved
        dy = dy * (1 / max(count(shape, axis), 1))
        return (xp.broadcast_to(keep_axes(xp, dy, shape, axis, keepdims), shape),)


def extreme(name, x, axis, keepdims):
    """The inputs and attributes of a maximum or minimum, which needs something to choose from."""
    inputs, attrs = reduction(name, x, axis, keepdims)
    if not count(shape_of(x), attrs["axis"]):
        raise ValueError(
            f"{name}: x of shape {shape_of(x)} has no elements to choose from over axis {axis}; give it at least one"
        )
    return inputs, attrs


def share_evenly(xp, saved, dy):
    """The gradient of a maximum or minimum: ties share it; NaN, where there is one, is the extreme."""
    x, y, axis, keepdims = saved
    y = keep_axes(xp, y, x.shape, axis, keepdims)
    dy = keep_axes(xp, dy, x.shape, axis, keepdims)
    chosen = xp.logical_or(xp.equal(x, y), xp.isnan(x)).astype(dy.dtype)
    return (chosen * (dy / xp.sum(chosen, axis=axis, keepdims=True)),)


EXTREMES = [
    sample(distinct(3, 4)),
    sample(distinct(2, 3, 4), axis=-2),
    sample(distinct(2, 3, 4), axis=(0, 2), keepdims=True),
    sample(distinct(), name="0-d"),
    sample(distinct(0, 3), axis=1, name="empty"),
    sample(values([[1.0, 2.0, 2.0], [3.0, 3.0, 3.0], [0.0, -1.0, 0.0]]), axis=1, name="ties", kink="tie"),
]


class Max(Reduction):
    """y = max x over `axis`;  dx = dy / k at each of the k elements equal to y.

    Equal elements share the gradient evenly, as in torch.amax. NaN counts as the greatest. Raises ValueError where
    there are no elements to choose from.
    """

    latex = r"y = \max_{axis} x; dx = \frac{[x = y]}{\sum_{axis} [x = y]} \odot dy"
    aliases = ("amax",)
    samples = EXTREMES

    def call(x, axis=None, keepdims=False):
        return extreme("max", x, axis, keepdims)

    def forward(xp, x, *, axis=None, keepdims=False):
        y = xp.max(x, axis=axis, keepdims=keepdims)
        return y, (x, y, axis, keepdims)

    def backward(xp, saved, dy):
        return share_evenly(xp, saved, dy)


class Min(Reduction):
    """y = min x over `axis`;  dx = dy / k at each of the k elements equal to y.

    Equal elements share the gradient evenly, as in torch.amin. NaN counts as the least. Raises ValueError where
    there are no elements to choose from.
    """

    latex = r"y = \min_{axis} x; dx = \frac{[x = y]}{\sum_{axis} [x = y]} \odot dy"
    aliases = ("amin",)
    samples = EXTREMES

    def call(x, axis=None, keepdims=False):
        return extreme("min", x, axis, keepdims)

    def forward(xp, x, *, axis=None, keepdims=False):
        y = xp.min(x, axis=axis, keepdims=keepdims)
        return y, (x, y, axis, keepdims)

    def backward(xp, saved, dy):
        return share_evenly(xp, saved, dy)


class All(Reduction):
    """y = 1 where every x over `axis` is nonzero, else 0. Of no elements: 1."""

    shapes = "x (…) -> y (as sum), bool"
    samples = [
        sample(boolean(3, 4)),
        sample(boolean(2, 3, 4), axis=(0, -1), keepdims=True),
        sample(boolean(0, 3), axis=0, name="empty"),
    ]

    def call(x, axis=None, keepdims=False):
        return reduction("all", x, axis, keepdims)

    def forward(xp, x, *, axis=None, keepdims=False):
        return xp.all(x, axis=axis, keepdims=keepdims), ()


class Any(Reduction):
    """y = 1 where some x over `axis` is nonzero, else 0. Of no elements: 0."""

    shapes = "x (…) -> y (as sum), bool"
    samples = All.samples

    def call(x, axis=None, keepdims=False):
        return reduction("any", x, axis, keepdims)

    def forward(xp, x, *, axis=None, keepdims=False):
        return xp.any(x, axis=axis, keepdims=keepdims), ()


class Logsumexp(Reduction):
    """y = log Σ exp(x) over `axis`;  dx = dy ⊙ exp(x - y).

    Computed as m + log Σ exp(x - m) with m = max x, so that nothing overflows. Of no elements it is -inf.
    Where y is infinite, the gradient of the elements equal to y is NaN, as in PyTorch.
    """

    latex = r"y = \log \sum_{axis} e^x; dx = dy \odot e^{x - y}"
    promote = "float"
    samples = [
        *Sum.samples,
        sample(
            values([[1e4, -1e4, 9999.0], [-1e4, -1e4, -1e4]]), axis=1, name="huge", kink="too steep for differences"
        ),
        sample(values([[float("inf"), 1e4], [-float("inf"), 1.0]]), axis=1, name="infinite", kink="infinite"),
        sample(values([[-float("inf"), -float("inf")], [0.0, 1.0]]), axis=1, name="nothing left", kink="infinite"),
    ]

    def call(x, axis=None, keepdims=False):
        return reduction("logsumexp", x, axis, keepdims)

    def forward(xp, x, *, axis=None, keepdims=False):
        if not count(x.shape, axis):
            y = xp.sum(x, axis=axis, keepdims=keepdims) - xp.inf
            return y, (x, y, axis, keepdims)
        m = xp.max(x, axis=axis, keepdims=True)
        finite = xp.isfinite(m)
        if known(xp.all(finite)):
            y = xp.log(xp.sum(xp.exp(x - m), axis=axis, keepdims=True)) + m
        else:  # inf - inf is undefined and log(0) warns: shift by 0, and let the 1 that is added vanish in m = -inf
            shifted = xp.minimum(x - xp.where(finite, m, 0.0), 0.0)
            y = xp.log(xp.sum(xp.exp(shifted), axis=axis, keepdims=True) + xp.equal(m, -xp.inf)) + m
        if not keepdims:
            y = xp.reshape(y, ()) if axis is None else xp.squeeze(y, axis)
        return y, (x, y, axis, keepdims)

    def backward(xp, saved, dy):
        x, y, axis, keepdims = saved
        y = keep_axes(xp, y, x.shape, axis, keepdims)
        dy = keep_axes(xp, dy, x.shape, axis, keepdims)
        finite = xp.isfinite(y)
        if known(xp.all(finite)):
            return (dy * xp.exp(x - y),)
        share = xp.exp(xp.where(finite, x, -xp.inf) - xp.where(finite, y, 0.0))
        undefined = xp.logical_or(xp.isnan(y), xp.logical_and(xp.equal(x, y), xp.logical_not(finite)))
        return (dy * xp.where(undefined, xp.nan, share),)
