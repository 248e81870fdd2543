"""Ops that move elements without changing them, with NumPy's names. Results are views where NumPy's are."""

from nanonet.op import Op, sample
from nanonet.ops.arguments import count, one_axis, shape_of, some_axes
from nanonet.sampling import normal


class Rearrange(Op, abstract=True):
    """Array functions that are Tensor methods too."""

    array = True
    method = True


class Reshape(Rearrange):
    """y = x in another shape;  dx = dy in x's shape.

    `x.reshape(2, 3)` or `reshape(x, (2, 3))`. One length may be -1: it is inferred.
    """

    latex = r"y = \mathrm{reshape}(x); dx = \mathrm{reshape}(dy)"
    shapes = "x (…) -> y (shape)"
    aliases = ("view",)
    samples = [
        sample(normal(3, 4), (2, 6)),
        sample(normal(3, 4), (-1,), name="inferred"),
        sample(normal(), (1, 1), name="0-d"),
        sample(normal(0, 3), (3, 0, 2), name="empty"),
    ]

    def call(x, *lengths, shape=None):
        return (x,), {"shape": one_or_many(lengths) if shape is None else shape}

    def forward(xp, x, *, shape):
        try:
            return xp.reshape(x, shape), (x.shape,)
        except ValueError:
            raise ValueError(f"reshape: x {x.shape} has {x.size} elements, which do not fill shape {shape}") from None

    def backward(xp, saved, dy):
        return (xp.reshape(dy, saved[0]),)


class Ravel(Reshape):
    """y = x in one axis;  dx = dy in x's shape."""

    samples = [sample(normal(3, 4)), sample(normal(), name="0-d"), sample(normal(0, 3), name="empty")]
    aliases = ()

    def call(x):
        return (x,), {"shape": (-1,)}


class Flatten(Reshape):
    """y = x with the axes from start_dim to end_dim in one;  dx = dy in x's shape. As torch.flatten."""

    aliases = ()
    samples = [
        sample(normal(2, 3, 4)),
        sample(normal(2, 3, 4), 1),
        sample(normal(2, 3, 4, 2), start_dim=-3, end_dim=2, name="between"),
        sample(normal(), name="0-d"),
        sample(normal(2, 0, 3), 1, name="empty"),
    ]

    def call(x, start_dim=0, end_dim=-1):
        shape = shape_of(x) or (1,)  # a 0-d x becomes one element
        first, last = (one_axis("flatten", x, dim, len(shape)) for dim in (start_dim, end_dim))
        if first > last:
            raise ValueError(
                f"flatten: start_dim {start_dim} lies behind end_dim {end_dim} in x {shape}; exchange them"
            )
        return (x,), {"shape": (*shape[:first], count(shape[first : last + 1], None), *shape[last + 1 :])}


class Transpose(Rearrange):
    """y = x with its axes in the order `axes` (default: reversed);  dx = dy with them put back.

    `x.transpose(1, 0, 2)` or `transpose(x, (1, 0, 2))`, as in NumPy, which is `permute` in PyTorch.
    """

    latex = r"y = x^{\pi}; dx = dy^{\pi^{-1}}"
    shapes = "x (n₀, n₁, …) -> y (n_axes[0], n_axes[1], …)"
    aliases = ("permute",)
    samples = [
        sample(normal(2, 3, 4)),
        sample(normal(2, 3, 4), axes=(1, 2, 0)),
        sample(normal(2, 3, 4), axes=(-1, 0, 1)),
        sample(normal(), name="0-d"),
    ]

    def call(x, *order, axes=None):
        axes = one_or_many(order) if order else axes
        if axes is None:
            return (x,), {"axes": None}
        axes, ndim = some_axes("transpose", x, tuple(axes)), len(shape_of(x))
        if len(axes) != ndim:
            raise ValueError(
                f"transpose: expected all {ndim} axes of x {shape_of(x)} in some order, got {axes}; "
                "swapaxes() exchanges two"
            )
        return (x,), {"axes": axes}

    def forward(xp, x, *, axes=None):
        return xp.transpose(x, axes), (axes,)

    def backward(xp, saved, dy):
        (axes,) = saved
        if axes is None:
            return (xp.transpose(dy, None),)
        return (xp.transpose(dy, tuple(axes.index(i) for i in range(dy.ndim))),)


def one_or_many(arguments):
    """(2, 3) for both f(2, 3) and f((2, 3)); a lone None stays None."""
    if len(arguments) != 1:
        return arguments
    first = arguments[0]
    return tuple(first) if isinstance(first, tuple | list) else first if first is None else (first,)


class Swapaxes(Rearrange):
    """y = x with two axes exchanged;  dx = dy with them exchanged."""

    latex = r"y = x^{(ij)}; dx = dy^{(ij)}"
    samples = [sample(normal(2, 3, 4), axis1=0, axis2=-1)]

    def call(x, axis1, axis2):
        return (x,), {"axis1": one_axis("swapaxes", x, axis1), "axis2": one_axis("swapaxes", x, axis2)}

    def forward(xp, x, *, axis1, axis2):
        return xp.swapaxes(x, axis1, axis2), (axis1, axis2)

    def backward(xp, saved, dy):
        return (xp.swapaxes(dy, *saved),)


class Moveaxis(Rearrange):
    """y = x with the axes `source` moved to the places `destination`;  dx = dy with them moved back."""

    latex = r"y = x^{\pi}; dx = dy^{\pi^{-1}}"
    samples = [sample(normal(2, 3, 4), 0, -1), sample(normal(2, 3, 4), (0, -1), (1, 0), name="two axes")]

    def call(x, source, destination):
        source, destination = some_axes("moveaxis", x, source), some_axes("moveaxis", x, destination)
        if len(source) != len(destination):
            raise ValueError(f"moveaxis: expected as many places as axes, got axes {source} and places {destination}")
        return (x,), {"source": source, "destination": destination}

    def forward(xp, x, *, source, destination):
        return xp.moveaxis(x, source, destination), (source, destination)

    def backward(xp, saved, dy):
        source, destination = saved
        return (xp.moveaxis(dy, destination, source),)


class BroadcastTo(Rearrange):
    """y = x repeated to `shape`;  dx = Σ dy over the copies (by the tape)."""

    latex = r"y = x; dx = \sum_{\mathrm{copies}} dy"
    shapes = "x (…) -> y (shape)"
    samples = [sample(normal(3, 1), shape=(2, 3, 4)), sample(normal(), shape=(2,), name="0-d")]

    def call(x, shape):
        return (x,), {"shape": tuple(shape) if isinstance(shape, tuple | list) else (shape,)}

    def forward(xp, x, *, shape):
        try:
            return xp.broadcast_to(x, shape), ()
        except ValueError:
            raise ValueError(
                f"broadcast_to: x {x.shape} cannot be repeated to shape {shape}; its axes must have the lengths of the "
                "last axes of the shape, or 1"
            ) from None

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
