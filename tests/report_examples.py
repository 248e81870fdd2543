"""Reports made by hand, and from real checks: what the tests of text, pages and JSON are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

import nanonet as nt
from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.report import Comparison, Report
from nanonet.gradcheck.report.cells import badness, errors, worst_places


def comparison(index: int, shape: tuple[int, ...], wrong: Sequence[tuple[int, ...]] = (), verdict: str = "fail") -> Any:
    """A right gradient, but for some elements that are off and have this verdict."""
    rng = np.random.default_rng([index, *shape])
    numeric = np.asarray(rng.standard_normal(shape))
    bar = np.abs(numeric) * 1e-13 + 1e-15
    analytic = np.asarray(numeric + bar * rng.uniform(-1, 1, shape))
    verdicts = np.full(shape, "pass", object)
    for at in wrong:
        analytic[at] += 10.0 ** -len(at) * (1 + sum(at))
        verdicts[at] = verdict
    return Comparison(index, analytic, numeric, bar, verdicts)


def report_of(comparisons: Sequence[Comparison], **given: Any) -> Report:
    """The report that a check would make of them, at the worst element."""
    found = [(float(badness(one)[at]), one, at) for one in comparisons for at in worst_places(one, 1)]
    if not found:
        return Report("pass", 0.0, None, 0.0, 0.0, 0.0, comparisons=tuple(comparisons), **given)
    _, one, at = max(found, key=lambda f: f[0])
    numbers = (float(one.numeric[at]), float(one.bar[at]), float(one.analytic[at]))
    reproduce = "nt.check_backward(forward, backward, inputs, seed=0)"
    made = Report(str(one.verdicts[at]), float(errors(one)[at]), (one.index, at), *numbers, reproduce=reproduce)
    return replace(made, comparisons=tuple(comparisons), **given)


MEAN = Cause(
    "mean-for-sum",
    "the gradient is the mean over the batch (5 elements); it should be the sum",
    "do not divide by 5: where a mean is meant, dy has the 1/5 already",
)


def linear() -> Report:
    """A matrix and a vector of gradients; the matrix has some wrong elements."""
    compared = (comparison(0, (5, 3)), comparison(1, (3, 4), [(0, 1), (1, 1), (2, 1)]), comparison(2, (4,)))
    looked = ("values", "a second call", "other inputs in between", "five repeats", "strided inputs")
    return report_of(compared, name="linear", cause=MEAN, looked=looked, op="matmul, called at model.py:12")


def kinks() -> Report:
    one = comparison(0, (3, 3), [(1, 1)], "kink")
    one.verdicts[0, 0], one.verdicts[2, 2] = "subgradient", "inconclusive"
    return report_of([one], name="leaky", slopes=(-1.0, 0.01), note="the point sits on a kink of the function")


def fast() -> Report:
    """Random directions have no arrays."""
    return Report(
        *("fail", 0.25, (1, ()), -1.25, 3e-12, -1.0, "deep"),
        mode="fast",
        seed=1234,
        miss=(1e-6, 2e-9),
        looked=("3 directions: -1.25 for -1, 0.5 for 0.5, 0.125 for 0.125",),
        reproduce="nt.gradcheck(f, inputs, mode='fast', directions=3, seed=1234)",
    )


def large(shape: tuple[int, ...] = (64, 64), inputs: int = 1) -> Report:
    wrong = [tuple(n // 3 for n in shape), tuple(n - 1 for n in shape), tuple(0 for _ in shape)]
    return report_of([comparison(i, shape, wrong) for i in range(inputs)], name="dense")


def wrong_shape() -> Report:
    good = comparison(0, (3, 4))
    one = Comparison(0, good.analytic[:1], good.numeric, good.bar, np.full((3, 4), "fail", object))
    note = "the gradient of input 0 has shape (1, 4), the input (3, 4)"
    cause = Cause("unknown", "the gradient has shape (1, 4), the input (3, 4)", "return a gradient of shape (3, 4)")
    return Report("fail", np.inf, (0, ()), np.nan, np.inf, np.nan, "bias", cause, note, comparisons=(one,))


def strange() -> Report:
    """Everything that is not finite, long, or looks like HTML."""
    one = comparison(0, (2, 3), [(0, 0)])
    one.analytic[1, 0], one.numeric[1, 1], one.bar[1, 2] = np.inf, np.nan, np.inf
    one.verdicts[1] = ["fail", "inconclusive", "inconclusive"]
    return report_of(
        [one],
        name="<b>&amp; layer</b>\x1b[31m " + "long " * 40,
        note="</script><script>alert(1)</script> " * 30,
        cause=Cause("unknown", "a" * 500, "many words " * 100),
        looked=tuple(f"thing {i}" for i in range(200)),
        op="layers." * 60,
        output=(0, tuple(range(40))),
        slopes=(-np.inf, np.nan),
        reproduce="nt.gradcheck(f, " + ", ".join(f"x{i}" for i in range(200)) + ")",
    )


def every() -> list[Report]:
    shapes = [(), (0,), (0, 3), (1,), (40,), (200,), (2, 3, 4), (2, 2, 3, 3), (3, 0, 2)]
    return [
        linear(),
        kinks(),
        fast(),
        replace(fast(), verdict="pass", max_error=1e-13, analytic=-1.25),
        large(),
        wrong_shape(),
        strange(),
        report_of([comparison(0, (4, 3))], name="tanh"),
        *(report_of([comparison(0, shape)], name=f"shape {shape}") for shape in shapes),
        report_of([comparison(0, (), [()]), comparison(1, (2, 3, 4), [(1, 2, 3), (0, 0, 0)])], name="slices"),
        Report("inconclusive", np.nan, None, np.nan, np.inf, np.nan, "f", note="the output is not finite"),
    ]


def real() -> list[Report]:
    """Checks of a right and of a wrong pair; full reports have their arrays where the check gives them."""
    rng = np.random.default_rng(7)
    x, w = rng.standard_normal((5, 3)), rng.standard_normal((3, 2))

    def forward(x: np.ndarray, w: np.ndarray) -> np.ndarray:
        return x @ w

    def right(dy: np.ndarray, x: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return dy @ w.T, x.T @ dy

    def wrong(dy: np.ndarray, x: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return dy @ w.T, x.T @ dy / len(x)

    return [nt.check_backward(forward, backward, [x, w]) for backward in (right, wrong)]
