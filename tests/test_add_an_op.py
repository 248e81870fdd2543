"""docs/add-an-op.md says the truth: its op, put into one new file, has its function, method, docs, checks and tests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "add-an-op.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.S)[0]
WRONG = CODE.replace("1 - t * t", "1 - t")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which the op can be added."""
    folder = tmp_path_factory.mktemp("checkout")
    skip = shutil.ignore_patterns("__pycache__")
    for part in ("nanonet", "tests"):
        shutil.copytree(ROOT / part, folder / part, ignore=skip)
    for file in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / file, folder)
    return folder


def run(checkout: Path, code: str, *command: str) -> subprocess.CompletedProcess[str]:
    (checkout / "nanonet" / "ops" / "softcap.py").write_text(code, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *command], cwd=checkout, env=environment, capture_output=True, text=True, timeout=250
    )


def softcap_tests(checkout: Path, code: str) -> subprocess.CompletedProcess[str]:
    return run(
        checkout, code, "-m", "pytest", "-n", "0", "-vv", "-p", "no:cacheprovider", "-k", "softcap", "tests/test_ops.py"
    )


def test_its_tests_appear_and_pass_as_the_page_shows(checkout: Path) -> None:
    done = softcap_tests(checkout, CODE)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    ran = re.findall(r"::(\S+softcap\S*) PASSED", done.stdout)
    assert any("test_gradient_is_the_central_difference" in name for name in ran)
    assert any("test_double_backward" in name for name in ran)
    shown = re.findall(r"::(\S+softcap\S*) PASSED", PAGE)
    assert shown
    assert set(shown) <= set(ran), "the page shows no test that is not there"


def test_a_wrong_gradient_does_not_get_through(checkout: Path) -> None:
    assert WRONG != CODE
    done = softcap_tests(checkout, WRONG)
    assert done.returncode == 1
    failed = set(re.findall(r"FAILED tests/test_ops.py::(\S+)", done.stdout))
    assert any("test_gradient_is_the_central_difference" in name for name in failed)
    assert failed == set(re.findall(r"FAILED tests/test_ops.py::(\S+)", PAGE)), "the page shows what fails"


def test_function_method_documentation_and_check_appear(checkout: Path) -> None:
    script = """
import numpy as np
import nanonet as nt, nanonet.functional as F
from nanonet.op import REGISTRY
from nanonet.oplist import oplist
from nanonet.stubs import stubs
from nanonet.tour.checks import cases, check

x = nt.tensor(np.array([0.5, -3.0]), requires_grad=True)
assert np.allclose(F.softcap(x, 2.0).numpy(), 2 * np.tanh(x.numpy() / 2))
assert np.allclose(x.softcap().numpy(), np.tanh(x.numpy()))
assert "tanh(x / c)" in F.softcap.__doc__
assert "| `F.softcap`, `x.softcap()` | `c tanh(x / c)` | `dx = dy ⊙ (1 - tanh²(x / c))`" in oplist()
assert "def softcap(x: Any, c: Any = 1.0) -> Tensor:" in stubs()["functional.pyi"]
found = [check(op, sample).verdict for op, sample in cases() if op.name == "softcap"]
assert found == ["pass"] * 3, found
"""
    done = run(checkout, CODE, "-c", script)
    assert done.returncode == 0, done.stderr[-2000:]
