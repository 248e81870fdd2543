"""A seccomp filter: what the kernel refuses to this process from now on, whichever way it asks (Linux).

Refused, with "operation not permitted": new processes and threads, other programs, signals to others, sockets, looking
into other processes, and changing their priority or limits.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct

NO_NEW_PRIVILEGES, SET_SECCOMP, FILTER = 38, 22, 2  # <sys/prctl.h>
ALLOW, REFUSE = 0x7FFF0000, 0x00050001  # <linux/seccomp.h>; refuse with EPERM
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06  # <linux/bpf_common.h>
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # where they stand in struct seccomp_data
FOREIGN = 0x40000000  # from here on, numbers of another interface to the same calls

# The architecture's mark, the number of tgkill, and the refused calls, in this order: clone clone3 execve execveat kill
# tkill ptrace process_vm_readv process_vm_writev pidfd_send_signal pidfd_open socket setpriority sched_setaffinity
# sched_setscheduler sched_setparam sched_setattr prlimit64 io_uring_setup, and fork and vfork where they exist.
CALLS = {
    "x86_64": (
        0xC000003E,
        234,
        (56, 435, 59, 322, 62, 200, 101, 310, 311, 424, 434, 41, 141, 203, 144, 142, 314, 302, 425, 57, 58),
    ),
    "aarch64": (
        0xC00000B7,
        131,
        (220, 435, 221, 281, 129, 130, 117, 270, 271, 424, 434, 198, 140, 122, 119, 118, 274, 261, 425),
    ),
}


def refuse_calls() -> None:
    """Install the filter; does nothing where the system is another one."""
    library = ctypes.CDLL(None, use_errno=True)
    if platform.machine() not in CALLS or not hasattr(library, "prctl"):
        return
    program = b"".join(struct.pack("=HBBI", *one) for one in instructions(*CALLS[platform.machine()]))
    kept = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(kept))
    long = ctypes.c_ulong
    library.prctl(NO_NEW_PRIVILEGES, long(1), long(0), long(0), long(0))
    library.prctl(SET_SECCOMP, long(FILTER), header, long(0), long(0))


def instructions(mark: int, tgkill: int, refused: tuple[int, ...]) -> list[tuple[int, int, int, int]]:
    """(code, steps to jump if so, if not, operand): the filter as the kernel reads it, from the first to a return."""
    count = len(refused)
    return [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 0, count + 3, mark),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, count + 2, 0, FOREIGN),
        (EQUAL, count + 2, 0, tgkill),
        *((EQUAL, count - i, 0, number) for i, number in enumerate(refused)),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
        (LOAD, 0, 0, FIRST_ARGUMENT),  # of tgkill, which abort() and raise() use: only to oneself
        (EQUAL, 0, 1, os.getpid()),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]
