"""The documents' pass, corrected, equals the tape's gradients; as written it does not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import nanonet as nt
from nanonet import functional as F
from nanonet.teach import pseudocode as doc
from tests.support import central_difference

SIZES = [(3, 2), (3, 5, 2), (4, 6, 5, 3), (2, 7, 6, 5, 4, 3)]


def network(sizes, m, out, seed=0):
    """X and Y in columns, W and b."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((sizes[0], m))
    Y = rng.uniform(0, 1, (sizes[-1], m))
    if out == "softmax":
        Y = Y / Y.sum(axis=0)
    W = [rng.standard_normal((n, k)) for k, n in pairwise(sizes)]
    b = [rng.standard_normal((n, 1)) for n in sizes[1:]]
    return X, Y, W, b


def by_the_tape(X, Y, W, b, g, out):
    """Gradients of W and b, and of every Z, from nt.Tensor, with rows as samples."""
    m = X.shape[1]
    weights = [nt.tensor(one, requires_grad=True) for one in W]
    biases = [nt.tensor(one[:, 0], requires_grad=True) for one in b]
    a, y, zs = nt.tensor(X.T), nt.tensor(Y.T), []
    for l, (w, c) in enumerate(zip(weights, biases, strict=True)):  # noqa: E741
        z = a @ w.T + c
        z.retain_grad()
        zs.append(z)
        a = z if l == len(W) - 1 else {"relu": F.relu, "sigmoid": nt.sigmoid, "tanh": nt.tanh}[g](z)
    losses = {
        "squares": lambda: ((y - a) ** 2).sum() / m,
        "half squares": lambda: 0.5 * ((y - a) ** 2).sum(),
        "relu half squares": lambda: 0.5 * ((y - F.relu(a)) ** 2).sum(),
        "sigmoid half squares": lambda: 0.5 * ((y - nt.sigmoid(a)) ** 2).sum(),
        "sigmoid squares": lambda: ((y - nt.sigmoid(a)) ** 2).sum() / m,
        "sigmoid": lambda: F.binary_cross_entropy_with_logits(a, y, reduction="sum") / m,
        "softmax": lambda: F.cross_entropy(a, y),
    }
    J = losses[out]()
    J.backward()
    return J.item(), [z.grad.array for z in zs], [w.grad.array for w in weights], [c.grad.array for c in biases]


def same(got, want):
    for one, two in zip(got, want, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("out", doc.OUTPUTS)
@pytest.mark.parametrize("g", doc.ACTIVATIONS)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_equals_the_tape_in_both_conventions(sizes, g, out):
    X, Y, W, b = network(sizes, 6, out)
    J, dzs, dws, dbs = by_the_tape(X, Y, W, b, g, out)

    Z, A = doc.forward(X, W, b, g, out)
    dZ, dW, db = doc.backward(Y, W, Z, A, g, out)
    np.testing.assert_allclose(doc.loss(Y, A[-1], 6, out), J, rtol=1e-10)  # 1 - Ŷ costs digits
    same([one.T for one in dZ[1:]], dzs)
    same(dW, dws)
    same([one[:, 0] for one in db], dbs)

    Z, A = doc.forward_rows(X.T, W, [one[:, 0] for one in b], g, out)
    dZ, dW, db = doc.backward_rows(Y.T, W, Z, A, g, out)
    np.testing.assert_allclose(doc.loss(Y.T, A[-1], 6, out), J, rtol=1e-10)  # 1 - Ŷ costs digits
    same(dZ[1:], dzs)
    same(dW, dws)
    same(db, dbs)


@pytest.mark.parametrize("out", doc.OUTPUTS)
def test_is_the_derivative_of_its_own_loss(out):
    X, Y, W, b = network((3, 4, 2), 5, out)

    def J():
        return doc.loss(Y, doc.forward(X, W, b, "tanh", out)[1][-1], 5, out)

    _, dW, db = doc.backward(Y, W, *doc.forward(X, W, b, "tanh", out), "tanh", out)
    for x, dx in zip([*W, *b], [*dW, *db], strict=True):
        np.testing.assert_allclose(dx, central_difference(J, x), rtol=1e-7, atol=1e-9)


def test_three_inputs_five_hidden_two_outputs():
    """The worked example of 002_b6389a1c971fe113.txt, with two labels: one step with α = 0.01 lowers the loss."""
    _, _, W, b = network((3, 5, 2), 1, "sigmoid")
    X, Y = np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [0.0]])
    J, _, dws, dbs = by_the_tape(X, Y, W, b, "sigmoid", "sigmoid")
    Z, A = doc.forward(X, W, b, "sigmoid", "sigmoid")
    dZ, dW, db = doc.backward(Y, W, Z, A, "sigmoid", "sigmoid")
    np.testing.assert_allclose(dZ[2], A[2] - Y, rtol=1e-14)
    for j in range(5):  # the sum that the document leaves out: ∂J/∂w_ij = Σ_k (Ŷ_k - Y_k) w_kj · h_j (1 - h_j) · x_i
        h = A[1][j, 0]
        error = np.sum((A[2] - Y)[:, 0] * W[1][:, j]) * h * (1 - h)
        np.testing.assert_allclose(dW[0][j], error * X[:, 0], rtol=1e-12)
        np.testing.assert_allclose(db[0][j, 0], error, rtol=1e-12)
    same(dW, dws)
    same([one[:, 0] for one in db], dbs)
    doc.update(W, b, dW, db, alpha=0.01)
    assert doc.loss(Y, doc.forward(X, W, b, "sigmoid", "sigmoid")[1][2], 1, "sigmoid") < J


def test_one_input_three_hidden_one_output():
    """The worked example of 003_aa244bc8dadf1168.txt: J = (Y - Ŷ)², sigmoids, α = 0.01."""
    _, _, W, b = network((1, 3, 1), 1, "sigmoid squares")
    X, Y = np.array([[0.5]]), np.array([[1.0]])
    J, dzs, dws, dbs = by_the_tape(X, Y, W, b, "sigmoid", "sigmoid squares")
    Z, A = doc.forward(X, W, b, "sigmoid", "sigmoid squares")
    dZ, dW, db = doc.backward(Y, W, Z, A, "sigmoid", "sigmoid squares")
    output = 2 * (A[2] - Y) * A[2] * (1 - A[2])  # with the σ' that the document leaves out
    np.testing.assert_allclose(dW[1], output @ A[1].T, rtol=1e-12)
    np.testing.assert_allclose(dZ[1], W[1].T @ output * A[1] * (1 - A[1]), rtol=1e-12)
    same([one.T for one in dZ[1:]], dzs)
    same(dW, dws)
    same([one[:, 0] for one in db], dbs)
    doc.update(W, b, dW, db, alpha=0.01)
    assert doc.loss(Y, doc.forward(X, W, b, "sigmoid", "sigmoid squares")[1][2], 1, "sigmoid squares") < J


def as_written(lines):
    """`backward` of square networks, with the document's lines where `lines` names them."""

    def backward(Y, W, Z, A):
        L, m = len(W), Y.shape[1]
        dZ, dW, db = [None] * (L + 1), [None] * L, [None] * L
        for l in range(L, 0, -1):  # noqa: E741
            off = 1 if 2 in lines else 0
            if l == L:
                dZ[l] = (1 if 4 in lines else 2 / m) * (A[L - 1 if 1 in lines else L] - Y)
            else:
                dZ[l] = (W[l].T @ dZ[l + 1]) * doc.slope(Z[l + off], "relu")
            dW[l - 1] = A[l - 1].T @ dZ[l] if 3 in lines else dZ[l] @ A[l - 1].T
            db[l - 1] = dZ[l].sum(axis=1, keepdims=True)
        return dZ, dW[::-1] if 5 in lines else dW, db

    return backward


@pytest.mark.parametrize(("line", "right"), [((), True), *(((n,), False) for n in (1, 2, 3, 4, 5))], ids=str)
def test_the_document_as_written_is_wrong(line, right):
    """Each numbered line of D0, put back alone, gives other gradients; square layers, so that all of them conform."""
    X, Y, W, b = network((4, 4, 4, 4), 4, "squares")
    _, _, dws, _ = by_the_tape(X, Y, W, b, "relu", "squares")
    _, dW, _ = as_written(line)(Y, W, *doc.forward(X, W, b))
    assert all(np.allclose(one, two, rtol=1e-9) for one, two in zip(dW, dws, strict=True)) == right


def test_update_is_gradient_descent_and_leaves_the_arrays_alone():
    X, Y, W, b = network((3, 5, 2), 4, "squares")
    before, arrays = [one.copy() for one in W + b], [*W, *b]
    _, dW, db = doc.backward(Y, W, *doc.forward(X, W, b))
    doc.update(W, b, dW, db, alpha=0.1)
    same(W + b, [x - 0.1 * dx for x, dx in zip(before, dW + db, strict=True)])
    same(arrays, before)


def test_saturated_outputs_overflow_nowhere():
    X, Y = np.array([[1e4, -1e4]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    W, b = [np.array([[1.0], [-1.0]])], [np.zeros((2, 1))]
    for out in ("sigmoid", "softmax"):
        Z, A = doc.forward(X, W, b, "relu", out)
        assert doc.loss(Y, A[-1], 2, out) == 0.0
        same(doc.backward(Y, W, Z, A, "relu", out)[1], [np.zeros((2, 1))])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda X, Y, W, b: doc.forward(X.T, W, b), r"layer 1 takes 6 inputs"),
        (lambda X, Y, W, b: doc.forward(X, W, [one[:, 0] for one in b]), r"b\[0\] \(5, 1\)"),
        (lambda X, Y, W, b: doc.forward_rows(X.T, W, b), r"b\[0\] \(5,\)"),
        (lambda X, Y, W, b: doc.forward(X, W, b, "gelu"), "g to be one of relu, sigmoid, tanh"),
        (lambda X, Y, W, b: doc.forward(X, W, b, "relu", "hinge"), "out one of squares"),
        (lambda X, Y, W, b: doc.backward(Y[:1], W, *doc.forward(X, W, b)), r"Y must be, got \(1, 6\)"),
    ],
)
def test_refuses(call, words):
    with pytest.raises(ValueError, match=words):
        call(*network((3, 5, 2), 6, "squares"))
