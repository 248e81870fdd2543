"""`nanonet step` in a terminal: single keys, a screen that fits, and a terminal that is left as it was found."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.step_targets import Pseudoterminal, write_targets

LEFT = "\x1b[?25h\x1b[?1049l"  # the cursor is visible again, and the other screen is back


@pytest.fixture
def mine(tmp_path: Path) -> str:
    return str(write_targets(tmp_path))


@pytest.fixture
def terminal(mine: str) -> Iterator[Pseudoterminal]:
    with Pseudoterminal(f"{mine}:loss") as one:
        one.wait_for("step 0 of 17")
        yield one


def test_keys_move_back_and_forth_and_q_leaves_the_terminal_as_it_was(terminal: Pseudoterminal) -> None:
    for keys, shown in (
        ("n", "step 1 of 17"),
        ("\x1b[C", "step 2 of 17"),  # →
        (" ", "step 3 of 17"),
        ("\r", "step 4 of 17"),
        ("b", "step 3 of 17"),
        ("\x1b[D", "step 2 of 17"),  # ←
        ("w", "step 7 of 17"),
        ("f", "step 1 of 17"),
        ("\x1b[F", "step 17 of 17"),  # End
        ("\x1b[H", "step 0 of 17"),  # Home
        ("j12\r", "step 12 of 17"),
        ("jtanh\r", "step 3 of 17"),
        ("/return\r", "step 4 of 17"),
        (":seven\r", "unknown command 'seven'"),
        ("jz\r", "step 9 of 17"),
    ):
        terminal.send(keys)
        screen = terminal.wait_for(shown)
        assert len(screen) == 24
        assert all(len(line) <= 80 for line in screen)
    assert any("1 of 2 terms so far: from add (step 5)" in line for line in terminal.screen)
    terminal.send("iz\r")
    terminal.wait_for("gradient (1 of 2 terms so far)")
    terminal.send("q")  # closes what covers the steps
    terminal.wait_for("n next")
    terminal.send("q")
    assert terminal.ended() == 0
    assert terminal.output.rstrip().endswith(LEFT)


def test_ctrl_c_ends_with_130_and_restores_the_terminal(terminal: Pseudoterminal) -> None:
    terminal.send("\x03")
    assert terminal.ended() == 130
    assert LEFT in terminal.output
    assert "Traceback" not in terminal.output


def test_a_signal_to_end_restores_the_terminal(terminal: Pseudoterminal) -> None:
    os.kill(terminal.process.pid, signal.SIGTERM)
    assert terminal.ended() == 128 + signal.SIGTERM
    assert LEFT in terminal.output


def test_ctrl_z_gives_the_terminal_back_until_the_program_goes_on(terminal: Pseudoterminal) -> None:
    terminal.send("n")
    terminal.wait_for("step 1 of 17")
    terminal.send("\x1a")
    pid, status = os.waitpid(terminal.process.pid, os.WUNTRACED)
    assert pid == terminal.process.pid
    assert os.WIFSTOPPED(status)
    assert termios.tcgetattr(terminal.slave) == terminal.before
    os.kill(pid, signal.SIGCONT)
    terminal.send("n")
    terminal.wait_for("step 2 of 17")
    assert LEFT in terminal.output
    terminal.send("q")
    assert terminal.ended() == 0


def test_the_screen_follows_the_terminals_size(terminal: Pseudoterminal) -> None:
    terminal.resize(120, 40)
    screen = terminal.wait_for("│ card ")
    assert len(screen) == 40
    assert screen[-1].startswith("n next")
    terminal.resize(20, 5)
    terminal.wait_for("too small")
    terminal.send("nq")
    assert terminal.ended() == 0


def test_a_dumb_terminal_gets_lines(mine: str) -> None:
    with Pseudoterminal(f"{mine}:loss", term="dumb") as terminal:
        terminal.wait_for("(step)")
        terminal.send("n\n")
        terminal.wait_for("step 1 of 17")
        terminal.send("q\n")
        assert terminal.ended() == 0
        assert "\x1b" not in terminal.output


def test_an_error_while_stepping_restores_the_terminal(tmp_path: Path) -> None:
    """Planted: the card of a step raises what no card should."""
    path = write_targets(tmp_path)
    path.write_text(
        path.read_text(encoding="utf-8")
        + "\nfrom nanonet.teach.views.terminal import stepper\ndef planted(*_): raise RuntimeError('planted')\n"
        + "stepper.card_text = planted\n",
        encoding="utf-8",
    )
    with Pseudoterminal(f"{path}:loss") as terminal:
        terminal.wait_for("step 0 of 17")
        terminal.send("n")
        assert terminal.ended() == 1
    after = terminal.output.rpartition(LEFT)[2]
    assert "RuntimeError: planted" in after
    assert "Traceback" not in after


def test_where_there_is_no_termios_it_imports_and_reads_lines(mine: str) -> None:
    """As on Windows."""
    program = (
        "import sys; sys.modules['termios'] = sys.modules['tty'] = None\n"
        "from nanonet.teach.views.terminal import keys as terminal_keys\n"
        "sys.exit(0 if terminal_keys.can_draw(sys.stdin, sys.stdout) is False else 3)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
