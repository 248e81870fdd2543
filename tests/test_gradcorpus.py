"""The corpus of gradients: every label is true, nanonet's checker judges every case, and the counting counts."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pytest

from nanonet_benchmarks.gradcorpus import Case, cases
from nanonet_benchmarks.gradcorpus.__main__ import document, main
from nanonet_benchmarks.gradcorpus.case import CONDUCT
from nanonet_benchmarks.gradcorpus.runner import Outcome, Tool, judge, nanonet_check, run, tools
from nanonet_benchmarks.gradcorpus.table import by_trait, mistakes, overview, tally

NAMES = [case.name for case in cases()]
KINDS = {
    *("sign", "scale", "transpose", "swapped-operands", "ignored-upstream", "missing-sum", "wrong-axis"),
    *("mean-for-sum", "sum-for-mean", "broadcast-not-undone", "input-for-output", "overwritten", "missing-coupling"),
    *("missing-term", "missing-factor", "extra-factor", "mask", "zero", "off-by-one", "flipped", "stale-cache"),
    *("clobbered-cotangent", "single-entry", "unknown"),
}
OURS = tools()[0]


def fresh(name: str) -> Case:
    return next(case for case in cases() if case.name == name)


@cache
def ours(name: str) -> Outcome:
    return judge(OURS, fresh(name))


def test_the_corpus_is_large_and_named() -> None:
    found = cases()
    assert len(found) >= 150
    assert len({case.name for case in found}) == len(found)
    labels = Counter(case.label for case in found)
    assert labels["right"] >= 100
    assert labels["wrong"] >= 200
    assert labels["kinked"] >= 25
    for case in found:
        assert bool(case.kinds) == (case.label == "wrong"), case.name
        assert set(case.kinds) <= KINDS, case.name


@pytest.mark.parametrize("name", NAMES)
def test_nanonet_gives_an_acceptable_verdict(name: str) -> None:
    found = ours(name)
    assert found.verdict in fresh(name).expected, found


def test_the_cause_of_most_named_mistakes_is_right() -> None:
    named = [case for case in cases() if case.label == "wrong" and "unknown" not in case.kinds]
    right = sum(ours(case.name).kind in case.kinds for case in named)
    assert right >= 0.8 * len(named), f"{right} of {len(named)}"


# --- The labels are true ------------------------------------------------------------------------------------------


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
    exact: Any = pytest.importorskip(
        "nanonet_benchmarks.gradcorpus.exact", reason="needs mpmath: pip install mpmath", exc_type=ImportError
    )
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


@pytest.mark.parametrize("name", [case.name for case in cases() if case.label == "right"])
def test_right_gradients_are_right_to_sixty_digits(name: str) -> None:
    case = fresh(name)
    assert error(case) <= case.precision
    dy, given, _, inputs = run_pair(case)
    np.testing.assert_array_equal(given, dy)
    for before, after in zip(case.inputs, inputs, strict=True):
        np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("name", [case.name for case in cases() if case.label == "wrong" and case.trait != CONDUCT])
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


@pytest.mark.parametrize("name", [case.name for case in cases() if case.label == "wrong" and case.trait == CONDUCT])
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
    exact: Any = pytest.importorskip(
        "nanonet_benchmarks.gradcorpus.exact", reason="needs mpmath: pip install mpmath", exc_type=ImportError
    )
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


@pytest.mark.parametrize("name", [case.name for case in cases() if case.label == "kinked"])
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


# --- The runner ---------------------------------------------------------------------------------------------------


def always(verdict: str) -> Tool:
    return Tool("planted", "nanonet", lambda case: verdict)


def outcomes(tool: Tool) -> dict[str, Outcome]:
    results: dict[str, dict[str, Outcome]] = {}
    run([tool], cases, results)
    return results[tool.name]


def test_a_checker_that_passes_everything_is_counted_as_wrong() -> None:
    counts = tally(cases(), outcomes(always("pass")))
    wrong = sum(case.label == "wrong" for case in cases())
    assert counts.wrong_passed == (wrong, wrong)
    assert counts.right_failed[0] == 0
    assert 0 < counts.kinks[0] < counts.kinks[1]
    assert len(mistakes(cases(), outcomes(always("pass")))) >= wrong


def test_a_checker_that_fails_everything_is_counted_as_wrong() -> None:
    counts = tally(cases(), outcomes(always("fail")))
    right = sum(case.label == "right" for case in cases())
    assert counts.wrong_passed[0] == 0
    assert counts.right_failed == (right, right)


def test_exceptions_are_counted_and_do_not_stop_the_run() -> None:
    def crashes(case: Case) -> str:
        raise RuntimeError("planted")

    found = outcomes(Tool("planted", "nanonet", crashes))
    assert tally(cases(), found).errors == len(cases())
    assert found["elementwise/tanh"].note == "RuntimeError: planted"
    assert judge(always("perhaps"), cases()[0]).verdict == "error"


def test_undecided_is_neither_passed_nor_failed() -> None:
    counts = tally(cases(), outcomes(always("inconclusive")))
    assert (counts.wrong_passed[0], counts.right_failed[0]) == (0, 0)
    assert counts.undecided > 100


def test_an_interrupted_run_keeps_what_it_has() -> None:
    def stops(case: Case) -> str:
        if case.name == "elementwise/softplus":
            raise KeyboardInterrupt
        return "pass"

    results: dict[str, dict[str, Outcome]] = {}
    with pytest.raises(KeyboardInterrupt):
        run([Tool("planted", "nanonet", stops)], cases, results)
    assert len(results["planted"]) == 5
    assert "| planted | 0 of 0 | 0 of 5 |" in overview(cases(), results)


def test_the_command_prints_tables_and_writes_json(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "found.json"
    assert main(["--tool", "nanonet", "--case", "elementwise/x", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "| nanonet | 0 of 2 | 0 of 0 |" in printed
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["cases"]["elementwise/x + x"]["verdicts"]["nanonet"]["verdict"] == "fail"
    assert found["machine"]["packages"]["numpy"] == np.__version__


def test_every_tool_has_its_own_state() -> None:
    """A cache that one checker has filled does not reach the next."""
    first, second = (fresh("conduct/cache by shape") for _ in range(2))
    x = first.inputs[0]
    first.backward(np.ones_like(x), 0 * x)
    np.testing.assert_allclose(second.backward(np.ones_like(x), x), np.exp(x))


@pytest.mark.parametrize("name", ["PyTorch", "JAX", "autograd"])
def test_peers_pass_the_right_and_fail_the_wrong(name: str) -> None:
    for tool in tools():
        if not tool.name.startswith(name):
            continue
        if not tool.version:
            pytest.skip(f"needs {tool.package}: pip install {tool.package}")
        for right in ["elementwise/tanh", "products/linear", "indexing/gather", "conduct/a cache", "losses/hinge"]:
            found = judge(tool, fresh(right))
            assert found.verdict == "pass", (tool.name, right, found)
        for wrong in ["elementwise/square without two", "products/weights averaged", "networks/gate held fixed"]:
            found = judge(tool, fresh(wrong))
            assert found.verdict == "fail", (tool.name, wrong, found)


def test_the_tables_and_the_document_hold_every_tool() -> None:
    some = cases()[:3]
    results = {"planted": {case.name: Outcome("pass", 0.0) for case in some}}
    assert "3 of 3" not in overview(some, results)
    assert "| planted | 0 of 0 passed, 0 of 3 failed |" in by_trait(some, results)
    assert document([always("pass")], some, results)["summary"]["planted"]["right_failed"] == (0, 3)


def test_verdict_and_cause_come_from_check_backward() -> None:
    assert nanonet_check(fresh("elementwise/tanh without upstream")) == ("fail", "ignored-upstream")
