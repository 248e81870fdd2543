"""CUDA kernels without a GPU: run in Numba's simulator, and compiled for two architectures.

What the simulator runs are the checks in tests/simulated_cuda_*.py, in one process of its own, because Numba decides
when it is imported whether it simulates.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent
PARTS = sorted(path.stem for path in TESTS.glob("simulated_cuda_*.py"))


def simulator_report() -> str:
    """pytest's report of every check, run in the simulator; "-rA" names those that passed too."""
    files = [str(TESTS / f"{part}.py") for part in PARTS]
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "--tb=short", "-p", "no:cacheprovider", "-n0"]
    done = subprocess.run(
        [*command, *files],
        env={**{k: v for k, v in os.environ.items() if "PYTEST" not in k}, "NUMBA_ENABLE_CUDASIM": "1"},
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr  # 1: some checks failed; otherwise pytest itself did
    return done.stdout


def test_kernels_equal_their_rules_in_the_simulator() -> None:
    report = simulator_report()
    failed = re.findall(r"^(?:FAILED|ERROR) tests/.*", report, re.MULTILINE)
    assert not failed, "\n".join(failed) + "\n" + report[-10_000:]
    for part in PARTS:
        passed = re.findall(rf"^PASSED tests/{part}\.py", report, re.MULTILINE)
        assert len(passed) >= 10, f"expected at least 10 checks of {part} to run, got {len(passed)}"
