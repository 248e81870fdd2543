"""Dropout, with PyTorch's names and arguments. The random mask is drawn here and is an input of the rule."""

import numpy as np

from nanonet.backends.base import home
from nanonet.generator import default_generator
from nanonet.op import Op, sample
from nanonet.ops.arguments import shape_of
from nanonet.ops.random import dropout_mask, keep_scale
from nanonet.sampling import normal


def scaled_mask(op, p, shape, like, training=True, mask=None):
    """0 with probability p, else 1/(1 - p), in the dtype of `like`; or from `mask`, where True keeps an element.

    None, and nothing is drawn, where nothing is dropped.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"{op}: expected a probability p from 0 to 1, got {p}")
    if not training or not p:
        return None
    dtype = getattr(like, "dtype", np.dtype(np.float32))
    dtype = dtype if dtype.kind == "f" else np.dtype(np.float32)
    if mask is None:
        seed = int(default_generator().integers(2**63))
        return home(getattr(like, "array", like)).run(dropout_mask, shape=shape, p=p, seed=seed, dtype=dtype)
    mask = getattr(mask, "array", mask)
    mask = mask if hasattr(mask, "dtype") else np.asarray(mask)
    return mask.astype(dtype) * dtype.type(keep_scale(p))


class Dropout(Op):
    """y = x ⊙ m / (1 - p);  dx = dy ⊙ m / (1 - p), m = 0 with probability p, else 1.

    `dropout(input, p=0.5, training=True, *, mask=None)`: without `training` y is x. The elements are drawn
    independently from the default generator (`nanonet.manual_seed`); `mask` (True: keep) takes the place of the draw.
    Raises ValueError for p outside [0, 1]. Source: Srivastava et al., Dropout (2014).
    """

    promote = "float"
    latex = r"y = x \odot m / (1 - p); dx = dy \odot m / (1 - p)"
    samples = [
        sample(normal(2, 3), 0.25, mask=[[True, False, True], [False, True, True]]),
        sample(normal(2, 3), 0.5, False, name="evaluation"),
        sample(normal(2, 3), 0.0, name="p = 0"),
        sample(normal(2, 3), 1.0, name="p = 1"),
        sample(normal(0, 3), 0.5, name="empty"),
    ]

    def call(input, p=0.5, training=True, *, mask=None):
        return (input, scaled_mask("dropout", p, shape_of(input), input, training, mask)), {}

    def forward(xp, x, mask=None):
        return x if mask is None else x * mask, (mask,)

    def backward(xp, saved, dy):
        (mask,) = saved
        return dy if mask is None else dy * mask, None


class Dropout2d(Dropout):
    """y = x ⊙ m / (1 - p);  dx = dy ⊙ m / (1 - p), m (N, C, 1, 1) = 0 with probability p, else 1.

    `dropout2d(input, p=0.5, training=True, *, mask=None)`: whole channels of input (N, C, H, W) or (N, C, L) are kept
    or dropped; `mask` (N, C) takes the place of the draw. Otherwise as dropout. Source: Tompson et al. (2015).
    """

    shapes = "x (N, C, …) -> y (N, C, …)"
    samples = [
        sample(normal(2, 2, 2, 2), 0.25, mask=[[True, False], [False, True]]),
        sample(normal(2, 1, 3), 0.5, mask=[[True], [False]], name="signals"),
        sample(normal(1, 2, 2, 2), 0.5, False, name="evaluation"),
        sample(normal(1, 2, 2, 2), 1.0, name="p = 1"),
    ]

    def call(input, p=0.5, training=True, *, mask=None):
        shape = shape_of(input)
        if len(shape) not in (3, 4):
            raise ValueError(f"dropout2d: expected input (N, C, H, W) or (N, C, L), got shape {shape}; or use dropout")
        scaled = scaled_mask("dropout2d", p, shape[:2], input, training, mask)
        return (input, None if scaled is None else scaled.reshape(shape[:2] + (1,) * (len(shape) - 2))), {}
