"""Hypothesis strategies for functions of arrays: inputs of every shape and layout, axes, indices, cotangents.

They draw what Hypothesis shrinks well: fewer elements, axis 0, zeros, the plain layout. What hypothesis.extra.numpy has
is taken from there.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from nanonet.gradcheck import gradcheck
from nanonet.tensor import Tensor

try:
    from hypothesis import currently_in_test_context, note
    from hypothesis import strategies as st
    from hypothesis.extra import numpy as hnp
except ImportError as error:
    raise ImportError("nanonet.gradcheck.strategies needs Hypothesis: pip install hypothesis") from error

Shape = tuple[int, ...]
Strategy = st.SearchStrategy
LAYOUTS = ("C", "F", "strided", "reversed")


def shapes(min_dims: int = 0, max_dims: int = 3, min_side: int = 0, max_side: int = 4) -> Strategy[Shape]:
    """Shapes, () and those with a side of 0 among them."""
    return hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side)


def broadcastable_shapes(with_: int | Shape, max_dims: int = 3, min_side: int = 0, max_side: int = 4) -> Strategy[Any]:
    """A tuple of n shapes that broadcast together; or, given a shape, one that broadcasts with it."""
    if isinstance(with_, int):
        together = hnp.mutually_broadcastable_shapes(
            num_shapes=with_, max_dims=max_dims, min_side=min_side, max_side=max_side
        )
        return together.map(lambda found: found.input_shapes)
    return hnp.broadcastable_shapes(with_, max_dims=max(max_dims, len(with_)), min_side=min_side, max_side=max_side)


def axes(ndim: int, several: bool = True) -> Strategy[Any]:
    """None, an axis, or (if `several`) a tuple of different ones; negative or not."""
    if not ndim:
        return st.none()
    one = st.none() | st.integers(0, ndim - 1) | st.integers(-ndim, -1)
    return one | hnp.valid_tuple_axes(ndim, min_size=1) if several else one


@st.composite
def index_expressions(draw: Any, shape: Shape) -> Any:
    """What may stand in x[…]: integers, slices, ..., None, integer and boolean arrays, mixed; or one of them alone.

    Integer arrays broadcast together and repeat elements, so that gradients have to be added up.
    """
    if not draw(st.integers(0, 2)):
        return draw(hnp.basic_indices(shape, allow_newaxis=True))
    start = draw(st.integers(0, len(shape)))
    stop = draw(st.integers(start, len(shape)))  # one mask of the axes between, where there are any
    masks = [draw(hnp.arrays(bool, shape[start:stop]))] if start < stop else []
    together = (int(masks[0].sum()),) if masks else draw(shapes(max_dims=2, max_side=3))  # the arrays' common shape
    before, after = ([draw(_index(n, together)) for n in part] for part in (shape[:start], shape[stop:]))
    parts = [*before, *masks, *after]
    left = draw(st.integers(0, len(parts)))
    right = draw(st.integers(left, len(parts)))  # what is between is left out
    parts = [*parts[:left], ..., *parts[right:]] if draw(st.booleans()) else parts[:right]
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), None)
    return parts[0] if len(parts) == 1 and draw(st.booleans()) else tuple(parts)


def _index(n: int, together: Shape) -> Strategy[Any]:
    """An index of one axis of length n."""
    if not n:
        return st.slices(n)
    elements = st.integers(-n, n - 1)
    sizes = st.sampled_from([together, together[1:]])  # the second broadcasts to the first
    several = hnp.arrays(np.int64, sizes, elements=elements, fill=st.nothing())
    return st.slices(n) | elements | several


def elements_of(dtype: Any) -> Strategy[Any]:
    """Numbers of order 1 that the dtype holds exactly: multiples of 1/64 from -4 to 4, small integers, truth values."""
    kind = np.dtype(dtype).kind
    if kind == "f":
        return st.integers(-256, 256).map(lambda k: k / 64)
    if kind in "iu":
        return st.integers(-8 if kind == "i" else 0, 8)
    return hnp.from_dtype(np.dtype(dtype))


def tie_free(shape: Any = (), gap: float = 1 / 16) -> Strategy[np.ndarray]:
    """Arrays without kinks of relu, abs, max, sort: no two elements nearer than `gap`, nor x and -y, nor x and 0.

    The elements are multiples of a power of two, the larger the more there are; so the gaps are exact.
    """
    if not gap > 0:
        raise ValueError(f"tie_free: expected a gap above 0, got {gap}")
    unit = 2.0 ** math.ceil(math.log2(gap))
    return _strategy(shape).flatmap(lambda one: _distinct(one, unit * np.arange(1, max(16, 2 * math.prod(one)) + 1)))


def cotangents(shape: Any = ()) -> Strategy[np.ndarray]:
    """Upstream gradients of both signs, between 1/2 and 3/2 in size, no two equal. Ones would hide mistakes."""

    def of(one: Shape) -> Strategy[np.ndarray]:
        n = 2.0 ** max(4, math.ceil(math.log2(max(math.prod(one), 1))))
        return _distinct(one, 0.5 + (np.arange(n) + 0.5) / n)

    return _strategy(shape).flatmap(of)


def _distinct(shape: Shape, sizes: np.ndarray) -> Strategy[np.ndarray]:
    """Elements of different sizes, out of `sizes`, and of either sign."""
    n = math.prod(shape)
    chosen = st.lists(st.sampled_from(sizes.tolist()), min_size=n, max_size=n, unique=True)
    signs = st.lists(st.sampled_from([1.0, -1.0]), min_size=n, max_size=n)
    return st.builds(lambda x, sign: (np.array(x) * np.array(sign)).reshape(shape), chosen, signs)


@st.composite
def arrays(
    draw: Any, shape: Any = None, dtype: Any = np.float64, elements: Any = None, layouts: Sequence[str] = LAYOUTS
) -> np.ndarray:
    """Arrays of any shape and memory layout.

    shape       a shape or a strategy; by default `shapes()`, which has 0-d and empty ones
    dtype       a dtype or a strategy
    elements    a strategy of numbers; or a function from a shape to a strategy of arrays, such as `tie_free`
                or `cotangents`; by default zeros and ties are frequent
    layouts     which of "C", "F" (Fortran's order), "strided" (every other element), "reversed" (negative strides)
    """
    dtype = np.dtype(draw(_strategy(dtype)))
    shape = draw(_strategy(shapes() if shape is None else shape))
    if callable(elements):
        values = np.asarray(draw(elements(shape)))
        x = values.astype(dtype)
        if values.shape != shape:
            raise ValueError(f"arrays: expected elements of shape {shape}, got {values.shape}")
    else:
        elements = elements_of(dtype) if elements is None else elements
        x = draw(hnp.arrays(dtype, shape, elements=elements, fill=st.nothing()))
    layout = draw(st.sampled_from(list(layouts))) if x.ndim and x.size else "C"
    if layout not in LAYOUTS:
        raise ValueError(f"arrays: expected layouts among {', '.join(LAYOUTS)}, got {layout!r}")
    if layout != "C" and currently_in_test_context():
        note(f"the layout of the array of shape {shape}: {layout}")  # its repr does not show that
    return laid_out(x, layout)


def laid_out(x: np.ndarray, layout: str) -> np.ndarray:
    """A copy with the same values, lying otherwise in memory."""
    if not x.ndim or layout in "CF":
        return x.copy("F" if layout == "F" else "C")
    step = 2 if layout == "strided" else -1
    whole = np.zeros([abs(step) * n for n in x.shape], x.dtype)
    view = whole[(slice(None, None, step),) * x.ndim]
    view[...] = x
    return view


@st.composite
def tensors(
    draw: Any,
    shape: Any = None,
    dtype: Any = np.float64,
    elements: Any = None,
    requires_grad: bool = True,
    layouts: Sequence[str] = LAYOUTS,
) -> Tensor:
    """`arrays` as Tensors of those very arrays, strides and all. `requires_grad` holds for floats only."""
    x = Tensor.wrap(draw(arrays(shape, dtype, elements, layouts)))
    return x.requires_grad_() if requires_grad and x.dtype.kind == "f" else x


def _strategy(given: Any) -> Strategy[Any]:
    return given if isinstance(given, Strategy) else st.just(given)


# The function nt.gradcheck hides this package; `import nanonet.gradcheck.strategies as gs` shall work all the same.
setattr(gradcheck, __name__.rpartition(".")[2], sys.modules[__name__])
