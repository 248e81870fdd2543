"""The Tensor as people handle it: operands, dtypes, copies, conversions, attributes, and what is refused."""

from __future__ import annotations

import copy
import operator
import pickle
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import nanonet as nt

ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod, operator.matmul]
FOREIGN = [None, "a", object(), {}, {1}, Decimal(2), 2j, np.array([1j, 2, 3]), np.array(["a"] * 3), len, slice(1)]


def leaf(*values: float) -> Any:
    return nt.tensor(np.array(values), requires_grad=True)


# Operands


@pytest.mark.parametrize("op", ARITHMETIC)
@pytest.mark.parametrize("other", FOREIGN, ids=[type(x).__name__ for x in FOREIGN])
def test_operands_that_are_no_real_numbers_are_a_type_error(op: Any, other: Any) -> None:
    x = leaf(1.0, 2.0, 3.0)
    with pytest.raises(TypeError):
        op(x, other)
    if not (op is operator.mod and isinstance(other, str)):  # "a" % x formats
        with pytest.raises(TypeError):
            op(other, x)


def test_none_is_refused_by_an_empty_tensor_too() -> None:
    with pytest.raises(TypeError, match=r"unsupported operand.*'Tensor' and 'NoneType'"):
        nt.zeros(0) + None


def test_equal_to_what_is_no_number_is_false() -> None:
    x = leaf(1.0, 2.0)
    for other in (None, "a", object()):
        assert (x == other) is False
        assert (x != other) is True
    assert None not in [x]
    assert (x == [1.0, 3.0]).tolist() == [True, False]


def test_an_operand_may_answer_for_itself() -> None:
    class Unit:
        def __rmul__(self, x: Any) -> str:
            return f"{x.tolist()} m"

    assert leaf(2.0) * Unit() == "[2.0] m"
    assert leaf(2.5)[0] == pytest.approx(2.5)


@pytest.mark.parametrize(
    "other", [2, 2.0, True, np.float64(2), np.int64(2), np.bool_(True), [1, 2, 3], (1.0, 2.0, 3.0), range(3)], ids=repr
)
def test_numbers_and_lists_take_on_the_dtype(other: Any) -> None:
    x = nt.tensor([1.0, 2.0, 3.0])
    for y in (x + other, other + x, x * other, other * x, x - other, other - x):
        assert (type(y), y.dtype) == (nt.Tensor, np.float32)
    np.testing.assert_array_equal((other - x).array, np.asarray(other, np.float32) - x.array)


def test_logical_operators_are_for_booleans() -> None:
    m = nt.tensor([True, False])
    assert (m & True).tolist() == [True, False]
    assert (~m | m).tolist() == [True, True]
    assert (np.array([True, True]) & m).tolist() == [True, False]
    i = nt.tensor([6, 3])
    for wrong in (lambda: i & 3, lambda: 3 | i, lambda: ~i, lambda: m & 1, lambda: m & None):
        with pytest.raises(TypeError, match="expected booleans, got"):
            wrong()


def test_one_complex_number_does_not_cut_the_graph_in_silence() -> None:
    with pytest.raises(TypeError, match="expected numbers, got dtype complex128"):
        nt.tensor(1j)
    with pytest.raises(TypeError, match="dtype: expected a real one"):
        leaf(1.0).astype(np.complex64)


# Dtypes, layouts


def test_foreign_byte_order_becomes_this_machines() -> None:
    x = nt.tensor(np.array([1.0, 2.0], dtype=">f8"), requires_grad=True)
    assert x.dtype.isnative
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad.array, [2.0, 4.0])
    assert nt.tensor([1, 2], dtype=">i4").astype(">f4").dtype.isnative


def test_negative_strides() -> None:
    a = np.arange(12.0).reshape(3, 4)[::-1, ::-2].T
    x = nt.tensor(a, requires_grad=True)
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad.array, 2 * a)


@pytest.mark.parametrize("dtype", [object, "S3", "abc", np.complex64, "datetime64[s]"], ids=str)
def test_dtypes_that_hold_no_real_numbers_are_refused(dtype: Any) -> None:
    makers = (
        lambda: nt.tensor([1.0], dtype=dtype),
        lambda: nt.zeros(2, dtype=dtype),
        lambda: nt.ones_like([1.0], dtype=dtype),
        lambda: nt.randn(2, dtype=dtype),
        lambda: leaf(1.0).to(dtype),
    )
    for make in makers:
        with pytest.raises(TypeError, match=r"dtype: expected a real one such as 'float32'.*got"):
            make()


def test_to_takes_device_and_dtype() -> None:
    x = nt.tensor([1.0])
    assert x.to("cpu") is x
    assert x.to(device="cpu:0") is x
    assert x.to("cpu", np.float64).dtype == np.float64
    assert x.to(dtype="float64").dtype == np.float64
    assert (x.long().dtype, x.double().dtype, x.cpu()) == (np.int64, np.float64, x)
    with pytest.raises(ValueError, match="device: expected 'cpu' or 'cuda', got 'cuda:7'"):
        x.to("cuda:7")


# Attributes


def test_requires_grad_is_checked_when_assigned() -> None:
    i, x = nt.tensor([1, 2]), nt.tensor([1.0])
    with pytest.raises(TypeError, match="only floating tensors have gradients, this is int64"):
        i.requires_grad = True
    with pytest.raises(TypeError, match="expected True or False, got 'yes'"):
        x.requires_grad = "yes"
    x.requires_grad = True
    y = x * 2.0
    with pytest.raises(RuntimeError, match="result of an operation"):
        y.requires_grad = False


def test_requires_grad_switched_off_after_the_forward() -> None:
    x, w = leaf(2.0), leaf(3.0)
    y = x * w
    x.requires_grad = False
    y.backward()
    assert x.grad is None
    assert w.grad.item() == 2.0


def test_grad_is_checked_when_assigned() -> None:
    x = nt.tensor([1.0, 2.0], requires_grad=True)
    x.grad = np.ones(2)
    assert (type(x.grad), x.grad.dtype) == (nt.Tensor, np.float32)
    for wrong in (nt.ones(3), 1.0):
        with pytest.raises(ValueError, match=r"grad: expected shape \(2,\)"):
            x.grad = wrong
    x.grad = None
    assert x.grad is None


def test_counts_and_sizes() -> None:
    x = nt.zeros(2, 3, dtype=np.float64)
    assert (x.size, x.numel(), x.ndim, x.dim(), x.nbytes, x.itemsize, len(x)) == (6, 6, 2, 2, 48, 8, 2)


def test_mt_of_a_vector_is_refused() -> None:
    with pytest.raises(ValueError, match=r"mT: expected at least 2 axes, got shape \(2,\)"):
        leaf(1.0, 2.0).mT  # noqa: B018


# Text and conversions


def test_text() -> None:
    assert repr(nt.zeros(0, 3)) == "tensor([], shape=(0, 3))"
    assert repr(leaf(1.5)) == "tensor([1.5], dtype=float64, requires_grad=True)"
    assert len(repr(nt.zeros(200, 200))) < 500
    assert f"{leaf(2.5):.2f} {nt.tensor(3):>3d} {nt.tensor([True])}" == "2.50   3 tensor([ True])"


def test_numpy_takes_copies_unless_told() -> None:
    x = nt.tensor([1.0, 2.0])
    np.asarray(x)[0] = 9.0
    assert x.tolist() == [1.0, 2.0]
    np.asarray(x, copy=False)[0] = 9.0
    assert x.tolist() == [9.0, 2.0]
    with pytest.raises(ValueError, match="only as a copy"):
        np.asarray(x, dtype=np.float64, copy=False)
    np.testing.assert_allclose(x, [9.0, 2.0])


def test_comparisons_with_a_plain_answer() -> None:
    x = nt.tensor([1.0, np.nan])
    assert nt.allclose([1.0, 2.0], nt.tensor([1.0, 2.0 + 1e-7]))
    assert not nt.allclose([1.0, 2.0], [1.0, 2.1])
    assert not nt.array_equal(x, x)
    assert nt.array_equal(x, x, equal_nan=True)
    assert nt.isclose(x, 1.0).tolist() == [True, False]


# Copies


def test_clone_is_in_the_graph_and_has_its_own_memory() -> None:
    x = leaf(1.0, 2.0)
    y = x.clone()
    (y * 3.0).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    x.detach().copy().data[0] = 9.0
    assert x.tolist() == [1.0, 2.0]


def test_deepcopy_of_a_leaf() -> None:
    x = leaf(1.0, 2.0)
    x.register_hook(lambda dx: dx * 2.0)
    (x * x).sum().backward()
    y = copy.deepcopy(x)
    assert (y.tolist(), y.grad.tolist(), y.requires_grad, y.hooks) == ([1.0, 2.0], [4.0, 8.0], True, None)
    y.data[0] = y.grad.data[0] = 7.0
    assert (x.tolist(), x.grad.tolist()) == ([1.0, 2.0], [4.0, 8.0])


def test_deepcopy_of_a_result_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"deepcopy.*use detach\(\) or clone\(\)"):
        copy.deepcopy(leaf(1.0) * 2.0)


def test_a_shallow_copy_shares_memory_which_is_watched() -> None:
    x = leaf(1.0, 2.0)
    y = copy.copy(x)
    z = (x * x).sum()
    y.data[0] = 9.0
    assert x.tolist() == [9.0, 2.0]
    with pytest.raises(RuntimeError, match="changed in place"):
        z.backward()


def test_pickle_leaves_graph_and_hooks_behind() -> None:
    x = leaf(1.0, 2.0)
    x.register_hook(lambda dx: None)
    y = x
    for _ in range(3000):  # deeper than Python's stack
        y = y * 1.0
    for tensor in (x, y):
        z = pickle.loads(pickle.dumps(tensor))
        assert (z.tolist(), z.requires_grad, z.is_leaf, z.hooks) == ([1.0, 2.0], True, True, None)


# Making tensors


def test_shapes_one_by_one_or_as_a_sequence() -> None:
    for make in (nt.zeros, nt.ones, nt.rand, nt.randn):
        assert make(2, 3).shape == make((2, 3)).shape == make([2, 3]).shape == (2, 3)
        assert make().shape == ()
        with pytest.raises(TypeError, match=rf"{make.__name__}: expected integers for the shape"):
            make(2.0)
        with pytest.raises(ValueError, match=rf"{make.__name__}: expected axes of length 0 or more, got shape \(-1,\)"):
            make(-1)
    assert nt.full(2, 3.0).shape == (2,)


def test_random_numbers_like_and_integers() -> None:
    x = nt.zeros(2, 3, dtype=np.float64)
    assert (nt.randn_like(x).shape, nt.rand_like(x).dtype) == ((2, 3), np.float64)
    i = nt.randint(5, (100,))
    assert (int(i.array.min()), int(i.array.max())) == (0, 4)
    with pytest.raises(ValueError, match="randint: expected low < high, got 5 and 5"):
        nt.randint(5, 5, (2,))


def test_asarray_does_not_copy_a_tensor() -> None:
    x = nt.tensor([1.0])
    assert nt.asarray(x) is x
    assert nt.asarray([1.0]).dtype == nt.ones_like([1.0]).dtype == np.float32
    with pytest.raises(ValueError, match="arange: expected a step that is not 0"):
        nt.arange(0, 1, 0)


# Assigning elements


def test_elements_of_a_constant_are_assigned() -> None:
    x = nt.zeros(2, 3)
    x[0] = [1, 2, 3]
    x[:, 1] = nt.tensor([8.0, 9.0])
    x[nt.tensor([[False, False, True]] * 2)] = np.float32(5)
    assert x.tolist() == [[1.0, 8.0, 5.0], [0.0, 9.0, 5.0]]


@pytest.mark.parametrize("value", [None, "a", 2j, object()], ids=["None", "text", "complex", "object"])
def test_only_numbers_are_assigned(value: Any) -> None:
    x = nt.zeros(2)
    with pytest.raises(TypeError, match="expected numbers"):
        x[0] = value
    assert x.tolist() == [0.0, 0.0]


def test_a_gradient_is_not_lost_in_an_assignment() -> None:
    x, w = nt.zeros(2), leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"value requires a gradient.*detach\(\)"):
        x[:] = w * 2.0
    with nt.no_grad():
        x[:] = w * 2.0
    x[0] = w.detach()[0]
    assert x.tolist() == [1.0, 4.0]


def test_python_floats_in_lists_are_as_exact_as_what_they_meet() -> None:
    x = nt.tensor(np.array([0.0, 0.0]), requires_grad=True)
    tenths = [0.1, 0.2]
    results = (x + tenths, tenths + x, nt.add(x, tenths), x * 0.0 + tuple(tenths))
    for y in results:
        assert y.tolist() == [0.1, 0.2]
    x.data = [0.1, 0.2]
    assert x.tolist() == [0.1, 0.2]
    (x * 1.0).backward([0.1, 0.2])
    assert x.grad.tolist() == [0.1, 0.2]
    with nt.no_grad():
        x[:] = [0.3, 0.4]
        x[0] = 0.7
    assert x.tolist() == [0.7, 0.4]
    assert (nt.tensor([1.0, 2.0]) + tenths).dtype == np.float32
    assert ([0.1] @ nt.tensor(np.array([1.0]))).item() == 0.1
