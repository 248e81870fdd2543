"""Interpolation and pixel_shuffle: equal to PyTorch for many sizes and factors, and by hand; clear errors."""

from __future__ import annotations

from math import floor
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import nanonet as nt
import nanonet.functional as F
from tests.agreement import agrees_with_torch, arrays

torch = pytest.importorskip("torch", reason="compared with torch: pip install '.[peers]'")
T = torch.nn.functional

EXAMPLES = settings(max_examples=40, deadline=None)
FACTORS = [0.3, 0.5, 0.75, 0.9, 1, 1.25, 1.5, 1.7, 2, 2.5, 3, 1 / 3]


@pytest.mark.parametrize("n", [1, 2])
@given(data=st.data())
@EXAMPLES
def test_interpolate_equals_torch(n: int, data: Any) -> None:
    shape = (*data.draw(st.sampled_from([(2, 3), (1, 1), (0, 2)])), *data.draw(st.tuples(*[st.integers(1, 8)] * n)))
    mode = data.draw(st.sampled_from(["nearest", "nearest-exact", "linear" if n == 1 else "bilinear"]))
    align = None if "nearest" in mode else data.draw(st.sampled_from([None, False, True]))
    options: dict[str, Any] = {"mode": mode, "align_corners": align}
    if data.draw(st.booleans()):
        side = st.integers(1, 12)
        options["size"] = data.draw(side | st.tuples(*[side] * n))
    else:
        factor = st.sampled_from(FACTORS)
        factors = data.draw(st.tuples(*[factor] * n))
        assume(all(floor(h * f) > 0 for h, f in zip(shape[2:], factors, strict=True)))
        # Where a fraction keeps the length, torch's gradient of the 3-d "nearest" is not the one of its forward.
        assume(n == 2 or mode != "nearest" or factors == (1,) or floor(shape[2] * factors[0]) != shape[2])
        options["scale_factor"] = factors
        options["recompute_scale_factor"] = data.draw(st.sampled_from([None, True, False]))
    x = data.draw(arrays(shape))
    agrees_with_torch(lambda x: F.interpolate(x, **options), lambda x: T.interpolate(x, **options), x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_nearest_takes_the_same_elements_as_torch(mode: str, n: int, dtype: str) -> None:
    """The places are computed in floating point, and one rounding the other way takes another element."""
    if (mode, n, dtype) == ("nearest-exact", 1, "float32"):
        pytest.skip("torch's own 3-d and 4-d kernels disagree there, at 2 -> 41")
    for h in (1, 2, 3, 5, 7, 10, 14, 21, 32):
        x = np.broadcast_to(np.arange(h, dtype=dtype).reshape(-1, *[1] * (n - 1)), (h, *[2] * (n - 1)))[None, None]
        for out in (1, 2, 3, 4, 6, 9, 14, 28, 41, 46, 64, 69, 74):
            size = (out, *[2] * (n - 1))
            want = T.interpolate(torch.tensor(x.copy()), size, mode=mode).numpy()
            np.testing.assert_array_equal(F.interpolate(x, size, mode=mode).array, want, err_msg=f"{h} -> {out}")


def test_interpolation_by_hand() -> None:
    x = nt.tensor([[[0.0, 1.0, 2.0]]])
    np.testing.assert_array_equal(F.interpolate(x, 6).array, [[[0, 0, 1, 1, 2, 2]]])
    np.testing.assert_array_equal(F.interpolate(x, 5, mode="linear", align_corners=True).array, [[[0, 0.5, 1, 1.5, 2]]])
    want = [[[0, 0.25, 0.75, 1.25, 1.75, 2]]]
    np.testing.assert_array_equal(F.interpolate(x, 6, mode="linear").array, want)


def test_gradient_of_nearest_belongs_to_its_forward() -> None:
    """Also where a fractional factor keeps the length: both outputs are the first element."""
    x = nt.tensor([[[1.0, 2.0]]], requires_grad=True)
    y = F.interpolate(x, scale_factor=1.25)
    y.backward(np.array([[[1.0, 10.0]]]))
    np.testing.assert_array_equal(y.array, [[[1, 1]]])
    np.testing.assert_array_equal(x.grad.array, [[[11, 0]]])


def test_infinity_stays_where_it_is() -> None:
    """Elements that do not belong to an output do not meet it, not even with weight 0."""
    x = np.array([[[[1.0, np.inf, 2.0, 3.0]]]])
    np.testing.assert_array_equal(F.interpolate(x, (1, 2)).array, [[[[1.0, 2.0]]]])


@given(data=st.data())
@EXAMPLES
def test_pixel_shuffle_equals_torch(data: Any) -> None:
    r = data.draw(st.integers(1, 3))
    lead = data.draw(st.sampled_from([(), (2,), (2, 1)]))  # torch has no gradient for an empty batch
    c, h, w = data.draw(st.tuples(*[st.integers(1, 3)] * 3))
    x = data.draw(arrays((*lead, c * r * r, h, w)))
    agrees_with_torch(lambda x: F.pixel_shuffle(x, r), lambda x: T.pixel_shuffle(x, r), x)
    y = data.draw(arrays((*lead, c, h * r, w * r)))
    agrees_with_torch(lambda y: F.pixel_unshuffle(y, r), lambda y: T.pixel_unshuffle(y, r), y)
    np.testing.assert_array_equal(F.pixel_unshuffle(F.pixel_shuffle(x, r), r).array, x)


X = np.ones((1, 3, 4, 4))
ERRORS = {
    "axes": (
        lambda: F.interpolate(np.ones((4, 4)), 2),
        r"expected an input \(N, C, L\) or \(N, C, H, W\), got \(4, 4\)",
    ),
    "neither": (lambda: F.interpolate(X), r"interpolate: give either size or scale_factor, and not both"),
    "both": (lambda: F.interpolate(X, 2, 2), r"interpolate: give either size or scale_factor, and not both"),
    "mode": (lambda: F.interpolate(X, 2, mode="cubic"), r"is one of nearest, nearest-exact, bilinear, got 'cubic'"),
    "align": (lambda: F.interpolate(X, 2, align_corners=False), r"align_corners is for linear and bilinear"),
    "recompute": (lambda: F.interpolate(X, 2, recompute_scale_factor=True), r"recompute_scale_factor goes with"),
    "factor": (lambda: F.interpolate(X, scale_factor=-1), r"scale_factor is a positive number or 2 of them, got -1"),
    "factors": (
        lambda: F.interpolate(X, scale_factor=(1, 2, 3)),
        r"is a positive number or 2 of them, got \(1, 2, 3\)",
    ),
    "nothing left": (lambda: F.interpolate(X, scale_factor=0.1), r"scale_factor 0.1 makes \(0, 0\) of the input's"),
    "size": (lambda: F.interpolate(X, (2, 2, 2)), r"interpolate: size is an integer or 2 of them, got \(2, 2, 2\)"),
    "short size": (lambda: F.interpolate(X, (2,)), r"interpolate: size is an integer or 2 of them, got \(2,\)"),
    "shuffle": (lambda: F.pixel_shuffle(X, 2), r"pixel_shuffle: expected an input \(…, C·4, H, W\), got"),
    "unshuffle": (lambda: F.pixel_unshuffle(X, 3), r"pixel_unshuffle: expected an input \(…, C, H·3, W·3\), got"),
}


@pytest.mark.parametrize(("call", "message"), [pytest.param(*case, id=name) for name, case in ERRORS.items()])
def test_refuses_in_one_line(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
