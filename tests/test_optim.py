"""Optimizers: equal to PyTorch's step by step, in place, and clear about what they refuse."""

import numpy as np
import pytest

import nanonet as nt
from nanonet import nn, optim
from nanonet.backends.base import Backend, current, installed
from nanonet.ops import update
from nanonet_kernels.cpu import updates

SHAPES = [(5, 7), (7,), (), (3, 1, 2)]
OPTIMIZERS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.05}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True}),
    ("SGD", {}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.02, "alpha": 0.9, "momentum": 0.7, "centered": True, "weight_decay": 0.02}),
    ("RMSprop", {"maximize": True, "eps": 1e-4, "momentum": 0.5}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.2, "lr_decay": 0.1, "initial_accumulator_value": 0.3, "weight_decay": 0.1, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-5, "weight_decay": 0.1, "amsgrad": True}),
    ("Adam", {"maximize": True, "weight_decay": 0.1}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.02, "weight_decay": 0.3, "amsgrad": True, "maximize": True}),
]
IDS = [f"{name}-{'-'.join(options) or 'defaults'}" for name, options in OPTIMIZERS]


def gradients_of(params, rng):
    """A smooth, bumpy loss's gradients plus noise, and now and then none for the second parameter."""
    for p in params:
        g = (np.sin(3 * p.array) + p.array + 0.3 * rng.standard_normal(p.shape)).astype(p.dtype)
        p.grad = nt.Tensor(g)


def fresh(dtype, seed=0):
    rng = np.random.default_rng(seed)
    return [nt.Tensor(rng.standard_normal(shape).astype(dtype), requires_grad=True) for shape in SHAPES]


@pytest.mark.parametrize(("dtype", "rtol", "atol"), [(np.float64, 1e-10, 1e-12), (np.float32, 2e-5, 1e-6)])
@pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=IDS)
def test_equals_pytorch_for_50_steps(name, options, dtype, rtol, atol):
    torch = pytest.importorskip("torch")
    ours = fresh(dtype)
    theirs = [torch.tensor(p.array.copy(), requires_grad=True) for p in ours]
    mine, peer = getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    rng = np.random.default_rng(1)
    for step in range(50):
        for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
            g = (np.sin(3 * q.detach().numpy()) + 0.3 * rng.standard_normal(p.shape)).astype(dtype)
            skipped = i == 1 and step % 5 == 3
            p.grad, q.grad = (None, None) if skipped else (nt.Tensor(g), torch.tensor(g))
        mine.step()
        peer.step()
        for p, q in zip(ours, theirs, strict=True):
            assert p.dtype == dtype
            np.testing.assert_allclose(p.array, q.detach().numpy(), rtol, atol, err_msg=f"step {step}")


@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adagrad", "Adam", "AdamW"])
def test_defaults_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.optim, name)([torch.zeros(1, requires_grad=True)]).defaults
    ours = getattr(optim, name)([nt.zeros(1, requires_grad=True)]).defaults
    assert ours == {option: theirs[option] for option in ours}


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=IDS)
def test_state_dict_goes_to_pytorch_and_back(name, options):
    torch = pytest.importorskip("torch")
    params = fresh(np.float64)
    ours = getattr(optim, name)(params, **options)
    rng = np.random.default_rng(2)
    for _ in range(3):
        gradients_of(params, rng)
        ours.step()
    twins = [torch.tensor(p.array.copy(), requires_grad=True) for p in params]
    theirs = getattr(torch.optim, name)(twins, **options)
    saved = ours.state_dict()
    state = {
        i: {k: torch.tensor(float(v) if k == "step" else v) for k, v in one.items()}
        for i, one in saved["state"].items()
    }
    groups = [{**theirs.param_groups[0], **saved["param_groups"][0]}]
    theirs.load_state_dict({"state": state, "param_groups": groups})
    back = getattr(optim, name)(again := [nt.Tensor(p.array, requires_grad=True) for p in params])
    back.load_state_dict(theirs.state_dict())
    gradients_of(params, rng)
    for p, q, r in zip(params, twins, again, strict=True):
        q.grad, r.grad = torch.tensor(p.grad.array), nt.Tensor(p.grad.array)
    for one in (ours, theirs, back):
        one.step()
    for p, q, r in zip(params, twins, again, strict=True):
        np.testing.assert_allclose(p.array, q.detach().numpy(), 1e-12)
        np.testing.assert_array_equal(p.array, r.array)


RULES = [
    ("sgd", 0, {"lr": 0.1, "weight_decay": 0.1}),
    ("momentum", 1, {"lr": 0.1, "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.1, "nesterov": True}),
    ("momentum", 1, {"lr": 0.1, "momentum": 0.9}),
    ("rmsprop", 1, {"lr": 0.1, "alpha": 0.9, "eps": 1e-8}),
    ("rmsprop", 3, {"lr": 0.1, "alpha": 0.9, "eps": 1e-8, "weight_decay": 0.1, "momentum": 0.5}),
    ("adagrad", 1, {"lr": 0.1, "eps": 1e-10, "weight_decay": 0.1}),
    ("adam", 2, {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "weight_decay": 0.1}),
    ("adam", 3, {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8}),
    ("adamw", 3, {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "weight_decay": 0.1}),
]


@pytest.mark.parametrize("layout", ["blocks", "fortran", "0-d", "empty"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "memories", "options"), RULES)
def test_kernel_in_place_equals_rule(name, memories, options, dtype, layout, monkeypatch):
    """Step by step from the same state: memory within 1 unit in the last place, the change of p within 8."""
    monkeypatch.setattr(updates, "BLOCK", 16)
    shape = {"blocks": (7, 6), "fortran": (7, 6), "0-d": (), "empty": (0, 3)}[layout]
    order = "F" if layout == "fortran" else "C"
    rng = np.random.default_rng(3)
    arrays = [np.asarray(rng.standard_normal(shape), dtype, order)] + [np.zeros(shape, dtype, order)] * memories
    arrays = [a.copy("K") for a in arrays]
    ulp = np.finfo(dtype).eps
    for step in range(1, 60):
        g = rng.standard_normal(shape).astype(dtype)
        attrs = options | ({"step": step} if name.startswith("adam") else {})
        expected = getattr(update, name)(current().xp, arrays[0], g, *arrays[1:], **attrs)
        before, g_before, p_before = list(arrays), g.copy(), arrays[0].copy()
        found = getattr(updates, name)(arrays[0], g, *arrays[1:], **attrs)
        assert all(f is b for f, b in zip(found, before, strict=False)), "a new array instead of the donated one"
        np.testing.assert_array_equal(g, g_before)
        for memory, wanted in zip(found[1:], expected[1:], strict=True):
            if wanted is not None:
                np.testing.assert_allclose(memory, wanted, rtol=ulp)
        change = np.abs(expected[0] - p_before)
        assert np.all(np.abs(found[0] - expected[0]) <= ulp * (np.abs(p_before) + 8 * change))


def test_every_in_place_kernel_is_compared():
    """A kernel that joins the backend must join RULES (or the clipping tests below)."""
    listed = {rule.__name__ for rule in current().kernels if rule.__module__ == update.__name__}
    assert listed == {name for name, *_ in RULES} | {"scale_to_norm", "clip_value"}


def test_parameters_change_in_place_and_the_gradient_stays():
    params = fresh(np.float32)
    arrays = [p.array for p in params]
    for name in ("SGD", "RMSprop", "Adagrad", "Adam", "AdamW"):
        optimizer = getattr(optim, name)(params)
        gradients_of(params, np.random.default_rng(0))
        before, versions = [p.grad.array.copy() for p in params], [p.version for p in params]
        optimizer.step()
        for p, array, g, version in zip(params, arrays, before, versions, strict=True):
            assert p.array is array
            np.testing.assert_array_equal(p.grad.array, g)
            assert p.version > version


def test_a_backend_without_kernels_gives_the_same():
    one, two = fresh(np.float64), fresh(np.float64)
    plain = Backend("plain", current().xp, np.ndarray)
    for params, backend in ((one, current()), (two, plain)):
        optimizer = optim.Adam(params, weight_decay=0.1, amsgrad=True)
        rng = np.random.default_rng(0)
        with installed(backend):
            for _ in range(20):
                gradients_of(params, rng)
                optimizer.step()
                optim.clip_grad_norm_(params, 1.0)
    for p, q in zip(one, two, strict=True):
        np.testing.assert_allclose(p.array, q.array, 1e-12)
        np.testing.assert_allclose(p.grad.array, q.grad.array, 1e-12)


def test_a_step_between_forward_and_backward_is_refused():
    w = nt.tensor([1.0, 2.0], requires_grad=True)
    y = (w * w).sum()
    w.grad = nt.tensor([1.0, 1.0])
    optim.SGD([w]).step()
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_the_memory_is_not_the_gradient():
    """zero_grad(set_to_none=False) empties the gradient; SGD's first momentum buffer must not be that array."""
    w = nt.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=1.0, momentum=0.5)
    w.grad = nt.tensor([2.0])
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)
    assert w.grad.array == 0
    optimizer.step()
    assert w.array == 1 - 2 - 1


def test_groups_have_their_own_options():
    a, b, c = (nt.tensor([1.0], requires_grad=True) for _ in range(3))
    optimizer = optim.SGD([{"params": [a], "lr": 0.5}, {"params": b}], lr=0.1)
    optimizer.add_param_group({"params": [c], "lr": 0.25})
    for p in (a, b, c):
        p.grad = nt.tensor([1.0])
    assert optimizer.step(lambda: 7.0) == 7.0
    assert [round(float(p), 6) for p in (a, b, c)] == [0.5, 0.9, 0.75]
    optimizer.zero_grad()
    assert a.grad is None
    optimizer.step()
    assert float(a) == 0.5, "no gradient, no change"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda w: optim.SGD([]), ValueError, "expected parameters, got none"),
        (lambda w: optim.SGD(w), TypeError, "iterable"),
        (lambda w: optim.SGD([w.array]), TypeError, "expected a Tensor, got a ndarray"),
        (lambda w: optim.SGD([w], lr=-1), ValueError, "lr ≥ 0, got -1"),
        (lambda w: optim.SGD([w], lr=float("nan")), ValueError, "lr ≥ 0, got nan"),
        (lambda w: optim.SGD([w, w]), ValueError, "given twice"),
        (lambda w: optim.SGD([{"params": [w]}, {"params": [w]}]), ValueError, "given twice"),
        (lambda w: optim.SGD([w], momentum=-1), ValueError, "momentum"),
        (lambda w: optim.SGD([w], nesterov=True), ValueError, "nesterov needs momentum"),
        (lambda w: optim.Adam([w], betas=(1.0, 0.9)), ValueError, "betas"),
        (lambda w: optim.SGD([w * 2]), ValueError, "the result of multiply"),
        (lambda w: optim.SGD([nt.zeros(3)]), ValueError, "requires_grad=True"),
        (lambda w: optim.SGD([{"lr": 1.0}]), TypeError, "expected a group"),
        (lambda w: optim.SGD([w]).load_state_dict({"lr": 1.0}), ValueError, "state_dict"),
        (
            lambda w: optim.SGD([w]).load_state_dict(
                optim.SGD([nt.zeros(1, requires_grad=True)] * 1 + [w]).state_dict()
            ),
            ValueError,
            "groups",
        ),
        (lambda w: optim.clip_grad_value_([w], -1), ValueError, "clip_value"),
        (lambda w: optim.l1_penalty([], 0.1), ValueError, "empty"),
        (lambda w: optim.l2_penalty([w], -0.1), ValueError, "lam"),
    ],
)
def test_mistakes_get_one_clear_line(make, error, message):
    with pytest.raises(error, match=message) as caught:
        make(nt.tensor([1.0, 2.0], requires_grad=True))
    assert "\n" not in str(caught.value)


def test_a_gradient_of_another_shape_is_refused():
    w = nt.zeros(3, requires_grad=True)
    with pytest.raises(ValueError, match=r"grad: expected shape \(3,\), as the tensor's, got \(1,\)"):
        w.grad = nt.zeros(1)
    w.grad = nt.zeros(3)
    w.replace(np.zeros(1, np.float32))
    with pytest.raises(ValueError, match=r"shape \(1,\) has a gradient of shape \(3,\)"):
        optim.SGD([w]).step()


def test_state_of_another_shape_is_refused_and_nothing_changes():
    w, v = nt.zeros(3, requires_grad=True), nt.zeros(2, requires_grad=True)
    one, two = optim.Adam([w], lr=0.5), optim.Adam([v], lr=0.25)
    v.grad = nt.ones(2)
    two.step()
    with pytest.raises(ValueError, match="exp_avg has shape"):
        one.load_state_dict(two.state_dict())
    assert one.param_groups[0]["lr"] == 0.5
    assert not one.state


@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3, float("inf"), 0.5])
@pytest.mark.parametrize("max_norm", [0.5, 1e3])
def test_clip_grad_norm_equals_pytorch(norm_type, max_norm):
    torch = pytest.importorskip("torch")
    params = fresh(np.float64)
    gradients_of(params, np.random.default_rng(4))
    twins = [torch.tensor(p.array, requires_grad=True) for p in params]
    for p, q in zip(params, twins, strict=True):
        q.grad = torch.tensor(p.grad.array.copy())
    arrays = [p.grad.array for p in params]
    found = optim.clip_grad_norm_(params, max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(twins, max_norm, norm_type)
    np.testing.assert_allclose(found.array, expected.numpy(), 1e-12)
    for p, q, array in zip(params, twins, arrays, strict=True):
        assert p.grad.array is array
        np.testing.assert_allclose(p.grad.array, q.grad.numpy(), 1e-12)


def test_clip_grad_norm_refuses_nan_before_it_changes_anything():
    a, b = nt.zeros(2, requires_grad=True), nt.zeros(2, requires_grad=True)
    a.grad, b.grad = nt.tensor([3.0, 4.0]), nt.tensor([np.nan, 1.0])
    with pytest.raises(RuntimeError, match="nan"):
        optim.clip_grad_norm_([a, b], 1.0, error_if_nonfinite=True)
    assert a.grad.tolist() == [3.0, 4.0]
    assert optim.clip_grad_norm_(a, 1.0).item() == 5.0
    assert optim.clip_grad_norm_([nt.zeros(1, requires_grad=True)], 1.0).item() == 0.0
    empty = nt.zeros((0, 2), requires_grad=True)
    empty.grad = nt.zeros((0, 2))
    assert nn.utils.clip_grad_norm_([empty], 1.0, np.inf).item() == 0.0


def test_clip_grad_value():
    from nanonet.nn import utils

    w = nt.zeros(3, requires_grad=True)
    w.grad = nt.tensor([-3.0, 0.5, 2.0])
    utils.clip_grad_value_(w, 1.0)
    assert w.grad.tolist() == [-1.0, 0.5, 1.0]
    assert utils.clip_grad_norm_ is optim.clip_grad_norm_


def test_penalties_and_their_gradients():
    a = nt.tensor(np.array([1.0, -2.0]), requires_grad=True)
    b = nt.tensor(np.array([[3.0]]), requires_grad=True)
    loss = optim.l1_penalty([a, b], 0.5)
    loss.backward()
    assert loss.item() == 3.0
    np.testing.assert_array_equal(a.grad.array, [0.5, -0.5])
    a.grad = b.grad = None
    loss = optim.l2_penalty([a, b], 0.5)
    loss.backward()
    assert loss.item() == 7.0
    np.testing.assert_array_equal(b.grad.array, [[3.0]])


def test_l2_penalty_is_weight_decay_of_twice_lambda():
    one, two = fresh(np.float64), fresh(np.float64)
    for params, decay in ((one, 0.0), (two, 0.2)):
        optimizer = optim.SGD(params, lr=0.1, weight_decay=decay)
        for _ in range(5):
            optimizer.zero_grad()
            loss = sum((p * p * p).sum() for p in params)
            (loss if decay else loss + optim.l2_penalty(params, 0.1)).backward()
            optimizer.step()
    for p, q in zip(one, two, strict=True):
        np.testing.assert_allclose(p.array, q.array, 1e-12)
