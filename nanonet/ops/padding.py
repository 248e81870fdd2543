"""Padding, with NumPy's arguments and with PyTorch's."""

import numpy as np

from nanonet.op import Composite, Op, sample
from nanonet.ops.arguments import shape_of
from nanonet.sampling import normal

MODES = ("constant", "reflect", "symmetric", "edge", "wrap")


class Pad(Op):
    """y = x with more elements before and after along each axis;  dx = dy, added up where an element was read.

    As numpy.pad: `pad_width` is a number, (before, after), or such a pair for each axis. `mode` is "constant"
    (with `constant_values`), "reflect" (the edge is not repeated), "symmetric" (it is), "edge" or "wrap".
    """

    latex = r"y_{i + \mathrm{before}} = x_i; dx_i = \sum_{j \text{ copied from } i} dy_j"
    shapes = "x (n, …) -> y (before + n + after, …)"
    array = True
    method = True
    samples = [
        sample(normal(2, 3), 1),
        sample(normal(2, 3), ((0, 1), (2, 0)), constant_values=0.5, name="value"),
        sample(normal(4, 3), ((1, 2), (0, 2)), "reflect"),
        *(sample(normal(2, 3), (1, 2), mode) for mode in MODES[2:]),
        sample(normal(3), (4, 5), "reflect", name="many times"),
        sample(normal(), 3, name="0-d"),
    ]

    def call(x, pad_width, mode="constant", constant_values=0):
        if mode not in MODES:
            raise ValueError(f"pad: mode must be one of {', '.join(MODES)}; got {mode!r}")
        shape = shape_of(x)
        try:
            widths = np.broadcast_to(np.asarray(pad_width), (len(shape), 2)).tolist()
        except ValueError:
            raise ValueError(
                f"pad: pad_width must be a number, a pair or {len(shape)} pairs for x {shape}, got {pad_width}"
            ) from None
        if any(not isinstance(n, int) or n < 0 for pair in widths for n in pair):
            raise ValueError(f"pad: pad_width must be integers of at least 0, got {pad_width}; cut with x[...]")
        for axis, pair in enumerate(widths):
            if mode != "constant" and any(pair) and not shape[axis]:
                raise ValueError(f"pad: axis {axis} of x {shape} is empty, so mode {mode!r} has nothing to copy")
        widths = tuple((before, after) for before, after in widths)
        return (x,), {"pad_width": widths, "mode": mode, "constant_values": constant_values}

    def forward(xp, x, *, pad_width, mode="constant", constant_values=0):
        shapes = [x.shape]
        if not pad_width:  # NumPy refuses to pad a 0-d array by nothing
            return xp.reshape(x, ()), (shapes, pad_width, mode)
        if mode == "constant":
            return xp.pad(x, pad_width, mode=mode, constant_values=constant_values), (shapes, pad_width, mode)
        for axis, (before, after) in enumerate(pad_width):
            if before or after:
                places = xp.pad(xp.arange(x.shape[axis]), (before, after), mode=mode)  # where each element is read
                x = xp.take(x, places, axis=axis)
            shapes.append(x.shape)
        return x, (shapes, pad_width, mode)

    def backward(xp, saved, dy):
        shapes, pad_width, mode = saved
        if mode == "constant":
            inner = zip(pad_width, shapes[0], strict=True)
            return (dy[tuple(slice(before, before + n) for (before, _), n in inner)],)
        for axis, (before, after) in reversed(list(enumerate(pad_width))):
            if before or after:
                places = xp.pad(xp.arange(shapes[axis][axis]), (before, after), mode=mode)
                dy = xp.put_add(dy, shape=shapes[axis], key=(*(slice(None),) * axis, places))
        return (dy,)


TORCH_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


class PadLast(Composite, name="pad"):
    """y = input with more elements along its last axes;  dinput = dy, added up where an element was read.

    As torch.nn.functional.pad: `pad` is (left, right, top, bottom, …), the last axis first; negative numbers cut.
    `mode` is "constant" (with `value`), "reflect", "replicate" or "circular".
    """

    latex = r"y_{i + \mathrm{left}} = x_i; dinput_i = \sum_{j \text{ copied from } i} dy_j"
    shapes = "input (…, H, W) -> y (…, top + H + bottom, left + W + right)"
    samples = [
        sample(normal(2, 3), (1, 2)),
        sample(normal(2, 1, 3, 4), (1, 0, 2, 1), value=0.5, name="value"),
        sample(normal(3, 4), (-1, 2, 1, -1), name="cut"),
        *(sample(normal(1, 2, 3, 4), (1, 2, 2, 0), mode) for mode in ("reflect", "replicate", "circular")),
    ]

    def call(input, pad, mode="constant", value=None):
        shape = shape_of(input)
        if mode not in TORCH_MODES:
            raise ValueError(f"pad: mode must be one of {', '.join(TORCH_MODES)}; got {mode!r}")
        if len(pad) % 2 or len(pad) > 2 * len(shape):
            raise ValueError(f"pad: expected (left, right) for each of at most {len(shape)} axes, got {tuple(pad)}")
        before = (0,) * (len(shape) - len(pad) // 2)
        widths = (*((n, n) for n in before), *zip(pad[-2::-2], pad[::-2], strict=True))
        for n, (left, right) in zip(shape, widths, strict=True):
            if n + left + right < 0 or -left > n or -right > n:
                raise ValueError(f"pad: {tuple(pad)} cuts more than input {shape} has")
            if (mode == "reflect" and max(left, right) >= n > 0) or (mode == "circular" and max(left, right) > n):
                raise ValueError(f"pad: mode {mode!r} cannot add {max(left, right)} to an axis of {n}: {tuple(pad)}")
        return (input,), {"pad": widths, "mode": TORCH_MODES[mode], "value": value or 0}

    def forward(xp, input, *, pad, mode, value):
        if any(n < 0 for pair in pad for n in pair):
            kept = zip(pad, input.shape, strict=True)
            input = input[tuple(slice(max(-left, 0), n - max(-right, 0)) for (left, right), n in kept)]
            pad = [(max(left, 0), max(right, 0)) for left, right in pad]
        return xp.pad(input, pad, mode, value)
