"""The local Jacobian of a step is the operation's backward, and its structure is what the numbers show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet.backends.numpy import backend
from nanonet.gradcheck.reference import derivatives
from nanonet.gradcheck.reference.channels import Channels
from nanonet.op import REGISTRY, Op, Sample
from nanonet.tape import Entry, recorded, unbroadcast
from nanonet.teach.cards import patterns as seen
from nanonet.teach.cards.jacobian import Jacobian, local_jacobian
from nanonet.teach.cards.structure import structure_of
from tests.support import call, cases, first_outputs

LIMIT = 200_000  # no sample's Jacobian has more entries: all are looked at in full


@dataclass(frozen=True)
class Case:
    """One Jacobian of one step that a sample records, and what the step was given."""

    J: Jacobian
    entry: Entry
    arrays: list[Any]
    wanted: int
    output: int

    def forward(self, x: np.ndarray) -> np.ndarray:
        """The output again, flat, with another x."""
        inputs = [x if k == self.wanted else one for k, one in enumerate(self.arrays)]
        y = backend.run(self.entry.op.forward, *inputs, **self.entry.attrs)[0]
        return np.ravel(y[self.output] if isinstance(y, tuple) else y)


def jacobians(op: type[Op], sample: Sample) -> Iterator[Case]:
    """For each step of a sample (of an op made of others, its parts), each output that counts, each input that asks.

    The batch's statistics, which batch norm hands out for its running averages, have no gradient and do not count.
    """
    y, _ = call(op, sample, sample.draw(), nt.Tensor.wrap)
    roots = first_outputs(y)
    entries = recorded(roots)
    tensors = [*roots, *(x for entry in entries for x in entry.inputs if isinstance(x, nt.Tensor))]
    used = {(x.entry, x.index) for x in tensors if x.entry is not None}
    for entry in entries:
        arrays = [x.array if isinstance(x, nt.Tensor) else x for x in entry.inputs]
        if entry.op.promote:
            backend.promote(entry.op.promote, arrays)
        for output in range(len(entry.outputs) or 1):
            for wanted in (k for k, need in enumerate(entry.needs) if need and (entry, output) in used):
                given = entry.op, arrays, entry.attrs, entry.saved, wanted, output, tuple(entry.needs)
                yield Case(local_jacobian(*given, limit=LIMIT), entry, arrays, wanted, output)


@pytest.mark.parametrize(("op", "sample"), cases())
def test_the_jacobian_is_the_vjp_and_the_difference_quotient(op: type[Op], sample: Sample) -> None:
    """Jᵀdy is the tape's dx to 1e-12, for a random dy; each entry of J is a slope of forward to 1e-6.

    Where the sample names a place at which there is no slope, only the first.
    """
    for case in jacobians(op, sample):
        assert_is_the_tapes(case)
        assert_is_vjp(case.J)
        if not sample.kink and case.J.rows * case.J.columns:
            assert_is_slope(case)


def assert_is_the_tapes(case: Case) -> None:
    """What the view calls the engine's own way is what the tape does: byte for byte."""
    x = np.asarray(case.arrays[case.wanted])
    dy = np.random.default_rng(0).standard_normal(case.J.y_shape)
    dys = [dy if k == case.output else None for k in range(len(case.entry.outputs) or 1)]
    dx = case.entry.gradients(backend, dys, False)[case.wanted]
    if dx is None:  # the rule's way to say zero
        dx = np.zeros_like(x)
    elif dx.shape != x.shape:
        dx = backend.run(unbroadcast, dx, x.shape)
    np.testing.assert_array_equal(case.J.vjp(dy), dx)


def assert_is_vjp(J: Jacobian) -> None:
    assert J.dense is not None
    dy = np.random.default_rng(0).standard_normal(J.y_shape)
    np.testing.assert_allclose(J.product(dy), J.vjp(dy), rtol=1e-12, atol=1e-12 * size(J.dense))


def assert_is_slope(case: Case) -> None:
    """Beside a reference whose own error bars are smaller than what is claimed."""
    J = case.J
    assert J.dense is not None
    slopes = derivatives(case.forward, case.arrays[case.wanted], Channels(np.zeros((0, J.rows)), units=True))
    scale = max(1.0, size(J.dense))
    assert np.all(slopes.bar <= 1e-6 * scale), "the reference is not sharp enough to say anything"
    np.testing.assert_allclose(J.dense, slopes.value.reshape(J.dense.shape), rtol=1e-6, atol=1e-6 * scale)


def size(a: np.ndarray) -> float:
    finite = a[np.isfinite(a)]
    return float(np.max(np.abs(finite), initial=0.0))


# The checker fails where it should


def planted(monkeypatch: pytest.MonkeyPatch, rule: Any) -> Case:
    """tanh with another backward."""
    op = REGISTRY["array.tanh"]
    monkeypatch.setattr(op, "backward", staticmethod(rule))
    return next(jacobians(op, op.samples[0]))


def test_a_planted_wrong_factor_is_no_slope(monkeypatch: pytest.MonkeyPatch) -> None:
    case = planted(monkeypatch, lambda xp, saved, dy: (dy * (1 + saved[0] * saved[0]),))
    assert_is_vjp(case.J)
    with pytest.raises(AssertionError, match="Not equal"):
        assert_is_slope(case)


def test_a_planted_rule_that_is_not_linear_is_no_product(monkeypatch: pytest.MonkeyPatch) -> None:
    """dy² is dy for a unit dy: the matrix is right, and the rule is not."""
    case = planted(monkeypatch, lambda xp, saved, dy: (dy * dy * (1 - saved[0] * saved[0]),))
    assert_is_slope(case)
    with pytest.raises(AssertionError, match="Not equal"):
        assert_is_vjp(case.J)


# Patterns: each with a matrix that has it, and one that nearly has it

R = np.random.default_rng(3).standard_normal
EYE = np.eye(4)
TOEPLITZ = np.array([[1.0, 2, 3, 0, 0], [0, 1, 2, 3, 0], [0, 0, 1, 2, 3]])
STRIDED = np.array([[1.0, 2, 3, 0, 0], [0, 0, 1, 2, 3]])
U, V, D, A, B = R(4), R(5), R(4), R((2, 3)), R((3, 2))
SOFTMAX = np.diag(np.full(4, 0.25)) - 1 / 16


def moved(J: np.ndarray, i: int, j: int, by: float = 1e-9) -> np.ndarray:
    """J with one entry moved a little."""
    other = J.astype(float)
    other[i, j] += by
    return other


PATTERNS: list[tuple[str, Any, np.ndarray, np.ndarray]] = [
    ("zero", seen.is_zero, np.zeros((2, 3)), moved(np.zeros((2, 3)), 1, 2, 1e-300)),
    ("constant", seen.is_constant, np.full((2, 3), 0.1), moved(np.full((2, 3), 0.1), 1, 2)),
    ("diagonal", seen.is_diagonal, np.diag(D), moved(np.diag(D), 0, 1, 1e-300)),
    ("multiple of I", seen.multiple_of_identity, 0.3 * EYE, moved(0.3 * EYE, 3, 3)),
    ("identity", seen.is_identity, EYE, moved(EYE, 3, 3)),
    ("mask", seen.is_mask, np.diag([1.0, 0, 1]), np.diag([1.0, 0, 2])),
    ("one per row", seen.picks_one, np.array([[0, 2.0], [3, 0], [0, 1]]), np.array([[0, 2.0], [3, 1e-9]])),
    ("selection", seen.is_selection, EYE[[0, 2, 2]], moved(EYE[[0, 2, 2]], 0, 0)),
    ("permutation", seen.is_permutation, EYE[[2, 0, 3, 1]], EYE[[2, 0, 3, 0]]),
    ("constant rows", seen.rows_are_constant, np.outer(U, np.ones(3)), moved(np.outer(U, np.ones(3)), 2, 1)),
    ("constant columns", seen.columns_are_constant, np.outer(np.ones(3), V), moved(np.outer(np.ones(3), V), 2, 1)),
    ("rank one", seen.rank_one, np.outer(U, V), moved(np.outer(U, V), 1, 1)),
    ("diagonal + rank one", seen.diagonal_plus_rank_one, np.diag(D) + np.outer(U, U[::-1]), moved(SOFTMAX, 0, 1)),
    ("symmetric", seen.is_symmetric, A @ A.T, moved(A @ A.T, 0, 1)),
    ("lower", seen.is_lower_triangular, np.tril(R((4, 4))), moved(np.tril(R((4, 4))), 0, 1, 1e-300)),
    ("upper", seen.is_upper_triangular, np.triu(R((4, 4))), moved(np.triu(R((4, 4))), 1, 0, 1e-300)),
    ("blocks", seen.aligned_blocks, np.kron(np.diag([1.0, 2]), A), moved(np.kron(np.diag([1.0, 2]), A), 0, 3)),
    ("interleaved", seen.interleaved_blocks, np.kron(A, np.eye(2)), moved(np.kron(A, np.eye(2)), 0, 1)),
    ("Kronecker", seen.kronecker, np.kron(A, B), moved(np.kron(A, B), 0, 0)),
    ("Toeplitz", lambda J: seen.shift_invariant(J, (3,), (5,)), TOEPLITZ, moved(TOEPLITZ, 1, 1)),
    ("Toeplitz of stride 2", lambda J: seen.shift_invariant(J, (2,), (5,)), STRIDED, moved(STRIDED, 1, 2)),
]


@pytest.mark.parametrize(("name", "question", "true", "near"), PATTERNS, ids=[p[0] for p in PATTERNS])
def test_a_pattern_is_seen_and_a_near_miss_is_not(name: str, question: Any, true: np.ndarray, near: np.ndarray) -> None:
    def answer(J: np.ndarray) -> bool:
        found = question(J)
        return found is not None and found is not False

    assert answer(true)
    assert not answer(near)


def test_what_a_pattern_finds_makes_up_the_matrix() -> None:
    one = seen.rank_one(np.outer(U, V))
    assert one is not None
    np.testing.assert_allclose(np.outer(*one), np.outer(U, V), rtol=1e-14)
    J = np.diag(D) + np.outer(U, U[::-1])
    three = seen.diagonal_plus_rank_one(J)
    assert three is not None
    np.testing.assert_allclose(np.diag(three[0]) + np.outer(*three[1:]), J, rtol=1e-12)
    factors = seen.kronecker(np.kron(A, B))
    assert factors is not None
    np.testing.assert_allclose(np.kron(*factors), np.kron(A, B), rtol=1e-14)
    assert seen.shift_invariant(STRIDED, (2,), (5,)) == (2,)


STRUCTURES: list[tuple[np.ndarray, str, str]] = [
    (np.zeros((2, 3)), "zero", "0"),
    (np.array([[0.42]]), "one number", "0.42"),
    (np.eye(3), "identity", "I₃"),
    (-2.5 * np.eye(3), "multiple of the identity", "-2.5 I₃"),
    (np.diag([1.0, 0, 1]), "diagonal of 0 and 1", "diag(mask)"),
    (np.diag(D), "diagonal", "diag(d)"),
    (EYE[[2, 0, 3, 1]], "permutation", "P"),
    (EYE[[2, 0]], "selection", "S"),
    (np.kron(np.ones((3, 1)), EYE), "selection", "1₃ ⊗ I₄"),
    (np.kron(EYE, np.ones((3, 1))), "selection", "I₄ ⊗ 1₃"),
    (2 * EYE[[2, 0, 0]], "weighted selection", ""),
    (np.ones((1, 3)), "row of ones", "1ᵀ"),
    (np.full((1, 4), 0.25), "constant row", "0.25 1ᵀ"),
    (V[None], "row", "gᵀ"),
    (U[:, None], "column", "u"),
    (0.5 * np.ones((3, 1)), "constant column", "0.5 1"),
    (np.ones((3, 1)), "column of ones", "1"),
    (np.full((2, 3), 0.1), "constant", "0.1 1 1ᵀ"),
    (np.outer(U, np.ones(3)), "constant rows", "u 1ᵀ"),
    (np.outer(np.ones(3), V), "constant columns", "1 vᵀ"),
    (np.outer(U, V), "rank one", "u vᵀ"),
    (SOFTMAX, "diagonal plus rank one", "diag(d) + u vᵀ"),
    (np.kron(np.eye(3), A), "Kronecker product", "I₃ ⊗ B"),
    (np.kron(A, np.eye(3)), "Kronecker product", "B ⊗ I₃"),
    (np.kron(np.eye(3), np.ones((1, 2))), "Kronecker product", "I₃ ⊗ 1₂ᵀ"),
    (np.kron(np.full((1, 2), 0.5), np.eye(3)), "Kronecker product", "(0.5 1₂ᵀ) ⊗ I₃"),
    (np.kron(A, B), "Kronecker product", "A ⊗ B"),
    (np.kron(np.diag([1.0, 2]), A), "block diagonal", "diag(B₁, B₂, …)"),
    (TOEPLITZ, "convolution (Toeplitz)", ""),
    (np.tril(np.ones((3, 3))), "lower triangle of ones", "L"),
    (np.triu(np.ones((3, 3))), "upper triangle of ones", "U"),
    (np.tril(R((4, 4))), "lower triangular", ""),
    (np.triu(R((4, 4))), "upper triangular", ""),
    (R((3, 4)) @ R((4, 3)), "dense", ""),
    (np.array([[1.0, 0, 0, 2], [0, 3, 0, 4], [5, 0, 6, 0]]), "sparse", ""),
    (A @ A.T, "symmetric", "J = Jᵀ"),
    (np.array([[np.nan, 1.0]]), "not finite", ""),
    (np.zeros((0, 3)), "empty", ""),
]


@pytest.mark.parametrize(("J", "name", "symbol"), STRUCTURES, ids=[f"{s[1]} {s[2]}" for s in STRUCTURES])
def test_the_most_special_name_is_given(J: np.ndarray, name: str, symbol: str) -> None:
    found = structure_of(J)
    assert (found.name, found.symbol) == (name, symbol)
    assert found.sentence.startswith(f"{name}: ")
    assert ", so Jᵀdy is " in found.sentence


# What a learner sees


def array_op(name: str) -> type[Op]:
    return REGISTRY[f"array.{name}"]


def test_a_stretched_bias_says_that_the_copies_are_summed() -> None:
    J = local_jacobian(array_op("add"), [R((4, 3)), R(3)], wanted=1)
    assert (J.rows, J.columns, J.structure.symbol) == (12, 3, "1₄ ⊗ I₃")
    assert J.stretched is not None
    assert J.stretched.structure.name == "identity"
    assert "b (3,) was stretched to (4, 3): the Jacobian for its 4 copies is identity" in J.sentence
    dy = R((4, 3))
    np.testing.assert_allclose(J.product(dy), dy.sum(0), rtol=1e-14)


def test_a_weight_matrix_is_a_kronecker_product() -> None:
    x, w = R((2, 3)), R((3, 4))
    of_x, of_w = (local_jacobian(array_op("matmul"), [x, w], wanted=k) for k in (0, 1))
    assert of_x.dense is not None
    assert of_w.dense is not None
    np.testing.assert_array_equal(of_x.dense, np.kron(np.eye(2), w.T))
    np.testing.assert_array_equal(of_w.dense, np.kron(x, np.eye(4)))
    assert (of_x.structure.symbol, of_w.structure.symbol) == ("I₂ ⊗ B", "B ⊗ I₄")


def test_softmax_of_rows_is_blocks_of_a_diagonal_plus_rank_one() -> None:
    J = local_jacobian(REGISTRY["network.softmax"], [R((2, 3))], {"dim": -1})
    assert "2 blocks of 3 × 3 along the diagonal, each diagonal plus rank one" in J.sentence


def test_one_of_several_outputs() -> None:
    x = R(5)
    J = local_jacobian(array_op("split"), [x], {"cuts": (0, 2, 5), "axis": 0}, output=1)
    assert (J.y_name, J.structure.name) == ("y1", "selection")
    np.testing.assert_array_equal(J.dense, np.eye(5)[2:])


def test_the_table_fits_the_terminal_and_has_the_numbers() -> None:
    assert local_jacobian(array_op("square"), [np.array([0.0, 1.0])]).text.splitlines() == [
        "J = ∂y/∂x = diag(d), 2 × 2: y (2,), x (2,)",
        "      x[0]  x[1]",
        "y[0]     ·     ·",
        "y[1]     ·     2",
        "diagonal: each y depends on its own x alone, so Jᵀdy is the elementwise product",
        "d ⊙ dy",
    ]
    wide = local_jacobian(array_op("matmul"), [R((5, 6)), R((6, 7))]).text
    assert max(map(len, wide.splitlines())) <= 80
    assert "…" in wide


def test_latex_has_the_numbers_too() -> None:
    J = local_jacobian(array_op("multiply"), [np.array([1.0, 2.0]), np.array([1e-7, 3.0])])
    matrix = r"\begin{bmatrix} 1 \cdot 10^{-7} & 0 \\ 0 & 3 \end{bmatrix}"
    assert J.latex == rf"\frac{{\partial y}}{{\partial a}} = {matrix}"


# Large ones


LARGE: list[tuple[str, list[Any], dict[str, Any], int, str, str]] = [
    ("array.tanh", [R((100, 100))], {}, 0, "diagonal", "3 probes of all rows"),
    ("array.neg", [R((100, 100))], {}, 0, "multiple of the identity", "3 probes of all rows"),
    ("array.reshape", [R((100, 100))], {"shape": (10000,)}, 0, "identity", "3 probes of all rows"),
    ("network.relu", [R((100, 100))], {}, 0, "diagonal of 0 and 1", "3 probes of all rows"),
    ("array.sign", [R((100, 100))], {}, 0, "zero", "2 probes of all rows"),
    ("array.sum", [R((100, 100))], {}, 0, "row of ones", ""),
    ("array.matmul", [R((64, 32)), R((32, 64))], {}, 0, "Kronecker product", "2 of 64 blocks, and by a probe of all"),
    ("array.matmul", [R((64, 32)), R((32, 64))], {}, 1, "Kronecker product", "2 of 64 blocks, and by a probe of all"),
    ("network.softmax", [R((100, 10))], {"dim": -1}, 0, "block diagonal", "2 of 100 blocks"),
    ("array.cumsum", [R(100)], {"axis": 0}, 0, "lower triangular", "8 of 100 rows"),
    ("array.getitem", [R(3000)], {"key": (slice(0, 2999),)}, 0, "selection", "8 of 2999 rows"),
    ("network.softmax", [R(100)], {"dim": -1}, 0, "dense", "8 of 100 rows"),
]


@pytest.mark.parametrize(
    ("op", "arrays", "attrs", "wanted", "name", "basis"), LARGE, ids=[f"{c[0]} {c[3]}" for c in LARGE]
)
def test_a_large_one_is_told_from_a_few_rows_and_says_so(
    op: str, arrays: list[Any], attrs: dict[str, Any], wanted: int, name: str, basis: str
) -> None:
    J = local_jacobian(REGISTRY[op], arrays, attrs, wanted=wanted)
    assert (J.dense, J.structure.name) == (None, name)
    assert basis in J.structure.basis
    assert J.structure.basis in J.sentence
    with pytest.raises(ValueError, match="is too large to multiply out"):
        J.product(np.zeros(J.y_shape))


def test_blocks_that_differ_between_those_looked_at_are_not_called_equal() -> None:
    """First and last row alike, the others not: the probe of all tells."""
    x = np.repeat(R((1, 10)), 50, axis=0)
    alike = local_jacobian(REGISTRY["network.softmax"], [x], {"dim": -1})
    assert alike.structure.name == "Kronecker product"
    x[20:30] = R((10, 10))
    assert local_jacobian(REGISTRY["network.softmax"], [x], {"dim": -1}).structure.name == "block diagonal"


# Bad input


@pytest.mark.parametrize(
    ("op", "options", "message"),
    [
        ("array.tanh", {"wanted": 1}, "expected wanted to name a float input of tanh, got 1"),
        ("array.tanh", {"output": 1}, "expected output to name a float output of tanh, got 1"),
        ("array.isnan", {}, "isnan has no backward of its own: it has no gradient"),
        ("array.dot", {}, "dot has no backward of its own: it is made of other operations, ask these"),
    ],
)
def test_what_has_no_jacobian_is_refused_in_one_line(op: str, options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        local_jacobian(REGISTRY[op], [np.ones(2)], **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"expected dy in y's shape \(2,\), got \(3,\)"):
        local_jacobian(array_op("tanh"), [np.ones(2)]).product(np.ones(3))
