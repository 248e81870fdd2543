"""Remarks on single operations: what a ReLU, a maximum, a norm, a loss does to a gradient."""

from __future__ import annotations

import numpy as np

from nanonet.teach.cards.noticing import Seen, remark

MOVING = (
    *("reshape", "flatten", "ravel", "squeeze", "expand_dims"),
    *("transpose", "swapaxes", "moveaxis", "flip", "roll"),
)


@remark
def relu_is_flat_below_zero(s: Seen) -> str | None:
    if not s.is_backward("relu") or not s.inputs:
        return None
    x = np.asarray(s.inputs[0])
    flat = int((x <= 0).sum())
    if not flat:
        return None
    here = "this one included, " if x[s.entry] <= 0 else ""
    return (
        f"{flat} of {x.size} inputs are ≤ 0, {here}where ReLU is flat: changing them a little changes nothing, so "
        "nothing passes."
    )


@remark
def a_dead_relu(s: Seen) -> str | None:
    if not s.is_backward("relu") or np.ndim(s.inputs[0]) != 2 or np.shape(s.inputs[0])[0] < 2:
        return None
    dead = np.flatnonzero((np.asarray(s.inputs[0]) <= 0).all(axis=0))
    if not dead.size:
        return None
    units = f"Unit {dead[0]} is" if dead.size == 1 else f"{dead.size} units are"
    return f"{units} ≤ 0 for every sample here. No gradient reaches what is before, so it cannot learn from this batch."


@remark
def saturation(s: Seen) -> str | None:
    if not s.is_backward("sigmoid", "tanh") or not s.outputs:
        return None
    y = np.asarray(s.outputs[0])
    slope = y * (1 - y) if s.op == "sigmoid" else 1 - y * y
    flat = int((slope < 0.01).sum())
    if not flat:
        return None
    return (
        f"{s.op} is saturated at {flat} of {y.size} entries: its slope there is below 0.01, and hardly anything of the "
        "gradient is left. Through several such layers it vanishes."
    )


@remark
def only_the_winner(s: Seen) -> str | None:
    if s.is_backward("max_pool1d", "max_pool2d", "adaptive_max_pool2d"):
        return "Only the winner of each window, of equal ones the first, gets its gradient: the others do not reach y."
    if s.is_backward("max", "min") and not _ties(s):
        which = "largest" if s.op == "max" else "smallest"
        where = "entry" if np.size(s.outputs[0]) == 1 else "of the entries that each result was taken from"
        return f"Only the {which} {where} gets a gradient: the others did not matter."
    return None


@remark
def ties_share(s: Seen) -> str | None:
    if not s.is_backward("max", "min") or not _ties(s):
        return None
    return "Several entries equal the result; there is no derivative at a tie, and they share the gradient evenly."


@remark
def softmax_and_cross_entropy_collapse(s: Seen) -> str | None:
    if not s.is_backward("cross_entropy"):
        return None
    weighted = len(s.inputs) > 2 and s.inputs[2] is not None
    gradient = "(p - q)/n" if s.attrs.get("reduction", "mean") == "mean" else "p - q"
    return (
        f"Softmax and cross-entropy together have a simple gradient, {gradient}: what was predicted minus what is right"
        f"{', times the weight of the class' * weighted}. The logarithm undoes the exponential, and no step can "
        "overflow."
    )


@remark
def sigmoid_and_cross_entropy_collapse(s: Seen) -> str | None:
    if not s.is_backward("binary_cross_entropy_with_logits") or s.target.name != "dx":
        return None
    if any(x is not None for x in s.inputs[2:]):  # weights stand before it, or within
        return None
    return "The slope σ(1 - σ) of the sigmoid cancels against the loss's denominator: what is left is σ(x) - target."


@remark
def dropout_masks(s: Seen) -> str | None:
    if s.op not in ("dropout", "dropout2d") or len(s.inputs) < 2 or s.inputs[1] is None:
        return None
    mask = np.asarray(s.inputs[1])
    if not mask.size:
        return None
    dropped = int((mask == 0).sum())
    scale = float(mask.max())
    if s.kind == "forward":
        return (
            f"{dropped} of {mask.size} entries are dropped, the others are multiplied by {scale:.4g}, so that the mean "
            "stays what it is when nothing is dropped."
        )
    return "The gradient goes through the same mask: what was dropped in the forward gets none."


@remark
def samples_are_coupled(s: Seen) -> str | None:
    if s.op != "batch_norm" or len(s.inputs) < 3 or s.target.name not in ("y", "y₁", "dx"):
        return None
    if s.inputs[1] is not None:
        return "In evaluation the running mean and variance are constants: each sample is treated for itself."
    if s.kind == "forward":
        return "Mean and variance are taken over the batch: the result for one sample depends on all the others."
    return (
        "x acts in three ways: directly, through the mean and through the variance. The last two couple the samples: "
        "the gradient of one depends on all."
    )


@remark
def features_are_coupled(s: Seen) -> str | None:
    if not s.is_backward("layer_norm", "rms_norm") or s.target.name != "dx":
        return None
    return "All features of a sample share its norm, so each one's gradient depends on all; samples stay apart."


@remark
def rows_that_repeat(s: Seen) -> str | None:
    if not s.is_backward("embedding") or not s.inputs:
        return None
    labels, counts = np.unique(np.asarray(s.inputs[0]), return_counts=True)
    if not labels.size or counts.max() < 2:
        return None
    return (
        f"Row {labels[counts.argmax()]} was looked up {counts.max()} times, and the gradients of all its copies are "
        "added; rows that were not looked up get 0."
    )


@remark
def addition_passes_on(s: Seen) -> str | None:
    if not s.is_backward("add"):
        return None
    both = len(s.step.outputs) == 2 or len(s.step.contributions) == 2
    return f"Addition hands dy on to {'both of its inputs' if both else 'its input'} unchanged."


@remark
def factors_exchange(s: Seen) -> str | None:
    if not s.is_backward("multiply") or s.forward is None:
        return None
    if len(set(s.forward.inputs)) == 1 and len(s.forward.inputs) == 2:
        return "The same tensor is both factors: it gets a contribution as each of them, and x·x has the slope 2x."
    return "Each factor's gradient is dy times the other factor."


@remark
def a_mean_divides(s: Seen) -> str | None:
    if not s.is_backward("mean") or not s.outputs:
        return None
    n = np.size(s.inputs[0]) // max(np.size(s.outputs[0]), 1)
    return f"Each of the {n} entries has a share of 1/{n} in the mean, and so of its gradient." if n > 1 else None


@remark
def a_sum_copies(s: Seen) -> str | None:
    if not s.is_backward("sum"):
        return None
    return "Each entry has the slope 1 in a sum: dy is copied to all of them. The backward of a sum is a broadcast."


@remark
def entries_are_only_moved(s: Seen) -> str | None:
    moving = (
        "reshape",
        "transpose",
        "swapaxes",
        "moveaxis",
        "squeeze",
        "expand_dims",
        "flatten",
        "ravel",
        "flip",
        "roll",
    )
    if not s.is_backward(*moving):
        return None
    return "Nothing was computed, entries were only put elsewhere: the gradient goes back the same way."


def _ties(s: Seen) -> bool:
    dx = np.asarray(s.target.value)
    return bool((dx != 0).sum() > np.size(s.outputs[0])) if s.outputs else False
