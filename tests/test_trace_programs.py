"""Programs as learners write them: what they do beside the operations is in the trace too, where it happened."""

from __future__ import annotations

from threading import Thread
from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet import nn, optim
from nanonet.teach import Debugger
from nanonet.teach.trace import Trace, replayed


def kinds(trace: Trace) -> list[str]:
    return [step.kind for step in trace.steps]


def wrongly_known(trace: Trace) -> list[str]:
    """Where a step's operation was given another number than the debugger shows at that moment."""
    wrong: list[str] = []
    state = replayed(trace, 0)
    for step in trace.steps:
        if step.kind == "forward":
            given = [array for array in step.call.arrays if array is not None]
            shown = [state.value(node) for node in step.inputs]
            wrong += [str(step) for a, b in zip(given, shown, strict=True) if not np.array_equal(a, b)]
        if step.kind == "backward":
            given = [dy for dy in step.call.arrays if dy is not None]
            shown = [state.grad(node) for node in step.inputs if state.grad(node) is not None]
            wrong += [str(step) for a, b in zip(given, shown, strict=True) if not np.array_equal(a, b)]
        if step.kind == "update" and not np.array_equal(step.call.arrays[1], state.stored(step.outputs[0])):
            wrong.append(str(step))
        for change in step.changes:
            before = state.parts[change.part].get(change.node)
            if (before is None) != (change.before is None) or not np.array_equal(before, change.before):
                wrong.append(f"{step.kind}: {before} became {change.before}")
        state.make()
    return wrong


def test_training_by_hand_stores_then_writes_then_forgets() -> None:
    w = nt.tensor([1.0, -2.0], requires_grad=True)
    with nt.tracing() as trace:
        for _ in range(2):
            loss = (w * w).sum()
            loss.backward()
            w.data -= 0.25 * w.grad.data
            w.grad = None
    assert [kind for kind in kinds(trace) if kind in ("store", "assign", "zero_grad")] == [
        "store",
        "assign",
        "zero_grad",
    ] * 2
    debugger = Debugger(trace)
    debugger.run_to("store")
    np.testing.assert_array_equal(debugger.state.stored(debugger.node("w")), [2.0, -4.0])
    assert not wrongly_known(trace)


def test_a_forward_after_zero_grad_sees_no_gradient() -> None:
    w = nt.tensor([1.0, -2.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)
    with nt.tracing() as trace:
        (w * w).sum().backward()
        optimizer.step()
        with nt.no_grad():
            _ = nt.tanh(w)  # an evaluation
        optimizer.zero_grad()
        _ = nt.exp(w)
    assert kinds(trace)[-3:] == ["forward", "zero_grad", "forward"]
    assert not wrongly_known(trace)


def test_a_gradient_scaled_right_after_backward_was_stored_unscaled() -> None:
    w = nt.tensor([1.0, -2.0], requires_grad=True)
    with nt.tracing() as trace:
        (w * w).sum().backward()
        w.grad.data[...] *= 0.5
        (w * w).sum().backward()
    stored = [c.after.tolist() for step in trace.steps for c in step.changes if c.part == "stored"]
    assert stored == [[2.0, -4.0], [1.0, -2.0], [3.0, -6.0]]
    assert [kind for kind in kinds(trace) if kind in ("store", "assign")] == ["store", "assign", "store"]


def test_a_gradient_that_user_code_puts_there_between_updates_is_seen() -> None:
    w = nt.tensor([1.0, -2.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)
    with nt.tracing() as trace:
        (w * w).sum().backward()
        optimizer.step()
        w.grad = nt.tensor([1.0, 1.0])
        optimizer.step()
    assert kinds(trace)[-4:] == ["store", "update", "assign", "update"]
    assert not wrongly_known(trace)


def test_what_a_leafs_hook_returned_is_stored() -> None:
    w = nt.tensor([1.0, -2.0], requires_grad=True)
    w.register_hook(lambda dy: dy * 10.0)
    with nt.tracing() as trace:
        (w * w).sum().backward()
        w.grad = None
        (w * 3.0).sum().backward()
    debugger = Debugger(trace)
    debugger.run_to("store")
    np.testing.assert_array_equal(debugger.state.stored(debugger.node("w")), [20.0, -40.0])


def test_a_walk_that_raised_stored_nothing() -> None:
    w = nt.tensor([1.0, -2.0], requires_grad=True)
    h = w * w
    h.register_hook(lambda dy: 1 / 0)
    with nt.tracing() as trace:
        with pytest.raises(ZeroDivisionError):
            (h + w).sum().backward()
        _ = w * 3.0
    assert "store" not in kinds(trace)
    assert w.grad is None


def test_recorded_walks_add_to_grad_too() -> None:
    w = nt.tensor([1.0, -2.0], requires_grad=True)
    with nt.tracing() as trace:
        for _ in range(2):
            (w * w * w).sum().backward(create_graph=True)
    assert [kind for kind in kinds(trace) if kind in ("store", "assign")] == ["store", "store"]


def test_results_that_numpy_code_writes_into_are_seen() -> None:
    with nt.no_grad(), nt.tracing() as trace:
        y = nt.tensor([1.0, 2.0]) * 2.0
        _ = y + 1.0
        y.data[0] = 10.0
        _ = y + 1.0
    assert kinds(trace) == ["forward", "forward", "assign", "forward"]
    assert not wrongly_known(trace)


def test_running_statistics_are_themselves_and_not_a_result() -> None:
    norm = nn.BatchNorm1d(2)
    x = nt.tensor([[1.0, 2.0], [3.0, 5.0]])
    with nt.tracing() as trace:
        for _ in range(2):
            norm.train()
            norm(x)
            norm.eval()
            norm(x)
    read = {trace.nodes[node].name for step in trace.steps for node in step.inputs}
    assert read == {"x", "norm.running_mean", "norm.running_var", "norm.weight", "norm.bias"}
    assert not wrongly_known(trace)


def test_anomaly_detection_and_a_trace_within_a_traced_block_hide_nothing() -> None:
    w = nt.tensor([1.0, -2.0], requires_grad=True)

    def loss() -> Any:
        return (w * w).sum().backward()

    with nt.tracing() as alone:
        loss()
    with nt.tracing() as trace:
        with nt.detect_anomaly():
            loss()
        with nt.tracing() as inner:
            loss()
    assert kinds(inner) == kinds(alone)
    assert kinds(trace) == kinds(alone) * 2
    assert not wrongly_known(trace)


def test_another_threads_steps_do_not_come_in_between() -> None:
    mine, theirs = (nt.tensor([1.0, -2.0], requires_grad=True) for _ in range(2))

    def work(w: Any, times: int) -> None:
        for _ in range(times):
            (w * w).sum().backward()

    with nt.tracing() as trace:
        thread = Thread(target=work, args=(theirs, 50))
        thread.start()
        work(mine, 20)
        thread.join()
    assert kinds(trace).count("seed") == 20
    np.testing.assert_array_equal(theirs.grad, [100.0, -200.0])
    assert not wrongly_known(trace)


class Net:
    """A network as one writes it without nn.Module."""

    def __init__(self) -> None:
        self.w = nt.tensor([1.0, 2.0], requires_grad=True)
        self.layers = [nt.tensor([3.0, 4.0], requires_grad=True), {"b": nt.tensor([5.0, 6.0], requires_grad=True)}]

    def __call__(self, x: Any) -> Any:
        return (x * self.w * self.layers[0] + self.layers[1]["b"]).sum()


def test_tensors_in_lists_dictionaries_and_objects_are_called_as_the_code_calls_them() -> None:
    layer = nn.Linear(2, 2)
    scales = [nt.tensor([1.0, 1.0], requires_grad=True)]
    trace = nt.trace(Net(), [1.0, 2.0])
    assert [node.name for node in trace.nodes if node.kind == "parameter"] == [
        "self.w",
        "self.layers[0]",
        "self.layers[1]['b']",
    ]
    with nt.tracing() as trace:
        _ = nt.ones((1, 2)) @ layer.weight * scales[0]
    names = [node.name for node in trace.nodes if node.kind == "parameter"]
    assert names == ["layer.weight", "scales[0]"]


def test_a_backend_that_is_picked_too_late_is_told_of() -> None:
    before = nt.current_backend()
    with pytest.raises(RuntimeError, match="pick the backend before"), nt.tracing():
        nt.use("numpy")
        nt.ones(2)
    assert nt.current_backend() is before


def test_a_number_that_is_shown_wrongly_is_noticed() -> None:
    with nt.tracing() as trace:
        x = nt.tensor([1.0], requires_grad=True)
        (x * x).sum().backward()
    assert not wrongly_known(trace)
    trace.given[0] = trace.given[0] + 1
    assert wrongly_known(trace)
