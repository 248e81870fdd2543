"""Vectors looked up by label, with PyTorch's names and arguments."""

import numpy as np

from nanonet.device import readable
from nanonet.op import Op, sample
from nanonet.ops.arguments import shape_of
from nanonet.sampling import integers, normal, values

PADDING = "its gradient is left out on purpose"


class Embedding(Op):
    """y = rows `input` of w;  dw = zeros with dy added at the rows `input`.

    `embedding(input, weight, padding_idx=None)`: input (…) of integers in [0, V), weight w (V, D). A row looked up
    several times receives the sum of its gradients; the row `padding_idx` (which may count from the end) receives
    none. `max_norm`, `scale_grad_by_freq` and `sparse`, which PyTorch has as well, are refused. Raises IndexError for
    a label out of range, TypeError for labels that are no integers.
    """

    latex = r"y_i = w_{x_i}; dw_{x_i} \mathrel{+}= dy_i"
    shapes = "input (…), w (V, D) -> y (…, D)"
    samples = [
        sample(integers(5, 2, 3), normal(5, 2)),
        sample(values([0, 2, 2, 0, 2], floating=False), normal(3, 2), name="repeated"),
        sample(values([0, 2, 1, 2], floating=False), normal(3, 2), padding_idx=2, name="padding", kink=PADDING),
        sample(
            values([0, 2, 1], floating=False), normal(3, 2), padding_idx=-1, name="padding from the end", kink=PADDING
        ),
        sample(integers(5), normal(5, 2), name="one label"),
        sample(integers(5, 0), normal(5, 2), name="empty"),
    ]

    def call(input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False):
        for name, given in (("max_norm", max_norm), ("scale_grad_by_freq", scale_grad_by_freq), ("sparse", sparse)):
            if given:
                raise ValueError(f"embedding: {name} is not supported, got {given!r}; leave it out")
        shape = shape_of(weight)
        if len(shape) != 2:
            raise ValueError(f"embedding: expected weight (V, D), got shape {shape}")
        refuse_labels(input, shape[0])
        if padding_idx is not None:
            if not -shape[0] <= padding_idx < shape[0]:
                raise ValueError(f"embedding: expected padding_idx in [-{shape[0]}, {shape[0]}), got {padding_idx}")
            padding_idx %= shape[0]
        return (input, weight), {"padding_idx": padding_idx}

    def forward(xp, labels, w, *, padding_idx):
        return w[labels], (labels, w.shape, padding_idx)

    def backward(xp, saved, dy):
        labels, shape, padding_idx = saved
        if padding_idx is not None:
            dy = xp.masked_fill(dy, xp.broadcast_to(xp.expand_dims(xp.equal(labels, padding_idx), -1), dy.shape), 0.0)
        return None, xp.put_add(dy, shape=shape, key=labels)


def refuse_labels(labels, size):
    """Labels must be integers in [0, size)."""
    labels = getattr(labels, "array", labels)
    labels = labels if hasattr(labels, "dtype") else np.asarray(labels)
    if not labels.size:
        return
    if labels.dtype.kind not in "iu":
        raise TypeError(f"embedding: expected integer labels, got {labels.dtype}; use input.astype('int64')")
    if not readable(labels):
        return
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= size:
        wrong = low if low < 0 else high
        raise IndexError(
            f"embedding: label {wrong} is out of range for weight with {size} rows; expected 0 to {size - 1}"
        )
