"""Ops that pick elements by index, and their transposes, which add elements back to where they came from."""

import numpy as np

from nanonet.device import device_of, place
from nanonet.op import Op, sample
from nanonet.sampling import boolean, normal


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
        sample(normal(3, 2, 4), key=([0, -1], slice(None), [1, 1]), name="arrays apart"),
        sample(normal(3, 4), key=[[True, False, True, True], [False] * 4, [True] * 4], name="mask"),
        sample(normal(3, 4), key=(slice(None), [True, False, False, True]), name="mask of one axis"),
        sample(normal(3, 4), key=[], name="empty list"),
        sample(normal(), key=(), name="0-d"),
    ]

    def call(x, key):
        return (x,), {"key": own_key(key, device_of(getattr(x, "array", x)))}

    def forward(xp, x, *, key):
        try:
            return x[key], (x.shape, key)
        except IndexError as error:
            raise IndexError(f"x[key]: x has shape {x.shape}; {error}") from None

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
        return (x,), {"shape": shape, "key": own_key(key, device_of(getattr(x, "array", x)))}

    def forward(xp, x, *, shape, key):
        return xp.put_add(x, shape=shape, key=key), (key,)

    def backward(xp, saved, dy):
        return (dy[saved[0]],)


_AS_IT_IS = (int, slice, type(None), type(Ellipsis))


def own_key(key, device):
    """An index expression that nobody else can change before the backward: Tensors, arrays and lists are copied.

    The copies lie on `device`, as the array that they are for.
    """
    if key.__class__ in _AS_IT_IS:
        return key
    if isinstance(key, tuple):
        return tuple(own_key(k, device) for k in key)
    if isinstance(key, list):
        return place(np.array(key) if key else np.zeros(0, np.int64), device)
    array = getattr(key, "array", key)
    return place(array.copy(), device) if hasattr(array, "copy") else array


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
        if x is None or y is None:
            raise TypeError("where: expected condition, x and y, got None; without them use NumPy's nonzero")
        return (condition, *_same_kind(x, y)), {}

    def forward(xp, condition, a, b):
        return xp.where(condition, a, b), (condition,)

    def backward(xp, saved, dy, needs):
        (condition,) = saved
        da = xp.where(condition, dy, 0) if needs[1] else None
        return None, da, xp.where(condition, 0, dy) if needs[2] else None


class MaskedFill(Op):
    """y = value where `mask`, else x;  dx = 0 where `mask`, else dy;  dvalue = Σ dy where `mask`.

    `mask` broadcasts to x; `value` is a number or 0-d.
    """

    latex = r"y = [m]\,value + [\lnot m] \odot x; dx = [\lnot m] \odot dy; dvalue = \sum [m] \odot dy"
    shapes = "x (…), mask (broadcasts to x), value () -> y (…)"
    array = True
    method = True
    samples = [
        sample(normal(3, 4), boolean(3, 4), -2.5),
        sample(normal(3, 4), boolean(4), normal(), name="broadcast, 0-d value"),
        sample(normal(0, 4), boolean(4), 0.5, name="empty"),
    ]

    def call(x, mask, value):
        if dtype_of(mask) != np.bool_:
            raise TypeError(f"masked_fill: expected a boolean mask, got {dtype_of(mask)}; use mask != 0")
        if np.ndim(value):
            raise ValueError(f"masked_fill: expected a number for value, got shape {np.shape(value)}; use where()")
        if value is None:
            raise TypeError("masked_fill: expected a number for value, got None")
        if isinstance(value, float) and dtype_of(x).kind != "f":
            if not value.is_integer():
                raise TypeError(
                    f"masked_fill: x is {dtype_of(x)}, which does not hold {value}; use x.astype('float32')"
                )
            value = int(value)
        return (x, mask, value), {}

    def forward(xp, x, mask, value):
        return xp.masked_fill(x, mask, value), (mask,)

    def backward(xp, saved, dy, needs):
        (mask,) = saved
        dvalue = xp.where(mask, dy, 0) if needs[2] else None
        return xp.masked_fill(dy, mask, 0) if needs[0] else None, None, dvalue


def dtype_of(x):
    return x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype


def _same_kind(x, y):
    """Two Python numbers, or integers and a Python float: in float32. Integers that meet floats: in their dtype."""
    if not hasattr(x, "dtype") and not hasattr(y, "dtype"):
        either = np.result_type(np.asarray(x), np.asarray(y))
        dtype = np.float32 if either == np.float64 else either
        return np.asarray(x, dtype), np.asarray(y, dtype)
    if type(y) is float and x.dtype.kind != "f":
        return x.astype(np.float32), y
    if type(x) is float and y.dtype.kind != "f":
        return x, y.astype(np.float32)
    if hasattr(x, "dtype") and hasattr(y, "dtype") and (x.dtype.kind == "f") != (y.dtype.kind == "f"):
        return (x, y.astype(x.dtype)) if x.dtype.kind == "f" else (x.astype(y.dtype), y)
    return x, y
