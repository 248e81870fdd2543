"""The terminal: single keys, the alternate screen, and everything as it was before when we leave, whatever happens."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any, TextIO, cast

try:
    import termios
    import tty
except ImportError:  # not a Unix: lines instead of keys
    HAS_TERMIOS = False
    termios = tty = cast(Any, None)
else:
    HAS_TERMIOS = True

ENTER, LEAVE = "\x1b[?1049h\x1b[?25l\x1b[2J", "\x1b[0m\x1b[?25h\x1b[?1049l"
HOME, CLEAR = "\x1b[H", "\x1b[2J"
ARROWS = {"A": "up", "B": "down", "C": "right", "D": "left", "H": "home", "F": "end"}
NUMBERED = {1: "home", 7: "home", 4: "end", 8: "end", 5: "pageup", 6: "pagedown"}
NAMES = {
    **{f"\x1b{lead}{sign}": name for lead in "[O" for sign, name in ARROWS.items()},
    **{f"\x1b[{number}~": name for number, name in NUMBERED.items()},
    **{"\x1b": "escape", "\r": "enter", "\n": "enter", " ": "space", "\x7f": "backspace", "\b": "backspace"},
    **{"\t": "tab", "\x15": "erase", "\x04": "eof", "\x0c": "redraw"},
}


def can_draw(commands: TextIO, answers: TextIO) -> bool:
    """Is this a terminal at both ends, that can move its cursor?"""
    return (
        HAS_TERMIOS
        and commands.isatty()
        and answers.isatty()
        and os.environ.get("TERM", "dumb") not in ("dumb", "unknown", "")
    )


class Terminal:
    """Use as `with Terminal() as terminal`. `key()` waits for a key and names it; "resize" when the size changed.

    Ctrl-C raises KeyboardInterrupt, Ctrl-Z stops and comes back, a SIGTERM or SIGHUP leaves tidily.
    """

    def __init__(self, commands: TextIO | None = None, answers: TextIO | None = None) -> None:
        self.commands, self.answers = commands or sys.stdin, answers or sys.stdout
        self.fd = self.commands.fileno()
        self.waiting = b""
        self.handlers: dict[int, Any] = {}

    def __enter__(self) -> Terminal:
        self.before = termios.tcgetattr(self.fd)
        self.woken, self.wake = os.pipe()
        if threading.current_thread() is threading.main_thread():
            wanted = {
                signal.SIGWINCH: self._resized,
                signal.SIGTSTP: self._stopped,
                signal.SIGTERM: self._ended,
                signal.SIGHUP: self._ended,
            }
            self.handlers = {number: signal.signal(number, handler) for number, handler in wanted.items()}
        self._begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        with contextlib.suppress(OSError):  # the terminal may be gone
            self._end()
        os.close(self.woken)
        os.close(self.wake)

    def _begin(self) -> None:
        tty.setcbreak(self.fd, termios.TCSADRAIN)  # what was typed ahead counts
        self.write(ENTER)

    def _end(self) -> None:
        try:
            self.write(LEAVE)
        finally:
            termios.tcsetattr(self.fd, termios.TCSAFLUSH, self.before)

    def write(self, text: str) -> None:
        """At once, so that nothing flickers."""
        self.answers.write(text)
        self.answers.flush()

    @property
    def size(self) -> tuple[int, int]:
        """(columns, lines)."""
        with contextlib.suppress(OSError):
            found = os.get_terminal_size(self.answers.fileno())
            if found.columns and found.lines:
                return found.columns, found.lines
        return 80, 24

    def key(self) -> str:
        """The next key: a character, or a name ("right", "enter", "escape", "resize", "eof")."""
        while not self.waiting:
            if self.woken in select.select([self.fd, self.woken], [], [])[0]:
                os.read(self.woken, 1024)
                return "resize"
            if not self._read():
                return "eof"
        if self.waiting == b"\x1b" and select.select([self.fd], [], [], 0.05)[0]:
            self._read()
        return self._taken()

    def _read(self) -> bytes:
        try:
            found = os.read(self.fd, 1024)
        except OSError:  # the terminal went away
            found = b""
        self.waiting += found
        return found

    def _taken(self) -> str:
        """The first key of what was read."""
        length = 1
        if self.waiting[:2] in (b"\x1b[", b"\x1bO"):
            length = 2
            while length < len(self.waiting) and not 0x40 <= self.waiting[length] <= 0x7E:
                length += 1
            length += 1
        elif self.waiting[0] >= 0xC0:  # a character of several bytes
            length = 2 + (self.waiting[0] >= 0xE0) + (self.waiting[0] >= 0xF0)
            while len(self.waiting) < length and self._read():
                pass
        taken, self.waiting = self.waiting[:length], self.waiting[length:]
        text = taken.decode(errors="replace")
        return NAMES.get(text, text)

    # Signals

    def _resized(self, number: int, frame: FrameType | None) -> None:
        os.write(self.wake, b"w")

    def _stopped(self, number: int, frame: FrameType | None) -> None:
        self._end()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._begin()
        os.write(self.wake, b"w")

    def _ended(self, number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)
