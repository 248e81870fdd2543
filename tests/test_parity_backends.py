"""Backends agree with the textbook rules on every op at every sample, and what does not agree is found."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet.backends.base import HOMES, Backend
from nanonet.backends.numpy import backend as textbook
from nanonet.gradcheck.suite.parity import Parity, check_parity
from nanonet.op import Op, ops, sample
from nanonet.ops.rectifier import Relu
from nanonet.ops.softmax import Softmax
from nanonet.sampling import normal

X = sample(normal(5, 9))
RULE: Any = Relu
DTYPES = ["float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("op", [pytest.param(op, id=f"{op.__module__.rsplit('.', 1)[-1]}-{op.name}") for op in ops()])
def test_numba_agrees_with_the_rules(op: type[Op], dtype: str) -> None:
    wrong = [found for one in op.samples if not (found := check_parity(op, one, "numba", dtype))]
    assert not wrong, "\n".join(map(str, wrong))


def test_it_is_said_whether_a_kernel_was_tested() -> None:
    kernel = check_parity(Relu, X, "numba", "float32")
    assert kernel.ran == "kernel"
    assert kernel.kernels == ("relu.backward", "relu.forward")
    assert kernel.bound == Relu.parity
    handed_back = check_parity(Relu, X, "numba", "float64")
    assert (handed_back.ran, handed_back.bound, handed_back.difference) == ("textbook rule", 0.0, 0.0)
    other = check_parity(Softmax, sample(normal(4, 6), 0), "numba", "float32")
    assert other.ran == "textbook rule", "its kernel is for the last axis"
    assert "textbook rule" in str(other)


def test_every_op_states_its_bound() -> None:
    for op in ops():
        assert 0 <= op.parity <= 100, f"{op.name}: a bound of {op.parity} eps finds nothing"


def test_a_backend_that_cannot_run_is_skipped_and_never_passes() -> None:
    found = check_parity(Relu, X, "cuda")
    assert (found.verdict, found.evidence, found.ran) == ("skipped", "skipped", "nothing")
    assert found.why == nt.backends()["cuda"]
    assert not found


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one of numpy, numba, cuda, got 'tpu'"):
        check_parity(Relu, X, "tpu")


def test_the_backend_in_use_and_the_generator_stay_as_they_were() -> None:
    nt.manual_seed(3)
    check_parity(Relu, X, "numba")
    assert nt.current_backend() is textbook
    first = nt.rand(2).numpy().tolist()
    nt.manual_seed(3)
    assert nt.rand(2).numpy().tolist() == first


# Planted faults: one wrong kernel each, in a backend that is NumPy's otherwise.


def relu(x: Any) -> Any:
    return RULE.forward(textbook.xp, x)


def relu_backward(saved: Any, dy: Any) -> Any:
    return RULE.backward(textbook.xp, saved, dy)


def saves_the_negative(x: Any) -> Any:
    y, _ = relu(x)
    return y, (-y,)


def writes_into_x(x: Any) -> Any:
    y, saved = relu(x)
    x *= 2
    return y, saved


def writes_into_dy(saved: Any, dy: Any) -> Any:
    found = relu_backward(saved, dy.copy())
    dy *= 2
    return found


def raises(x: Any) -> Any:
    raise IndexError("planted")


def reads_memory_in_order(x: Any) -> Any:
    base = x if x.base is None or x.flags.c_contiguous else x.base
    y, _ = relu(base.ravel()[: x.size].reshape(x.shape))
    return y, (y,)


FORWARD: dict[str, tuple[Callable[..., Any], str]] = {
    "a value a little off": (lambda x: (relu(x)[0] * np.float32(1.0001), relu(x)[1]), "differs by"),
    "one value off": (lambda x: (relu(x)[0] + np.eye(*x.shape, 3, dtype=x.dtype) * 0.1, relu(x)[1]), "differs by"),
    "a wider dtype": (lambda x: (relu(x)[0].astype(np.longdouble), relu(x)[1]), "relu.forward returns float128"),
    "another shape": (lambda x: (relu(x)[0][None], relu(x)[1]), "shape"),
    "-0.0": (lambda x: (np.where(x > 0, x, x.dtype.type(-0.0)), relu(x)[1]), "zeros of the other sign"),
    "what backward needs is wrong": (saves_the_negative, "gradient of input 0"),
    "what backward needs is missing": (lambda x: (relu(x)[0], ()), "ValueError"),
    "it writes into its input": (writes_into_x, "input 0 after the call"),
    "it raises": (raises, "IndexError: planted"),
    "it takes every layout for a contiguous one": (reads_memory_in_order, "strided"),
}
BACKWARD: dict[str, tuple[Callable[..., Any], str]] = {
    "a value a little off": (lambda saved, dy: (relu_backward(saved, dy)[0] * np.float32(1.0001),), "differs by"),
    "ignored upstream": (lambda saved, dy: ((saved[0] > 0).astype(dy.dtype),), "gradient of input 0"),
    "a wider dtype": (lambda saved, dy: (relu_backward(saved, dy)[0].astype(np.longdouble),), "relu.backward returns"),
    "it writes into dy": (writes_into_dy, "dy 0 after the call"),
}


def planted(rule: Any, kernel: Callable[..., Any]) -> Backend:
    return Backend("planted", textbook.xp, np.ndarray, {**textbook.kernels, rule: kernel})


def is_found(found: Parity, says: str) -> None:
    assert found.verdict == "fail"
    assert not found
    assert says in found.why
    assert "\n" not in str(found)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fault", FORWARD)
def test_a_wrong_forward_kernel_fails(fault: str, dtype: str) -> None:
    kernel, says = FORWARD[fault]
    is_found(check_parity(Relu, X, planted(Relu.forward, kernel), dtype), says)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fault", BACKWARD)
def test_a_wrong_backward_kernel_fails(fault: str, dtype: str) -> None:
    kernel, says = BACKWARD[fault]
    is_found(check_parity(Relu, X, planted(Relu.backward, kernel), dtype), says)


def test_a_kernel_that_loses_nan_fails_on_special_values() -> None:
    """The samples have no NaN; `special` puts them in."""

    def loses_nan(x: Any) -> Any:
        y = np.where(x > 0, x, x.dtype.type(0))
        return y, (y,)

    backend = planted(Relu.forward, loses_nan)
    assert check_parity(Relu, X, backend)
    is_found(check_parity(Relu, X, backend, special=True), "NaN in other places")


def test_the_right_kernel_passes_where_the_wrong_ones_fail() -> None:
    def right(x: Any) -> Any:
        y = np.maximum(x, x.dtype.type(0)) + x.dtype.type(0)
        return y, (y,)

    for special in (False, True):
        found = check_parity(Relu, X, planted(Relu.forward, right), special=special)
        assert found, str(found)
        assert found.kernels == ("relu.forward",)
        assert found.rules == ("relu.backward",)


def test_the_bound_is_the_ops_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def six_eps_off(x: Any) -> Any:
        y, saved = relu(x)
        return y * (1 + 6 * np.finfo(y.dtype).eps), saved

    backend = planted(Relu.forward, six_eps_off)
    found = check_parity(Relu, X, backend, "float64")
    assert found
    assert 4 < found.difference < 8
    monkeypatch.setattr(Relu, "parity", 2.0)
    is_found(check_parity(Relu, X, backend, "float64"), "allowed 2")


# A device's arrays are not NumPy's, and come and go through its backend.


class Device(np.ndarray):
    fetched = 0


class StandIn(Backend):
    device = "cuda"

    def upload(self, array: Any) -> Any:
        return np.asarray(array).view(Device)

    def download(self, array: Any) -> np.ndarray:
        Device.fetched += 1
        return np.array(array, subok=False)


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Backend:
    rooms = sys.modules["nanonet.backends"]
    xp = SimpleNamespace(**vars(textbook.xp))
    xp.asarray = lambda x: np.asarray(x).view(Device)
    xp.stack = lambda arrays, axis: np.stack(arrays, axis=axis).view(Device)
    backend = StandIn("cuda", xp, Device, {Relu.forward: relu})
    monkeypatch.setitem(HOMES, Device, backend)
    monkeypatch.setitem(rooms._LOADERS, "cuda", "tests.a_device")
    monkeypatch.setattr(rooms, "_reason", lambda name: "")
    monkeypatch.setitem(sys.modules, "tests.a_device", SimpleNamespace(backend=backend))
    return backend


@pytest.mark.parametrize(("simulated", "evidence"), [("1", "emulated"), ("0", "measured")])
def test_a_device_is_compared_once_it_is_there(
    device: Backend, monkeypatch: pytest.MonkeyPatch, simulated: str, evidence: str
) -> None:
    monkeypatch.setenv("NUMBA_ENABLE_CUDASIM", simulated)
    Device.fetched = 0
    found = check_parity(Relu, X, "cuda")
    assert found, str(found)
    assert found.evidence == evidence
    assert found.bound == Relu.parity, "another array module may round otherwise"
    assert Device.fetched >= 4, "output, gradient, input and dy"
    device.kernels[Relu.forward] = lambda x: (relu(x)[0] * 1.01, relu(x)[1])
    is_found(check_parity(Relu, X, "cuda"), "differs by")
