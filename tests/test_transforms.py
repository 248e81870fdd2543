"""grad, value_and_grad, vjp, jvp, jacobian, hessian: right, nestable, and without a trace in anybody's `.grad`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nanonet as nt
from nanonet import functional as F

X = np.array([0.3, -1.2, 2.0])
A = np.array([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]])


def cubes(x):
    return (x**3).sum()


def mix(x):
    """R³ → R², not linear."""
    return nt.tanh(nt.matmul(nt.tensor(A), x)) * nt.sum(x * x)


def close(got, want, rtol=1e-10):
    assert isinstance(got, nt.Tensor)
    np.testing.assert_allclose(got.array, want, rtol=rtol, atol=1e-12)


def test_grad_value_and_argnums():
    def f(x, w):
        return (x * x * w).sum()

    close(nt.grad(f)(X, A[0]), 2 * X * A[0])
    close(nt.grad(f, argnums=1)(X, A[0]), X * X)
    close(nt.grad(f, argnums=-1)(X, A[0]), X * X)
    value, (dw, dx) = nt.value_and_grad(f, argnums=(1, 0))(X, A[0])
    close(value, np.sum(X * X * A[0]))
    close(dw, X * X)
    close(dx, 2 * X * A[0])


def test_keyword_arguments_and_untouched_arguments_pass_through():
    seen = []

    def f(x, power, *, scale):
        seen.append((power, scale))
        return (x**power).sum() * scale

    close(nt.grad(f)(X, 3, scale=2.0), 6 * X**2)
    assert seen == [(3, 2.0)]


@pytest.mark.parametrize("x", [2.0, [2.0], np.float64(2.0), np.array([2.0]), np.array(2.0, np.float32), nt.tensor(2.0)])
def test_takes_numbers_lists_and_arrays(x):
    got = nt.grad(cubes)(x)
    assert got.shape == np.shape(x)
    assert got.dtype == (np.float64 if isinstance(x, np.ndarray | np.float64) and x.dtype == np.float64 else np.float32)
    np.testing.assert_allclose(got.array, np.full(np.shape(x), 12.0))


def test_third_derivative():
    def f(x):
        return nt.sin(x) * x**2

    x = 0.7
    third = nt.grad(nt.grad(nt.grad(f)))(np.array(x))
    want = -(x**2) * np.cos(x) - 6 * x * np.sin(x) + 6 * np.cos(x)  # Leibniz: (sin x · x²)'''
    close(third, want)


def test_nested_with_different_arguments():
    def f(x, w):
        return (x**2 * w**3).sum()

    def slope(x, w):
        return nt.grad(f, argnums=0)(x, w).sum()  # 2 x w³

    close(nt.grad(slope, argnums=1)(X, A[0]), 6 * X * A[0] ** 2)


def test_inner_function_sees_the_outer_variable_as_a_constant():
    """The classic trap: d/dx (x · d/dy (x + y)) = 1, and not 2."""
    close(nt.grad(lambda x: x * nt.grad(lambda y: x + y)(1.0))(np.array(3.0)), 1.0)
    close(nt.grad(lambda x: x * nt.grad(lambda y: x * y)(x))(np.array(3.0)), 6.0)
    close(nt.grad(lambda x: nt.grad(lambda y: x * x * y * y)(x))(np.array(3.0)), 6 * 9.0)


def test_inner_gradient_at_a_computed_point():
    """The gradient with respect to u = x² does not go on to x."""

    def f(x):
        u = x * x
        return nt.grad(lambda v: (v * v).sum())(u).sum()  # 2 x², so its derivative is 4x

    close(nt.grad(f)(X), 4 * X)


def test_result_is_differentiable_in_what_is_closed_over():
    w = nt.tensor(A[0], requires_grad=True)
    dx = nt.grad(lambda x: (x * x * w).sum())(X)
    assert dx.requires_grad
    dx.sum().backward()
    close(w.grad, 2 * X)


def test_result_is_differentiable_in_an_input_that_requires_a_gradient():
    x = nt.tensor(X, requires_grad=True)
    value, dx = nt.value_and_grad(cubes)(x)
    assert x.grad is None
    (dx.sum() + value).backward()
    close(x.grad, 6 * X + 3 * X * X)


def test_results_are_constants_when_nothing_outside_requires_a_gradient():
    value, dx = nt.value_and_grad(cubes)(nt.tensor(X))
    y, pullback = nt.vjp(mix, X)
    y2, dy = nt.jvp(mix, (X,), (X,))
    for result in (value, dx, y, *pullback(np.ones(2)), y2, dy, nt.jacobian(mix)(X), nt.hessian(cubes)(X)):
        assert not result.requires_grad
        result.numpy()


def test_no_grad_outside_gives_constants():
    x = nt.tensor(X, requires_grad=True)
    with nt.no_grad():
        value, dx = nt.value_and_grad(lambda v: (v * v * x).sum())(x)
        second = nt.hessian(cubes)(x)
    close(dx, 2 * X * X)
    close(second, np.diag(6 * X))
    assert not value.requires_grad
    assert not dx.requires_grad
    assert x.grad is None


def test_no_grad_inside_hides_that_part():
    def f(x):
        with nt.no_grad():
            frozen = x * x
        return (frozen * x).sum()

    close(nt.grad(f)(X), X * X)
    close(nt.grad(lambda x: f(x.detach()))(X), 0 * X)


def test_touches_no_grad_and_calls_no_hook_of_others():
    w = nt.tensor(A[0], requires_grad=True)
    h = w * 2.0
    h.retain_grad()
    calls = []
    w.register_hook(calls.append)
    h.register_hook(calls.append)
    x = nt.tensor(X, requires_grad=True)

    def f(v):
        return (v * h * v).sum()

    nt.grad(f)(x)
    nt.hessian(f)(x)
    nt.jvp(f, (x,), (X,))
    nt.jacobian(lambda v: v * h)(X)
    assert (w.grad, h.grad, x.grad) == (None, None, None)
    assert calls == []
    f(x).backward()  # and the graph outside is as it was
    close(w.grad, 2 * X * X)
    close(h.grad, X * X)
    assert len(calls) == 2


def test_graph_of_others_is_whole_after_an_error():
    w = nt.tensor(A[0], requires_grad=True)
    y = (w * w).sum()

    def refuse(dx):
        raise ArithmeticError("hook")

    def f(x):
        z = x * y
        z.register_hook(refuse)
        return z.sum()

    with pytest.raises(ArithmeticError):
        nt.grad(f)(X)
    y.backward()
    close(w.grad, 2 * A[0])


def test_no_dependence_gives_zeros():
    constant = nt.tensor(np.array(3.0))
    close(nt.grad(lambda x: constant)(X), 0 * X)
    close(nt.grad(lambda x: 3.0)(X), 0 * X)
    close(nt.grad(nt.grad(lambda x: 2.0 * x))(np.array(1.0)), 0.0)
    y, dy = nt.jvp(lambda x: nt.tensor(A), (X,), (X,))
    close(y, A)
    close(dy, 0 * A)
    close(nt.jacobian(lambda x: nt.tensor(A))(X), np.zeros((2, 3, 3)))
    close(nt.vjp(lambda x, w: x * 1.0, X, A)[1](X)[1], 0 * A)


def test_a_function_that_returns_its_input():
    close(nt.grad(lambda x: x)(np.array(2.0)), 1.0)
    close(nt.jacobian(lambda x: x)(X), np.eye(3))
    close(nt.jvp(lambda x: x, (X,), (A[0],))[1], A[0])
    close(nt.grad(lambda x: nt.grad(lambda v: v)(x) * x)(np.array(2.0)), 1.0)


def test_the_same_tensor_twice():
    x = nt.tensor(X, requires_grad=True)
    da, db = nt.grad(lambda a, b: (a * a * b).sum(), argnums=(0, 1))(x, x)
    close(da, 2 * X * X)
    close(db, X * X)


def test_gradients_share_no_memory():
    x = nt.tensor(X, requires_grad=True)
    _, pullback = nt.vjp(lambda a, b: a + b, x, x)
    with nt.no_grad():
        da, db = pullback(np.ones(3))
        da[0] = 7.0
    close(db, np.ones(3))
    value, _ = nt.vjp(lambda v: v, X)
    value[0] = 7.0
    assert X[0] == 0.3


def test_several_outputs():
    def f(x, w):
        return x * w, (x * x).sum()

    (y, s), pullback = nt.vjp(f, X, A[0])
    close(y, X * A[0])
    close(s, np.sum(X * X))
    dx, dw = pullback((np.ones(3), 2.0))
    close(dx, A[0] + 4 * X)
    close(dw, X)
    _, (dy, ds) = nt.jvp(f, (X, A[0]), (np.ones(3), np.zeros(3)))
    close(dy, A[0])
    close(ds, 2 * X.sum())
    (yx, yw), (sx, sw) = nt.jacobian(f, argnums=(0, 1))(X, A[0])
    close(yx, np.diag(A[0]))
    close(yw, np.diag(X))
    close(sx, 2 * X)
    close(sw, 0 * X)


def test_pullback_can_be_called_again():
    _, pullback = nt.vjp(mix, X)
    first, second = pullback(np.array([1.0, 0.0]))[0], pullback(np.array([0.0, 1.0]))[0]
    close(pullback(np.array([2.0, -1.0]))[0], 2 * first.array - second.array)


def test_pullback_is_differentiable_in_dy():
    dy = nt.tensor(np.array([1.0, 2.0]), requires_grad=True)
    _, pullback = nt.vjp(mix, X)
    (dx,) = pullback(dy)
    dx.sum().backward()
    close(dy.grad, nt.jacobian(mix)(X).array.sum(1))


def test_jacobian_and_hessian_shapes_and_values():
    close(nt.jacobian(lambda x: nt.matmul(nt.tensor(A), x))(X), A)
    assert nt.jacobian(lambda w: nt.matmul(w, w.T))(A).shape == (2, 2, 2, 3)
    assert nt.jacobian(lambda x: x[:0])(X).shape == (0, 3)
    close(nt.hessian(cubes)(X), np.diag(6 * X))
    blocks = nt.hessian(lambda x, w: (x * x * w).sum(), argnums=(0, 1))(X, A[0])
    close(blocks[0][0], np.diag(2 * A[0]))
    close(blocks[0][1], np.diag(2 * X))
    close(blocks[1][0], np.diag(2 * X))
    close(blocks[1][1], np.zeros((3, 3)))


def test_hessian_vector_product_three_ways():
    def f(x):
        return (nt.tanh(x) * nt.sum(x * x)).sum()

    v = A[1]
    full = nt.hessian(f)(X).array @ v
    close(nt.jvp(nt.grad(f), (X,), (v,))[1], full)
    close(nt.grad(lambda x: (nt.grad(f)(x) * nt.tensor(v)).sum())(X), full)
    close(nt.vjp(nt.grad(f), X)[1](v)[0], full)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**31))
def test_jvp_is_the_transpose_of_vjp(n, m, seed):
    """⟨v, J u⟩ = ⟨Jᵀ v, u⟩."""
    rng = np.random.default_rng(seed)
    w, x, u, v = (rng.standard_normal(shape) for shape in ((m, n), n, n, m))

    def f(z):
        return nt.sin(nt.matmul(nt.tensor(w), z)) * nt.exp(z).sum()

    y, ju = nt.jvp(f, (x,), (u,))
    y2, pullback = nt.vjp(f, x)
    close(y, y2.array)
    np.testing.assert_allclose(np.dot(v, ju.array), np.dot(pullback(v)[0].array, u), rtol=1e-9, atol=1e-9)
    close(ju, nt.jacobian(f)(x).array @ u, rtol=1e-9)


def test_jvp_nests():
    def derivative(f):
        return lambda x: nt.jvp(f, (x,), (np.ones(()),))[1]

    close(derivative(derivative(derivative(lambda x: x**4)))(np.array(2.0)), 48.0)
    close(nt.grad(derivative(lambda x: x**4))(np.array(2.0)), 48.0)


@pytest.mark.filterwarnings("ignore:.*jit.script:DeprecationWarning")  # torch.func.hessian's own
def test_equal_to_torch_func():
    torch = pytest.importorskip("torch")
    w = np.random.default_rng(0).standard_normal((4, 3))

    def net(xp, softmax):
        return lambda v, u: (softmax(xp.tanh(u @ v)) * xp.cos(v).sum()) ** 2

    ours, theirs = net(nt, lambda z: F.softmax(z, -1)), net(torch, lambda z: torch.softmax(z, -1))
    x, k = torch.tensor(X), torch.tensor(w)
    for argnums in (0, 1):
        close(nt.jacobian(ours, argnums)(X, w), torch.func.jacrev(theirs, argnums)(x, k).numpy())
    close(nt.jvp(ours, (X, w), (X, w))[1], torch.func.jvp(theirs, (x, k), (x, k))[1].numpy())
    got = nt.hessian(lambda v: ours(v, w).sum())(X)
    close(got, torch.func.hessian(lambda v: theirs(v, k).sum())(x).numpy(), rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nt.grad(cubes)(3), TypeError, "argument 0 is int64.*2.0"),
        (lambda: nt.grad(cubes)([1, 2]), TypeError, "astype"),
        (lambda: nt.grad(lambda n, x: x.sum(), argnums=(1, 0))(3, X), TypeError, "argument 0"),
        (lambda: nt.grad(lambda x: x * x)(X), ValueError, r"grad: expected f to return one number.*\(3,\).*sum"),
        (lambda: nt.value_and_grad(lambda x: x[:1])(X), ValueError, r"value_and_grad.*shape \(1,\)"),
        (lambda: nt.grad(lambda x: (x.sum(), x))(X), ValueError, "2 outputs"),
        (lambda: nt.grad(cubes, argnums=1)(X), ValueError, "argnums.*1 positional.*got 1"),
        (lambda: nt.grad(cubes)(), ValueError, "argnums"),
        (lambda: nt.grad(lambda x: (x > 0).sum())(X), TypeError, "expected f to return floats"),
        (lambda: nt.vjp(mix, X)[1](np.ones(3)), ValueError, r"vjp: dy: expected shape \(2,\), got \(3,\)"),
        (lambda: nt.vjp(lambda x: (x, x), X)[1](X), ValueError, "tuple of 2"),
        (lambda: nt.jvp(mix, X, X), TypeError, "tuples"),
        (lambda: nt.jvp(mix, (X,), (np.ones(2),)), ValueError, r"jvp: tangents: expected shape \(3,\), got \(2,\)"),
        (lambda: nt.jvp(mix, (X,), (X, X)), ValueError, "tuple of 1"),
        (lambda: nt.hessian(mix)(X), ValueError, "one number"),
    ],
)
def test_refuses(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_names_follow_the_function():
    assert nt.grad(cubes).__name__ == "cubes"
    assert "gradient of cubes" in nt.grad(cubes).__doc__
    assert "R³" in nt.jacobian(mix).__doc__
