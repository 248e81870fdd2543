"""Sliding windows: the two linear maps, transposes of each other, that carry convolution and pooling.

`windows` shows every window of x as a strided view, `fold_windows` adds windows back to where they came from. Both act
on the last axes (the spatial ones), for any leading axes. Along each of them, with a kernel of k elements,
    window o, element j  <->  x[o·stride + j·dilation - left],
where (left, right) = `padding` says how many elements x is padded with on either side. `fit` chooses `right` so that
the last window ends exactly at the padded end; where windows do not reach the end of x, it is negative.
"""

import operator
from collections.abc import Sequence
from typing import Any

from nanonet.op import Composite, Op, sample
from nanonet.ops.arguments import shape_of
from nanonet.sampling import normal

Pairs = tuple[tuple[int, int], ...]


def numbers(op: str, name: str, value: Any, n: int, least: int) -> tuple[int, ...]:
    """`value`, an integer or a sequence of 1 or `n` of them, as n integers of at least `least`."""
    try:
        found = tuple(map(operator.index, value)) if isinstance(value, Sequence) else (operator.index(value),) * n
    except TypeError:
        raise TypeError(f"{op}: {name} is an integer or {n} of them, got {value!r}") from None
    if len(found) == 1:
        found *= n
    if len(found) != n:
        raise ValueError(f"{op}: {name} is an integer or {n} of them, got {value!r}")
    if min(found) < least:
        raise ValueError(f"{op}: {name} must be at least {least}, got {value!r}")
    return found


def check_axes(op: str, shape: tuple[int, ...], n: int, names: str = "C") -> None:
    """Refuse an input that is not (N, C, *spatial) or (C, *spatial) with `n` spatial axes, none of them empty."""
    spatial = ("L",) if n == 1 else ("H", "W")
    if len(shape) not in (n + 1, n + 2):
        expected = ", ".join((names, *spatial))
        raise ValueError(f"{op}: expected an input (N, {expected}) or ({expected}), got {shape}; reshape it first")
    if 0 in shape[-n - 1 :]:
        raise ValueError(f"{op}: only the batch may be empty, got an input {shape}")


def fit(
    op: str,
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    padding: Pairs,
    ceil_mode: bool = False,
) -> Pairs:
    """`padding` with `right` such that the windows end where the padded x ends.

    The number of windows is ⌊(size + left + right - dilation (kernel - 1) - 1) / stride⌋ + 1. With `ceil_mode` it is
    rounded up, but a window that would start in the padding on the right is left out.
    """
    fitted: list[tuple[int, int]] = []
    for h, k, s, d, (left, right) in zip(size, kernel, stride, dilation, padding, strict=True):
        span = d * (k - 1) + 1
        room = h + left + right - span
        last = -(-room // s) if ceil_mode else room // s
        if last < 0:
            spans = f"the kernel spans {span}" + (f" (dilation {d})" if d > 1 else "")
            room = f"the input with its padding only {h + left + right}"
            raise ValueError(f"{op}: {spans}, but {room}; pad the input or take a smaller kernel")
        if ceil_mode and last * s >= h + left:
            last -= 1
        fitted.append((left, last * s + span - h - left))
    return tuple(fitted)


def count(size: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int], padding: Pairs):
    """How many windows there are along each axis, for a padding from `fit`."""
    rows = zip(size, kernel, stride, dilation, padding, strict=True)
    return tuple((h + left + right - d * (k - 1) - 1) // s + 1 for h, k, s, d, (left, right) in rows)


class Windows(Op):
    """y[…, j, o] = x[…, o·stride + j·dilation - left];  dx = fold_windows(dy).

    A read-only view, or, with padding, a view of a padded copy. `padding` has (left, right) for each axis; `fill` is
    what padding consists of. A negative `right` leaves elements at the end out.
    """

    latex = r"y_{j,o} = x_{o s + j d - p}; dx_i = \sum_{o s + j d - p = i} dy_{j,o}"
    shapes = "x (…, *S), kernel (K…) -> y (…, *K, *O), O = ⌊(S + left + right - dilation (K - 1) - 1) / stride⌋ + 1"
    samples = [
        sample(normal(2, 3, 6), (3,), (1,), (1,), ((0, 0),), name="1-d"),
        sample(normal(2, 5, 6), (3, 2), (2, 1), (1, 2), ((1, 1), (0, 2)), name="2-d"),
        sample(normal(7), (2,), (2,), (3,), ((2, -1),), name="cropped"),
        sample(normal(0, 4), (2,), (1,), (1,), ((0, 0),), name="empty batch"),
    ]

    def call(x, kernel, stride, dilation, padding, fill=0.0):
        n = len(kernel)
        if len(shape_of(x)) < n:
            raise ValueError(f"windows: a kernel {kernel} needs an x of at least {n} axes, got {shape_of(x)}")
        steps = {"stride": numbers("windows", "stride", stride, n, 1)}
        steps["dilation"] = numbers("windows", "dilation", dilation, n, 1)
        fit("windows", shape_of(x)[-n:], kernel, **steps, padding=padding)  # refuses a kernel that is too large
        return (x,), {"kernel": tuple(kernel), **steps, "padding": padding, "fill": fill}

    def forward(xp, x, *, kernel, stride, dilation, padding, fill=0.0):
        y = xp.windows(x, kernel=kernel, stride=stride, dilation=dilation, padding=padding, fill=fill)
        return y, (x.shape[x.ndim - len(kernel) :], stride, dilation, padding)

    def backward(xp, saved, dy):
        size, stride, dilation, padding = saved
        return (xp.fold_windows(dy, size=size, stride=stride, dilation=dilation, padding=padding),)


class FoldWindows(Op):
    """y[…, o·stride + j·dilation - left] += x[…, j, o];  dx = windows(dy).

    The transpose of `windows`: where windows overlap their elements are added, what falls on the padding is dropped.
    `size` gives the lengths of y's last axes.
    """

    latex = r"y_i = \sum_{o s + j d - p = i} x_{j,o}; dx_{j,o} = dy_{o s + j d - p}"
    shapes = "x (…, *K, *O), size (S…) -> y (…, *S)"
    samples = [
        sample(normal(2, 3, 4), (6,), (1,), (1,), ((0, 0),), name="1-d"),
        sample(normal(2, 3, 2, 3, 6), (5, 6), (2, 1), (1, 2), ((1, 1), (0, 2)), name="2-d"),
        sample(normal(2, 3), (7,), (2,), (3,), ((2, -1),), name="cropped"),
    ]

    def forward(xp, x, *, size, stride, dilation, padding):
        n = len(size)
        y = xp.fold_windows(x, size=size, stride=stride, dilation=dilation, padding=padding)
        return y, (x.shape[x.ndim - 2 * n : x.ndim - n], stride, dilation, padding)

    def backward(xp, saved, dy):
        kernel, stride, dilation, padding = saved
        return (xp.windows(dy, kernel=kernel, stride=stride, dilation=dilation, padding=padding),)


def block_geometry(op: str, size: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> dict[str, Any]:
    """kernel, stride, dilation and fitted padding of unfold and fold, which have the same arguments."""
    kernel = numbers(op, "kernel_size", kernel_size, 2, 1)
    strides, dilations = numbers(op, "stride", stride, 2, 1), numbers(op, "dilation", dilation, 2, 1)
    pairs = tuple((p, p) for p in numbers(op, "padding", padding, 2, 0))
    fitted = fit(op, size, kernel, strides, dilations, pairs)
    return {"kernel": kernel, "stride": strides, "dilation": dilations, "padding": fitted}


class Unfold(Composite):
    """y[n, (c, j), o] = x[n, c, o·stride + j·dilation - padding];  dx = fold(dy).

    Every block of `kernel_size` as a column (im2col): a convolution is a matrix times these columns. All arguments
    after the input are integers or pairs (height, width). Raises ValueError where no block fits.
    """

    latex = r"y_{n,(c,j),o} = x_{n,c,o s + j d - p}; dx = \mathrm{fold}(dy)"
    shapes = "input (N, C, H, W) or (C, H, W) -> y (N, C·KH·KW, L), L = number of blocks"
    samples = [
        sample(normal(2, 3, 5, 4), 2),
        sample(normal(3, 5, 6), (2, 3), 2, (1, 2), (2, 1), name="unbatched, all options"),
        sample(normal(0, 3, 4, 4), 2, name="empty batch"),
    ]

    def call(input, kernel_size, dilation=1, padding=0, stride=1):
        shape = shape_of(input)
        check_axes("unfold", shape, 2)
        return (input,), block_geometry("unfold", shape[-2:], kernel_size, dilation, padding, stride)

    def forward(xp, x, *, kernel, stride, dilation, padding):
        y = xp.windows(x, kernel=kernel, stride=stride, dilation=dilation, padding=padding)
        c, kh, kw, oh, ow = y.shape[-5:]
        return xp.reshape(y, (*x.shape[:-3], c * kh * kw, oh * ow))


class Fold(Composite):
    """y[n, c, o·stride + j·dilation - padding] += x[n, (c, j), o];  dx = unfold(dy).

    The blocks that `unfold` makes of an image of `output_size`, added up (col2im). Arguments after the input are
    integers or pairs. Raises ValueError where the input's columns are not such blocks.
    """

    latex = r"y_{n,c,i} = \sum_{o s + j d - p = i} x_{n,(c,j),o}; dx = \mathrm{unfold}(dy)"
    shapes = "input (N, C·KH·KW, L) or (C·KH·KW, L) -> y (N, C, *output_size)"
    samples = [
        sample(normal(2, 12, 12), (5, 4), 2),
        sample(normal(12, 18), (5, 6), (2, 3), 2, (1, 2), (2, 1), name="unbatched, all options"),
    ]

    def call(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
        shape, size = shape_of(input), numbers("fold", "output_size", output_size, 2, 1)
        check_axes("fold", shape, 1, "C·KH·KW")
        geometry = block_geometry("fold", size, kernel_size, dilation, padding, stride)
        kh, kw = geometry["kernel"]
        oh, ow = count(size, **geometry)
        if shape[-2] % (kh * kw):
            raise ValueError(f"fold: kernel ({kh}, {kw}) needs a multiple of {kh * kw} rows, got an input {shape}")
        if shape[-1] != oh * ow:
            raise ValueError(
                f"fold: output_size {size} has {oh}·{ow} = {oh * ow} blocks, the input {shape} {shape[-1]}"
            )
        return (input,), {"size": size, **geometry}

    def forward(xp, x, *, size, kernel, stride, dilation, padding):
        out = count(size, kernel, stride, dilation, padding)
        channels = x.shape[-2] // (kernel[0] * kernel[1])
        blocks = xp.reshape(x, (*x.shape[:-2], channels, *kernel, *out))
        return xp.fold_windows(blocks, size=size, stride=stride, dilation=dilation, padding=padding)
