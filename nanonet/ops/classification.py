"""Losses of classification, with PyTorch's names and arguments."""

import numpy as np

from nanonet.device import readable
from nanonet.op import Op, sample
from nanonet.ops.arguments import shape_of
from nanonet.ops.loss import check_constant, check_reduction, check_same_shape
from nanonet.sampling import constant, integers, normal, positive, probabilities, values


def check_labels(op, input, target, ignore_index):
    """Scores (N, C, …) or (C,), labels (N, …) or () in [0, C) or equal to ignore_index.

    Returns ignore_index, or None where no label is ignored, which spares the rules most of their work.
    """
    x, t = shape_of(input), target.shape
    classes = x[0] if len(x) == 1 else x[1]
    if t != (x[:1] + x[2:] if len(x) > 1 else ()):
        raise ValueError(f"{op}: input (N, C, …) = {x} needs a target (N, …) = {x[:1] + x[2:]}, got {t}")
    if target.dtype.kind not in "iu":
        raise TypeError(f"{op}: expected integer labels, got {target.dtype}; use target.astype('int64')")
    labels = getattr(target, "array", target)
    if not labels.size or not readable(labels):
        return ignore_index
    if labels.min() >= 0 and labels.max() < classes:
        return ignore_index if 0 <= ignore_index < classes else None
    wrong = (labels != ignore_index) & ((labels < 0) | (labels >= classes))
    if wrong.any():
        place = tuple(np.argwhere(wrong)[0].tolist())
        raise ValueError(
            f"{op}: label {int(labels[place])} at {place} is none of the C = {classes} classes 0 … {classes - 1}"
            f" nor ignore_index = {ignore_index}"
        )
    return ignore_index


def check_scores(op, input, weight, reduction):
    check_reduction(op, reduction)
    shape = shape_of(input)
    if not shape:
        raise ValueError(f"{op}: expected an input (N, C, …) or (C,), got a 0-d one")
    dtype = getattr(input, "dtype", None)
    if dtype is not None and dtype.kind != "f":
        raise TypeError(f"{op}: expected a floating input, got {dtype}; use input.astype('float32')")
    if weight is not None:
        classes = shape[min(len(shape) - 1, 1)]
        if shape_of(weight) != (classes,):
            raise ValueError(f"{op}: expected a weight for each of the C = {classes} classes, got {shape_of(weight)}")
        check_constant(op, weight=weight)


def class_axis(x):
    return min(x.ndim - 1, 1)


def per_class(values, x):
    """`values` (C,) in a shape that broadcasts along the class axis of x (N, C, …)."""
    return values[(slice(None),) + (None,) * (x.ndim - 2)]


def per_sample(values, x):
    """`values` (N, …) in a shape that broadcasts along the samples of x (N, C, …)."""
    return values[(slice(None),) * class_axis(x) + (None,)]


def one_hot(xp, labels, x):
    """True where the class of x (N, C, …) is the label."""
    return xp.equal(per_sample(labels, x), per_class(xp.arange(x.shape[class_axis(x)]), x))


def read_labels(xp, x, target, weight, ignore_index):
    """(key, counts, valid): x[key] are the labels' scores (N, …), `counts` what each sample counts for.

    An ignored label reads class 0 and counts for nothing. Where none is, `valid` is None, and so is `counts` without
    weights: each sample counts 1.
    """
    valid = None if ignore_index is None else xp.not_equal(target, ignore_index)
    labels = target if valid is None else target * valid
    places = [xp.arange(n)[(slice(None),) + (None,) * (labels.ndim - i - 1)] for i, n in enumerate(labels.shape)]
    counts = None if weight is None else weight[labels]
    if valid is not None:
        counts = valid.astype(x.dtype) if counts is None else xp.where(valid, counts, 0.0)
    return (*places[:1], labels, *places[1:]), counts, valid


def total_count(xp, losses, counts, reduction):
    """What the sum of the losses is divided by. Of nothing, or of ignored labels only, the mean is nan."""
    if reduction != "mean":
        return 1.0
    if counts is None:
        return float(losses.size)
    total = xp.sum(counts)
    return xp.where(total == 0, xp.nan, total)


def spread(xp, dy, total, counts, valid):
    """The gradient that reaches each sample's loss; 0 for an ignored one, also where the mean is nan."""
    each = dy / total if counts is None else counts * (dy / total)
    return each if valid is None else xp.where(valid, each, 0.0)


LABELS = [
    sample(normal(4, 5), integers(5, 4)),
    sample(normal(4, 5), integers(5, 4), reduction="sum"),
    sample(normal(4, 5), integers(5, 4), reduction="none"),
    sample(normal(2, 3, 4), integers(3, 2, 4), name="one more axis"),
    sample(normal(2, 3, 2, 2), integers(3, 2, 2, 2), reduction="none", name="images"),
    sample(normal(5), integers(5), name="unbatched"),
    sample(normal(4, 3), integers(3, 4), constant(positive(3)), name="weight"),
    sample(normal(4, 3), integers(3, 4), constant(positive(3)), reduction="none", name="weight, none"),
    sample(normal(4, 3), values([2, -100, 0, -100], floating=False), name="ignored"),
    sample(normal(4, 3), values([2, 1, 0, 1], floating=False), constant(positive(3)), ignore_index=1, name="class"),
    sample(normal(2, 3), values([-100, -100], floating=False), name="all ignored", kink="nan"),
    sample(normal(2, 3, 2), values([[0, 2], [-100, 1]], floating=False), constant(positive(3)), name="pixel"),
    sample(normal(0, 3), integers(3, 0), reduction="sum", name="empty"),
    sample(normal(0, 3), integers(3, 0), name="mean of nothing", kink="nan"),
]


class CrossEntropy(Op):
    """y = mean -Σ q log p over the classes, where p = softmax(x) and q is the target;  dx = dy ⊙ (p Σq - q) / n.

    input            logits (N, C, …), or (C,) for one sample
    target           labels (N, …) in [0, C), then q is 1 at the label and 0 elsewhere; or probabilities (N, C, …)
    weight           (C,), multiplies q; constant
    ignore_index     samples with this label count for nothing; not for probabilities
    label_smoothing  ε: q becomes (1 - ε) q + ε / C
    reduction        "mean" divides by the weights of the labels that count; with probabilities, by their number

    Correct for logits of any size. The mean of nothing is nan. Raises ValueError for a label that is no class.
    """

    latex = (
        r"y = -\frac1n \sum_i \sum_c q_{ic} \log p_{ic},\ p = \mathrm{softmax}(x); "
        r"dx = \tfrac1n\, dy \odot (p \textstyle\sum_c q_c - q)"
    )
    shapes = "input (N, C, …), target (N, …) or (N, C, …), weight (C,) -> y (), or (N, …) with reduction='none'"
    samples = [
        *LABELS,
        sample(normal(3, 4), integers(4, 3), label_smoothing=0.2, name="smoothing"),
        sample(
            normal(4, 3),
            values([2, -100, 0, 1], floating=False),
            constant(positive(3)),
            label_smoothing=0.2,
            name="all",
        ),
        sample(normal(3, 4), integers(4, 3), None, reduction="none", label_smoothing=0.2, name="smoothing, none"),
        sample(normal(3, 4), probabilities(3, 4), name="probabilities"),
        sample(
            normal(2, 3, 2), probabilities(2, 3, 2, axis=1), constant(positive(3)), label_smoothing=0.1, name="soft"
        ),
        sample(normal(4), probabilities(4), reduction="none", name="unbatched probabilities"),
        sample(values([[1e4, -1e4, 0.0], [0.0, 1e4, -1e4]]), values([1, 1], floating=False), name="large"),
    ]

    def call(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
        target = target if hasattr(target, "dtype") else np.asarray(target)
        check_scores("cross_entropy", input, weight, reduction)
        if target.dtype.kind != "f":
            ignore_index = check_labels("cross_entropy", input, target, ignore_index)
        else:
            check_same_shape("cross_entropy", input, target)
            if ignore_index >= 0:
                raise ValueError(
                    f"cross_entropy: ignore_index = {ignore_index} is for labels, the target is probabilities"
                )
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"cross_entropy: expected label_smoothing in [0, 1], got {label_smoothing}")
        return (input, target, weight), {
            "ignore_index": ignore_index,
            "reduction": reduction,
            "label_smoothing": label_smoothing,
        }

    def forward(xp, x, target, weight, *, ignore_index=-100, reduction="mean", label_smoothing=0.0):
        axis = class_axis(x)
        z = x - xp.max(x, axis=axis, keepdims=True)
        p = xp.exp(z)
        s = xp.sum(p, axis=axis, keepdims=True)
        p /= s  # p is ours: in place for arrays
        if target.dtype.kind == "f" or label_smoothing:
            return soft_cross_entropy(xp, z, s, p, target, weight, ignore_index, reduction, label_smoothing)
        key, counts, valid = read_labels(xp, x, target, weight, ignore_index)
        losses = xp.log(s[(slice(None),) * axis + (0,)]) - z[key]
        if valid is not None:
            losses = xp.where(valid, losses, 0.0)
        if weight is not None:
            losses = counts * losses
        total = total_count(xp, losses, counts, reduction)
        y = losses if reduction == "none" else xp.sum(losses) / total
        return y, (p, target, counts, valid, total, None)

    def backward(xp, saved, dy, needs):
        p, q, counts, valid, total, soft = saved
        dlosses = spread(xp, dy, total, counts, valid)
        dlosses = per_sample(dlosses, p) if dlosses.ndim else dlosses
        if soft is None:
            dx = p - one_hot(xp, q, p)
            dx *= dlosses
            return dx, None, None
        dq, dtarget = soft
        dx = (p * xp.sum(q, axis=class_axis(p), keepdims=True) - q) * dlosses
        return dx, dq * dtarget * dlosses if needs[1] else None, None


def soft_cross_entropy(xp, z, s, p, target, weight, ignore_index, reduction, label_smoothing):
    """cross_entropy with the target as a distribution over all classes: y and saved."""
    axis = class_axis(z)
    if target.dtype.kind == "f":
        valid = xp.ones(target.shape[:axis] + target.shape[axis + 1 :], dtype=bool)
        counts = valid.astype(z.dtype)
    else:
        _, counts, valid = read_labels(xp, z, target, weight, -100 if ignore_index is None else ignore_index)
        target = one_hot(xp, target, z).astype(z.dtype)
    dq = 1.0 - label_smoothing
    q = dq * target + label_smoothing / z.shape[axis]
    if weight is not None:
        q = q * per_class(weight, z)
        dq = dq * per_class(weight, z)
    nlp = xp.log(s) - z
    losses = xp.where(valid, xp.sum(q * nlp, axis=axis), 0.0)
    total = total_count(xp, losses, counts, reduction)
    y = losses if reduction == "none" else xp.sum(losses) / total
    return y, (p, q, valid.astype(z.dtype), valid, total, (dq, nlp))


class NllLoss(Op):
    """y = mean -w x[target];  dx = -dy ⊙ w / n at the label, 0 elsewhere.

    input   log-probabilities (N, C, …), or (C,) for one sample
    target  labels (N, …) in [0, C)

    `weight`, `ignore_index` and `reduction` are those of cross_entropy, which is nll_loss(log_softmax(x), target).
    """

    latex = r"y = -\frac1n \sum_i w_{t_i} x_{i t_i}; dx_{i t_i} = -\tfrac1n\, w_{t_i}\, dy"
    shapes = "input (N, C, …), target (N, …), weight (C,) -> y (), or (N, …) with reduction='none'"
    samples = LABELS

    def call(input, target, weight=None, ignore_index=-100, reduction="mean"):
        target = target if hasattr(target, "dtype") else np.asarray(target)
        check_scores("nll_loss", input, weight, reduction)
        ignore_index = check_labels("nll_loss", input, target, ignore_index)
        return (input, target, weight), {"ignore_index": ignore_index, "reduction": reduction}

    def forward(xp, x, target, weight, *, ignore_index=-100, reduction="mean"):
        key, counts, valid = read_labels(xp, x, target, weight, ignore_index)
        losses = -(x[key] if valid is None else xp.where(valid, x[key], 0.0))
        losses = losses if counts is None else counts * losses
        total = total_count(xp, losses, counts, reduction)
        return losses if reduction == "none" else xp.sum(losses) / total, (x.shape, key, counts, valid, total)

    def backward(xp, saved, dy):
        shape, key, counts, valid, total = saved
        return xp.put_add(-spread(xp, dy, total, counts, valid), shape=shape, key=key), None, None
