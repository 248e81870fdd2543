"""A card for every kind of step, whose result is the number of the trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nanonet as nt
import nanonet.functional as F
from nanonet import nn, optim
from nanonet.op import Composite, Op, ops
from nanonet.teach.cards.card import Card, card, telling_entry
from nanonet.teach.cards.expansion import evaluate
from nanonet.teach.trace import Trace, trace, tracing
from nanonet.tensor import apply
from tests.support import call, first_outputs

A, B = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, -1.0])


def shared(a: Any, b: Any) -> Any:
    c = a * b + a
    return (c * c).sum()


def training(optimizer: Any = optim.Adam, zero: bool = True, runs: int = 2) -> Trace:
    nt.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    opt = optimizer(model.parameters(), lr=0.1)
    x = nt.tensor(np.random.default_rng(0).standard_normal((5, 3)).astype("float32"))
    t = nt.tensor([0, 1, 0, 1, 1])
    with tracing() as found:
        for _ in range(runs):
            if zero:
                opt.zero_grad()
            loss = F.cross_entropy(model(x), t)
            loss.backward()
            opt.step()
    return found


def cards_of(found: Trace, kind: str) -> list[Card]:
    return [card(found, s.index) for s in found.steps if s.kind == kind]


def stored(found: Trace, c: Card) -> float:
    """The number of the trace that the card's result should be."""
    return float(np.asarray(c.choices[c.which].value)[c.entry])


def assert_holds(found: Trace, c: Card) -> None:
    """Three lines; the one with the numbers, evaluated, is the trace's number to the printed digits."""
    assert len(c.lines) == len(c.latex) == 3
    assert c.expansion is not None
    left, _, right = c.lines[1].partition(" = ")
    assert c.lines[2].startswith(f"{left} = ") if right else " was " in c.lines[1]
    value = stored(found, c)
    assert float(c.expansion.result) == pytest.approx(value, rel=6e-4)
    if c.expansion.agrees:
        shown = float(c.expansion.result)
        half = 0.5 * 10.0 ** (np.floor(np.log10(abs(shown))) - 3) if shown else 0.0
        assert abs(evaluate(c.expansion.substituted) - shown) <= half * (1 + 1e-6)
    else:
        assert c.expansion.remark in c.remarks


@pytest.mark.parametrize("make", [lambda: trace(shared, A, B), training, lambda: training(optim.SGD, zero=False)])
def test_every_step_has_a_card_whose_numbers_give_the_traces_value(make: Any) -> None:
    found = make()
    for step in found.steps:
        first = card(found, step.index)
        for which, target in enumerate(first.choices):
            for entry in {telling_entry(target.value), (0,) * len(target.shape)}:
                c = card(found, step.index, entry, which)
                assert_holds(found, c)
                assert c.entry == entry
                assert str(c)


@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in ops() if issubclass(op, Composite)])
def test_the_parts_of_composite_operations_have_cards(op: Any) -> None:
    for sample in op.samples[:2]:
        with tracing() as found:
            y, inputs = call(op, sample, sample.draw(), nt.Tensor.wrap)
            outputs = first_outputs(y)
            if outputs and inputs:
                outputs[0].backward(np.random.default_rng(1).standard_normal(outputs[0].shape))
        for step in found.steps:
            c = card(found, step.index)
            if c.choices and c.choices[c.which].value.size:
                assert_holds(found, c)


def test_a_forward_card() -> None:
    c = card(trace(shared, A, B), 0, (1, 1))
    assert c.lines == ("y = a ⊙ b", "y[1, 1] = 4·(-1)", "y[1, 1] = -4")
    assert c.symbols == "y[1, 1] = a[1, 1]·b[1]"
    assert c.latex[1] == r"{y}_{1,1} = 4 \cdot \left(-1\right)"
    assert c.where.startswith("test_cards.py:")
    assert dict(c.legend)["y"] == "multiply 2"


def test_a_backward_card_has_upstream_local_and_product() -> None:
    found = trace(shared, A, B)
    (product, *_) = [s for s in found.steps if s.kind == "backward" and s.title == "multiply"][1:]
    c = card(found, product.index, (1, 0), which=0)
    assert c.lines[0] == "da = dy ⊙ b"
    assert c.link is not None
    assert c.link.alone
    assert (c.link.upstream, c.link.local, c.link.product) == ("dy[1, 0] = 12", "∂y[1, 0]/∂a[1, 0] = 1", "12")


def test_the_link_is_one_term_where_there_are_several() -> None:
    found = training(runs=1)
    links = [card(found, s.index).link for s in found.steps if s.kind == "backward" and s.title == "linear"]
    assert all(link is not None and not link.alone for link in links)


def test_the_links_product_is_the_entry_for_elementwise_operations() -> None:
    x = np.linspace(-2, 2, 6).reshape(2, 3)
    for f in (F.gelu, F.silu, nt.tanh, nt.exp, nt.square):
        found = trace(lambda x, f=f: f(x).sum(), x)
        step = next(s for s in found.steps if s.kind == "backward" and s.title != "sum")
        c = card(found, step.index)
        assert c.link is not None
        assert c.link.alone
        assert c.link.upstream_value * c.link.local_value == pytest.approx(stored(found, c), rel=1e-12)


def test_the_local_derivative_does_not_depend_on_how_arrays_lie_in_memory() -> None:
    found = trace(
        lambda x: (F.max_pool2d(nt.transpose(x, (0, 1, 3, 2)), 2) * 3.0).sum(), np.arange(16.0).reshape(1, 1, 4, 4)
    )
    c = card(found, next(s.index for s in found.steps if s.kind == "backward" and s.title == "max_pool2d"))
    assert c.link is not None
    assert c.link.alone
    assert (c.link.local_value, c.link.product_value) == (1.0, 3.0)


def test_an_unbroadcast_card_says_axes_and_copies_and_writes_the_sum_out() -> None:
    found = trace(shared, A, B)
    (c,) = cards_of(found, "unbroadcast")
    assert c.lines == ("dx = Σ of the 2 copies along axis 0", "dx[0] = 4 + 36", "dx[0] = 40")
    found = trace(lambda a, b: (a * b).sum(), np.ones((2, 3, 4)), np.ones((3, 1)))
    (c,) = cards_of(found, "unbroadcast")
    assert c.formula == "dx = Σ of the 8 copies along axes 0, 2"
    assert "copies[0, 0, 0] + " in c.symbols


def test_an_accumulate_card_adds_the_new_term_to_the_sum_so_far() -> None:
    c = cards_of(trace(shared, A, B), "accumulate")[0]
    assert (c.symbols, c.lines[2]) == ("dx[1, 0] = so_far[1, 0] + term[1, 0]", "dx[1, 0] = 12")


def test_seed_and_store() -> None:
    found = trace(shared, A, B)
    (seed,) = cards_of(found, "seed")
    assert seed.lines == ("dx = ∂x/∂x = 1", "dx = 1", "dx = 1")
    given = trace(shared, A, B, gradient=np.array(2.0))
    assert cards_of(given, "seed")[0].lines[0] == "dx = what backward() was given"
    store = cards_of(found, "store")[0]
    assert store.lines[0] == "x.grad = dx"


def test_a_second_backward_is_shown_as_an_addition() -> None:
    x = nt.tensor([1.0, 2.0], requires_grad=True)
    with tracing() as found:
        for _ in range(2):
            (x * x).sum().backward()
    first, second = cards_of(found, "store")
    assert first.lines == ("x.grad = dx", "x.grad[1] = 4", "x.grad[1] = 4")
    assert second.lines == ("x.grad = x.grad + dx", "x.grad[1] = 4 + 4", "x.grad[1] = 8")


def test_a_gradient_from_before_the_trace_is_added_to() -> None:
    x = nt.tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    with tracing() as found:
        (x * x).sum().backward()
    (store,) = cards_of(found, "store")
    assert store.lines[1] == "x.grad[1] = 4 + 4"
    assert [t.name for t in store.choices] == ["x.grad"]


def test_what_is_put_or_taken_away_says_what_was_there() -> None:
    found = training()
    (zero,) = cards_of(found, "zero_grad")
    assert zero.lines[0] == "x.grad = nothing"
    assert " was " in zero.lines[1]
    assert zero.lines[2].endswith("= nothing")
    x = nt.tensor([1.0, 2.0], requires_grad=True)
    with tracing() as found:
        (x * x).sum()
        x.data[1] = 5.0
        (x * x).sum()
    (assign,) = cards_of(found, "assign")
    assert assign.lines == ("x = what your code wrote", "x[1] was 2", "x[1] = 5")
    with tracing() as found:
        y = x * 1.0
        y.register_hook(lambda dy: dy * 10)
        (y * y).sum().backward()
    (hook,) = cards_of(found, "hook")
    assert hook.lines == ("dx = hook(dx)", "dx[1] was 10", "dx[1] = 100")


def test_an_update_card_expands_the_optimizers_rule() -> None:
    c = cards_of(training(optim.SGD), "update")[0]
    at = "[{}, {}]".format(*c.entry)
    assert c.formula == "p ← p - lr (g + λp)"
    assert c.symbols == f"p{at} = p{at} - lr·g{at}"
    adam = cards_of(training(), "update")[0]
    assert "β₁" in adam.definitions[0]
    assert "√(" in adam.symbols
    assert [t.name for t in adam.choices] == ["p", "m", "v"]


def test_weights_are_shown_first_and_all_gradients_can_be_chosen() -> None:
    found = training(runs=1)
    step = next(s for s in found.steps if s.kind == "backward" and s.title == "linear")
    c = card(found, step.index)
    assert [t.name for t in c.choices] == ["dx", "dw", "db"]
    assert c.choices[c.which].name == "dw"
    assert card(found, step.index, which=0).lines[1].startswith("dx[")


def test_the_entry_is_the_telling_one_and_never_out_of_range() -> None:
    assert telling_entry(np.array([[1.0, -5.0], [np.nan, np.inf]])) == (0, 1)
    assert telling_entry(np.array(3.0)) == ()
    found = trace(shared, A, B)
    for bad, message in (
        ({"step": 99}, r"card: the trace has the steps 0 to \d+, got 99"),
        ({"step": 0, "entry": (2, 0)}, r"card: y of step 0 has shape \(2, 2\), got entry \(2, 0\)"),
        ({"step": 0, "entry": (0,)}, r"card: y of step 0 has shape \(2, 2\), got entry \(0,\)"),
        ({"step": 0, "which": 3}, r"card: step 0 made 1 arrays, 0 to 0, got which=3"),
    ):
        with pytest.raises(IndexError, match=message):
            card(found, **bad)


def test_an_empty_array_has_a_card_too() -> None:
    found = trace(lambda x: nt.exp(x).sum(), np.zeros((0, 3)))
    c = card(found, 0)
    assert c.expansion is None
    assert c.lines[1] == "an empty array: there is no entry to show"


def test_a_result_that_the_engine_did_not_compute_is_not_shown_as_right() -> None:
    """A planted fault: an engine that gets one entry wrong. The card shows the engine's number, and says so."""
    from nanonet.backends import current
    from nanonet.backends.base import Backend, installed

    class Wrong(Backend):
        def run(self, rule: Any, *args: Any, **attrs: Any) -> Any:
            result = inner.run(rule, *args, **attrs)
            if getattr(rule, "op", None) is not None and rule.op.name == "exp" and rule is rule.op.forward:
                return result[0] * 2, result[1]
            return result

    inner = current()
    with installed(Wrong(inner.name, inner.xp, inner.array_type)):
        found = trace(lambda x: nt.exp(x).sum(), np.array([1.0, 2.0]))
    c = card(found, 0)
    assert c.lines[2] == "y[1] = 14.78"
    assert any("The engine's number is 14.7781, and the line as written here gives 7.38" in r for r in c.remarks)


def test_a_formula_that_adds_up_has_its_sign_in_one_piece() -> None:
    found = trace(lambda x, w: F.conv2d(x, w).sum(), np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)))
    backward = next(s for s in found.steps if s.kind == "backward" and s.title == "conv2d")
    assert "] += Σ" in card(found, backward.index, which=0).formula


class Running(Op, abstract=True):  # in no list of operations
    """y = the largest so far."""

    def forward(xp: Any, x: Any) -> Any:  # pyright: ignore
        y = x.copy()  # arrays can do that, symbols cannot
        for i in range(1, len(x)):
            y[i] = max(y[i - 1], x[i])
        return y, (x, y)

    def backward(xp: Any, saved: Any, dy: Any) -> Any:  # pyright: ignore
        x, y = saved
        dx = np.zeros_like(x)
        for i in range(len(x)):
            dx[int(np.argmax(x == y[i]))] += dy[i]
        return (dx,)


def test_an_operation_of_ones_own_that_cannot_be_written_out_has_cards_and_a_page(tmp_path: Any) -> None:
    found = trace(lambda x: apply(Running, x).sum(), np.array([1.0, -0.5, 2.0]))
    forward, backward = card(found, 0), card(found, 4)
    assert forward.lines[1] == "No entry can be worked out here: the rule uses more than the functions of xp"
    assert forward.lines[2] == "y[2] = 2"
    assert (backward.title, backward.lines[2]) == ("running, backward: dx", "dx[0] = 2")
    assert found.to_html(tmp_path / "page.html").stat().st_size > 10_000


def test_complex_numbers_have_cards_too() -> None:
    with tracing() as found:
        _ = nt.Tensor.wrap(np.array([1.0 + 2.0j])) * 2.0
    assert card(found, 0).lines[1:] == ("complex numbers are not written out", "y[0] = 2+4j")
