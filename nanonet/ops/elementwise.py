"""Elementwise arithmetic, with NumPy's names. Operands broadcast; the tape undoes it."""

from nanonet.op import Op, sample
from nanonet.sampling import distinct, normal, positive, uniform, values


class Elementwise(Op, abstract=True):
    """Array functions that are Tensor methods too. Integers become float32."""

    array = True
    method = True
    promote = "float"
    samples = [sample(normal(3, 4)), sample(normal(), name="0-d"), sample(normal(0, 3), name="empty")]


class Arithmetic(Elementwise, abstract=True):
    """Two operands. Integers stay integers among themselves."""

    promote = "common"
    shapes = "a (…), b (…) -> y (broadcast of both)"
    samples = [
        sample(normal(3, 4), normal(3, 4)),
        sample(normal(3, 4), normal(4), name="broadcast"),
        sample(normal(3, 1), normal(1, 4), name="outer"),
        sample(normal(), normal(2), name="0-d"),
        sample(normal(0, 3), normal(3), name="empty"),
        sample(normal(3), 2.5, name="number"),
        sample(2.5, normal(3), name="number first"),
    ]


class Add(Arithmetic):
    """y = a + b;  da = dy;  db = dy."""

    operators = ("__add__", "__radd__")
    latex = r"y = a + b; da = dy; db = dy"

    def forward(xp, a, b):
        return xp.add(a, b), ()

    def backward(xp, saved, dy):
        return dy, dy


class Subtract(Arithmetic):
    """y = a - b;  da = dy;  db = -dy."""

    operators = ("__sub__", "__rsub__")
    latex = r"y = a - b; da = dy; db = -dy"

    def forward(xp, a, b):
        return xp.subtract(a, b), ()

    def backward(xp, saved, dy, needs):
        return dy, -dy if needs[1] else None


class Multiply(Arithmetic):
    """y = a ⊙ b;  da = dy ⊙ b;  db = dy ⊙ a."""

    operators = ("__mul__", "__rmul__")
    latex = r"y = a \odot b; da = dy \odot b; db = dy \odot a"

    def forward(xp, a, b):
        return xp.multiply(a, b), (a, b)

    def backward(xp, saved, dy, needs):
        a, b = saved
        return dy * b if needs[0] else None, dy * a if needs[1] else None


class Divide(Arithmetic):
    """y = a / b;  da = dy / b;  db = -dy ⊙ y / b.

    Integers become float32.
    """

    operators = ("__truediv__", "__rtruediv__")
    latex = r"y = a / b; da = dy / b; db = -dy \odot y / b"
    promote = "float"
    samples = [
        sample(normal(3, 4), positive(3, 4)),
        sample(normal(3, 4), positive(4), name="broadcast"),
        sample(normal(3, 1), positive(1, 4), name="outer"),
        sample(normal(3), 2.5, name="number"),
        sample(2.5, positive(3), name="number first"),
    ]

    def forward(xp, a, b):
        y = xp.divide(a, b)
        return y, (y, b)

    def backward(xp, saved, dy, needs):
        y, b = saved
        da = dy / b
        return da, -da * y if needs[1] else None


class Neg(Elementwise):
    """y = -x;  dx = -dy."""

    operators = ("__neg__",)
    latex = r"y = -x; dx = -dy"
    promote = "common"
    aliases = ("negative",)

    def forward(xp, x):
        return xp.negative(x), ()

    def backward(xp, saved, dy):
        return (-dy,)


class Abs(Elementwise):
    """y = |x|;  dx = dy ⊙ sign(x).

    At 0 the gradient is 0, as in PyTorch.
    """

    operators = ("__abs__",)
    latex = r"y = |x|; dx = dy \odot \mathrm{sign}(x)"
    promote = "common"
    aliases = ("absolute",)
    samples = [sample(distinct(3, 4)), sample(values([0.0, -0.0, 1.0]), name="zero", kink="x = 0")]

    def forward(xp, x):
        return xp.abs(x), (x,)

    def backward(xp, saved, dy):
        (x,) = saved
        return (dy * xp.sign(x),)


EXTREMES = [
    sample(distinct(3, 4), distinct(3, 4)),
    sample(distinct(3, 4), distinct(4), name="broadcast"),
    sample(distinct(3, 4), 0.0, name="number"),
    sample(values([1.0, 2.0, 3.0]), values([1.0, 3.0, 2.0]), name="ties", kink="tie"),
]


class Maximum(Arithmetic):
    """y = max(a, b);  da = dy where a > b;  db = dy where b > a.

    Ties give each operand half the gradient, as in PyTorch. NaN propagates.
    """

    latex = r"y = \max(a, b); da = dy \odot [a > b]; db = dy \odot [b > a]"
    samples = EXTREMES

    def forward(xp, a, b):
        return xp.maximum(a, b), (a, b)

    def backward(xp, saved, dy, needs):
        a, b = saved
        dy = xp.where(a == b, 0.5 * dy, dy)
        da = xp.masked_fill(dy, a < b, 0.0) if needs[0] else None
        return da, xp.masked_fill(dy, a > b, 0.0) if needs[1] else None


class Minimum(Arithmetic):
    """y = min(a, b);  da = dy where a < b;  db = dy where b < a.

    Ties give each operand half the gradient, as in PyTorch. NaN propagates.
    """

    latex = r"y = \min(a, b); da = dy \odot [a < b]; db = dy \odot [b < a]"
    samples = EXTREMES

    def forward(xp, a, b):
        return xp.minimum(a, b), (a, b)

    def backward(xp, saved, dy, needs):
        a, b = saved
        dy = xp.where(a == b, 0.5 * dy, dy)
        da = xp.masked_fill(dy, a > b, 0.0) if needs[0] else None
        return da, xp.masked_fill(dy, a < b, 0.0) if needs[1] else None


class Clip(Arithmetic):
    """y = x held between min and max;  dx = dy where min <= x <= max;  dmin = dy where x < min < max;
    dmax = dy where x > max or max < min.

    min and max: tensors that broadcast with x, numbers, or None for no bound (not both). Where min > max, y is max.
    The gradient at a bound goes to x, as in torch.clamp. Raises ValueError without any bound.
    """

    latex = (
        r"y = \min(\max(x, min), max); dx = dy \odot [min \le x \le max]; "
        r"dmin = dy \odot [x < min < max]; dmax = dy \odot [x > max \vee max < min]"
    )
    shapes = "x (…), min (…), max (…) -> y (broadcast of all)"
    aliases = ("clamp",)
    samples = [
        sample(distinct(3, 4), -0.3, 0.3),
        sample(distinct(3, 4), min=-0.3, name="lower"),
        sample(distinct(3, 4), None, 0.3, name="upper"),
        sample(distinct(3, 4), uniform(-0.31, -0.29, 4), uniform(0.29, 0.31, 3, 1), name="tensors"),
        sample(distinct(3, 4), uniform(0.29, 0.31, 4), uniform(-0.31, -0.29, 4), name="crossed"),
        sample(values([-1.0, 1.0, 2.0]), -1.0, 1.0, name="at the bounds", kink="x = bound"),
        sample(values([0.0, 2.0]), values([1.0, 1.0]), values([1.0, 1.0]), name="equal bounds", kink="min = max"),
    ]

    def forward(xp, x, min=None, max=None):
        if min is None and max is None:
            raise ValueError("clip: expected min, max or both, got neither; pass at least one bound")
        y = x if min is None else xp.maximum(x, min)
        return y if max is None else xp.minimum(y, max), (x, min, max)

    def backward(xp, saved, dy, needs):
        x, min, max = saved
        inside = x <= max if min is None else x >= min if max is None else (x >= min) & (x <= max)
        dx = xp.masked_fill(dy, ~inside, 0.0) if needs[0] else None
        dmin = dmax = None
        if needs[1]:
            below = x < min if max is None else (x < min) & (min < max)
            dmin = xp.masked_fill(dy, ~below, 0.0)
        if needs[2]:
            above = x > max if min is None else (x > max) | (max < min)
            dmax = xp.masked_fill(dy, ~above, 0.0)
        return dx, dmin, dmax


class Hypot(Arithmetic):
    """y = √(a² + b²);  da = dy ⊙ a / y;  db = dy ⊙ b / y.

    Integers become float32. At a = b = 0 the gradients are NaN, as in PyTorch.
    """

    latex = r"y = \sqrt{a^2 + b^2}; da = dy \odot a / y; db = dy \odot b / y"
    promote = "float"

    def forward(xp, a, b):
        y = xp.hypot(a, b)
        return y, (a, b, y)

    def backward(xp, saved, dy, needs):
        a, b, y = saved
        return dy * (a / y) if needs[0] else None, dy * (b / y) if needs[1] else None


class Arctan2(Arithmetic):
    """y = angle of the point (b, a);  da = dy ⊙ b / (a² + b²);  db = -dy ⊙ a / (a² + b²).

    In [-π, π]. Integers become float32. At a = b = 0 the gradients are 0, as in PyTorch.
    """

    latex = r"y = \mathrm{atan2}(a, b); da = dy \odot \frac{b}{a^2 + b^2}; db = -dy \odot \frac{a}{a^2 + b^2}"
    promote = "float"
    aliases = ("atan2",)

    def forward(xp, a, b):
        return xp.arctan2(a, b), (a, b)

    def backward(xp, saved, dy, needs):
        a, b = saved
        r2 = a * a + b * b
        scaled = dy / xp.where(r2 == 0, 1.0, r2)
        return scaled * b if needs[0] else None, -scaled * a if needs[1] else None


class Logaddexp(Arithmetic):
    """y = log(e^a + e^b);  da = dy ⊙ sigmoid(a - b);  db = dy ⊙ sigmoid(b - a).

    Never overflows. Integers become float32.
    """

    latex = r"y = \log(e^a + e^b); da = dy \odot \sigma(a - b); db = dy \odot \sigma(b - a)"
    promote = "float"

    def forward(xp, a, b):
        return xp.logaddexp(a, b), (a, b)

    def backward(xp, saved, dy, needs):
        a, b = saved
        return dy * xp.sigmoid(a - b) if needs[0] else None, dy * xp.sigmoid(b - a) if needs[1] else None
