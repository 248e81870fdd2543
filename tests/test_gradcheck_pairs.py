"""check_backward passes right pairs of plain NumPy functions and fails planted faults of every kind."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import nanonet as nt

rng = np.random.default_rng(0)
x34, w45, b4 = rng.standard_normal((3, 4)), rng.standard_normal((4, 5)), rng.standard_normal(4)


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(dy: Any, x: Any) -> Any:
    y = softmax(x)
    return y * (dy - np.sum(dy * y, axis=-1, keepdims=True))


def in_place(dy: Any, x: Any) -> Any:
    dy *= 1 - np.tanh(x) ** 2
    return dy


def leaky(x: Any) -> Any:
    return np.where(x > 0, x, 0.01 * x)


RIGHT = [
    (np.tanh, lambda dy, x: dy * (1 - np.tanh(x) ** 2), [x34]),
    (softmax, softmax_backward, [x34]),
    (lambda x, w: x @ w, lambda dy, x, w: (dy @ w.T, x.T @ dy), (x34, w45)),
    (lambda x, b: x + b, lambda dy, x, b: (dy, dy.sum(axis=0)), (x34, b4)),
    (lambda x: np.sum(x * x), lambda dy, x: 2 * dy * x, x34),
    (lambda x: x[::2], lambda dy, x: np.insert(dy, 1, 0.0, axis=0), x34),
    (lambda x, i: x[i], lambda dy, x, i: (np.add.at(dx := np.zeros_like(x), i, dy), dx)[1], (x34, np.array([0, 0, 2]))),
    (lambda x: x * x, lambda dy, x: 2 * dy * x, [1e10]),
    (lambda x: np.sin(1e5 * x), lambda dy, x: dy * 1e5 * np.cos(1e5 * x), [x34]),
    (np.log, lambda dy, x: dy / x, [np.array([5e-7, 1.0])]),
    (np.sqrt, lambda dy, x: dy / (2 * np.sqrt(x)), [np.array([1e-8, 2.0])]),
    (leaky, lambda dy, x: dy * np.where(x > 0, 1, 0.01), [np.array([5e-7, -5e-7, 1.0])]),
    (np.tanh, lambda dy, x: dy * (1 - np.tanh(x) ** 2), [x34.astype(np.float32)]),
    (np.tanh, lambda dy, x: dy * (1 - np.tanh(x) ** 2), [np.zeros((0, 3))]),
    (np.exp, lambda dy, x: dy * np.exp(x), [np.array(0.3)]),
    (lambda x, n: x**n, lambda dy, x, n: (dy * n * x ** (n - 1), None), (x34, 3)),
]


@pytest.mark.parametrize(("forward", "backward", "inputs"), RIGHT)
def test_right_pairs_pass(forward: Any, backward: Any, inputs: Any) -> None:
    report = nt.check_backward(forward, backward, inputs)
    assert report.verdict == "pass", str(report)
    assert report.cause is None


WRONG = [
    (lambda x: 4e-6 * np.sum(x * x), lambda dy, x: np.zeros_like(x), x34, None),
    (np.tanh, lambda dy, x: 1 - np.tanh(x) ** 2, x34, "ignored-upstream"),
    (np.tanh, lambda dy, x: -dy * (1 - np.tanh(x) ** 2), x34, "sign"),
    (softmax, lambda dy, x: np.zeros_like(x), x34, "zero"),
    (lambda x, w: x @ w, lambda dy, x, w: (dy @ w.T, dy.T @ x), (x34, w45), "transpose"),
    (lambda x, b: x + b, lambda dy, x, b: (dy, dy), (x34, b4), "broadcast-not-undone"),
    (np.tanh, in_place, x34, "clobbered-cotangent"),
]


@pytest.mark.parametrize(("forward", "backward", "inputs", "kind"), WRONG)
def test_wrong_pairs_fail(forward: Any, backward: Any, inputs: Any, kind: str | None) -> None:
    report = nt.check_backward(forward, backward, inputs)
    assert report.verdict == "fail", str(report)
    assert not report
    assert report.cause is not None
    assert kind is None or report.cause.kind == kind, str(report)
    assert len(str(report).splitlines()) <= 40
    assert json.loads(report.to_json())["verdict"] == "fail"


def test_one_zeroed_entry_of_a_dense_jacobian_is_found() -> None:
    w = rng.standard_normal((64, 64))

    def backward(dy: Any, x: Any) -> Any:
        wrong = w.copy()
        wrong[17, 5] = 0.0
        return dy @ wrong

    x = rng.standard_normal(64)
    assert nt.check_backward(lambda x: w @ x, lambda dy, x: dy @ w, x)
    report = nt.check_backward(lambda x: w @ x, backward, x)
    assert (report.verdict, report.where) == ("fail", (0, (5,)))


@pytest.mark.parametrize(("dx", "verdict"), [(0.0, "subgradient"), (1.0, "subgradient"), (2.0, "kink")])
def test_the_kink_of_the_absolute_value(dx: float, verdict: str) -> None:
    assert nt.check_backward(np.abs, lambda dy, x: dy * dx, np.zeros(2)).verdict == verdict


class Tanh:
    """A layer whose cache belongs to the class."""

    y: Any = None

    @classmethod
    def forward(cls, x: Any) -> Any:
        cls.y = np.tanh(x)
        return cls.y

    @classmethod
    def backward(cls, dy: Any, x: Any) -> Any:
        return dy * (1 - cls.y**2)


def test_a_stale_cache_fails() -> None:
    report = nt.check_backward(Tanh.forward, Tanh.backward, x34)
    assert report.verdict == "fail"
    assert report.cause is not None
    assert report.cause.kind == "stale-cache"


def test_pairs_with_a_cache() -> None:
    def forward(x: Any) -> Any:
        y = np.tanh(x)
        return y, {"y": y, "sum": np.zeros_like(x)}

    def backward(dy: Any, cache: Any) -> Any:
        return dy * (1 - cache["y"] ** 2)

    def accumulates(dy: Any, cache: Any) -> Any:
        cache["sum"] += backward(dy, cache)
        return cache["sum"]

    assert nt.check_backward(forward, backward, x34, cache=True)
    report = nt.check_backward(forward, accumulates, x34, cache=True)
    assert report.verdict == "fail"
    assert "second call" in str(report)
    with pytest.raises(TypeError, match="must return \\(y, cache\\), got ndarray"):
        nt.check_backward(np.tanh, backward, x34, cache=True)
    with pytest.raises(TypeError, match="pass cache=True"):
        nt.check_backward(forward, backward, x34)


def test_random_numbers_are_drawn_again() -> None:
    def forward(x: Any) -> Any:
        mask = np.random.random(x.shape) < 0.5
        return x * mask, mask

    assert nt.check_backward(forward, lambda dy, mask: dy * mask, x34, cache=True)


def test_unsteady_gradients_fail() -> None:
    noise = np.random.default_rng(0)
    report = nt.check_backward(np.sin, lambda dy, x: dy * np.cos(x) * noise.choice([1 - 1e-9, 1 + 1e-9]), x34)
    assert report.verdict == "fail"


def raises(dy: Any, x: Any) -> Any:
    raise IndexError("planted")


def changes(dy: Any, x: Any) -> Any:
    dx = 2 * dy * x
    x += 1
    return dx


@pytest.mark.parametrize(
    ("backward", "word"),
    [
        (raises, "IndexError: planted"),
        (changes, "input 0 in place"),
        (lambda dy, x: (dy, dy), "2 gradient"),
        (lambda dy, x: "no", "no array of real numbers but str"),
        (lambda dy, x: 2 * (dy * x)[:1], "shape (1, 4)"),
        (lambda dy, x: dy * np.nan, "not finite"),
    ],
)
def test_misbehaviour_fails_with_a_sentence(backward: Any, word: str) -> None:
    report = nt.check_backward(lambda x: x * x, backward, x34)
    assert report.verdict == "fail"
    assert word in str(report)


def test_what_cannot_be_checked_is_refused() -> None:
    with pytest.raises(ValueError, match="no floating input"):
        nt.check_backward(lambda x: x * 2.0, lambda dy, x: 2 * dy, np.array([1, 2]))
    with pytest.raises(ValueError, match="no floating input"):
        nt.check_backward(lambda: 1.0, lambda dy: (), [])
    with pytest.raises(TypeError, match="one array of floats, got int64"):
        nt.check_backward(np.argmax, lambda dy, x: dy, x34)
    with pytest.raises(TypeError, match="one array of floats, got str"):
        nt.check_backward(lambda x: "y", lambda dy, x: dy, x34)
    with pytest.raises(ZeroDivisionError):
        nt.check_backward(lambda x: 1 // 0, lambda dy, x: dy, x34)
    report = nt.check_backward(lambda x: x * np.inf, lambda dy, x: dy, x34)
    assert (report.verdict, bool(report)) == ("inconclusive", False)
    assert "not finite" in str(report)


def test_an_infinite_slope_is_not_called_a_pass() -> None:
    def backward(dy: Any, x: Any) -> Any:
        with np.errstate(divide="ignore"):
            return dy / (2 * np.sqrt(x))

    assert nt.check_backward(np.sqrt, backward, np.array([0.0, 1.0])).verdict == "inconclusive"


def test_float32_inside_is_allowed_for() -> None:
    def forward(x: Any) -> Any:
        return np.float32(np.tanh(x))

    assert nt.check_backward(forward, lambda dy, x: dy * (1 - np.tanh(x) ** 2), x34)
    assert not nt.check_backward(forward, lambda dy, x: dy * (1 - np.tanh(x) ** 2) * 1.001, x34)


def test_a_gradient_that_cancels_to_rounding_is_no_misconduct() -> None:
    """Attention with one query and equal keys: dq is nothing but rounding, which depends on where arrays lie."""

    def weights(q: np.ndarray, k: np.ndarray) -> np.ndarray:
        e = np.exp(q @ k.T / np.sqrt(q.shape[1]))
        return e / e.sum(axis=1, keepdims=True)

    def backward(dy: np.ndarray, q: np.ndarray, k: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, ...]:
        p = weights(q, k)
        dp = dy @ v.T
        ds = p * (dp - (dp * p).sum(axis=1, keepdims=True)) / np.sqrt(q.shape[1])
        return ds @ k, ds.T @ q, p.T @ dy

    for seed in range(8):
        normal = np.random.default_rng(seed).normal
        inputs = [normal(size=(1, 3)), normal(size=(3, 3)), normal(size=(3, 2))]
        report = nt.check_backward(lambda q, k, v: weights(q, k) @ v, backward, inputs)
        assert report.verdict == "pass", report


def test_a_right_subgradient_does_not_explain_a_small_error_elsewhere() -> None:
    """ReLU's gradient in float32: too few digits, and 0 at x = 0, which is right."""
    x = np.array([-1.5, 0.0, 0.7, 0.0, 2.1])
    report = nt.check_backward(lambda x: np.maximum(x, 0), lambda dy, x: (dy * (x > 0)).astype(np.float32), [x])
    assert report.verdict == "fail"
    assert report.cause.kind == "unknown"
    assert "differs by little" in report.cause.sentence
    wrong = nt.check_backward(lambda x: np.maximum(x, 0), lambda dy, x: dy * (x < 0), [x])
    assert wrong.cause.kind == "mask"
