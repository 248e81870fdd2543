"""`nanonet exercise`: list, show, start and check in a terminal of 80 columns."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner, Result

from nanonet.cli_exercise import app
from nanonet.teach import exercises
from nanonet.teach.exercises.plain import formula
from tests.exercise_solutions.planted import SOLUTIONS


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_the_list_has_a_line_for_each_exercise_in_80_columns() -> None:
    result = run("list")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert max(map(len, lines)) <= 80
    for exercise in exercises.all_exercises():
        line = next(line for line in lines if f" {exercise.name} " in line)
        assert exercise.topic in line
        assert exercise.title in line, "on one line"
        assert line.startswith("*" * exercise.level + " ")


def test_the_list_says_which_answers_in_a_folder_are_right(folder: Path) -> None:
    shutil.copy(SOLUTIONS / "relu.py", folder)
    run("start", "softmax")
    (folder / "tanh.py").write_text("def backward(dy, cache):\n    return dy\n")
    result = run("list", "--folder", ".")
    lines = {line.split()[1]: line for line in result.output.splitlines() if line.startswith("*")}
    assert lines["relu"].rstrip().endswith("right")
    assert lines["softmax"].rstrip().endswith("begun")
    assert lines["tanh"].rstrip().endswith("not yet")
    assert f"1 of {len(lines)} are right, 3 begun" in result.output
    assert max(map(len, result.output.splitlines())) <= 80
    assert isinstance(run("list", "--folder", "nowhere").exception, NotADirectoryError)


@pytest.mark.parametrize("name", exercises.names())
def test_show_prints_the_statement_without_latex(name: str) -> None:
    result = run("show", name)
    assert result.exit_code == 0
    assert max(map(cell_len, result.output.splitlines())) <= 80
    assert exercises.get(name).title in result.output
    assert f"nanonet exercise start {name}" in result.output
    for word in ("\\frac", "\\sum", "\\", "$"):
        assert word not in result.output


def test_start_writes_the_file_and_never_overwrites_one(folder: Path) -> None:
    assert run("start", "matmul").exit_code == 0
    path = folder / "matmul.py"
    assert path.read_text(encoding="utf-8") == exercises.get("matmul").template
    path.write_text("mine")
    result = run("start", "matmul")
    assert isinstance(result.exception, FileExistsError)
    assert "is there already and is left as it is" in str(result.exception)
    assert path.read_text() == "mine"


def test_check_shows_hints_step_by_step(folder: Path) -> None:
    run("start", "matmul")
    result = run("check", "matmul")
    assert result.exit_code == 1
    assert "not filled in" in result.output
    path = folder / "mine.py"
    path.write_text("def backward(dy, x, w):\n    return dy @ w.T, -x.T @ dy\n")
    shown = [run("check", "matmul", "mine.py", *more).output for more in ([], ["--hint", "2"], ["--hint", "3"])]
    assert "nanonet exercise check matmul mine.py --hint 2" in shown[0]
    assert "A sign is wrong" not in shown[0]
    assert "A sign is wrong" in shown[1]
    assert "minus sign" not in shown[1]
    assert "minus sign" in shown[2]
    assert "--hint" not in shown[2]
    assert all(max(map(len, text.splitlines())) <= 80 for text in shown)


def test_check_of_a_right_answer_ends_with_status_0() -> None:
    result = run("check", "relu", str(SOLUTIONS / "relu.py"))
    assert result.exit_code == 0
    assert result.output.startswith("relu: right, at ordinary inputs")


def test_bad_calls_are_refused_with_a_sentence() -> None:
    assert "did you mean softmax" in str(run("show", "sofmax").exception)
    assert run("check", "matmul", "--hint", "4").exit_code == 2
    assert run("check").exit_code == 2
    result = run("check", "matmul", "nowhere.py")
    assert result.exit_code == 1
    assert "There is no file nowhere.py" in result.output


def test_formulas_become_plain_text() -> None:
    assert formula(r"\frac{\partial L}{\partial x} = \frac1N \sum_{n} x_{nd}") == "∂L/∂x = 1/N Σ_n x_nd"
    assert formula(r"y_k = \frac{e^{x_k}}{\sum_j e^{x_j}}") == "y_k = e^(x_k)/(Σ_j e^(x_j))"
