"""Activations made of straight pieces, with the names and arguments of torch.nn.functional.

At the corners the gradient is PyTorch's; each docstring states it. None takes PyTorch's `inplace`, as the result is
always a new tensor.
"""

from nanonet.op import sample
from nanonet.ops.activation import Activation
from nanonet.sampling import distinct, normal, uniform, values


class Relu(Activation):
    """y = max(x, 0);  dx = dy where x > 0, else 0.

    At 0 the gradient is 0. Integers stay integers.
    """

    latex = r"y = \max(x, 0); dx = dy \odot [x > 0]"
    promote = "common"
    method = True
    samples = [
        sample(distinct(3, 4)),
        sample(distinct(), name="0-d"),
        sample(distinct(0, 3), name="empty"),
        sample(values([0.0, -0.0, 1e4, -1e4]), name="zero", kink="x = 0"),
    ]

    def forward(xp, x):
        y = xp.maximum(x, 0)
        return y, (y,)

    def backward(xp, saved, dy):
        (y,) = saved
        return (xp.masked_fill(dy, y <= 0, 0.0),)


class Relu6(Activation):
    """y = min(max(x, 0), 6);  dx = dy where 0 < x < 6, else 0.

    At 0 and 6 the gradient is 0. Integers stay integers.
    """

    latex = r"y = \min(\max(x, 0), 6); dx = dy \odot [0 < x < 6]"
    promote = "common"
    samples = [
        sample(distinct(3, 4)),
        sample(uniform(5, 7, 6), name="around 6"),
        sample(values([0.0, 6.0, -1e4, 1e4]), name="corners", kink="x = 0 or 6"),
    ]

    def forward(xp, x):
        y = xp.minimum(xp.maximum(x, 0), 6)
        return y, (y,)

    def backward(xp, saved, dy):
        (y,) = saved
        return (xp.masked_fill(dy, (y <= 0) | (y >= 6), 0.0),)


class LeakyRelu(Activation):
    """y = x where x > 0, else slope x;  dx = dy where x > 0, else slope dy.

    slope is `negative_slope`. At 0 the gradient is slope dy.
    """

    latex = r"y = [x > 0] \odot x + s\, [x \le 0] \odot x; dx = dy \odot ([x > 0] + s\, [x \le 0])"
    method = True
    samples = [
        sample(distinct(3, 4)),
        sample(distinct(3, 4), 0.3, name="slope"),
        sample(distinct(4), negative_slope=-1.5, name="negative slope"),
        sample(values([0.0, -0.0, 1e4, -1e4]), name="zero", kink="x = 0"),
    ]

    def call(input, negative_slope=0.01):
        return (input,), {"slope": negative_slope}

    def forward(xp, x, *, slope=0.01):
        return xp.maximum(x, 0) + slope * xp.minimum(x, 0), (x, slope)

    def backward(xp, saved, dy):
        x, slope = saved
        above = x > 0
        return (xp.masked_fill(dy, ~above, 0.0) + xp.masked_fill(slope * dy, above, 0.0),)


class Prelu(Activation):
    """y = x where x > 0, else w x;  dx = dy where x > 0, else w dy;  dw = Σ x dy where x <= 0.

    input x (N, C, …) or any shape; weight w: one element, or C of them, one for each index of axis 1. At 0, dx is w dy.
    Raises ValueError for other shapes of w. Source: He et al., arXiv:1502.01852.
    """

    latex = (
        r"y = [x > 0] \odot x + w\, [x \le 0] \odot x; dx = dy \odot ([x > 0] + w\, [x \le 0]); "
        r"dw = \sum [x \le 0] \odot x \odot dy"
    )
    shapes = "x (N, C, …), w (C) or (1) or () -> y (N, C, …)"
    method = True
    samples = [
        sample(distinct(2, 3), uniform(0.1, 0.9, 3)),
        sample(distinct(2, 3, 2), uniform(0.1, 0.9, 3), name="channels"),
        sample(distinct(2, 3), uniform(0.1, 0.9, 1), name="one weight"),
        sample(distinct(5), uniform(0.1, 0.9), name="0-d weight"),
        sample(distinct(0, 3), uniform(0.1, 0.9, 3), name="empty"),
        sample(values([[0.0, -1e4, 2.0]]), values([0.2, 0.3, 0.4]), name="zero", kink="x = 0"),
    ]

    def call(input, weight):
        shape, size = getattr(input, "shape", ()), getattr(weight, "shape", ())
        channels = shape[1] if len(shape) > 1 else 1
        if len(size) > 1 or size not in ((), (1,), (channels,)):
            raise ValueError(f"prelu: input {tuple(shape)} needs weight ({channels},) or (1,), got {tuple(size)}")
        return (input, weight), {}

    def forward(xp, x, w):
        per_channel = xp.reshape(w, () if w.size == 1 else (1, -1) + (1,) * (x.ndim - 2))
        return xp.where(x > 0, x, per_channel * x), (x, w, per_channel)

    def backward(xp, saved, dy, needs):
        x, w, per_channel = saved
        dx = xp.where(x > 0, dy, per_channel * dy) if needs[0] else None
        if not needs[1]:
            return dx, None
        axes = None if w.size == 1 else tuple(axis for axis in range(x.ndim) if axis != 1)
        return dx, xp.reshape(xp.sum(xp.masked_fill(x * dy, x > 0, 0.0), axis=axes), w.shape)


class Hardtanh(Activation):
    """y = min(max(x, min_val), max_val);  dx = dy where min_val < x < max_val, else 0.

    At the bounds the gradient is 0. Raises ValueError where min_val > max_val.
    """

    latex = r"y = \min(\max(x, lo), hi); dx = dy \odot [lo < x < hi]"
    samples = [
        sample(uniform(-0.9, 0.9, 3, 4)),
        sample(distinct(3, 4), -0.3, 0.3, name="bounds"),
        sample(values([-1.0, 1.0, 0.0, 1e4, -1e4]), name="corners", kink="x = -1 or 1"),
    ]

    def call(input, min_val=-1.0, max_val=1.0):
        if min_val > max_val:
            raise ValueError(f"hardtanh: expected min_val <= max_val, got {min_val} and {max_val}")
        return (input,), {"min_val": min_val, "max_val": max_val}

    def forward(xp, x, *, min_val=-1.0, max_val=1.0):
        return xp.minimum(xp.maximum(x, min_val), max_val), (x, min_val, max_val)

    def backward(xp, saved, dy):
        x, min_val, max_val = saved
        return (xp.masked_fill(dy, (x <= min_val) | (x >= max_val), 0.0),)


class Hardsigmoid(Activation):
    """y = min(max(x + 3, 0), 6) / 6;  dx = dy / 6 where -3 < x < 3, else 0.

    At the bounds the gradient is 0.
    """

    latex = r"y = \tfrac{1}{6} \min(\max(x + 3, 0), 6); dx = \tfrac{1}{6} dy \odot [-3 < x < 3]"
    samples = [
        sample(normal(3, 4)),
        sample(values([-4.0, 4.0, 2.9]), name="outside"),
        sample(values([-3.0, 3.0, 0.0, 1e4, -1e4]), name="corners", kink="x = -3 or 3"),
    ]

    def forward(xp, x):
        return xp.minimum(xp.maximum(x + 3, 0), 6) / 6, (x,)

    def backward(xp, saved, dy):
        (x,) = saved
        return (xp.masked_fill(dy / 6, ~((x > -3) & (x < 3)), 0.0),)


class Hardswish(Activation):
    """y = x min(max(x + 3, 0), 6) / 6;  dx = dy ⊙ (x / 3 + ½) where -3 < x < 3, 0 below, dy above.

    At -3 the gradient is 0, at 3 it is dy. Source: Howard et al., arXiv:1905.02244.
    """

    latex = (
        r"y = \tfrac{1}{6}\, x \odot \min(\max(x + 3, 0), 6); "
        r"dx = dy \odot ([-3 < x < 3] \odot (x/3 + \tfrac{1}{2}) + [x \ge 3])"
    )
    samples = Hardsigmoid.samples

    def forward(xp, x):
        return x * xp.minimum(xp.maximum(x + 3, 0), 6) / 6, (x,)

    def backward(xp, saved, dy):
        (x,) = saved
        slope = xp.where(x < 3, x / 3 + 0.5, 1.0)
        return (xp.masked_fill(dy * slope, x <= -3, 0.0),)


class Hardshrink(Activation):
    """y = x where |x| > lambd, else 0;  dx = dy where |x| > lambd, else 0."""

    latex = r"y = x \odot [|x| > \lambda]; dx = dy \odot [|x| > \lambda]"
    samples = [
        sample(distinct(3, 4)),
        sample(distinct(3, 4), 0.2, name="lambd"),
        sample(values([0.5, -0.5, 0.0, 1e4, -1e4]), name="corners", kink="|x| = lambd"),
    ]

    def call(input, lambd=0.5):
        return (input,), {"lambd": lambd}

    def forward(xp, x, *, lambd=0.5):
        inside = (x >= -lambd) & (x <= lambd)
        return xp.masked_fill(x, inside, 0.0), (inside,)

    def backward(xp, saved, dy):
        (inside,) = saved
        return (xp.masked_fill(dy, inside, 0.0),)


class Softshrink(Activation):
    """y = x - lambd where x > lambd, x + lambd where x < -lambd, else 0;  dx = dy where |x| > lambd, else 0.

    Raises ValueError for lambd < 0.
    """

    latex = (
        r"y = (x - \lambda) \odot [x > \lambda] + (x + \lambda) \odot [x < -\lambda]; "
        r"dx = dy \odot [|x| > \lambda]"
    )
    samples = Hardshrink.samples

    def call(input, lambd=0.5):
        if lambd < 0:
            raise ValueError(f"softshrink: expected lambd >= 0, got {lambd}")
        return (input,), {"lambd": lambd}

    def forward(xp, x, *, lambd=0.5):
        return x - xp.minimum(xp.maximum(x, -lambd), lambd), (x, lambd)

    def backward(xp, saved, dy):
        x, lambd = saved
        return (xp.masked_fill(dy, (x >= -lambd) & (x <= lambd), 0.0),)


class Threshold(Activation):
    """y = x where x > threshold, else value;  dx = dy where x > threshold, else 0."""

    latex = r"y = [x > t] \odot x + [x \le t]\, v; dx = dy \odot [x > t]"
    samples = [
        sample(distinct(3, 4), 0.2, -1.0),
        sample(values([0.5, 1.0, -1e4, 1e4]), 0.5, 2.0, name="corner", kink="x = threshold"),
    ]

    def call(input, threshold, value):
        return (input,), {"threshold": threshold, "value": value}

    def forward(xp, x, *, threshold, value):
        below = x <= threshold
        return xp.masked_fill(x, below, value), (below,)

    def backward(xp, saved, dy):
        (below,) = saved
        return (xp.masked_fill(dy, below, 0.0),)
