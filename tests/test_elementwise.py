"""Elementwise functions: equal to PyTorch on random arrays, at ties, bounds and infinities; dtypes; no overflow."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

import nanonet as nt
from tests.agreement import agrees_with_torch, arrays

torch = pytest.importorskip("torch", reason="compared with torch: pip install '.[peers]'")
from tests.peers.elementwise import PEERS  # noqa: E402  (needs torch)

EXAMPLES = settings(max_examples=20, deadline=None)
INF, NAN = math.inf, math.nan
EVERYWHERE = """neg abs square exp exp2 expm1 sin cos tan arctan sinh cosh tanh sigmoid erf
    sign floor ceil trunc round""".split()  # noqa: SIM905
ABOVE_0 = "log log2 log10 log1p sqrt rsqrt reciprocal".split()  # noqa: SIM905
BELOW_1 = ["arcsin", "arccos"]
TWO = "add subtract multiply divide maximum minimum hypot arctan2 logaddexp remainder".split()  # noqa: SIM905
COMPARISONS = """equal not_equal less less_equal greater greater_equal logical_and logical_or
    floor_divide""".split()  # noqa: SIM905
SPECIAL = np.array([-INF, -1e4, -2.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0, 1e4, INF, NAN])


def peer(name: str) -> Any:
    return PEERS.get(name) or getattr(torch, name)


def pairs(decimals: int | None = None) -> st.SearchStrategy[tuple[np.ndarray, np.ndarray]]:
    """Two arrays that broadcast."""
    shapes = mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_side=3, max_dims=3)
    return shapes.flatmap(lambda s: st.tuples(*[arrays(shape, decimals) for shape in s.input_shapes]))


@pytest.mark.parametrize("name", EVERYWHERE + ABOVE_0 + BELOW_1)
@given(data=st.data())
@EXAMPLES
def test_one_operand_equals_torch(name: str, data: Any) -> None:
    x = data.draw(arrays())
    if name in ABOVE_0:
        x = np.abs(x) + 0.1
    if name in BELOW_1:
        x = np.tanh(x)
    agrees_with_torch(getattr(nt, name), peer(name), x)
    agrees_with_torch(lambda t: getattr(t, name)(), peer(name), x)


@pytest.mark.parametrize("name", TWO)
@given(data=st.data())
@EXAMPLES
def test_two_operands_equal_torch(name: str, data: Any) -> None:
    """Broadcast, strided, 0-d and empty; some ties."""
    a, b = data.draw(pairs(1 if name in ("maximum", "minimum") else None))
    agrees_with_torch(getattr(nt, name), peer(name), a, b)


@pytest.mark.parametrize("name", COMPARISONS)
@given(data=st.data())
@EXAMPLES
def test_comparisons_equal_torch(name: str, data: Any) -> None:
    a, b = data.draw(pairs(0))
    if name == "floor_divide":
        b = b + 0.5
    a, b = a.astype(data.draw(st.sampled_from([np.float64, np.float32, np.int64]))), b
    y = getattr(nt, name)(a, b)
    assert not y.requires_grad
    np.testing.assert_array_equal(y.array, peer(name)(torch.tensor(a.copy()), torch.tensor(b.copy())).numpy())


@given(data=st.data())
@EXAMPLES
def test_clip_equals_torch_with_tensors_for_bounds(data: Any) -> None:
    shapes = data.draw(mutually_broadcastable_shapes(num_shapes=3, min_side=0, max_side=3, max_dims=3))
    x, low, high = (np.reshape(data.draw(arrays(shape, 1)), shape) for shape in shapes.input_shapes)
    full = torch.broadcast_tensors  # PyTorch's own backward fails where the bounds are larger than x
    agrees_with_torch(nt.clip, lambda x, low, high: torch.clamp(*full(x, low, high)), x, low, high)
    agrees_with_torch(lambda x, low: nt.clip(x, min=low), lambda x, low: torch.clamp(*full(x, low)), x, low)
    agrees_with_torch(lambda x, high: nt.clip(x, None, high), lambda *x: torch.clip(full(*x)[0], None, x[1]), x, high)
    agrees_with_torch(lambda x: x.clamp(-0.5, 0.5), lambda x: x.clamp(-0.5, 0.5), x)


@given(data=st.data(), exponent=st.sampled_from([-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.0, 3, 3.0, 4, 2.5]))
@settings(max_examples=60, deadline=None)
def test_power_equals_torch(data: Any, exponent: float) -> None:
    a, b = data.draw(pairs())
    a = np.abs(a) + 0.1
    agrees_with_torch(lambda a, b: a**b, torch.pow, a, b)
    agrees_with_torch(lambda a: a**exponent, lambda a: a**exponent, a if exponent % 1 else data.draw(arrays()) + 0.001)
    agrees_with_torch(lambda b: 1.7**b, lambda b: 1.7**b, b)


def values_and_gradients(ours: Any, theirs: Any, *inputs: np.ndarray) -> None:
    """Equal element by element, NaN and infinity in the same places."""
    xs = [nt.tensor(x, requires_grad=True) for x in inputs]
    ts = [torch.tensor(x, requires_grad=True) for x in inputs]
    with np.errstate(all="ignore"):  # NumPy warns where the result is infinite or NaN
        y = ours(*xs)
        y.backward(np.full(y.shape, 0.7))
    ty = theirs(*ts)
    ty.backward(torch.full(ty.shape, 0.7, dtype=ty.dtype))
    np.testing.assert_allclose(y.array, ty.detach().numpy(), rtol=1e-12)
    for x, t in zip(xs, ts, strict=True):
        np.testing.assert_allclose(x.grad.array, t.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("name", sorted({*EVERYWHERE, *ABOVE_0, *BELOW_1} - {"sign", "abs", "tan", "sin", "cos"}))
def test_one_operand_at_special_values(name: str) -> None:
    """±0, ±1, ±1e4, ±inf, NaN. (sign and abs have NaN for NaN where PyTorch has 0; see the next test.)"""
    values_and_gradients(getattr(nt, name), peer(name), SPECIAL)


def test_sign_and_abs_at_special_values() -> None:
    values_and_gradients(nt.abs, torch.abs, SPECIAL[:-1])
    values_and_gradients(nt.sign, torch.sign, SPECIAL[:-1])
    assert np.isnan(nt.sign(NAN).item())


@pytest.mark.parametrize("name", TWO)
def test_two_operands_at_special_values(name: str) -> None:
    """All pairs, so also every tie."""
    a, b = (grid.ravel() for grid in np.meshgrid(SPECIAL, SPECIAL))
    if name == "divide":  # the gradient is -dy a/b², and PyTorch's order of the divisions shows in inf/inf²
        a, b = a[np.isfinite(a)], b[np.isfinite(a)]
    values_and_gradients(getattr(nt, name), peer(name), a, b)


def test_power_at_special_values() -> None:
    """0⁰, roots and powers of 0, negative bases, NaN."""
    numbers = np.array([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, INF, NAN])
    exponents = np.array([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, NAN])
    a, b = (grid.ravel() for grid in np.meshgrid(numbers, exponents))
    values_and_gradients(nt.power, torch.pow, a, b)
    for exponent in [*exponents.tolist(), 0, 1, 2, 3, -1]:
        values_and_gradients(lambda a, e=exponent: a**e, lambda a, e=exponent: a**e, numbers)
    for base in (-2.0, 0.0, 1.0, 2.0, 0, 2):
        values_and_gradients(lambda b, a=base: a**b, lambda b, a=base: torch.pow(a, b), exponents)


def test_power_has_the_right_second_derivatives() -> None:
    """Also where b = 0 or a = 0, where masks could hide a factor."""
    a, b = nt.tensor(np.array([2.0, 0.5]), requires_grad=True), nt.tensor(np.array([0.0, 3.0]), requires_grad=True)
    (dxda,) = nt.vjp_of([a**b], [a], [np.ones(2)], create_graph=True)
    daa, dab = nt.vjp_of([dxda], [a, b], [np.ones(2)])
    np.testing.assert_allclose(daa.array, [0.0, 3.0])
    np.testing.assert_allclose(dab.array, [1 / 2.0, 0.5**2 * (1 + 3 * math.log(0.5))])
    for k in (2, 3, 4):
        square = nt.grad(nt.grad(lambda x, k=k: (x**k).sum()))
        assert square(np.zeros(())).item() == (2.0 if k == 2 else 0.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_of_huge_numbers(dtype: Any) -> None:
    """Warnings are errors here."""
    x = nt.tensor(np.array([-1e4, -100.0, 0.0, 100.0, 1e4], dtype), requires_grad=True)
    y = nt.sigmoid(x)
    y.backward(np.ones(5, dtype))
    np.testing.assert_allclose(y.array, [0, 3.720076e-44, 0.5, 1, 1], rtol=1e-6, atol=1e-40)
    np.testing.assert_allclose(x.grad.array, [0, 3.720076e-44, 0.25, 0, 0], rtol=1e-6, atol=1e-40)


def test_second_derivative_of_sigmoid_at_0() -> None:
    """A form with |x| inside would have a false kink there."""
    third = nt.grad(nt.grad(nt.grad(lambda x: nt.sigmoid(x).sum())))
    assert third(np.zeros(())).item() == -0.125


@pytest.mark.parametrize("name", ["exp", "sqrt", "sigmoid", "erf", "divide", "reciprocal", "arctan2", "tan"])
def test_integers_become_float32(name: str) -> None:
    x = np.array([1, 2, 3])
    y = getattr(nt, name)(*[x] * (2 if name in ("divide", "arctan2") else 1))
    assert y.dtype == np.float32


@pytest.mark.parametrize("name", ["abs", "neg", "square", "sign", "floor", "ceil", "round", "trunc"])
def test_integers_stay_integers(name: str) -> None:
    y = getattr(nt, name)(np.array([-2, 0, 3]))
    assert y.dtype == np.int64
    np.testing.assert_array_equal(y.array, peer(name)(torch.tensor([-2, 0, 3])).numpy())


def test_integers_meet_floats() -> None:
    ints = nt.tensor([1, 2, 3])
    assert (ints + 1).dtype == np.int64
    assert (ints * 0.5).dtype == np.float32
    assert (ints**2).dtype == np.int64
    assert (ints**0.5).dtype == np.float32
    assert nt.maximum(ints, np.ones(3, np.float64)).dtype == np.float64
    assert (ints // 2).tolist() == [0, 1, 1]
    assert (-ints % 2.5).tolist() == [1.5, 0.5, 2.0]


def test_numbers_on_the_left_of_operators() -> None:
    x = nt.tensor([2.0, 4.0])
    assert (1 - x).tolist() == [-1.0, -3.0]
    assert (1 / x).tolist() == [0.5, 0.25]
    assert (2**x).tolist() == [4.0, 16.0]
    assert (5 // x).tolist() == [2.0, 1.0]
    assert (5 % x).tolist() == [1.0, 1.0]


def test_questions_about_elements() -> None:
    x = nt.tensor([1.0, NAN, INF, -INF])
    assert nt.isnan(x).tolist() == [False, True, False, False]
    assert x.isinf().tolist() == [False, False, True, True]
    assert x.isfinite().tolist() == [True, False, False, False]
    assert (~x.isfinite() & (x == x)).tolist() == [False, False, True, True]


def test_clip_needs_a_bound() -> None:
    with pytest.raises(ValueError, match="clip: expected min, max or both"):
        nt.clip(nt.tensor([1.0]))


def test_round_to_decimals() -> None:
    x = np.array([-1.25, 0.35, 2.5, 1234.5])
    for decimals in (-2, 0, 1, 3):
        np.testing.assert_allclose(nt.round(x, decimals).array, np.round(x, decimals))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x: x + nt.ones(2),
            r"^add: the shapes a \(3,\) and b \(2,\) do not broadcast; make their axes",
        ),
        (
            lambda x: nt.where(x > 0, x, nt.ones(2)),
            r"^where: the shapes condition \(3,\) and a \(3,\) and b",
        ),
        (lambda x: nt.multiply(x, None), r"^multiply: expected an array or a number for b, got None$"),
        (
            lambda x: nt.sum(x, dtype=float),
            r"^sum: got an unexpected keyword argument 'dtype'; expected sum\(x, axis=None",
        ),
        (lambda x: nt.topk(x, None), r"^topk: '<=' not supported .*; expected topk\(x, k, axis=-1"),
        (
            lambda x: nt.functional.relu(x, inplace=True),
            r"^relu: got an unexpected .* 'inplace'; expected relu\(input\)",
        ),
        (lambda x: nt.exp(x, out=None), r"^exp: got an unexpected keyword argument 'out'$"),
        (
            lambda x: nt.tensor([1, 2]) ** -1,
            r"^power: Integers to negative integer powers are not allowed; got a",
        ),
    ],
)
def test_what_numpy_refuses_names_the_op_in_one_line(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call(nt.ones(3))
