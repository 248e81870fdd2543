"""The arithmetic of convolutions and transposed convolutions, and the checks of their arguments.

The trilinear form Σ y[n,o,i] w[o,c,j] x[n,c,i·stride + j·dilation - padding] has three contractions: `correlate` (for
y), `spread` (for x) and `weigh` (for w). Each is a matrix product per group with the columns of all windows,
(C·KH·KW, N·OH·OW). A convolution's forward is the first, and its gradients are the other two; a transposed convolution
exchanges the first two.

The columns are KH·KW times as large as x. So they are made for a part of the batch at a time, and not kept for
backward: x is saved, and copying the columns anew costs about a tenth of the time of forward and backward together.
"""

from math import prod
from typing import Any

from nanonet.ops.arguments import shape_of
from nanonet.ops.windows import check_axes, count, fit, numbers

COLUMNS = 1 << 20  # elements at a time: large enough for matrix products, small enough for memory that is used again


def parts(n, each):
    """Slices of a batch of n, where every sample has columns of `each` elements."""
    step = max(1, COLUMNS // max(each, 1))
    return [slice(i, min(i + step, n)) for i in range(0, max(n, 1), step)]


def joined(xp, batches):
    return batches[0] if len(batches) == 1 else xp.concatenate(batches, axis=0)


def correlate(xp, x, w, stride, dilation, padding, groups):
    """y[n, o, i] = Σ w[o, c, j] x[n, c, i·stride + j·dilation - padding] over c in o's group and over j."""
    kernel = w.shape[2:]
    length = prod(count(x.shape[2:], kernel, stride, dilation, padding))
    matrix = xp.reshape(w, (groups, w.shape[0] // groups, w.size // w.shape[0]))  # (G, O/G, C/G·K)

    def part(x):
        columns, out = window_columns(xp, x, kernel, stride, dilation, padding, groups)
        y = xp.matmul(matrix, columns)  # (G, O/G, N·L)
        return xp.swapaxes(xp.reshape(y, (w.shape[0], x.shape[0], *out)), 0, 1)

    return joined(xp, [part(x[some]) for some in parts(x.shape[0], x.shape[1] * prod(kernel) * length)])


def spread(xp, y, w, size, stride, dilation, padding, groups):
    """x[n, c, i·stride + j·dilation - padding] += Σ w[o, c, j] y[n, o, i] over o in c's group; transposes correlate."""
    n, channels, kernel = w.ndim - 2, groups * w.shape[1], w.shape[2:]
    matrix = xp.reshape(w, (groups, w.shape[0] // groups, w.size // w.shape[0]))
    matrix = xp.swapaxes(matrix, 1, 2)  # (G, C/G·K, O/G)

    def part(y):
        columns = xp.matmul(matrix, channel_rows(xp, y, groups))  # (G, C/G·K, N·L)
        blocks = xp.reshape(columns, (channels, *kernel, y.shape[0], *y.shape[2:]))
        blocks = xp.transpose(blocks, (n + 1, *range(n + 1), *range(n + 2, 2 * n + 2)))  # (N, C, *K, *L)
        return xp.fold_windows(blocks, size=size, stride=stride, dilation=dilation, padding=padding)

    each = channels * prod(kernel) * prod(y.shape[2:])
    return joined(xp, [part(y[some]) for some in parts(y.shape[0], each)])


def weigh(xp, x, y, kernel, stride, dilation, padding, groups):
    """w[o, c, j] = Σ y[n, o, i] x[n, c, i·stride + j·dilation - padding] over n and i."""

    def part(x, y):
        columns, _ = window_columns(xp, x, kernel, stride, dilation, padding, groups)
        return xp.matmul(channel_rows(xp, y, groups), xp.swapaxes(columns, 1, 2))  # (G, O/G, C/G·K)

    w = None
    for some in parts(x.shape[0], x.shape[1] * prod(kernel) * prod(y.shape[2:])):
        term = part(x[some], y[some])
        w = term if w is None else w + term
    return xp.reshape(w, (y.shape[1], x.shape[1] // groups, *kernel))


def window_columns(xp, x, kernel, stride, dilation, padding, groups):
    """Every window of x (N, C, *S) as a column (im2col): (G, C/G·K, N·L), and L's shape."""
    n = len(kernel)
    blocks = xp.windows(x, kernel=kernel, stride=stride, dilation=dilation, padding=padding)  # (N, C, *K, *L)
    out = blocks.shape[n + 2 :]
    blocks = xp.transpose(blocks, (*range(1, n + 2), 0, *range(n + 2, 2 * n + 2)))  # (C, *K, N, *L)
    length = blocks.size // (x.shape[1] * prod(kernel))
    return xp.reshape(blocks, (groups, x.shape[1] // groups * prod(kernel), length)), out


def channel_rows(xp, y, groups):
    """(N, C, *L) -> (G, C/G, N·L)."""
    return xp.reshape(xp.swapaxes(y, 0, 1), (groups, y.shape[1] // groups, y.size // y.shape[1]))


def convolve(xp, x, w, b, stride, padding, dilation, groups):
    y = correlate(xp, batched(xp, x, w), w, stride, dilation, padding, groups)
    return like_input(xp, add_bias(xp, y, b), x, w), (x, w, stride, padding, dilation, groups)


def convolve_backward(xp, saved, dy, needs):
    x, w, *geometry = saved
    stride, padding, dilation, groups = geometry
    dy, dx, dw = batched(xp, dy, w), None, None
    if needs[0]:
        dx = spread(xp, dy, w, x.shape[2 - w.ndim :], stride, dilation, padding, groups)
        dx = like_input(xp, dx, x, w)
    if needs[1]:
        dw = weigh(xp, batched(xp, x, w), dy, w.shape[2:], stride, dilation, padding, groups)
    return dx, dw, bias_gradient(xp, dy) if needs[2] else None


def convolve_transposed(xp, x, w, b, size, stride, padding, dilation, groups):
    y = spread(xp, batched(xp, x, w), w, size, stride, dilation, padding, groups)
    return like_input(xp, add_bias(xp, y, b), x, w), (x, w, stride, padding, dilation, groups)


def convolve_transposed_backward(xp, saved, dy, needs):
    x, w, *geometry = saved
    stride, padding, dilation, groups = geometry
    dy, dx, dw = batched(xp, dy, w), None, None
    if needs[0]:
        dx = like_input(xp, correlate(xp, dy, w, stride, dilation, padding, groups), x, w)
    if needs[1]:
        dw = weigh(xp, dy, batched(xp, x, w), w.shape[2:], stride, dilation, padding, groups)
    return dx, dw, bias_gradient(xp, dy) if needs[2] else None


def add_bias(xp, y, b):
    return y if b is None else y + xp.reshape(b, (b.size,) + (1,) * (y.ndim - 2))


def bias_gradient(xp, dy):
    return xp.sum(dy, axis=(0, *range(2, dy.ndim)))


def batched(xp, x, w):
    """x (or dy) with a batch axis: PyTorch allows an input without one."""
    return x if x.ndim == w.ndim else xp.expand_dims(x, 0)


def like_input(xp, y, x, w):
    """y without the batch axis that `batched` gave x."""
    return y if x.ndim == w.ndim else xp.squeeze(y, 0)


def check_operands(op: str, n: int, input: Any, weight: Any, bias: Any, groups: Any, transposed: bool) -> int:
    """Refuse operands whose shapes do not fit together; the number of groups as an integer."""
    shape, w = shape_of(input), shape_of(weight)
    kernel = "K" if n == 1 else "KH, KW"
    (groups,) = numbers(op, "groups", groups, 1, 1)
    layout = f"(C, O/groups, {kernel})" if transposed else f"(O, C/groups, {kernel})"
    if len(w) != n + 2 or 0 in w:
        raise ValueError(f"{op}: expected a weight {layout}, got {w}")
    check_axes(op, shape, n)
    if w[0] % groups:
        raise ValueError(f"{op}: groups = {groups} must divide the first axis of the weight {layout} = {w}")
    channels = w[0] if transposed else w[1] * groups
    if shape[-n - 1] != channels:
        given = f"weight {layout} = {w}" + (f" with groups = {groups}" if groups > 1 else "")
        raise ValueError(f"{op}: {given} needs an input of C = {channels} channels, got {shape[-n - 1]} in {shape}")
    outputs = w[1] * groups if transposed else w[0]
    if bias is not None and shape_of(bias) != (outputs,):
        raise ValueError(f"{op}: expected a bias (O,) = ({outputs},), got {shape_of(bias)}")
    return groups


def convolution(op, n, input, weight, bias, stride, padding, dilation, groups):
    """Inputs and attributes of conv1d and conv2d, checked."""
    groups = check_operands(op, n, input, weight, bias, groups, transposed=False)
    kernel = shape_of(weight)[2:]
    stride, dilation = numbers(op, "stride", stride, n, 1), numbers(op, "dilation", dilation, n, 1)
    if padding == "same":
        if stride != (1,) * n:
            raise ValueError(f"{op}: padding='same' needs stride 1, got {stride}; give the padding as numbers")
        totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        pairs = tuple((total // 2, total - total // 2) for total in totals)
    elif isinstance(padding, str) and padding != "valid":
        raise ValueError(f"{op}: padding is 'valid', 'same' or numbers, got {padding!r}")
    else:
        pairs = tuple((p, p) for p in numbers(op, "padding", 0 if padding == "valid" else padding, n, 0))
    fitted = fit(op, shape_of(input)[-n:], kernel, stride, dilation, pairs)
    attrs = {"stride": stride, "padding": fitted, "dilation": dilation, "groups": groups}
    return (input, weight, bias), attrs


def transposed_convolution(op, n, input, weight, bias, stride, padding, output_padding, groups, dilation):
    """Inputs and attributes of conv_transpose1d and conv_transpose2d, checked."""
    groups = check_operands(op, n, input, weight, bias, groups, transposed=True)
    stride, dilation = numbers(op, "stride", stride, n, 1), numbers(op, "dilation", dilation, n, 1)
    padding = numbers(op, "padding", padding, n, 0)
    extra = numbers(op, "output_padding", output_padding, n, 0)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise ValueError(f"{op}: output_padding {extra} must be smaller than stride {stride} or dilation {dilation}")
    rows = zip(shape_of(input)[-n:], shape_of(weight)[2:], stride, dilation, padding, extra, strict=True)
    size = tuple((h - 1) * s - 2 * p + d * (k - 1) + e + 1 for h, k, s, d, p, e in rows)
    if min(size) < 1:
        raise ValueError(f"{op}: padding {padding} leaves an output of size {size}; make it smaller")
    pairs = tuple((p, p - e) for p, e in zip(padding, extra, strict=True))  # the windows end before the extra elements
    attrs = {"size": size, "stride": stride, "padding": pairs, "dilation": dilation, "groups": groups}
    return (input, weight, bias), attrs
