"""The pytest plugin: wrong gradients fail tests with the report's words, the summary tells, and nobody else notices."""

from __future__ import annotations

import importlib
import re
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest

from nanonet.gradcheck import pytest_plugin  # before the runs within this process, which would throw it away

# pytester forgets modules that a run within this process imports; these do not survive being imported twice.
for _module in ("torch", "scipy.special", "numba"):
    with suppress(ImportError):
        importlib.import_module(_module)

ROOT = Path(__file__).parents[1]
pytest_plugins = ["pytester"]

PRELUDE = """
import numpy as np
import pytest
import nanonet as nt

X, W = np.random.default_rng(0).standard_normal((5, 3)), np.random.default_rng(1).standard_normal((3, 2))
def matmul(x, w): return x @ w
def right(dy, x, w): return dy @ w.T, x.T @ dy
def mean(dy, x, w): return dy @ w.T, x.T @ dy / len(x)
def minus(dy, x, w): return dy @ w.T, -x.T @ dy
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project in an environment where this checkout is installed, with the entry points of its pyproject.toml."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()) for group, points in groups.items()]
    info = pytester.path / "environment" / "nanonet-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nanonet\nVersion: 0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.syspath_prepend(str(info.parent))
    monkeypatch.setenv("PYTHONPATH", f"{info.parent}:{ROOT}", prepend=":")
    return pytester


def run(project: pytest.Pytester, code: str, *options: str) -> pytest.RunResult:
    """Within this process, which has imported NumPy and nanonet already."""
    project.makepyfile(test_it=PRELUDE + code)
    return project.runpytest_inprocess("-p", "no:cacheprovider", "--strict-markers", *options)


def run_alone(project: pytest.Pytester, code: str, *options: str) -> pytest.RunResult:
    """In a process of its own, where each warning is an error."""
    project.makepyfile(test_it=code)
    return project.runpytest_subprocess("-p", "no:cacheprovider", "--strict-markers", "-W", "error", *options)


def section(result: pytest.RunResult) -> list[str]:
    """The lines of the summary's section."""
    text = result.stdout.str()
    found = re.search(r"=+ gradient checks =+\n(.*?)\n=", text, re.S)
    assert found, text
    return found[1].splitlines()


def test_a_right_gradient_passes_and_the_report_comes_back(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
def test_pair(gradcheck):
    report = gradcheck(matmul, right, [X, W])
    assert report.verdict == "pass" and isinstance(report, nt.Report)

def test_function_of_tensors(gradcheck):
    assert gradcheck(nt.tanh, [X]).name == "tanh"

def test_subgradient(gradcheck):
    assert gradcheck(nt.abs, [np.array([0.0, 1.0])]).verdict == "subgradient"
""",
    )
    result.assert_outcomes(passed=3)
    lines = section(result)
    assert lines[0] == "3 checks in 3 tests: 2 pass, 1 subgradient"
    assert re.fullmatch(r"largest error of a pass: \S+ of its bar \(\S+, ±\S+\) in test_it.py::\w+", lines[1])
    assert len(lines) == 2


def test_a_planted_fault_fails_with_the_report_and_without_the_plugins_code(project: pytest.Pytester) -> None:
    result = run(project, "\ndef test_mean(gradcheck):\n    gradcheck(matmul, mean, [X, W])\n")
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert "E       AssertionError: fail: mean: largest error" in text
    assert re.search(r"E +cause: .*\(mean-for-sum\)", text, re.DOTALL)
    assert re.search(r">\s+gradcheck\(matmul, mean, \[X, W\]\)", text), "the line of the test is shown"
    assert "pytest_plugin.py" not in text
    assert "raise AssertionError" not in text
    lines = section(result)
    assert lines[0] == "1 check in 1 test: 1 fail"
    assert lines[1].startswith("fail: mean in test_it.py::test_mean: largest error")
    assert re.match(r"  cause: .*\(mean-for-sum\)", lines[2])
    assert re.fullmatch(r"  reproduce: pytest test_it.py::test_mean --gradcheck-seed \d+", lines[3])


def test_the_reproduce_line_reproduces(project: pytest.Pytester) -> None:
    code = """
@pytest.mark.parametrize("n", ["a b", "c"])
def test_mean(gradcheck, n):
    gradcheck(matmul, mean, [X, W])
"""
    first = run(project, code, "-k", "test_mean")
    first.assert_outcomes(failed=2)
    command = next(line for line in section(first) if "reproduce: pytest" in line).split("reproduce: pytest ")[1]
    assert "'test_it.py::test_mean[a b]'" in command, "quoted for the shell"
    seed = command.rsplit(" ", 1)[1]
    again = run(project, code, "--gradcheck-seed", seed, "test_it.py::test_mean[a b]")
    again.assert_outcomes(failed=1)
    numbers = r"largest error \S+ at .*"
    assert re.search(numbers, first.stdout.str())[0] == re.search(numbers, again.stdout.str())[0]  # type: ignore[index]


def test_kinks_and_inconclusive_checks_fail_in_their_own_words(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
def test_kink(gradcheck):
    gradcheck(np.abs, lambda dy, x: dy * np.where(x >= 0, 1.0, -1.0) * np.where(x == 0, 2, 1), [np.array([0.0, 1.0])])

def test_inconclusive(gradcheck):
    with np.errstate(all="ignore"):
        gradcheck(np.sqrt, lambda dy, x: dy * 0.5 / np.sqrt(x), [np.zeros(2)])
""",
    )
    result.assert_outcomes(failed=2)
    text = result.stdout.str()
    assert "AssertionError: kink:" in text
    assert "the point lies on a kink" in text
    assert "AssertionError: inconclusive:" in text
    assert "which is not a pass" in text
    assert section(result)[0] == "2 checks in 2 tests: 1 inconclusive, 1 kink"


def test_fast_mode_prints_the_seed_with_which_a_failure_comes_back(project: pytest.Pytester) -> None:
    code = """
@pytest.mark.gradcheck(mode="fast")
def test_mean(gradcheck):
    gradcheck(matmul, mean, [X, W])
"""
    first = run(project, code)
    first.assert_outcomes(failed=1)
    seed = re.search(r"fast mode's seed: (\d+) in test_it.py::test_mean", first.stdout.str())
    assert seed
    assert f"  reproduce: pytest test_it.py::test_mean --gradcheck-seed {seed[1]}" in section(first)
    again = run(project, code, "--gradcheck-seed", seed[1])
    assert section(again) == section(first)


OPTIONS = """
from nanonet.gradcheck import pytest_plugin as plugin

@pytest.fixture
def asked(monkeypatch):
    calls = []
    def record(*given, **options):
        calls.append(options)
        seed, mode = options.get("seed", 7), options.get("mode", "full")
        return nt.Report("pass", 1e-12, None, 1.0, 1e-11, 1.0, seed=seed, mode=mode)
    monkeypatch.setattr(plugin, "check_backward", record)
    return calls

pytestmark = pytest.mark.gradcheck(rtol=0.5, seed=1)

@pytest.mark.gradcheck(mode="fast", seed=2)
def test_marked(gradcheck, asked):
    gradcheck(matmul, right, [X, W])
    gradcheck(matmul, right, [X, W], seed=3, directions=4, name="product")
    gradcheck(matmul, right, [X, W], seed=3)
    print("asked:", asked)

def test_module(gradcheck, asked):
    gradcheck(matmul, right, [X, W])
    print("asked:", asked)
"""


def test_the_nearest_marker_sets_defaults_and_a_call_overrides_them(project: pytest.Pytester) -> None:
    result = run(project, OPTIONS, "-s")
    result.assert_outcomes(passed=2)
    asked = re.findall(r"asked: (.*)", result.stdout.str())
    assert asked == [
        "[{'rtol': 0.5, 'seed': 2, 'mode': 'fast'}, "
        "{'rtol': 0.5, 'seed': 3, 'mode': 'fast', 'directions': 4, 'name': 'product'}, "
        "{'rtol': 0.5, 'seed': 3, 'mode': 'fast'}]",
        "[{'rtol': 0.5, 'seed': 1}]",
    ]
    assert "fast mode's seeds: 2, 3 in test_it.py::test_marked" in section(result)


def test_the_seed_of_the_command_line_goes_to_every_check(project: pytest.Pytester) -> None:
    result = run(project, OPTIONS, "-s", "--gradcheck-seed", "77")
    assert re.findall(r"'seed': (\d+)", result.stdout.str()) == ["77"] * 4
    assert "fast mode's seed: 77 in test_it.py::test_marked" in section(result)


def test_wrong_use_is_told_in_one_line(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
@pytest.mark.gradcheck(tol=1)
def test_marker(gradcheck):
    gradcheck(nt.tanh, [X])

def test_call(gradcheck):
    gradcheck(nt.tanh)
""",
    )
    result.assert_outcomes(failed=2)
    text = result.stdout.str()
    assert "@pytest.mark.gradcheck: expected keywords among mode, directions, rtol, atol, seed, got tol" in text
    assert "expected (f, inputs) or (forward, backward, inputs), got (a function)" in text


MANY = """
@pytest.mark.parametrize("i", range(6))
def test_right(gradcheck, i):
    gradcheck(matmul, right, [X, W])
    gradcheck(matmul, right, [X, W])

def test_minus(gradcheck):
    gradcheck(matmul, minus, [X, W])

def test_expected(gradcheck):
    with pytest.raises(AssertionError, match="mean-for-sum"):
        gradcheck(matmul, mean, [X, W])
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_summary_collects_from_all_workers(project: pytest.Pytester, workers: str) -> None:
    result = run_alone(project, PRELUDE + MANY, "-n", workers)
    result.assert_outcomes(passed=7, failed=1)
    lines = section(result)
    assert lines[0] == "14 checks in 8 tests: 12 pass, 1 fail, 1 fail (as its test expects)"
    assert sum("reproduce: pytest" in line for line in lines) == 1, "a failure that its test expects is not listed"
    assert any("(sign)" in line for line in lines)


def test_a_junit_file_has_the_checks(project: pytest.Pytester) -> None:
    run(project, MANY, "--junit-xml", "junit.xml")
    assert "mean-for-sum" in (project.path / "junit.xml").read_text(encoding="utf-8")


def test_checks_in_hypothesis_tests_are_counted_and_the_smallest_failure_is_shown(project: pytest.Pytester) -> None:
    result = run_alone(
        project,
        PRELUDE
        + """
from hypothesis import given, settings
from nanonet.gradcheck import strategies as gs

@settings(max_examples=10, database=None, deadline=None)
@given(gs.arrays(gs.shapes(1, 2, 1, 3)))
def test_negative(gradcheck, x):
    gradcheck(np.sin, lambda dy, x: dy * np.cos(x) * np.sign(np.cos(x)), [x + 1.0])
""",
    )
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert "function_scoped_fixture" not in text
    assert "test_negative(" in text
    assert sum("reproduce: pytest" in line for line in section(result)) == 1


UNTOUCHED = """
import sys
def test_nothing_is_imported(request):
    assert "nanonet_pytest" in sys.modules
    assert "nanonet" not in sys.modules
    assert "numpy" not in sys.modules
def test_the_fixture_alone_imports_nothing(gradcheck):
    assert "nanonet" not in sys.modules
"""


def test_a_project_without_checks_does_not_notice(project: pytest.Pytester) -> None:
    # Hypothesis's plugin would import NumPy by itself where that is at hand
    result = run_alone(project, UNTOUCHED, "-p", "no:hypothesispytest", "-p", "no:xdist")
    result.assert_outcomes(passed=2)
    assert "gradient checks" not in result.stdout.str()


def test_it_can_be_switched_off(project: pytest.Pytester) -> None:
    result = run(project, "def test_other(): pass\ndef test_fixture(gradcheck): pass", "-p", "no:nanonet")
    result.assert_outcomes(passed=1, errors=1)
    assert "fixture 'gradcheck' not found" in result.stdout.str()


def test_a_fixture_of_the_same_name_in_the_project_wins(project: pytest.Pytester) -> None:
    code = "import pytest\n@pytest.fixture\ndef gradcheck(): return 5\ndef test_own(gradcheck): assert gradcheck == 5"
    run(project, code).assert_outcomes(passed=1)


def test_marker_option_and_fixture_are_documented(project: pytest.Pytester) -> None:
    shown = run(project, "", "--markers").stdout.str()
    assert f"@pytest.mark.gradcheck({', '.join(pytest_plugin.MARKED)}): defaults" in shown
    assert "--gradcheck-seed=N" in run(project, "", "--help").stdout.str()
    assert "Fail the test unless a gradient is right" in run(project, "", "--fixtures").stdout.str()


PAGE = (ROOT / "docs" / "gradcheck-in-your-tests.md").read_text(encoding="utf-8")
WRONG, MARKED, STRATEGIES, ADAPTERS = re.findall(r"```python\n(.*?)```", PAGE, re.S)


def test_the_page_shows_what_its_wrong_example_prints(project: pytest.Pytester) -> None:
    project.makepyfile(test_linear=WRONG)
    result = project.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    shown = re.findall(r"=+ gradient checks =+\n(.*?)\n```", PAGE, re.S)[0].splitlines()
    assert len(shown) > 2
    assert section(result)[: len(shown)] == shown


@pytest.mark.parametrize("example", [MARKED, STRATEGIES], ids=["marker", "strategies"])
def test_the_examples_of_the_page_pass(project: pytest.Pytester, example: str) -> None:
    project.makepyfile(test_page=example)
    project.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error").assert_outcomes(passed=1)


def test_the_example_with_an_adapter_passes(project: pytest.Pytester) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")
    project.makepyfile(test_page=ADAPTERS)
    project.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error").assert_outcomes(passed=2)
