"""Products, Einstein sums and functions of square matrices: PyTorch's and NumPy's results, on shapes made at random."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nanonet as nt
import nanonet.functional as F
from nanonet.backends.numpy import xp
from nanonet.ops.einsum import _order
from nanonet.ops.linear import Linear
from tests.agreement import agrees_with_torch

torch = pytest.importorskip("torch", reason="parity needs torch: pip install '.[peers]'")

few = settings(max_examples=60, deadline=None)
sizes = st.integers(0, 4)


def array(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, len(shape)]).standard_normal(shape)


@st.composite
def matmul_shapes(draw: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Vectors, matrices, and batches that broadcast; any length may be 0."""
    n, k, m = draw(sizes), draw(sizes), draw(sizes)
    batch = draw(st.lists(st.integers(0, 3), max_size=2))

    def part() -> list[int]:
        kept = [1 if draw(st.booleans()) else size for size in batch]
        return kept[draw(st.integers(0, len(kept))) :]

    a = (k,) if draw(st.booleans()) and draw(st.booleans()) else (*part(), n, k)
    b = (k,) if draw(st.booleans()) and draw(st.booleans()) else (*part(), k, m)
    return a, b


@few
@given(matmul_shapes())
def test_matmul_of_any_shapes(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    a, b = shapes
    agrees_with_torch(lambda x, y: x @ y, lambda x, y: x @ y, array(*a), array(*b, seed=1))


@pytest.mark.parametrize("view", [lambda x: x[::2], lambda x: x[:, ::-1], lambda x: x.T, lambda x: x[:, ::2].T])
def test_matmul_of_strided_arrays(view: Any) -> None:
    a = view(array(6, 6))
    b = array(a.shape[1], 3)
    got = nt.matmul(nt.Tensor.wrap(a), nt.Tensor.wrap(b))
    np.testing.assert_allclose(got.array, np.ascontiguousarray(a) @ b, rtol=1e-13)


@st.composite
def einsums(draw: Any) -> tuple[str, list[tuple[int, ...]]]:
    """Operands with labels at random, some repeated, some with an ellipsis, some axes of length 1."""
    lengths = {label: draw(st.integers(1, 3)) for label in "abcd"}
    extra = [draw(st.integers(1, 2)) for _ in range(draw(st.integers(0, 2)))]
    names, shapes = [], []
    for _ in range(draw(st.integers(1, 3))):
        name = "".join(draw(st.lists(st.sampled_from("abcd"), max_size=3)))
        shape = tuple(lengths[label] for label in name)
        if extra and draw(st.booleans()):
            kept = tuple(extra[draw(st.integers(0, len(extra))) :])
            name, shape = "..." + name, kept + shape
        names.append(name)
        shapes.append(shape)
    present = sorted(set("".join(names)) - {"."})
    output = "".join(draw(st.permutations(present))[: draw(st.integers(0, len(present)))])
    dots = "..." if any("..." in name for name in names) and draw(st.booleans()) else ""
    return ",".join(names) + "->" + dots + output, shapes


@few
@given(einsums())
def test_einsum_of_any_subscripts(case: tuple[str, list[tuple[int, ...]]]) -> None:
    subscripts, shapes = case
    arrays = [array(*shape, seed=i) for i, shape in enumerate(shapes)]
    agrees_with_torch(lambda *xs: nt.einsum(subscripts, *xs), lambda *xs: torch.einsum(subscripts, *xs), *arrays)


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ij,jk", [(2, 3), (3, 2)]),
        ("ba", [(2, 3)]),
        ("i...,...i", [(2, 3), (3, 2)]),
        ("...ij->...ji", [(2, 2, 3)]),
        ("ij, jk -> ik", [(2, 3), (3, 2)]),
        ("ii", [(3, 3)]),
        ("a,b,c", [(2,), (1,), (3,)]),
        (",i->i", [(), (3,)]),
    ],
)
def test_einsum_reads_numpys_strings(subscripts: str, shapes: list[tuple[int, ...]]) -> None:
    arrays = [array(*shape, seed=i) for i, shape in enumerate(shapes)]
    np.testing.assert_allclose(nt.einsum(subscripts, *arrays).array, np.einsum(subscripts, *arrays), rtol=1e-12)


def test_einsum_starts_with_the_smallest_result() -> None:
    shapes = {"ij": (50, 50), "jk": (50, 50), "k": (50,)}
    assert _order(tuple(shapes.items()), "i")[0] == (1, 2), "the vector first: no 50 x 50 product"


@few
@given(*[st.lists(sizes, max_size=2).map(tuple)] * 3, st.data())
def test_tensordot(left: tuple[int, ...], shared: tuple[int, ...], right: tuple[int, ...], data: Any) -> None:
    """The last axes of a with the first of b, by their number; then the same axes in any order, by lists."""
    a, b, n = array(*left, *shared), array(*shared, *right, seed=1), len(shared)
    agrees_with_torch(lambda x, y: nt.tensordot(x, y, n), lambda x, y: torch.tensordot(x, y, n), a, b)
    order = data.draw(st.permutations(range(n)))
    axes = ([i - n for i in order], list(order))
    agrees_with_torch(lambda x, y: nt.tensordot(x, y, axes), lambda x, y: torch.tensordot(x, y, axes), a, b)


@pytest.mark.parametrize("name", ["inv", "det", "cholesky"])
@pytest.mark.parametrize("batch", [(), (3,), (2, 0), (2, 2)])
def test_functions_of_square_matrices_in_batches(name: str, batch: tuple[int, ...]) -> None:
    x = array(*batch, 4, 4)
    x = x @ np.swapaxes(x, -1, -2) + 3 * np.eye(4)
    agrees_with_torch(getattr(nt, name), getattr(torch.linalg, name), x)


@pytest.mark.parametrize(
    ("a", "b"),
    [((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (2, 3, 1)), ((3, 3), (4, 3, 2)), ((2, 1, 3, 3), (5, 3, 2))],
)
def test_solve(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    agrees_with_torch(nt.solve, torch.linalg.solve, array(*a) + 4 * np.eye(3), array(*b, seed=1))


def test_solve_takes_a_vector_for_every_matrix_of_a_batch_as_numpy_2() -> None:
    a, b = array(2, 3, 3) + 4 * np.eye(3), array(3, seed=1)
    np.testing.assert_allclose(nt.solve(a, b).array, np.linalg.solve(a, b), rtol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("rank", [0, 1, 2])
def test_gradient_of_det_of_a_singular_matrix_is_its_cofactors(n: int, rank: int) -> None:
    """Integers, so that pivots are exactly 0: there PyTorch gives 0."""
    rank = min(rank, n - 1)
    x = np.random.default_rng(n).integers(-2, 3, (n, rank)) @ np.random.default_rng(9).integers(-2, 3, (rank, n))
    x = nt.Tensor(x.astype(np.float64), requires_grad=True)
    nt.det(x).backward()
    minors = [[np.delete(np.delete(x.array, i, 0), j, 1) for j in range(n)] for i in range(n)]
    want = [[(-1) ** (i + j) * np.linalg.det(minors[i][j]) for j in range(n)] for i in range(n)]
    np.testing.assert_allclose(x.grad.array, want, rtol=1e-9, atol=1e-9)


def test_the_gradient_of_cholesky_is_symmetric() -> None:
    a = array(3, 3)
    x = nt.Tensor(a @ a.T + np.eye(3), requires_grad=True)
    nt.cholesky(x).sum().backward()
    np.testing.assert_array_equal(x.grad.array, x.grad.array.T)


@few
@given(st.lists(sizes, max_size=3), sizes, sizes, st.booleans())
def test_linear_of_any_leading_axes(leading: list[int], inputs: int, outputs: int, biased: bool) -> None:
    arrays = [array(*leading, inputs), array(outputs, inputs, seed=1)] + [array(outputs, seed=2)] * biased
    agrees_with_torch(F.linear, torch.nn.functional.linear, *arrays)


def test_linear_skips_gradients_that_nobody_wants() -> None:
    saved = Linear.forward(xp, array(3, 4), array(2, 4), array(2))[1]
    assert [dx is None for dx in Linear.backward(xp, saved, array(3, 2), (False, True, False))] == [True, False, True]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nt.ones((2, 3)) @ nt.ones((2, 3)), ValueError, r"matmul: a \(…, K\) = \(2, 3\) needs b .* K = 3, got"),
        (lambda: nt.matmul(nt.ones((2, 3)), 2.0), ValueError, r"matmul: expected arrays of at least 1 axis, got b"),
        (lambda: nt.ones((2, 3, 4)) @ nt.ones((3, 4, 5)), ValueError, r"matmul: the leading axes .* do not broadcast"),
        (lambda: nt.dot(nt.ones(3), nt.ones((2, 4))), ValueError, r"dot: a \(…, K\) = \(3,\) needs"),
        (lambda: nt.einsum("ij,jk", nt.ones((2, 3))), ValueError, r"einsum: 'ij,jk' names 2 operands, got 1"),
        (lambda: nt.einsum("ij->ik", nt.ones((2, 3))), ValueError, r"einsum: the output of 'ij->ik' .* 'k'"),
        (lambda: nt.einsum("ij->ii", nt.ones((2, 3))), ValueError, r"einsum: the output .* once"),
        (lambda: nt.einsum("i1", nt.ones((2, 3))), ValueError, r"einsum: 'i1' has '1'"),
        (lambda: nt.einsum("ijk", nt.ones((2, 3))), ValueError, r"einsum: 'ijk' .* does not fit the 2 axes"),
        (lambda: nt.einsum("ii", nt.ones((2, 3))), ValueError, r"einsum: 'ii' takes a diagonal of unequal axes"),
        (lambda: nt.einsum("ij,j", nt.ones((2, 3)), nt.ones(2)), ValueError, r"einsum: label 'j' .* length 3 and 2"),
        (lambda: nt.einsum("i,", nt.ones(2), 3.0), TypeError, r"einsum: expected arrays, got the number 3.0"),
        (lambda: nt.einsum(nt.ones(2), "i"), TypeError, r"einsum: expected the subscripts as a string"),
        (lambda: nt.tensordot(nt.ones((2, 3)), nt.ones((2, 3))[:1]), ValueError, r"tensordot: axes \[0, 1\] of a"),
        (lambda: nt.tensordot(nt.ones(2), nt.ones(2), ([0], [])), ValueError, r"tensordot: expected as many axes"),
        (lambda: nt.trace(nt.ones(3)), ValueError, r"trace: expected x of at least 2 axes"),
        (lambda: nt.inv(nt.ones((2, 3))), ValueError, r"inv: expected square matrices"),
        (lambda: nt.inv(nt.ones((2, 2))), ValueError, r"inv: x of shape \(2, 2\) holds a singular matrix"),
        (lambda: nt.solve(nt.ones((2, 2)), nt.ones(2)), ValueError, r"solve: a of shape \(2, 2\) holds a singular"),
        (lambda: nt.solve(nt.eye(2), nt.ones(3)), ValueError, r"solve: a .* N = 2 needs b"),
        (lambda: nt.det(nt.ones(4)), ValueError, r"det: expected square matrices"),
        (lambda: nt.cholesky(-nt.eye(2)), ValueError, r"cholesky: .* not positive definite"),
        (lambda: F.linear(nt.ones((2, 3)), nt.ones((4, 2))), ValueError, r"linear: input \(…, D\) = \(2, 3\) needs"),
        (lambda: F.linear(nt.ones((2, 3)), nt.ones((1, 3)), nt.ones(5)), ValueError, r"linear: .* bias \(M\) = \(1,\)"),
        (lambda: F.bilinear(nt.ones(2), nt.ones(3), nt.ones((4, 3, 2))), ValueError, r"bilinear: weight \(M, I, J\)"),
    ],
)
def test_a_wrong_argument_is_refused_in_one_line(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
