"""Max and average pooling, with the arguments of torch.nn.functional.

Both go once through the elements of the kernel and take, for each, that element of all windows at once: a few
vectorised steps per element, whatever the size of the image.
"""

from itertools import product
from math import prod

from nanonet.op import Op, sample
from nanonet.ops.arguments import shape_of
from nanonet.ops.windows import check_axes, count, fit, numbers
from nanonet.sampling import distinct, normal


def largest(xp, candidates):
    """The largest of the candidates, and its place, elementwise; `candidates` gives (values, places) in turn.

    The first one where several are equal; NaN counts as larger than everything, and the last NaN wins. Both as in
    PyTorch. Places grow from candidate to candidate.
    """
    y, place = next(candidates)
    for value, here in candidates:
        better = xp.logical_or(value > y, xp.isnan(value))
        place = xp.maximum(place, better * here)  # the latest one that was better: faster than `where`
        y = xp.maximum(y, value)
    return y, xp.broadcast_to(place, y.shape)


def window_candidates(xp, x, kernel, stride, dilation, padding):
    """For each element of the kernel: its value in every window, and its place in x's plane, counted row by row."""
    n = len(kernel)
    size = x.shape[x.ndim - n :]
    blocks = xp.windows(x, kernel=kernel, stride=stride, dilation=dilation, padding=padding, fill=-xp.inf)
    out = blocks.shape[blocks.ndim - n :]
    starts = [xp.arange(o) * s - left for o, s, (left, _) in zip(out, stride, padding, strict=True)]
    # A window that begins in the padding starts with its first real element, in case that is -inf as well.
    first = [
        xp.clip(xp.where(start < 0, xp.remainder(start, d), start), 0, h - 1)
        for start, d, h in zip(starts, dilation, size, strict=True)
    ]
    for element in product(*(range(k) for k in kernel)):
        at = [start + e * d for start, e, d in zip(starts, element, dilation, strict=True)] if any(element) else first
        yield blocks[(..., *element, *(slice(None),) * n)], plane_places(xp, at, size)


def plane_places(xp, at, size):
    """Coordinates along each axis -> places in the plane, counted row by row."""
    place = at[0]
    for here, length in zip(at[1:], size[1:], strict=True):
        place = xp.expand_dims(place, -1) * length + here
    return place


def pick_places(xp, dy, place, shape, n):
    """dx of `shape`: dy added at `place` of each of the planes, which have the last `n` axes."""
    planes, plane = prod(shape[: len(shape) - n]), prod(shape[len(shape) - n :])
    place = xp.reshape(xp.arange(planes) * plane, (planes, 1)) + xp.reshape(
        place, (planes, place.size // max(planes, 1))
    )
    dx = xp.put_add(xp.reshape(dy, (dy.size,)), shape=(planes * plane,), key=xp.reshape(place, (dy.size,)))
    return xp.reshape(dx, shape)


def max_pool(xp, x, kernel, stride, dilation, padding, return_indices):
    y, place = largest(xp, window_candidates(xp, x, kernel, stride, dilation, padding))
    return (y, place) if return_indices else y, (place, x.shape, len(kernel), return_indices)


def max_pool_backward(xp, saved, dy):
    place, shape, n, return_indices = saved
    return (pick_places(xp, dy[0] if return_indices else dy, place, shape, n),)


def average_pool(xp, x, kernel, stride, padding, divisor):
    n = len(kernel)
    blocks = xp.windows(x, kernel=kernel, stride=stride, dilation=(1,) * n, padding=padding)
    if prod(blocks.shape[blocks.ndim - n :]) == 1:  # one large window: its elements lie side by side
        y = xp.sum(blocks, axis=tuple(range(blocks.ndim - 2 * n, blocks.ndim - n)))
    else:
        y = None
        for element in product(*(range(k) for k in kernel)):
            value = blocks[(..., *element, *(slice(None),) * n)]
            y = value if y is None else y + value
    return y / divisors(xp, divisor, x.dtype), (x.shape, kernel, stride, padding, divisor)


def average_pool_backward(xp, saved, dy):
    shape, kernel, stride, padding, divisor = saved
    n = len(kernel)
    dy = dy / divisors(xp, divisor, dy.dtype)
    lead, out = dy.shape[: dy.ndim - n], dy.shape[dy.ndim - n :]
    blocks = xp.broadcast_to(xp.reshape(dy, (*lead, *(1,) * n, *out)), (*lead, *kernel, *out))
    size = shape[len(shape) - n :]
    return (xp.fold_windows(blocks, size=size, stride=stride, dilation=(1,) * n, padding=padding),)


def divisors(xp, divisor, dtype):
    """What window sums are divided by: a number, or, from each axis' counts, one for every window."""
    if not isinstance(divisor, tuple):
        return divisor
    y = xp.asarray(divisor[0], dtype=dtype)
    for counts in divisor[1:]:
        y = xp.expand_dims(y, -1) * xp.asarray(counts, dtype=dtype)
    return y


def pooling(op, n, input, kernel_size, stride, padding, dilation, ceil_mode):
    """kernel, stride, dilation, padding as given and as fitted; all checked."""
    shape = shape_of(input)
    check_axes(op, shape, n)
    kernel = numbers(op, "kernel_size", kernel_size, n, 1)
    stride = kernel if stride is None else numbers(op, "stride", stride, n, 1)
    padding, dilation = numbers(op, "padding", padding, n, 0), numbers(op, "dilation", dilation, n, 1)
    if any(p > k // 2 for p, k in zip(padding, kernel, strict=True)):
        raise ValueError(f"{op}: padding {padding} is more than half of kernel_size {kernel}; make it smaller")
    fitted = fit(op, shape[-n:], kernel, stride, dilation, tuple((p, p) for p in padding), ceil_mode)
    return kernel, stride, dilation, padding, fitted


def max_pooling(op, n, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices):
    """Inputs and attributes of max_pool1d and max_pool2d."""
    kernel, stride, dilation, _, fitted = pooling(op, n, input, kernel_size, stride, padding, dilation, ceil_mode)
    attrs = {"kernel": kernel, "stride": stride, "dilation": dilation, "padding": fitted}
    return (input,), {**attrs, "return_indices": bool(return_indices)}


def average_pooling(op, n, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    """Inputs and attributes of avg_pool1d and avg_pool2d."""
    kernel, stride, ones, padding, fitted = pooling(op, n, input, kernel_size, stride, padding, 1, ceil_mode)
    size = shape_of(input)[-n:]
    out = count(size, kernel, stride, ones, fitted)
    if divisor_override is not None:
        (divisor,) = numbers(op, "divisor_override", divisor_override, 1, 1)
    else:
        rows = zip(size, kernel, stride, padding, out, strict=True)
        divisor = tuple(_window_sizes(*row, count_include_pad) for row in rows)
        if all(set(counts) == {k} for counts, k in zip(divisor, kernel, strict=True)):
            divisor = prod(kernel)
    return (input,), {"kernel": kernel, "stride": stride, "padding": fitted, "divisor": divisor}


def _window_sizes(h, k, s, p, out, count_include_pad):
    """How many elements each window along one axis has; padding counts if it is asked for, what is beyond it never."""
    starts = [o * s - p for o in range(out)]
    if count_include_pad:
        return tuple(min(start + k, h + p) - start for start in starts)
    return tuple(min(start + k, h) - max(start, 0) for start in starts)


MAX_LATEX = r"y_i = \max_j x_{i s + j d - p}; dx_{i s + j^* d - p} \mathrel{+}= dy_i"
MEAN_LATEX = r"y_i = \frac{1}{m} \sum_j x_{i s + j - p}; dx_{i s + j - p} \mathrel{+}= dy_i / m"


class MaxPool1d(Op):
    """y[n,c,i] = max over j of x[n,c,i·stride + j·dilation - padding];  dx = Σ dy[n,c,i], added where the maximum was.

    All arguments are those of max_pool2d, with one spatial axis: input (N, C, L) or (C, L).
    """

    latex = MAX_LATEX
    shapes = "x (N, C, L) -> y (N, C, OL), OL = ⌊(L + 2 padding - dilation (K - 1) - 1) / stride⌋ + 1"
    promote = "float"
    samples = [
        sample(distinct(2, 3, 6), 2),
        sample(distinct(2, 3, 8), 3, 2, 1, 2, True, True, name="all options"),
        sample(distinct(3, 6), 3, name="unbatched"),
    ]

    def call(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
        return max_pooling("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)

    def forward(xp, x, *, kernel, stride, dilation, padding, return_indices=False):
        return max_pool(xp, x, kernel, stride, dilation, padding, return_indices)

    def backward(xp, saved, dy):
        return max_pool_backward(xp, saved, dy)


class MaxPool2d(Op):
    """y[n,c,i] = max over j of x[n,c,i·stride + j·dilation - padding];  dx = Σ dy[n,c,i], added where the maximum was.

    Of equal elements the first one (row by row) gets the gradient. NaN counts as the maximum. Padding is -inf.

    input           (N, C, H, W) or (C, H, W)
    kernel_size, stride (default: kernel_size), padding (at most half the kernel), dilation     integers or pairs
    ceil_mode       also a last window that reaches beyond the padding, if it starts before the end of the input
    return_indices  return (y, indices): the place of each maximum in its plane H·W, counted row by row

    Raises ValueError where the kernel is larger than the padded input. Integer inputs become float32.
    """

    latex = MAX_LATEX
    shapes = "x (N, C, H, W) -> y (N, C, OH, OW), OH = ⌊(H + 2 padding - dilation (KH - 1) - 1) / stride⌋ + 1"
    promote = "float"
    samples = [
        sample(distinct(2, 3, 4, 6), 2),
        sample(distinct(2, 2, 5, 5), 3, 2, 1, name="overlapping, padded"),
        sample(distinct(1, 2, 7, 6), (3, 2), (2, 1), (1, 0), (1, 2), name="pairs, dilation"),
        sample(distinct(1, 2, 5, 6), 2, 2, 0, 1, True, name="ceil_mode"),
        sample(distinct(1, 2, 4, 4), 2, return_indices=True, name="indices"),
        sample(distinct(3, 4, 4), 2, 1, name="unbatched"),
        sample(distinct(0, 2, 4, 4), 2, name="empty batch"),
    ]

    def call(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
        return max_pooling("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)

    def forward(xp, x, *, kernel, stride, dilation, padding, return_indices=False):
        return max_pool(xp, x, kernel, stride, dilation, padding, return_indices)

    def backward(xp, saved, dy):
        return max_pool_backward(xp, saved, dy)


class AvgPool1d(Op):
    """y[n,c,i] = Σ x[n,c,i·stride + j - padding] / m over j;  dx[n,c,i·stride + j - padding] += dy[n,c,i] / m.

    All arguments are those of avg_pool2d, with one spatial axis: input (N, C, L) or (C, L).
    """

    latex = MEAN_LATEX
    shapes = "x (N, C, L) -> y (N, C, OL), OL = ⌊(L + 2 padding - K) / stride⌋ + 1"
    promote = "float"
    samples = [
        sample(normal(2, 3, 6), 2),
        sample(normal(2, 3, 8), 3, 2, 1, True, False, name="all options"),
        sample(normal(3, 6), 3, name="unbatched"),
    ]

    def call(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
        return average_pooling("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)

    def forward(xp, x, *, kernel, stride, padding, divisor):
        return average_pool(xp, x, kernel, stride, padding, divisor)

    def backward(xp, saved, dy):
        return average_pool_backward(xp, saved, dy)


class AvgPool2d(Op):
    """y[n,c,i] = Σ x[n,c,i·stride + j - padding] / m over j;  dx[n,c,i·stride + j - padding] += dy[n,c,i] / m.

    m is the number of elements in window i, padding included. Padding is 0.

    input       (N, C, H, W) or (C, H, W)
    kernel_size, stride (default: kernel_size), padding (at most half the kernel)   integers or pairs
    ceil_mode   also a last window that reaches beyond the padding, if it starts before the end of the input; what is
                beyond the padding does not count in m
    count_include_pad   False: m counts elements of the input only
    divisor_override    m itself, for every window

    Raises ValueError where the kernel is larger than the padded input. Integer inputs become float32.
    """

    latex = MEAN_LATEX
    shapes = "x (N, C, H, W) -> y (N, C, OH, OW), OH = ⌊(H + 2 padding - KH) / stride⌋ + 1"
    promote = "float"
    samples = [
        sample(normal(2, 3, 4, 6), 2),
        sample(normal(2, 2, 5, 5), 3, 2, 1, name="overlapping, padded"),
        sample(normal(1, 2, 5, 6), (3, 2), (2, 1), (1, 0), True, False, name="pairs, ceil_mode, padding not counted"),
        sample(normal(1, 2, 5, 6), 2, 2, 1, True, name="ceil_mode"),
        sample(normal(1, 2, 4, 4), 2, divisor_override=3, name="divisor"),
        sample(normal(2, 3, 4, 4), 4, name="one window"),
        sample(normal(3, 4, 4), 2, 1, name="unbatched"),
        sample(normal(0, 2, 4, 4), 2, name="empty batch"),
    ]

    def call(
        input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
    ):
        return average_pooling(
            "avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        )

    def forward(xp, x, *, kernel, stride, padding, divisor):
        return average_pool(xp, x, kernel, stride, padding, divisor)

    def backward(xp, saved, dy):
        return average_pool_backward(xp, saved, dy)
