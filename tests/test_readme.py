"""README's promises: two commands that CI runs, examples that work, links that lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from nanonet.op import REGISTRY, ops
from nanonet.oplist import oplist
from tests.readme_command import commands

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_there_are_exactly_two_commands_and_ci_runs_the_second() -> None:
    assert commands() == ["pip install . && nanonet tour", "pip install '.[test]' && pytest"]
    printed = subprocess.run(
        [sys.executable, "-m", "tests.readme_command"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert printed.stdout == commands()[1] + "\n"
    assert "python -m tests.readme_command" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_commands_install_what_they_use() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"]["nanonet"] == "nanonet.cli:main"
    assert any(need.startswith("pytest>") for need in project["optional-dependencies"]["test"])


def test_every_package_is_installed() -> None:
    """A folder with modules that setuptools is not told of would be missing after `pip install .`."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    here = {"nanonet": "nanonet", "kernels": "nanonet_kernels", "benchmarks": "nanonet_benchmarks"}
    found = {
        ".".join((here[top], *init.parent.relative_to(ROOT / top).parts))
        for top in here
        for init in (ROOT / top).rglob("__init__.py")
    }
    assert found == set(listed)


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    code = re.findall(r"## Use it\n```python\n(.*?)```", README, re.S)[0]
    scope: dict[str, object] = {}
    exec(code.replace("epochs=5", "epochs=1"), scope)
    x, w = np.array([1.0, 2.0, 3.0]), np.array([0.1, -0.2, 0.3])
    y = np.tanh(x @ w)
    np.testing.assert_allclose(np.asarray(scope["w"].grad)[0], 2 * (y - 1) * (1 - y * y) * x, rtol=1e-5)
    assert "epoch 1/1" in capsys.readouterr().out


def test_the_shown_op_is_the_one_that_runs() -> None:
    shown = re.findall(r"class Tanh.*?```", README, re.S)[0]
    op = REGISTRY["array.tanh"]
    assert op.formulas() == {"y": "tanh x", "dx": "dy ⊙ (1 - y²)"}
    scope: dict[str, object] = {"Op": object}
    exec(shown.removesuffix("```"), scope)
    tanh = scope["Tanh"]
    x, dy = np.array([0.5, -2.0]), np.array([3.0, 4.0])
    y, saved = tanh.forward(np, x)
    wanted, kept = op.forward(np, x)
    np.testing.assert_array_equal(y, wanted)
    np.testing.assert_allclose(tanh.backward(np, saved, dy)[0], op.backward(np, kept, dy)[0], rtol=1e-15)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_picture_is_small() -> None:
    assert 20_000 < (ROOT / "docs" / "tour.png").stat().st_size < 300_000


def test_the_list_of_operations_is_complete_and_up_to_date() -> None:
    text = oplist()
    for op in ops():
        assert f"`{'nt' if op.array else 'F'}.{op.name}`" in text
    assert text == (ROOT / "docs" / "ops.md").read_text(encoding="utf-8"), "run: python -m nanonet.oplist"
