"""Whatever a submission does, it gets its verdict, the others get theirs, and the grader stays as it was."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from nanonet.teach import exercises
from nanonet.teach.exercises import commands_grade
from nanonet.teach.exercises.grading import VERDICTS, Grades, Limits, Result, grade, process
from nanonet.teach.exercises.grading.endings import Ended
from nanonet.teach.exercises.grading.process import Process
from nanonet.teach.exercises.grading.sandbox import channel, syscalls
from nanonet.teach.exercises.grading.submissions import find
from nanonet.teach.exercises.grading.table import line, show
from tests.grader_attempts import ATTEMPTS, RIGHT, SOLUTION

pytestmark = pytest.mark.skipif(os.name != "posix", reason="submissions run behind limits that POSIX systems have")
LIMITS = Limits(1.0, 128)
LINUX = sys.platform == "linux"
SECCOMP = LINUX and platform.machine() in syscalls.CALLS


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Result]]:
    """All attempts in one folder, graded in one run, two at a time; nobody calls while they run."""
    folder = tmp_path_factory.mktemp("class")
    for student, (_, _, source) in ATTEMPTS.items():
        (folder / student).mkdir()
        (folder / student / "relu.py").write_text(source)
    grades = grade(folder, LIMITS, jobs=2)
    assert not grades.interrupted
    assert [one.student for one in grades.results] == sorted(ATTEMPTS)
    yield {one.student: one for one in grades.results}
    assert {path.name for path in folder.iterdir()} == set(ATTEMPTS)


@pytest.mark.parametrize("student", ATTEMPTS)
def test_every_attempt_gets_its_verdict_and_the_others_go_on(student: str, graded: dict[str, Result]) -> None:
    verdict, words, _ = ATTEMPTS[student]
    result = graded[student]
    assert (result.verdict, result.kind if verdict == "grader-error" else "") == (verdict, ""), result
    assert words in result.message
    assert result.verdict in VERDICTS
    assert result.seconds <= LIMITS.seconds
    assert len(result.output) <= 4000


def test_a_wrong_submission_has_three_hints_and_an_exception_its_line(graded: dict[str, Result]) -> None:
    wrong = graded["wrong"]
    assert wrong.kind == "sign"
    assert len(wrong.hints) == len(set(wrong.hints)) == 3
    assert graded["exception"].line == 3
    assert graded["raises-on-import"].line == 2
    assert graded["syntax"].line == 1
    assert graded["aa-right"].hints == ()
    assert graded["mutates-dy"].kind == "clobbered-cotangent"
    assert len(graded["mutates-dy"].hints) == len(graded["exception"].hints) == 3


def test_what_is_printed_is_kept_in_part_and_harmless(graded: dict[str, Result]) -> None:
    assert set(graded["prints-much"].output) == {"a"}
    assert graded["escape-codes"].output == "\ufffd[2J\n"
    assert "\x1b" not in line(graded["escape-codes"])


@pytest.fixture
def unguarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The planted fault: a sandbox whose audit hook is missing. What is refused now, the kernel refuses."""
    folder = tmp_path / "sandbox"
    shutil.copytree(process.SANDBOX, folder)
    monkeypatch.setattr(process, "SANDBOX", folder)
    hook = "OWN, LEFT, FORBIDDEN_MODULES = 'submission.py', 83, ()\ndef stand_guard(*_): pass\n"
    (folder / "guard.py").write_text(hook)
    return folder


def test_without_guard_and_kernel_a_solution_could_be_read(unguarded: Path) -> None:
    """So what the attempts above see of the guard is the guard's doing, and behind it is Landlock."""
    source = f"open({SOLUTION!r}).read()\n{RIGHT}"
    if has_landlock():
        stopped = ended(source)
        assert stopped is not None
        assert "PermissionError" in stopped.ending.message
    main = unguarded / "__main__.py"
    without = [line for line in main.read_text().splitlines() if "kernel.read_only_in" not in line]
    main.write_text("\n".join(without))
    assert ended(source) is None


@pytest.mark.skipif(not SECCOMP, reason="the filter of system calls is Linux's, on x86-64 and AArch64")
@pytest.mark.parametrize(
    "attempt",
    [
        "import os; os.fork()",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.kill(os.getppid(), 15)",
        "import os, signal; signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 15)",
        "import os; os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
        "import resource, os; resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))",
        "import socket; socket.socket()",
        "import threading; threading.Thread(target=print).start()",
    ],
)
def test_without_its_guard_the_kernel_still_refuses_processes_signals_and_sockets(
    attempt: str, unguarded: Path
) -> None:
    stopped = ended(f"{attempt}\n{RIGHT}")
    assert stopped is not None
    assert stopped.ending.verdict == "error"
    assert "PermissionError" in stopped.ending.message or "can't start new thread" in stopped.ending.message


@pytest.mark.skipif(not LINUX, reason="network namespaces are Linux's")
def test_without_guard_and_filter_a_submission_still_has_no_network(unguarded: Path) -> None:
    if subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this kernel gives users no network namespace")
    main = unguarded / "__main__.py"
    main.write_text(main.read_text().replace("    syscalls.refuse_calls()\n", ""))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        port = server.getsockname()[1]
        found = ended(f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 0.5)\n{RIGHT}")
        with pytest.raises(TimeoutError):
            server.accept()
    assert found is not None
    assert "Network is unreachable" in found.ending.message


def ended(source: str) -> Ended | None:
    """How a submission ends that is only loaded."""
    with Process(LIMITS) as child:
        try:
            child.load(source.encode(), ("backward",))
        except Ended as error:
            return error
    return None


def has_landlock() -> bool:
    try:
        return "landlock" in Path("/sys/kernel/security/lsm").read_text()
    except OSError:
        return False


def test_a_call_crosses_the_pipe_unchanged() -> None:
    source = "def backward(*args, **kwargs): return args, kwargs, [1, None, 'a'], {'k': args[0].T}, args[0].sum()"
    x = np.arange(6.0).reshape(2, 3)
    x[0, 0] = np.nan
    with Process(LIMITS) as child:
        child.load(source.encode(), ("backward",))
        args, kwargs, plain, named, total = child.function("backward")(x, 3, 2.5, t=(x.astype(np.float32), True))
    np.testing.assert_array_equal(args[0], x)
    assert args[1:] == (3, 2.5)
    assert kwargs["t"][0].dtype == np.float32
    assert kwargs["t"][1] is True
    assert plain == [1, None, "a"]
    np.testing.assert_array_equal(named["k"], x.T)
    assert isinstance(total, np.float64)


@pytest.mark.parametrize(
    "packed",
    [
        {"array": ["|O", [1]]},
        {"array": ["<f8", [-1]]},
        {"array": ["<f8", [10**12]]},
        {"array": ["<f8", [0.5]]},
        {"array": ["nonsense", [1]]},
        {"array": [["<f8"], [1]]},
        {"array": 3},
        {"tuple": 3},
        {"pickle": [1]},
        {"tuple": [], "list": []},
        [1],
        {"tuple": [{"list": [{"list": [{"list": [{"list": [{"list": [{"list": [{"list": [[]]}]}]}]}]}]}]}]},
    ],
)
def test_a_forged_answer_is_refused(packed: Any) -> None:
    with pytest.raises(channel.ChannelError):
        channel.unpack(packed, bytes(8))


def write(folder: Path, **sources: str) -> Path:
    for name, source in sources.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "relu.py").write_text(textwrap.dedent(source))
    return folder


def test_missing_files_unknown_names_and_links_are_told(tmp_path: Path) -> None:
    write(tmp_path, ada=RIGHT, bob=RIGHT)
    (tmp_path / "ada" / "matmul.py").symlink_to("/etc/passwd")
    (tmp_path / "bob" / "rellu.py").write_text("")
    (tmp_path / "bob" / "notes.txt").write_text("")
    found, ignored = find(tmp_path, exercises.names())
    assert [(one.student, one.exercise, one.path is None) for one in found] == [
        ("ada", "relu", False),
        ("ada", "matmul", False),
        ("bob", "relu", False),
        ("bob", "matmul", True),
    ]
    assert ignored == ["bob/rellu.py: no exercise is called 'rellu'; did you mean relu?"]
    grades = grade(tmp_path, LIMITS, exercises=["matmul"])
    assert [one.verdict for one in grades.results] == ["forbidden", "missing"]


def test_notebooks_capitals_and_folders_are_not_passed_over(tmp_path: Path) -> None:
    write(tmp_path, ada=RIGHT, bob=RIGHT, eve=RIGHT)
    (tmp_path / "ada" / "relu.py").rename(tmp_path / "ada" / "ReLU.py")
    (tmp_path / "bob" / "relu.py").rename(tmp_path / "bob" / "relu.ipynb")
    (tmp_path / "eve" / "relu.py").unlink()
    (tmp_path / "eve" / "relu.py").mkdir()
    grades = grade(tmp_path, LIMITS)
    assert [(one.student, one.verdict) for one in grades.results] == [("ada", "right"), ("eve", "error")]
    assert grades.ignored == ["bob/relu.ipynb: a submission is a .py file; save the notebook as one"]


def test_a_folder_of_one_student(tmp_path: Path) -> None:
    (tmp_path / "relu.py").write_text(RIGHT)
    assert [(one.student, one.verdict) for one in grade(tmp_path, LIMITS).results] == [(tmp_path.name, "right")]


def test_bad_arguments_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no submission; put them at STUDENT/EXERCISE\.py"):
        grade(tmp_path)
    write(tmp_path, ada=RIGHT)
    with pytest.raises(ValueError, match="expected a folder"):
        grade(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="no exercise is called 'relux'; did you mean relu"):
        grade(tmp_path, exercises=["relux"])
    with pytest.raises(ValueError, match="jobs must be at least 1"):
        grade(tmp_path, jobs=0)
    with pytest.raises(ValueError, match="seconds must be above 0"):
        Limits(0)
    with pytest.raises(ValueError, match="memory is in MB"):
        Limits(1, 0)


def test_a_judge_that_fails_is_the_graders_error_and_the_others_go_on(tmp_path: Path) -> None:
    def lost(name: str) -> exercises.Exercise:
        raise RuntimeError("the shelf fell over")

    write(tmp_path, ada=RIGHT, bob=RIGHT)
    found = grade(tmp_path, LIMITS, find_exercise=lost).results
    assert [(one.verdict, one.message) for one in found] == [("grader-error", "RuntimeError: the shelf fell over")] * 2


def test_the_json_has_every_result_and_the_table_fits_80_columns(tmp_path: Path) -> None:
    write(tmp_path, ada=RIGHT, bob="def backward(dy, x): return dy")
    app = typer.Typer()
    app.command()(commands_grade.grade)
    ran = CliRunner().invoke(app, [str(tmp_path), "--json", "--seconds", "2", "--memory", "100"])
    assert ran.exit_code == 0
    found = json.loads(ran.stdout)
    assert set(found) == {"format", "folder", "limits", "exercises", "students", "ignored", "interrupted"}
    assert (found["format"], found["limits"], found["exercises"]) == (1, {"seconds": 2.0, "memory": 100}, ["relu"])
    assert [(one["student"], one["right"]) for one in found["students"]] == [("ada", 1), ("bob", 0)]
    result = found["students"][1]["results"][0]
    assert set(result) == {"exercise", "verdict", "kind", "message", "line", "hints", "seconds", "output"}
    assert (result["verdict"], len(result["hints"])) == ("wrong", 3)


def test_the_table_shows_many_exercises_in_80_columns() -> None:
    names = [f"a-long-exercise-name-{i}" for i in range(25)]
    grades = Grades("class", LIMITS, names, ["ada", "a student with a very long name"])
    grades.results = [Result("ada", name, verdict) for name, verdict in zip(names, [*VERDICTS] * 3, strict=False)]
    console = Console(width=80, record=True, force_terminal=False, file=open(os.devnull, "w"))  # noqa: SIM115
    show(grades, console)
    text = console.export_text()
    console.file.close()
    rows = text.partition("\nada/")[0].splitlines()
    assert max(len(row.rstrip()) for row in rows) <= 80
    assert "3/25" in text
    assert "…" in text


def test_ctrl_c_keeps_and_prints_what_is_done(tmp_path: Path) -> None:
    write(tmp_path, ada=RIGHT, bob="while True: pass")
    program = "import typer; from nanonet.teach.exercises.commands_grade import grade; typer.run(grade)"
    command = [sys.executable, "-c", program, str(tmp_path), "--json", "--seconds", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as running:
        assert running.stdout is not None
        _children(running.pid, 2)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
    assert running.returncode == 130
    found = json.loads(out)
    assert found["interrupted"]
    assert [len(one["results"]) for one in found["students"]] == [1, 0]
    assert b"Traceback" not in err


@pytest.mark.skipif(not LINUX, reason="the signal at a parent's death is Linux's")
def test_a_submission_does_not_outlive_a_grader_that_is_killed(tmp_path: Path) -> None:
    write(tmp_path, ada="import time\ntime.sleep(1000)")
    program = "import sys; from nanonet.teach.exercises.grading import grade, Limits; grade(sys.argv[1], Limits(100))"
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], start_new_session=True) as running:
        (child,) = _children(running.pid, 1)
        running.kill()
        running.wait(10)
    deadline = time.monotonic() + 10
    while _lives(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _lives(child)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _children(pid: int, count: int) -> list[int]:
    """The first `count` children that a process starts, after the last of them has run for a while."""
    seen: list[int] = []
    deadline = time.monotonic() + 60
    while len(seen) < count:
        listed = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
        seen += [int(one) for one in listed if int(one) not in seen]
        assert time.monotonic() < deadline, "the grader did not start its submissions"
        time.sleep(0.05)
    time.sleep(1.0)
    return seen
