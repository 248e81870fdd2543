"""Images of another size: interpolation, and channels rearranged into pixels, as in torch.nn.functional."""

from math import floor

import numpy as np

from nanonet.op import Composite, Op, sample
from nanonet.ops.arguments import shape_of
from nanonet.ops.windows import numbers
from nanonet.sampling import normal


def nearest_taps(h, out, scale, exact, image, dtype):
    """One source for every output: ⌊i scale⌋, or ⌊(i + ½) scale⌋ if `exact`, rounded as PyTorch's kernels round."""
    if image and not exact and out in (h, 2 * h):
        return ((tuple(i * h // out for i in range(out)), None),)
    number = np.float64 if dtype == np.float64 and not image else np.float32
    places = (np.arange(out, dtype=number) + number(0.5 if exact else 0)) * number(scale)
    sources = np.floor(places.astype(np.float32)).astype(int)
    return ((tuple(np.minimum(sources, h - 1).tolist()), None),)


def linear_taps(h, out, scale, align_corners):
    """Two neighbours of every output with their weights. The centre of pixel i is at i + ½, or i if `align_corners`."""
    if out == h:
        return ((tuple(range(h)), None),)
    if align_corners:
        places = [i * (h - 1) / (out - 1) if out > 1 else 0.0 for i in range(out)]
    else:
        places = [max((i + 0.5) * scale - 0.5, 0.0) for i in range(out)]
    left = tuple(min(int(place), h - 1) for place in places)
    right = tuple(min(i + 1, h - 1) for i in left)
    far = tuple(min(place - i, 1.0) for place, i in zip(places, left, strict=True))
    return (left, tuple(1 - t for t in far)), (right, far)


def resample(xp, x, taps, axis):
    """y[…, i, …] = Σ weight[i] x[…, source[i], …] over the taps, along axis -1 or -2."""
    y = None
    for sources, weights in taps:
        term = x[(..., list(sources), *(slice(None),) * (-axis - 1))]
        if weights is not None:
            term = term * xp.reshape(xp.asarray(weights, dtype=x.dtype), (-1,) + (1,) * (-axis - 1))
        y = term if y is None else y + term
    return y


def resample_transposed(xp, dy, taps, h, axis):
    """The transpose of `resample`, as the matrix that it is: R[i, source[i]] += weight[i]."""
    out = dy.shape[axis]
    matrix = xp.zeros((out, h), dtype=dy.dtype)
    for sources, weights in taps:
        weights = xp.ones(out, dtype=dy.dtype) if weights is None else xp.asarray(weights, dtype=dy.dtype)
        matrix = matrix + xp.put_add(weights, shape=(out, h), key=(list(range(out)), list(sources)))
    return xp.matmul(dy, matrix) if axis == -1 else xp.matmul(xp.transpose(matrix), dy)


class Interpolate(Op):
    """y[n,c,i] = Σ w[i,h] x[n,c,h];  dx[n,c,h] = Σ w[i,h] dy[n,c,i].

    The weights w are products of one for each axis. With scale = 1 / scale_factor where that is given, else H / OH:
    "nearest" takes x at ⌊i scale⌋, "nearest-exact" at ⌊(i + ½) scale⌋, "linear" and "bilinear" the two neighbours of
    (i + ½) scale - ½ (not below 0), or with `align_corners` of i (H - 1) / (OH - 1), by their closeness.

    input           (N, C, H, W), or (N, C, L) for "nearest", "nearest-exact" and "linear"
    size            of the output: an integer, or one for each spatial axis; or else
    scale_factor    a number, or one for each axis: the output has ⌊H scale_factor⌋ rows
    recompute_scale_factor      use H / OH as the scale also where scale_factor is given

    PyTorch's kernels differ in how they round the place of "nearest" for fractional scales; this is what its kernel for
    small images does. Where a fraction keeps the length of (N, C, L), PyTorch's gradient is that of a copy; this one is
    that of the forward.

    Raises ValueError where size and scale_factor are both given or both missing, or nothing is left.
    """

    latex = r"y_{n,c,i} = \sum_h w_{i,h}\, x_{n,c,h}; dx_{n,c,h} = \sum_i w_{i,h}\, dy_{n,c,i}"
    shapes = "x (N, C, H, W) -> y (N, C, OH, OW)"
    promote = "float"
    samples = [
        sample(normal(2, 3, 3, 4), None, 2, name="nearest, twice"),
        sample(normal(1, 2, 5, 4), (3, 7), name="nearest, size"),
        sample(normal(1, 2, 5, 4), None, (0.7, 1.6), "nearest-exact", name="nearest-exact"),
        sample(normal(2, 2, 3, 4), None, 2, "bilinear", name="bilinear, twice"),
        sample(normal(1, 2, 5, 4), (3, 7), None, "bilinear", True, name="bilinear, aligned corners"),
        sample(normal(1, 2, 5, 4), None, (1.7, 0.6), "bilinear", False, name="bilinear, factors"),
        sample(normal(1, 2, 5, 4), None, 1.7, "bilinear", False, True, name="recomputed scale"),
        sample(normal(2, 2, 5), 8, mode="linear", name="linear"),
        sample(normal(2, 2, 5), 1, mode="linear", align_corners=True, name="linear, one"),
        sample(normal(2, 2, 5), 8, name="nearest, 3-d"),
        sample(normal(0, 2, 2, 2), None, 2, name="empty batch"),
    ]

    def call(input, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None):
        shape = shape_of(input)
        n = len(shape) - 2
        modes = {1: ("nearest", "nearest-exact", "linear"), 2: ("nearest", "nearest-exact", "bilinear")}
        if n not in modes or 0 in shape[1:]:
            raise ValueError(f"interpolate: expected an input (N, C, L) or (N, C, H, W), got {shape}; reshape it first")
        if mode not in modes[n]:
            raise ValueError(f"interpolate: mode for an input {shape} is one of {', '.join(modes[n])}, got {mode!r}")
        nearest = mode.startswith("nearest")
        if nearest and align_corners is not None:
            raise ValueError(f"interpolate: align_corners is for linear and bilinear, not for {mode}; leave it out")
        out, scales = _output_size(shape[2:], size, scale_factor, recompute_scale_factor)
        dtype = getattr(input, "dtype", None)
        taps = tuple(
            nearest_taps(h, o, scale, mode == "nearest-exact", n == 2, dtype)
            if nearest
            else linear_taps(h, o, scale, bool(align_corners))
            for h, o, scale in zip(shape[2:], out, scales, strict=True)
        )
        return (input,), {"taps": taps}

    def forward(xp, x, *, taps):
        shape = x.shape
        for axis in range(-1, -len(taps) - 1, -1):
            x = resample(xp, x, taps[axis], axis)
        return x, (shape, taps)

    def backward(xp, saved, dy):
        shape, taps = saved
        for axis in range(-len(taps), 0):
            dy = resample_transposed(xp, dy, taps[axis], shape[axis], axis)
        return (dy,)


def _output_size(size, wanted, scale_factor, recompute_scale_factor):
    """The size of the output, and the scale from its coordinates to the input's, for each axis."""
    n = len(size)
    if (wanted is None) == (scale_factor is None):
        raise ValueError("interpolate: give either size or scale_factor, and not both")
    if wanted is not None:
        if recompute_scale_factor:
            raise ValueError("interpolate: recompute_scale_factor goes with scale_factor, not with size; leave it out")
        out = numbers("interpolate", "size", wanted, n, 1)
        if isinstance(wanted, tuple | list) and len(wanted) != n:  # one number in a list is not taken for all axes
            raise ValueError(f"interpolate: size is an integer or {n} of them, got {wanted!r}")
        return out, [h / o for h, o in zip(size, out, strict=True)]
    factors = tuple(scale_factor) if isinstance(scale_factor, tuple | list) else (scale_factor,) * n
    if len(factors) != n or not all(isinstance(f, int | float | np.number) and 0 < f < np.inf for f in factors):
        raise ValueError(f"interpolate: scale_factor is a positive number or {n} of them, got {scale_factor!r}")
    out = tuple(floor(h * float(f)) for h, f in zip(size, factors, strict=True))
    if min(out) < 1:
        raise ValueError(f"interpolate: scale_factor {scale_factor} makes {out} of the input's {size}; make it larger")
    if recompute_scale_factor:
        return out, [h / o for h, o in zip(size, out, strict=True)]
    return out, [1 / float(f) for f in factors]


class PixelShuffle(Composite):
    """y[…, c, h·r + i, w·r + j] = x[…, c·r² + i·r + j, h, w];  dx = pixel_unshuffle(dy, r).

    r = upscale_factor. Raises ValueError where r² does not divide the channels. (Shi et al. 2016, sub-pixel
    convolution)
    """

    latex = r"y_{c,hr+i,wr+j} = x_{cr^2+ir+j,h,w}; dx_{cr^2+ir+j,h,w} = dy_{c,hr+i,wr+j}"
    shapes = "x (…, C·r², H, W) -> y (…, C, H·r, W·r)"
    samples = [sample(normal(2, 8, 2, 3), 2), sample(normal(9, 2, 2), 3, name="unbatched")]

    def call(input, upscale_factor):
        (r,) = numbers("pixel_shuffle", "upscale_factor", upscale_factor, 1, 1)
        shape = shape_of(input)
        if len(shape) < 3 or shape[-3] % (r * r):
            raise ValueError(f"pixel_shuffle: expected an input (…, C·{r * r}, H, W), got {shape}")
        return (input,), {"r": r}

    def forward(xp, x, *, r):
        *lead, c, h, w = x.shape
        n = len(lead)
        y = xp.reshape(x, (*lead, c // (r * r), r, r, h, w))
        y = xp.transpose(y, (*range(n), n, n + 3, n + 1, n + 4, n + 2))  # (…, C, H, r, W, r)
        return xp.reshape(y, (*lead, c // (r * r), h * r, w * r))


class PixelUnshuffle(Composite):
    """y[…, c·r² + i·r + j, h, w] = x[…, c, h·r + i, w·r + j];  dx = pixel_shuffle(dy, r).

    r = downscale_factor; undoes pixel_shuffle. Raises ValueError where r does not divide height and width.
    """

    latex = r"y_{cr^2+ir+j,h,w} = x_{c,hr+i,wr+j}; dx_{c,hr+i,wr+j} = dy_{cr^2+ir+j,h,w}"
    shapes = "x (…, C, H·r, W·r) -> y (…, C·r², H, W)"
    samples = [sample(normal(2, 2, 4, 6), 2), sample(normal(1, 3, 6), 3, name="unbatched")]

    def call(input, downscale_factor):
        (r,) = numbers("pixel_unshuffle", "downscale_factor", downscale_factor, 1, 1)
        shape = shape_of(input)
        if len(shape) < 3 or shape[-2] % r or shape[-1] % r:
            raise ValueError(f"pixel_unshuffle: expected an input (…, C, H·{r}, W·{r}), got {shape}")
        return (input,), {"r": r}

    def forward(xp, x, *, r):
        *lead, c, h, w = x.shape
        n = len(lead)
        y = xp.reshape(x, (*lead, c, h // r, r, w // r, r))
        y = xp.transpose(y, (*range(n), n, n + 2, n + 4, n + 1, n + 3))  # (…, C, r, r, H, W)
        return xp.reshape(y, (*lead, c * r * r, h // r, w // r))
