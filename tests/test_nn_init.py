"""nn.init: distributions, gains, in place, from the default generator."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet import nn
from nanonet.nn import init

BIG = (200, 300)


def drawn(name: str, *args: Any, shape: tuple[int, ...] = BIG, **kwargs: Any) -> np.ndarray:
    nt.manual_seed(3)
    return getattr(init, name)(nt.zeros(shape), *args, **kwargs).array


@pytest.mark.parametrize(
    ("name", "kwargs", "std", "bound"),
    [
        ("uniform_", {"a": -2.0, "b": 2.0}, 4 / math.sqrt(12), 2.0),
        ("normal_", {"mean": 0.0, "std": 0.3}, 0.3, None),
        ("trunc_normal_", {"std": 1.0}, 0.8796, 2.0),
        ("xavier_uniform_", {"gain": 2.0}, 2 * math.sqrt(2 / 500), 2 * math.sqrt(6 / 500)),
        ("xavier_normal_", {}, math.sqrt(2 / 500), None),
        ("kaiming_uniform_", {"nonlinearity": "relu"}, math.sqrt(2 / 300), math.sqrt(6 / 300)),
        ("kaiming_uniform_", {"a": math.sqrt(5)}, 1 / math.sqrt(3 * 300), 1 / math.sqrt(300)),
        ("kaiming_normal_", {"mode": "fan_out", "nonlinearity": "tanh"}, 5 / 3 / math.sqrt(200), None),
    ],
)
def test_spread_and_bounds(name: str, kwargs: dict[str, Any], std: float, bound: float | None) -> None:
    values = drawn(name, **kwargs)
    assert values.std() == pytest.approx(std, rel=0.02)
    assert abs(values.mean()) < 0.02 * std * 1.5
    if bound is not None:
        assert 0.97 * bound < np.abs(values).max() <= bound * (1 + 1e-6)
    np.testing.assert_array_equal(values, drawn(name, **kwargs))


def test_constants_and_the_identity() -> None:
    assert np.all(drawn("constant_", 0.3) == np.float32(0.3))
    assert np.all(drawn("ones_") == 1)
    assert np.all(init.zeros_(nt.ones(2, 3)).array == 0)
    np.testing.assert_array_equal(drawn("eye_", shape=(2, 3)), np.eye(2, 3))


@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (3, 2, 5)])
def test_orthogonal_rows_or_columns(shape: tuple[int, ...]) -> None:
    w = drawn("orthogonal_", gain=2.0, shape=shape).reshape(shape[0], -1).astype(float)
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-5)


def test_filling_is_in_place_and_noticed() -> None:
    p = nn.Parameter(np.zeros((2, 2)))
    array, version = p.array, p.version
    assert init.ones_(p) is p
    assert p.array is array
    assert p.version > version
    assert p.dtype == np.float64
    assert p.requires_grad


def test_gains_and_fans_equal_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    for name in ("linear", "conv1d", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    assert init.calculate_gain("leaky_relu", 0.3) == torch.nn.init.calculate_gain("leaky_relu", 0.3)
    for shape in ((3, 4), (3, 4, 5), (3, 4, 5, 2)):
        assert init.fans(nt.zeros(shape)) == torch.nn.init._calculate_fan_in_and_fan_out(torch.zeros(shape))


LAYERS = [
    ("Linear", (50, 400), {}),
    ("Bilinear", (40, 30, 40), {}),
    ("Conv1d", (16, 200, 5), {"groups": 2}),
    ("Conv2d", (16, 200, 3), {}),
    ("ConvTranspose1d", (200, 20, 5), {"groups": 2}),
    ("ConvTranspose2d", (64, 200, 3), {}),
    ("Embedding", (200, 50), {}),
    ("LSTM", (30, 100), {}),
    ("GRUCell", (30, 100), {}),
    ("MultiheadAttention", (128, 4), {}),
    ("MultiheadAttention", (128, 4), {"kdim": 60, "vdim": 70}),
    ("TransformerDecoderLayer", (128, 4, 256), {}),
    ("Transformer", (64, 4, 1, 1, 256), {}),
]


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")  # PyTorch's
@pytest.mark.parametrize(("name", "args", "kwargs"), LAYERS, ids=lambda v: v if isinstance(v, str) else "")
def test_first_weights_are_distributed_as_pytorchs(name: str, args: Any, kwargs: Any) -> None:
    torch = pytest.importorskip("torch")
    nt.manual_seed(0)
    torch.manual_seed(0)
    ours = getattr(nn, name)(*args, **kwargs).state_dict()
    theirs = getattr(torch.nn, name)(*args, **kwargs).state_dict()
    for key, value in ours.items():
        a, b = value.array, theirs[key].numpy()
        assert a.dtype == b.dtype == np.float32
        noise = 6 / math.sqrt(a.size)  # of a standard deviation or a bound, relative
        np.testing.assert_allclose(a.std(), b.std(), rtol=noise, atol=1e-7, err_msg=key)
        if name != "Embedding":
            np.testing.assert_allclose(np.abs(a).max(), np.abs(b).max(), rtol=noise, atol=1e-7, err_msg=key)


def test_wrong_arguments_are_refused() -> None:
    for call, words in [
        (lambda: init.xavier_uniform_(nt.zeros(3)), "at least 2 axes"),
        (lambda: init.eye_(nt.zeros(3)), "expected a matrix"),
        (lambda: init.orthogonal_(nt.zeros(3)), "at least 2 axes"),
        (lambda: init.calculate_gain("sin"), "got 'sin'"),
        (lambda: init.kaiming_normal_(nt.zeros(2, 2), mode="fan"), "'fan_in' or 'fan_out'"),
        (lambda: init.trunc_normal_(nt.zeros(2), a=3, b=1), "expected a < b"),
    ]:
        with pytest.raises(ValueError, match=words):
            call()
