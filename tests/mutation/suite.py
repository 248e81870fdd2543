"""The second judge: the tests about a mutant's ops, for mutants that the checker lets live.

pytest collects once; then every mutant is tried in a process of its own that runs those of the collected tests that are
about its ops until one fails. The unchanged tests are taken to pass: run them first.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from nanonet.op import Op, ops
from tests.mutation.mutant import Mutant
from tests.mutation.targets import Target
from tests.mutation.workers import in_processes

TESTS = Path(__file__).parents[1]
FAMILIES = {
    "activation": "activation elementary elu rectifier softmax",
    "attention": "attention",
    "conv": "conv correlation windows",
    "distance": "distance embedding",
    "dropout": "dropout",
    "elementwise": "comparison elementary elementwise power rounding",
    "index": "gather index",
    "linalg": "einsum inverse linalg linear",
    "losses": "binary classification likelihood loss margin",
    "nn_recurrent": "recurrent",
    "norm": "channel_norm norm",
    "pool": "adaptive pool",
    "reduce": "order reduce scan statistics",
    "resize": "resize",
    "shape": "arrange join padding shape",
}
OP_NAMES = {name for op in ops() for name in (op.name, *op.aliases)}
QUIET = "-o addopts= -p no:xdist -p no:timeout -p no:terminal -p no:cacheprovider -p no:faulthandler".split()  # noqa: SIM905


def rejected_by_suite(mutants: Sequence[Mutant], jobs: int, seconds: int) -> dict[str, str]:
    """{mutant's key: the test that fails, "timeout", "crash", or "" where all pass}."""
    judge = _Judge(mutants, jobs, seconds)
    if mutants:
        status = pytest.main([*QUIET, *test_files(mutants)], plugins=[judge])
        if status != pytest.ExitCode.OK:
            raise RuntimeError(f"mutation: the tests could not be collected (pytest ended with {status!r}); run pytest")
    return judge.found


def test_files(mutants: Sequence[Mutant]) -> list[str]:
    """The tests of every op, and those of the mutants' families; the slowest, which take differences, at the end."""
    modules = {m.target.name.split(".")[0] for m in mutants}
    families = [f"test_{test}" for test, family in FAMILIES.items() if modules & set(family.split())]
    return [str(TESTS / f"{name}.py") for name in ("test_backward_contract", "test_parity", *families, "test_ops")]


class _Judge:
    """A pytest plugin that tries mutants instead of running the tests once."""

    def __init__(self, mutants: Sequence[Mutant], jobs: int, seconds: int) -> None:
        self.mutants, self.jobs, self.seconds = mutants, jobs, seconds
        self.found: dict[str, str] = {}
        self.failed = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        for item in session.items:
            _without_shrinking(item)
        tests: dict[Target, list[pytest.Item]] = {}
        for target in dict.fromkeys(m.target for m in self.mutants):
            tests[target] = [item for item in session.items if _is_about(item, target)]
        work = [(mutant, tests[mutant.target]) for mutant in self.mutants]
        for (mutant, _), result in in_processes(self._first_failure, work, self.jobs, self.seconds):
            self.found[mutant.key] = result
            print("." if result else "S", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed = self.failed or report.failed

    def _fails(self, item: pytest.Item) -> bool:
        self.failed = False
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
        return self.failed

    def _first_failure(self, work: tuple[Mutant, list[pytest.Item]]) -> str:
        mutant, items = work
        with mutant.installed():
            return next((item.nodeid for item in items if self._fails(item)), "")


def _without_shrinking(item: pytest.Item) -> None:
    """That a test fails is enough: Hypothesis need not look for its simplest failure, which takes it a minute."""
    from hypothesis import Phase, settings  # after pytest has started: it rewrites its plugins' modules

    test: Any = getattr(item, "obj", None)
    given = getattr(test, "_hypothesis_internal_use_settings", None)
    if given is not None:
        test._hypothesis_internal_use_settings = settings(given, phases=[Phase.explicit, Phase.generate], database=None)


def _is_about(item: pytest.Item, target: Target) -> bool:
    """Does the test name an op whose gradient the target computes: in its parameters, or else in its source?"""
    assert isinstance(item, pytest.Function), "all tests are functions"
    parameters = list(item.callspec.params.values()) if hasattr(item, "callspec") else []
    if any(isinstance(p, type) and issubclass(p, Op) for p in parameters):
        return any(op in parameters for op in target.ops)
    names = {name for op in target.ops for name in (op.name, *op.aliases)}
    if any(isinstance(p, str) and p in OP_NAMES for p in parameters):
        return bool(names & {p for p in parameters if isinstance(p, str)})
    return bool(names & set(re.findall(r"\w+", _source(item.function))))


@cache
def _source(function: Any) -> str:
    return inspect.getsource(inspect.unwrap(getattr(getattr(function, "hypothesis", None), "inner_test", function)))
