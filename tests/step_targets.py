"""Functions to step through, as a user's file has them, and a terminal to do it in."""

from __future__ import annotations

import codecs
import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np

import nanonet as nt
from nanonet.teach.trace import Trace, trace

SOURCE = """
import numpy as np
import nanonet as nt
import nanonet.functional as F
from nanonet import nn, optim

def loss(x, w, b):
    z = x @ w + b
    a = nt.tanh(z)
    return nt.mean(a * a + z)
loss_inputs = (np.arange(6.0).reshape(2, 3) / 5, np.linspace(-1, 1, 6).reshape(3, 2), np.array([0.1, -0.2]))

def defaults(k=2, x=np.array([1.0, 2.0])): return nt.sum(x * x) * k
def needs_inputs(x): return nt.sum(x)
def drawn(): return nt.sum(nt.random.randn(3) * nt.tensor(np.ones(3), requires_grad=True))
def own_function(): return (lambda x: nt.sum(x * x)), [np.array([1.0, 2.0])]

def training_step():
    nt.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    x = nt.tensor(np.arange(12.0).reshape(4, 3) / 10)
    y = nt.tensor(np.array([0, 1, 1, 0]))
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss

def chinese(输入矩阵, 权重矩阵):
    预激活值 = 输入矩阵 @ 权重矩阵  # 这一行很长很长很长很长很长很长很长很长很长很长很长很长很长很长很长
    return nt.sum(nt.tanh(预激活值))
chinese_inputs = (np.ones((2, 3)), np.ones((3, 2)))

def raising(x): raise KeyError("planted")
raising_inputs = (np.ones(2),)
def returns_a_number(x): return 3.0
returns_a_number_inputs = (np.ones(2),)
def nothing(): return None
def exits(): raise SystemExit(7)
NUMBER = 3
"""


def a_trace() -> Trace:
    """Shared tensors, broadcasting, and a bias: 17 steps."""
    return trace(_loss, np.arange(6.0).reshape(2, 3) / 5, np.linspace(-1, 1, 6).reshape(3, 2), np.array([0.1, -0.2]))


def _loss(x: nt.Tensor, w: nt.Tensor, b: nt.Tensor) -> nt.Tensor:
    z = x @ w + b
    a = nt.tanh(z)
    return nt.mean(a * a + z)


def a_training_step(layers: int = 2) -> Trace:
    """Modules within modules, two steps of an optimizer."""
    nt.manual_seed(0)
    blocks = [nt.nn.Sequential(nt.nn.Linear(3, 3), nt.nn.ReLU()) for _ in range(layers)]
    model = nt.nn.Sequential(*blocks, nt.nn.Linear(3, 2))
    optimizer = nt.optim.SGD(model.parameters(), lr=0.1)
    x, y = nt.tensor(np.arange(12.0).reshape(4, 3) / 10), nt.tensor(np.array([0, 1, 1, 0]))

    def steps() -> nt.Tensor:
        for _ in range(2):
            optimizer.zero_grad()
            loss = nt.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
        return loss

    return trace(steps)


class Pseudoterminal:
    """`nanonet step` in a terminal of its own, of a given size; what it draws is read back."""

    def __init__(self, *arguments: str, columns: int = 80, lines: int = 24, term: str = "xterm-256color") -> None:
        self.master, self.slave = os.openpty()
        self.resize(columns, lines)
        self.before = termios.tcgetattr(self.slave)
        tty = os.ttyname(self.slave)
        command = [sys.executable, "-m", "nanonet", "step", *arguments]
        # opened by the new session's first process, the terminal is the one that Ctrl-C comes from
        shell = ["sh", "-c", f'exec "$@" <{tty} >{tty} 2>{tty}', "sh", *command]
        environment = {**os.environ, "TERM": term, "PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = subprocess.Popen(shell, start_new_session=True, env=environment)
        self.output = ""
        self.decoder = codecs.getincrementaldecoder("utf-8")()

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def send(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def wait_for(self, text: str, seconds: float = 30) -> list[str]:
        """Until the screen has this text; returns the screen. Raises AssertionError where it never comes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._read()
            if any(text in line for line in self.screen):
                while self._read():  # the rest of the frame
                    pass
                return self.screen
        raise AssertionError(f"{text!r} never came; the screen:\n" + "\n".join(self.screen))

    def _read(self) -> bool:
        """Did something come within a tenth of a second?"""
        if not select.select([self.master], [], [], 0.1)[0]:
            return False
        self.output += self.decoder.decode(os.read(self.master, 65536))
        return True

    @property
    def screen(self) -> list[str]:
        """The lines that were drawn last, without their colours."""
        frame = self.output.rpartition("\x1b[H")[2]
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", frame).replace("\r", "").split("\n")

    def ended(self) -> int:
        """Wait for the end; returns the exit status. The terminal's settings must be as they were before."""
        status = self.process.wait(timeout=30)
        while self._read():
            pass
        assert termios.tcgetattr(self.slave) == self.before, "the terminal's settings were not restored"
        return status

    def __enter__(self) -> Pseudoterminal:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


def write_targets(folder: Path) -> Path:
    """The file of functions."""
    path = folder / "mine.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path
