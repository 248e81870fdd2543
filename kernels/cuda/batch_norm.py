"""Batch normalisation of x (N, C, M): statistics of a channel by one block, then one pass in parallel over everything.

Two layouts of the same sums. Where a channel has many positions (M > 1), a block takes a channel: threadIdx.x walks
along its positions, threadIdx.y over the samples. Without positions (M = 1) the channels lie side by side in memory, so
the threads of a warp take 32 of them (columns). Mean first, variance of what is left second (nanonet.ops.channel_norm).
"""

from __future__ import annotations

import math
from typing import Any

from nanonet_kernels.cuda import layer_norm
from nanonet_kernels.cuda.device import MOST_THREADS, block_sum, column_sum, cuda, precisions
from nanonet_kernels.cuda.launch import plan
from nanonet_kernels.cuda.share import make_squares, make_total

Array = Any
BLOCK = (32, 8)


def _statistics(T):
    zero, total, squares = T(0), make_total(T), make_squares(T)

    def statistics(x, mean, var, samples, channels, positions):
        shared = cuda.shared.array(MOST_THREADS, T)
        n, width = T(samples * positions), cuda.blockDim.x
        c = cuda.blockIdx.x
        while c < channels:
            share = zero
            s = cuda.threadIdx.y
            while s < samples:
                start = (s * channels + c) * positions
                share += total(x, start + cuda.threadIdx.x, start + positions, width)
                s += cuda.blockDim.y
            centre = block_sum(shared, share) / n
            share = zero
            s = cuda.threadIdx.y
            while s < samples:
                start = (s * channels + c) * positions
                share += squares(x, centre, start + cuda.threadIdx.x, start + positions, width)
                s += cuda.blockDim.y
            share = block_sum(shared, share)
            if cuda.threadIdx.x == 0 and cuda.threadIdx.y == 0:
                mean[c] = centre
                var[c] = share / n
            c += cuda.gridDim.x

    return statistics


def _column_statistics(T):
    total, squares = make_total(T), make_squares(T)

    def column_statistics(x, mean, var, samples, channels):
        shared = cuda.shared.array(MOST_THREADS, T)
        width, height = cuda.blockDim.x, cuda.blockDim.y
        first = cuda.blockIdx.x * width
        while first < channels:
            c = first + cuda.threadIdx.x
            begin, step = cuda.threadIdx.y * channels + c, height * channels
            end = samples * channels if c < channels else 0
            centre = column_sum(shared, total(x, begin, end, step)) / T(samples)
            variance = column_sum(shared, squares(x, centre, begin, end, step)) / T(samples)
            if cuda.threadIdx.y == 0 and c < channels:
                mean[c] = centre
                var[c] = variance
            first += cuda.gridDim.x * width

    return column_statistics


def _normalize(T):
    one = T(1)

    def normalize(x, mean, var, w, b, y, xhat, r, rows, channels, positions, eps, has_w, has_b):
        """A row is one channel of one sample; the first sample's rows write r."""
        width, height = cuda.blockDim.x, cuda.blockDim.y
        row = cuda.blockIdx.x * height + cuda.threadIdx.y
        while row < rows:
            c, start, m = row % channels, row * positions, cuda.threadIdx.x
            centre, scale = mean[c], one / T(math.sqrt(var[c] + eps))
            if m == 0 and row < channels:
                r[c] = scale
            while m < positions:
                h = (x[start + m] - centre) * scale
                xhat[start + m] = h
                v = h * w[c] if has_w else h
                y[start + m] = v + b[c] if has_b else v
                m += width
            row += cuda.gridDim.x * height

    return normalize


def _sums(T):
    zero = T(0)

    def sums(dy, xhat, dw, db, samples, channels, positions):
        """dw = Σ dy ⊙ xhat and db = Σ dy of each channel."""
        shared = cuda.shared.array(MOST_THREADS, T)
        c = cuda.blockIdx.x
        while c < channels:
            sum_gh, sum_g = zero, zero
            s = cuda.threadIdx.y
            while s < samples:
                start, m = (s * channels + c) * positions, cuda.threadIdx.x
                while m < positions:
                    g = dy[start + m]
                    sum_g += g
                    sum_gh += g * xhat[start + m]
                    m += cuda.blockDim.x
                s += cuda.blockDim.y
            sum_g = block_sum(shared, sum_g)
            sum_gh = block_sum(shared, sum_gh)
            if cuda.threadIdx.x == 0 and cuda.threadIdx.y == 0:
                dw[c] = sum_gh
                db[c] = sum_g
            c += cuda.gridDim.x

    return sums


def _backward(T):
    one = T(1)

    def backward(dy, xhat, r, w, dw, db, dx, rows, channels, positions, inverse_n, has_w):
        """dx = w r (dy - db/n - xhat dw/n); 1/n = 0 where the statistics are constants."""
        width, height = cuda.blockDim.x, cuda.blockDim.y
        row = cuda.blockIdx.x * height + cuda.threadIdx.y
        while row < rows:
            c, i = row % channels, row * positions + cuda.threadIdx.x
            scale = r[c] * (w[c] if has_w else one)
            mean_g, mean_gh = db[c] * inverse_n, dw[c] * inverse_n
            while i < (row + 1) * positions:
                if inverse_n:
                    dx[i] = (dy[i] - mean_g - xhat[i] * mean_gh) * scale
                else:
                    dx[i] = dy[i] * scale
                i += width
            row += cuda.gridDim.x * height

    return backward


_statistics_kernels = precisions(_statistics, "T* T* T* i8 i8 i8", block=(32, 16))
_column_kernels = precisions(_column_statistics, "T* T* T* i8 i8", block=BLOCK)
_normalize_kernels = precisions(_normalize, "T* T* T* T* T* T* T* T* i8 i8 i8 T i4 i4", block=BLOCK)
_sums_kernels = precisions(_sums, "T* T* T* T* i8 i8 i8", block=(32, 16))
_backward_kernels = precisions(_backward, "T* T* T* T* T* T* T* i8 i8 i8 T i4", block=BLOCK)


def statistics(x: Array, mean: Array, var: Array, samples: int, positions: int, stream: Any = None) -> None:
    """mean (C) and biased variance var (C) of x (samples, C, positions)."""
    channels = mean.size
    if channels and positions == 1:
        (across, _), block = plan("columns", samples, channels)
        _column_kernels[x.dtype.char](across, x, mean, var, samples, channels, block=block, stream=stream)
    elif channels:
        grid, block = plan("channels", samples, channels, positions)
        _statistics_kernels[x.dtype.char](grid, x, mean, var, samples, channels, positions, block=block, stream=stream)


def normalize(
    x: Array,
    mean: Array,
    var: Array,
    w: Array | None,
    b: Array | None,
    y: Array,
    xhat: Array,
    r: Array,
    samples: int,
    positions: int,
    eps: float,
    stream: Any = None,
) -> None:
    """xhat = (x - mean) r, r (C) = 1/√(var + eps);  y = xhat ⊙ w + b, per channel. Training or evaluation alike."""
    if x.size:
        rows = samples * r.size
        grid, block = plan("rows", rows, positions)
        arrays = (x, mean, var, x if w is None else w, x if b is None else b, y, xhat, r)
        numbers = (rows, r.size, positions, eps, w is not None, b is not None)
        _normalize_kernels[x.dtype.char](grid, *arrays, *numbers, block=block, stream=stream)


def parameter_gradients(
    dy: Array,
    xhat: Array,
    dw: Array,
    db: Array,
    work_w: Array | None,
    work_b: Array | None,
    samples: int,
    positions: int,
    stream: Any = None,
) -> None:
    """dw = Σ dy ⊙ xhat, db = Σ dy per channel. work_w, work_b: with positions = 1, as layer_norm.affine_gradients."""
    if positions == 1:
        layer_norm.affine_gradients(dy, xhat, dw, db, work_w, work_b, samples, stream)
    elif dw.size:
        grid, block = plan("channels", samples, dw.size, positions)
        _sums_kernels[dy.dtype.char](grid, dy, xhat, dw, db, samples, dw.size, positions, block=block, stream=stream)


def backward(
    dy: Array,
    xhat: Array,
    r: Array,
    w: Array | None,
    dw: Array,
    db: Array,
    dx: Array,
    samples: int,
    positions: int,
    training: bool = True,
    stream: Any = None,
) -> None:
    """dx = w r (dy - db/n - xhat dw/n), n = samples · positions; with constant statistics dx = w r dy."""
    if dx.size:
        rows = samples * r.size
        grid, block = plan("rows", rows, positions)
        arrays = (dy, xhat, r, r if w is None else w, dw, db, dx)
        numbers = (rows, r.size, positions, 1 / (samples * positions) if training else 0.0, w is not None)
        _backward_kernels[dy.dtype.char](grid, *arrays, *numbers, block=block, stream=stream)
