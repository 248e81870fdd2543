"""Numba's kernels on what the samples do not have: larger and odd sizes, NaN and ∞; and how a backend is picked.

Every op at its samples: test_parity_backends.py.
"""

from __future__ import annotations

import inspect
import types
from typing import Any

import numpy as np
import pytest

import nanonet as nt
import nanonet.functional as F
from nanonet import nn
from nanonet.backends import numba as numba_backend
from nanonet.gradcheck.suite.parity import check_parity
from nanonet.op import Op, Sample, ops, sample
from nanonet.ops.activation import Gelu
from nanonet.sampling import constant, integers, normal, positive, uniform
from nanonet_kernels.cpu import activation, launch
from tests.support import call, first_outputs

EPS = float(np.finfo(np.float32).eps)

LINE = [sample(normal(33, 65))]
ROWS = [sample(normal(5, 33), -1), sample(normal(2, 3, 7), 2), sample(normal(4, 6), 0), sample(normal(1, 70_001), -1)]
LARGER = {
    "relu": LINE,
    "relu6": [sample(uniform(-3, 9, 33, 65))],
    "leaky_relu": [*LINE, sample(normal(33, 65), -0.5)],
    "hardtanh": [*LINE, sample(normal(33, 65), 0.0, 0.7)],
    "elu": [*LINE, sample(normal(33, 65), 0.7)],
    "selu": LINE,
    "celu": [*LINE, sample(normal(33, 65), 0.6), sample(normal(33, 65), -0.6)],
    "sigmoid": LINE,
    "tanh": LINE,
    "gelu": [*LINE, sample(normal(33, 65), approximate="tanh")],
    "silu": LINE,
    "softplus": [*LINE, sample(normal(33, 65), threshold=0.5), sample(normal(33, 65), 2.0)],
    "mish": LINE,
    "softmax": ROWS,
    "log_softmax": ROWS,
    "cross_entropy": [
        sample(normal(9, 33), integers(33, 9)),
        sample(normal(9, 33), integers(33, 9), constant(positive(33)), reduction="none"),
        sample(normal(9, 33), integers(33, 9), ignore_index=3),
        sample(normal(200, 10), integers(10, 200), reduction="sum"),
    ],
    "layer_norm": [
        sample(normal(5, 33), (33,), normal(33), normal(33)),
        sample(normal(5, 3, 4), (3, 4), normal(3, 4), None),
        sample(normal(400, 7), (7,), None, normal(7)),
        sample(normal(1, 70_001), (70_001,)),
    ],
    "rms_norm": [
        sample(normal(5, 33), (33,), normal(33)),
        sample(normal(400, 3), (3,)),
        sample(normal(1, 70_001), (70_001,)),
    ],
    "batch_norm": [
        sample(normal(9, 33), None, None, normal(33), normal(33), training=True),
        sample(normal(3, 5, 6, 7), None, None, normal(5), normal(5), training=True),
        sample(normal(3, 5, 6, 7), constant(normal(5)), constant(positive(5)), normal(5)),
        sample(normal(300, 2), None, None, training=True),
    ],
    "conv2d": [
        sample(normal(3, 4, 9, 11), normal(6, 4, 3, 3), normal(6), padding=1),
        sample(normal(2, 4, 9, 11), normal(6, 2, 3, 2), None, (2, 3), (1, 0), (1, 2), 2),
        sample(normal(2, 3, 7, 5), normal(2, 3, 4, 4), normal(2), padding="same"),
        sample(normal(2, 1, 5, 5), normal(1, 1, 2, 2), stride=4, padding=3),
    ],
    "max_pool2d": [
        sample(normal(3, 2, 33, 19), 2),
        sample(normal(3, 2, 33, 19), 2, 1, return_indices=True),
        sample(normal(3, 2, 33, 19), 2, 2, 0, 1, True),
        sample(normal(3, 2, 33, 19), 3, 2, 1, 2),
        sample(normal(2, 17, 11), (3, 1), (1, 4), (1, 0), (3, 1), True, True),
    ],
    "lstm_sequence": [
        sample(normal(4, 9, 44), normal(9, 11), normal(9, 11), normal(44, 11), normal(44)),
        sample(normal(2, 1, 68), normal(1, 17), normal(1, 17), normal(68, 17), reverse=True),
    ],
}
KERNELS = [op for op in ops() if op.forward in numba_backend.kernels]
CASES = [pytest.param(op, one, id=f"{op.name}-{i}") for op in KERNELS for i, one in enumerate(LARGER[op.name])]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("op", "one"), CASES)
def test_kernel_equals_rule_on_larger_inputs(op: type[Op], one: Sample, dtype: str) -> None:
    found = check_parity(op, one, "numba", dtype, seed=5)
    assert found, str(found)


@pytest.mark.parametrize("op", KERNELS)
def test_each_kernel_is_reached_by_its_larger_input(op: type[Op]) -> None:
    found = check_parity(op, LARGER[op.name][0], "numba")
    assert found.kernels == (f"{op.name}.backward", f"{op.name}.forward")


@pytest.mark.parametrize(
    ("op", "one"),
    CASES,
)
def test_nan_and_infinity_go_the_rules_way(op: type[Op], one: Sample) -> None:
    found = check_parity(op, one, "numba", special=True)
    assert found, str(found)


def forward_and_gradients(op: type[Op], one: Sample) -> list[np.ndarray]:
    y, inputs = call(op, one, one.draw(dtype=np.float32))
    outputs = first_outputs(y)
    dys = [np.ones(out.shape, np.float32) for out in outputs]
    return [out.array for out in outputs] + [dx.array for dx in nt.vjp_of(outputs, inputs, dys)]


@pytest.mark.parametrize(("op", "one"), CASES)
def test_kernels_work_under_a_backend_that_watches(op: type[Op], one: Sample) -> None:
    """A backend around this one may hand a rule's `saved` on in a tuple of its own."""
    with nt.use("numba"):
        want = forward_and_gradients(op, one)
        with nt.detect_anomaly():
            got = forward_and_gradients(op, one)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a, b)


def test_use_restores_the_backend_also_after_an_error() -> None:
    before = nt.current_backend()
    with pytest.raises(KeyError), nt.use("numba"):
        assert nt.current_backend().name == "numba"
        raise KeyError
    assert nt.current_backend() is before


def test_unknown_and_unavailable_backends_say_so() -> None:
    with pytest.raises(ValueError, match="expected one of numpy, numba, cuda, got 'tpu'"):
        nt.use("tpu")
    reasons = nt.backends()
    assert reasons["numpy"] == ""
    assert reasons["cuda"]
    with pytest.raises(RuntimeError, match="cuda cannot run here"):
        nt.use("cuda")


def test_second_derivatives_do_not_need_kernels() -> None:
    x: Any = nt.tensor(np.array([0.5, -1.0], np.float32), requires_grad=True)
    with nt.use("numba"):
        y = F.gelu(x, approximate="tanh").sum()
        y.backward(create_graph=True)
        (x.grad * x.grad).sum().backward()
    assert np.isfinite(x.grad.array).all()


@pytest.mark.parametrize(("op", "one"), CASES)
@pytest.mark.parametrize("first", ["numpy", "numba"])
def test_forward_and_backward_may_run_on_different_backends(op: type[Op], one: Sample, first: str) -> None:
    """What a kernel saves serves the rule's backward, and the other way round."""
    found: list[list[np.ndarray]] = []
    for forward, backward in ((first, "numba" if first == "numpy" else "numpy"), ("numpy", "numpy")):
        with nt.use(forward):
            y, inputs = call(op, one, one.draw(dtype=np.float32))
        outputs = first_outputs(y)
        dys = [np.random.default_rng(7).standard_normal(out.shape).astype(np.float32) for out in outputs]
        with nt.use(backward):
            found.append([dx.array for dx in nt.vjp_of(outputs, inputs, dys)])
    for got, want in zip(*found, strict=True):
        np.testing.assert_allclose(got, want, atol=op.parity * EPS * np.abs(want).max())


@pytest.mark.parametrize(("op", "one"), CASES)
def test_kernels_on_several_threads_equal_the_rules(op: type[Op], one: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrays as small as these are divided too."""
    monkeypatch.setattr(launch, "LEAST", 8)
    found = check_parity(op, one, "numba", seed=5)
    assert found, str(found)


def test_a_wrong_constant_in_a_kernel_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel compiled with √(2/π) wrong in its fifth digit."""
    source = inspect.getsource(activation).replace("0.7978845608028654", "0.7978945608028654")
    wrong = types.ModuleType("wrong_activation")
    exec(
        source.replace("LOOP,", "LOOP as _LOOP,").replace("\n_C =", '\nLOOP = _LOOP | {"cache": False}\n_C ='),
        vars(wrong),
    )
    monkeypatch.setitem(numba_backend.activation._GELU, "tanh", (wrong.gelu_tanh, wrong.gelu_tanh_backward))
    found = check_parity(Gelu, sample(normal(33, 65), approximate="tanh"), "numba")
    assert found.verdict == "fail"
    assert "differs by" in found.why


def train(backend: str, network: str) -> list[float]:
    """Losses of some training steps, everything under one backend."""
    with nt.use(backend):
        nt.manual_seed(0)
        model, loss_of, x, target = NETWORKS[network]()
        optimizer = nt.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
        losses: list[float] = []
        for _ in range(12):
            optimizer.zero_grad()
            loss = loss_of(model(x), target)
            loss.backward()
            optimizer.step()
            losses.append(float(loss.item()))
        return losses


def cnn() -> Any:
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(4 * 16, 24), nn.GELU(), nn.Dropout(0.2), nn.LayerNorm(24), nn.Linear(24, 5),
    )  # fmt: skip
    return model, F.cross_entropy, nt.randn(16, 1, 8, 8), nt.tensor(np.arange(16) % 5)


def mlp() -> Any:
    layers = [nn.Linear(6, 16), nn.SiLU(), nn.Linear(16, 16), nn.Tanh(), nn.ELU(), nn.Mish(), nn.Softplus()]
    model = nn.Sequential(*layers, nn.Linear(16, 3), nn.LogSoftmax(-1))
    return model, F.nll_loss, nt.randn(32, 6), nt.tensor(np.arange(32) % 3)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.out = nn.LSTM(5, 12), nn.Linear(12, 3)

    def forward(self, x: Any) -> Any:
        return self.out(self.lstm(x)[0][-1])


def lstm() -> Any:
    return Recurrent(), F.cross_entropy, nt.randn(7, 16, 5), nt.tensor(np.arange(16) % 3)


NETWORKS = {"cnn": cnn, "mlp": mlp, "lstm": lstm}


@pytest.mark.parametrize("network", NETWORKS)
def test_whole_networks_train_as_with_numpy(network: str) -> None:
    want, got = train("numpy", network), train("numba", network)
    assert want[-1] < want[0]
    np.testing.assert_allclose(got, want, rtol=2e-4)


def noting(ran: set[str], name: str, kernel: Any) -> Any:
    """The kernel, which notes that it ran."""

    def noted(*args: Any, **attrs: Any) -> Any:
        ran.add(name)
        return kernel(*args, **attrs)

    return noted


def test_kernels_are_run_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the test above compares the rules with themselves."""
    ran: set[str] = set()
    for rule, kernel in {**numba_backend.kernels, **numba_backend.forward_only}.items():
        name = rule.op.name if hasattr(rule, "op") else rule.__name__

        monkeypatch.setitem(numba_backend.backend.kernels, rule, noting(ran, name, kernel))
    for network in NETWORKS:
        train("numba", network)
    used = (
        "relu gelu silu tanh elu mish softplus log_softmax cross_entropy layer_norm batch_norm max_pool2d lstm_sequence"
    )
    assert {*used.split(), "adamw"} <= ran
