"""Ops that pick elements by index, and their transposes, which add elements back to where they came from."""

import numpy as np

from nanonet.conversion import plain_key
from nanonet.op import Op, sample
from nanonet.ops.arguments import count, one_axis, shape_of
from nanonet.sampling import boolean, integers, normal, values


class Getitem(Op):
    """y = x[key];  dx = zeros with dy added at `key`.

    `key` is what NumPy takes: integers, slices, `None`, `...`, integer arrays and masks. An element picked several
    times receives the sum of its gradients.
    """

    latex = r"y = x_{key}; dx_{key} \mathrel{+}= dy"
    shapes = "x (…) -> y (as NumPy)"
    array = True
    operators = ("__getitem__",)
    samples = [
        sample(normal(3, 4), key=1),
        sample(normal(3, 4), key=(slice(None, None, 2), slice(1, 3)), name="slices"),
        sample(normal(3, 4), key=(None, Ellipsis, -1), name="None and ..."),
        sample(normal(3, 4), key=([0, 2, 0],), name="repeated rows"),
        sample(normal(3, 4), key=([0, 2, 2], [1, 1, 1]), name="repeated elements"),
    ]

    def call(x, key):
        return (x,), {"key": plain_key(key)}

    def forward(xp, x, *, key):
        return x[key], (x.shape, key)

    def backward(xp, saved, dy):
        shape, key = saved
        return (xp.put_add(dy, shape=shape, key=key),)


class PutAdd(Op):
    """y = zeros of `shape`, then y[key] += x;  dx = dy[key]. The transpose of getitem."""

    latex = r"y_{key} \mathrel{+}= x; dx = dy_{key}"
    shapes = "x (as NumPy's y[key]) -> y (shape)"
    array = True
    samples = [
        sample(normal(3), shape=(3, 4), key=([0, 2, 2], [1, 1, 1])),
        sample(normal(2, 3), shape=(4, 3), key=slice(1, 3)),
    ]

    def call(x, shape, key):
        return (x,), {"shape": shape, "key": plain_key(key)}

    def forward(xp, x, *, shape, key):
        return xp.put_add(x, shape=shape, key=key), (key,)

    def backward(xp, saved, dy):
        return (dy[saved[0]],)


def plain_key(key):
    """An index expression with arrays for Tensors."""
    if isinstance(key, tuple):
        return tuple(plain_key(k) for k in key)
    return getattr(key, "array", key)


class Where(Op):
    """y = a where `condition`, else b;  da = dy where `condition`, else 0;  db = 0 where `condition`, else dy.

    Elements that were not chosen get the gradient 0 whatever they are, NaN and inf included.
    """

    latex = r"y = [c] \odot a + [\lnot c] \odot b; da = [c] \odot dy; db = [\lnot c] \odot dy"
    shapes = "condition (…), a (…), b (…) -> y (broadcast of all)"
    array = True
    samples = [
        sample(boolean(3, 4), normal(3, 4), normal(3, 4)),
        sample(boolean(3, 1), normal(4), normal(3, 4), name="broadcast"),
        sample(boolean(3), normal(3), 0.0, name="number"),
        sample(boolean(0, 2), normal(2), normal(0, 2), name="empty"),
    ]

    def call(condition, x, y):
        return (condition, *_same_kind(x, y)), {}

    def forward(xp, condition, a, b):
        return xp.where(condition, a, b), (condition,)

    def backward(xp, saved, dy, needs):
        (condition,) = saved
        da = xp.where(condition, dy, 0) if needs[1] else None
        return None, da, xp.where(condition, 0, dy) if needs[2] else None


def _same_kind(x, y):
    """Two Python numbers: in float32 if one is a float. Integers that meet floats: in the floats' dtype."""
    if not hasattr(x, "dtype") and not hasattr(y, "dtype"):
        either = np.result_type(np.asarray(x), np.asarray(y))
        dtype = np.float32 if either == np.float64 else either
        return np.asarray(x, dtype), np.asarray(y, dtype)
    if hasattr(x, "dtype") and hasattr(y, "dtype") and (x.dtype.kind == "f") != (y.dtype.kind == "f"):
        return (x, y.astype(x.dtype)) if x.dtype.kind == "f" else (x.astype(y.dtype), y)
    return x, y


class TakeAlongAxis(Op):
    """y = x at `indices` along `axis`, and at the same place along the others;  dx = zeros with dy added there.

    `indices` is an integer array with as many axes as x; the axes other than `axis` broadcast. With axis=None x is
    flattened, and `indices` has one axis. As torch.gather, but for the order of the arguments.
    """

    latex = r"y_{ij} = x_{i\,k(i, j)}; dx_{i\,k(i, j)} \mathrel{+}= dy_{ij}"
    shapes = "x (…, n, …), indices (…, m, …) -> y (…, m, …)"
    array = True
    method = True
    samples = [
        sample(normal(3, 4), integers(4, 3, 2), axis=1),
        sample(normal(3, 4), values([[0, 2, 0, 1], [0, -1, 2, 1]], floating=False), axis=0, name="repeated"),
        sample(normal(3, 4), values([[1, 1, 0]], floating=False), axis=-1, name="broadcast"),
        sample(normal(3, 4), integers(12, 5), axis=None, name="flattened"),
        sample(normal(3, 0), integers(1, 3, 0), axis=1, name="empty"),
    ]

    def call(x, indices, axis=-1):
        shape, index_shape = shape_of(x), shape_of(indices)
        if len(index_shape) != (1 if axis is None else len(shape)):
            raise ValueError(
                f"take_along_axis: indices must have as many axes as x, got x {shape} and indices {index_shape}; use take()"
            )
        return (x, index_array("take_along_axis", indices)), {
            "axis": None if axis is None else one_axis("take_along_axis", x, axis)
        }

    def forward(xp, x, indices, *, axis=-1):
        try:
            y = xp.take_along_axis(x, indices, axis)
        except IndexError as error:
            raise IndexError(f"take_along_axis: x {x.shape}, indices {indices.shape}, axis {axis}: {error}") from None
        return y, (x.shape, indices, axis)

    def backward(xp, saved, dy):
        shape, indices, axis = saved
        if axis is None:
            flat = xp.put_add(dy, shape=(count(shape, None),), key=indices)
            return xp.reshape(flat, shape), None
        return xp.put_add(dy, shape=shape, key=along(xp, shape, indices, axis)), None


def along(xp, shape, indices, axis):
    """The key that picks x[i, indices[i, j], …]: `indices` along `axis`, and 0, 1, … along each of the others."""
    ndim = len(shape)
    others = [xp.reshape(xp.arange(n), (1,) * i + (n,) + (1,) * (ndim - i - 1)) for i, n in enumerate(shape)]
    others[axis] = indices
    return tuple(others)


def index_array(name, indices):
    """Integer indices, from a Tensor, an array or a list. Raises TypeError for anything else."""
    if not hasattr(indices, "dtype"):
        indices = np.asarray(indices, *([np.int64] if np.size(indices) == 0 else []))
    if indices.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integer indices, got {indices.dtype}; use indices.astype('int64')")
    return indices
