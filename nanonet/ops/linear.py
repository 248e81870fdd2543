"""Affine maps, with PyTorch's names and arguments."""

from nanonet.op import Composite, Op, sample
from nanonet.ops.arguments import shape_of
from nanonet.ops.linalg import rows
from nanonet.sampling import normal


class Linear(Op):
    """y = x wᵀ + b;  dx = dy w;  dw = dyᵀ x;  db = Σ dy over the samples.

    `linear(input, weight, bias=None)`: input x (…, D), weight w (M, D) or (D), bias b (M) or one number. Raises
    ValueError for shapes that do not fit.
    """

    promote = "common"
    latex = r"y = x\,w^\top + b; dx = dy\,w; dw = dy^\top x; db = \textstyle\sum dy"
    shapes = "x (…, D), w (M, D), b (M) -> y (…, M); x (…, D), w (D), b () -> y (…)"
    samples = [
        sample(normal(3, 4), normal(2, 4), normal(2)),
        sample(normal(3, 4), normal(2, 4), name="no bias"),
        sample(normal(4), normal(2, 4), normal(2), name="one sample"),
        sample(normal(2, 3, 4), normal(2, 4), normal(2), name="leading axes"),
        sample(normal(2, 3), normal(3), normal(), name="one output"),
        sample(normal(2, 3, 4), normal(4), normal(), name="one output, leading axes"),
        sample(normal(3), normal(3), normal(), name="one number"),
        sample(normal(2, 3), normal(2, 3), normal(1), name="shared bias"),
        sample(normal(0, 4), normal(2, 4), normal(2), name="empty"),
    ]

    def call(input, weight, bias=None):
        x, w = shape_of(input), shape_of(weight)
        if not x or not 1 <= len(w) <= 2 or x[-1] != w[-1]:
            raise ValueError(f"linear: input (…, D) = {x} needs a weight (M, D) with the same D, got {w}")
        if bias is not None and shape_of(bias) not in (w[:-1], (1,), ()):
            raise ValueError(f"linear: weight (M, D) = {w} needs a bias (M) = {w[:-1]}, got {shape_of(bias)}")
        return (input, weight, bias), {}

    def forward(xp, x, w, b=None):
        if w.ndim == 2 and x.ndim > 2:  # one large product is faster than many small ones
            y = xp.reshape(xp.matmul(rows(xp, x), w.T), (*x.shape[:-1], w.shape[0]))
        else:
            y = xp.matmul(x, w.T)
        return y if b is None else y + b, (x, w)

    def backward(xp, saved, dy, needs):
        x, w = saved
        x2, w2 = x if x.ndim == 2 else rows(xp, x), w if w.ndim == 2 else xp.expand_dims(w, 0)
        dy2 = dy if dy.ndim == 2 and w.ndim == 2 else xp.reshape(dy, (x2.shape[0], w2.shape[0]))
        dx = dw = None
        if needs[0]:
            dx = xp.matmul(dy2, w2)
            dx = dx if x.ndim == 2 else xp.reshape(dx, x.shape)
        if needs[1]:
            dw = xp.matmul(dy2.T, x2)
            dw = dw if w.ndim == 2 else xp.reshape(dw, w.shape)
        return dx, dw, xp.sum(dy2, axis=0) if needs[2] else None


class Bilinear(Composite):
    """y_k = x1ᵀ w_k x2 + b_k;  dx1 = Σ dy_k w_k x2;  dx2 = Σ dy_k w_kᵀ x1;  dw_k = Σ dy_k x1 x2ᵀ;  db = Σ dy.

    `bilinear(input1, input2, weight, bias=None)`: input1 (…, I), input2 (…, J), weight (M, I, J), bias (M). Raises
    ValueError for shapes that do not fit.
    """

    latex = (
        r"y_k = x_1^\top w_k x_2 + b_k; dx_1 = \sum_k dy_k w_k x_2; dx_2 = \sum_k dy_k w_k^\top x_1;"
        r"dw_k = \sum dy_k x_1 x_2^\top; db = \sum dy"
    )
    shapes = "x1 (…, I), x2 (…, J), w (M, I, J), b (M) -> y (…, M)"
    samples = [
        sample(normal(3, 2), normal(3, 4), normal(2, 2, 4), normal(2)),
        sample(normal(2, 2, 3), normal(2, 2, 2), normal(3, 3, 2), name="leading axes, no bias"),
        sample(normal(2), normal(3), normal(4, 2, 3), normal(4), name="one sample"),
    ]

    def call(input1, input2, weight, bias=None):
        one, two, w = shape_of(input1), shape_of(input2), shape_of(weight)
        if len(w) != 3 or one[:-1] != two[:-1] or not one or (one[-1], two[-1]) != w[1:]:
            raise ValueError(f"bilinear: weight (M, I, J) = {w} needs inputs (…, I) and (…, J), got {one} and {two}")
        if bias is not None and shape_of(bias) != w[:1]:
            raise ValueError(f"bilinear: weight (M, I, J) = {w} needs a bias (M) = {w[:1]}, got {shape_of(bias)}")
        return (input1, input2, weight, bias), {}

    def forward(xp, x1, x2, w, b):
        y = xp.einsum("...i,kij,...j->...k", x1, w, x2)
        return y if b is None else y + b
