"""Comparisons, logic and tests of elements, with NumPy's names. Results are booleans, without a gradient."""

from nanonet.op import Op, sample
from nanonet.sampling import boolean, integers, normal, values


class Comparison(Op, abstract=True):
    """Two operands; any comparison with NaN is false, except that NaN ≠ everything."""

    array = True
    method = True
    shapes = "a (…), b (…) -> y (broadcast of both), bool"
    samples = [
        sample(normal(3, 4), normal(4)),
        sample(normal(2), 0.0, name="number"),
        sample(values([1.0, 2.0, float("nan"), 0.0]), values([1.0, 3.0, float("nan"), -0.0]), name="ties and NaN"),
        sample(integers(3, 2, 3), integers(3, 3), name="integers"),
        sample(normal(0, 3), normal(3), name="empty"),
    ]


class Equal(Comparison):
    """y = true where a = b."""

    operators = ("__eq__",)

    def forward(xp, a, b):
        return xp.equal(a, b), ()


class NotEqual(Comparison):
    """y = true where a ≠ b."""

    operators = ("__ne__",)

    def forward(xp, a, b):
        return xp.not_equal(a, b), ()


class Less(Comparison):
    """y = true where a < b."""

    operators = ("__lt__",)

    def forward(xp, a, b):
        return xp.less(a, b), ()


class LessEqual(Comparison):
    """y = true where a ≤ b."""

    operators = ("__le__",)

    def forward(xp, a, b):
        return xp.less_equal(a, b), ()


class Greater(Comparison):
    """y = true where a > b."""

    operators = ("__gt__",)

    def forward(xp, a, b):
        return xp.greater(a, b), ()


class GreaterEqual(Comparison):
    """y = true where a ≥ b."""

    operators = ("__ge__",)

    def forward(xp, a, b):
        return xp.greater_equal(a, b), ()


class LogicalAnd(Comparison):
    """y = a and b.

    Numbers are true unless they are 0. As the operator `&`, it is for booleans.
    """

    operators = ("__and__", "__rand__")
    samples = [*Comparison.samples, sample(boolean(3, 4), boolean(4), name="booleans")]

    def forward(xp, a, b):
        return xp.logical_and(a, b), ()


class LogicalOr(Comparison):
    """y = a or b.

    Numbers are true unless they are 0. As the operator `|`, it is for booleans.
    """

    operators = ("__or__", "__ror__")
    samples = LogicalAnd.samples

    def forward(xp, a, b):
        return xp.logical_or(a, b), ()


class Predicate(Op, abstract=True):
    """A question about each element."""

    array = True
    method = True
    shapes = "x (…) -> y (…), bool"
    samples = [
        sample(normal(3, 4)),
        sample(values([0.0, float("nan"), float("inf"), -float("inf"), 2.0]), name="special"),
        sample(integers(3, 4), name="integers"),
        sample(normal(), name="0-d"),
    ]


class LogicalNot(Predicate):
    """y = not x.

    Numbers are true unless they are 0. As the operator `~`, it is for booleans.
    """

    operators = ("__invert__",)

    def forward(xp, x):
        return xp.logical_not(x), ()


class Isnan(Predicate):
    """y = true where x is NaN."""

    def forward(xp, x):
        return xp.isnan(x), ()


class Isfinite(Predicate):
    """y = true where x is neither infinite nor NaN."""

    def forward(xp, x):
        return xp.isfinite(x), ()


class Isinf(Predicate):
    """y = true where x is infinite."""

    def forward(xp, x):
        return xp.isinf(x), ()
