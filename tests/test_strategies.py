"""The Hypothesis strategies draw what they say, all of it, and shrink to what one would write by hand."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

import nanonet as nt
from nanonet.gradcheck import strategies as gs

SEARCH = settings(max_examples=3000, deadline=None, database=None, derandomize=True)
SOON = settings(SEARCH, max_examples=1000, phases=[Phase.generate])


def smallest(strategy: st.SearchStrategy[Any], condition: Callable[[Any], bool] = lambda _: True) -> Any:
    return find(strategy, condition, settings=SEARCH)


def drawn(strategy: st.SearchStrategy[Any], condition: Callable[[Any], bool]) -> Any:
    """One such, found soon; find raises NoSuchExample if there is none."""
    return find(strategy, condition, settings=SOON)


@given(gs.arrays())
def test_arrays_are_float64_of_order_one_unless_told_otherwise(x: np.ndarray) -> None:
    assert x.dtype == np.float64
    assert x.ndim <= 3
    assert np.all(np.abs(x) <= 4)
    assert np.all(x.astype(np.float16) == x), "every float holds them exactly"


@pytest.mark.parametrize(
    ("what", "condition"),
    {
        "0-d": lambda x: x.ndim == 0,
        "empty": lambda x: x.size == 0,
        "Fortran's order": lambda x: x.flags.f_contiguous and not x.flags.c_contiguous,
        "every other element": lambda x: x.size > 1 and x.strides[-1] == 2 * x.itemsize,
        "negative strides": lambda x: x.size > 1 and all(stride < 0 for stride in x.strides),
        "ties": lambda x: np.unique(x).size < x.size,
        "no ties": lambda x: np.unique(x).size == x.size > 5,
        "zeros": lambda x: np.any(x == 0) and np.any(x != 0),
        "both signs": lambda x: np.any(x < 0) and np.any(x > 0),
    }.items(),
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_arrays_have(what: str, condition: Callable[[np.ndarray], bool]) -> None:
    assert drawn(gs.arrays(), condition) is not None, what


@given(gs.arrays(dtype=st.sampled_from([np.float32, np.int64, np.bool_, np.uint8]), shape=(2, 3)))
def test_arrays_of_other_dtypes(x: np.ndarray) -> None:
    assert x.shape == (2, 3)
    assert x.dtype in (np.float32, np.int64, np.bool_, np.uint8)


@given(st.data(), gs.shapes(), st.sampled_from(gs.LAYOUTS))
def test_a_layout_changes_no_value(data: Any, shape: tuple[int, ...], layout: str) -> None:
    x = data.draw(gs.arrays(shape))
    y = gs.laid_out(x, layout)
    assert y.shape == shape
    np.testing.assert_array_equal(x, y)
    assert not np.shares_memory(x, y)


def test_arrays_shrink_to_few_zeros_in_the_plain_layout() -> None:
    x = smallest(gs.arrays(), lambda x: x.ndim >= 2 and x.size >= 2)
    assert x.size == 2
    assert not x.any()
    assert x.flags.c_contiguous
    x = smallest(gs.arrays(), lambda x: x.sum() > 2.5)
    assert x.ndim == 0, "one number will do"
    assert x == 2.5 + 1 / 64


def test_the_layout_of_a_failing_array_is_printed() -> None:
    @settings(database=None, derandomize=True, phases=settings.default.phases)
    @given(gs.arrays((2, 3)))
    def fails(x: np.ndarray) -> None:
        assert x.strides[0] > 0

    with pytest.raises(AssertionError) as raised:
        fails()
    assert "the layout of the array of shape (2, 3): reversed" in "\n".join(raised.value.__notes__)


@given(st.data(), st.sampled_from([np.float64, np.float32, np.int64]), st.booleans())
def test_tensors_want_gradients_if_told_and_floating(data: Any, dtype: Any, wanted: bool) -> None:
    x = data.draw(gs.tensors(dtype=dtype, requires_grad=wanted))
    assert isinstance(x, nt.Tensor)
    assert x.dtype == dtype
    assert x.requires_grad == (wanted and dtype != np.int64)


def test_tensors_keep_their_strides() -> None:
    x = drawn(gs.tensors(), lambda x: x.size > 1 and min(x.numpy().strides) < 0)
    assert x.numpy().base is not None


@given(st.data(), gs.shapes(), st.sampled_from([1e-3, 0.1, 0.125, 3.0]))
def test_tie_free_elements_keep_their_distance_from_each_other_and_from_zero(
    data: Any, shape: tuple[int, ...], gap: float
) -> None:
    x = data.draw(gs.tie_free(shape, gap))
    assert x.shape == shape
    assert np.all(np.diff(np.sort(np.append(np.abs(x.ravel()), 0.0))) >= gap)
    y = data.draw(gs.tensors(shape, elements=gs.tie_free)).numpy()
    assert np.unique(y).size == y.size


def test_tie_free_elements_are_of_order_one_and_of_both_signs_and_shrink() -> None:
    np.testing.assert_array_equal(smallest(gs.tie_free((2, 2))), np.array([[1, 2], [3, 4]]) / 16)
    x = drawn(gs.tie_free((3, 4)), lambda x: x.min() < -0.5 and x.max() > 0.5)
    assert np.abs(x).max() <= 2
    with pytest.raises(ValueError, match="tie_free: expected a gap above 0, got 0"):
        gs.tie_free((2,), gap=0)


@given(st.data(), gs.shapes())
def test_cotangents_are_neither_uniform_nor_ones_nor_small(data: Any, shape: tuple[int, ...]) -> None:
    dy = data.draw(gs.cotangents(shape))
    assert dy.shape == shape
    assert np.all((np.abs(dy) > 0.5) & (np.abs(dy) < 1.5) & (np.abs(dy) != 1))
    assert np.unique(dy).size == dy.size


@given(gs.cotangents(gs.shapes()), gs.tie_free(st.just((2,))))
def test_a_shape_may_be_a_strategy(dy: np.ndarray, x: np.ndarray) -> None:
    assert dy.ndim <= 3
    assert x.shape == (2,)


@given(gs.broadcastable_shapes(3))
def test_shapes_broadcast_together(shapes: tuple[tuple[int, ...], ...]) -> None:
    assert len(shapes) == 3
    np.broadcast_shapes(*shapes)


@given(gs.broadcastable_shapes((2, 1, 3)))
def test_a_shape_broadcasts_with_the_given_one(shape: tuple[int, ...]) -> None:
    np.broadcast_shapes(shape, (2, 1, 3))


def test_broadcasting_goes_both_ways_and_over_empty_sides() -> None:
    def both(shapes: Any) -> bool:
        whole = np.broadcast_shapes(*shapes)
        return all(shape != whole for shape in shapes)

    assert drawn(gs.broadcastable_shapes(2), both)
    assert drawn(gs.broadcastable_shapes(2), lambda shapes: 0 in shapes[0] and 0 not in shapes[1])
    assert smallest(gs.broadcastable_shapes(2)) == ((), ())


@given(st.data(), gs.shapes())
def test_axes_are_numpys(data: Any, shape: tuple[int, ...]) -> None:
    axis = data.draw(gs.axes(len(shape)))
    np.zeros(shape).sum(axis=axis)
    assert not isinstance(data.draw(gs.axes(len(shape), several=False)), tuple)


@pytest.mark.parametrize("wanted", [None, 0, -1, (0,), (1, 0), (-1, 0), (0, 1, 2)])
def test_axes_have(wanted: Any) -> None:
    assert drawn(gs.axes(3), lambda axis: axis == wanted) == wanted


@given(st.data(), gs.shapes())
@settings(max_examples=100)
def test_index_expressions_are_numpys_and_so_are_the_gradients_through_them(data: Any, shape: tuple[int, ...]) -> None:
    x = data.draw(gs.tensors(shape))
    index = data.draw(gs.index_expressions(shape))
    y = x[index]
    picked = x.numpy()[index]
    np.testing.assert_array_equal(y.numpy(), picked)
    dy = data.draw(gs.cotangents(picked.shape))
    (dx,) = nt.vjp_of([y], [x], [dy])
    wanted = np.zeros(shape)
    np.add.at(wanted, index, dy)
    np.testing.assert_allclose(dx.numpy(), wanted, rtol=1e-12, atol=1e-14)


def parts(index: Any) -> list[Any]:
    return list(index) if isinstance(index, tuple) else [index]


def has(kind: Any) -> Callable[[Any], bool]:
    return lambda index: any(isinstance(part, kind) for part in parts(index))


def arrays_of(index: Any, kind: str) -> list[np.ndarray]:
    return [part for part in parts(index) if isinstance(part, np.ndarray) and part.dtype.kind == kind]


def part_kind(part: Any) -> str:
    return "array" if isinstance(part, np.ndarray) else "between"


@pytest.mark.parametrize(
    ("what", "condition"),
    {
        "an integer": has(int),
        "a slice": has(slice),
        "an ellipsis": has(type(...)),
        "a new axis": has(type(None)),
        "an integer array": lambda index: arrays_of(index, "i"),
        "a repeated element": lambda index: any(np.unique(a).size < a.size for a in arrays_of(index, "i")),
        "two arrays that broadcast": lambda index: len({a.shape for a in arrays_of(index, "i")}) > 1,
        "arrays apart": lambda index: "array between array" in " ".join(map(part_kind, parts(index))),
        "a mask": lambda index: arrays_of(index, "b"),
        "a mask of several axes": lambda index: any(a.ndim > 1 for a in arrays_of(index, "b")),
        "a mask and an array": lambda index: arrays_of(index, "b") and arrays_of(index, "i"),
        "nothing else but an array": lambda index: isinstance(index, np.ndarray),
    }.items(),
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_index_expressions_have(what: str, condition: Callable[[Any], bool]) -> None:
    index = drawn(gs.index_expressions((2, 3, 2)), lambda index: bool(condition(index)))
    assert np.zeros((2, 3, 2))[index] is not None, what


def test_index_expressions_shrink() -> None:
    index = smallest(gs.index_expressions((2, 3)), lambda index: any(a.size > 1 for a in arrays_of(index, "i")))
    (array,) = arrays_of(index, "i")
    assert not array.any()
    assert array.shape == (2,)
    assert len(parts(index)) <= 2


@given(st.data())
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
def test_a_check_at_tie_free_points_meets_no_kink(data: Any) -> None:
    x = data.draw(gs.tensors((2, 3), elements=gs.tie_free))
    report = nt.gradcheck(lambda x: nt.abs(x).max(axis=1), [x])
    assert report.verdict == "pass", str(report)


def test_a_wrong_gradient_is_found_and_shrunk() -> None:
    """A sum whose gradient forgets the axis that broadcasting added."""

    def is_wrong(given: tuple[np.ndarray, np.ndarray]) -> bool:
        x, b = given
        dy = np.full(np.broadcast_shapes(x.shape, b.shape), 0.5)
        db = dy if dy.shape == b.shape else dy.sum(axis=0)  # right for one added axis only
        return db.shape != b.shape

    pairs = gs.broadcastable_shapes(2).flatmap(lambda two: st.tuples(*[gs.arrays(shape) for shape in two]))
    x, b = smallest(pairs, is_wrong)
    assert math.prod(x.shape) <= 1
    assert b.size <= 1


def test_the_module_has_a_name_that_can_be_imported() -> None:
    """Hypothesis does so to print a lambda that uses it, and so may a person."""
    import nanonet.gradcheck.strategies as imported

    assert imported is gs


def test_without_hypothesis_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "nanonet.gradcheck.strategies")
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(ImportError, match=r"^nanonet.gradcheck.strategies needs Hypothesis: pip install hypothesis$"):
        importlib.import_module("nanonet.gradcheck.strategies")


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"arrays: expected layouts among C, F, strided, reversed, got 'G'"):
        drawn(gs.arrays((2,), layouts=["G"]), bool)
    with pytest.raises(ValueError, match=r"arrays: expected elements of shape \(2,\), got \(3,\)"):
        drawn(gs.arrays((2,), elements=lambda shape: gs.tie_free((3,))), bool)
