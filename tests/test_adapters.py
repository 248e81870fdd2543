"""Gradients of PyTorch, JAX and autograd are checked through their adapters: right ones pass, mistakes are named."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet.gradcheck import Report, adapters

RNG = np.random.default_rng(0)
X, W = RNG.standard_normal((5, 3)), RNG.standard_normal((3, 2))
PICKED = np.array([0, 0, 2])


def check(pair: Any, *inputs: Any) -> Report:
    return nt.check_backward(*pair, list(inputs))


def cause(report: Report) -> str | None:
    assert report.verdict == "fail", str(report)
    return report.cause and report.cause.kind


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")


@pytest.fixture
def jax() -> Any:
    return pytest.importorskip("jax", reason="JAX is not installed: pip install jax")


@pytest.fixture
def anp() -> Any:
    return pytest.importorskip("autograd.numpy", reason="autograd is not installed: pip install autograd")


@pytest.mark.parametrize("library", ["torch", "jax", "autograd"])
def test_a_missing_library_is_named_with_the_command_that_installs_it(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapters, "import_module", _absent)
    with pytest.raises(ImportError, match=rf"adapters.{library} needs .* pip install {library}$") as raised:
        getattr(adapters, library)(abs)
    assert "\n" not in str(raised.value)


def _absent(name: str) -> Any:
    raise ModuleNotFoundError(f"No module named {name!r}", name=name)


# PyTorch


def test_right_torch_functions_pass(torch: Any) -> None:
    assert check(adapters.torch(lambda x, w: torch.tanh(x @ w)), X, W)
    assert check(adapters.torch(torch.nn.functional.softmax), X, 1), "other arguments are handed on"
    assert check(adapters.torch(lambda x, i: x[i]), X, PICKED), "integers are no inputs to check"
    assert check(adapters.torch(torch.sin), 0.5), "a number"
    assert check(adapters.torch(torch.relu), np.array([0.0, 1.0])).verdict == "subgradient"
    assert check(adapters.torch(lambda x, w: torch.sin(x)), X, W), "an input without an influence has gradient 0"


def test_a_torch_module_is_checked_in_float64_and_left_as_it_is(torch: Any) -> None:
    nn = torch.nn
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Dropout(0.5))
    before = {name: one.clone() for name, one in module.state_dict().items()}
    report = check(adapters.torch(module), X)
    assert report.verdict == "pass", str(report)
    assert report.name == "Sequential"
    assert report.bar < 1e-9, "float32 would not get there"
    for name, one in module.state_dict().items():
        assert one.dtype == before[name].dtype
        assert torch.equal(one, before[name]), "running statistics stay"


def test_torch_parameters_are_checked_as_inputs(torch: Any) -> None:
    module = torch.nn.Linear(3, 2)

    def f(x: Any, weight: Any, bias: Any) -> Any:
        return torch.func.functional_call(module, {"weight": weight, "bias": bias}, (x,))

    assert check(adapters.torch(f), X, W.T, np.ones(2))


def test_torch_random_numbers_are_repeated_and_the_generator_is_left_alone(torch: Any) -> None:
    torch.manual_seed(3)
    state = torch.get_rng_state()
    forward, backward = adapters.torch(lambda x: torch.nn.functional.dropout(x, 0.5))
    np.testing.assert_array_equal(forward(X), forward(X))
    np.testing.assert_array_equal(forward(X), X * backward(np.ones_like(X), X)[0])
    assert torch.equal(torch.get_rng_state(), state)
    assert check((forward, backward), X)


def test_wrong_torch_functions_fail_with_the_cause(torch: Any) -> None:
    class MeanForSum(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, w: Any) -> Any:
            ctx.save_for_backward(x, w)
            return x @ w

        @staticmethod
        def backward(ctx: Any, dy: Any) -> Any:
            x, w = ctx.saved_tensors
            return dy @ w.T, x.T @ dy / len(x)

    class Clobbers(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x.sin()

        @staticmethod
        def backward(ctx: Any, dy: Any) -> Any:
            return dy.mul_(ctx.saved_tensors[0].cos())

    assert cause(check(adapters.torch(MeanForSum.apply), X, W)) == "mean-for-sum"
    report = check(adapters.torch(MeanForSum), X, W)
    assert cause(report) == "mean-for-sum", "the class will do"
    assert report.name == "MeanForSum"
    assert cause(check(adapters.torch(Clobbers), X)) == "clobbered-cotangent"
    assert cause(check(adapters.torch(lambda x: x.detach() * 2), X)) == "zero"


def test_a_cotangent_may_be_read_only_or_run_backwards(torch: Any) -> None:
    _, backward = adapters.torch(torch.sin)
    dy = np.ones((5, 3))
    dy.flags.writeable = False
    np.testing.assert_allclose(backward(dy, X)[0], np.cos(X))
    np.testing.assert_allclose(backward(dy[::-1], X[::-1])[0], np.cos(X[::-1]))


def test_a_float32_tensor_within_the_function_gets_a_hint(torch: Any) -> None:
    inside = torch.nn.Linear(3, 2)
    with pytest.raises(RuntimeError) as raised:
        check(adapters.torch(lambda x: inside(x)), X)
    assert any("make modules and tensors within f .double()" in note for note in raised.value.__notes__)


# JAX


def test_right_jax_functions_pass_in_float64_and_the_setting_stays(jax: Any) -> None:
    jnp = jax.numpy
    before = jnp.ones(1).dtype
    report = check(adapters.jax(lambda x, w: jnp.tanh(x @ w)), X, W)
    assert report
    assert report.bar < 1e-9, "float32 would not get there"
    assert check(adapters.jax(jax.jit(lambda x, i: x[i])), X, PICKED)
    assert check(adapters.jax(lambda x: jnp.ones(3)), 0.5), "nothing depends on x, and 0 is its gradient"
    mask = adapters.jax(lambda key, x: x * jax.random.bernoulli(key, 0.5, x.shape))
    assert check(mask, jax.random.key(0), X)
    assert jnp.ones(1).dtype == before


def test_a_wrong_jax_rule_fails_with_the_cause(jax: Any) -> None:
    @jax.custom_vjp
    def softplus(x: Any) -> Any:
        return jax.numpy.log1p(jax.numpy.exp(x))

    softplus.defvjp(lambda x: (softplus(x), x), lambda x, dy: (-dy * jax.nn.sigmoid(x),))
    report = check(adapters.jax(softplus), X)
    assert cause(report) == "sign"
    assert report.name == "softplus"


# autograd


def test_right_autograd_functions_pass(anp: Any) -> None:
    assert check(adapters.autograd(lambda x, w: anp.tanh(anp.dot(x, w))), X, W)
    assert check(adapters.autograd(lambda x, i: x[i]), X, PICKED)
    assert check(adapters.autograd(anp.sum), X), "a result without dimensions"
    assert check(adapters.autograd(lambda x: np.ones(3)), X), "nothing depends on x, and 0 is its gradient"


def test_a_wrong_autograd_primitive_fails_with_the_cause(anp: Any) -> None:
    from autograd.extend import defvjp, primitive

    @primitive
    def matmul(x: Any, w: Any) -> Any:
        return x @ w

    defvjp(matmul, lambda y, x, w: lambda dy: dy @ w.T, lambda y, x, w: lambda dy: -(x.T @ dy))
    assert cause(check(adapters.autograd(matmul), X, W)) == "sign"


# all of them


@pytest.mark.parametrize("library", ["torch", "jax", "autograd"])
def test_several_outputs_are_refused_in_one_line(library: str) -> None:
    pytest.importorskip(library, reason=f"{library} is not installed: pip install {library}")
    adapter = getattr(adapters, library)
    with pytest.raises(TypeError, match=r"must return one \w+, got tuple of 2; check one at a time: lambda"):
        check(adapter(lambda x: (x, x)), X)
    assert check(adapter(lambda x: (x * 2, x)[0]), X), "the advice works"


@pytest.mark.parametrize("library", ["torch", "jax", "autograd"])
def test_a_pair_can_be_used_again_and_gives_arrays(library: str) -> None:
    pytest.importorskip(library, reason=f"{library} is not installed: pip install {library}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forward, backward = getattr(adapters, library)(lambda x: x * x)
        for x in (X, X[:1], np.float64(2.0), np.zeros((0, 3))):
            (dx,) = backward(np.ones(np.shape(x)), x)
            assert type(dx) in (np.ndarray, np.float64)
            np.testing.assert_allclose(forward(x), x * x)
            np.testing.assert_allclose(dx, 2 * x)
