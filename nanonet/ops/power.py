"""Powers and roots, elementwise, with NumPy's names."""

import math

from nanonet.op import sample
from nanonet.ops.elementwise import Arithmetic, Elementwise
from nanonet.sampling import normal, positive, uniform, values

POSITIVE = [sample(positive(3, 4)), sample(positive(), name="0-d"), sample(positive(0, 3), name="empty")]


class Square(Elementwise):
    """y = x²;  dx = 2 dy ⊙ x."""

    latex = r"y = x^2; dx = 2\, dy \odot x"
    promote = "common"

    def forward(xp, x):
        return xp.square(x), (x,)

    def backward(xp, saved, dy):
        (x,) = saved
        return (dy * (2 * x),)


class Reciprocal(Elementwise):
    """y = 1 / x;  dx = -dy ⊙ y²."""

    latex = r"y = 1 / x; dx = -dy \odot y^2"
    samples = [sample(positive(3, 4)), sample(uniform(-3, -1, 4), name="negative")]

    def forward(xp, x):
        y = xp.reciprocal(x)
        return y, (y,)

    def backward(xp, saved, dy):
        (y,) = saved
        return (-dy * (y * y),)


class Sqrt(Elementwise):
    """y = √x;  dx = dy / (2 y).

    At 0 the gradient is infinite.
    """

    latex = r"y = \sqrt{x}; dx = \frac{dy}{2y}"
    samples = POSITIVE

    def forward(xp, x):
        y = xp.sqrt(x)
        return y, (y,)

    def backward(xp, saved, dy):
        (y,) = saved
        return (dy / (2 * y),)


class Rsqrt(Elementwise):
    """y = 1 / √x;  dx = -½ dy ⊙ y³."""

    latex = r"y = \frac{1}{\sqrt{x}}; dx = -\tfrac{1}{2} dy \odot y^3"
    samples = POSITIVE

    def forward(xp, x):
        y = 1 / xp.sqrt(x)
        return y, (y,)

    def backward(xp, saved, dy):
        (y,) = saved
        return (-0.5 * dy * (y * y * y),)


class Power(Arithmetic):
    """y = a^b;  da = dy ⊙ b a^(b - 1);  db = dy ⊙ y log a.

    Corner cases as in PyTorch: where b = 0, da = 0 whatever a; where a = 0 and b >= 0, db = 0; where a < 0, db is NaN.
    """

    operators = ("__pow__", "__rpow__")
    latex = r"y = a^b; da = dy \odot b\, a^{b-1}; db = dy \odot y \log a"
    aliases = ("pow",)
    samples = [
        sample(normal(3, 4), 2, name="square"),
        sample(normal(3, 4), 3.0, name="cube"),
        sample(normal(3), 0, name="to the 0"),
        sample(positive(3, 4), -1.5, name="number exponent"),
        sample(positive(3, 4), normal(3, 4)),
        sample(positive(3, 1), normal(4), name="broadcast"),
        sample(positive(3), values([0.0, 1.0, 2.0]), name="small exponents"),
        sample(2.0, normal(3), name="number base"),
        sample(
            values([0.0, 0.0, 0.0, -2.0, -2.0, 2.0]), values([0.0, 1.0, 2.0, 3.0, 0.0, 0.0]), name="zero", kink="a <= 0"
        ),
        sample(0.0, values([0.0, 1.0, 2.5]), name="zero base", kink="a = 0"),
        sample(values([0.0, -1.0, 2.0]), 0, name="zero exponent", kink="a = b = 0"),
        sample(-0.5, values([1.0, 2.0]), name="negative base", kink="a < 0"),
    ]

    def forward(xp, a, b):
        is_cube = isinstance(b, int | float) and b == 3
        y = a * a * a if is_cube else a**b  # NumPy knows a short way for a², not for a³
        return y, (a, b, y)

    def backward(xp, saved, dy, needs):
        a, b, y = saved
        da = dy * power_base_slope(xp, a, b) if needs[0] else None
        db = dy * y * power_base_log(xp, a, b) if needs[1] else None
        return da, db


def power_base_slope(xp, a, b):
    """b a^(b - 1), and 0 where b = 0."""
    if isinstance(b, int | float):
        return 2 * a if b == 2 else b * a ** (b - 1) if b else 0.0
    undefined = (b == 0) & ~(xp.abs(a) > 0)  # 0 · 0^-1, or a is NaN
    return b * a ** (xp.where(undefined, 1.0, b) - 1)


def power_base_log(xp, a, b):
    """log a, and 0 where a = 0 and b >= 0, without asking for the log of a number that has none."""
    if isinstance(a, int | float) and a != 0:
        return math.log(a) if a > 0 else math.nan
    log_a = xp.log(xp.where(a <= 0, 1.0, a)) if not isinstance(a, int | float) else b * 0
    log_a = xp.where(a < 0, xp.nan, xp.where(a == 0, -xp.inf, log_a))
    return xp.where((a == 0) & (b >= 0), 0.0, log_a)
