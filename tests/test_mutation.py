"""The mutation tool makes the mistakes it says, its judges tell wrong from harmless, and its list is up to date."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from nanonet.op import REGISTRY
from tests.mutation import __main__ as tool
from tests.mutation.checker import rejected_by_checker
from tests.mutation.equivalent import EQUIVALENT, reasons
from tests.mutation.mutant import Mutant, mutants
from tests.mutation.mutators import mutations
from tests.mutation.score import Result, counts, stale
from tests.mutation.targets import Target, targets
from tests.mutation.workers import in_processes

# JAX, where another test has imported it, warns at every fork; the forked processes do not use it.
pytestmark = pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")

RULE = '''
def backward(xp, saved, dy, needs):
    """A sentence that stays."""
    x, w = saved
    if x.ndim > 2:
        raise ValueError("a message that stays: " + "2 * x")
    dx = xp.matmul(dy, w.T)
    dx += 2 * x[1:]
    return dx if needs[0] else None, -xp.sum(dy, axis=0, keepdims=True)
'''
EXPECTED = {
    "comparison": "x.ndim > 2 -> x.ndim >= 2",
    "condition": "x.ndim > 2 -> not x.ndim > 2",
    "constant": "2 -> 3",
    "index": "x[1:] -> x",
    "operator": "2 * x[1:] -> 2 / x[1:]",
    "factor dropped": "2 * x[1:] -> x[1:]",
    "transposition": "w.T -> w",
    "operands swapped": "(x, w) -> (w, x)",
    "overwritten": "dx += 2 * x[1:] -> dx = 2 * x[1:]",
    "statement dropped": "dx += 2 * x[1:] -> nothing",
    "axis": "xp.sum(dy, axis=0, keepdims=True) -> xp.sum(dy, keepdims=True, axis=1)",
    "flag": "True -> False",
    "function": "xp.sum(dy, axis=0, keepdims=True) -> xp.mean(dy, axis=0, keepdims=True)",
    "function dropped": "xp.sum(dy, axis=0, keepdims=True) -> dy",
    "sign": "-xp.sum(dy, axis=0, keepdims=True) -> xp.sum(dy, axis=0, keepdims=True)",
    "zero": "dx -> dx * 0",
    "gradients swapped": "(dx if needs[0] else None, -xp.sum(dy, axis=0, keepdims=True)) -> "
    "(-xp.sum(dy, axis=0, keepdims=True), dx if needs[0] else None)",
}


def made() -> set[tuple[str, str]]:
    tree = ast.parse(RULE).body[0]
    assert isinstance(tree, ast.FunctionDef)
    return {(kind, f"{text(old)} -> {text(new)}") for kind, old, new in mutations(tree)}


def text(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split()).replace("pass", "nothing")


@pytest.mark.parametrize(("kind", "change"), EXPECTED.items(), ids=EXPECTED)
def test_each_kind_of_mistake_is_made(kind: str, change: str) -> None:
    assert (kind, change) in made()


def test_messages_and_docstrings_are_not_mutated() -> None:
    assert not [change for _, change in made() if "stays" in change]


def of(name: str) -> Target:
    (found,) = [target for target in targets() if target.name == name]
    return found


def mutant(target: Target, change: str) -> Mutant:
    (found,) = [m for m in mutants(target) if m.change == change]
    return found


def test_a_mutant_is_in_place_within_the_block_only() -> None:
    target = of("elementary.Exp.backward")
    rule: Any = target.function
    wrong = mutant(target, "dy * y -> dy")
    assert rule(None, (2.0,), 3.0) == (6.0,)
    with wrong.installed():
        assert rule(None, (2.0,), 3.0) == (3.0,)
    assert rule(None, (2.0,), 3.0) == (6.0,)


def test_a_function_that_a_forward_uses_is_no_target() -> None:
    names = {target.name for target in targets()}
    assert "pool.max_pool_backward" in names
    assert "pool.divisors" not in names  # avg_pool2d's forward divides by them, too


def test_every_backward_rule_is_a_target() -> None:
    reached = {op for target in targets() for op in target.ops}
    assert reached == {op for op in REGISTRY.values() if op.backward is not None}


def test_the_checker_rejects_a_planted_mistake_and_lets_a_harmless_one_live() -> None:
    target = of("elementary.Tanh.backward")
    assert rejected_by_checker(mutant(target, "1 - y * y -> 1")).startswith("fail: tanh")
    same = Mutant(target, "nothing", "none", target.function.__code__)
    assert rejected_by_checker(same) == ""


def test_a_process_that_dies_or_hangs_is_reported() -> None:
    def work(task: str) -> str:
        if task == "die":
            raise SystemExit
        while task == "hang":
            pass
        return task

    assert dict(in_processes(work, ["live", "die", "hang"], 2, 2)) == {
        "live": "live",
        "die": "crash",
        "hang": "timeout",
    }


def test_the_score_counts_what_is_killed_of_what_is_wrong() -> None:
    one = mutants(of("elementary.Exp.backward"))[0]
    results = [Result(one, outcome, "") for outcome in ("checker", "suite", "timeout", "equivalent", "survived")]
    assert counts(results)["score"] == 3 / 4
    assert stale(results[:1], {one.key: "a reason"}) == [f"{one.key} ()"]
    assert stale(results[3:], {one.key: "a reason"}) == []


def test_the_equivalent_mutants_exist() -> None:
    listed = {entry.target for entry in EQUIVALENT}
    existing = {m.key for target in targets() if target.name in listed for m in mutants(target)}
    assert set(reasons()) <= existing
    assert len(reasons()) == sum(len(entry.changes) for entry in EQUIVALENT), "one is listed twice"


def test_three_ops_have_a_full_score(capsys: pytest.CaptureFixture[str]) -> None:
    assert tool.main(["--op", "tanh", "softmin", "sigmoid", "--checker-only"]) == 0
    assert "score 100.00 %" in capsys.readouterr().out
