"""Gathering elements by integer arrays along one axis, and scattering them back, with NumPy's or PyTorch's names."""

import numpy as np

from nanonet.device import on_host, readable
from nanonet.op import Composite, Op, sample
from nanonet.ops.arguments import count, one_axis, shape_of
from nanonet.sampling import integers, normal, values


class Take(Op):
    """y = x at `indices` along `axis`;  dx = zeros with dy added there.

    `indices` is an integer or an integer array of any shape; with axis=None x is flattened first. Raises IndexError for
    an index out of range.
    """

    latex = r"y_{i} = x_{k(i)}; dx_{k(i)} \mathrel{+}= dy_{i}"
    shapes = "x (…, n, …), indices (m, …) -> y (…, m, …, …)"
    array = True
    method = True
    samples = [
        sample(normal(3, 4), values([0, 2, 2], floating=False), axis=0, name="repeated"),
        sample(normal(3, 4), integers(4, 2, 2), axis=-1, name="matrix of indices"),
        sample(normal(3, 4), 1, axis=1, name="integer"),
        sample(normal(3, 4), integers(12, 5), name="flattened"),
        sample(normal(3, 4), [], axis=0, name="none"),
    ]

    def call(x, indices, axis=None):
        return (x, index_array("take", indices)), {"axis": None if axis is None else one_axis("take", x, axis)}

    def forward(xp, x, indices, *, axis=None):
        try:
            y = xp.take(x, indices, axis=axis)
        except IndexError as error:
            raise IndexError(f"take: x {x.shape}, axis {axis}: {error}") from None
        return y, (x.shape, indices, axis)

    def backward(xp, saved, dy):
        shape, indices, axis = saved
        if axis is None:
            return xp.reshape(xp.put_add(dy, shape=(count(shape, None),), key=indices), shape), None
        return xp.put_add(dy, shape=shape, key=(*(slice(None),) * axis, indices)), None


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
                f"take_along_axis: indices must have as many axes as x, got x {shape}, indices {index_shape}; or take()"
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


class ScatterAdd(Composite):
    """y = x with src added at `index` along `axis`, at the same place along the others;  dx = dy;  dsrc = dy there.

    As torch.scatter_add: `index` has as many axes as x and src and is nowhere longer than src, nor than x along
    the other axes.
    """

    latex = r"y_{i\,k(i, j)} = x_{i\,k(i, j)} + \sum src_{ij}; dx = dy; dsrc_{ij} = dy_{i\,k(i, j)}"
    shapes = "x (…, n, …), index (…, m, …), src (…, m, …) -> y (…, n, …)"
    array = True
    method = True
    samples = [
        sample(normal(3, 4), 1, integers(4, 3, 5), normal(3, 5)),
        sample(normal(3, 4), 0, integers(3, 2, 3), normal(4, 4), name="larger src"),
        sample(normal(3, 4), -1, integers(4, 3, 0), normal(3, 2), name="nothing"),
    ]

    def call(x, axis, index, src):
        axis = one_axis("scatter_add", x, axis)
        index = index_array("scatter_add", index)
        shape, places, size = shape_of(x), shape_of(index), shape_of(src)
        fits = len(shape) == len(places) == len(size) and all(
            m <= k and (m <= n or i == axis) for i, (n, m, k) in enumerate(zip(shape, places, size, strict=True))
        )
        if not fits:
            raise ValueError(
                f"scatter_add: index must fit into src, and into x but for axis {axis}; "
                f"got x {shape}, index {places}, src {size}"
            )
        return (x, index, src), {"axis": axis}

    def forward(xp, x, index, src, *, axis):
        part = src[tuple(slice(n) for n in index.shape)]
        return x + placed(xp, "scatter_add", part, x.shape, along(xp, index.shape, index, axis))


class IndexAdd(Composite):
    """y = x with alpha · source added at `index` along `axis`;  dx = dy;  dsource = alpha · dy there.

    As torch.index_add: `index` is a list of places, one for each entry of source along `axis`.
    """

    latex = r"y_{k(i)} = x_{k(i)} + \alpha \sum source_i; dx = dy; dsource_i = \alpha\, dy_{k(i)}"
    shapes = "x (…, n, …), index (m), source (…, m, …) -> y (…, n, …)"
    array = True
    method = True
    samples = [
        sample(normal(3, 4), 0, values([2, 0, 2, 2], floating=False), normal(4, 4)),
        sample(normal(3, 4), -1, values([1, 3], floating=False), normal(3, 2), alpha=0.5, name="alpha"),
    ]

    def call(x, axis, index, source, alpha=1):
        axis = one_axis("index_add", x, axis)
        index = index_array("index_add", index)
        shape, places = shape_of(x), shape_of(index)
        expected = (*shape[:axis], *places, *shape[axis + 1 :])
        if len(places) != 1 or shape_of(source) != expected:
            raise ValueError(
                f"index_add: x {shape} with index (m,) = {places} along axis {axis} needs source {expected}, "
                f"got {shape_of(source)}"
            )
        return (x, index, source), {"axis": axis, "alpha": alpha}

    def forward(xp, x, index, source, *, axis, alpha):
        key = (*(slice(None),) * axis, index)
        return x + placed(xp, "index_add", source if alpha == 1 else source * alpha, x.shape, key)


class OneHot(Op):
    """y = 1 at the class x along a new last axis, 0 elsewhere.

    `num_classes=-1`: as many as the greatest label asks for. Raises ValueError for a label outside 0 … num_classes - 1.
    """

    shapes = "x (…) -> y (…, num_classes), int64"
    samples = [
        sample(integers(4, 3), 4),
        sample(values([[0, 2], [1, 0]], floating=False), name="inferred"),
        sample(integers(1, 0), 3, name="empty"),
    ]

    def call(x, num_classes=-1):
        return (index_array("one_hot", x),), {"num_classes": num_classes}

    def forward(xp, x, *, num_classes=-1):
        looks = x.size and (num_classes == -1 or readable(x))
        low, high = (int(on_host(xp.min(x))), int(on_host(xp.max(x)))) if looks else (0, -1)
        if not x.size and num_classes <= 0:
            raise ValueError("one_hot: the number of classes cannot be inferred from no labels; give num_classes")
        n = high + 1 if num_classes == -1 else num_classes
        if low < 0 or high >= n:
            raise ValueError(
                f"one_hot: expected labels 0 to {n - 1} (num_classes={num_classes}), got {low if low < 0 else high}"
            )
        return xp.equal(xp.expand_dims(x, -1), xp.arange(n)).astype(xp.int64), ()


def along(xp, shape, indices, axis):
    """The key that picks x[i, indices[i, j], …]: `indices` along `axis`, and 0, 1, … along each of the others."""
    ndim = len(shape)
    others = [xp.reshape(xp.arange(n), (1,) * i + (n,) + (1,) * (ndim - i - 1)) for i, n in enumerate(shape)]
    others[axis] = indices
    return tuple(others)


def placed(xp, name, x, shape, key):
    """put_add, whose complaint about an index names the function that was called."""
    try:
        return xp.put_add(x, shape=shape, key=key)
    except IndexError as error:
        raise IndexError(f"{name}: x {shape}: {error}") from None


def index_array(name, indices):
    """Integer indices, from a Tensor, an array or a list. Raises TypeError for anything else."""
    if not hasattr(indices, "dtype"):
        indices = np.asarray(indices)
        indices = indices if indices.size else indices.astype(np.int64)  # an empty list has no dtype of its own
    if indices.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integer indices, got {indices.dtype}; use indices.astype('int64')")
    return indices
