"""The guilty operation of a graph is named, with the line that called it; and nobody where all are right."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import nanonet as nt
import nanonet.functional as F
from nanonet.gradcheck.graph.localise import Place, describe, guilty_op, place_in_words
from nanonet.op import REGISTRY
from nanonet.tensor import Tensor
from tests.test_gradcheck import planted

RNG = np.random.default_rng(0)
X = RNG.standard_normal((3, 4))
W = [RNG.standard_normal(shape) / 2 for shape in ((4, 5), (5, 5), (5, 2))]
B = [RNG.standard_normal(size) for size in (5, 5, 2)]

sine = planted(lambda xp, x: (np.sin(x), (x,)), lambda xp, saved, dy: (dy * np.cos(saved[0]),))
wrong_sine = planted(lambda xp, x: (np.sin(x), (x,)), lambda xp, saved, dy: (-dy * np.cos(saved[0]),))
wrong_square = planted(lambda xp, x: (x * x, (x,)), lambda xp, saved, dy: (dy * saved[0],))


def here() -> int:
    """The line of the caller."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def run(f: Callable[..., Any], *arrays: np.ndarray) -> tuple[Callable[[], Sequence[Tensor]], list[Tensor], list[Any]]:
    """What place_in_words is given."""
    xs = [Tensor(x, requires_grad=True) for x in arrays]

    def again() -> list[Tensor]:
        found = f(*xs)
        return list(found) if isinstance(found, tuple) else [found]

    rng = np.random.default_rng(1)
    return again, xs, [rng.uniform(0.5, 1.5, y.shape) for y in again()]


def place_of(f: Callable[..., Any], *arrays: np.ndarray) -> Place | None:
    again, _, dys = run(f, *arrays)
    return guilty_op(again(), dys, again)


def network(activation: Callable[[Any], Any]) -> Callable[..., Any]:
    """Three layers, thirteen operations, `activation` after the second."""

    def f(x: Any, *parameters: Any) -> Any:
        w, b = parameters[:3], parameters[3:]
        h = nt.tanh(nt.matmul(x, w[0]) + b[0])
        h = activation(nt.matmul(h, w[1]) + b[1])
        z = nt.matmul(h, w[2]) + b[2]
        return nt.mean(nt.sum(F.softmax(z, -1) * z, axis=-1) ** 2)

    return f


def test_nobody_is_guilty_where_all_is_right() -> None:
    assert place_of(network(sine), X, *W, *B) is None
    assert place_of(lambda x: (F.relu(x), nt.max(x, axis=0), nt.sort(x)[1:]), X) is None
    assert place_of(lambda x: x, X) is None


def test_the_guilty_operation_of_a_network_is_named_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operation of the engine, sabotaged for the length of this test."""
    wrong = staticmethod(lambda xp, saved, dy: (-dy * np.cos(saved[0]),))
    monkeypatch.setattr(REGISTRY["array.sin"], "forward", staticmethod(lambda xp, x: (np.sin(x), (x,))))
    monkeypatch.setattr(REGISTRY["array.sin"], "backward", wrong)
    place = place_of(network(nt.sin), X, *W, *B)
    assert place is not None
    source, first = inspect.getsourcelines(network)
    line = first + next(i for i, text in enumerate(source) if "activation(" in text and "=" in text)
    assert (place.op, place.number, place.count, place.index) == ("sin", 6, 13, 0)
    assert (place.file, place.line) == (__file__, line)
    assert place.others == 0
    assert place.report.cause is not None
    assert place.report.cause.kind == "sign"
    text = describe(place)
    assert "\n" not in text
    assert text.startswith("sin, operation 6 of 13 at ")
    assert f"test_localise.py:{line}: its gradient of input 0 is wrong: " in text


def test_of_two_guilty_operations_the_first_is_named_and_the_other_counted() -> None:
    place = place_of(lambda x: wrong_square(nt.exp(wrong_sine(x) + 1.0)), X)
    assert place is not None
    assert (place.number, place.count, place.others) == (1, 4, 1)
    assert "(and 1 more)" in describe(place)


def test_the_wrong_input_of_two_that_broadcast_is_named() -> None:
    def forward(xp: Any, x: Any, b: Any) -> Any:
        return x * b, (x, b)

    right = planted(forward, lambda xp, saved, dy: (dy * saved[1], dy * saved[0]))
    wrong = planted(forward, lambda xp, saved, dy: (dy * saved[1], dy * saved[0] / 3))
    assert place_of(lambda x, b: nt.sum(nt.exp(right(x, b))), X, B[0][:4]) is None
    place = place_of(lambda x, b: nt.sum(nt.exp(wrong(x, b))), X, B[0][:4])
    assert place is not None
    assert (place.op, place.index) == ("faulty", 1)


def test_an_operation_with_several_outputs() -> None:
    def forward(xp: Any, x: Any) -> Any:
        return (np.sin(x), np.cos(x)), (x,)

    right = planted(forward, lambda xp, saved, dy: (dy[0] * np.cos(saved[0]) - dy[1] * np.sin(saved[0]),))
    wrong = planted(forward, lambda xp, saved, dy: (dy[0] * np.cos(saved[0]) + dy[1] * np.sin(saved[0]),))
    for both, guilty in ((right, False), (wrong, True)):
        place = place_of(lambda x, both=both: (nt.exp(both(x * 2)[0]), both(x)[1]), X)
        assert (place is not None) == guilty
        if place is not None:
            assert (place.op, place.number, place.others) == ("faulty", 4, 0)  # only the second uses its output 1


def test_one_wrong_element_in_a_large_operation() -> None:
    def backward(xp: Any, saved: Any, dy: Any) -> Any:
        dx = dy * np.cos(saved[0])
        dx[40, 60] *= 1.01
        return (dx,)

    almost = planted(lambda xp, x: (np.sin(x), (x,)), backward)
    large = RNG.standard_normal((64, 64))
    place = place_of(lambda x: nt.sum(almost(nt.tanh(x))), large)
    assert place is not None
    assert (place.op, place.number, place.index) == ("faulty", 2, 0)
    assert place_of(lambda x: nt.sum(sine(nt.tanh(x))), large) is None


def test_a_fault_that_shows_only_at_the_cotangent_that_reaches_it() -> None:
    """A backward that takes each dy for the number 2."""
    careless = planted(lambda xp, x: (np.sin(x), (x,)), lambda xp, saved, dy: (dy * np.cos(saved[0]) * (dy != 2),))
    again, _, _ = run(lambda x: careless(x) * 2.0, X)
    place = guilty_op(again(), [np.ones(X.shape)], again)
    assert place is not None
    assert place.op == "faulty"


def test_a_backward_that_raises_or_has_the_wrong_shape() -> None:
    def refuse(xp: Any, saved: Any, dy: Any) -> Any:
        raise ZeroDivisionError("no")

    raises = planted(lambda xp, x: (np.sin(x), (x,)), refuse)
    place = place_of(lambda x: nt.exp(raises(x)), X)
    assert place is not None
    assert (place.op, place.index) == ("faulty", None)
    assert "ZeroDivisionError: no" in place.report.note
    assert "its backward is wrong" in describe(place)
    part = planted(lambda xp, x: (np.sin(x), (x,)), lambda xp, saved, dy: ((dy * np.cos(saved[0]))[:2],))
    place = place_of(lambda x: nt.exp(part(x)), X)
    assert place is not None
    assert (place.op, place.index) == ("faulty", 0)


def test_a_long_graph_does_not_take_long() -> None:
    def f(x: Any) -> Any:
        for _ in range(400):
            x = nt.tanh(x) * 1.1
        x = wrong_sine(x)
        for _ in range(400):
            x = nt.tanh(x) * 1.1
        return wrong_sine(x)

    place = place_of(f, X[0])
    assert place is not None
    assert (place.op, place.number, place.count) == ("faulty", 801, 1602)


def test_without_a_second_run_the_line_is_not_known() -> None:
    again, _, dys = run(wrong_sine, X)
    place = guilty_op(again(), dys)
    assert place is not None
    assert (place.file, place.line) == ("", 0)
    assert " at " not in describe(place)


def test_float32_graphs_are_judged_by_their_own_rounding() -> None:
    f = network(sine)
    xs = [nt.tensor(x.astype(np.float32), requires_grad=True) for x in (X, *W, *B)]
    assert guilty_op([f(*xs)], [np.ones((), np.float32)]) is None
    place = guilty_op([network(wrong_sine)(*xs)], [np.ones((), np.float32)])
    assert place is not None
    assert place.op == "faulty"


@pytest.mark.parametrize(
    ("leave", "origin"),
    [
        (lambda h: h.detach(), "the output of exp at "),
        (lambda h: h.numpy(), "the output of exp at "),
        (lambda h: nt.tensor(np.sqrt(h.numpy())), "a number or NumPy array that was computed from the inputs"),
        (lambda h: float(nt.sum(h).item()), "the output of sum at "),
    ],
    ids=["detach", "numpy", "numpy and more", "item"],
)
def test_a_value_that_left_the_graph_is_found(leave: Callable[[Any], Any], origin: str) -> None:
    lines = []

    def f(x: Any) -> Any:
        h = nt.exp(x)
        lines.append(here() + 1)
        y = h * leave(h.detach().clone() if h.entry is None else h)
        return nt.sum(y)

    again, xs, dys = run(f, X)
    text = place_in_words(again, xs, dys)
    assert text.startswith("each operation's backward is right: the mistake is in what joins them: ")
    assert origin in text
    assert "left the graph before multiply" in text
    assert f"test_localise.py:{lines[0]}" in text
    assert "detach()" in text
    np.testing.assert_array_equal(xs[0].array, X)


def test_a_whole_output_and_a_hook() -> None:
    again, xs, dys = run(lambda x: (nt.sum(nt.exp(x).detach()), nt.sum(x)), X)
    assert "output 0 left the graph: it is the output of sum at " in place_in_words(again, xs, dys)

    def hooked(x: Any) -> Any:
        h = nt.exp(x)
        h.register_hook(lambda dy: 2 * dy)
        return nt.sum(h * 3.0)

    assert "a hook changes the gradient of what exp at " in place_in_words(*run(hooked, X))


def test_nothing_is_said_where_nothing_is_wrong() -> None:
    def f(x: Any) -> Any:
        mask = nt.tensor((x.numpy() > 0).astype(float))
        return nt.sum(nt.tanh(x) * mask * 3.0)

    assert place_in_words(*run(f, X)) == ""


def test_the_graph_and_its_hooks_are_as_before() -> None:
    calls = []
    x = nt.tensor(X, requires_grad=True)
    h = nt.exp(x)
    h.register_hook(calls.append)
    y = nt.sum(h)
    assert guilty_op([y], [np.ones(())]) is None
    assert x.grad is None
    before = len(calls)
    y.backward()
    assert x.grad is not None
    assert len(calls) == before + 1
    np.testing.assert_allclose(x.grad.array, np.exp(X))
