"""Exponentials, logarithms, circular and hyperbolic functions, elementwise, with NumPy's names."""

import math

from nanonet.op import sample
from nanonet.ops.elementwise import Elementwise
from nanonet.sampling import positive, uniform, values

LN2, LN10 = math.log(2.0), math.log(10.0)
POSITIVE = [sample(positive(3, 4)), sample(positive(), name="0-d"), sample(positive(0, 3), name="empty")]
INSIDE = [sample(uniform(-0.9, 0.9, 3, 4)), sample(uniform(-0.9, 0.9), name="0-d")]
SATURATED = sample(values([-30.0, -4.0, -1.0, 0.0, 0.5, 3.0, 25.0]), name="saturated")


class Exp(Elementwise):
    """y = e^x;  dx = dy ⊙ y."""

    latex = r"y = e^x; dx = dy \odot y"

    def forward(xp, x):
        y = xp.exp(x)
        return y, (y,)

    def backward(xp, saved, dy):
        (y,) = saved
        return (dy * y,)


class Exp2(Elementwise):
    """y = 2^x;  dx = dy ⊙ y log 2."""

    latex = r"y = 2^x; dx = dy \odot y \log 2"

    def forward(xp, x):
        y = xp.exp2(x)
        return y, (y,)

    def backward(xp, saved, dy):
        (y,) = saved
        return (dy * y * LN2,)


class Expm1(Elementwise):
    """y = e^x - 1;  dx = dy ⊙ (y + 1).

    Accurate near 0.
    """

    latex = r"y = e^x - 1; dx = dy \odot (y + 1)"

    def forward(xp, x):
        y = xp.expm1(x)
        return y, (y,)

    def backward(xp, saved, dy):
        (y,) = saved
        return (dy * (y + 1),)


class Log(Elementwise):
    """y = log x;  dx = dy / x.

    Natural logarithm.
    """

    latex = r"y = \log x; dx = dy / x"
    samples = POSITIVE

    def forward(xp, x):
        return xp.log(x), (x,)

    def backward(xp, saved, dy):
        (x,) = saved
        return (dy / x,)


class Log2(Elementwise):
    """y = log₂ x;  dx = dy / (x log 2)."""

    latex = r"y = \log_2 x; dx = \frac{dy}{x \log 2}"
    samples = POSITIVE

    def forward(xp, x):
        return xp.log2(x), (x,)

    def backward(xp, saved, dy):
        (x,) = saved
        return (dy / (x * LN2),)


class Log10(Elementwise):
    """y = log₁₀ x;  dx = dy / (x log 10)."""

    latex = r"y = \log_{10} x; dx = \frac{dy}{x \log 10}"
    samples = POSITIVE

    def forward(xp, x):
        return xp.log10(x), (x,)

    def backward(xp, saved, dy):
        (x,) = saved
        return (dy / (x * LN10),)


class Log1p(Elementwise):
    """y = log(1 + x);  dx = dy / (1 + x).

    Accurate near 0.
    """

    latex = r"y = \log(1 + x); dx = \frac{dy}{1 + x}"
    samples = POSITIVE

    def forward(xp, x):
        return xp.log1p(x), (x,)

    def backward(xp, saved, dy):
        (x,) = saved
        return (dy / (1 + x),)


class Sin(Elementwise):
    """y = sin x;  dx = dy ⊙ cos x."""

    latex = r"y = \sin x; dx = dy \odot \cos x"

    def forward(xp, x):
        return xp.sin(x), (x,)

    def backward(xp, saved, dy):
        (x,) = saved
        return (dy * xp.cos(x),)


class Cos(Elementwise):
    """y = cos x;  dx = -dy ⊙ sin x."""

    latex = r"y = \cos x; dx = -dy \odot \sin x"

    def forward(xp, x):
        return xp.cos(x), (x,)

    def backward(xp, saved, dy):
        (x,) = saved
        return (-dy * xp.sin(x),)


class Tan(Elementwise):
    """y = tan x;  dx = dy ⊙ (1 + y²)."""

    latex = r"y = \tan x; dx = dy \odot (1 + y^2)"
    samples = INSIDE

    def forward(xp, x):
        y = xp.tan(x)
        return y, (y,)

    def backward(xp, saved, dy):
        (y,) = saved
        return (dy * (1 + y * y),)


class Arcsin(Elementwise):
    """y = arcsin x;  dx = dy / √(1 - x²).

    x in [-1, 1], NaN outside; infinite gradient at -1 and 1.
    """

    latex = r"y = \arcsin x; dx = \frac{dy}{\sqrt{1 - x^2}}"
    aliases = ("asin",)
    samples = INSIDE

    def forward(xp, x):
        return xp.arcsin(x), (x,)

    def backward(xp, saved, dy):
        (x,) = saved
        return (dy / xp.sqrt(1 - x * x),)


class Arccos(Elementwise):
    """y = arccos x;  dx = -dy / √(1 - x²).

    x in [-1, 1], NaN outside; infinite gradient at -1 and 1.
    """

    latex = r"y = \arccos x; dx = -\frac{dy}{\sqrt{1 - x^2}}"
    aliases = ("acos",)
    samples = INSIDE

    def forward(xp, x):
        return xp.arccos(x), (x,)

    def backward(xp, saved, dy):
        (x,) = saved
        return (-dy / xp.sqrt(1 - x * x),)


class Arctan(Elementwise):
    """y = arctan x;  dx = dy / (1 + x²)."""

    latex = r"y = \arctan x; dx = \frac{dy}{1 + x^2}"
    aliases = ("atan",)

    def forward(xp, x):
        return xp.arctan(x), (x,)

    def backward(xp, saved, dy):
        (x,) = saved
        return (dy / (1 + x * x),)


class Sinh(Elementwise):
    """y = sinh x;  dx = dy ⊙ cosh x."""

    latex = r"y = \sinh x; dx = dy \odot \cosh x"

    def forward(xp, x):
        return xp.sinh(x), (x,)

    def backward(xp, saved, dy):
        (x,) = saved
        return (dy * xp.cosh(x),)


class Cosh(Elementwise):
    """y = cosh x;  dx = dy ⊙ sinh x."""

    latex = r"y = \cosh x; dx = dy \odot \sinh x"

    def forward(xp, x):
        return xp.cosh(x), (x,)

    def backward(xp, saved, dy):
        (x,) = saved
        return (dy * xp.sinh(x),)


class Tanh(Elementwise):
    """y = tanh x;  dx = dy ⊙ (1 - y²)."""

    latex = r"y = \tanh x; dx = dy \odot (1 - y^2)"
    samples = [*Elementwise.samples, SATURATED]

    def forward(xp, x):
        y = xp.tanh(x)
        return y, (y,)

    def backward(xp, saved, dy):
        (y,) = saved
        return (dy * (1 - y * y),)


class Sigmoid(Elementwise):
    """y = 1 / (1 + e^-x);  dx = dy ⊙ y (1 - y).

    Does not overflow, however large x is.
    """

    latex = r"y = \frac{1}{1 + e^{-x}}; dx = dy \odot y (1 - y)"
    samples = [*Elementwise.samples, SATURATED, sample(values([-1e4, 1e4, 0.0]), name="huge")]

    def forward(xp, x):
        y = xp.sigmoid(x)
        return y, (y,)

    def backward(xp, saved, dy):
        (y,) = saved
        dx = 1 - y
        dx *= y
        dx *= dy
        return (dx,)


class Erf(Elementwise):
    """y = 2/√π ∫₀ˣ e^(-t²) dt;  dx = dy ⊙ 2/√π e^(-x²).

    The error function.
    """

    latex = r"y = \frac{2}{\sqrt{\pi}} \int_0^x e^{-t^2} dt; dx = dy \odot \frac{2}{\sqrt{\pi}} e^{-x^2}"
    samples = [*Elementwise.samples, sample(uniform(-4, 4, 5), name="tails")]

    def forward(xp, x):
        return xp.erf(x), (x,)

    def backward(xp, saved, dy):
        (x,) = saved
        return (dy * (2 / math.sqrt(math.pi) * xp.exp(-x * x)),)
