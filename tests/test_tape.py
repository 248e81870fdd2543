"""The tape: accumulation, depth, leaves, hooks, modes, and what it refuses."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet.tape import Entry


def nodes() -> int:
    """Tensors and entries that are alive. By type: isinstance would wake the lazy modules of other libraries."""
    return sum(type(o) is nt.Tensor or type(o) is Entry for o in gc.get_objects())


def leaf(*values: float) -> Any:
    return nt.tensor(np.array(values), requires_grad=True)


def test_a_tensor_used_many_times_receives_the_sum() -> None:
    x = leaf(2.0, 3.0)
    y = x * x + x * 5.0 + x  # 2x + 5 + 1
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.array, [10.0, 12.0])


def test_a_diamond_is_walked_once_per_entry() -> None:
    x = leaf(1.5)
    y = x
    for _ in range(50):  # 2^50 paths
        y = y + y
    y.sum().backward()
    assert x.grad.item() == 2.0**50


def test_the_same_tensor_on_both_sides() -> None:
    x = leaf(3.0)
    (x * x).sum().backward()
    assert x.grad.item() == 6.0


def test_a_chain_of_100_000_operations() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1.0
    y.sum().backward()
    assert x.grad.item() == 1.0


def test_an_unwalked_chain_of_100_000_operations_can_be_deleted() -> None:
    y = leaf(1.0)
    for _ in range(100_000):
        y = y * 1.0
    del y


def test_gradients_accumulate_over_backwards_and_leaves_own_theirs() -> None:
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (x + w).sum().backward()
    (x + w).sum().backward()
    np.testing.assert_array_equal(x.grad.array, [2.0, 2.0])
    x.grad.array[0] = 9.0
    np.testing.assert_array_equal(w.grad.array, [2.0, 2.0])


def test_a_given_gradient_is_not_shared_with_the_leaf() -> None:
    x, dy = leaf(1.0, 2.0), np.array([3.0, 4.0])
    cotangent = nt.Tensor.wrap(dy)
    (x + 0.0).backward(cotangent)
    x.grad.array[0] = 7.0
    np.testing.assert_array_equal(dy, [3.0, 4.0])


def test_broadcasting_is_undone() -> None:
    w = nt.tensor(np.ones((2, 1, 4)), requires_grad=True)
    b = nt.tensor(np.ones(()), requires_grad=True)
    (w * np.ones((5, 2, 3, 4)) + b).sum().backward()
    np.testing.assert_array_equal(w.grad.array, np.full((2, 1, 4), 15.0))
    assert b.grad.item() == 120.0


def test_only_what_is_needed_is_computed() -> None:
    x = leaf(1.0)
    c = nt.tensor([2.0])
    y = x * c
    assert y.entry.needs == [True, False]
    y.backward()
    assert c.grad is None


def test_retain_grad_keeps_the_gradient_of_a_result() -> None:
    x = leaf(2.0)
    y = x * 3.0
    y.retain_grad()
    (y * y).sum().backward()
    assert y.grad.item() == 12.0
    assert x.grad.item() == 36.0


def test_results_have_no_gradient_otherwise() -> None:
    x = leaf(2.0)
    y = x * 3.0
    y.sum().backward()
    assert y.grad is None


def test_hooks_see_the_complete_gradient_and_may_replace_it() -> None:
    seen: list[float] = []
    x = leaf(2.0)
    y = x * 3.0
    y.register_hook(lambda dy: seen.append(dy.item()))
    remove = y.register_hook(lambda dy: dy * 10.0)
    z = y * 2.0 + y
    z.backward(retain_graph=True)
    assert (seen, x.grad.item()) == ([3.0], 90.0)
    remove()
    x.grad = None
    x.register_hook(lambda dx: dx + 1.0)
    z.backward()
    assert x.grad.item() == 10.0


@pytest.mark.parametrize("of_result", [False, True])
def test_hooks_are_called_in_order_also_when_one_removes_itself(of_result: bool) -> None:
    x, order = leaf(2.0), []
    y = x * 3.0
    hooked = y if of_result else x

    def once(dy: Any) -> None:
        order.append(1)
        handle.remove()
        handle.remove()

    handle = hooked.register_hook(once)
    hooked.register_hook(lambda dy: order.append(2))
    hooked.register_hook(lambda dy: order.append(3))
    y.backward(retain_graph=True)
    y.backward()
    assert order == [1, 2, 3, 2, 3]


def test_retain_grad_keeps_what_all_hooks_leave_and_only_once() -> None:
    x = leaf(1.0)
    y = x * 2.0
    y.retain_grad()
    y.register_hook(lambda dy: dy * 10.0)
    y.retain_grad()
    y.backward()
    assert (y.grad.item(), x.grad.item()) == (10.0, 20.0)


def test_what_a_hook_returns_takes_on_dtype_and_leaves_the_graph() -> None:
    x, other = leaf(1.0, 2.0), leaf(3.0, 4.0)
    x.register_hook(lambda dx: [5, 6])
    x.register_hook(lambda dx: other)
    x.sum().backward()
    assert (x.grad.dtype, x.grad.requires_grad, x.grad.tolist()) == (np.float64, False, [3.0, 4.0])
    with pytest.raises(TypeError, match="register_hook: expected a function, got int"):
        x.register_hook(1)


def test_a_hook_of_the_wrong_shape_is_refused() -> None:
    x = leaf(2.0)
    x.register_hook(lambda dx: np.ones(3))
    with pytest.raises(ValueError, match=r"hook: expected a gradient of shape \(1,\), got \(3,\)"):
        (x * 2.0).backward()
    assert x.grad is None


def test_no_grad_records_nothing_and_restores_after_an_error() -> None:
    x = leaf(1.0)
    with pytest.raises(KeyError), nt.no_grad():
        assert not (x * 2.0).requires_grad
        with nt.enable_grad():
            assert (x * 2.0).requires_grad
        raise KeyError
    assert (x * 2.0).requires_grad

    @nt.no_grad()
    def evaluate() -> Any:
        return x * 2.0

    assert not evaluate().requires_grad


def test_blocks_can_be_entered_again_and_nested() -> None:
    x, block = leaf(1.0), nt.no_grad()
    with block, block:
        assert not (x * 2.0).requires_grad
    with block:
        assert not nt.is_grad_enabled()
    assert (x * 2.0).requires_grad
    with nt.set_grad_enabled(False):
        assert not (x * 2.0).requires_grad
    assert nt.is_grad_enabled()


def test_no_grad_decorates_functions_and_generators() -> None:
    x, caught = leaf(1.0), []

    @nt.no_grad
    def plain() -> bool:
        return (x * 2.0).requires_grad

    @nt.no_grad()
    def steps() -> Any:
        try:
            got = yield (x * 2.0).requires_grad
        except KeyError as error:
            caught.append((type(error), (x * 2.0).requires_grad))
            got = yield "caught"
        return got

    generator = steps()
    assert (plain(), next(generator), (x * 2.0).requires_grad) == (False, False, True)
    assert generator.throw(KeyError) == "caught"
    with pytest.raises(StopIteration) as stop:
        generator.send("end")
    assert stop.value.value == "end"
    assert caught == [(KeyError, False)]


def test_no_grad_is_of_one_thread() -> None:
    x, seen = leaf(1.0), []
    with nt.no_grad():
        thread = threading.Thread(target=lambda: seen.append((x * 2.0).requires_grad))
        thread.start()
        thread.join()
    assert seen == [True]


def test_detach_leaves_the_graph() -> None:
    x = leaf(2.0)
    (x * x.detach()).backward()
    assert x.grad.item() == 2.0


def test_create_graph_gives_second_and_third_derivatives() -> None:
    x = leaf(1.3)
    y = nt.tanh(x) * x * x
    for _ in range(3):
        x.grad = None
        y.sum().backward(create_graph=True)
        y = x.grad
    t = np.tanh(1.3)
    s = 1 - t * t
    d1, d2, d3 = s, -2 * t * s, -2 * s * s + 4 * t * t * s
    want = d3 * 1.3**2 + 3 * d2 * 2 * 1.3 + 3 * d1 * 2
    np.testing.assert_allclose(y.item(), want, rtol=1e-12)


def test_backward_twice_says_what_to_do() -> None:
    x = leaf(2.0)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match=r"walked before.*backward\(retain_graph=True\)"):
        y.backward()
    assert x.grad.item() == 4.0


def test_retain_graph_allows_a_second_backward() -> None:
    x = leaf(2.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 8.0


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.data.__setitem__(0, 9.0),
        lambda x: x.data.sort(),
        lambda x: x.detach().numpy().__setitem__(0, 9.0),
        lambda x: setattr(x, "data", np.array([7.0, 8.0])),
        lambda x: x.reshape(2, 1).detach().numpy().__setitem__((0, 0), 9.0),
        lambda x: x.detach().__setitem__(0, 9.0),
        lambda x: x[0:1].detach().__setitem__(0, 9.0),
        lambda x: x.T.detach().reshape(2, 1).detach().__setitem__((1, 0), 9.0),
    ],
    ids=["data", "sort in place", "detached array", "new data", "view", "detached", "detached slice", "view of view"],
)
def test_a_change_in_place_between_forward_and_backward_is_refused(change: Any) -> None:
    x = leaf(2.0, 1.0)
    y = (x * x).sum()
    change(x)
    with pytest.raises(RuntimeError, match="multiply was changed in place"):
        y.backward()
    assert x.grad is None


def test_a_change_through_an_old_alias_is_refused() -> None:
    x = leaf(2.0, 1.0)
    alias = x.data
    y = (x * x).sum()
    alias += 1.0
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_a_change_of_a_constant_is_refused() -> None:
    x, c = leaf(2.0), nt.tensor([3.0])
    y = x * c
    with nt.no_grad():
        c[0] = 4.0
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


@pytest.mark.parametrize(
    ("used", "changed"),
    [
        (lambda c: c.detach(), lambda c, d: c),
        (lambda c: c.detach(), lambda c, d: c.detach()),
        (lambda c: c[0:1], lambda c, d: c),
        (lambda c: c, lambda c, d: d),
        (lambda c: c.reshape(2, 1)[0:1], lambda c, d: c),
    ],
    ids=["detached, the original", "two detached", "slice, the original", "original, a slice before", "view of view"],
)
@pytest.mark.parametrize("write", ["data", "item"])
def test_a_change_through_shared_memory_is_refused(used: Any, changed: Any, write: str) -> None:
    w, c = leaf(2.0), nt.tensor(np.array([3.0, 4.0]))
    d = c[0:1]
    y = (w * used(c)).sum()
    target = changed(c, d)
    if write == "data":
        target.data[0] = 9.0
    else:
        target[0] = 9.0
    with pytest.raises(RuntimeError, match="multiply was changed in place"):
        y.backward()


def test_a_change_of_a_view_made_without_recording_is_refused() -> None:
    w = leaf(2.0, 3.0)
    with nt.no_grad():
        view = w[0:1]
    y = (w * w).sum()
    view[0] = 9.0
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_writes_before_the_forward_are_no_change() -> None:
    w, c = leaf(2.0, 3.0), nt.tensor(np.array([3.0, 4.0]))
    with nt.no_grad():
        w[0] = 5.0
        c[0] = 6.0
    w.data[1] = 7.0
    view = w.reshape(2, 1)
    assert view.data[0, 0] == 5.0
    (view[:, 0] * c.detach() * w).sum().backward()
    np.testing.assert_array_equal(w.grad.array, [60.0, 56.0])


def test_the_array_of_a_view_at_the_end_of_a_long_chain() -> None:
    x = leaf(1.0, 2.0)
    y = x
    for _ in range(5000):
        y = y.reshape(2)
    y.data[0] = 9.0
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


def test_a_change_of_a_result_is_refused() -> None:
    x = leaf(0.5)
    y = nt.tanh(x)
    y.data[0] = 0.0
    with pytest.raises(RuntimeError, match="output of tanh was changed in place"):
        y.backward()


def test_a_change_after_backward_is_the_usual_update() -> None:
    w = leaf(1.0, 2.0)
    for _ in range(3):
        w.grad = None
        (w * w).sum().backward()
        w.data -= 0.25 * w.grad.data
    np.testing.assert_allclose(w.array, [0.125, 0.25])


def test_reading_data_is_no_change() -> None:
    x = leaf(2.0)
    y = x * x
    assert y.data[0] == 4.0
    assert x.data[0] == 2.0
    y.backward()
    assert x.grad.item() == 4.0


def test_setitem_in_a_graph_is_refused() -> None:
    x = leaf(2.0)
    with pytest.raises(RuntimeError, match=r"where\(\)"):
        (x * 2.0)[0] = 1.0
    with pytest.raises(RuntimeError, match=r"no_grad\(\)"):
        x[0] = 1.0


def test_integers_have_no_gradient() -> None:
    with pytest.raises(TypeError, match=r"only floating tensors.*int64.*astype"):
        nt.tensor([1, 2], requires_grad=True)


def test_backward_of_nothing_and_of_many() -> None:
    with pytest.raises(RuntimeError, match="requires_grad=True"):
        nt.tensor([1.0]).backward()
    with pytest.raises(ValueError, match=r"shape \(2,\) needs a gradient of that shape"):
        leaf(1.0, 2.0).backward()
    with pytest.raises(ValueError, match=r"expected a gradient of shape \(2,\), got \(3,\)"):
        (leaf(1.0, 2.0) * 1.0).backward(np.ones(3))


def test_an_error_in_the_walk_changes_no_grad() -> None:
    x, w = leaf(2.0), leaf(3.0)
    y = (x * w) * w
    w.data[0] = 5.0
    with pytest.raises(RuntimeError):
        y.backward()
    assert x.grad is None
    assert w.grad is None


def test_a_walked_graph_frees_what_it_saved() -> None:
    x = leaf(1.0, 2.0)
    h = nt.tanh(x)
    saved = weakref.ref(h)
    y = (h * h).sum()
    y.backward()
    del h
    gc.collect()
    assert saved() is None


def test_graphs_are_freed_by_reference_counting_alone() -> None:
    def walked(x: Any) -> None:
        (nt.tanh(x) * x).sum().backward()

    def never_walked(x: Any) -> None:
        h = nt.tanh(x)
        h.register_hook(lambda dy: dy)
        h.retain_grad()
        (h * x).sum()

    def transformed(x: Any) -> None:
        nt.hessian(lambda z: (z * z * z).sum())(x)

    x = leaf(1.0, 2.0)
    gc.collect()
    gc.disable()
    try:
        for run in (walked, never_walked, transformed):
            run(x)  # a first time: the gradient of x stays
            before = nodes()
            run(x)
            assert nodes() == before, run.__name__
    finally:
        gc.enable()


@pytest.mark.parametrize("outside", [lambda z: z.detach(), lambda z: z.T.detach().data, lambda z: z.numpy()])
def test_what_leaves_the_graph_does_not_keep_it(outside: Any) -> None:
    x = leaf(1.0, 2.0)
    h = nt.tanh(x)
    alive = weakref.ref(h)
    kept = outside(h * h)
    del h
    assert alive() is None
    assert kept.shape == (2,)


def test_memory_does_not_grow_with_detached_states() -> None:
    w, h = leaf(0.5), nt.zeros(1, dtype=np.float64)
    for step in range(60):
        if step == 20:
            before = nodes()
        h = nt.tanh(w * h + 1.0).detach()
    assert nodes() == before


def test_mixed_precision_gradients_come_back_in_the_leafs_dtype() -> None:
    x = nt.tensor(np.ones(3, np.float32), requires_grad=True)
    y = x * nt.tensor(np.full(3, 2.0))
    assert y.dtype == np.float64
    y.sum().backward()
    assert x.grad.dtype == np.float32


def test_numbers_do_not_widen_float32() -> None:
    x = nt.tensor([1.0, 2.0])
    for y in (x * 2, 2.5 * x, x * np.float64(2.5), x / np.sqrt(2.0), nt.tensor([1, 2]) * x, nt.tensor([1, 2]) * 0.5):
        assert y.dtype == np.float32
    assert (nt.tensor([1, 2]) * 3).dtype == np.int64


def test_numpy_on_the_left_is_recorded() -> None:
    x = leaf(1.0, 2.0)
    y = np.array([3.0, 4.0]) * x
    assert isinstance(y, nt.Tensor)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.array, [3.0, 4.0])


def test_an_infinite_gradient_is_no_warning() -> None:
    """Warnings are errors in this suite; detect_anomaly() is there to find an Inf."""
    x = leaf(0.0, 4.0)
    nt.sqrt(x).sum().backward()
    np.testing.assert_array_equal(x.grad.array, [np.inf, 0.25])
    x.grad = None
    nt.sqrt(x).sum().backward(create_graph=True)
    np.testing.assert_array_equal(x.grad.array, [np.inf, 0.25])


def test_an_array_that_nobody_holds_any_more_is_watched_no_more() -> None:
    w = leaf(1.0, 2.0)
    float(w.data[0])
    assert w.memory.checksum is not None
    (w * w).sum().backward()
    assert w.memory.checksum is None


@pytest.mark.parametrize("hold", [lambda a: a[:1], lambda a: a.reshape(2, 1).T[0], memoryview, lambda a: a])
def test_an_array_is_watched_as_long_as_a_view_of_it_lives(hold: Any) -> None:
    w = leaf(1.0, 2.0)
    held = hold(w.numpy())
    for _ in range(3):
        (w * w).sum().backward()
    y = (w * w).sum()
    np.asarray(held).reshape(-1)[0] = 7.0
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_a_write_between_the_last_hold_and_the_next_use_is_seen() -> None:
    w = leaf(1.0, 2.0)
    y = (w * w).sum()
    w.data[0] = 5.0  # nobody holds the array after this line
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_data_is_the_same_array_as_long_as_it_is_held() -> None:
    w = leaf(1.0, 2.0)
    held = w.data
    assert w.data is held
    assert w.numpy() is held
    held[0] = 3.0
    assert w.array[0] == 3.0
