"""What a submission may not do: an audit hook, which Python calls before it opens, imports or starts anything.

Whoever tries gets no exception to catch: the process says what was tried and ends. So no traceback with the hook's
frame ever exists. All that the hook needs are its own defaults, since a module's names could be replaced by then.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

# Ways out of the process, around this hook, or to other people's gradients.
FORBIDDEN_MODULES = frozenset(
    """_ctypes _interpchannels _interpqueues _interpreters _multiprocessing _posixsubprocess _socket _ssl
    _xxinterpchannels _xxsubinterpreters asyncio cffi concurrent ctypes fcntl mmap multiprocessing
    numpy.ctypeslib numpy.distutils numpy.f2py numpy.testing pty resource socket socketserver ssl subprocess""".split()  # noqa: SIM905
)
# Events whose names begin so. Allowed are, among others, compile, exec, marshal.loads, sys._getframe.
FORBIDDEN_EVENTS = tuple(
    """code.__new__ cpython.run ctypes. fcntl. ftplib. gc. glob. http. imaplib. mmap. msvcrt. nntplib. os. pathlib.
    poplib. pty. resource. setopencodehook shutil. signal. smtplib. socket. sqlite3. subprocess. sys.addaudithook
    sys.set_asyncgen sys.setprofile sys.settrace syslog. telnetlib. tempfile. urllib. webbrowser. winreg.""".split()  # noqa: SIM905
)
OWN = "submission.py"  # the name under which the code is compiled; there is no file of that name
LEFT = 83  # the process's status after a forbidden attempt, which speaks where the attempt could not be told
READ_ONLY = (None, "r", "rb", "rt", "br", "tr")


def stand_guard(tell: Callable[[str], None], folders: Sequence[str], readable: Sequence[str]) -> None:
    """From now on whatever is forbidden is told and ends the process.

    folders    where Python's standard library lies, whose files may be read
    readable   folders of packages that may be read as well: NumPy's
    """
    libraries = tuple(_folder(one) for one in folders)
    packages = tuple(_folder(one) for one in readable)

    def hook(
        event: str,
        args: tuple[Any, ...],
        tell: Callable[[str], None] = tell,
        leave: Callable[[int], Any] = os._exit,
        events: tuple[str, ...] = FORBIDDEN_EVENTS,
        modules: frozenset[str] = FORBIDDEN_MODULES,
        known: frozenset[str] = frozenset({*sys.stdlib_module_names, "numpy"}),
        libraries: tuple[str, ...] = libraries,
        packages: tuple[str, ...] = packages,
        own: str = OWN,
        status: int = LEFT,
        exactly: type = type,
        kinds: tuple[type, type, type] = (str, int, bytes),
        writes: int = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND,
        modes: tuple[str | None, ...] = READ_ONLY,
        listing: tuple[str, ...] = ("os.listdir", "os.scandir"),
    ) -> None:
        wrong = ""
        if event == "import":
            name: Any = args[0] if exactly(args[0]) is kinds[0] else ""
            parts, file = name.split("."), args[1]
            if parts[0] not in known or name in modules or not modules.isdisjoint(parts):
                wrong = "import of " + (parts[0] or "a module")
                wrong = "import of " + name if parts[0] in known and name in modules else wrong
            elif file is not None and (exactly(file) is not kinds[0] or not file.startswith(libraries + packages)):
                wrong = "import of a file"  # an extension module, loaded by its path
        elif event == "open" or event in listing:
            path: Any = args[0]
            string, integer, octets = kinds
            parser = exactly(path) is string and path == own and args[1] in modes
            if event == "open" and (exactly(path) is integer or parser):
                return  # a descriptor that is open already; or the parser, which wants to show the line of an error
            if exactly(path) is octets:
                path = path.decode("utf-8", "replace")
            verb = "reading "
            if event == "open" and (args[1] not in modes or args[2] & writes):
                verb = "writing "
            if exactly(path) is not string:
                wrong = verb + "a file"
            else:
                folder = path + "/"
                package = folder.startswith(packages)
                library = folder.startswith(libraries) and "-packages/" not in folder
                if verb == "writing " or "/../" in folder or not (package or library):
                    wrong = verb + path
        elif event.startswith(events):
            wrong = "a call of " + event
        if wrong:
            try:
                tell(wrong)
            finally:
                leave(status)

    sys.addaudithook(hook)


def _folder(path: str) -> str:
    return path.rstrip("/") + "/"
