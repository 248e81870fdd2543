"""The second judge: the tests that run a mutant's function, for mutants that the checker lets live.

pytest collects once; then every mutant is tried in a process of its own that runs those of the collected tests that
call its function, the fastest first, until one fails.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.mutation.mutant import Mutant
from tests.mutation.targets import Target, targets
from tests.mutation.workers import in_processes

TESTS = Path(__file__).parents[1]
# Made from the registry, so that a test knows which op it is about; in the order in which they are tried.
REGISTRY = ("test_backward_contract", "test_parity", "test_ops")
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
    """The tests of every op, and those of the mutants' families."""
    modules = {m.target.name.split(".")[0] for m in mutants}
    families = [f"test_{test}" for test, family in FAMILIES.items() if modules & set(family.split())]
    return [str(TESTS / f"{name}.py") for name in (*REGISTRY, *families)]


class _Judge:
    """A pytest plugin that tries mutants instead of running the tests once."""

    def __init__(self, mutants: Sequence[Mutant], jobs: int, seconds: int) -> None:
        self.mutants, self.jobs, self.seconds = mutants, jobs, seconds
        self.found: dict[str, str] = {}
        self.failed = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        tests = self._tests_of_targets(session.items)
        work = [(mutant, tests.get(mutant.target.name, [])) for mutant in self.mutants]
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

    def _tests_of_targets(self, items: list[pytest.Item]) -> dict[str, list[pytest.Item]]:
        """For each target the tests of its ops, then those of its family that call it and pass, the fastest first."""
        wanted = {m.target.name: m.target for m in self.mutants}
        files: dict[Path, list[pytest.Item]] = {}
        for item in items:
            if item.path.stem not in REGISTRY:
                files.setdefault(item.path, []).append(item)
        seen: list[tuple[float, str, list[str]]] = []
        for _, result in in_processes(self._watched, list(files.values()), self.jobs, 10 * self.seconds):
            if isinstance(result, str):
                raise RuntimeError(f"mutation: {result} while the unchanged tests ran")
            seen += result
        by_id = {item.nodeid: item for item in items}
        return {
            name: [item for item in items if _is_about(item, target)]
            + [by_id[test] for _, test, called in sorted(seen) if name in called]
            for name, target in wanted.items()
        }

    def _watched(self, items: list[pytest.Item]) -> list[tuple[float, str, list[str]]]:
        """(seconds, test, targets it calls) of the tests that pass."""
        codes = {target.function.__code__: target.name for target in targets()}
        found = []
        for item in items:
            called: set[str] = set()

            def note(frame: FrameType, event: str, _: Any, called: set[str] = called) -> None:
                if event == "call" and frame.f_code in codes:
                    called.add(codes[frame.f_code])

            started = time.perf_counter()
            sys.setprofile(note)
            try:
                fails = self._fails(item)
            finally:
                sys.setprofile(None)
            if not fails and called:
                found.append((time.perf_counter() - started, item.nodeid, sorted(called)))
        return found


def _is_about(item: pytest.Item, target: Target) -> bool:
    """Is it made from the registry, for an op whose gradient the target computes?"""
    return getattr(getattr(item, "callspec", None), "params", {}).get("op") in target.ops
