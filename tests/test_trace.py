"""What the trace shows is what the engine did, and the debugger goes there and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import nanonet as nt
import nanonet.functional as F
from nanonet import nn, optim
from nanonet.teach import Debugger
from nanonet.teach.trace import Trace, replayed
from tests.random_graphs import random_program


def seeks_agree(trace: Trace, rng: np.random.Generator, moves: int = 12) -> bool:
    """Does any way to a position end in the state of a fresh replay?"""
    debugger = Debugger(trace)
    for _ in range(moves):
        kind = rng.integers(0, 3)
        if kind == 0:
            debugger.step()
        elif kind == 1:
            debugger.back()
        else:
            debugger.seek(int(rng.integers(0, len(debugger) + 1)))
        if debugger.state.snapshot() != replayed(trace, debugger.position).snapshot():
            return False
    return True


def contributions_add_up(trace: Trace) -> bool:
    """Is each gradient the sum of what its consumers contributed, added in the tape's order, to the last bit?"""
    last = max((step.index for step in trace.steps if step.phase == "backward" and step.kind != "store"), default=-1)
    end = replayed(trace, last + 1)  # before anybody changes `.grad`
    for node in trace.nodes:
        terms = trace.contributions(node.id)
        grad = end.grad(node.id)
        if node.id in trace.roots or not terms:
            continue
        total = terms[0].array
        for term in terms[1:]:
            total = total + term.array
        if grad is None or not np.array_equal(total, grad, equal_nan=True):
            return False
    return True


@pytest.mark.parametrize("seed", range(200))
def test_random_graphs_are_traced_rightly(seed: int) -> None:
    program, inputs = random_program(seed)
    plain = [nt.Tensor(x, requires_grad=True) for x in inputs]
    loss = program(*plain)
    loss.backward()

    traced = [nt.Tensor(x, requires_grad=True) for x in inputs]
    trace = nt.trace(program, *traced)
    debugger = Debugger(trace)
    debugger.seek(-1)
    for i, (x, y) in enumerate(zip(plain, traced, strict=True)):
        assert y.grad is not None
        assert x.grad is not None
        assert y.grad.array.tobytes() == x.grad.array.tobytes()  # tracing changes nothing
        node = next(n for n in trace.nodes if n.kind == "input" and n.name == f"x{i}")
        for found in (debugger.state.grad(node.id), debugger.state.stored(node.id)):
            assert found is not None
            assert found.tobytes() == x.grad.array.tobytes()
    shown = debugger.state.value(trace.roots[0])
    assert shown is not None
    assert shown.tobytes() == loss.array.tobytes()
    assert contributions_add_up(trace)
    assert seeks_agree(trace, np.random.default_rng(seed))


def test_a_wrong_contribution_is_noticed() -> None:
    trace = nt.trace(lambda x: (x * x).sum() + x.sum(), np.array([1.0, 2.0]))
    assert contributions_add_up(trace)
    index = next(i for i, step in enumerate(trace.steps) if step.contributions)
    step = trace.steps[index]
    first = replace(step.contributions[0], array=step.contributions[0].array + 1e-9)
    trace.steps[index] = replace(step, contributions=(first, *step.contributions[1:]))
    assert not contributions_add_up(trace)


def test_a_step_that_cannot_be_undone_is_noticed() -> None:
    trace = nt.trace(lambda x: nt.tanh(x).sum(), np.array([1.0, 2.0]))
    step = trace.steps[-2]
    trace.steps[-2] = replace(step, changes=tuple(replace(c, before=np.zeros(2)) for c in step.changes))
    assert not all(seeks_agree(trace, np.random.default_rng(seed)) for seed in range(5))


def test_a_gradient_is_none_until_it_is_computed() -> None:
    debugger = Debugger(nt.trace(lambda x, w: (nt.tanh(x * w) * w).sum(), np.array([0.5, -1.0]), np.array([2.0, 3.0])))
    seen: list[str] = []
    while debugger.step():
        grad = debugger.grad("w")
        seen.append("none" if grad is None else "part" if len(debugger.trace.contributions(1)) > 1 else "all")
        if debugger.last.kind == "seed":
            assert debugger.grad("w") is None
            assert debugger.grad("loss") == 1.0
    assert seen[0] == "none"
    assert seen[-1] != "none"


def test_what_a_trace_has_written_down_cannot_be_changed() -> None:
    x = np.array([0.5, -1.0])
    trace = nt.trace(lambda x: nt.tanh(x).sum(), x)
    x[0] = 9.0  # the caller's own array: the trace has a copy
    debugger = Debugger(trace)
    debugger.seek(-1)
    np.testing.assert_array_equal(debugger.value("x"), [0.5, -1.0])
    for shown in (debugger.value("x"), debugger.value("loss"), debugger.grad("x")):
        with pytest.raises(ValueError, match="read-only"):
            shown[...] = 0.0


def test_each_term_is_told_by_its_consumer() -> None:
    trace = nt.trace(lambda x: x * x + nt.exp(x) * 3.0, 0.5)
    x = next(n.id for n in trace.nodes if n.name == "x")
    terms = [(trace.steps[t.consumer].title, t.position, float(t.array)) for t in trace.contributions(x)]
    assert terms == [
        ("exp", 0, pytest.approx(3 * np.exp(0.5))),
        ("multiply", 0, 0.5),
        ("multiply", 1, 0.5),
    ]


def test_steps_name_the_users_lines_variables_and_modules() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    x, y = nt.tensor(np.ones((5, 3), "float32")), nt.tensor(np.array([0, 1, 0, 1, 1]))
    with nt.tracing() as trace:
        logits = model(x)
        loss = F.cross_entropy(logits, y)
        loss.backward()
    names = {node.name for node in trace.nodes}
    assert {"x", "y", "logits", "loss", "model.0.weight", "model.2.bias"} <= names
    relu = next(step for step in trace.steps if step.title == "relu")
    assert relu.module == ("model", "1")
    assert relu.site is not None
    assert "logits = model(x)" in trace.sources[relu.site.file][relu.site.line - 1]
    assert [trace.nodes[r].name for r in trace.roots] == ["loss"]


def test_a_step_has_its_formula_and_a_constant_without_a_name_the_operations() -> None:
    trace = nt.trace(lambda x: F.mse_loss(nt.tanh(x), np.array([1.0, 0.0])), np.array([0.5, 2.0]))
    tanh = [step.formula for step in trace.steps if step.title == "tanh"]
    assert tanh == ["y = tanh x", "dx = dy ⊙ (1 - y²)"]
    assert "target" in {node.name for node in trace.nodes if node.kind == "constant"}


def test_a_training_step_shows_store_update_and_zero_grad() -> None:
    w = nt.tensor([1.0, -2.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.5)
    with nt.tracing() as trace:
        for _ in range(2):
            optimizer.zero_grad()
            loss = (w * w).sum()
            loss.backward()
            optimizer.step()
    kinds = [step.kind for step in trace.steps]
    assert kinds.count("update") == 2
    assert kinds.count("store") == 2
    assert kinds.count("zero_grad") == 1  # at the first there was nothing to forget
    debugger = Debugger(trace)
    debugger.run_to(op="SGD")
    np.testing.assert_array_equal(debugger.value("w"), [0.0, 0.0])
    debugger.back()
    np.testing.assert_array_equal(debugger.value("w"), [1.0, -2.0])
    debugger.seek(-1)
    np.testing.assert_array_equal(debugger.value("w"), w.array)


def test_without_zero_grad_the_store_step_adds() -> None:
    x = nt.tensor([3.0], requires_grad=True)
    with nt.tracing() as trace:
        (x * 2.0).sum().backward()
        (x * x).sum().backward()
    stores = [step for step in trace.steps if step.kind == "store"]
    assert [float(c.after[0]) for s in stores for c in s.changes if c.part == "stored"] == [2.0, 8.0]
    debugger = Debugger(trace)
    debugger.seek(-1)
    assert debugger.state.stored(debugger.node("x")) == 8.0


def test_values_that_numpy_code_writes_are_seen() -> None:
    w = nt.tensor([1.0, 2.0], requires_grad=True)
    with nt.tracing() as trace:
        (w * w).sum().backward()
        w.data -= 0.25 * w.grad.data
        (w * w).sum().backward()
    assert [step.kind for step in trace.steps].count("assign") == 1
    debugger = Debugger(trace)
    debugger.run_to(op="assign")
    np.testing.assert_array_equal(debugger.value("w"), [0.5, 1.0])


def test_hooks_detached_values_and_second_derivatives_are_traced() -> None:
    x = nt.tensor([1.0, 2.0], requires_grad=True)
    with nt.tracing() as trace:
        h = x * 3.0
        h.register_hook(lambda dy: dy * 10.0)
        (h * h.detach()).sum().backward()
    assert "hook" in [step.kind for step in trace.steps]
    assert any(node.op == "detach" for node in trace.nodes)
    debugger = Debugger(trace)
    debugger.seek(-1)
    np.testing.assert_array_equal(debugger.grad("x"), x.grad.array)
    y = nt.tensor(2.0, requires_grad=True)
    with nt.tracing() as second:
        g = nt.grad(lambda v: v**3)(y)
    assert g.item() == 12.0
    assert second.steps


def test_clipped_gradients_are_seen_after_they_were_stored() -> None:
    w = nt.tensor([3.0, 4.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=1.0)
    with nt.tracing() as trace:
        (w * w).sum().backward()
        nn.utils.clip_grad_norm_([w], 1.0)
        optimizer.step()
    assert [step.kind for step in trace.steps][-3:] == ["store", "assign", "update"]
    debugger = Debugger(trace)
    debugger.run_to(op="store")
    np.testing.assert_array_equal(debugger.grad("w"), [6.0, 8.0])
    debugger.seek(-1)
    np.testing.assert_allclose(debugger.grad("w"), [0.6, 0.8], rtol=1e-5)
    assert contributions_add_up(trace)


def test_what_was_stored_before_the_trace_is_known_from_the_start() -> None:
    w = nt.tensor([1.0], requires_grad=True)
    (w * 2.0).sum().backward()
    with nt.tracing() as trace:
        (w * 3.0).sum().backward()
    debugger = Debugger(trace)
    debugger.seek(2)
    assert debugger.state.stored(debugger.node("w")) == 2.0
    assert debugger.grad("w") is None
    debugger.seek(-1)
    assert debugger.state.stored(debugger.node("w")) == 5.0


def test_a_run_that_raises_keeps_its_steps_and_its_backend() -> None:
    before = nt.current_backend()
    with pytest.raises(ValueError, match="matmul"), nt.tracing() as trace:
        nt.tanh(nt.ones(3)) @ nt.ones(4)
    assert [step.title for step in trace.steps] == ["tanh"]
    assert nt.current_backend() is before


def test_run_to_and_breakpoints() -> None:
    debugger = Debugger(nt.trace(lambda x: nt.exp(nt.tanh(x) * 2.0), 0.5))
    assert debugger.run_to("multiply").title == "multiply"
    assert debugger.run_to("backward").kind == "seed"
    assert debugger.run_to(tensor="x").title == "tanh"
    assert debugger.run_to("exp") is None
    assert debugger.run_back_to("exp").title == "exp"
    debugger.seek(0)
    debugger.breakpoint("tanh")
    stops = [debugger.run() for _ in range(4)]
    assert [s and (s.phase, s.title) for s in stops] == [("forward", "tanh"), ("backward", "tanh"), None, None]
    with pytest.raises(ValueError, match="no step for sine; operations: tanh, multiply"):
        debugger.run_to("sine")
    with pytest.raises(IndexError, match="from 0 to"):
        debugger.seek(99)
    with pytest.raises(KeyError, match="no tensor is called 'z'"):
        debugger.grad("z")


def test_a_name_and_a_phase_together_narrow_it_down() -> None:
    debugger = Debugger(nt.trace(lambda x: nt.exp(nt.tanh(x) * 2.0), 0.5))
    assert debugger.run_to("tanh", phase="backward").kind == "backward"
    with pytest.raises(TypeError, match="op=, tensor=, line=, file=, phase=; got lien="):
        debugger.run_to(lien=3)
    with pytest.raises(TypeError, match=r"expected a whole number, got 1\.5"):
        debugger.seek(1.5)
    with pytest.raises(KeyError, match="no tensor has the number 99"):
        debugger.value(99)


def test_a_step_is_shown_in_one_line() -> None:
    trace = nt.trace(lambda x: nt.tanh(x).sum(), np.ones(1000))
    assert repr(trace.steps[0]).startswith("<step 0: tanh, forward, test_trace.py:")
    assert repr(trace.steps[2]).startswith("<step 2: seed, test_trace.py:")


def test_bad_calls_are_refused() -> None:
    with pytest.raises(TypeError, match="expected a function of Tensors"):
        nt.teach.trace.trace(3.0)
    with pytest.raises(ValueError, match="evenly nested list"):
        nt.trace(lambda x: x.sum(), [[1.0, 2.0], [3.0]])
    with pytest.raises(TypeError, match="returned float"):
        nt.trace(lambda x: 1.0, 0.5)


def test_of_an_array_trace_is_numpys() -> None:
    assert nt.trace(nt.tensor([[1.0, 2.0], [3.0, 4.0]])).item() == 5.0
    assert nt.trace(np.eye(3), offset=1).item() == 0.0


def test_a_module_that_is_added_later_has_its_name_too() -> None:
    model = nn.Sequential(nn.Linear(2, 2))

    def grows(x: nt.Tensor) -> nt.Tensor:
        y = model(x)
        model.append(nn.Linear(2, 2))
        return nt.sum(model(y))

    found = nt.trace(grows, np.ones((1, 2)))
    assert [step.module for step in found.steps if step.title == "linear" and step.phase == "forward"] == [
        ("model", "0"),
        ("model", "0"),
        ("model", "1"),
    ]
