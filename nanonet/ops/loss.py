"""Losses of regression, with PyTorch's names and arguments; and what all losses share: their reductions."""

import math

import numpy as np

from nanonet.op import Op, sample
from nanonet.ops.arguments import shape_of
from nanonet.sampling import normal, positive, values

REDUCTIONS = ("mean", "sum", "none")


def check_reduction(op, reduction, allowed=REDUCTIONS):
    if reduction not in allowed:
        raise ValueError(f"{op}: expected reduction to be one of {', '.join(allowed)}, got {reduction!r}")


def check_same_shape(op, input, target, name="target"):
    """Refuse a target that only broadcasts to the input: (N,) against (N, 1) would become (N, N)."""
    x, t = shape_of(input), shape_of(target)
    if x != t:
        remedy = "reshape(target, input.shape)" if math.prod(x) == math.prod(t) else "broadcast_to(…) if you mean it"
        raise ValueError(f"{op}: {name} needs input's shape {x}, got {t}; use {remedy.replace('target', name)}")


def check_broadcast(op, **arguments):
    shapes = {name: shape_of(x) for name, x in arguments.items()}
    try:
        np.broadcast_shapes(*shapes.values())
    except ValueError:
        got = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"{op}: expected shapes that broadcast, got {got}; make the axes equal, or 1") from None


def check_constant(op, **arguments):
    for name, x in arguments.items():
        if getattr(x, "requires_grad", False):
            raise ValueError(f"{op}: {name} has no gradient here; pass {name}.detach()")


def reduced(xp, losses, reduction):
    """The losses themselves, their sum or their mean; the mean of nothing is nan."""
    if reduction == "none":
        return losses
    total = xp.sum(losses)
    return total / (losses.size or xp.nan) if reduction == "mean" else total


def share(losses, reduction):
    """∂reduced/∂loss for every one of `losses`, a number."""
    return 1.0 / (losses.size or 1) if reduction == "mean" else 1.0


def weighed(xp, losses, weight, reduction):
    """(y, ∂y/∂losses, ∂y/∂weight) for y = reduced(weight ⊙ losses), where the mean is Σ weight ⊙ losses / Σ weight."""
    if weight is None:
        return reduced(xp, losses, reduction), share(losses, reduction), None
    if reduction != "mean":
        return reduced(xp, weight * losses, reduction), weight, losses
    total = xp.sum(weight) if weight.size else xp.nan
    y = xp.sum(weight * losses) / total
    return y, weight / total, (losses - y) / total


def check_regression(op, input, target, reduction, weight=None):
    check_reduction(op, reduction)
    check_same_shape(op, input, target)
    if weight is not None:
        check_same_shape(op, input, weight, "weight")


class Regression(Op, abstract=True):
    """A loss of d = x - t."""

    promote = "float"
    shapes = "input (…), target (…) -> y (), or (…) with reduction='none'"
    samples = [
        sample(normal(3, 4), normal(3, 4)),
        sample(normal(3, 4), normal(3, 4), reduction="sum"),
        sample(normal(2, 3, 4), normal(2, 3, 4), reduction="none"),
        sample(normal(), normal(), name="0-d"),
        sample(normal(0, 3), normal(0, 3), reduction="sum", name="empty"),
        sample(normal(0, 3), normal(0, 3), name="mean of nothing", kink="nan"),
        sample(values([1e4, -1e4]), values([-1e4, 0.0]), name="large"),
    ]


class MseLoss(Regression):
    """y = mean (x - t)²;  dx = 2 dy ⊙ (x - t) / n;  dt = -dx.

    `reduction` "sum" and "none" leave out the 1/n. With `weight`, of input's shape, y = Σ w (x - t)² / Σ w.
    Deviation: of a target in another shape PyTorch warns and broadcasts it, (N,) against (N, 1) to (N, N). Here
    that is a ValueError.
    """

    latex = r"y = \frac1n \sum (x - t)^2; dx = \tfrac{2}{n}\, dy \odot (x - t); dt = -dx"
    samples = [
        *Regression.samples,
        sample(normal(3, 4), normal(3, 4), "mean", positive(3, 4), name="weight"),
        sample(normal(3, 4), normal(3, 4), "sum", positive(3, 4), name="weight, sum"),
        sample(normal(3, 4), normal(3, 4), "none", positive(3, 4), name="weight, none"),
        sample(normal(0, 3), normal(0, 3), "mean", positive(0, 3), name="weighted mean of nothing", kink="nan"),
    ]

    def call(input, target, reduction="mean", weight=None):
        check_regression("mse_loss", input, target, reduction, weight)
        return (input, target, weight), {"reduction": reduction}

    def forward(xp, x, target, weight, *, reduction="mean"):
        d = x - target
        y, dlosses, dweight = weighed(xp, d * d, weight, reduction)
        return y, (d, dlosses, dweight)

    def backward(xp, saved, dy, needs):
        d, dlosses, dweight = saved
        dx = 2.0 * dlosses * dy * d
        return dx, -dx if needs[1] else None, dweight * dy if needs[2] else None


class L1Loss(Regression):
    """y = mean |x - t|;  dx = dy ⊙ sign(x - t) / n;  dt = -dx.

    Where x = t the gradient is 0; where x - t is NaN it is NaN (PyTorch's is 0). `reduction`, `weight` and the
    deviation are those of mse_loss.
    """

    latex = r"y = \frac1n \sum |x - t|; dx = \tfrac1n\, dy \odot \mathrm{sign}(x - t); dt = -dx"
    samples = [*MseLoss.samples, sample(values([1.0, 2.0]), values([1.0, 1.0]), name="tie", kink="x = t")]

    def call(input, target, reduction="mean", weight=None):
        check_regression("l1_loss", input, target, reduction, weight)
        return (input, target, weight), {"reduction": reduction}

    def forward(xp, x, target, weight, *, reduction="mean"):
        d = x - target
        y, dlosses, dweight = weighed(xp, xp.abs(d), weight, reduction)
        return y, (xp.sign(d), dlosses, dweight)

    def backward(xp, saved, dy, needs):
        slope, dlosses, dweight = saved
        dx = dlosses * dy * slope
        return dx, -dx if needs[1] else None, dweight * dy if needs[2] else None


class SmoothL1Loss(Regression):
    """y = mean s (d - beta s / 2), where d = x - t and s is d / beta, clipped to [-1, 1];  dx = dy ⊙ s / n;  dt = -dx.

    That is d² / (2 beta) where |d| < beta, else |d| - beta / 2. `beta=0` gives l1_loss. The deviation is that of
    mse_loss. Source: Girshick, Fast R-CNN (2015), equation 3, where beta = 1.
    """

    latex = (
        r"y = \frac1n \sum s (d - \tfrac{\beta}{2} s),\ d = x - t,\ s = \mathrm{clip}(d / \beta, -1, 1); "
        r"dx = \tfrac1n\, dy \odot s; dt = -dx"
    )
    samples = [
        *Regression.samples,
        sample(normal(3, 4), normal(3, 4), beta=0.3, name="beta"),
        sample(normal(3, 4), normal(3, 4), beta=0.0, name="beta = 0"),
        sample(values([0.5, -0.5, 2.0, 0.0]), values([0.0] * 4), beta=0.5, name="edge", kink="|d| = beta"),
    ]

    def call(input, target, reduction="mean", beta=1.0):
        check_regression("smooth_l1_loss", input, target, reduction)
        if beta < 0:
            raise ValueError(f"smooth_l1_loss: expected beta >= 0, got {beta}")
        return (input, target), {"reduction": reduction, "beta": beta}

    def forward(xp, x, target, *, reduction="mean", beta=1.0):
        d = x - target
        s = xp.clip(d / beta, -1.0, 1.0) if beta else xp.sign(d)
        losses = s * (d - 0.5 * beta * s)
        return reduced(xp, losses, reduction), (s, share(losses, reduction))

    def backward(xp, saved, dy, needs):
        s, dlosses = saved
        dx = dlosses * dy * s
        return dx, -dx if needs[1] else None


class HuberLoss(Regression):
    """y = mean c (d - c / 2), where d = x - t and c is d, clipped to [-delta, delta];  dx = dy ⊙ c / n;  dt = -dx.

    That is d² / 2 where |d| < delta, else delta (|d| - delta / 2). With `weight`, of input's shape, the mean of the
    weighted losses is taken over their number, as PyTorch does. The deviation is that of mse_loss.
    Source: Huber, Robust estimation of a location parameter (1964).
    """

    latex = (
        r"y = \frac1n \sum c (d - \tfrac12 c),\ d = x - t,\ c = \mathrm{clip}(d, -\delta, \delta); "
        r"dx = \tfrac1n\, dy \odot c; dt = -dx"
    )
    samples = [
        *Regression.samples,
        sample(normal(3, 4), normal(3, 4), delta=0.3, name="delta"),
        sample(normal(3, 4), normal(3, 4), "mean", 1.0, positive(3, 4), name="weight"),
        sample(normal(3, 4), normal(3, 4), "none", 0.5, positive(3, 4), name="weight, none"),
        sample(values([0.5, -0.5, 2.0, 0.0]), values([0.0] * 4), delta=0.5, name="edge", kink="|d| = delta"),
    ]

    def call(input, target, reduction="mean", delta=1.0, weight=None):
        check_regression("huber_loss", input, target, reduction, weight)
        if delta <= 0:
            raise ValueError(f"huber_loss: expected delta > 0, got {delta}")
        return (input, target, weight), {"reduction": reduction, "delta": delta}

    def forward(xp, x, target, weight, *, reduction="mean", delta=1.0):
        d = x - target
        c = xp.clip(d, -delta, delta)
        losses = c * (d - 0.5 * c)
        weighted = losses if weight is None else weight * losses
        return reduced(xp, weighted, reduction), (c, losses, weight, share(losses, reduction))

    def backward(xp, saved, dy, needs):
        c, losses, weight, dlosses = saved
        dy = dlosses * dy
        dx = dy * c if weight is None else dy * weight * c
        return dx, -dx if needs[1] else None, dy * losses if needs[2] else None
