"""What the window primitives are in PyTorch: `Tensor.unfold` along each axis, and its transpose."""

import torch


def windows(x, kernel, stride, dilation, padding, fill=0.0):
    n = len(kernel)
    x = torch.nn.functional.pad(x, [p for pair in reversed(padding) for p in pair], value=fill)
    lead = x.ndim - n
    for i, (k, s, d) in enumerate(zip(kernel, stride, dilation, strict=True)):
        x = x.unfold(lead + i, d * (k - 1) + 1, s)[..., ::d]  # the window's elements become the last axis
    order = [*range(lead), *range(lead + n, lead + 2 * n), *range(lead, lead + n)]
    return x.permute(order)


def fold_windows(x, size, stride, dilation, padding):
    n = len(size)
    kernel = x.shape[x.ndim - 2 * n : x.ndim - n]
    image = torch.zeros(*x.shape[: x.ndim - 2 * n], *size, dtype=x.dtype)
    _, vjp = torch.func.vjp(lambda image: windows(image, kernel, stride, dilation, padding), image)
    return vjp(x)[0]


PEERS = {"windows": windows, "fold_windows": fold_windows}
