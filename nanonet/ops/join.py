"""Putting arrays together and taking them apart, with NumPy's names."""

from itertools import pairwise

from nanonet.op import Op, sample
from nanonet.ops.arguments import one_axis, shape_of
from nanonet.sampling import normal


def arrays_of(name, arrays, axis, same_length):
    """`arrays` as a tuple, and `axis` from the front; shapes must agree, but for `axis` unless `same_length`."""
    arrays = tuple(arrays)
    if not arrays:
        raise ValueError(f"{name}: expected at least one array, got none")
    shapes = [shape_of(x) for x in arrays]
    ndim = len(shapes[0])
    if axis is not None or same_length:
        axis = one_axis(name, arrays[0], axis, ndim + same_length)
        if not same_length:
            shapes = [(*s[:axis], -1, *s[axis + 1 :]) if len(s) == ndim else s for s in shapes]
        if any(s != shapes[0] for s in shapes):
            rule = "all shapes equal" if same_length else f"shapes equal but for axis {axis}"
            raise ValueError(f"{name}: expected {rule}, got {', '.join(str(shape_of(x)) for x in arrays)}")
    return arrays, axis


class Concatenate(Op):
    """y = [x₀, x₁, …] along `axis`;  dxᵢ = the part of dy that came from xᵢ.

    With axis=None the arrays are flattened first.
    """

    latex = r"y = [x_0, x_1, \ldots]; dx_i = dy_{\text{part } i}"
    shapes = "x₀ (…, n₀, …), x₁ (…, n₁, …) -> y (…, n₀ + n₁, …)"
    array = True
    aliases = ("concat",)
    promote = "common"
    samples = [
        sample([normal(2, 3), normal(1, 3)]),
        sample([normal(2, 3), normal(2, 1), normal(2, 2)], axis=-1),
        sample([normal(2, 0), normal(2, 3)], axis=1, name="empty part"),
        sample([normal(2, 3)], name="one array"),
    ]

    def call(arrays, axis=0):
        arrays, axis = arrays_of("concatenate", arrays, axis, same_length=False)
        return arrays, {"axis": axis}

    def forward(xp, *arrays, axis=0):
        return xp.concatenate(arrays, axis=axis), ([x.shape for x in arrays], axis)

    def backward(xp, saved, dy):
        shapes, axis = saved
        dxs, start, before = [], 0, (slice(None),) * (axis or 0)
        for shape in shapes:
            length = _size(shape) if axis is None else shape[axis]
            part = dy[(*before, slice(start, start + length))]
            dxs.append(xp.reshape(part, shape) if axis is None else part)
            start += length
        return tuple(dxs)


def _size(shape):
    n = 1
    for length in shape:
        n *= length
    return n


class Stack(Op):
    """y = x₀, x₁, … along a new axis;  dxᵢ = the part of dy that came from xᵢ."""

    latex = r"y_{\ldots i \ldots} = x_i; dx_i = dy_{\ldots i \ldots}"
    shapes = "x₀ (…), x₁ (…) -> y (…, number of arrays, …)"
    array = True
    promote = "common"
    samples = [
        sample([normal(2, 3), normal(2, 3)]),
        sample([normal(2, 3), normal(2, 3), normal(2, 3)], axis=-1),
        sample([normal(), normal()], name="0-d"),
    ]

    def call(arrays, axis=0):
        arrays, axis = arrays_of("stack", arrays, axis, same_length=True)
        return arrays, {"axis": axis}

    def forward(xp, *arrays, axis=0):
        return xp.stack(arrays, axis=axis), (axis,)

    def backward(xp, saved, dy):
        (axis,) = saved
        before = (slice(None),) * axis
        return tuple(dy[(*before, i)] for i in range(dy.shape[axis]))


class Split(Op):
    """y₀, y₁, … = the parts of x along `axis`;  dx = [dy₀, dy₁, …].

    As numpy.split: `indices_or_sections` is a number of equal parts, or the places to cut at. (torch.split takes the
    lengths.) The parts are views. Raises ValueError where the parts cannot be equal.
    """

    latex = r"y_i = x_{\text{part } i}; dx = [dy_0, dy_1, \ldots]"
    shapes = "x (…, n, …) -> y₀ (…, n₀, …), y₁ (…, n₁, …), …"
    array = True
    method = True
    samples = [
        sample(normal(4, 3), 2),
        sample(normal(3, 5), [1, 1, 4], axis=-1, name="places"),
        sample(normal(3, 5), (3, 9), axis=1, name="beyond the end"),
    ]

    def call(x, indices_or_sections, axis=0):
        axis = one_axis("split", x, axis)
        n = shape_of(x)[axis]
        if hasattr(indices_or_sections, "__len__"):
            cuts = [min(max(int(i) + n * (i < 0), 0), n) for i in indices_or_sections]
            if sorted(cuts) != cuts:
                raise ValueError(f"split: expected places in ascending order, got {list(indices_or_sections)}")
        else:
            if indices_or_sections < 1 or n % indices_or_sections:
                raise ValueError(
                    f"split: axis {axis} of x {shape_of(x)} has no {indices_or_sections} equal parts; "
                    "give the places to cut at, or use chunk()"
                )
            cuts = [i * n // indices_or_sections for i in range(1, indices_or_sections)]
        return (x,), {"cuts": (0, *cuts, n), "axis": axis}

    def forward(xp, x, *, cuts, axis):
        return parts(x, cuts, axis), (axis,)

    def backward(xp, saved, dy):
        return (xp.concatenate(dy, axis=saved[0]),)


class Chunk(Split):
    """y₀, y₁, … = at most `chunks` parts of x along `axis`;  dx = [dy₀, dy₁, …].

    As torch.chunk: all parts have the length ⌈n / chunks⌉ but the last, which may be shorter; there may be fewer.
    """

    samples = [
        sample(normal(5, 3), 2),
        sample(normal(3, 4), 3, axis=-1, name="fewer"),
        sample(normal(0, 3), 2, name="empty"),
    ]

    def call(x, chunks, axis=0):
        axis = one_axis("chunk", x, axis)
        if chunks < 1:
            raise ValueError(f"chunk: chunks must be at least 1, got {chunks}")
        n = shape_of(x)[axis]
        if not n:
            return (x,), {"cuts": (0,) * (chunks + 1), "axis": axis}
        return (x,), {"cuts": (*range(0, n, -(-n // chunks)), n), "axis": axis}


def parts(x, cuts, axis):
    """x[cuts[0] : cuts[1]], x[cuts[1] : cuts[2]], … along `axis`."""
    before = (slice(None),) * axis
    return tuple(x[(*before, slice(a, b))] for a, b in pairwise(cuts))
