"""Sign, rounding, and division with remainder, elementwise, with NumPy's names."""

from nanonet.op import sample
from nanonet.ops.elementwise import Arithmetic, Elementwise
from nanonet.sampling import normal, positive, uniform, values


class Step(Elementwise, abstract=True):
    """Constant between jumps, so its gradient is 0, at the jumps as well (as in PyTorch). Integers stay integers."""

    promote = "common"
    samples = [
        sample(values([-1.7, -1.2, -0.4, 0.3, 1.4, 2.6])),
        sample(values([-1.5, -0.5, 0.0, 0.5, 1.5, 2.5]), name="halves", kink="jump"),
        sample(values(-1.7), name="0-d"),
    ]

    def backward(xp, saved, dy):
        return (xp.zeros_like(dy),)


class Sign(Step):
    """y = -1, 0 or 1, as x is negative, zero or positive;  dx = 0.

    The sign of NaN is NaN, as in NumPy (PyTorch says 0).
    """

    latex = r"y = \mathrm{sign}(x); dx = 0"

    def forward(xp, x):
        return xp.sign(x), ()


class Floor(Step):
    """y = the greatest integer <= x;  dx = 0."""

    latex = r"y = \lfloor x \rfloor; dx = 0"

    def forward(xp, x):
        return rounded(xp.floor, x), ()


class Ceil(Step):
    """y = the least integer >= x;  dx = 0."""

    latex = r"y = \lceil x \rceil; dx = 0"

    def forward(xp, x):
        return rounded(xp.ceil, x), ()


class Trunc(Step):
    """y = x without its fraction;  dx = 0."""

    latex = r"y = \mathrm{trunc}(x); dx = 0"

    def forward(xp, x):
        return rounded(xp.trunc, x), ()


class Round(Step):
    """y = x rounded to `decimals`;  dx = 0.

    Halves go to the even neighbour. A negative `decimals` rounds to tens, hundreds, ….
    """

    latex = r"y = \mathrm{round}(x); dx = 0"
    aliases = ("rint",)
    samples = [
        *Step.samples,
        sample(values([-1.234, 0.456, 12.34]), decimals=1, name="decimals"),
        sample(values([-123.4, 45.6, 1234.0]), decimals=-2, name="hundreds"),
    ]

    def forward(xp, x, *, decimals=0):
        if decimals == 0:
            return rounded(xp.rint, x), ()
        scale = 10.0 ** abs(decimals)
        return xp.rint(x * scale) / scale if decimals > 0 else xp.rint(x / scale) * scale, ()


def rounded(round, x):
    """round(x); integers are round already, and NumPy would make floats of them."""
    return round(x) if x.dtype.kind == "f" else x + 0


class FloorDivide(Arithmetic):
    """y = the greatest integer <= a / b.

    It has no gradient, as in PyTorch.
    """

    operators = ("__floordiv__", "__rfloordiv__")
    latex = r"y = \lfloor a / b \rfloor"
    samples = [sample(normal(3, 4), positive(4)), sample(uniform(-9, 9, 5), 2.0, name="number")]

    def forward(xp, a, b):
        return xp.floor_divide(a, b), ()


class Remainder(Arithmetic):
    """y = a - b ⌊a / b⌋;  da = dy;  db = -dy ⊙ ⌊a / b⌋.

    It has the sign of b, as Python's `%`.
    """

    operators = ("__mod__", "__rmod__")
    latex = r"y = a - b \lfloor a / b \rfloor; da = dy; db = -dy \odot \lfloor a / b \rfloor"
    aliases = ("mod",)
    samples = [
        sample(values([-3.3, 2.6, 7.1, -0.4]), values([2.0, -1.1, 3.0, 1.7])),
        sample(values([-3.3, 2.6, 7.1, -0.4]), 1.5, name="number"),
    ]

    def forward(xp, a, b):
        return xp.remainder(a, b), (a, b)

    def backward(xp, saved, dy, needs):
        a, b = saved
        return dy, -dy * xp.floor_divide(a, b) if needs[1] else None
