"""Sliding windows and their transpose, for convolution and pooling, on NumPy's arrays or CuPy's (`np` is either)."""

from __future__ import annotations

from math import prod
from typing import Any

from numpy import ndindex


def windows(
    np: Any,
    x: Any,
    *,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    fill: float = 0.0,
) -> Any:
    """Every window of x (…, *S) as y (…, *kernel, *out): a view, of a padded copy if there is padding."""
    n = len(kernel)
    x = _padded(np, x, padding, fill)
    steps = x.strides[x.ndim - n :]
    size = x.shape[x.ndim - n :]
    out = tuple((h - d * (k - 1) - 1) // s + 1 for h, k, s, d in zip(size, kernel, stride, dilation, strict=True))
    return np.lib.stride_tricks.as_strided(
        x,
        shape=(*x.shape[: x.ndim - n], *kernel, *out),
        strides=(
            *x.strides[: x.ndim - n],
            *(step * d for step, d in zip(steps, dilation, strict=True)),
            *(step * s for step, s in zip(steps, stride, strict=True)),
        ),
    )


def _padded(np: Any, x: Any, padding: tuple[tuple[int, int], ...], fill: float) -> Any:
    """x with (left, right) more elements on each of the last axes; a negative `right` leaves elements out."""
    if any(right < 0 for _, right in padding):
        x = x[(..., *(slice(None, right if right < 0 else None) for _, right in padding))]
    if not any(left > 0 or right > 0 for left, right in padding):
        return x
    first = x.ndim - len(padding)
    size = [h + left + max(right, 0) for h, (left, right) in zip(x.shape[first:], padding, strict=True)]
    y = np.full((*x.shape[:first], *size), fill, x.dtype)
    y[(..., *(slice(left, left + h) for h, (left, _) in zip(x.shape[first:], padding, strict=True)))] = x
    return y


def fold_windows(
    np: Any,
    x: Any,
    *,
    size: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
) -> Any:
    """The transpose of `windows`: x (…, *kernel, *out) added up at the places it would be read from, y (…, *size).

    One vectorised addition for each element of the kernel, or for each window where these are fewer.
    """
    n = len(size)
    kernel, out = x.shape[x.ndim - 2 * n : x.ndim - n], x.shape[x.ndim - n :]
    lead = x.shape[: x.ndim - 2 * n]
    # y has its leading axes in the order that x has them in memory: then the additions walk through both alike.
    order = sorted(range(len(lead)), key=lambda axis: -x.strides[axis])
    full = [h + left + max(right, 0) for h, (left, right) in zip(size, padding, strict=True)]
    y = np.zeros((*(lead[axis] for axis in order), *full), x.dtype)
    y = y.transpose(*(order.index(axis) for axis in range(len(lead))), *range(len(lead), y.ndim))
    rest = (slice(None),) * n
    if prod(kernel) <= prod(out):
        for j in ndindex(*kernel):  # this element of every window
            reached = (slice(a * d, a * d + s * m, s) for a, d, s, m in zip(j, dilation, stride, out, strict=True))
            y[(..., *reached)] += x[(..., *j, *rest)]
    else:
        for o in ndindex(*out):  # every element of this window
            reached = (slice(a * s, a * s + d * k, d) for a, s, d, k in zip(o, stride, dilation, kernel, strict=True))
            y[(..., *reached)] += x[(..., *rest, *o)]
    return y[(..., *(slice(left, left + h) for h, (left, _) in zip(size, padding, strict=True)))]
