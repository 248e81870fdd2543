"""Elementwise arithmetic and mathematics, with NumPy's names. Operands broadcast; the tape undoes it."""

from nanonet.op import Op, sample
from nanonet.sampling import distinct, normal, positive, uniform


class Elementwise(Op, abstract=True):
    """Array functions that are Tensor methods too."""

    array = True
    method = True
    promote = "float"


class Arithmetic(Elementwise, abstract=True):
    """Integers stay integers among themselves."""

    promote = "common"
    shapes = "a (…), b (…) -> y (broadcast of both)"


class Comparison(Op, abstract=True):
    """True or false, elementwise; without a gradient."""

    array = True
    method = True
    shapes = "a (…), b (…) -> y (broadcast of both), bool"
    samples = [sample(normal(3, 4), normal(4)), sample(normal(2), 0.0, name="number")]


class Add(Arithmetic):
    """y = a + b;  da = dy;  db = dy."""

    operators = ("__add__", "__radd__")
    latex = r"y = a + b; da = dy; db = dy"
    samples = [
        sample(normal(3, 4), normal(3, 4)),
        sample(normal(3, 4), normal(4), name="broadcast"),
        sample(normal(3, 1), normal(1, 4), name="outer"),
        sample(normal(), normal(2), name="0-d"),
        sample(normal(0, 3), normal(3), name="empty"),
    ]

    def forward(xp, a, b):
        return xp.add(a, b), ()

    def backward(xp, saved, dy):
        return dy, dy


class Subtract(Arithmetic):
    """y = a - b;  da = dy;  db = -dy."""

    operators = ("__sub__", "__rsub__")
    latex = r"y = a - b; da = dy; db = -dy"
    samples = Add.samples

    def forward(xp, a, b):
        return xp.subtract(a, b), ()

    def backward(xp, saved, dy, needs):
        return dy, -dy if needs[1] else None


class Multiply(Arithmetic):
    """y = a ⊙ b;  da = dy ⊙ b;  db = dy ⊙ a."""

    operators = ("__mul__", "__rmul__")
    latex = r"y = a \odot b; da = dy \odot b; db = dy \odot a"
    samples = Add.samples

    def forward(xp, a, b):
        return xp.multiply(a, b), (a, b)

    def backward(xp, saved, dy, needs):
        a, b = saved
        return dy * b if needs[0] else None, dy * a if needs[1] else None


class Divide(Arithmetic):
    """y = a / b;  da = dy / b;  db = -dy ⊙ y / b."""

    operators = ("__truediv__", "__rtruediv__")
    latex = r"y = a / b; da = dy / b; db = -dy \odot y / b"
    promote = "float"
    samples = [
        sample(normal(3, 4), positive(3, 4)),
        sample(normal(3, 4), positive(4), name="broadcast"),
        sample(normal(3, 1), positive(1, 4), name="outer"),
    ]

    def forward(xp, a, b):
        y = xp.divide(a, b)
        return y, (y, b)

    def backward(xp, saved, dy, needs):
        y, b = saved
        da = dy / b
        return da, -da * y if needs[1] else None


class Neg(Arithmetic):
    """y = -x;  dx = -dy."""

    operators = ("__neg__",)
    latex = r"y = -x; dx = -dy"
    shapes = "x (…) -> y (…)"
    aliases = ("negative",)
    samples = [sample(normal(3, 4))]

    def forward(xp, x):
        return xp.negative(x), ()

    def backward(xp, saved, dy):
        return (-dy,)


class Tanh(Elementwise):
    """y = tanh(x);  dx = dy ⊙ (1 - y²)."""

    latex = r"y = \tanh(x); dx = dy \odot (1 - y^2)"
    samples = [sample(normal(3, 4)), sample(uniform(-30, 30, 5), name="saturated")]

    def forward(xp, x):
        y = xp.tanh(x)
        return y, (y,)

    def backward(xp, saved, dy):
        (y,) = saved
        return (dy * (1 - y * y),)


class Abs(Arithmetic):
    """y = |x|;  dx = dy ⊙ sign(x).

    At 0 the gradient is 0, as in PyTorch.
    """

    operators = ("__abs__",)
    latex = r"y = |x|; dx = dy \odot \mathrm{sign}(x)"
    shapes = "x (…) -> y (…)"
    samples = [sample(distinct(3, 4))]

    def forward(xp, x):
        return xp.abs(x), (x,)

    def backward(xp, saved, dy):
        (x,) = saved
        return (dy * xp.sign(x),)


class Power(Arithmetic):
    """y = a^b;  da = dy ⊙ b a^(b - 1);  db = dy ⊙ y log a.

    Where b = 0, da = 0; where a = 0 and b >= 0, db = 0 (as in PyTorch).
    """

    operators = ("__pow__", "__rpow__")
    latex = r"y = a^b; da = dy \odot b\, a^{b-1}; db = dy \odot y \log a"
    samples = [
        sample(normal(3, 4), 2, name="square"),
        sample(positive(3, 4), normal(3, 4)),
        sample(positive(3, 1), normal(4), name="broadcast"),
        sample(2.0, normal(3), name="number base"),
    ]

    def forward(xp, a, b):
        y = xp.power(a, b)
        return y, (a, b, y)

    def backward(xp, saved, dy, needs):
        a, b, y = saved
        da = dy * xp.where(b == 0, 0.0, b * xp.power(a, xp.where(b == 0, 1, b) - 1)) if needs[0] else None
        db = None
        if needs[1]:
            positive_a = a > 0
            db = xp.where(positive_a, dy * y * xp.log(xp.where(positive_a, a, 1.0)), xp.where(a == 0, 0.0, xp.nan))
        return da, db


class Equal(Comparison):
    """y = 1 where a = b, else 0."""

    operators = ("__eq__",)
    def forward(xp, a, b):
        return xp.equal(a, b), ()


class NotEqual(Comparison):
    """y = 1 where a ≠ b, else 0."""

    operators = ("__ne__",)
    def forward(xp, a, b):
        return xp.not_equal(a, b), ()


class Less(Comparison):
    """y = 1 where a < b, else 0."""

    operators = ("__lt__",)
    def forward(xp, a, b):
        return xp.less(a, b), ()


class LessEqual(Comparison):
    """y = 1 where a ≤ b, else 0."""

    operators = ("__le__",)
    def forward(xp, a, b):
        return xp.less_equal(a, b), ()


class Greater(Comparison):
    """y = 1 where a > b, else 0."""

    operators = ("__gt__",)
    def forward(xp, a, b):
        return xp.greater(a, b), ()


class GreaterEqual(Comparison):
    """y = 1 where a ≥ b, else 0."""

    operators = ("__ge__",)
    def forward(xp, a, b):
        return xp.greater_equal(a, b), ()


class LogicalAnd(Comparison):
    """y = a and b."""

    operators = ("__and__",)
    def forward(xp, a, b):
        return xp.logical_and(a, b), ()


class LogicalOr(Comparison):
    """y = a or b."""

    operators = ("__or__",)
    def forward(xp, a, b):
        return xp.logical_or(a, b), ()


class LogicalNot(Comparison):
    """y = not x."""

    operators = ("__invert__",)
    shapes = "x (…) -> y (…), bool"
    samples = [sample(normal(3, 4))]

    def forward(xp, x):
        return xp.logical_not(x), ()
