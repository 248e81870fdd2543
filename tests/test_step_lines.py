"""`nanonet step` over a pipe: commands are lines, answers plain text; and what it says of a bad call."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from nanonet.cli import main
from tests.step_targets import SOURCE, write_targets


@pytest.fixture
def mine(tmp_path: Path) -> str:
    return str(write_targets(tmp_path))


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """step("file.py:loss", "n\\nq\\n") -> (exit status, stdout, stderr)."""

    def run(target: str, commands: str = "", *options: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(commands))
        status = main(["step", *([target] if target else []), *options])
        out, err = capsys.readouterr()
        return status, out, err

    return run


def test_a_pipe_gives_a_readable_transcript(mine: str) -> None:
    command = [sys.executable, "-m", "nanonet", "step", f"{mine}:loss"]
    ran = subprocess.run(command, input="n\nn\nq\n", capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert "\x1b" not in ran.stdout
    assert "step 1 of 17 · forward · matmul · mine.py:8\n    z = x @ w + b\n" in ran.stdout
    assert "step 2 of 17 · forward · add · mine.py:8" in ran.stdout
    assert "step 3" not in ran.stdout


def test_the_end_of_the_input_ends_with_status_0(step, mine: str) -> None:  # type: ignore[no-untyped-def]
    status, out, _ = step(f"{mine}:loss", "n\n")
    assert status == 0
    assert "step 1 of 17" in out


def test_a_gradient_is_not_yet_then_partly_there_then_complete(step, mine: str) -> None:  # type: ignore[no-untyped-def]
    _, out, _ = step(f"{mine}:loss", "j 8\ni z\nj 9\ni z\nj 13\ni z\n")
    seen = [
        out.index(words) for words in ("gradient: not yet", "gradient (1 of 2 terms so far)", "+ from tanh (step 3)")
    ]
    assert seen == sorted(seen)
    assert "gradient: 0" not in out


@pytest.mark.parametrize(
    ("commands", "shown"),
    [
        ("jump 12", "step 12 of 17"),
        ("j -2", "step 16 of 17"),
        ("j tanh", "step 3 of 17"),
        ("j loss", "step 6 of 17"),
        ("j line 9", "step 3 of 17"),
        ("j :9", "step 3 of 17"),
        ("j mine.py:9", "step 3 of 17"),
        ("j backward", "step 7 of 17"),
        ("/ return", "step 4 of 17"),
        ("/return\n/", "step 5 of 17"),
        ("w", "step 7 of 17"),
        ("break a\nc", "step 3 of 17"),
        ("j 9\n.\nc", "step 10 of 17"),
        ("c", "step 17 of 17"),
        ("next 3", "step 3 of 17"),
        ("\n\n", "step 2 of 17"),
        ("end\nb", "step 16 of 17"),
        ("end\nj a", "step 3 of 17"),
        ("u", "there is no update in this trace"),
        ("b", "this is the start"),
        ("e", "this step is in no module"),
        ("foo", "unknown command 'foo'"),
        ("e x\nj nowhere", "no step for nowhere"),
        ("j 99", "expected a position from 0 to 17"),
        ("i nowhere", "no tensor is called 'nowhere'"),
        ("/ nowhere", "nothing found for 'nowhere'"),
        ("n x", "expected how many steps"),
        ("]", "there is no array on this card"),
        ("n\n]", "y[0, 0] of 2×2\n"),
        ("j 16\n}", "db[2, 1] of 3×2, array 2 of 2"),
        ("j 16\n= db 2,1", "db[2, 1] = "),
        ("j 16\n= 5,5", "da is 2×3, counted from 0; got '5,5'"),
        ("j 16\n= x", "expected an entry of da, 2×3"),
        ("j 16\nd", "Kronecker product"),
        ("d", "a local Jacobian belongs to the backward of an operation"),
        ("x", "they come with --document"),
        ("h", "to where the backward begins"),
    ],
)
def test_each_command_does_what_its_help_says(step, mine: str, commands: str, shown: str) -> None:  # type: ignore[no-untyped-def]
    status, out, err = step(f"{mine}:loss", f"{commands}\nq\n")
    assert status == 0
    assert err == ""
    assert shown in out


def test_a_training_step_ends_with_the_update(step, mine: str) -> None:  # type: ignore[no-untyped-def]
    _, out, _ = step(f"{mine}:training_step", "u\n")
    line = SOURCE.split("\n").index("    optimizer.step()") + 1
    assert f"step 11 of 14 · update · SGD · mine.py:{line}" in out
    assert "model.0.weight" in out


@pytest.mark.parametrize("name", ["loss", "training_step", "chinese", "defaults", "own_function", "drawn"])
def test_no_line_is_longer_than_80_columns(step, mine: str, name: str) -> None:  # type: ignore[no-untyped-def]
    status, out, err = step(f"{mine}:{name}", "i\n" + "n\n" * 20 + "h\ni\nj nowhere\n")
    assert (status, err) == (0, "")
    assert max(map(cell_len, out.splitlines()[1:])) <= 80


def test_inputs_are_found_as_in_nanonet_check(step, mine: str) -> None:  # type: ignore[no-untyped-def]
    assert "value [1 2]" in step(f"{mine}:defaults")[1]  # an array default, of a parameter that is not the first
    assert "value [1 2]" in step(f"{mine}:own_function")[1]
    first = step(f"{mine}:needs_inputs", "", "--inputs", "3")[1]
    assert first == step(f"{mine}:needs_inputs", "", "--inputs", "3", "--seed", "0")[1]
    assert first != step(f"{mine}:needs_inputs", "", "--inputs", "3", "--seed", "1")[1]
    assert step(f"{mine}:drawn", "n\n")[1] == step(f"{mine}:drawn", "n\n")[1]
    assert step(f"{mine}:drawn", "n\n")[1] != step(f"{mine}:drawn", "n\n", "--seed", "1")[1]
    assert step("nanonet.functional:tanh", "n\n", "--inputs", "2")[0] == 0


def test_it_starts_where_it_is_told(step, mine: str) -> None:  # type: ignore[no-untyped-def]
    assert "step 7 of 17" in step(f"{mine}:loss", "", "--to", "backward")[1]
    status, _, err = step(f"{mine}:loss", "", "--to", "nowhere")
    assert status == 2
    assert "no step for nowhere" in err


@pytest.mark.parametrize(
    ("target", "options", "status", "words"),
    [
        ("missing.py:loss", (), 2, "missing.py: no such file"),
        ("{mine}:losss", (), 2, "has no function 'losss'; did you mean loss"),
        ("{mine}:NUMBER", (), 2, "expected a function, got int"),
        ("{mine}", (), 2, "expected module:function or path/to/file.py:function"),
        ("no_such_module:f", (), 2, "no module 'no_such_module'"),
        ("{mine}:needs_inputs", (), 2, "at which inputs?"),
        ("{mine}:needs_inputs", ("--inputs", "3,x"), 2, "expected shapes"),
        ("{mine}:needs_inputs", ("--inputs", "2;2"), 1, "raised TypeError"),
        ("{mine}:raising", (), 1, "raised KeyError: 'planted'"),
        ("{mine}:exits", (), 1, "raised SystemExit: 7"),
        ("{mine}:returns_a_number", (), 1, "returned float; return the Tensor"),
        ("{mine}:nothing", (), 1, "returned NoneType"),
        ("", (), 2, "expected a function, FILE.py:function, or --document NAME"),
        ("{mine}:loss", ("--document", "D0"), 2, "expected a function, FILE.py:function, or --document NAME"),
        ("{mine}:loss", ("--seed", "-1"), 2, "--seed: expected a number from 0, got -1"),
        ("{mine}:loss", ("--markdown", "no/such/folder/x.md"), 1, "there is no folder"),
        ("{mine}:loss", ("--nonsense",), 2, "No such option"),
    ],
)
def test_a_bad_call_is_one_line_and_no_traceback(  # type: ignore[no-untyped-def]
    step, mine: str, target: str, options: tuple[str, ...], status: int, words: str
) -> None:
    got, out, err = step(target.format(mine=mine), "", *options)
    assert got == status, err
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("nanonet: ")
    assert words in err


def test_a_file_that_cannot_be_imported_is_one_line(step, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "broken.py"
    path.write_text("def f(:\n")
    status, _, err = step(f"{path}:f")
    assert status == 1
    assert "cannot be imported: SyntaxError" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("name", ["D0", "D0:2", "D2", "D3", "d3"])
def test_a_documents_example_has_its_errata_beside_it(step, name: str) -> None:  # type: ignore[no-untyped-def]
    status, out, err = step("", "x\nw\nn\n", "--document", name)
    assert (status, err) == (0, "")
    assert "errata, x shows them" in out
    assert "\n1. " in out
    assert "\nwritten: " in out
    assert "· backward · seed · examples.py:" in out
    assert max(map(cell_len, out.splitlines())) <= 80


def test_an_erratum_is_run_when_it_is_asked_for(step) -> None:  # type: ignore[no-untyped-def]
    _, out, _ = step("", "x 1\nx 9\n", "--document", "D4")
    assert "as written  FAIL" in out
    assert "corrected   pass" in out
    assert "expected a number from 1 to 1, got '9'" in out


@pytest.mark.parametrize(("name", "words"), [("D9", "expected one of D0"), ("D0:7", "has 2 example(s), got number 7")])
def test_an_unknown_document_is_one_line(step, name: str, words: str) -> None:  # type: ignore[no-untyped-def]
    status, out, err = step("", "", "--document", name)
    assert (status, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1


def test_files_are_written_instead_of_stepping(step, mine: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    markdown, html = tmp_path / "steps.md", tmp_path / "steps.html"
    status, out, err = step(f"{mine}:loss", "n\n", "--markdown", str(markdown), "--html", str(html))
    assert (status, err) == (0, "")
    assert len(out.splitlines()) == 2
    assert "### 17. store" in markdown.read_text(encoding="utf-8")
    assert "<body" in html.read_text(encoding="utf-8")


def test_the_commands_own_code_is_never_shown_as_the_users(step, mine: str) -> None:  # type: ignore[no-untyped-def]
    """The seed of the backward that the trace itself starts stands at the line that made the loss."""
    for name in ("loss", "defaults", "own_function"):
        _, out, _ = step(f"{mine}:{name}", "n\n" * 20)
        places = {line.split(" · ")[-1] for line in out.splitlines() if " · " in line}
        assert {place.split(":")[0] for place in places} <= {"mine.py", "store"}, places
    assert "seed · mine.py:10" in step(f"{mine}:loss", "w\n")[1]
    assert ".py" not in step("nanonet.functional:tanh", "n\nn\n", "--inputs", "2")[1]
