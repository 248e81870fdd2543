"""Normalisation of channels: over the batch, over groups, over each sample. Names and arguments are PyTorch's."""

from math import prod

from nanonet.op import Composite, Op, sample
from nanonet.ops.arguments import shape_of
from nanonet.ops.norm import (
    AFFINE_LATEX,
    affine,
    mean_last,
    mean_product,
    refuse_misfits,
    standardize,
    standardize_backward,
)
from nanonet.sampling import constant, normal, positive


def positions_last(xp, x):
    """x (N, C, …) as (N, C, M), M positions."""
    return xp.reshape(x, (*x.shape[:2], prod(x.shape[2:])))


def per_channel(xp, *parameters):
    """Each w (C), or None, as (C, 1), to go with x (N, C, M)."""
    return [None if w is None else xp.expand_dims(w, 1) for w in parameters]


def move_towards(running, new, momentum):
    """running ← (1 - momentum) running + momentum new, in place. The only place where statistics are written."""
    if running is not None:
        running[...] = (1 - momentum) * getattr(running, "array", running) + momentum * new.array


class BatchNorm(Op):
    """y = x̂ ⊙ w + b;  dx = w r ⊙ (dy - mean(dy) - x̂ mean(dy ⊙ x̂));  dw = Σ dy ⊙ x̂;  db = Σ dy.

    x̂ = (x - mean) r, r = 1/√(var + eps), for every channel. `batch_norm(input, running_mean, running_var, weight=None,
    bias=None, training=False, momentum=0.1, eps=1e-5)`: input (N, C, …), everything else (C).

    With `training` the mean and the (biased) variance are the batch's, and running ← (1 - momentum) running + momentum
    batch, in place, with the unbiased variance. Otherwise they are the running ones, constants: then dx = w r ⊙ dy.
    The rule itself changes nothing: it returns y, mean and unbiased variance, the last two as constants. Raises
    ValueError for shapes that do not fit, and in training for one value per channel, which has no variance.
    Source: Ioffe and Szegedy, Batch normalization (2015).
    """

    promote = "float"
    latex = (
        r"y = \hat{x} \odot w + b; dx = w\,r \odot (dy - \overline{dy} - \hat{x}\,\overline{dy \odot \hat{x}});"
        r"dw = \sum dy \odot \hat{x}; db = \sum dy"
    )
    shapes = "x (N, C, …), mean (C), var (C), w (C), b (C) -> y (N, C, …)"
    samples = [
        sample(normal(4, 3), None, None, normal(3), normal(3), training=True),
        sample(normal(2, 3, 2, 2), None, None, normal(3), normal(3), training=True, eps=0.1, name="images"),
        sample(normal(3, 2, 2), None, None, training=True, name="no weight"),
        sample(normal(3, 2), constant(normal(2)), constant(positive(2)), normal(2), normal(2), name="evaluation"),
        sample(normal(2, 2, 3), constant(normal(2)), constant(positive(2)), None, normal(2), name="bias only"),
        sample(normal(0, 2), constant(normal(2)), constant(positive(2)), normal(2), name="empty"),
        sample(normal(0, 2), None, None, normal(2), normal(2), training=True, name="training on nothing"),
    ]

    def call(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
        shape = shape_of(input)
        if len(shape) < 2:
            raise ValueError(f"batch_norm: expected input (N, C, …), got shape {shape}")
        parts = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
        refuse_misfits("batch_norm", shape[1:2], **parts)
        if not training:
            if running_mean is None or running_var is None:
                raise ValueError("batch_norm: without training=True it needs running_mean and running_var, got None")
            return (input, running_mean, running_var, weight, bias), {"eps": eps}
        if prod(shape[2:], start=shape[0]) == 1:
            raise ValueError(f"batch_norm: in training expected more than 1 value per channel, got input {shape}")
        return (input, None, None, weight, bias), {"eps": eps}

    def finish(outputs, input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=0):
        y, mean, var = outputs
        if training:
            move_towards(running_mean, mean, momentum)
            move_towards(running_var, var, momentum)
        return y

    def forward(xp, x, mean, var, w, b, *, eps):
        x3, n = positions_last(xp, x), prod(x.shape[2:], start=x.shape[0])
        wc, bc, mean_c, var_c = per_channel(xp, w, b, mean, var)
        if mean is None:
            xhat, r, mean, var = standardize(xp, x3, (0, 2), n, eps)
            mean, var = xp.reshape(mean, (x.shape[1],)), xp.reshape(var, (x.shape[1],)) * (n / max(n - 1, 1))
        else:
            r = 1 / xp.sqrt(var_c + eps)
            xhat, n = (x3 - mean_c) * r, None
        return (xp.reshape(affine(xp, xhat, wc, bc), x.shape), mean, var), (xhat, r, wc, n)

    def backward(xp, saved, dys, needs):
        xhat, r, wc, n = saved
        dy, shape = positions_last(xp, dys[0]), dys[0].shape
        db = xp.sum(dy, axis=(0, 2))
        dw = xp.einsum("ncm,ncm->c", dy, xhat)
        dx = None
        if needs[0]:
            scale = r if wc is None else r * wc
            if n is None:
                dx = dy * scale
            else:
                mean_dy, mean_p = per_channel(xp, db / max(n, 1), dw / max(n, 1))
                dx = standardize_backward(xp, xhat, scale, dy, mean_dy, mean_p)
            dx = xp.reshape(dx, shape)
        return dx, None, None, dw, db


class GroupNorm(Op):
    """y = x̂ ⊙ w + b;  dx = r (g - mean(g) - x̂ mean(g ⊙ x̂)), g = dy ⊙ w;  dw = Σ dy ⊙ x̂;  db = Σ dy.

    x̂ = (x - mean)/√(var + eps) over the channels of a group and all positions, for every sample. `group_norm(input,
    num_groups, weight=None, bias=None, eps=1e-5)`: input (N, C, …), weight and bias (C). Raises ValueError for shapes
    that do not fit and for groups of one value. Source: Wu and He, Group normalization (2018).
    """

    promote = "float"
    latex = AFFINE_LATEX
    shapes = "x (N, C, …), w (C), b (C) -> y (N, C, …)"
    samples = [
        sample(normal(2, 4, 2, 2), 2, normal(4), normal(4)),
        sample(normal(2, 6), 2, normal(6), normal(6), name="no positions"),
        sample(normal(1, 2, 3), 1, normal(2), name="one group"),
        sample(normal(2, 3, 3), 3, name="a group for each channel"),
        sample(normal(0, 2, 2), 2, name="empty"),
    ]

    def call(input, num_groups, weight=None, bias=None, eps=1e-5):
        shape = shape_of(input)
        if len(shape) < 2 or num_groups < 1 or shape[1] % num_groups:
            raise ValueError(f"group_norm: input (N, C, …) = {shape} needs num_groups to divide C, got {num_groups}")
        if prod(shape[2:], start=shape[0] * (shape[1] // num_groups)) == 1:
            raise ValueError(
                f"group_norm: expected more than 1 value per group, got input {shape}, {num_groups} groups"
            )
        refuse_misfits("group_norm", shape[1:2], weight=weight, bias=bias)
        return (input, weight, bias), {"num_groups": num_groups, "eps": eps}

    def forward(xp, x, w, b, *, num_groups, eps):
        m = prod(x.shape[1:]) // num_groups
        xhat, r, _, _ = standardize(xp, xp.reshape(x, (x.shape[0], num_groups, m)), -1, m, eps)
        wc, bc = per_channel(xp, w, b)
        y = affine(xp, xp.reshape(xhat, (*x.shape[:2], prod(x.shape[2:]))), wc, bc)
        return xp.reshape(y, x.shape), (xhat, r, wc, x.shape)

    def backward(xp, saved, dy, needs):
        xhat, r, wc, shape = saved
        dy = positions_last(xp, dy)
        dx = dw = db = None
        if needs[0]:
            g = xp.reshape(dy if wc is None else dy * wc, xhat.shape)
            dx = standardize_backward(xp, xhat, r, g, mean_last(xp, g), mean_product(xp, g, xhat))
            dx = xp.reshape(dx, shape)
        if needs[1]:
            dw = xp.einsum("ncm,ncm->c", dy, xp.reshape(xhat, dy.shape))
        if needs[2]:
            db = xp.sum(dy, axis=(0, 2))
        return dx, dw, db


class InstanceNorm(Composite):
    """y = x̂ ⊙ w + b;  dx = r (g - mean(g) - x̂ mean(g ⊙ x̂)), g = dy ⊙ w;  dw = Σ dy ⊙ x̂;  db = Σ dy.

    x̂ = (x - mean)/√(var + eps) over the positions, for every sample and channel. `instance_norm(input,
    running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True, momentum=0.1, eps=1e-5)`: input
    (N, C, …), everything else (C).

    With `use_input_stats` the running statistics, where given, move towards the input's, averaged over the samples
    (the variance unbiased); without it they take the place of the input's, as in batch_norm's evaluation. Raises
    ValueError for shapes that do not fit and for one value per channel. Source: Ulyanov et al. (2016).
    """

    latex = AFFINE_LATEX
    shapes = BatchNorm.shapes
    samples = [
        sample(normal(2, 3, 2, 2), None, None, normal(3), normal(3)),
        sample(normal(2, 2, 3), name="no weight"),
        sample(
            normal(2, 3, 2),
            constant(normal(3)),
            constant(positive(3)),
            normal(3),
            use_input_stats=False,
            name="evaluation",
        ),
    ]

    def call(
        input,
        running_mean=None,
        running_var=None,
        weight=None,
        bias=None,
        use_input_stats=True,
        momentum=0.1,
        eps=1e-5,
    ):
        shape = shape_of(input)
        if len(shape) < 2:
            raise ValueError(f"instance_norm: expected input (N, C, …), got shape {shape}")
        parts = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
        refuse_misfits("instance_norm", shape[1:2], **parts)
        if use_input_stats and prod(shape[2:]) == 1:
            raise ValueError(f"instance_norm: expected more than 1 value per channel and sample, got input {shape}")
        if not use_input_stats and (running_mean is None or running_var is None):
            raise ValueError("instance_norm: use_input_stats=False needs running_mean and running_var, got None")
        tracks = use_input_stats and (running_mean is not None or running_var is not None)
        statistics = (None, None) if use_input_stats else (running_mean, running_var)
        return (input, *statistics, weight, bias), {"tracks": tracks, "eps": eps}

    def finish(
        outputs,
        input,
        running_mean=None,
        running_var=None,
        weight=None,
        bias=None,
        use_input_stats=True,
        momentum=0.1,
        eps=0,
    ):
        y, mean, var = outputs
        if mean is not None:
            move_towards(running_mean, mean, momentum)
            move_towards(running_var, var, momentum)
        return y

    def forward(xp, x, mean, var, w, b, *, tracks, eps):
        if mean is not None:
            return xp.batch_norm(x, mean, var, w, b, eps=eps), None, None
        y = xp.group_norm(x, x.shape[1], w, b, eps)
        if not tracks:
            return y, None, None
        n = prod(x.shape[2:])
        _, _, mean, var = standardize(xp, xp.reshape(x, (*x.shape[:2], n)), -1, n, eps)
        return y, xp.mean(mean, axis=(0, 2)), xp.mean(var, axis=(0, 2)) * (n / (n - 1))
