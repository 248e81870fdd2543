"""Ops that turn, repeat, pad and cut arrays, with NumPy's names."""

import numpy as np

from nanonet.device import on_host
from nanonet.op import Composite, Op, sample
from nanonet.ops.arguments import one_axis, shape_of, some_axes
from nanonet.ops.shape import Rearrange, one_or_many
from nanonet.sampling import normal


class Flip(Rearrange):
    """y = x reversed along `axis` (None: along all);  dx = dy reversed back."""

    latex = r"y_i = x_{n-1-i}; dx_i = dy_{n-1-i}"
    samples = [
        sample(normal(3, 4)),
        sample(normal(3, 4), axis=-1),
        sample(normal(2, 3, 2), axis=(0, 2), name="two axes"),
    ]

    def call(x, axis=None):
        return (x,), {"axis": None if axis is None else some_axes("flip", x, axis)}

    def forward(xp, x, *, axis=None):
        return xp.flip(x, axis=axis), (axis,)

    def backward(xp, saved, dy):
        return (xp.flip(dy, axis=saved[0]),)


class Roll(Rearrange):
    """y = x moved on by `shift` along `axis`, what leaves at the end enters in front;  dx = dy moved back.

    With axis=None x is rolled as if it were flat. Several shifts go with several axes.
    """

    latex = r"y_{i + s} = x_i; dx_i = dy_{i + s}"
    samples = [
        sample(normal(3, 4), 5),
        sample(normal(3, 4), -1, axis=1),
        sample(normal(3, 4), (1, 2), axis=(0, 1), name="two axes"),
        sample(normal(0, 4), 1, axis=0, name="empty"),
    ]

    def call(x, shift, axis=None):
        shifts = tuple(shift) if isinstance(shift, tuple | list) else (shift,)
        if axis is None:
            return (x,), {"shift": sum(shifts), "axis": None}
        axes = tuple(one_axis("roll", x, a) for a in (axis if isinstance(axis, tuple | list) else (axis,)))
        if len(shifts) != len(axes) and 1 not in (len(shifts), len(axes)):
            raise ValueError(f"roll: expected one shift for each axis, got shifts {shifts} and axes {axes}")
        return (x,), {"shift": shifts, "axis": axes}

    def forward(xp, x, *, shift, axis=None):
        return xp.roll(x, shift, axis=axis), (shift, axis)

    def backward(xp, saved, dy):
        shift, axis = saved
        back = tuple(-s for s in shift) if isinstance(shift, tuple) else -shift
        return (xp.roll(dy, back, axis=axis),)


class Tile(Composite):
    """y = `reps` copies of x along each axis, one after the other;  dx = Σ dy over the copies.

    `x.tile(2, 3)` or `tile(x, (2, 3))`. x gets axes in front if `reps` is longer than it has axes.
    """

    latex = r"y_{i + kn} = x_i; dx_i = \sum_k dy_{i + kn}"
    shapes = "x (n, …) -> y (reps₀ n, …)"
    array = True
    method = True
    samples = [
        sample(normal(2, 3), (2, 2)),
        sample(normal(2, 3), (2,), name="last axis"),
        sample(normal(3), (2, 1, 2), name="more axes"),
        sample(normal(), (3,), name="0-d"),
    ]

    def call(x, *reps):
        counts = one_or_many(reps)
        if not all(isinstance(n, int | np.integer) and n >= 0 for n in counts or ()):
            raise ValueError(f"tile: expected integers of at least 0, got {counts}")
        return (x,), {"reps": counts}

    def forward(xp, x, *, reps):
        ndim = max(x.ndim, len(reps))
        shape, reps = (1,) * (ndim - x.ndim) + x.shape, (1,) * (ndim - len(reps)) + tuple(reps)
        apart = [n for length in shape for n in (1, length)]
        copies = [n for r, length in zip(reps, shape, strict=True) for n in (r, length)]
        whole = tuple(r * length for r, length in zip(reps, shape, strict=True))
        return xp.reshape(xp.broadcast_to(xp.reshape(x, apart), copies), whole)


class Repeat(Composite):
    """y = each entry of x along `axis` `repeats` times;  dx = Σ dy over the copies.

    `repeats` is a number, or one for each entry; with axis=None x is flattened first. As numpy.repeat
    (torch.Tensor.repeat is `tile`).
    """

    latex = r"y_{ri + k} = x_i; dx_i = \sum_{k < r} dy_{ri + k}"
    shapes = "x (…, n, …) -> y (…, r n, …)"
    array = True
    method = True
    samples = [
        sample(normal(2, 3), 2, axis=1),
        sample(normal(2, 3), [2, 0, 1], axis=-1, name="one for each"),
        sample(normal(2, 2), 3, name="flattened"),
        sample(normal(), 2, name="0-d"),
    ]

    def call(x, repeats, axis=None):
        axis = None if axis is None else one_axis("repeat", x, axis)
        times = np.asarray(on_host(getattr(repeats, "array", repeats)))
        n = int(np.prod(shape_of(x))) if axis is None else shape_of(x)[axis]
        if (
            times.dtype.kind not in "iu"
            or times.ndim > 1
            or (times.ndim and times.size not in (1, n))
            or (times < 0).any()
        ):
            raise ValueError(f"repeat: repeats must be a number of copies, or {n} of them, got {repeats}")
        key = np.repeat(np.arange(n), times) if times.size > 1 else int(times.reshape(-1)[0]) if times.size else 0
        return (x,), {"repeats": key, "axis": axis}

    def forward(xp, x, *, repeats, axis):
        if axis is None:
            x, axis = xp.reshape(x, (-1,)), 0
        if not isinstance(repeats, int):  # the place in x of each entry of y
            return xp.take(x, repeats, axis=axis)
        before, n, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
        copies = xp.broadcast_to(xp.expand_dims(x, axis + 1), (*before, n, repeats, *after))
        return xp.reshape(copies, (*before, n * repeats, *after))


class Triangle(Op, abstract=True):
    """One side of a diagonal of the last two axes; 0 on the other."""

    array = True
    method = True
    shapes = "x (…, N, M) -> y (…, N, M)"
    samples = [
        sample(normal(3, 4)),
        sample(normal(2, 3, 3), 1),
        sample(normal(4, 3), -1, name="below"),
        sample(normal(0, 3)),
    ]


def triangle(name, x, k):
    """The inputs and attributes of tril and triu, checked."""
    if len(shape_of(x)) < 2:
        raise ValueError(f"{name}: expected x of at least 2 axes, got shape {shape_of(x)}")
    return (x,), {"k": k}


class Tril(Triangle):
    """y = x on and below the k-th diagonal, 0 above;  dx = dy there."""

    latex = r"y_{ij} = [j \le i + k]\, x_{ij}; dx_{ij} = [j \le i + k]\, dy_{ij}"

    def call(x, k=0):
        return triangle("tril", x, k)

    def forward(xp, x, *, k=0):
        return xp.tril(x, k), (k,)

    def backward(xp, saved, dy):
        return (xp.tril(dy, saved[0]),)


class Triu(Triangle):
    """y = x on and above the k-th diagonal, 0 below;  dx = dy there."""

    latex = r"y_{ij} = [j \ge i + k]\, x_{ij}; dx_{ij} = [j \ge i + k]\, dy_{ij}"

    def call(x, k=0):
        return triangle("triu", x, k)

    def forward(xp, x, *, k=0):
        return xp.triu(x, k), (k,)

    def backward(xp, saved, dy):
        return (xp.triu(dy, saved[0]),)


class Diagonal(Rearrange):
    """y = the `offset`-th diagonal of the axes (axis1, axis2), as a new last axis;  dx = dy there, 0 elsewhere."""

    latex = r"y_i = x_{i,\,i+k}; dx_{i,\,i+k} = dy_i"
    shapes = "x (…, N, M) -> y (…, min(N, M))"
    samples = [
        sample(normal(3, 4)),
        sample(normal(2, 3, 4), 1, -1, 0, name="axes"),
        sample(normal(3, 3), -1, name="below"),
        sample(normal(3, 4), 1, name="above"),
        sample(normal(2, 3), offset=5, name="outside"),
    ]

    def call(x, offset=0, axis1=0, axis2=1):
        axes = some_axes("diagonal", x, (axis1, axis2))
        return (x,), {"offset": offset, "axis1": axes[0], "axis2": axes[1]}

    def forward(xp, x, *, offset=0, axis1=0, axis2=1):
        return xp.diagonal(x, offset, axis1, axis2), (x.shape, offset, axis1, axis2)

    def backward(xp, saved, dy):
        shape, offset, axis1, axis2 = saved
        others = [n for i, n in enumerate(shape) if i not in (axis1, axis2)]
        i = xp.arange(dy.shape[-1])
        rows, columns = i + max(-offset, 0), i + max(offset, 0)
        moved = xp.put_add(dy, shape=(*others, shape[axis1], shape[axis2]), key=(..., rows, columns))
        return (xp.moveaxis(moved, (-2, -1), (axis1, axis2)),)
