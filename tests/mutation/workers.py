"""A process for each mutant: what it breaks, even the interpreter, ends with it."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

Task = TypeVar("Task")
MEMORY = 24 << 30  # bytes of address space: a mutant that asks for more gets a MemoryError


def in_processes(
    work: Callable[[Task], Any], tasks: Sequence[Task], jobs: int, seconds: int
) -> Iterator[tuple[Task, Any]]:
    """(task, work(task)) as they are done; the result is "timeout" after `seconds`, "crash" where the process died."""
    waiting = list(reversed(tasks))
    running: dict[int, tuple[int, Task, float]] = {}  # by pipe: process, task, deadline
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                task = waiting.pop()
                process, pipe = _start(work, task)
                running[pipe] = process, task, time.monotonic() + seconds
            ready, _, _ = select.select(list(running), [], [], 1.0)
            for pipe in list(running):
                process, task, deadline = running[pipe]
                if pipe in ready:
                    del running[pipe]
                    yield task, _result(process, pipe)
                elif time.monotonic() > deadline:
                    del running[pipe]
                    os.kill(process, signal.SIGKILL)
                    _result(process, pipe)
                    yield task, "timeout"
    finally:
        for pipe, (process, _, _) in running.items():
            os.kill(process, signal.SIGKILL)
            _result(process, pipe)


def _start(work: Callable[[Task], Any], task: Task) -> tuple[int, int]:
    """A copy of this process that writes the result into a pipe; its number and the pipe's end to read."""
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return process, reading
    try:  # the copy: it leaves by os._exit, so that nothing of this process' own is done twice
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        with os.fdopen(writing, "w") as pipe:
            json.dump(work(task), pipe)
        os._exit(0)
    except BaseException:
        os._exit(1)


def _result(process: int, pipe: int) -> Any:
    with os.fdopen(pipe) as end:
        text = end.read()
    os.waitpid(process, 0)
    try:
        return json.loads(text)
    except ValueError:
        return "crash"
