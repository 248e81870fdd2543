"""Losses that are negative log-likelihoods of a distribution, with PyTorch's names and arguments."""

from math import log, pi

import numpy as np

from nanonet.device import readable
from nanonet.op import Composite, sample
from nanonet.ops.arguments import shape_of
from nanonet.ops.loss import check_broadcast, check_reduction, reduced
from nanonet.sampling import constant, normal, positive, uniform, values


class GaussianNllLoss(Composite):
    """y = mean ½ (log v + (x - t)² / v), where v = max(var, eps);  dx = dy ⊙ (x - t) / (v n);  dt = -dx;
    dvar = dy ⊙ ½ (1 / v - (x - t)² / v²) / n.

    `gaussian_nll_loss(input, target, var, full=False, eps=1e-6, reduction="mean")`: the input holds means. `var` is
    in input's shape, or has 1 for, or lacks, the last axis, or is a number. `full` adds ½ log 2π. As in PyTorch the
    gradient does not see that var was held at eps. Raises ValueError for a negative var.
    Source: Nix and Weigend, Estimating the mean and variance of the target probability distribution (1994).
    """

    latex = (
        r"y = \frac1n \sum \tfrac12 (\log v + (x - t)^2 / v),\ v = \max(var, \epsilon); "
        r"dx = \tfrac1n\, dy \odot (x - t) / v; dt = -dx; "
        r"dvar = \tfrac1n\, dy \odot \tfrac12 (1 / v - (x - t)^2 / v^2)"
    )
    shapes = "input (…, D), target (…, D), var (…, D), (…, 1), (…) or () -> y (), or (…, D) with reduction='none'"
    samples = [
        sample(normal(3, 4), normal(3, 4), positive(3, 4)),
        sample(normal(3, 4), normal(3, 4), positive(3, 1), full=True, reduction="none", name="one for a row"),
        sample(normal(2, 3, 4), normal(2, 3, 4), positive(2, 3), reduction="sum", name="lacking the last axis"),
        sample(normal(3, 4), normal(3, 4), 0.5, name="number"),
        sample(normal(3), normal(3), values([0.0, 1e-9, 0.5]), name="below eps", kink="var < eps"),
    ]

    def call(input, target, var, full=False, eps=1e-6, reduction="mean"):
        check_reduction("gaussian_nll_loss", reduction)
        check_broadcast("gaussian_nll_loss", input=input, target=target)
        shape = shape_of(input)
        if isinstance(var, float | int):
            var = np.full(shape, var, getattr(input, "dtype", np.float32))
        v = shape_of(var)
        one_differs = len(v) == len(shape) and [m for n, m in zip(shape, v, strict=True) if n != m] in ([], [1])
        if not one_differs and v != shape[:-1]:
            raise ValueError(f"gaussian_nll_loss: input {shape} needs a var {shape} or {shape[:-1]}, got {v}")
        array = var.array if hasattr(var, "array") else np.asarray(var)
        if readable(array) and (array < 0).any():
            raise ValueError(f"gaussian_nll_loss: expected var >= 0, got {array.min()}; for log-variances use exp(var)")
        return (input, target, var), {"full": full, "eps": eps, "reduction": reduction}

    def forward(xp, x, target, var, *, full, eps, reduction):
        if var.ndim < x.ndim:
            var = xp.expand_dims(var, -1)
        v = var + xp.clip(eps - var.detach(), 0.0, None)
        losses = 0.5 * (xp.log(v) + xp.square(x - target) / v)
        return reduced(xp, losses + 0.5 * log(2 * pi) if full else losses, reduction)


class PoissonNllLoss(Composite):
    """y = mean eˣ - t x;  dx = dy ⊙ (eˣ - t) / n;  dt = -dy ⊙ x / n.

    `poisson_nll_loss(input, target, log_input=True, full=False, eps=1e-8, reduction="mean")`: the input holds the
    logarithms of rates, or with `log_input=False` the rates; then y = mean x - t log(x + eps). The target holds counts.
    `full` adds Stirling's approximation of log t!, t log t - t + ½ log 2πt, where t > 1.
    """

    latex = r"y = \frac1n \sum e^x - t x; dx = \tfrac1n\, dy \odot (e^x - t); dt = -\tfrac1n\, dy \odot x"
    shapes = "input (…), target (…) -> y (), or (…) with reduction='none'"
    samples = [
        sample(normal(3, 4), positive(3, 4)),
        sample(normal(3, 4), positive(3, 4), reduction="sum"),
        sample(positive(3, 4), positive(3, 4), log_input=False, reduction="none", name="rates"),
        sample(normal(5), uniform(1.5, 9.0, 5), full=True, name="full"),
        sample(normal(4), constant(values([0.0, 1.0, 2.0, 7.0])), full=True, reduction="none", name="counts"),
    ]

    def call(input, target, log_input=True, full=False, eps=1e-8, reduction="mean"):
        check_reduction("poisson_nll_loss", reduction)
        check_broadcast("poisson_nll_loss", input=input, target=target)
        return (input, target), {"log_input": log_input, "full": full, "eps": eps, "reduction": reduction}

    def forward(xp, x, target, *, log_input, full, eps, reduction):
        losses = xp.exp(x) - target * x if log_input else x - target * xp.log(x + eps)
        if full:
            large = target > 1
            t = xp.where(large, target, 1.0)
            losses = losses + xp.where(large, t * xp.log(t) - t + 0.5 * xp.log(2 * pi * t), 0.0)
        return reduced(xp, losses, reduction)


class SoftMarginLoss(Composite):
    """y = mean log(1 + e^(-t x));  dx = -dy ⊙ t σ(-t x) / n.

    The target holds 1 and -1. Deviation: correct where PyTorch's e^(-t x) overflows to inf.
    """

    latex = r"y = \frac1n \sum \log(1 + e^{-t x}); dx = -\tfrac1n\, dy \odot t\, \sigma(-t x)"
    shapes = "input (…), target (…) -> y (), or (…) with reduction='none'"
    samples = [
        sample(normal(4), constant(values([1.0, -1.0, 1.0, -1.0]))),
        sample(normal(3, 2), constant(values([1.0, -1.0])), reduction="sum", name="broadcast"),
        sample(values([40.0, -40.0]), constant(values([1.0, 1.0])), reduction="none", name="large"),
    ]

    def call(input, target, reduction="mean"):
        check_reduction("soft_margin_loss", reduction)
        check_broadcast("soft_margin_loss", input=input, target=target)
        return (input, target), {"reduction": reduction}

    def forward(xp, x, target, *, reduction):
        return reduced(xp, -xp.logsigmoid(target * x), reduction)
