"""Products of arrays, with NumPy's names."""

from math import prod
from string import ascii_letters

from nanonet.op import Composite, Op, sample
from nanonet.ops.arguments import shape_of
from nanonet.sampling import normal


def rows(xp, x):
    """x (…, D) as one matrix (N, D)."""
    return xp.reshape(x, (prod(x.shape[:-1]), x.shape[-1]))


class LinearAlgebra(Op, abstract=True):
    """Array functions that are Tensor methods too."""

    array = True
    method = True
    promote = "common"


class Matmul(LinearAlgebra):
    """y = a b;  da = dy bᵀ;  db = aᵀ dy.

    A vector on the left is a row, on the right a column; leading axes are batches and broadcast. Raises ValueError
    for shapes that do not fit.
    """

    latex = r"y = a\,b; da = dy\,b^\top; db = a^\top dy"
    shapes = "a (…, N, K), b (…, K, M) -> y (…, N, M)"
    operators = ("__matmul__", "__rmatmul__")
    samples = [
        sample(normal(3, 4), normal(4, 2)),
        sample(normal(4), normal(4), name="vectors"),
        sample(normal(3, 4), normal(4), name="matrix, vector"),
        sample(normal(4), normal(4, 2), name="vector, matrix"),
        sample(normal(2, 3, 4), normal(4), name="batch, vector"),
        sample(normal(2, 3, 4), normal(4, 2), name="batch, matrix"),
        sample(normal(4), normal(2, 4, 3), name="vector, batch"),
        sample(normal(3, 1, 2, 2), normal(2, 2, 1), name="broadcast batches"),
        sample(normal(0, 4), normal(4, 2), name="empty"),
        sample(normal(2, 0), normal(0, 3), name="nothing to add up"),
    ]

    def forward(xp, a, b):
        try:
            if b.ndim == 2 and a.ndim > 2:  # one large product is faster than many small ones
                return xp.reshape(xp.matmul(rows(xp, a), b), (*a.shape[:-1], b.shape[1])), (a, b)
            return xp.matmul(a, b), (a, b)
        except (ValueError, AttributeError):  # asked only now, since this is the busiest of all ops
            refuse_misfits(a, b)
            raise

    def backward(xp, saved, dy, needs):
        a, b = saved
        if a.ndim == 2 and b.ndim == 2:
            return xp.matmul(dy, b.T) if needs[0] else None, xp.matmul(a.T, dy) if needs[1] else None
        if a.ndim == 1 and b.ndim == 1:
            return dy * b if needs[0] else None, dy * a if needs[1] else None
        if b.ndim == 2 and a.ndim > 2:
            da = xp.reshape(xp.matmul(rows(xp, dy), b.T), a.shape) if needs[0] else None
            return da, xp.matmul(rows(xp, a).T, rows(xp, dy)) if needs[1] else None
        row, column = a.ndim == 1, b.ndim == 1
        a2 = xp.expand_dims(a, 0) if row else a
        b2 = xp.expand_dims(b, 1) if column else b
        dy2 = xp.expand_dims(dy, -2) if row else xp.expand_dims(dy, -1) if column else dy
        da = db = None
        if needs[0]:
            da = xp.matmul(dy2, xp.swapaxes(b2, -1, -2))
            da = xp.squeeze(da, -2) if row else da
        if needs[1]:
            db = xp.matmul(xp.swapaxes(a2, -1, -2), dy2)
            db = xp.squeeze(db, -1) if column else db
        return da, db


def refuse_misfits(a, b):
    """Say in one line what is wrong with the operands of a matmul, if it is their shapes."""
    a, b = shape_of(a), shape_of(b)
    for name, shape in (("a", a), ("b", b)):
        if not shape:
            raise ValueError(f"matmul: expected arrays of at least 1 axis, got {name} of shape (); use * for a number")
    if a[-1] != b[0 if len(b) == 1 else -2]:
        raise ValueError(f"matmul: a (…, K) = {a} needs b (K, M) or (…, K, M) with K = {a[-1]}, got {b}")
    if any(n != m and 1 not in (n, m) for n, m in zip(a[-3::-1], b[-3::-1], strict=False)):
        raise ValueError(f"matmul: the leading axes of a {a} and b {b} do not broadcast; make them equal or 1")


class Dot(Composite):
    """y = Σ a b over a's last axis and b's last but one;  da = Σ dy b;  db = Σ dy a.

    NumPy's dot: two vectors give a number, a vector and a matrix or two matrices their product, a number multiplies;
    above that every row of a meets every column of b (unlike matmul, which takes leading axes as batches).
    """

    array = True
    method = True
    latex = r"y = \sum_k a_{\dots k} b_{\dots k m}; da = \sum dy\, b; db = \sum dy\, a"
    shapes = "a (…, K), b (+++, K, M) -> y (…, +++, M)"
    samples = [
        sample(normal(3), normal(3)),
        sample(normal(2, 3), normal(3, 2), name="matrices"),
        sample(normal(2, 3), normal(3), name="matrix, vector"),
        sample(normal(2, 2), 2.5, name="number"),
        sample(normal(2, 3), normal(2, 3, 2), name="stack"),
    ]

    def call(a, b):
        left, right = shape_of(a), shape_of(b)
        if left and right and left[-1] != right[0 if len(right) == 1 else -2]:
            raise ValueError(f"dot: a (…, K) = {left} needs b (K) or (…, K, M) with K = {left[-1]}, got {right}")
        return (a, b), {}

    def forward(xp, a, b):
        if not shape_of(a) or not shape_of(b):
            return xp.multiply(a, b)
        return xp.matmul(a, b) if b.ndim <= 2 else xp.tensordot(a, b, axes=([-1], [-2]))


class Outer(LinearAlgebra):
    """y = a bᵀ;  da = dy b;  db = dyᵀ a.

    Operands of more axes are flattened first, as in NumPy.
    """

    latex = r"y = a\,b^\top; da = dy\,b; db = dy^\top a"
    shapes = "a (N), b (M) -> y (N, M)"
    samples = [
        sample(normal(3), normal(4)),
        sample(normal(2, 2), normal(3), name="flattened"),
        sample(normal(2), normal(3, 2), name="second flattened"),
        sample(normal(0), normal(2), name="empty"),
    ]

    def forward(xp, a, b):
        return xp.reshape(a, (a.size, 1)) * xp.reshape(b, (b.size,)), (a, b)

    def backward(xp, saved, dy, needs):
        a, b = saved
        da = xp.reshape(xp.matmul(dy, xp.reshape(b, (b.size,))), a.shape) if needs[0] else None
        return da, xp.reshape(xp.matmul(xp.reshape(a, (a.size,)), dy), b.shape) if needs[1] else None


class Tensordot(Composite):
    """y = Σ a b over the axes `axes`;  da = Σ dy b;  db = Σ dy a, over the axes that they share.

    `axes` is a number n (the last n of a with the first n of b) or a pair of lists of axes. Raises ValueError where
    the lengths of paired axes differ.
    """

    array = True
    method = True
    latex = r"y = \sum a\,b; da = \sum dy\,b; db = \sum dy\,a"
    shapes = "a (…, K…), b (K…, +++) -> y (…, +++)"
    samples = [
        sample(normal(2, 2, 3), normal(2, 3, 2)),
        sample(normal(2, 3), normal(3, 2), axes=1, name="matmul"),
        sample(normal(2), normal(3), axes=0, name="outer"),
        sample(normal(2, 3, 2), normal(3, 2, 2), axes=([1, 0], [0, -1]), name="lists"),
    ]

    def call(a, b, axes=2):
        left, right = shape_of(a), shape_of(b)
        if isinstance(axes, int):
            axes = (range(len(left) - axes, len(left)), range(axes))
        one, two = ([x] if isinstance(x, int) else list(x) for x in axes)
        for i, j in zip(one, two, strict=False):
            if not (-len(left) <= i < len(left) and -len(right) <= j < len(right)) or left[i] != right[j]:
                raise ValueError(f"tensordot: axes {one} of a {left} do not match axes {two} of b {right}")
        if len(one) != len(two):
            raise ValueError(f"tensordot: expected as many axes of a as of b, got {one} and {two}")
        return (a, b), {"axes": ([i % len(left) for i in one], [j % len(right) for j in two])}

    def forward(xp, a, b, *, axes):
        labels = ascii_letters[: a.ndim]
        names = list(ascii_letters[a.ndim : a.ndim + b.ndim])
        for i, j in zip(*axes, strict=True):
            names[j] = labels[i]
        free = [x for x in labels if x not in names] + [x for x in names if x not in labels]
        return xp.einsum(f"{labels},{''.join(names)}->{''.join(free)}", a, b)


class Trace(Composite):
    """y = Σ x_ii;  dx = dy on the diagonal, else 0.

    The diagonal `offset` places above the main one, of the matrices that `axis1` and `axis2` span.
    """

    array = True
    method = True
    latex = r"y = \sum_i x_{ii}; dx_{ij} = dy\,\delta_{ij}"
    shapes = "x (N, M, …) -> y (…)"
    samples = [
        sample(normal(3, 3)),
        sample(normal(2, 4), offset=1, name="above"),
        sample(normal(3, 2), offset=-1, name="below"),
        sample(normal(2, 3, 2), axis1=0, axis2=-1, name="axes"),
        sample(normal(2, 3), offset=5, name="outside"),
    ]

    def call(x, offset=0, axis1=0, axis2=1):
        if len(shape_of(x)) < 2:
            raise ValueError(f"trace: expected x of at least 2 axes, got shape {shape_of(x)}")
        return (x,), {"offset": offset, "axis1": axis1, "axis2": axis2}

    def forward(xp, x, *, offset, axis1, axis2):
        return xp.sum(xp.diagonal(x, offset=offset, axis1=axis1, axis2=axis2), axis=-1)
