"""The corpus of gradients: nanonet's checker judges every case, and the runner counts what a checker gets wrong."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pytest

from nanonet_benchmarks.gradcorpus import Case, cases
from nanonet_benchmarks.gradcorpus import __main__ as command
from nanonet_benchmarks.gradcorpus.__main__ import document, main
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
FAST = [tool for tool in tools() if tool.name == "nanonet, fast mode"]


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


@pytest.mark.parametrize(("tool", "name"), [(tool, name) for tool in FAST for name in NAMES])
def test_fast_mode_passes_nothing_wrong_and_fails_nothing_right(tool: Tool, name: str) -> None:
    """Among them one zeroed entry of a dense 64 × 64 Jacobian. On a kink, a direction may leave it undecided."""
    case, found = fresh(name), judge(tool, fresh(name))
    allowed = case.expected if case.label == "wrong" else (*case.expected, "inconclusive")
    assert found.verdict in allowed, found


def test_the_cause_of_most_named_mistakes_is_right() -> None:
    named = [case for case in cases() if case.label == "wrong" and "unknown" not in case.kinds]
    right = sum(ours(case.name).kind in case.kinds for case in named)
    assert right >= 0.8 * len(named), f"{right} of {len(named)}"


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
    assert found["cases"]["elementwise/x + x"]["verdicts"]["nanonet"][0] == "fail"
    assert found["machine"]["packages"]["numpy"] == np.__version__


def test_an_interrupted_command_prints_what_it_has(
    tmp_path: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops(case: Case) -> str:
        if case.name == "elementwise/x times tanh x":
            raise KeyboardInterrupt
        return "pass"

    monkeypatch.setattr(command, "tools", lambda: [Tool("planted", "nanonet", stops)])
    assert main(["--case", "elementwise/x", "--out", str(tmp_path / "found.json")]) == 130
    printed = capsys.readouterr().out
    assert "| planted | 1 of 1 |" in printed
    assert "interrupted" in printed
    assert not list(tmp_path.iterdir())


def test_a_checker_that_is_not_installed_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    missing = Tool("planted", "no-such-package-of-this-name", lambda case: "pass")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "tools", lambda: [missing])
        assert main(["--case", "elementwise/x", "--out", str(tmp_path / "found.json")]) == 0
    assert "skipped: planted (pip install no-such-package-of-this-name)" in capsys.readouterr().out


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
