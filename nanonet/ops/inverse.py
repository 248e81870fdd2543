"""Functions of square matrices, with NumPy's names; leading axes are batches."""

import numpy as np

from nanonet.device import on_host
from nanonet.op import Op, sample
from nanonet.ops.arguments import shape_of
from nanonet.sampling import Draw, normal, values


def well_conditioned(*shape: int) -> Draw:
    """Square matrices that are far from singular."""
    return Draw(lambda rng: rng.standard_normal(shape) + 4 * np.eye(shape[-1]))


def positive_definite(*shape: int) -> Draw:
    """Symmetric positive definite matrices."""

    def recipe(rng: np.random.Generator) -> np.ndarray:
        x = rng.standard_normal(shape)
        return x @ np.swapaxes(x, -1, -2) + 2 * np.eye(shape[-1])

    return Draw(recipe)


def refuse_unless_square(name, x):
    shape = shape_of(x)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ValueError(f"{name}: expected square matrices x (…, N, N), got shape {shape}")


class MatrixFunction(Op, abstract=True):
    """Array functions of square matrices that are Tensor methods too."""

    array = True
    method = True
    promote = "float"
    shapes = "x (…, N, N) -> y (…, N, N)"


class Inv(MatrixFunction):
    """y = x⁻¹;  dx = -yᵀ dy yᵀ.

    Raises ValueError for shapes that are not square and for a singular matrix. To solve equations, `solve` is faster
    and more accurate. Source: Giles, An extended collection of matrix derivative results (2008), 2.2.3.
    """

    latex = r"y = x^{-1}; dx = -y^\top dy\, y^\top"
    samples = [
        sample(well_conditioned(3, 3)),
        sample(well_conditioned(2, 2, 2), name="batch"),
        sample(well_conditioned(0, 2, 2), name="empty"),
    ]

    def call(x):
        refuse_unless_square("inv", x)
        return (x,), {}

    def forward(xp, x):
        try:
            y = xp.inv(x)
        except ValueError as error:
            raise type(error)(
                f"inv: x of shape {tuple(x.shape)} holds a singular matrix, which has no inverse"
            ) from None
        return y, (y,)

    def backward(xp, saved, dy):
        transposed = xp.swapaxes(saved[0], -1, -2)
        return (-xp.matmul(xp.matmul(transposed, dy), transposed),)


class Solve(MatrixFunction):
    """a y = b;  db = a⁻ᵀ dy;  da = -db yᵀ.

    As in NumPy 2, b is one vector where it has one axis, else a stack of matrices; leading axes are batches and
    broadcast. Raises ValueError for shapes that do not fit and for a singular a. Source: Giles (2008), 2.3.1.
    """

    latex = r"y = a^{-1} b; db = a^{-\top} dy; da = -db\,y^\top"
    shapes = "a (…, N, N), b (N) or (…, N, K) -> y (…, N) or (…, N, K)"
    samples = [
        sample(well_conditioned(3, 3), normal(3)),
        sample(well_conditioned(3, 3), normal(3, 2), name="matrix"),
        sample(well_conditioned(2, 2, 2), normal(2), name="batch, vector"),
        sample(well_conditioned(2, 1, 2, 2), normal(3, 2, 1), name="broadcast batches"),
    ]

    def call(a, b):
        refuse_unless_square("solve", a)
        n, shape = shape_of(a)[-1], shape_of(b)
        if not shape or shape[0 if len(shape) == 1 else -2] != n:
            raise ValueError(f"solve: a (…, N, N) with N = {n} needs b (N) or (…, N, K), got {shape}")
        return (a, b), {}

    def forward(xp, a, b):
        try:
            y = xp.solve(a, b)
        except ValueError as error:
            if "ingular" not in str(error):
                raise
            raise type(error)(f"solve: a of shape {tuple(a.shape)} holds a singular matrix") from None
        return y, (a, y, b.ndim == 1)

    def backward(xp, saved, dy, needs):
        a, y, vector = saved
        if vector:
            y, dy = xp.expand_dims(y, -1), xp.expand_dims(dy, -1)
        db = xp.solve(xp.swapaxes(a, -1, -2), dy)
        da = -xp.matmul(db, xp.swapaxes(y, -1, -2)) if needs[0] else None
        return da, xp.squeeze(db, -1) if vector else db


class Det(MatrixFunction):
    """y = det x;  dx = dy ⊙ cofactors of x = dy ⊙ y x⁻ᵀ.

    For a singular matrix too (PyTorch gives 0 where a pivot is exactly 0). The cofactors are then determinants of
    minors: exact, but slow for large matrices. Raises ValueError for shapes that are not square.
    """

    latex = r"y = \det x; dx = dy\,\mathrm{cof}(x) = dy\,y\,x^{-\top}"
    shapes = "x (…, N, N) -> y (…)"
    samples = [
        sample(normal(3, 3)),
        sample(normal(2, 2, 2), name="batch"),
        sample(normal(1, 1), name="number"),
        sample(values([[1.0, 2.0, 0.5], [2.0, 4.0, 1.0], [1.0, -1.0, 3.0]]), name="singular"),
        sample(values([[[0.0, 0.0], [0.0, 0.0]], [[1.0, 2.0], [3.0, 5.0]]]), name="singular in a batch"),
    ]

    def call(x):
        refuse_unless_square("det", x)
        return (x,), {}

    def forward(xp, x):
        y = xp.det(x)
        return y, (x, y)

    def backward(xp, saved, dy):
        x, y = saved
        regular = bool(on_host(xp.all(y != 0)))
        minors = xp.expand_dims(y, (-2, -1)) * xp.swapaxes(xp.inv(x), -1, -2) if regular else cofactors(xp, x)
        return (xp.expand_dims(dy, (-2, -1)) * minors,)


def cofactors(xp, x):
    """Determinants of x (…, N, N) without row i and column j, with the signs of a chess board."""
    i = xp.arange(x.shape[-1])
    j = xp.arange(x.shape[-1] - 1)
    others = j + (j >= xp.expand_dims(i, 1)).astype(i.dtype)  # row i: all numbers but i
    minors = x[..., xp.expand_dims(others, (1, 3)), xp.expand_dims(others, (0, 2))]  # (…, N, N, N - 1, N - 1)
    sign = xp.power(-1.0, i + xp.expand_dims(i, 1)).astype(x.dtype)
    return sign * xp.det(minors)


class Cholesky(MatrixFunction):
    """y yᵀ = x, y lower triangular;  dx = ½ (P + Pᵀ) with P = y⁻ᵀ Φ(yᵀ dy) y⁻¹, Φ: lower triangle, half its diagonal.

    x is taken as ½ (x + xᵀ), so that the gradient is symmetric, and that of a symmetric x, as in PyTorch. Raises
    ValueError for shapes that are not square and for an x that is not positive definite. Source: Murray,
    Differentiation of the Cholesky decomposition (2016), equation 10.
    """

    latex = r"y\,y^\top = x; dx = \tfrac{1}{2}(P + P^\top),\ P = y^{-\top} \Phi(y^\top dy)\, y^{-1}"
    samples = [sample(positive_definite(3, 3)), sample(positive_definite(2, 2, 2), name="batch")]

    def call(x):
        refuse_unless_square("cholesky", x)
        return (x,), {}

    def forward(xp, x):
        try:
            y = xp.cholesky((x + xp.swapaxes(x, -1, -2)) / 2)
        except ValueError as error:
            raise type(error)(
                f"cholesky: x of shape {tuple(x.shape)} holds a matrix that is not positive definite"
            ) from None
        return y, (y,)

    def backward(xp, saved, dy):
        (y,) = saved
        transposed = xp.swapaxes(y, -1, -2)
        eye = xp.eye(y.shape[-1], dtype=y.dtype)
        phi = xp.matmul(transposed, dy) * (xp.tril(xp.ones_like(eye)) - eye / 2)
        half = xp.swapaxes(xp.solve(transposed, phi), -1, -2)  # (y⁻ᵀ Φ)ᵀ
        p = xp.solve(transposed, half)  # Pᵀ = y⁻ᵀ Φᵀ y⁻¹
        return ((p + xp.swapaxes(p, -1, -2)) / 2,)
