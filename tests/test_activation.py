"""Activations: equal to PyTorch on random arrays, at corners, infinities and NaN; no overflow; clear refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nanonet as nt
from nanonet import functional as F
from tests.agreement import agrees_with_torch, arrays, shapes

torch = pytest.importorskip("torch", reason="compared with torch: pip install '.[peers]'")
from tests.peers.activation import PEERS  # noqa: E402  (needs torch)

EXAMPLES = settings(max_examples=20, deadline=None)
INF, NAN = math.inf, math.nan
POSITIVE = st.floats(0.01, 2.0)
OPTIONS: dict[str, dict[str, Any]] = {
    "relu": {},
    "relu6": {},
    "leaky_relu": {"negative_slope": POSITIVE},
    "elu": {"alpha": POSITIVE},
    "selu": {},
    "celu": {"alpha": st.sampled_from([0.25, 0.5, 1.0, 2.0])},  # PyTorch's gradient rounds 1/alpha to float32
    "gelu": {"approximate": st.sampled_from(["none", "tanh"])},
    "silu": {},
    "mish": {},
    "softplus": {"beta": POSITIVE, "threshold": st.sampled_from([0.5, 3.0, 20.0])},
    "softsign": {},
    "hardtanh": {"min_val": st.floats(-1.0, 0.0), "max_val": st.floats(0.0, 1.0)},
    "hardsigmoid": {},
    "hardswish": {},
    "hardshrink": {"lambd": st.floats(0.0, 1.0)},
    "softshrink": {"lambd": st.floats(0.0, 1.0)},
    "tanhshrink": {},
    "logsigmoid": {},
    "threshold": {"threshold": st.floats(-1.0, 1.0), "value": st.floats(-9.0, 9.0)},
    "sigmoid": {},
    "tanh": {},
}
NORMALIZERS = ["softmax", "log_softmax", "softmin"]
CORNERS = np.array([-1e4, -4.0, -3.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 3.0, 6.0, 7.0, 20.0, 21.0, 1e4])


def peer(name: str) -> Any:
    return PEERS.get(name) or getattr(torch.nn.functional, name)


def defaults(name: str) -> dict[str, Any]:
    return {"threshold": 0.5, "value": 2.0} if name == "threshold" else {}


@pytest.mark.parametrize("name", OPTIONS)
@given(data=st.data())
@EXAMPLES
def test_equals_torch(name: str, data: Any) -> None:
    """Strided, 0-d and empty inputs; ties with the corners; every option, by name and by position."""
    x = data.draw(arrays(decimals=1)) * data.draw(st.sampled_from([1.0, 5.0]))
    agrees_with_torch(lambda t: getattr(F, name)(t, **defaults(name)), lambda t: peer(name)(t, **defaults(name)), x)
    options = {key: data.draw(strategy) for key, strategy in OPTIONS[name].items()}
    agrees_with_torch(lambda t: getattr(F, name)(t, **options), lambda t: peer(name)(t, **options), x)
    if name != "gelu":
        agrees_with_torch(lambda t: getattr(F, name)(t, *options.values()), lambda t: peer(name)(t, **options), x)


def values_and_gradients(name: str, x: np.ndarray, rtol: float, **options: Any) -> None:
    """Equal element by element, NaN and infinity in the same places."""
    ours, theirs = nt.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y = getattr(F, name)(ours, **options)
    y.backward(np.full(y.shape, 0.7, x.dtype))
    ty = getattr(torch.nn.functional, name)(theirs, **options)
    ty.backward(torch.full(ty.shape, 0.7, dtype=ty.dtype))
    assert y.dtype == x.dtype
    tiny = np.finfo(x.dtype).tiny
    np.testing.assert_allclose(y.array, ty.detach().numpy(), rtol=rtol, atol=tiny, err_msg="value")
    if name == "hardsigmoid":
        rtol = 1e-7  # PyTorch's gradient rounds 1/6 to float32
    np.testing.assert_allclose(ours.grad.array, theirs.grad.numpy(), rtol=rtol, atol=tiny, err_msg="gradient")


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-10), (np.float32, 2e-4)], ids=["float64", "float32"])
@pytest.mark.parametrize("name", OPTIONS)
def test_corners_and_huge_numbers(name: str, dtype: Any, rtol: float) -> None:
    """Every corner of every activation, and ±1e4; warnings are errors here.

    In float32 PyTorch's own results lose up to four digits in the tails: 1 + erf(x / √2), 1 - tanh(x)².
    """
    x = CORNERS
    if name == "gelu":
        x = x[(x == -1e4) | (x > -4)]
    elif name in ("tanh", "mish"):
        x = x[x < 7]
    values_and_gradients(name, x.astype(dtype), rtol, **defaults(name))


@pytest.mark.parametrize("name", OPTIONS)
def test_nan_and_infinity(name: str) -> None:
    """As PyTorch, but for softsign, whose slope at infinity is 0 here, as it should be, and NaN there."""
    x = np.array([NAN] if name == "softsign" else [NAN, INF, -INF])
    with np.errstate(invalid="ignore"):  # NumPy warns where the result is NaN: inf - inf, 0 · inf
        values_and_gradients(name, x, 1e-12, **defaults(name))


@pytest.mark.parametrize("name", NORMALIZERS)
@given(data=st.data())
@EXAMPLES
def test_normalizers_equal_torch(name: str, data: Any) -> None:
    x = data.draw(arrays(decimals=1)) * data.draw(st.sampled_from([1.0, 1e4]))
    dim = data.draw(st.integers(-max(x.ndim, 1), max(x.ndim, 1) - 1))
    agrees_with_torch(lambda t: getattr(F, name)(t, dim), lambda t: getattr(torch, name, peer(name))(t, dim=dim), x)
    agrees_with_torch(lambda t: getattr(F, name)(t), lambda t: peer(name)(t, dim=-1), x)


@pytest.mark.parametrize("name", NORMALIZERS)
def test_normalizers_cast_first(name: str) -> None:
    x = nt.tensor([1.0, 2.0], requires_grad=True)
    y = getattr(F, name)(x, dim=0, dtype="float64")
    assert y.dtype == np.float64
    np.testing.assert_allclose(y.array, peer(name)(torch.tensor([1.0, 2.0]), dim=0, dtype=torch.float64).numpy())
    y[0].backward()
    assert x.grad.dtype == np.float32


def test_masked_and_empty_softmax() -> None:
    """-inf takes no share and its gradient is 0."""
    x = nt.tensor([[0.0, -INF, 0.0]], requires_grad=True)
    y = F.softmax(x, -1)
    assert y.tolist() == [[0.5, 0.0, 0.5]]
    y.backward([[1.0, 5.0, 0.0]])
    assert x.grad.tolist() == [[0.25, 0.0, -0.25]]
    for shape in ((0,), (3, 0), (0, 3)):
        for name in NORMALIZERS:
            assert getattr(F, name)(np.zeros(shape), 0).shape == shape


def test_log_softmax_keeps_what_softmax_rounds_to_0() -> None:
    assert F.log_softmax(nt.tensor([0.0, 1e4]), 0).tolist() == [-1e4, 0.0]


@given(data=st.data())
@EXAMPLES
def test_glu_equals_torch(data: Any) -> None:
    shape = data.draw(shapes(min_ndim=1))
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    doubled = tuple(2 * n if axis == dim % len(shape) else n for axis, n in enumerate(shape))
    agrees_with_torch(lambda t: F.glu(t, dim), lambda t: torch.nn.functional.glu(t, dim), data.draw(arrays(doubled)))


@given(data=st.data())
@EXAMPLES
def test_prelu_equals_torch(data: Any) -> None:
    x = data.draw(arrays(decimals=0))
    channels = x.shape[1] if x.ndim > 1 else 1
    weight = data.draw(st.sampled_from([(), (1,), (channels,)]))
    agrees_with_torch(F.prelu, torch.nn.functional.prelu, x, np.reshape(data.draw(arrays(weight)), weight))


@pytest.mark.parametrize("name", [*OPTIONS, *NORMALIZERS, "glu"])
def test_integers(name: str) -> None:
    """relu and relu6 keep them; the others make float32 of them, where PyTorch refuses most."""
    y = getattr(F, name)(np.array([-2, 1]), **defaults(name))
    assert y.dtype == (np.int64 if name in ("relu", "relu6") else np.float32)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "gelu", "silu", "mish", "softmax", "log_softmax", "sigmoid"])
def test_methods(name: str) -> None:
    x = nt.tensor([-1.0, 2.0])
    assert getattr(x, name)().tolist() == getattr(F, name)(x).tolist()


@pytest.mark.parametrize(
    ("name", "slopes"),
    [("gelu", [1 / math.sqrt(2 * math.pi) * 2, 0.0]), ("silu", [0.5, 0.0]), ("softplus", [0.25, 0.0])],
)
def test_second_and_third_derivative_at_0(name: str, slopes: list[float]) -> None:
    """A careful form with |x| or max(x, 0) inside must not leave a false kink."""
    second = nt.grad(nt.grad(getattr(F, name)))
    assert second(np.zeros(())).item() == pytest.approx(slopes[0])
    assert nt.grad(second)(np.zeros(())).item() == pytest.approx(slopes[1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: F.softmax(x, 2), r"softmax: dim 2 does not exist in input of shape \(2, 3\); use -2 to 1"),
        (lambda x: F.log_softmax(x, None), "log_softmax: dim must be an integer, got None"),
        (lambda x: F.glu(x, 1), "glu: expected an even size along dim 1, got 3"),
        (lambda x: F.glu(x, 5), "glu: dim 5 does not exist"),
        (lambda x: F.gelu(x, approximate="erf"), "gelu: approximate must be 'none' or 'tanh', got 'erf'"),
        (lambda x: F.prelu(x, np.ones(2)), r"prelu: input \(2, 3\) needs weight \(3,\) or \(1,\), got \(2,\)"),
        (lambda x: F.prelu(x, np.ones((1, 3))), r"prelu: input \(2, 3\) needs weight"),
        (lambda x: F.celu(x, 0.0), "celu: alpha must not be 0"),
        (lambda x: F.hardtanh(x, 1.0, -1.0), "hardtanh: expected min_val <= max_val, got 1.0 and -1.0"),
        (lambda x: F.softshrink(x, -0.5), "softshrink: expected lambd >= 0, got -0.5"),
    ],
)
def test_refuses(call: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^{message}"):
        call(np.ones((2, 3)))
