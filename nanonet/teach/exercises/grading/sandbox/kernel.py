"""What the operating system itself enforces on a submission's process. What a system lacks is left out silently:
the audit hook (see `guard`) is there in any case.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
from collections.abc import Sequence
from math import ceil

NEW_USER, NEW_NETWORK, NEW_IPC = 0x10000000, 0x40000000, 0x08000000  # Linux: <sched.h>
PARENT_DEATH_SIGNAL, NO_NEW_PRIVILEGES = 1, 38  # <sys/prctl.h>
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # Landlock's system calls, the same on every architecture
EXECUTE, READ_FILE, READ_FOLDER = 1, 1 << 2, 1 << 3
EVERYTHING = (1 << 13) - 1  # every right over files that Landlock's first version knows


def leave_the_network() -> None:
    """A network of one's own, with nothing in it. Unprivileged users need a user namespace for that."""
    library = ctypes.CDLL(None, use_errno=True)
    unshare = getattr(library, "unshare", None)
    if unshare is not None and unshare(NEW_USER | NEW_NETWORK | NEW_IPC) != 0:
        unshare(NEW_NETWORK)


def end_with_the_grader() -> None:
    """If the grader dies, this process is killed (Linux); elsewhere it ends when it next asks for work."""
    library = ctypes.CDLL(None, use_errno=True)
    if hasattr(library, "prctl"):
        library.prctl(PARENT_DEATH_SIGNAL, ctypes.c_ulong(signal.SIGKILL))


def read_only_in(folders: Sequence[str]) -> None:
    """No file but those below `folders` can be opened any more, and those only for reading (Linux with Landlock)."""
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "syscall") or not hasattr(library, "prctl"):
        return
    call = library.syscall
    call.restype = ctypes.c_long
    handled = struct.pack("Q", EVERYTHING)
    ruleset = call(CREATE_RULESET, handled, ctypes.c_size_t(len(handled)), 0)
    if ruleset < 0:
        return
    for folder in folders:
        if os.path.isdir(folder):
            place = os.open(folder, os.O_RDONLY)
            call(ADD_RULE, ruleset, 1, struct.pack("=Qi", EXECUTE | READ_FILE | READ_FOLDER, place), 0)
            os.close(place)
    long = ctypes.c_ulong
    library.prctl(NO_NEW_PRIVILEGES, long(1), long(0), long(0), long(0))
    call(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def set_limits(seconds: float, memory: int) -> None:
    """Limits from here on: processor time (a backstop: the grader's clock is stricter), memory, files, processes.

    memory      in MB, beyond what the process holds already
    """
    spent = resource.getrusage(resource.RUSAGE_SELF)
    cpu = ceil(spent.ru_utime + spent.ru_stime + seconds) + 1
    limits = [("RLIMIT_CPU", cpu), ("RLIMIT_CORE", 0), ("RLIMIT_FSIZE", 0), ("RLIMIT_NPROC", 0), ("RLIMIT_NOFILE", 32)]
    held = _held()
    if held:
        limits.append(("RLIMIT_AS", held + (memory << 20)))
    for name, most in limits:
        try:
            resource.setrlimit(getattr(resource, name), (most, most))
        except (AttributeError, ValueError, OSError):  # this system does not know it, or has a lower one already
            continue


def _held() -> int:
    """Bytes of address space that this process has now; 0 where that is not known."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except (OSError, ValueError):
        return 0
