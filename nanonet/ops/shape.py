"""Ops that move elements without changing them, with NumPy's names. Results are views where NumPy's are."""

from nanonet.op import Op, sample
from nanonet.ops.arguments import shape_of, some_axes
from nanonet.sampling import normal


class Rearrange(Op, abstract=True):
    """Array functions that are Tensor methods too."""

    array = True
    method = True


class Reshape(Rearrange):
    """y = x in another shape;  dx = dy in x's shape.

    One entry of `shape` may be -1: it is inferred.
    """

    latex = r"y = \mathrm{reshape}(x); dx = \mathrm{reshape}(dy)"
    shapes = "x (…) -> y (shape)"
    samples = [
        sample(normal(3, 4), (2, 6)),
        sample(normal(3, 4), (-1,), name="inferred"),
        sample(normal(), (1, 1), name="0-d"),
    ]

    def call(x, *shape):
        return (x,), {"shape": shape[0] if len(shape) == 1 else shape}  # x.reshape(2, 3) and reshape(x, (2, 3))

    def forward(xp, x, *, shape):
        return xp.reshape(x, shape), (x.shape,)

    def backward(xp, saved, dy):
        return (xp.reshape(dy, saved[0]),)


class Transpose(Rearrange):
    """y = x with its axes in the order `axes` (default: reversed);  dx = dy with them put back."""

    latex = r"y = x^{\pi}; dx = dy^{\pi^{-1}}"
    shapes = "x (n₀, n₁, …) -> y (n_axes[0], n_axes[1], …)"
    samples = [
        sample(normal(2, 3, 4), axes=None),
        sample(normal(2, 3, 4), axes=(1, 2, 0)),
        sample(normal(2, 3, 4), axes=(-1, 0, 1)),
    ]

    def forward(xp, x, *, axes=None):
        return xp.transpose(x, axes), (axes,)

    def backward(xp, saved, dy):
        (axes,) = saved
        if axes is None:
            return (xp.transpose(dy, None),)
        order = [a % dy.ndim for a in axes]
        return (xp.transpose(dy, tuple(order.index(i) for i in range(dy.ndim))),)


class Swapaxes(Rearrange):
    """y = x with two axes exchanged;  dx = dy with them exchanged."""

    latex = r"y = x^{(ij)}; dx = dy^{(ij)}"
    samples = [sample(normal(2, 3, 4), axis1=0, axis2=-1)]

    def forward(xp, x, *, axis1, axis2):
        return xp.swapaxes(x, axis1, axis2), (axis1, axis2)

    def backward(xp, saved, dy):
        return (xp.swapaxes(dy, *saved),)


class BroadcastTo(Rearrange):
    """y = x repeated to `shape`;  dx = Σ dy over the copies (by the tape)."""

    latex = r"y = x; dx = \sum_{\mathrm{copies}} dy"
    shapes = "x (…) -> y (shape)"
    samples = [sample(normal(3, 1), shape=(2, 3, 4)), sample(normal(), shape=(2,), name="0-d")]

    def forward(xp, x, *, shape):
        return xp.broadcast_to(x, shape), ()

    def backward(xp, saved, dy):
        return (dy,)


class ExpandDims(Rearrange):
    """y = x with an axis of length 1 at each place of `axis`;  dx = dy in x's shape."""

    latex = r"y = x; dx = dy"
    shapes = "x (…) -> y (…, 1, …)"
    samples = [
        sample(normal(3, 4), axis=1),
        sample(normal(3, 4), axis=(0, -1), name="two axes"),
        sample(normal(), axis=0, name="0-d"),
    ]

    def call(x, axis):
        several = len(axis) if isinstance(axis, tuple | list) else 1
        return (x,), {"axis": some_axes("expand_dims", x, axis, len(shape_of(x)) + several)}

    def forward(xp, x, *, axis):
        return xp.expand_dims(x, axis), (x.shape,)

    def backward(xp, saved, dy):
        return (xp.reshape(dy, saved[0]),)


class Squeeze(Rearrange):
    """y = x without its axes of length 1, or without those in `axis`;  dx = dy in x's shape.

    Raises ValueError where an axis to be removed is longer than 1, as NumPy does.
    """

    latex = r"y = x; dx = dy"
    shapes = "x (…, 1, …) -> y (…)"
    samples = [
        sample(normal(1, 3, 1)),
        sample(normal(1, 3, 1), axis=-1),
        sample(normal(1, 3, 1), axis=(0, 2), name="two axes"),
        sample(normal(), name="0-d"),
    ]

    def call(x, axis=None):
        if axis is None:
            return (x,), {"axis": None}
        axes, shape = some_axes("squeeze", x, axis), shape_of(x)
        for a in axes:
            if shape[a] != 1:
                raise ValueError(
                    f"squeeze: axis {a} of x {shape} has length {shape[a]}, only length 1 can go; use reshape"
                )
        return (x,), {"axis": axes}

    def forward(xp, x, *, axis=None):
        return xp.squeeze(x, axis), (x.shape,)

    def backward(xp, saved, dy):
        return (xp.reshape(dy, saved[0]),)


class Astype(Op):
    """y = x in another dtype;  dx = dy in x's dtype (by the tape)."""

    latex = r"y = x; dx = dy"
    array = True
    samples = [sample(normal(3, 4), dtype="float64")]

    def forward(xp, x, *, dtype):
        return x.astype(dtype), ()

    def backward(xp, saved, dy):
        return (dy,)
