"""Variance, standard deviation and norms, with NumPy's names and arguments."""

from math import inf

from nanonet.op import Composite, sample
from nanonet.ops.arguments import count, shape_of, some_axes
from nanonet.ops.reduce import Reduction, Sum, keep_axes, reduction
from nanonet.sampling import distinct, normal, values

SPREAD = [
    *(s for s in Sum.samples if s.name != "0-d"),
    sample(normal(3, 4), axis=1, ddof=1, name="ddof"),
    sample(values([[101.0, 102.0, 104.0]]), axis=1, name="far from 0"),
    sample(normal(1, 3), axis=0, ddof=1, name="no degrees of freedom", kink="NaN"),
]


def deviations(xp, x, axis, keepdims, ddof):
    """Var(x) in two passes, and what its gradient needs: x - mean, and 1 / (n - ddof)."""
    n = count(x.shape, axis) - ddof
    scale = 1 / n if n > 0 else xp.nan if x.size else 0.0  # no elements: nothing has a gradient
    d = x
    for _ in range(2 if x.size else 0):  # the second time takes away what rounding left: equal x then give exactly 0
        d = d - xp.mean(d, axis=axis, keepdims=True)
    y = xp.sum(d * d, axis=axis, keepdims=keepdims)
    return y * scale if n > 0 else xp.where(y > 0, xp.inf, y * xp.nan), d, scale


class Var(Reduction):
    """y = 1/(n - ddof) Σ (x - μ)² over `axis`;  dx = dy ⊙ 2/(n - ddof) (x - μ).

    μ is the mean of the n elements that become one; two passes, so that a large mean costs no digits. As in NumPy
    `ddof` is 0 unless given; torch.var has 1. Without a degree of freedom (n ≤ ddof) y is NaN, or inf where the
    elements differ, and the gradient NaN.
    """

    latex = (
        r"y = \tfrac{1}{n - \mathrm{ddof}} \sum_{axis} (x - \mu)^2;"
        r" dx = \tfrac{2}{n - \mathrm{ddof}}\, dy \odot (x - \mu)"
    )
    promote = "float"
    samples = SPREAD

    def call(x, axis=None, ddof=0, keepdims=False):
        inputs, attrs = reduction("var", x, axis, keepdims)
        return inputs, {**attrs, "ddof": ddof}

    def forward(xp, x, *, axis=None, ddof=0, keepdims=False):
        y, d, scale = deviations(xp, x, axis, keepdims, ddof)
        return y, (d, scale, axis, keepdims)

    def backward(xp, saved, dy):
        d, scale, axis, keepdims = saved
        return (keep_axes(xp, dy, d.shape, axis, keepdims) * (2 * scale) * d,)


class Std(Reduction):
    """y = √(1/(n - ddof) Σ (x - μ)²) over `axis`;  dx = dy ⊙ (x - μ) / ((n - ddof) y).

    As `var`. Where y = 0 the gradient is 0, as in PyTorch.
    """

    latex = (
        r"y = \sqrt{\tfrac{1}{n - \mathrm{ddof}} \sum_{axis} (x - \mu)^2};"
        r" dx = \frac{1}{n - \mathrm{ddof}}\, dy \odot (x - \mu) / y"
    )
    promote = "float"
    samples = [
        *(s for s in SPREAD if s.name != "empty"),  # its y is NaN, and so are differences of it
        sample(values([[2.0, 2.0], [1.0, 3.0]]), axis=1, name="no spread", kink="y = 0"),
    ]

    def call(x, axis=None, ddof=0, keepdims=False):
        inputs, attrs = reduction("std", x, axis, keepdims)
        return inputs, {**attrs, "ddof": ddof}

    def forward(xp, x, *, axis=None, ddof=0, keepdims=False):
        y, d, scale = deviations(xp, x, axis, keepdims, ddof)
        y = root(xp, y)
        return y, (y, d, scale, axis, keepdims)

    def backward(xp, saved, dy):
        y, d, scale, axis, keepdims = saved
        flat = xp.equal(y, 0)
        slope = xp.where(flat, 0.0, dy * scale / xp.where(flat, 1.0, y))
        return (keep_axes(xp, slope, d.shape, axis, keepdims) * d,)


def root(xp, y):
    """√y, with the derivative 0 where y = 0."""
    zero = xp.equal(y, 0)
    return xp.where(zero, 0.0, xp.sqrt(xp.where(zero, 1.0, y)))


class VectorNorm(Reduction):
    """y = (Σ |x|^ord)^(1/ord) over `axis`;  dx = dy ⊙ sign(x) (|x| / y)^(ord - 1).

    ord = inf and -inf: the greatest and the least |x|, whose gradient ties share; ord = 0: how many x are not 0,
    without a gradient. Where y = 0, and at x = 0 for ord < 2, the gradient is 0, as in torch.linalg.vector_norm.
    Arguments as in numpy.linalg.vector_norm. Raises ValueError for the least or greatest of no elements.
    """

    latex = (
        r"y = \left(\sum_{axis} |x|^p\right)^{1/p}; dx = dy \odot \mathrm{sign}(x) \odot \left(|x| / y\right)^{p - 1}"
    )
    promote = "float"
    samples = [
        *Sum.samples,
        *(sample(distinct(3, 4), axis=1, ord=p) for p in (1, 3, 0.5, 1.5, -1, inf, -inf)),
        sample(normal(3, 4), axis=(0, 1), ord=0, name="count"),
        sample(values([[0.0, 0.0], [3.0, 4.0]]), axis=1, name="y = 0", kink="y = 0"),
        sample(values([[0.0, 0.0], [0.0, 4.0]]), axis=1, ord=3, name="cubes, y = 0", kink="y = 0"),
        sample(values([[2.0, -2.0], [1.0, 2.0]]), axis=1, ord=inf, name="ties", kink="tie"),
        sample(values([[0.0, 0.0], [1.0, -2.0]]), axis=1, ord=inf, name="greatest, y = 0", kink="y = 0"),
        sample(values([[0.0, -1.0], [2.0, 0.0]]), axis=1, ord=1, name="sum, x = 0", kink="x = 0"),
        sample(values([[0.0, 1.0], [-1.0, 4.0]]), axis=1, ord=0.5, name="roots, x = 0", kink="x = 0"),
        sample(values([[0.0, 2.0], [-1.0, 4.0]]), axis=1, ord=-1, name="reciprocals, y = 0", kink="y = 0"),
    ]

    def call(x, axis=None, keepdims=False, ord=2):
        if isinstance(ord, str) or not isinstance(ord, int | float):
            raise ValueError(f"vector_norm: ord must be a number, inf or -inf, got {ord!r}")
        inputs, attrs = reduction("vector_norm", x, axis, keepdims)
        if (ord == inf or ord < 0) and not count(shape_of(x), attrs["axis"]):
            raise ValueError(f"vector_norm: x of shape {shape_of(x)} has no elements to choose from for ord={ord}")
        return inputs, {**attrs, "ord": ord}

    def forward(xp, x, *, axis=None, keepdims=False, ord=2):
        if ord == 2:
            y = root(xp, xp.sum(x * x, axis=axis, keepdims=keepdims))
        elif ord == 1:
            y = xp.sum(xp.abs(x), axis=axis, keepdims=keepdims)
        elif ord == 0:
            y = xp.sum(xp.not_equal(x, 0).astype(x.dtype), axis=axis, keepdims=keepdims)
        elif ord in (inf, -inf):
            y = (xp.max if ord > 0 else xp.min)(xp.abs(x), axis=axis, keepdims=keepdims)
        else:
            y = powers(xp, x, axis, keepdims, ord)
        return y, (x, y, axis, keepdims, ord)

    def backward(xp, saved, dy):
        x, y, axis, keepdims, ord = saved
        y = keep_axes(xp, y, x.shape, axis, keepdims)
        dy = keep_axes(xp, dy, x.shape, axis, keepdims)
        if ord == 0:
            return (None,)
        if ord == 1:
            return (dy * xp.sign(x),)
        if ord in (inf, -inf):
            chosen = xp.equal(xp.abs(x), y).astype(dy.dtype)
            return (chosen * xp.sign(x) * (dy / xp.sum(chosen, axis=axis, keepdims=True)),)
        zero = xp.equal(y, 0)
        safe = xp.where(zero, 1.0, y)
        if ord == 2:
            return (xp.where(zero, 0.0, dy / safe) * x,)
        off = xp.equal(x, 0)
        ratio = xp.where(off, 1.0, xp.abs(x)) / safe
        return (xp.where(xp.logical_or(off, zero), 0.0, dy * xp.sign(x) * xp.power(ratio, ord - 1)),)


def powers(xp, x, axis, keepdims, ord):
    """(Σ |x|^ord)^(1/ord); for ord < 0 a zero makes it 0, the limit."""
    zero = xp.equal(x, 0)
    terms = xp.power(xp.where(zero, 1.0, xp.abs(x)), ord)
    total = xp.sum(xp.where(zero, 0.0, terms), axis=axis, keepdims=keepdims)
    gone = xp.any(zero, axis=axis, keepdims=keepdims) if ord < 0 else xp.equal(total, 0)
    return xp.where(gone, 0.0, xp.power(xp.where(gone, 1.0, total), 1 / ord))


class Norm(Composite):
    """y = ‖x‖ of vectors along `axis`, or of matrices in two axes;  dx = as of vector_norm.

    As numpy.linalg.norm. axis an integer, or x with one axis and `ord` given: the vector norm of order `ord` (None: 2).
    axis None and ord None: of all elements. Two axes, or x with two and `ord` given: None and "fro" the root of the sum
    of squares, 1 and -1 the greatest and least column sum of |x|, inf and -inf row sum. The singular-value norms (2,
    -2, "nuc" of a matrix) are refused.
    """

    latex = r"y = \|x\|; dx = dy \odot \partial \|x\| / \partial x"
    shapes = VectorNorm.shapes
    array = True
    method = True
    samples = [
        sample(normal(3, 4)),
        sample(normal(3, 4), axis=1),
        sample(normal(3, 4), "fro", name="Frobenius"),
        sample(normal(2, 3, 4), None, (0, 2), True, name="matrices"),
        *(sample(normal(2, 3, 4), p, (0, 2), name=f"matrix {p}") for p in (1, -1, inf, -inf)),
        sample(normal(4), 3, name="cubes"),
    ]

    def call(x, ord=None, axis=None, keepdims=False):
        axes = tuple(range(len(shape_of(x)))) if axis is None else some_axes("norm", x, axis)
        if ord is None and axis is None:
            return (x,), {"ord": 2, "axis": None, "keepdims": keepdims}
        if len(axes) not in (1, 2):
            raise ValueError(
                f"norm: ord={ord!r} is of vectors or matrices, got {len(axes)} axes; give axis, or ravel() x"
            )
        if len(axes) == 2:
            if ord not in (None, "fro", 1, -1, inf, -inf):
                raise ValueError(f"norm: of a matrix ord can be None, 'fro', 1, -1, inf or -inf, got {ord!r}")
            return (x,), {"ord": "fro" if ord is None else ord, "axis": axes, "keepdims": keepdims}
        if isinstance(ord, str):
            raise ValueError(f"norm: ord={ord!r} is of matrices; give two axes, or a number for ord")
        return (x,), {"ord": 2 if ord is None else ord, "axis": axes[0], "keepdims": keepdims}

    def forward(xp, x, *, ord, axis, keepdims):
        if ord == "fro":
            return xp.vector_norm(x, axis, keepdims)
        if not isinstance(axis, tuple):
            return xp.vector_norm(x, axis, keepdims, ord)
        rows, columns = axis
        summed, chosen = (rows, columns) if ord in (1, -1) else (columns, rows)
        sums = xp.sum(xp.abs(x), axis=summed, keepdims=True)
        y = (xp.max if ord > 0 else xp.min)(sums, axis=chosen, keepdims=True)
        return y if keepdims else xp.squeeze(y, axis)
