"""Random arrays for property tests, and the comparison of a function with PyTorch's or NumPy's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

import nanonet as nt

ROUNDING = 1e-14


def shapes(min_ndim: int = 0, max_ndim: int = 4, min_side: int = 0, max_side: int = 4) -> st.SearchStrategy[tuple]:
    return st.lists(st.integers(min_side, max_side), min_size=min_ndim, max_size=max_ndim).map(tuple)


@st.composite
def arrays(draw: Any, shape: Any = None, decimals: int | None = None) -> np.ndarray:
    """float64 of random shape and layout: contiguous, Fortran order, every other element, or reversed.

    With `decimals` the values are rounded, so that there are ties and zeros.
    """
    shape = draw(shapes()) if shape is None else shape
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    layout = draw(st.sampled_from(["C", "F", "stride", "reversed"]))
    if layout == "stride":
        x = rng.standard_normal(tuple(2 * n for n in shape))[(slice(None, None, 2),) * len(shape)]
    else:
        x = rng.standard_normal(shape)
        if layout == "F":
            x = np.asfortranarray(x)
        elif layout == "reversed":
            x = x[(slice(None, None, -1),) * len(shape)]
    return x if decimals is None else np.round(x, decimals)


@st.composite
def axis_of(draw: Any, ndim: int, several: bool = True) -> Any:
    """None, an axis, or (if `several`) a tuple of different ones; negative or not."""
    if not ndim:
        return None
    if not several or draw(st.booleans()):
        return draw(st.sampled_from([None, *range(-ndim, ndim)]))
    chosen = draw(st.permutations(range(ndim)))[: draw(st.integers(1, ndim))]
    return tuple(a - ndim if draw(st.booleans()) else a for a in chosen)


def agrees_with_torch(
    ours: Callable[..., Any], theirs: Callable[..., Any], *inputs: np.ndarray, rtol: float = 1e-10, atol: float = 0.0
) -> None:
    """Outputs and, for random cotangents, the gradients of all float inputs. `atol` is for those that cancel to 0."""
    import torch

    xs = [leaf(x) for x in inputs]
    ts = [torch.tensor(x.copy("C"), requires_grad=x.dtype.kind == "f") for x in inputs]
    ys, tys = as_list(ours(*xs)), as_list(theirs(*ts))
    assert len(ys) == len(tys)
    for y, ty in zip(ys, tys, strict=True):
        close(y.array, ty.detach().numpy(), rtol, atol)
    rng = np.random.default_rng(0)
    pairs = [(y, ty, rng.standard_normal(y.shape)) for y, ty in zip(ys, tys, strict=True) if ty.requires_grad]
    assert all(y.requires_grad for y, _, _ in pairs)
    if not pairs:
        return
    floats = [i for i, x in enumerate(inputs) if x.dtype.kind == "f"]
    dxs = nt.vjp_of([y for y, _, _ in pairs], [xs[i] for i in floats], [dy for _, _, dy in pairs])
    tdxs = torch.autograd.grad(
        [ty for _, ty, _ in pairs], [ts[i] for i in floats], [torch.tensor(dy) for *_, dy in pairs], allow_unused=True
    )
    for i, dx, tdx in zip(floats, dxs, tdxs, strict=True):
        close(dx.array, np.zeros(inputs[i].shape) if tdx is None else tdx.numpy(), rtol, atol)


def leaf(x: np.ndarray) -> nt.Tensor:
    """A Tensor of this very array, strides and all."""
    x = nt.Tensor.wrap(x)
    return x.requires_grad_() if x.dtype.kind == "f" else x


def as_list(y: Any) -> list[Any]:
    return list(y) if isinstance(y, tuple | list) else [y]


def close(got: np.ndarray, want: np.ndarray, rtol: float, atol: float = 0.0) -> None:
    """Equal within rtol of the largest element, and ROUNDING: inputs are of order 1, and their sums may cancel to 0."""
    assert got.shape == want.shape, f"shape {got.shape}, expected {want.shape}"
    scale = np.abs(want[np.isfinite(want)]).max(initial=0.0) if want.dtype.kind == "f" else 0.0
    np.testing.assert_allclose(got, want, rtol=rtol, atol=max(rtol * scale, atol, ROUNDING))
