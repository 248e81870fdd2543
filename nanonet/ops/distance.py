"""Lengths, angles and distances of vectors, with PyTorch's names and arguments (`dim`, `keepdim`)."""

from math import inf

import numpy as np

from nanonet.op import Composite, Op, sample
from nanonet.ops.arguments import one_axis, reduced_axes, shape_of
from nanonet.sampling import distinct, normal, values


def refuse_misfits(name, x1, x2):
    """Returns the shape that the inputs broadcast to."""
    try:
        return np.broadcast_shapes(shape_of(x1), shape_of(x2))
    except ValueError:
        raise ValueError(
            f"{name}: x1 {shape_of(x1)} and x2 {shape_of(x2)} do not broadcast; make their axes equal or 1"
        ) from None


class Normalize(Composite):
    """y = x / max(‖x‖_p, eps);  dx = (dy - y ⊙ Σ dy ⊙ y) / ‖x‖ for p = 2.

    `normalize(input, p=2.0, dim=1, eps=1e-12)`: vectors along `dim`, an axis or several, get length 1. Where ‖x‖ < eps,
    y = x / eps and dx = dy / eps. Raises ValueError for a `dim` that does not exist.
    """

    latex = r"y = x / \max(\|x\|_p, \epsilon); dx = (dy - y \odot \textstyle\sum dy \odot y) / \|x\|_2"
    shapes = "x (…) -> y (…)"
    samples = [
        sample(normal(3, 4)),
        sample(distinct(2, 3, 2), 1, -2, name="p = 1"),
        sample(distinct(2, 3), 3.0, 0, name="p = 3"),
        sample(distinct(2, 3), inf, name="p = inf"),
        sample(normal(2, 3, 2), dim=(0, -1), name="two axes"),
        sample(normal(3), 2.0, 0, 10.0, name="shorter than eps"),
        sample(values([[0.0, 0.0], [3.0, 4.0]]), name="zero", kink="too steep for differences"),
    ]

    def call(input, p=2.0, dim=1, eps=1e-12):
        return (input,), {"p": p, "dim": reduced_axes("normalize", input, dim), "eps": eps}

    def forward(xp, x, *, p, dim, eps):
        return x / xp.clip(xp.vector_norm(x, dim, True, p), eps, None)


class PairwiseDistance(Composite):
    """y = ‖x1 - x2 + eps‖_p;  dx1 = dy (x1 - x2 + eps) / y for p = 2;  dx2 = -dx1.

    `pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False)`: along the last axis, after broadcasting; eps is added
    to every difference, as in PyTorch. Where y = 0 the gradient is 0. Raises ValueError for shapes that do not
    broadcast.
    """

    latex = r"y = \|x_1 - x_2 + \epsilon\|_p; dx_1 = dy\,(x_1 - x_2 + \epsilon) / y; dx_2 = -dx_1"
    shapes = "x1 (…, D), x2 (…, D) -> y (…)"
    samples = [
        sample(normal(3, 4), normal(3, 4)),
        sample(normal(3, 4), normal(4), 1.0, keepdim=True, name="p = 1, broadcast"),
        sample(normal(2, 1, 3), normal(2, 3), 3.0, 0.1, name="p = 3"),
        sample(distinct(2, 3), values([9.0, 7.0, 5.0]), inf, name="p = inf"),
        sample(normal(3), normal(3), name="vectors"),
        sample(values([[1.0, 2.0]]), values([[1.0, 2.0]]), eps=0.0, name="equal", kink="y = 0"),
    ]

    def call(x1, x2, p=2.0, eps=1e-6, keepdim=False):
        refuse_misfits("pairwise_distance", x1, x2)
        return (x1, x2), {"p": p, "eps": eps, "keepdim": keepdim}

    def forward(xp, x1, x2, *, p, eps, keepdim):
        return xp.vector_norm(x1 - x2 + eps, -1, keepdim, p)


class CosineSimilarity(Op):
    """y = Σ x1 ⊙ x2 / (n1 n2);  dx1 = dy ⊙ (x2 / n2 - y ⊙ x1 / ‖x1‖) / n1;  dx2 = the same with 1 and 2 exchanged.

    n = max(‖x‖, eps). `cosine_similarity(x1, x2, dim=1, eps=1e-8)`: along `dim` of the shape that both broadcast to.
    As in PyTorch, the gradient takes no notice of eps in n: the term in x / ‖x‖ stays, and is 0 where x = 0. Raises
    ValueError for shapes that do not broadcast and for a `dim` that does not exist.
    """

    promote = "float"
    latex = (
        r"y = \frac{\sum x_1 \odot x_2}{n_1 n_2};"
        r"dx_1 = dy \odot \left(\frac{x_2}{n_2} - y \odot \frac{x_1}{\|x_1\|}\right) / n_1;"
        r"dx_2 = dy \odot \left(\frac{x_1}{n_1} - y \odot \frac{x_2}{\|x_2\|}\right) / n_2"
    )
    shapes = "x1 (…, D, …), x2 (…, D, …) -> y (…, …)"
    samples = [
        sample(normal(3, 4), normal(3, 4)),
        sample(normal(2, 3, 2), normal(3, 1), dim=-2, name="broadcast"),
        sample(normal(2), normal(3, 2), name="a vector with every row"),
        sample(normal(4), normal(4), 0, name="vectors"),
        sample(values([[0.0, 0.0], [3.0, 4.0]]), normal(2, 2), name="zero", kink="x = 0"),
        sample(values([[0.3, 0.4], [3.0, 4.0]]), normal(2, 2), eps=1.0, name="eps", kink="as if eps were 0"),
    ]

    def call(x1, x2, dim=1, eps=1e-8):
        ndim = len(refuse_misfits("cosine_similarity", x1, x2))
        return (x1, x2), {"dim": one_axis("cosine_similarity", x1, dim, ndim) - ndim, "eps": eps}

    def forward(xp, x1, x2, *, dim, eps):
        size = max(x.shape[dim] if x.ndim >= -dim else 1 for x in (x1, x2))
        one, two = (unit(xp, x, dim, size, eps) for x in (x1, x2))
        y = xp.sum(one[0] * two[0], axis=dim)
        return y, (one, two, y, dim)

    def backward(xp, saved, dy, needs):
        one, two, y, dim = saved
        y, dy = xp.expand_dims(y, dim), xp.expand_dims(dy, dim)
        dx1 = dy * (two[0] - y * one[1]) / one[2] if needs[0] else None
        return dx1, dy * (one[0] - y * two[1]) / two[2] if needs[1] else None


def unit(xp, x, dim, size, eps):
    """x / n, x / ‖x‖ (0 where x = 0) and n = max(‖x‖, eps), of vectors of `size` along `dim`, a negative number."""
    shape = [1] * (-dim - x.ndim) + list(x.shape)
    shape[dim] = size
    if shape != list(x.shape):
        x = xp.broadcast_to(x, tuple(shape))
    squares = xp.sum(x * x, axis=dim, keepdims=True)
    zero = xp.equal(squares, 0)
    norm = xp.sqrt(xp.where(zero, 1.0, squares))
    n = xp.maximum(xp.where(zero, 0.0, norm), eps)
    return x / n, xp.where(zero, 0.0, x / norm), n
