"""Full and fast mode, lower precision, conduct, modules, ties: what nt.gradcheck and nt.check_backward promise."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet import nn
from tests.test_gradcheck import planted

rng = np.random.default_rng(0)
x34, w64 = rng.standard_normal((3, 4)), rng.standard_normal((64, 64))


def zeroed(dy: Any, x: Any) -> Any:
    wrong = w64.copy()
    wrong[17, 5] = 0.0
    return dy @ wrong


# Fast mode


@pytest.mark.parametrize("seed", range(5))
def test_fast_mode_finds_one_zeroed_entry_of_a_dense_jacobian_and_its_place(seed: int) -> None:
    x = rng.standard_normal(64)
    assert nt.check_backward(lambda x: w64 @ x, lambda dy, x: dy @ w64, x, mode="fast", seed=seed).verdict == "pass"
    report = nt.check_backward(lambda x: w64 @ x, zeroed, x, mode="fast", seed=seed)
    assert (report.verdict, report.where) == ("fail", (0, (5,)))
    assert report.mode == "fast"


def test_fast_mode_takes_fresh_seeds_and_prints_them() -> None:
    seeds = {nt.gradcheck(nt.tanh, [x34], mode="fast").seed for _ in range(3)}
    assert len(seeds) == 3
    report = nt.gradcheck(planted(lambda xp, x: (x * x, x), lambda xp, x, dy: (dy * x,)), [x34], mode="fast")
    assert f"seed={report.seed}" in str(report)
    assert nt.gradcheck(nt.tanh, [x34], mode="fast", seed=7).seed == 7


def test_the_stated_probability_of_a_miss_is_one_that_misses_keep() -> None:
    """An error of the stated size, put in at random places, is missed no more often than stated."""
    misses, stated = 0, []
    for seed in range(60):
        error = np.random.default_rng(seed).standard_normal((3, 4))
        right = 1 - np.tanh(x34) ** 2
        error *= 1e-6 * np.linalg.norm(right) / np.linalg.norm(error)
        f = planted(lambda xp, x: (xp.tanh(x), x), lambda xp, x, dy, e=error: (dy * (1 - np.tanh(x) ** 2 + e),))
        report = nt.gradcheck(f, [x34], mode="fast", seed=seed, directions=1)
        assert report.miss is not None
        misses += report.verdict == "pass"
        stated.append(report.miss[1])
    assert 0 < np.mean(stated) < 0.5
    assert misses / 60 <= np.mean(stated) + 3 * np.sqrt(np.mean(stated) / 60)


def test_more_directions_miss_less() -> None:
    one, five = (nt.gradcheck(nt.tanh, [x34], mode="fast", seed=1, directions=k).miss for k in (1, 5))
    assert one is not None
    assert five is not None
    assert five[1] < one[1] ** 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mode": "half"}, 'expected mode "full" or "fast", got \'half\''),
        ({"mode": "fast", "directions": 0}, "directions to be a positive integer, got 0"),
        ({"rtol": -1.0}, "rtol to be a number of at least 0, got -1.0"),
        ({"atol": "much"}, "atol to be a number of at least 0, got 'much'"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], says: str) -> None:
    for check in (
        lambda: nt.gradcheck(nt.exp, [x34], **options),
        lambda: nt.check_backward(np.exp, np.exp, x34, **options),
    ):
        with pytest.raises(ValueError, match=re.escape(says)):
            check()


# Full mode


def test_an_error_in_a_small_entry_of_the_jacobian_is_found_with_its_output() -> None:
    """Against the sum over all outputs it is below rounding; in the row of its own output it is not."""
    scales = np.array([1e9, 1.0, 1.0])

    def backward(dy: Any, x: Any) -> Any:
        dx = scales[:, None] * dy[:, None] * np.ones((3, 4))
        dx[1, 2] *= 1.01
        return np.sum(dx, 0)

    report = nt.check_backward(lambda x: scales * np.sum(x), backward, rng.standard_normal(4))
    assert (report.verdict, report.where, report.output) == ("fail", (0, (2,)), (0, (1,)))


def test_an_upstream_gradient_that_is_squared_is_found() -> None:
    report = nt.check_backward(np.sin, lambda dy, x: dy * np.abs(dy) * np.cos(x), x34)
    assert report.verdict == "fail"


def test_several_outputs_of_a_plain_pair() -> None:
    def forward(x: Any) -> Any:
        return np.sin(x), np.sum(x * x)

    def backward(dys: Any, x: Any) -> Any:
        return dys[0] * np.cos(x) + 2 * dys[1] * x

    assert nt.check_backward(forward, backward, x34).verdict == "pass"
    report = nt.check_backward(forward, lambda dys, x: dys[0] * np.cos(x), x34)
    assert report.verdict == "fail"


def test_rtol_lets_an_error_pass_and_is_never_a_reason_for_doubt() -> None:
    wrong = planted(lambda xp, x: (x * x, x), lambda xp, x, dy: (2.001 * dy * x,))
    assert nt.gradcheck(wrong, [x34]).verdict == "fail"
    assert nt.gradcheck(wrong, [x34], rtol=1e-2).verdict == "pass"
    assert nt.gradcheck(nt.tanh, [x34], rtol=0.5).verdict == "pass"


# Kinks of several elements


@pytest.mark.parametrize(
    ("gradient", "verdict"),
    [
        ([1.0, 0.0, 0.0], "subgradient"),
        ([0.5, 0.5, 0.0], "subgradient"),
        ([1.0, 1.0, 0.0], "kink"),
        ([0, 0, 0], "kink"),
    ],
)
def test_tied_elements_share_one_gradient(gradient: list[float], verdict: str) -> None:
    """Each is between its slopes, 0 and 1; only what adds up to 1 is a subgradient."""
    x = np.array([2.0, 2.0, 1.0])
    for mode in ("full", "fast"):
        report = nt.check_backward(np.max, lambda dy, x: dy * np.array(gradient), x, mode=mode)
        assert report.verdict == verdict, str(report)


# Lower precision


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_a_rule_that_is_right_in_float64_alone_fails(dtype: Any) -> None:
    def backward(xp: Any, x: Any, dy: Any) -> Any:
        off = 1.0 if x.dtype == np.float64 else 1.2
        return (2 * dy * x * off,)

    right = planted(lambda xp, x: (x * x, x), lambda xp, x, dy: (2 * dy * x,))
    wrong = planted(lambda xp, x: (x * x, x), backward)
    assert nt.gradcheck(right, [x34.astype(dtype)]).verdict == "pass"
    assert nt.gradcheck(wrong, [x34]).verdict == "pass"
    report = nt.gradcheck(wrong, [x34.astype(dtype)])
    assert report.verdict == "fail"
    assert np.dtype(dtype).name in report.note


def test_float32_looks_at_the_same_rounded_inputs() -> None:
    report = nt.gradcheck(lambda x: nt.log(x), [np.float32([1e-3, 0.7, 30.0])])
    assert report.verdict == "pass"
    assert "float32 beside float64" in report.looked


# Conduct


def test_a_backward_that_writes_what_was_there_is_seen_to_write() -> None:
    def backward(dy: Any, x: Any) -> Any:
        dy *= 1.0
        return dy * np.cos(x)

    report = nt.check_backward(np.sin, backward, x34)
    assert report.cause is not None
    assert report.cause.kind == "clobbered-cotangent"


def test_a_function_of_tensors_with_a_class_cache_fails() -> None:
    class Last:
        y: Any = None

    def forward(xp: Any, x: Any) -> Any:
        Last.y = xp.tanh(x)
        return Last.y, ()

    report = nt.gradcheck(planted(forward, lambda xp, saved, dy: (dy * (1 - Last.y**2),)), [x34])
    assert report.verdict == "fail"
    assert report.cause is not None
    assert report.cause.kind == "stale-cache"


def test_a_cache_of_the_first_call_fails() -> None:
    kept: dict[Any, Any] = {}

    def forward(x: Any) -> Any:
        return np.tanh(kept.setdefault(x.shape, x.copy()) * 0 + x)

    report = nt.check_backward(forward, lambda dy, x: dy * (1 - np.tanh(kept[x.shape]) ** 2), x34)
    assert report.verdict == "fail"
    assert report.cause is not None
    assert report.cause.kind == "stale-cache"


def test_one_array_as_two_inputs() -> None:
    def backward(dy: Any, a: Any, b: Any) -> Any:
        return (dy * b, dy * a) if a is not b else (dy * b, dy * 0)

    report = nt.check_backward(np.multiply, backward, [x34, x34 + 1])
    assert report.verdict == "fail"
    assert "one array as the inputs 0 and 1" in str(report)


def test_a_gradient_that_depends_on_strides_fails() -> None:
    def backward(dy: Any, x: Any) -> Any:
        return dy * np.cos(x) if x.flags.c_contiguous else dy * np.cos(x[::-1])

    report = nt.check_backward(np.sin, backward, x34)
    assert report.verdict == "fail"
    assert "strides" in str(report)


def test_a_backward_that_draws_its_mask_anew_fails() -> None:
    np.random.seed(3)
    drop = lambda x: x * (np.random.random(x.shape) < 0.5)  # noqa: E731
    assert nt.check_backward(drop, lambda dy, x: dy * (np.random.random(x.shape) < 0.5), x34).verdict == "fail"


def test_what_happens_at_empty_inputs_is_a_note_and_no_failure() -> None:
    report = nt.check_backward(lambda x: 2.0 * x, lambda dy, x: 2.0 * dy if dy.size else dy[0], x34)
    assert report.verdict == "pass"
    assert "at empty inputs backward raised IndexError" in report.note


def test_the_parts_that_were_looked_at_are_listed() -> None:
    looked = " ".join(nt.gradcheck(lambda a, b: a * b, [x34, x34]).looked)
    for part in ("whole Jacobian", "called twice", "5 repeats", "in between", "two inputs", "strided", ".grad filled"):
        assert part in looked


# Modules, graphs, bad input


def test_the_parameters_of_a_module_are_checked_and_left_alone() -> None:
    nt.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2))
    before = {k: v.numpy().copy() for k, v in model.state_dict().items()}
    report = nt.gradcheck(model, [x34])
    assert report.verdict == "pass"
    assert [c.index for c in report.comparisons] == [0, 1, 2, 3, 4]
    for k, v in model.state_dict().items():
        assert v.dtype == np.float32
        np.testing.assert_array_equal(v.numpy(), before[k])


def test_the_guilty_operation_of_a_graph_is_named_with_its_line() -> None:
    bad = planted(lambda xp, x: ((y := xp.tanh(x)), (y,)), lambda xp, saved, dy: (dy * (1 - saved[0]),))
    report = nt.gradcheck(lambda x: nt.sum(nt.exp(bad(x * 2.0)) * x), [x34])
    assert report.verdict == "fail"
    assert re.match(r"faulty, operation 2 of \d+ at .*test_gradcheck.py:\d+", report.op)
    assert "op:        faulty" in str(report)


@pytest.mark.parametrize(
    ("f", "inputs", "kind", "says"),
    [
        (lambda x: x, "no", TypeError, "expected inputs to be a list"),
        (lambda x: nt.argmax(x), [x34], TypeError, "at least one floating"),
        (lambda x: x, [3], ValueError, "no floating input"),
        (lambda x: {}[1], [x34], KeyError, "1"),
    ],
)
def test_bad_input_is_refused_in_one_line(f: Any, inputs: Any, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says) as caught:
        nt.gradcheck(f, inputs)
    if kind is KeyError:
        assert "raised by the function itself, in gradcheck" in caught.value.__notes__


def test_inputs_that_are_not_finite_and_shapes_that_change_are_no_pass() -> None:
    report = nt.gradcheck(nt.exp, [np.array([1.0, np.nan])])
    assert (report.verdict, "input 0 is not finite" in report.note) == ("inconclusive", True)

    def changing(x: Any) -> Any:
        return x[: 2 if x[0] == x34[0, 0] else 3]

    report = nt.check_backward(changing, lambda dy, x: np.concatenate([dy, np.zeros(len(x) - len(dy))]), x34[0])
    assert report.verdict == "inconclusive"
    assert "shape changes" in report.note


def test_an_infinite_gradient_fails_unless_the_slope_is_infinitely_steep() -> None:
    flat = np.array([0.0, 1.0, 1.0])
    report = nt.check_backward(lambda x: x * flat, lambda dy, x: dy * np.array([np.inf, 1.0, 1.0]), x34[0, :3])
    assert (report.verdict, report.where) == ("fail", (0, (0,)))
    root = nt.check_backward(np.sqrt, lambda dy, x: dy / (2 * np.sqrt(x)), np.array([0.0, 1.0]))
    assert root.verdict == "inconclusive"


@pytest.mark.parametrize("seed", range(6))
def test_one_bad_direction_of_several_is_enough(seed: int) -> None:
    def backward(dy: Any, x: Any) -> Any:
        return dy * np.cos(x) * (1.1 if dy[0, 0] < 0 else 1.0)

    assert nt.check_backward(np.sin, backward, x34, mode="fast", directions=12, seed=seed).verdict == "fail"


def test_a_gradient_that_does_not_add_to_the_one_before_fails() -> None:
    def clears(x: Any) -> Any:
        if x.requires_grad:
            x.register_hook(lambda dx: (setattr(x, "grad", None), dx)[1])
        return x * x

    report = nt.gradcheck(clears, [x34])
    assert report.verdict == "fail"
    assert ".grad that was there before" in " ".join(str(report).split())


def test_a_shape_that_is_wrong_for_some_cotangents_fails() -> None:
    def backward(dy: Any, x: Any) -> Any:
        return dy * np.cos(x) if np.all(dy) else (dy * np.cos(x))[:1]

    report = nt.check_backward(np.sin, backward, x34)
    assert report.verdict == "fail"
    assert "shape (1, 4)" in report.note
