"""Putting arrays together and taking them apart, with NumPy's names."""

from nanonet.op import Op, sample
from nanonet.ops.arguments import one_axis, shape_of
from nanonet.sampling import normal


def arrays_of(name, arrays, axis, same_length):
    """`arrays` as a tuple, and `axis` counted from the front; shapes must agree, except along `axis` unless `same_length`."""
    arrays = tuple(arrays)
    if not arrays:
        raise ValueError(f"{name}: expected at least one array, got none")
    shapes = [shape_of(x) for x in arrays]
    ndim = len(shapes[0])
    if axis is not None:
        axis = one_axis(name, arrays[0], axis, ndim + same_length)
        if not same_length:
            shapes = [s[:axis] + s[axis + 1 :] if len(s) == ndim else s for s in shapes]
        if any(s != shapes[0] for s in shapes):
            rule = "all shapes equal" if same_length else f"all shapes equal except along axis {axis}"
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
