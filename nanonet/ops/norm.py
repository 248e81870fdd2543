"""Normalisation over features, with PyTorch's names and arguments; what all normalisations share.

Mean first, variance of what is left second (two passes), so that nothing cancels.
"""

from math import prod

import numpy as np

from nanonet.op import Op, sample
from nanonet.ops.arguments import shape_of
from nanonet.sampling import normal


def standardize(xp, x, axes, n, eps):
    """x̂ = (x - mean) r with r = 1/√(var + eps), over `axes`, which hold n elements; also mean and var (biased)."""
    n = max(n, 1)
    mean = xp.sum(x, axis=axes, keepdims=True) / n
    xhat = x - mean
    var = xp.sum(xhat * xhat, axis=axes, keepdims=True) / n
    r = 1 / xp.sqrt(var + eps)
    xhat *= r  # x - mean is ours to overwrite
    return xhat, r, mean, var


def standardize_backward(xp, xhat, r, dy, mean_dy, mean_p):
    """dx = r (dy - mean(dy) - x̂ mean(dy ⊙ x̂)): moving one x also moves the mean and the variance."""
    return (dy - mean_dy - xhat * mean_p) * r


def mean_product(xp, a, b):
    """Mean of a ⊙ b over the last axis, which it keeps, without an array for a ⊙ b."""
    return xp.expand_dims(xp.einsum("...i,...i->...", a, b) / max(a.shape[-1], 1), -1)


def mean_last(xp, x):
    return xp.sum(x, axis=-1, keepdims=True) / max(x.shape[-1], 1)


def affine(xp, xhat, w, b):
    """x̂ ⊙ w + b, where w and b may be None."""
    y = xhat if w is None else xhat * w
    return y if b is None else y + b


def refuse_misfits(name, shape, **parameters):
    """Every parameter that is given must have `shape`."""
    for which, x in parameters.items():
        if x is not None and shape_of(x) != shape:
            raise ValueError(f"{name}: expected {which} of shape {shape}, got {shape_of(x)}")


AFFINE_LATEX = (
    r"y = \hat{x} \odot w + b; dx = r\,(g - \bar{g} - \hat{x}\,\overline{g \odot \hat{x}}),\ g = dy \odot w;"
    r"dw = \sum dy \odot \hat{x}; db = \sum dy"
)


def refuse_shape(name, input, normalized_shape, **parameters):
    """The normalised axes must be the last ones of the input. Returns them as a tuple."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape or shape_of(input)[-len(shape) :] != shape:
        raise ValueError(f"{name}: normalized_shape = {shape} needs an input (…, *{shape}), got {shape_of(input)}")
    refuse_misfits(name, shape, **parameters)
    return shape


class LayerNorm(Op):
    """y = x̂ ⊙ w + b;  dx = r (g - mean(g) - x̂ mean(g ⊙ x̂)), g = dy ⊙ w;  dw = Σ dy ⊙ x̂;  db = Σ dy.

    x̂ = (x - mean)/√(var + eps) over the last axes, for every sample. `layer_norm(input, normalized_shape, weight=None,
    bias=None, eps=1e-5)`: weight and bias of normalized_shape, which is the end of the input's shape. Raises ValueError
    for shapes that do not fit. Source: Ba, Kiros and Hinton, Layer normalization (2016).
    """

    promote = "float"
    latex = AFFINE_LATEX
    shapes = "x (…, D), w (D), b (D) -> y (…, D), where D stands for the axes of normalized_shape"
    samples = [
        sample(normal(3, 4), (4,), normal(4), normal(4)),
        sample(normal(2, 2, 3), (2, 3), normal(2, 3), normal(2, 3), name="two axes"),
        sample(normal(2, 2, 3), (3,), name="no weight"),
        sample(normal(4), (4,), None, normal(4), eps=0.1, name="one sample"),
        sample(normal(0, 3), (3,), normal(3), name="empty"),
        sample(normal(2, 0), (0,), normal(0), normal(0), name="no features"),
    ]

    def call(input, normalized_shape, weight=None, bias=None, eps=1e-5):
        shape = refuse_shape("layer_norm", input, normalized_shape, weight=weight, bias=bias)
        return (input, weight, bias), {"size": prod(shape), "eps": eps}

    def forward(xp, x, w, b, *, size, eps):
        flat = xp.reshape(x, (prod(x.shape) // max(size, 1), size))
        xhat, r, _, _ = standardize(xp, flat, -1, size, eps)
        w1, b1 = (None if p is None else xp.reshape(p, (size,)) for p in (w, b))
        return xp.reshape(affine(xp, xhat, w1, b1), x.shape), (xhat, r, w, w1, x.shape, None if b is None else b.shape)

    def backward(xp, saved, dy, needs):
        xhat, r, w, w1, shape, b_shape = saved
        dy = xp.reshape(dy, xhat.shape)
        dx = dw = db = None
        if needs[0]:
            g = dy if w is None else dy * w1
            dx = standardize_backward(xp, xhat, r, g, mean_last(xp, g), mean_product(xp, g, xhat))
            dx = xp.reshape(dx, shape)
        if needs[1]:
            dw = xp.reshape(xp.einsum("ni,ni->i", dy, xhat), w.shape)
        if needs[2]:
            db = xp.reshape(xp.sum(dy, axis=0), b_shape)
        return dx, dw, db


class RmsNorm(Op):
    """y = x r ⊙ w;  dx = r (g - x r mean(g ⊙ x r)), g = dy ⊙ w;  dw = Σ dy ⊙ x r.

    r = 1/√(mean(x²) + eps) over the last axes, for every sample. `rms_norm(input, normalized_shape, weight=None,
    eps=None)`: weight of normalized_shape, which is the end of the input's shape; without eps it is the smallest step
    of the input's dtype from 1. Raises ValueError for shapes that do not fit. Source: Zhang and Sennrich (2019).
    """

    promote = "float"
    latex = r"y = x\,r \odot w; dx = r\,(g - x r\,\overline{g \odot x r}),\ g = dy \odot w; dw = \sum dy \odot x r"
    shapes = "x (…, D), w (D) -> y (…, D), where D stands for the axes of normalized_shape"
    samples = [
        sample(normal(3, 4), (4,), normal(4)),
        sample(normal(2, 2, 3), (2, 3), normal(2, 3), name="two axes"),
        sample(normal(2, 3), (3,), eps=0.1, name="no weight"),
        sample(normal(0, 3), (3,), normal(3), name="empty"),
        sample(normal(3, 1), (1,), normal(1), eps=0.1, name="one feature"),
    ]

    def call(input, normalized_shape, weight=None, eps=None):
        shape = refuse_shape("rms_norm", input, normalized_shape, weight=weight)
        if eps is None:
            dtype = getattr(input, "dtype", None)
            eps = float(np.finfo(dtype if dtype is not None and dtype.kind == "f" else np.float32).eps)
        return (input, weight), {"size": prod(shape), "eps": eps}

    def forward(xp, x, w, *, size, eps):
        flat = xp.reshape(x, (prod(x.shape) // max(size, 1), size))
        r = 1 / xp.sqrt(mean_last(xp, flat * flat) + eps)
        xhat = flat * r
        w1 = None if w is None else xp.reshape(w, (size,))
        return xp.reshape(affine(xp, xhat, w1, None), x.shape), (xhat, r, w, w1, x.shape)

    def backward(xp, saved, dy, needs):
        xhat, r, w, w1, shape = saved
        dy = xp.reshape(dy, xhat.shape)
        dx = None
        if needs[0]:
            g = dy if w is None else dy * w1
            dx = xp.reshape((g - xhat * mean_product(xp, g, xhat)) * r, shape)
        return dx, xp.reshape(xp.einsum("ni,ni->i", dy, xhat), w.shape) if needs[1] else None
