"""Every label of the corpus is true: forward itself, run with a hundred digits, gives the slopes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nanonet_benchmarks.gradcorpus import Case, cases
from nanonet_benchmarks.gradcorpus.case import CONDUCT

exact: Any = pytest.importorskip(
    "nanonet_benchmarks.gradcorpus.exact", reason="needs mpmath: pip install mpmath", exc_type=ImportError
)


def named(label: str, conduct: bool = False) -> list[str]:
    return [case.name for case in cases() if case.label == label and (case.trait == CONDUCT) == conduct]


def fresh(name: str) -> Case:
    return next(case for case in cases() if case.name == name)


def run_pair(case: Case, dy: Any = None) -> tuple[Any, Any, list[Any], list[Any]]:
    """(dy, dy afterwards, the gradients of the floating inputs, the inputs afterwards) of one forward and backward."""
    inputs = [x.copy() if isinstance(x, np.ndarray) else x for x in case.inputs]
    np.random.seed(0)
    y = case.forward(*inputs)
    y, extra = (y[0], (y[1],)) if case.cache else (y, inputs)
    if dy is None:
        rng = np.random.default_rng(3)
        dy = np.asarray(rng.uniform(0.5, 1.5, np.shape(y)) * rng.choice([-1.0, 1.0], np.shape(y)))
    given = dy.copy()
    with np.errstate(all="ignore"):
        found = case.backward(given, *extra)
    gradients = list(found) if isinstance(found, tuple | list) else [found]
    if len(gradients) == len(inputs):
        gradients = [gradients[i] for i in case.floating]
    return dy, given, gradients, inputs


def error(case: Case) -> float:
    """The largest error of backward, relative to the element; 1e-12 of the largest is as good as 0."""
    dy, _, found, _ = run_pair(case)
    if len(found) != len(case.floating):
        return np.inf
    largest = 0.0
    for i, dx in zip(case.floating, found, strict=True):
        x = np.asarray(case.inputs[i])
        some = list(np.ndindex(x.shape))[5::9] if x.size > 40 else list(np.ndindex(x.shape))  # the 64×64 take long
        left, right = exact.gradient(case, dy, i, some)
        np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-30, err_msg="there is a kink")
        slope = (left + right) / 2  # of |x|³ at 0 the one is ε², the other -ε²
        dx = np.zeros(x.shape) if dx is None else np.asarray(dx, dtype=float)
        if dx.shape != x.shape:
            return np.inf
        floor = max([1e-12 * abs(slope[k]) for k in some] + [1e-300])
        wrong = [abs(dx[k] - slope[k]) / max(abs(slope[k]), floor) for k in some if dx[k] != slope[k]]
        largest = max([largest, *np.where(np.isfinite(wrong), wrong, np.inf)])
    return float(largest)


@pytest.mark.parametrize("name", named("right") + named("right", conduct=True))
def test_right_gradients_are_right_to_sixty_digits(name: str) -> None:
    case = fresh(name)
    assert error(case) <= case.precision
    dy, given, _, inputs = run_pair(case)
    np.testing.assert_array_equal(given, dy)
    for before, after in zip(case.inputs, inputs, strict=True):
        np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("name", named("wrong"))
def test_wrong_gradients_are_wrong(name: str) -> None:
    assert error(fresh(name)) > 1e-6


def changes_its_arguments(case: Case) -> bool:
    dy, given, _, inputs = run_pair(case)
    changed = [not np.array_equal(a, b) for a, b in zip(inputs, case.inputs, strict=True)]
    return not np.array_equal(dy, given) or any(changed)


def differs_the_second_time(case: Case) -> bool:
    """Two calls of backward after one forward."""
    inputs = [np.array(x) for x in case.inputs]
    found = case.forward(*inputs)
    extra = (found[1],) if case.cache else inputs
    dy = np.ones(np.shape(found[0] if case.cache else found))
    first, second = (np.array(case.backward(dy.copy(), *extra)) for _ in range(2))
    return not np.array_equal(first, second)


def depends_on_what_ran_before(name: str) -> bool:
    """Forward, then the whole pair at other inputs, then backward: not what backward gives at once."""
    used, case = fresh(name), fresh(name)
    inputs, others = [np.array(x) for x in case.inputs], [0.5 * np.asarray(x) for x in case.inputs]
    dy = np.ones(np.shape(used.forward(*inputs)))
    used.backward(dy.copy(), *inputs)
    used.forward(*others)
    stale = [used.backward(dy.copy(), *where) for where in (inputs, others)]
    clean = []
    for where in (inputs, others):
        case = fresh(name)
        case.forward(*where)
        clean.append(case.backward(dy.copy(), *where))
    return any(not np.array_equal(a, b) for a, b in zip(stale, clean, strict=True))


@pytest.mark.parametrize("name", named("wrong", conduct=True))
def test_faults_of_conduct_show_themselves(name: str) -> None:
    try:
        if error(fresh(name)) > 1e-6 or changes_its_arguments(fresh(name)) or differs_the_second_time(fresh(name)):
            return
        assert depends_on_what_ran_before(name)
    except IndexError:
        assert name == "conduct/an exception"


def between(case: Case) -> bool:
    """Is backward a subgradient of every output, in every element and along a hundred random directions?

    Of one output at a time: each of these functions is convex or concave, a sum of both need not be.
    """
    size = int(np.size(case.forward(*case.inputs)))
    rng = np.random.default_rng(4)
    for k in range(size):
        dy = np.reshape(np.eye(size)[k], np.shape(case.forward(*case.inputs)))
        found = run_pair(case, dy)[2]
        for i, dx in zip(case.floating, found, strict=True):
            shape = np.shape(case.inputs[i])
            units = np.eye(int(np.prod(shape))).reshape(-1, *shape)
            for v in [*units, np.ones(shape), *rng.normal(size=(20, *shape))]:
                low, high = sorted(exact.slopes(case, dy, i, v))
                along = float(np.sum(np.asarray(dx) * v))
                if not low - 1e-9 <= along <= high + 1e-9 or not np.isfinite(high) or high > 1e9:
                    return False
    return True


@pytest.mark.parametrize("name", named("kinked"))
def test_kinks_are_labelled_by_their_slopes(name: str) -> None:
    case = fresh(name)
    if "larger" in name:  # both inputs move together: one array stands for both
        a = case.inputs[0]
        case = Case(
            name,
            lambda ab: np.maximum(ab[0], ab[1]),
            lambda dy, ab: np.stack(fresh(name).backward(dy, ab[0], ab[1])),
            (np.stack([a, a]),),
            "kinked",
            case.expected,
        )
    assert between(case) == (case.expected == ("subgradient",))


def test_a_false_label_is_seen() -> None:
    x = np.array([0.3, -0.7])
    almost = Case("planted", np.sin, lambda dy, x: dy * np.cos(x) * (1 + 1e-8), (x,), "right", ("pass",))
    assert 0.9e-8 < error(almost) < 1.1e-8
    assert error(fresh("elementwise/tanh")) < 1e-13
    kinked = Case("planted", np.abs, lambda dy, x: dy, (np.zeros(2),), "right", ("pass",))
    with pytest.raises(AssertionError, match="there is a kink"):
        error(kinked)
