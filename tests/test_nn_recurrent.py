"""RNN, LSTM, GRU and their cells equal PyTorch's: outputs, states, gradients. Needs torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet import nn

torch = pytest.importorskip("torch", reason="parity needs torch: pip install '.[peers]'")
from tests.nn_peers import pair, same_results  # noqa: E402

rng = np.random.default_rng(8)
OPTIONS = [
    {},
    {"num_layers": 2, "bidirectional": True},
    {"num_layers": 3, "batch_first": True, "bias": False},
    {"bidirectional": True, "batch_first": True, "bias": False},
]


def first_states(name: str, options: dict[str, Any], batch: tuple[int, ...]) -> Any:
    rows = options.get("num_layers", 1) * (1 + options.get("bidirectional", False))
    h, c = rng.standard_normal((2, rows, *batch, 4))
    return (h, c) if name == "LSTM" else h


@pytest.mark.parametrize(
    ("name", "options"), [(name, options) for name in ("RNN", "LSTM", "GRU") for options in OPTIONS]
)
def test_a_recurrent_layer_equals_pytorchs(name: str, options: dict[str, Any]) -> None:
    ours, theirs = pair(name, 3, 4, **options)
    assert repr(ours) == repr(theirs)
    shape = (2, 5, 3) if options.get("batch_first") else (5, 2, 3)
    x = rng.standard_normal(shape)
    same_results(ours, theirs, (x,))
    same_results(ours, theirs, (x, first_states(name, options, (2,))))
    one = rng.standard_normal((5, 3))  # a single sequence, without a batch axis
    same_results(ours, theirs, (one,))
    same_results(ours, theirs, (one, first_states(name, options, ())))
    same_results(ours, theirs, (x[:1, :1],))


def test_relu_and_positional_nonlinearity() -> None:
    same_results(*pair("RNN", 3, 4, 2, "relu"), (rng.standard_normal((5, 2, 3)),))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("RNNCell", {}),
        ("RNNCell", {"nonlinearity": "relu", "bias": False}),
        ("LSTMCell", {}),
        ("LSTMCell", {"bias": False}),
        ("GRUCell", {}),
        ("GRUCell", {"bias": False}),
    ],
)
def test_a_cell_equals_pytorchs(name: str, options: dict[str, Any]) -> None:
    ours, theirs = pair(name, 3, 4, **options)
    assert repr(ours) == repr(theirs)
    for shape in ((2, 3), (3,)):
        x = rng.standard_normal(shape)
        h, c = rng.standard_normal((2, *shape[:-1], 4))
        same_results(ours, theirs, (x,))
        same_results(ours, theirs, (x, (h, c) if name == "LSTMCell" else h))


def test_dropout_acts_between_layers_in_training_only() -> None:
    x = nt.tensor(rng.standard_normal((3, 2, 3)))
    net = nn.GRU(3, 4, num_layers=2, dropout=0.9).double()
    nt.manual_seed(1)
    first = net(x)[0].array
    assert np.any(first != net(x)[0].array)
    net.eval()
    np.testing.assert_array_equal(net(x)[0].array, net(x)[0].array)
    single = nn.GRU(3, 4, num_layers=2).double().eval()
    single.load_state_dict(net.state_dict())
    np.testing.assert_array_equal(single(x)[0].array, net(x)[0].array)
    assert repr(net) == "GRU(3, 4, num_layers=2, dropout=0.9)"
    with pytest.warns(UserWarning, match="there is only one"):
        nn.GRU(3, 4, dropout=0.5)


def test_the_step_of_a_layer_is_its_cell() -> None:
    layer, cell = nn.LSTM(3, 4).double(), nn.LSTMCell(3, 4).double()
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
    x = nt.tensor(rng.standard_normal((4, 2, 3)))
    y, (h, c) = layer(x)
    state = None
    for t in range(4):
        state = cell(x[t], state)
        np.testing.assert_allclose(y.array[t], state[0].array, rtol=1e-12)
    np.testing.assert_allclose(c.array[0], state[1].array, rtol=1e-12)
    np.testing.assert_allclose(h.array[0], y.array[-1], rtol=1e-12)


def test_large_inputs_overflow_nowhere() -> None:
    for name in ("RNN", "LSTM", "GRU"):
        net = getattr(nn, name)(2, 3)
        x = nt.tensor(np.full((2, 1, 2), 1e4, np.float32), requires_grad=True)
        net(x)[0].sum().backward()
        assert np.all(np.isfinite(x.grad.array))


def test_wrong_shapes_and_arguments_are_refused() -> None:
    net = nn.LSTM(3, 4)
    x = nt.ones(5, 2, 3)
    with pytest.raises(ValueError, match=r"D = 3, got \(5, 2, 4\)"):
        net(nt.ones(5, 2, 4))
    with pytest.raises(ValueError, match=r"expected 2 first state\(s\) .* = \(1, 2, 4\), got \(1, 3, 4\)"):
        net(x, (nt.ones(1, 3, 4), nt.ones(1, 3, 4)))
    with pytest.raises(ValueError, match="at least one step"):
        net(nt.ones(0, 2, 3))
    with pytest.raises(ValueError, match="proj_size is not supported"):
        nn.LSTM(3, 4, proj_size=2)
    with pytest.raises(ValueError, match="'tanh' or 'relu'"):
        nn.RNN(3, 4, nonlinearity="sin")
    with pytest.raises(ValueError, match="hidden_size and num_layers"):
        nn.GRU(3, 0)
    with pytest.raises(ValueError, match=r"needs states \(2, 4\)"):
        nn.GRUCell(3, 4)(nt.ones(2, 3), nt.ones(1, 4))
    with pytest.raises(ValueError, match="with D = 3"):
        nn.GRUCell(3, 4)(nt.ones(2, 2, 3))
