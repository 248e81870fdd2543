"""Losses of probabilities against probabilities, with PyTorch's names and arguments."""

import numpy as np

from nanonet.device import readable
from nanonet.op import Op, sample
from nanonet.ops.loss import (
    REDUCTIONS,
    check_broadcast,
    check_constant,
    check_reduction,
    check_same_shape,
    reduced,
    share,
)
from nanonet.sampling import constant, normal, positive, probabilities, uniform, values

FLOOR = 9.999999960041972e-13  # 1e-12 as float32 holds it, which is PyTorch's number in float64 too


def check_binary(op, input, target, reduction, **weights):
    """Target of input's shape; constant weights that broadcast to it."""
    check_reduction(op, reduction)
    check_same_shape(op, input, target)
    check_constant(op, **weights)
    for name, weight in weights.items():
        if weight is None:
            continue
        try:
            fits = np.broadcast_shapes(np.shape(weight), np.shape(input)) == np.shape(input)
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(f"{op}: {name} {np.shape(weight)} does not broadcast to input's shape {np.shape(input)}")


def check_probabilities(op, **arguments):
    for name, x in arguments.items():
        array = x.array if hasattr(x, "array") else np.asarray(x)
        if readable(array) and not ((array >= 0) & (array <= 1)).all():
            remedy = "; for logits use binary_cross_entropy_with_logits" if name == "input" else ""
            raise ValueError(f"{op}: expected {name} in [0, 1], got {array.min()} … {array.max()}{remedy}")


class BinaryCrossEntropyWithLogits(Op):
    """y = mean -w (p t log σ(x) + (1 - t) log(1 - σ(x)));  dx = dy ⊙ w ((1 - t) σ(x) - p t σ(-x)) / n;
    dt = dy ⊙ w (-p log σ(x) + log(1 - σ(x))) / n.

    input       logits (…)
    target      probabilities (…), integers or floats
    weight      broadcasts to (…); constant
    pos_weight  p, what a positive counts for against a negative (default 1), broadcasts to (…); constant

    Overflows nowhere: -log σ(x) = max(-x, 0) + log(1 + e^-|x|).
    """

    promote = "float"
    latex = (
        r"y = -\frac1n \sum w (p\, t \log \sigma(x) + (1 - t) \log(1 - \sigma(x))); "
        r"dx = \tfrac1n\, dy \odot w ((1 - t) \sigma(x) - p\, t\, \sigma(-x)); "
        r"dt = \tfrac1n\, dy \odot w (\log(1 - \sigma(x)) - p \log \sigma(x))"
    )
    shapes = "input (…), target (…), weight, pos_weight (broadcast to …) -> y (), or (…) with reduction='none'"
    samples = [
        sample(normal(3, 4), uniform(0, 1, 3, 4)),
        sample(normal(3, 4), uniform(0, 1, 3, 4), reduction="sum"),
        sample(normal(3, 4), uniform(0, 1, 3, 4), constant(positive(4)), "none", name="weight"),
        sample(normal(3, 4), uniform(0, 1, 3, 4), None, "mean", constant(positive(4)), name="pos_weight"),
        sample(normal(3, 4), uniform(0, 1, 3, 4), constant(positive(3, 1)), "sum", constant(positive(4)), name="both"),
        sample(normal(), uniform(0, 1), name="0-d"),
        sample(values([0.0, 0.0, 0.0]), values([0.0, 0.3, 1.0]), name="logit 0"),
        sample(values([1e4, -1e4, 1e4, -1e4]), values([1.0, 0.0, 0.0, 1.0]), name="large"),
        sample(normal(0, 3), uniform(0, 1, 0, 3), name="mean of nothing", kink="nan"),
    ]

    def call(input, target, weight=None, reduction="mean", pos_weight=None):
        op = "binary_cross_entropy_with_logits"
        check_binary(op, input, target, reduction, weight=weight, pos_weight=pos_weight)
        return (input, target, weight, pos_weight), {"reduction": reduction}

    def forward(xp, x, target, weight, pos_weight, *, reduction="mean"):
        softplus = xp.maximum(-x, 0.0) + xp.log1p(xp.exp(-xp.abs(x)))  # -log σ(x)
        positives = 1.0 if pos_weight is None else 1.0 + (pos_weight - 1.0) * target
        losses = (1.0 - target) * x + positives * softplus
        each = share(losses, reduction) if weight is None else weight * share(losses, reduction)
        y = reduced(xp, losses if weight is None else weight * losses, reduction)
        return y, (x, target, softplus, pos_weight, each)

    def backward(xp, saved, dy, needs):
        x, target, softplus, pos_weight, each = saved
        dlosses = dy * each
        if pos_weight is None:
            return dlosses * (xp.sigmoid(x) - target), dlosses * -x if needs[1] else None, None, None
        dx = dlosses * ((1.0 - target) * xp.sigmoid(x) - target * pos_weight * xp.sigmoid(-x))
        return dx, dlosses * ((pos_weight - 1.0) * softplus - x) if needs[1] else None, None, None


class BinaryCrossEntropy(Op):
    """y = mean -w (t log x + (1 - t) log(1 - x));  dx = dy ⊙ w (x - t) / (x (1 - x) n);
    dt = dy ⊙ w (log(1 - x) - log x) / n.

    input   probabilities (…)
    target  probabilities (…)
    weight  broadcasts to (…); constant

    Both logarithms are held at -100 or more, and x (1 - x) at 1e-12 or more, as in PyTorch, so that x = 0 and x = 1
    give finite losses and gradients. Raises ValueError for an input or target outside [0, 1].
    """

    promote = "float"
    latex = (
        r"y = -\frac1n \sum w (t \log x + (1 - t) \log(1 - x)); "
        r"dx = \tfrac1n\, dy \odot w \frac{x - t}{x (1 - x)}; dt = \tfrac1n\, dy \odot w (\log(1 - x) - \log x)"
    )
    shapes = "input (…), target (…), weight (broadcasts to …) -> y (), or (…) with reduction='none'"
    samples = [
        sample(uniform(0.1, 0.9, 3, 4), uniform(0.1, 0.9, 3, 4)),
        sample(uniform(0.1, 0.9, 3, 4), uniform(0.1, 0.9, 3, 4), reduction="sum"),
        sample(uniform(0.1, 0.9, 3, 4), uniform(0.1, 0.9, 3, 4), constant(positive(4)), "none", name="weight"),
        sample(uniform(0.1, 0.9), uniform(0.1, 0.9), name="0-d"),
        sample(uniform(0, 1, 0, 3), uniform(0, 1, 0, 3), name="mean of nothing", kink="nan"),
        sample(values([0.0, 1.0, 0.0, 1.0]), constant(values([0.0, 1.0, 1.0, 0.0])), name="certain", kink="log 0"),
    ]

    def call(input, target, weight=None, reduction="mean"):
        check_binary("binary_cross_entropy", input, target, reduction, weight=weight)
        check_probabilities("binary_cross_entropy", input=input, target=target)
        return (input, target, weight), {"reduction": reduction}

    def forward(xp, x, target, weight, *, reduction="mean"):
        tiny = 1e-45  # its logarithm is below -100, in float32 too
        log_x = xp.maximum(xp.log(xp.maximum(x, tiny)), -100.0)
        log_not_x = xp.maximum(xp.log(xp.maximum(1.0 - x, tiny)), -100.0)
        difference = log_not_x - log_x
        losses = target * difference - log_not_x
        each = share(losses, reduction) if weight is None else weight * share(losses, reduction)
        y = reduced(xp, losses if weight is None else weight * losses, reduction)
        return y, (x, target, difference, each)

    def backward(xp, saved, dy, needs):
        x, target, difference, each = saved
        dlosses = dy * each
        dx = dlosses * (x - target) / xp.maximum(x * (1.0 - x), FLOOR)
        return dx, dlosses * difference if needs[1] else None, None


class KlDiv(Op):
    """y = mean t (log t - x);  dx = -dy ⊙ t / n;  dt = dy ⊙ (log t + 1 - x) / n.

    input       log-probabilities (…)
    target      probabilities (…), or with `log_target` their logarithms; shapes broadcast
    reduction   "batchmean" divides the sum by the first axis' length, which is what the divergence is; "mean" divides
                by the number of elements

    0 log 0 is 0. Source: Kullback and Leibler, On information and sufficiency (1951).
    """

    promote = "float"
    latex = r"y = \frac1n \sum t (\log t - x); dx = -\tfrac1n\, dy \odot t; dt = \tfrac1n\, dy \odot (\log t + 1 - x)"
    shapes = "input (…), target (…) -> y (), or (…) with reduction='none'"
    samples = [
        sample(normal(3, 4), probabilities(3, 4), reduction="batchmean"),
        sample(normal(3, 4), probabilities(3, 4), reduction="sum"),
        sample(normal(3, 4), probabilities(3, 4), reduction="none"),
        sample(normal(3, 4), normal(3, 4), reduction="batchmean", log_target=True, name="log target"),
        sample(normal(3, 4), normal(3, 4), reduction="none", log_target=True, name="log target, none"),
        sample(normal(3, 4), probabilities(4), reduction="batchmean", name="broadcast"),
        sample(normal(), uniform(0.1, 0.9), reduction="batchmean", name="0-d"),
        sample(normal(3), constant(values([0.0, 0.5, 0.5])), reduction="sum", name="zero target"),
    ]

    def call(input, target, reduction="mean", log_target=False):
        check_reduction("kl_div", reduction, (*REDUCTIONS, "batchmean"))
        check_broadcast("kl_div", input=input, target=target)
        return (input, target), {"reduction": reduction, "log_target": log_target}

    def forward(xp, x, target, *, reduction="mean", log_target=False):
        if log_target:
            t, log_t = xp.exp(target), target
        else:
            t = target
            log_t = xp.where(t < 0, xp.nan, xp.log(xp.where(t > 0, t, 1.0)))
        log_ratio = log_t - x
        losses = t * log_ratio
        if reduction == "batchmean":
            n = x.shape[0] if x.ndim else 1
            return xp.sum(losses) / (n or xp.nan), (target, t, log_ratio, log_target, 1.0 / (n or 1))
        return reduced(xp, losses, reduction), (target, t, log_ratio, log_target, share(losses, reduction))

    def backward(xp, saved, dy, needs):
        target, t, log_ratio, log_target, each = saved
        dlosses = dy * each
        dtarget = None
        if needs[1]:
            dtarget = t * (log_ratio + 1.0) if log_target else xp.where(target > 0, log_ratio + 1.0, xp.nan)
            dtarget = dlosses * dtarget
        return xp.broadcast_to(-dlosses * t, log_ratio.shape), dtarget
