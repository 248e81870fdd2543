"""Convolutions and transposed convolutions, with the arguments of torch.nn.functional.

Their arithmetic is in `correlation`: a convolution's dx is a transposed convolution of dy, and the other way round.
"""

from nanonet.op import Op, sample
from nanonet.ops.correlation import (
    convolution,
    convolve,
    convolve_backward,
    convolve_transposed,
    convolve_transposed_backward,
    transposed_convolution,
)
from nanonet.sampling import normal


class Conv1d(Op):
    """y[n,o,i] = b[o] + Σ w[o,c,j] x[n,c,i·stride + j·dilation - padding];
    dx[n,c,i·stride + j·dilation - padding] += Σ w[o,c,j] dy[n,o,i];
    dw[o,c,j] = Σ dy[n,o,i] x[n,c,i·stride + j·dilation - padding];  db[o] = Σ dy[n,o,i].

    A cross-correlation along one axis. All arguments are those of conv2d, with one spatial axis:
    input (N, C, L) or (C, L), weight (O, C/groups, K), bias (O,) or None.
    """

    latex = (
        r"y_{n,o,i} = b_o + \sum_{c,j} w_{o,c,j}\, x_{n,c,i s + j d - p}; "
        r"dx_{n,c,i s + j d - p} \mathrel{+}= \sum_{o} w_{o,c,j}\, dy_{n,o,i}; "
        r"dw_{o,c,j} = \sum_{n,i} dy_{n,o,i}\, x_{n,c,i s + j d - p}; db_o = \sum_{n,i} dy_{n,o,i}"
    )
    shapes = (
        "x (N, C, L), w (O, C/groups, K), b (O) -> y (N, O, OL), "
        "OL = ⌊(L + 2 padding - dilation (K - 1) - 1) / stride⌋ + 1"
    )
    promote = "float"
    samples = [
        sample(normal(2, 3, 6), normal(4, 3, 3), normal(4)),
        sample(normal(2, 4, 9), normal(2, 2, 3), normal(2), 2, 1, 2, 2, name="all options"),
        sample(normal(1, 2, 5), normal(2, 2, 4), padding="same", name="same, even kernel"),
        sample(normal(1, 2, 5), normal(2, 2, 4), padding="valid", name="valid"),
        sample(normal(2, 5), normal(3, 2, 2), normal(3), name="unbatched"),
    ]

    def call(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
        return convolution("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)

    def forward(xp, x, w, b=None, *, stride, padding, dilation, groups):
        return convolve(xp, x, w, b, stride, padding, dilation, groups)

    def backward(xp, saved, dy, needs):
        return convolve_backward(xp, saved, dy, needs)


class Conv2d(Op):
    """y[n,o,i] = b[o] + Σ w[o,c,j] x[n,c,i·stride + j·dilation - padding];
    dx[n,c,i·stride + j·dilation - padding] += Σ w[o,c,j] dy[n,o,i];
    dw[o,c,j] = Σ dy[n,o,i] x[n,c,i·stride + j·dilation - padding];  db[o] = Σ dy[n,o,i].

    A cross-correlation, as everywhere in deep learning: the kernel is not flipped. i and j are pairs (row, column).

    input      (N, C, H, W) or (C, H, W)
    weight     (O, C/groups, KH, KW)
    bias       (O,) or None
    stride, dilation    integers or pairs
    padding    zeros on both sides: an integer, a pair, "valid" (none) or "same" (the output is as large as the input;
               an odd number of zeros has the extra one at the end; needs stride 1)
    groups     output channels of one of `groups` equal parts see the input channels of the same part only

    Raises ValueError where shapes do not fit or the kernel is larger than the padded input.
    """

    latex = (
        r"y_{n,o,i} = b_o + \sum_{c,j} w_{o,c,j}\, x_{n,c,i s + j d - p}; "
        r"dx_{n,c,i s + j d - p} \mathrel{+}= \sum_{o} w_{o,c,j}\, dy_{n,o,i}; "
        r"dw_{o,c,j} = \sum_{n,i} dy_{n,o,i}\, x_{n,c,i s + j d - p}; db_o = \sum_{n,i} dy_{n,o,i}"
    )
    shapes = (
        "x (N, C, H, W), w (O, C/groups, KH, KW), b (O) -> y (N, O, OH, OW), "
        "OH = ⌊(H + 2 padding - dilation (KH - 1) - 1) / stride⌋ + 1"
    )
    promote = "float"
    samples = [
        sample(normal(2, 3, 5, 4), normal(4, 3, 3, 2), normal(4)),
        sample(normal(2, 2, 6, 5), normal(2, 2, 3, 3), normal(2), 2, 1, name="stride and padding"),
        sample(normal(1, 2, 7, 6), normal(2, 2, 2, 3), None, (2, 1), (0, 2), (3, 1), name="pairs, dilation"),
        sample(normal(2, 4, 4, 4), normal(6, 2, 3, 3), normal(6), 1, 1, 1, 2, name="groups"),
        sample(normal(1, 3, 4, 4), normal(6, 1, 2, 2), groups=3, name="depthwise"),
        sample(normal(1, 2, 4, 5), normal(2, 2, 4, 3), padding="same", dilation=(1, 2), name="same, even kernel"),
        sample(normal(2, 5, 4), normal(3, 2, 2, 2), normal(3), name="unbatched"),
        sample(normal(2, 3, 3, 3), normal(4, 3, 1, 1), name="1x1"),
        sample(normal(0, 2, 4, 4), normal(3, 2, 2, 2), normal(3), name="empty batch"),
        sample(normal(1, 1, 5, 5), normal(1, 1, 2, 2), stride=3, name="stride larger than the kernel"),
    ]

    def call(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
        return convolution("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)

    def forward(xp, x, w, b=None, *, stride, padding, dilation, groups):
        return convolve(xp, x, w, b, stride, padding, dilation, groups)

    def backward(xp, saved, dy, needs):
        return convolve_backward(xp, saved, dy, needs)


class ConvTranspose1d(Op):
    """y[n,o,i·stride + j·dilation - padding] += Σ w[c,o,j] x[n,c,i], plus b[o];
    dx[n,c,i] = Σ w[c,o,j] dy[n,o,i·stride + j·dilation - padding];
    dw[c,o,j] = Σ dy[n,o,i·stride + j·dilation - padding] x[n,c,i];  db[o] = Σ dy[n,o,i].

    The transpose of conv1d, plus the bias. All arguments are those of conv_transpose2d, with one spatial axis:
    input (N, C, L) or (C, L), weight (C, O/groups, K), bias (O,) or None.
    """

    latex = (
        r"y_{n,o,i s + j d - p} \mathrel{+}= \sum_{c} w_{c,o,j}\, x_{n,c,i} + b_o; "
        r"dx_{n,c,i} = \sum_{o,j} w_{c,o,j}\, dy_{n,o,i s + j d - p}; "
        r"dw_{c,o,j} = \sum_{n,i} dy_{n,o,i s + j d - p}\, x_{n,c,i}; db_o = \sum_{n,i} dy_{n,o,i}"
    )
    shapes = (
        "x (N, C, L), w (C, O/groups, K), b (O) -> y (N, O, OL), "
        "OL = (L - 1) stride - 2 padding + dilation (K - 1) + output_padding + 1"
    )
    promote = "float"
    samples = [
        sample(normal(2, 3, 4), normal(3, 2, 3), normal(2)),
        sample(normal(2, 4, 3), normal(4, 1, 3), normal(2), 2, 1, 1, 2, 2, name="all options"),
        sample(normal(3, 4), normal(3, 2, 2), name="unbatched"),
    ]

    def call(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
        return transposed_convolution(
            "conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation
        )

    def forward(xp, x, w, b=None, *, size, stride, padding, dilation, groups):
        return convolve_transposed(xp, x, w, b, size, stride, padding, dilation, groups)

    def backward(xp, saved, dy, needs):
        return convolve_transposed_backward(xp, saved, dy, needs)


class ConvTranspose2d(Op):
    """y[n,o,i·stride + j·dilation - padding] += Σ w[c,o,j] x[n,c,i], plus b[o];
    dx[n,c,i] = Σ w[c,o,j] dy[n,o,i·stride + j·dilation - padding];
    dw[c,o,j] = Σ dy[n,o,i·stride + j·dilation - padding] x[n,c,i];  db[o] = Σ dy[n,o,i].

    The transpose of conv2d with the same weight, plus the bias: what conv2d does to a gradient, as a layer.

    input      (N, C, H, W) or (C, H, W)
    weight     (C, O/groups, KH, KW)
    bias       (O,) or None
    stride, dilation    integers or pairs
    padding    this many rows and columns are cut off on every side: an integer or a pair
    output_padding      more rows and columns at the end, fewer than the stride or the dilation: conv2d with a stride
               reaches the same size from several, and this says which is meant
    groups     as in conv2d

    Raises ValueError where shapes do not fit or nothing is left of the output.
    """

    latex = (
        r"y_{n,o,i s + j d - p} \mathrel{+}= \sum_{c} w_{c,o,j}\, x_{n,c,i} + b_o; "
        r"dx_{n,c,i} = \sum_{o,j} w_{c,o,j}\, dy_{n,o,i s + j d - p}; "
        r"dw_{c,o,j} = \sum_{n,i} dy_{n,o,i s + j d - p}\, x_{n,c,i}; db_o = \sum_{n,i} dy_{n,o,i}"
    )
    shapes = (
        "x (N, C, H, W), w (C, O/groups, KH, KW), b (O) -> y (N, O, OH, OW), "
        "OH = (H - 1) stride - 2 padding + dilation (KH - 1) + output_padding + 1"
    )
    promote = "float"
    samples = [
        sample(normal(2, 3, 3, 4), normal(3, 2, 3, 2), normal(2)),
        sample(normal(2, 2, 3, 3), normal(2, 2, 3, 3), normal(2), 2, 1, 1, name="doubles the size"),
        sample(normal(1, 2, 2, 3), normal(2, 2, 2, 3), None, (2, 1), (1, 0), (0, 2), 1, (1, 3), name="pairs, dilation"),
        sample(normal(1, 4, 3, 3), normal(4, 3, 2, 2), normal(6), groups=2, name="groups"),
        sample(normal(2, 3, 3), normal(2, 3, 2, 2), normal(3), stride=3, name="unbatched, gaps"),
        sample(normal(0, 2, 3, 3), normal(2, 3, 2, 2), normal(3), name="empty batch"),
    ]

    def call(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
        return transposed_convolution(
            "conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation
        )

    def forward(xp, x, w, b=None, *, size, stride, padding, dilation, groups):
        return convolve_transposed(xp, x, w, b, size, stride, padding, dilation, groups)

    def backward(xp, saved, dy, needs):
        return convolve_transposed_backward(xp, saved, dy, needs)
