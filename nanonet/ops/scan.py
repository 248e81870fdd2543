"""Products, and running sums and products, with NumPy's names.

No gradient here divides by x, so that zeros are exact, in second derivatives too.
"""

from nanonet.device import known
from nanonet.op import Op, sample
from nanonet.ops.arguments import one_axis, shape_of
from nanonet.ops.reduce import Reduction, Sum, keep_axes, reduction
from nanonet.sampling import normal, values


class Prod(Reduction):
    """y = Π x over `axis`;  dx = dy times the product of all the other elements.

    Exact where elements are 0, and in the second derivative there. Of no elements it is 1.
    """

    latex = r"y = \prod_{axis} x; dx_i = dy \prod_{j \neq i} x_j"
    samples = [
        *Sum.samples,
        sample(values([[1.0, 2.0, -3.0], [0.0, 2.0, 3.0], [0.0, 0.0, 3.0]]), axis=1, name="zeros"),
        sample(values([[1.0, 0.0, -3.0], [0.5, 2.0, 3.0]]), name="one zero"),
        sample(values([[1.0, 2.0, 0.0, 3.0, -1.0], [2.0, -1.0, 1.5, 0.5, 3.0]]), axis=1, name="a zero among five"),
        sample(
            values([[[1.0, 0.0, 2.0], [3.0, 1.0, 0.5]], [[2.0, 3.0, -1.0], [0.5, 2.0, 1.0]]]),
            axis=0,
            name="zero, first axis",
        ),
        sample(
            values([[[1.0, 0.0], [3.0, 1.0], [1.0, 2.0]], [[2.0, 3.0], [0.5, 2.0], [1.0, -1.0]]]),
            axis=(0, 2),
            name="zero, two axes",
        ),
        sample(values([1.0, 2.0, 0.5, -1.0, 0.0, 3.0, -2.0, 1.5, 0.8, -1.2, 0.7, 1.1]), name="a zero among twelve"),
        sample(values(0.0), name="0-d zero"),
    ]

    def call(x, axis=None, keepdims=False):
        return reduction("prod", x, axis, keepdims)

    def forward(xp, x, *, axis=None, keepdims=False):
        y = xp.prod(x, axis=axis, keepdims=keepdims)
        return y, (x, y, axis, keepdims)

    def backward(xp, saved, dy):
        x, y, axis, keepdims = saved
        dy = keep_axes(xp, dy, x.shape, axis, keepdims)
        if not x.ndim:
            return (dy,)
        if known(xp.all(xp.not_equal(x, 0))):
            return (dy * (keep_axes(xp, y, x.shape, axis, keepdims) / x),)
        axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        last = tuple(range(x.ndim - len(axes), x.ndim))
        moved = xp.moveaxis(x, axes, last)
        others = products_of_others(xp, xp.reshape(moved, (*moved.shape[: last[0]], -1)))
        return (dy * xp.moveaxis(xp.reshape(others, moved.shape), last, axes),)


def products_of_others(xp, x):
    """For each element the product of all others along the last axis, without a division.

    The n elements stand in a circle. The others of element i are the n - 1 that follow it; their product is put
    together from products of 1, 2, 4, … neighbours, as the binary digits of n - 1 say.
    """
    remaining = max(x.shape[-1] - 1, 0)
    y, covered = xp.ones_like(x), 0
    block, length = xp.roll(x, -1, axis=-1), 1  # products of `length` elements, from the next one on
    while remaining:
        if remaining & 1:
            y = y * xp.roll(block, -covered, axis=-1)
            covered += length
        remaining >>= 1
        if remaining:
            block = block * xp.roll(block, -length, axis=-1)
            length *= 2
    return y


class Scan(Op, abstract=True):
    """Running results along `axis`; with axis=None along the flattened x."""

    array = True
    method = True
    shapes = "x (…, n, …) -> y (…, n, …)"


def scan(name, x, axis):
    """The inputs and attributes of a scan, checked. A 0-d x is its own running result, along axis 0 or -1."""
    if axis is None:
        return (x,), {"axis": None}
    axis = one_axis(name, x, axis, max(len(shape_of(x)), 1))
    return (x,), {"axis": axis if shape_of(x) else ()}


class Cumsum(Scan):
    """yᵢ = x₀ + … + xᵢ along `axis`;  dxᵢ = dyᵢ + dyᵢ₊₁ + … to the end."""

    latex = r"y_i = \sum_{j \le i} x_j; dx_i = \sum_{j \ge i} dy_j"
    samples = [
        sample(normal(3, 4), axis=1),
        sample(normal(2, 3, 2), axis=-3),
        sample(normal(2, 3), axis=None, name="flattened"),
        sample(normal(0, 3), axis=0, name="empty"),
        sample(normal(), axis=-1, name="0-d"),
    ]

    def call(x, axis=None):
        return scan("cumsum", x, axis)

    def forward(xp, x, *, axis=None):
        return x + 0 if axis == () else xp.cumsum(x, axis=axis), (x.shape, axis)

    def backward(xp, saved, dy):
        shape, axis = saved
        if axis == ():
            return (dy,)
        along = 0 if axis is None else axis
        dx = xp.flip(xp.cumsum(xp.flip(dy, axis=along), axis=along), axis=along)
        return (xp.reshape(dx, shape),)


class Cumprod(Scan):
    """yᵢ = x₀ ⋯ xᵢ along `axis`;  dxᵢ = x₀ ⋯ xᵢ₋₁ sᵢ with sᵢ = dyᵢ + xᵢ₊₁ sᵢ₊₁.

    Exact where elements are 0, and in the second derivative there.
    """

    latex = r"y_i = \prod_{j \le i} x_j; dx_i = s_i \prod_{j < i} x_j \text{ with } s_i := dy_i + x_{i+1} s_{i+1}"
    samples = [
        *Cumsum.samples,
        sample(values([[1.0, 2.0, -3.0, 2.0], [0.0, 2.0, 3.0, 1.0], [2.0, 0.0, 0.0, 3.0]]), axis=1, name="zeros"),
        sample(normal(2, 5), axis=1, name="five in a row"),
    ]

    def call(x, axis=None):
        return scan("cumprod", x, axis)

    def forward(xp, x, *, axis=None):
        return x + 0 if axis == () else xp.cumprod(x, axis=axis), (x, axis)

    def backward(xp, saved, dy):
        x, axis = saved
        if axis == ():
            return (dy,)
        moved = xp.reshape(x, (-1,)) if axis is None else xp.moveaxis(x, axis, -1)
        if axis is not None:
            dy = xp.moveaxis(dy, axis, -1)
        first = moved[..., :1]
        before = xp.concatenate([xp.ones_like(first), xp.cumprod(moved[..., :-1], axis=-1)], axis=-1)
        dx = before[..., : moved.shape[-1]] * backward_recurrence(xp, moved, dy)
        return (xp.reshape(dx, x.shape) if axis is None else xp.moveaxis(dx, -1, axis),)


def backward_recurrence(xp, x, dy):
    """sᵢ = dyᵢ + xᵢ₊₁ sᵢ₊₁ along the last axis, in log₂ n steps: each doubles how far sᵢ looks ahead."""

    def ahead(a, step):
        return xp.concatenate([a[..., step:], xp.zeros_like(a[..., :step])], axis=-1)

    s, factor, step = dy, ahead(x, 1), 1  # factor = product of the `step` elements that follow
    while step < x.shape[-1]:
        s = s + factor * ahead(s, step)
        factor = factor * ahead(factor, step)
        step *= 2
    return s
