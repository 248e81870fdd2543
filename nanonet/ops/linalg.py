"""Linear algebra, with NumPy's names."""

from nanonet.op import Op, sample
from nanonet.sampling import normal


class LinearAlgebra(Op, abstract=True):
    """Array functions that are Tensor methods too."""

    array = True
    method = True
    promote = "common"


class Matmul(LinearAlgebra):
    """y = a b;  da = dy bᵀ;  db = aᵀ dy.

    A vector on the left is a row, on the right a column; leading axes are batches and broadcast.
    """

    latex = r"y = a\,b; da = dy\,b^\top; db = a^\top dy"
    shapes = "a (…, N, K), b (…, K, M) -> y (…, N, M)"
    operators = ("__matmul__", "__rmatmul__")
    samples = [
        sample(normal(3, 4), normal(4, 2)),
        sample(normal(4), normal(4), name="vectors"),
        sample(normal(3, 4), normal(4), name="matrix, vector"),
        sample(normal(4), normal(4, 2), name="vector, matrix"),
        sample(normal(2, 3, 4), normal(4, 2), name="batch, matrix"),
        sample(normal(4), normal(2, 4, 3), name="vector, batch"),
        sample(normal(5, 1, 3, 4), normal(2, 4, 2), name="broadcast batches"),
        sample(normal(0, 4), normal(4, 2), name="empty"),
    ]

    def call(a, b):
        for name, x in (("a", a), ("b", b)):
            if not getattr(x, "shape", ()):
                raise ValueError(f"matmul: expected arrays of at least 1 axis, got {name} of shape (); use * for a number")
        n, m = a.shape[-1], b.shape[0 if len(b.shape) == 1 else -2]
        if n != m:
            raise ValueError(f"matmul: a (…, K) = {a.shape} needs b (K, M) with K = {n}, got {b.shape}")
        return (a, b), {}

    def forward(xp, a, b):
        return xp.matmul(a, b), (a, b)

    def backward(xp, saved, dy, needs):
        a, b = saved
        if a.ndim == 1 and b.ndim == 1:
            return dy * b if needs[0] else None, dy * a if needs[1] else None
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
