"""Adaptive pooling: the size of the output is given, and the windows follow from it. As in torch.nn.functional.

Output i of O looks at the elements from ⌊i H / O⌋ up to, not including, ⌈(i + 1) H / O⌉. Neighbouring windows overlap
where O does not divide H.
"""

from itertools import product
from math import prod

from nanonet.op import Op, sample
from nanonet.ops.arguments import shape_of
from nanonet.ops.pool import largest, pick_places, plane_places
from nanonet.ops.windows import check_axes, numbers
from nanonet.sampling import distinct, normal


def adaptive_spans(op, n, input, output_size):
    """(start, end) of every window along each axis; None in `output_size` keeps the input's size."""
    shape = shape_of(input)
    check_axes(op, shape, n)
    wanted = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size,) * n
    if len(wanted) == n:
        wanted = tuple(h if o is None else o for h, o in zip(shape[-n:], wanted, strict=True))
    out = numbers(op, "output_size", wanted, n, 1)
    return tuple(
        tuple((i * h // o, -(-(i + 1) * h // o)) for i in range(o)) for h, o in zip(shape[-n:], out, strict=True)
    )


def average(xp, x, spans):
    """The mean of every window: x is cut into them where they are equal, else a matrix for each axis averages."""
    n = len(spans)
    size = x.shape[x.ndim - n :]
    if divides(size, spans):
        return xp.sum(xp.reshape(x, cut_shape(x.shape, spans)), axis=tuple(range(-1, -2 * n, -2))) / window_size(
            size, spans
        )
    y = xp.matmul(x, xp.transpose(mean_matrix(xp, spans[-1], size[-1], x.dtype)))
    return y if n == 1 else xp.matmul(mean_matrix(xp, spans[0], size[0], x.dtype), y)


def average_transposed(xp, dy, spans, shape):
    n = len(spans)
    size = shape[len(shape) - n :]
    if divides(size, spans):
        cut = cut_shape(shape, spans)
        blocks = xp.reshape(dy, (*shape[: len(shape) - n], *(length for span in spans for length in (len(span), 1))))
        return xp.reshape(xp.broadcast_to(blocks / window_size(size, spans), cut), shape)
    dx = xp.matmul(dy, mean_matrix(xp, spans[-1], size[-1], dy.dtype))
    return dx if n == 1 else xp.matmul(xp.transpose(mean_matrix(xp, spans[0], size[0], dy.dtype)), dx)


def divides(size, spans):
    return all(h % len(span) == 0 for h, span in zip(size, spans, strict=True))


def cut_shape(shape, spans):
    """(…, H, W) -> (…, OH, H/OH, OW, W/OW)."""
    n = len(spans)
    pairs = zip(shape[len(shape) - n :], spans, strict=True)
    return (*shape[: len(shape) - n], *(length for h, span in pairs for length in (len(span), h // len(span))))


def window_size(size, spans):
    return prod(size) // prod(len(span) for span in spans)


def mean_matrix(xp, spans, h, dtype):
    """(O, H): row i holds 1 / length over window i."""
    rows = [[1 / (end - start) if start <= i < end else 0.0 for i in range(h)] for start, end in spans]
    return xp.asarray(rows, dtype=dtype)


def adaptive_candidates(xp, x, spans):
    """For each place in the windows: its value in every window, and its place in x's plane, counted row by row.

    A window shorter than the longest one repeats its last row or column, which changes no maximum.
    """
    n = len(spans)
    for element in product(*(range(max(end - start for start, end in span)) for span in spans)):
        at = [[min(start + e, end - 1) for start, end in span] for span, e in zip(spans, element, strict=True)]
        value = x
        for axis, here in enumerate(at, -n):
            value = value[(..., here, *(slice(None),) * (-axis - 1))]
        yield value, plane_places(xp, [xp.asarray(here) for here in at], x.shape[x.ndim - n :])


class AdaptiveAvgPool1d(Op):
    """y[n,c,i] = mean of x[n,c,⌊i L/OL⌋ : ⌈(i+1) L/OL⌉];  dx = dy / m at each of the m elements averaged.

    input (N, C, L) or (C, L); output_size OL is an integer.
    """

    latex = r"y_i = \frac{1}{m_i} \sum_{h \in w_i} x_h; dx_h = \sum_{i: h \in w_i} dy_i / m_i"
    shapes = "x (N, C, L) -> y (N, C, OL)"
    promote = "float"
    samples = [sample(normal(2, 3, 6), 3), sample(normal(2, 3, 7), 3, name="overlapping"), sample(normal(3, 4), 1)]

    def call(input, output_size):
        return (input,), {"spans": adaptive_spans("adaptive_avg_pool1d", 1, input, output_size)}

    def forward(xp, x, *, spans):
        return average(xp, x, spans), (x.shape, spans)

    def backward(xp, saved, dy):
        shape, spans = saved
        return (average_transposed(xp, dy, spans, shape),)


class AdaptiveAvgPool2d(Op):
    """y[n,c,i] = mean of x[n,c,⌊i H/OH⌋ : ⌈(i+1) H/OH⌉];  dx = dy / m at each of the m elements averaged.

    The same along both axes. input (N, C, H, W) or (C, H, W); output_size is an integer, or a pair where None keeps
    the input's size. output_size 1 is global average pooling.
    """

    latex = AdaptiveAvgPool1d.latex
    shapes = "x (N, C, H, W) -> y (N, C, OH, OW)"
    promote = "float"
    samples = [
        sample(normal(2, 3, 4, 6), (2, 3)),
        sample(normal(2, 3, 3, 4), 1, name="global"),
        sample(normal(1, 2, 7, 5), (3, 4), name="overlapping"),
        sample(normal(1, 2, 3, 4), (None, 6), name="None, more than there are"),
        sample(normal(3, 4, 4), 2, name="unbatched"),
        sample(normal(0, 2, 4, 4), 2, name="empty batch"),
    ]

    def call(input, output_size):
        return (input,), {"spans": adaptive_spans("adaptive_avg_pool2d", 2, input, output_size)}

    def forward(xp, x, *, spans):
        return average(xp, x, spans), (x.shape, spans)

    def backward(xp, saved, dy):
        shape, spans = saved
        return (average_transposed(xp, dy, spans, shape),)


class AdaptiveMaxPool2d(Op):
    """y[n,c,i] = max of x[n,c,⌊i H/OH⌋ : ⌈(i+1) H/OH⌉];  dx = Σ dy[n,c,i], added where the maximum was.

    The same along both axes; ties and NaN as in max_pool2d. input (N, C, H, W) or (C, H, W); output_size is an
    integer, or a pair where None keeps the input's size. With return_indices (y, indices), as in max_pool2d.
    """

    latex = r"y_i = \max_{h \in w_i} x_h; dx_{h^*_i} \mathrel{+}= dy_i"
    shapes = "x (N, C, H, W) -> y (N, C, OH, OW)"
    promote = "float"
    samples = [
        sample(distinct(2, 2, 4, 6), (2, 3)),
        sample(distinct(1, 2, 7, 5), (3, 4), return_indices=True, name="overlapping, indices"),
        sample(distinct(3, 4, 4), (None, 1), name="unbatched"),
    ]

    def call(input, output_size, return_indices=False):
        spans = adaptive_spans("adaptive_max_pool2d", 2, input, output_size)
        return (input,), {"spans": spans, "return_indices": bool(return_indices)}

    def forward(xp, x, *, spans, return_indices=False):
        y, place = largest(xp, adaptive_candidates(xp, x, spans))
        return (y, place) if return_indices else y, (place, x.shape, return_indices)

    def backward(xp, saved, dy):
        place, shape, return_indices = saved
        return (pick_places(xp, dy[0] if return_indices else dy, place, shape, 2),)
