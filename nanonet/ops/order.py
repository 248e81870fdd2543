"""Ops that look for places: argmax, argmin, sort, argsort, topk."""

from nanonet.op import Op, sample
from nanonet.ops.arguments import one_axis, shape_of
from nanonet.ops.gather import along
from nanonet.ops.reduce import Reduction, extreme
from nanonet.sampling import distinct, values


def place(name, x, axis, keepdims):
    """The inputs and attributes of argmax and argmin, which take one axis or none."""
    return extreme(name, x, axis if axis is None or not shape_of(x) else one_axis(name, x, axis), keepdims)


class Argmax(Reduction):
    """y = the index of the first greatest x along `axis` (None: of the flattened x). NaN counts as the greatest."""

    shapes = "x (…, n, …) -> y (…), int64"
    samples = [
        sample(distinct(3, 4)),
        sample(distinct(2, 3, 4), axis=-2),
        sample(distinct(3, 4), axis=0, keepdims=True),
        sample(values([[1.0, 3.0, 3.0], [0.0, 0.0, 0.0]]), axis=1, name="ties"),
    ]

    def call(x, axis=None, keepdims=False):
        return place("argmax", x, axis, keepdims)

    def forward(xp, x, *, axis=None, keepdims=False):
        return xp.argmax(x, axis=axis, keepdims=keepdims), ()


class Argmin(Reduction):
    """y = the index of the first least x along `axis` (None: of the flattened x). NaN counts as the least."""

    shapes = Argmax.shapes
    samples = Argmax.samples

    def call(x, axis=None, keepdims=False):
        return place("argmin", x, axis, keepdims)

    def forward(xp, x, *, axis=None, keepdims=False):
        return xp.argmin(x, axis=axis, keepdims=keepdims), ()


class Ordering(Op, abstract=True):
    """Array functions that are Tensor methods too."""

    array = True
    method = True
    shapes = "x (…, n, …) -> y (…, n, …)"


def stable_order(xp, x, axis, descending):
    """The indices that sort x; equal elements keep their order in both directions, NaN counts as the greatest."""
    if not descending:
        return xp.argsort(x, axis=axis, stable=True)
    backwards = xp.argsort(xp.flip(x, axis=axis), axis=axis, stable=True)
    return x.shape[axis] - 1 - xp.flip(backwards, axis=axis)


SORTED = [
    sample(distinct(3, 4)),
    sample(distinct(2, 3, 4), axis=1, descending=True),
    sample(distinct(2, 3), axis=None, name="flattened"),
    sample(distinct(0, 3), axis=0, name="empty"),
    sample(values([2.0, 1.0, 2.0, 1.0, 0.0]), descending=True, name="ties", kink="tie"),
]


def ordering(name, x, axis, descending):
    """The inputs and attributes of a sort, checked."""
    return (x,), {"axis": None if axis is None else one_axis(name, x, axis), "descending": descending}


class Sort(Ordering):
    """y = x in ascending order along `axis`;  dx = dy, each where its element came from.

    With axis=None x is flattened first. Equal elements keep their order; NaN counts as the greatest. The values only,
    as in NumPy: `argsort` finds the indices.
    """

    latex = r"y = x_{\pi}; dx = dy_{\pi^{-1}}"
    samples = SORTED

    def call(x, axis=-1, descending=False):
        return ordering("sort", x, axis, descending)

    def forward(xp, x, *, axis=-1, descending=False):
        shape = x.shape
        if axis is None:
            x, axis = xp.reshape(x, (-1,)), 0
        order = stable_order(xp, x, axis, descending)
        return xp.take_along_axis(x, order, axis=axis), (shape, order, axis)

    def backward(xp, saved, dy):
        shape, order, axis = saved
        back = xp.argsort(order, axis=axis)
        return (xp.reshape(xp.take_along_axis(dy, back, axis=axis), shape),)


class Argsort(Ordering):
    """y = the indices that sort x along `axis` (None: the flattened x).

    Equal elements keep their order, always; `stable` is there for NumPy's and PyTorch's callers.
    """

    shapes = "x (…, n, …) -> y (…, n, …), int64"
    samples = [s for s in SORTED if s.name != "ties"]

    def call(x, axis=-1, descending=False, stable=True):
        return ordering("argsort", x, axis, descending)

    def forward(xp, x, *, axis=-1, descending=False):
        if axis is None:
            x, axis = xp.reshape(x, (-1,)), 0
        return stable_order(xp, x, axis, descending), ()


class Topk(Ordering):
    """y = the k greatest x along `axis` and their indices;  dx = dy, each where its element came from, else 0.

    Returns (values, indices), the greatest first; largest=False: the k least, the least first. As torch.topk;
    `sorted=False` allows any order and changes nothing here.
    """

    latex = r"y = x_{\pi_1 \ldots \pi_k}; dx_{\pi_j} = dy_j"
    shapes = "x (…, n, …) -> values (…, k, …), indices (…, k, …)"
    samples = [
        sample(distinct(3, 4), 2),
        sample(distinct(4, 3), 2, axis=0, largest=False, name="least"),
        sample(distinct(5), 5, name="all"),
        sample(distinct(2, 3), 0, name="none"),
    ]

    def call(x, k, axis=-1, largest=True, sorted=True):
        axis = one_axis("topk", x, axis)
        n = shape_of(x)[axis]
        if not 0 <= k <= n:
            raise ValueError(f"topk: k must be 0 to {n}, the length of axis {axis} of x {shape_of(x)}; got {k}")
        return (x,), {"k": k, "axis": axis, "largest": largest}

    def forward(xp, x, *, k, axis=-1, largest=True):
        first = (slice(None),) * axis + (slice(k),)
        indices = stable_order(xp, x, axis, largest)[first]
        return (xp.take_along_axis(x, indices, axis=axis), indices), (x.shape, indices, axis)

    def backward(xp, saved, dy):
        shape, indices, axis = saved
        return (xp.put_add(dy[0], shape=shape, key=along(xp, shape, indices, axis)),)
