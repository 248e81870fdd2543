"""`nanonet check`: all operations, some, or the user's functions; the exit status; bad input; Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import nanonet as nt
from nanonet.cli import main
from nanonet.gradcheck.suite.ops import check_job, check_one, jobs_of
from nanonet.gradcheck.suite.spread import run
from nanonet.op import ops
from nanonet.ops.binary import BinaryCrossEntropy
from nanonet.ops.rectifier import Relu
from nanonet.ops.softmax import Softmax

COMMAND = [sys.executable, "-m", "nanonet", "check"]
MINE = """
import numpy as np
import nanonet as nt

def right(x, w): return nt.tanh(x @ w)
right_inputs = (np.linspace(-1, 1, 6).reshape(2, 3), np.full((3, 2), 0.5))
def without(x, w): return nt.tanh(x @ w)
def defaults(x=np.array([1.0, 2.0]), axis=0): return nt.sum(x * x, axis=axis)
def forward(x): return np.tanh(x)
def backward(dy, x): return dy * (1 - x**2)
def good_backward(dy, x): return dy * (1 - np.tanh(x)**2)
def flat_backward(dy, x): return (dy * (1 - np.tanh(x)**2)).ravel()
def cached(x): return np.tanh(x), np.tanh(x)
def cached_backward(dy, y): return dy * (1 - y * y)
def own_report(): return nt.gradcheck(lambda x: x * x, [np.ones(3)])
def own_pair(): return forward, backward, [np.array([0.3, 0.4])]
def own_function(): return (lambda x: x * 3), [np.ones(3)]
def five(): return 5
def raising(x): raise KeyError("planted")
def of_numpy(x): return np.cumsum(np.asarray(x))
def of_integers(x): return x * 2
of_integers_inputs = (np.arange(3),)
def not_finite(x): return nt.log(x)
not_finite_inputs = (np.array([-1.0, np.inf, np.nan]),)
NUMBER = 3
"""


@pytest.fixture
def mine(tmp_path: Path) -> str:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return str(path)


def shown(capsys: pytest.CaptureFixture[str], arguments: list[str], status: int) -> str:
    assert main(["check", *arguments]) == status
    out, err = capsys.readouterr()
    assert err == ""
    return out


def refusal(capsys: pytest.CaptureFixture[str], arguments: list[str], status: int) -> str:
    assert main(["check", *arguments]) == status
    out, err = capsys.readouterr()
    assert err.count("\n") == 1, err
    assert err.startswith("nanonet: ")
    assert "Traceback" not in err + out
    assert "internal error" not in err
    return err


def test_named_operations_are_checked_and_shown_by_family(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, ["softmax", "tanh"], 0)
    assert re.search(r"^ softmax +\d+ +\d+ ", out, re.M)
    assert re.search(r"^ elementary +\d+ +\d+ ", out, re.M)
    assert re.search(r"^\d+ checks of 2 operations in \d+ s: \d+ passed", out, re.M)
    assert max(map(len, out.splitlines())) <= 80


def test_a_family_and_an_alias_name_operations_too() -> None:
    from nanonet.program.checking import find_ops

    assert {op.name for op in find_ops(["elu"], False)} == {"elu"}, "an operation goes before a family of its name"
    assert len(find_ops(["rectifier"], False)) > 5
    assert [op.name for op in find_ops(["absolute"], False)] == ["abs"]


def test_without_names_every_op_with_a_gradient_is_checked_at_every_sample() -> None:
    from nanonet.program.checking import find_ops

    jobs = jobs_of(find_ops([], False))
    wanted = [(op, one) for op in ops() if op.is_differentiable() for one in op.samples]
    assert [(job.op, job.sample) for job in jobs] == wanted
    assert len(jobs) > 800


def test_named_kinks_are_listed_and_are_no_passes(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, ["relu", "embedding"], 0)
    assert "subgradient: relu (x = 0)" in out
    assert "2 fail: embedding (its gradient is left out on purpose) ×2" in " ".join(out.split())
    assert "3 at named kinks" in out
    kinks = [one for one in Relu.samples if one.kink]
    assert not [one for one in kinks if check_one(Relu, one).column == "pass"]


def test_a_wrong_gradient_fails_with_its_report(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The planted fault: softmax forgets that its outputs add up to 1."""
    monkeypatch.setattr(Softmax, "backward", staticmethod(lambda xp, saved, dy: (saved[0] * dy,)))
    path = tmp_path / "found.json"
    out = shown(capsys, ["softmax", "--json", str(path)], 1)
    assert "fail: softmax, " in out
    assert "cause:" in out
    assert "reproduce: nanonet check softmax" in out
    assert re.search(r"\d+ failed", out)
    found = json.loads(path.read_text())
    assert (found["not_run"], found["interrupted"]) == (0, False)
    assert len(found["checks"]) == len(Softmax.samples)
    wrong = [one for one in found["checks"] if not one["fine"]]
    assert wrong
    assert all(one["verdict"] == one["report"]["verdict"] == "fail" for one in wrong)


def test_an_op_that_raises_has_failed_also_at_a_kink(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise IndexError("planted")

    monkeypatch.setattr(Relu, "backward", staticmethod(broken))
    for one in Relu.samples:
        found = check_one(Relu, one)
        assert (found.verdict, found.why, found.column) == ("fail", "IndexError: planted", "fail")


def test_where_an_op_ends_its_one_sided_slope_is_shown_and_not_counted() -> None:
    """binary_cross_entropy refuses a probability of 1.05; at 1 its gradient is PyTorch's, 0, and its slope is not."""
    (edge,) = [one for one in BinaryCrossEntropy.samples if one.kink == "log 0"]
    found = check_one(BinaryCrossEntropy, edge)
    assert found.verdict == "fail"
    assert found.column == "named"


def test_what_is_inconclusive_is_no_success(mine: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, [f"{mine}:not_finite"], 1).startswith("inconclusive: ")


def test_a_forgotten_cache_option_is_pointed_out(mine: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, [f"{mine}:cached", "--backward", "cached_backward", "--inputs", "3"], 1)
    assert "pass cache=True if it returns (y, cache)" in " ".join(text.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["right"],
        ["without", "--inputs", "3,4;4,5"],
        ["defaults"],
        ["forward", "--backward", "good_backward", "--inputs", "5"],
        ["cached", "--backward", "cached_backward", "--cache", "--inputs", "()"],
        ["own_report"],
        ["own_function"],
    ],
)
def test_a_right_function_of_the_users_passes(
    mine: str, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert shown(capsys, [f"{mine}:{arguments[0]}", *arguments[1:]], 0).startswith("pass")


@pytest.mark.parametrize("arguments", [["forward", "--backward", "backward", "--inputs", "3,2"], ["own_pair"]])
def test_a_wrong_one_fails_and_says_why(mine: str, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    out = shown(capsys, [f"{mine}:{arguments[0]}", *arguments[1:]], 1)
    assert out.startswith("fail: ")
    assert "cause:" in out
    assert "reproduce: nanonet check" in " ".join(out.split())  # a long path may wrap the line


def test_a_gradient_of_another_shape_fails(mine: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, [f"{mine}:forward", "--backward", "flat_backward", "--inputs", "3,2"], 1)
    assert "has shape (6,), the input (3, 2)" in " ".join(out.split())


def test_modules_are_found_in_the_current_folder(
    mine: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(mine).parent)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    (Path(mine).parent / "mine_of_a_test.py").write_text(MINE)
    assert shown(capsys, ["mine_of_a_test:right"], 0).startswith("pass")
    del sys.modules["mine_of_a_test"]


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["sofmax"], 2, "no operation 'sofmax'; did you mean softmax"),
        (["xyzzy"], 2, "module:function"),
        (["argmax"], 2, "argmax has no gradient"),
        (["no_such_module_here:f"], 2, "no module 'no_such_module_here'"),
        (["none.py:f"], 2, "none.py: no such file"),
        (["{mine}:rihgt"], 2, "no function 'rihgt'; did you mean right?"),
        (["{mine}:NUMBER"], 2, "expected a function, got int"),
        (["{mine}:"], 2, "expected module:function"),
        (["{mine}:without"], 2, "without_inputs = (array, …)"),
        (["{mine}:without", "--inputs", "3,x"], 2, "expected shapes as '3,4;4,5'"),
        (["{mine}:without", "--inputs", "3"], 1, "missing 1 required positional argument: 'w'"),
        (["{mine}:without", "--inputs", "3,4;5,6"], 1, "matmul"),
        (["{mine}:raising", "--inputs", "3"], 1, "raised KeyError: 'planted'"),
        (["{mine}:of_integers"], 1, "no floating input"),
        (["{mine}:of_numpy", "--inputs", "3"], 1, "--backward"),
        (["{mine}:five"], 1, "(f, inputs)"),
        (["{mine}:forward", "--backward", "backward", "--second", "--inputs", "3"], 1, "second"),
        (["{folder}/broken.py:f"], 1, "broken.py cannot be imported: NameError"),
        (["{folder}/syntax.py:f"], 1, "syntax.py cannot be imported: SyntaxError"),
        (["relu", "--inputs", "3"], 2, "--inputs belongs to one function of yours"),
        (["{mine}:right", "--cache"], 2, "--cache belongs to --backward"),
        (["relu", "--mode", "half"], 2, "expected full or fast, got half"),
        (["relu", "--rtol", "-1"], 2, "--rtol"),
        (["relu", "--atol", "nan"], 2, "--atol"),
        (["relu", "--seed", "-1"], 2, "--seed"),
        (["relu", "--jobs", "0"], 2, "--jobs"),
        (["relu", "--backend", "tpu"], 2, "numpy, numba, cuda, got tpu"),
        (["{mine}:right", "--backend", "numba"], 2, "compares ops"),
        (["relu", "--json", "{folder}/none/a.json"], 1, "no folder"),
        (["relu", "--json", "{folder}"], 1, ""),
        (["relu", "--nope"], 2, "--nope"),
    ],
)
def test_bad_input_is_one_line(
    mine: str, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, says: str
) -> None:
    folder = Path(mine).parent
    (folder / "broken.py").write_text("undefined_name\n")
    (folder / "syntax.py").write_text("x = = 3\n")
    filled = [word.replace("{mine}", mine).replace("{folder}", str(folder)) for word in arguments]
    assert says in refusal(capsys, filled, status)


def test_debug_shows_where(mine: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", f"{mine}:raising", "--inputs", "3", "--debug"]) == 1
    assert "in raising" in capsys.readouterr().err


def test_a_backend_is_compared_and_kernels_are_told_from_rules(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, ["relu", "tanh", "--backend", "numba"], 0)
    assert "relu.backward, relu.forward" in out
    assert re.search(r"comparisons of 2 operations .* agree, \d+ of them by a kernel; 0 do not", " ".join(out.split()))
    assert max(map(len, out.splitlines())) <= 80


def test_a_wrong_kernel_is_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from nanonet.backends.numba import backend

    monkeypatch.setitem(backend.kernels, Relu.backward, lambda saved, dy: (dy * 1,))
    out = shown(capsys, ["relu", "--backend", "numba"], 1)
    assert "fail: relu" in out
    assert "differs by" in out


def test_a_backend_that_cannot_run_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, ["relu", "--backend", "cuda"], 1)
    assert " ".join(out.split()) == f"cuda: skipped, nothing was compared: {nt.backends()['cuda']}"


def test_several_processes_find_what_one_does() -> None:
    jobs = jobs_of(op for op in ops() if op.name in ("relu", "tanh", "sigmoid", "softmax", "add", "multiply", "log"))
    assert len(jobs) > 24
    one, two = (run(jobs, check_job, processes, lambda _: None) for processes in (1, 2))
    assert one.missing == two.missing == 0
    assert [(f.op, f.sample, f.verdict, str(f.error)) for f in one.found] == [
        (f.op, f.sample, f.verdict, str(f.error)) for f in two.found
    ]


def die(job: int) -> int:
    if job == 10:
        os._exit(1)
    return job


def test_a_process_that_is_killed_ends_the_run_and_says_so() -> None:
    ran = run(range(40), die, 2, lambda _: None)
    assert ran.missing
    assert "--jobs 1" in ran.trouble
    assert ran.found == sorted(ran.found)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_shows_what_there_is(jobs: str, tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    arguments = ["elementary", "elementwise", "pool", "loss", "--jobs", jobs, "--json", str(path)]
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    assert process.stdout is not None
    assert re.match(r"\d+ of \d+ checks", process.stdout.readline())
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all its processes
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert err == ""
    done, total, missing = map(int, re.findall(r"stopped by Ctrl-C: (\d+) of (\d+) done, (\d+) not run", out)[0])
    assert 0 < done < total == done + missing
    assert re.search(rf"^ all +{done} ", out, re.M)
    found = json.loads(path.read_text())
    assert (len(found["checks"]), found["not_run"], found["interrupted"]) == (done, missing, True)


def test_output_to_a_pipe_is_plain() -> None:
    process = subprocess.run([*COMMAND, "linear"], capture_output=True, text=True, timeout=120)
    assert process.returncode == 0
    assert process.stderr == ""
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", process.stdout)


def test_help_says_how_inputs_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--help"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert all(word in out for word in ("--inputs", "FUNCTION_inputs", "(f, inputs)", "Exit status", "130"))
