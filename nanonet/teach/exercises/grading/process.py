"""One submission's process as the grader sees it: started, asked, timed, and ended in any case."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nanonet.teach.exercises.grading.sandbox import channel

START_SECONDS = 60.0  # for Python and NumPy themselves, on a busy machine
KEPT_OUTPUT = 4000  # bytes of what a submission prints
PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True)
class Limits:
    """seconds   that a submission may take, all its calls together; not counted: starting, and the grader's own work
    memory    in MB, beyond what Python and NumPy hold
    """

    seconds: float = 10.0
    memory: int = 512

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= 3600:
            raise ValueError(f"grade: seconds must be above 0 and at most 3600, got {self.seconds}")
        if not 1 <= self.memory <= 1 << 20:
            raise ValueError(f"grade: memory is in MB, from 1 to 1048576, got {self.memory}")


@dataclass(frozen=True)
class Ending:
    """Why a submission could not be judged: a verdict, a sentence, and its line where that is known."""

    verdict: str
    message: str
    line: int | None = None


class StoppedError(BaseException):
    """The submission's process is at its end. A BaseException, so that no judge takes it for an answer."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.message)
        self.ending = ending


class Process:
    """A child that runs one submission. `with Process(limits) as child: child.load(source, names)`.

    load    runs the module; afterwards `function(name)` gives a stand-in for each of its functions
    last    the last exception that a call raised, as an Ending
    """

    def __init__(self, limits: Limits) -> None:
        if os.name != "posix":
            raise ValueError("grade: submissions run behind limits of Linux or macOS; use one of these, or WSL")
        self.limits = limits
        self.left = limits.seconds
        self.last: Ending | None = None
        self.output = bytearray()
        self.folder = tempfile.TemporaryDirectory(prefix="nanonet-grade-")
        packages = str(Path(np.__file__).parent.parent)
        child = [sys.executable, "-I", "-B", "-u", str(Path(__file__).parent / "sandbox"), packages]
        self.process = subprocess.Popen(
            [*child, str(limits.seconds), str(limits.memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=self.folder.name,
            env=_environment(),
            start_new_session=True,
        )

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()
        self.folder.cleanup()

    def kill(self) -> None:
        """End it, with whatever it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()

    def load(self, source: bytes, names: tuple[str, ...]) -> None:
        """Run the submission's module. Raises StoppedError where it has not all the functions."""
        self._exchange(b"", time.monotonic() + START_SECONDS, "the start")
        answer, _ = self._ask(channel.frame({"load": list(names)}, source), "the module")
        missing = [name for name in names if name in answer.get("missing", ())]
        if missing:
            found = f"the file must define {_listed(names)}; it lacks {_listed(missing)}"
            raise StoppedError(Ending("error", found))

    def function(self, name: str) -> Callable[..., Any]:
        """Calls the submission's function of that name in its process."""

        def call(*args: Any, **kwargs: Any) -> Any:
            packed, body = channel.pack((args, kwargs))
            answer, arrays = self._ask(channel.frame({"call": name, "arguments": packed}, body), name)
            try:
                return channel.unpack(answer["result"], arrays)
            except (KeyError, channel.ChannelError):
                raise self._stopped("forbidden", "it wrote into the grader's pipe") from None

        call.__name__ = name
        return call

    def _ask(self, request: bytes, what: str) -> tuple[dict[str, Any], bytes]:
        """Send and wait, on the submission's time; an answer that is an ending stops, an exception is raised here."""
        begun = time.monotonic()
        answer, body = self._exchange(request, begun + self.left, what)
        self.left -= time.monotonic() - begun
        if "forbidden" in answer:
            raise self._stopped("forbidden", body.decode(errors="replace"))
        if "memory" in answer:
            raise self._stopped("memory", f"{what} needed more than {self.limits.memory} MB")
        if "changed" in answer:
            place = _place(str(answer["changed"]))
            raise self._stopped("changed-input", f"{what} changed its argument {place}; compute with a copy of it")
        if "returned" in answer:
            raise self._stopped("error", f"{what} returned {answer['returned']}; return NumPy arrays of numbers")
        for key, verdict in (("quit", "crashed"), ("syntax", "syntax-error"), ("error", "error")):
            if key in answer:
                self._raise(answer[key], verdict, what)
        return answer, body

    def _raise(self, complaint: Any, verdict: str, what: str) -> None:
        if not isinstance(complaint, dict):
            raise self._stopped("forbidden", "it wrote into the grader's pipe")
        kind, words = str(complaint.get("type"))[:80], str(complaint.get("message"))[:300]
        line = complaint.get("line")
        sentence = f"{kind}: {words}" if words else kind
        ending = Ending(verdict, sentence, line if type(line) is int else None)
        if verdict == "error" and what != "the module":
            self.last = ending
            raise _exception(str(complaint.get("builtin")), words)
        if verdict == "crashed":
            ending = Ending(verdict, f"{what} ended the program: {sentence}", ending.line)
        raise StoppedError(ending)

    def _stopped(self, verdict: str, message: str) -> StoppedError:
        return StoppedError(Ending(verdict, message))

    def _exchange(self, request: bytes, deadline: float, what: str) -> tuple[dict[str, Any], bytes]:
        """Write a request and read a frame, while what is printed is collected; StoppedError at the deadline."""
        process, rest, got = self.process, memoryview(request), bytearray()
        assert process.stdin and process.stdout and process.stderr
        to, frm, printed = process.stdin.fileno(), process.stdout.fileno(), process.stderr.fileno()
        os.set_blocking(to, False)
        wanted, sizes = channel.SIZES.size, None
        reading = [frm, printed]
        while len(got) < wanted:
            readable, writable, _ = select.select(reading, [to] if rest else [], [], max(0, deadline - time.monotonic()))
            if printed in readable and not self._collect(printed):
                reading.remove(printed)
            if writable:
                try:
                    rest = rest[os.write(to, rest[:65536]) :]
                except BrokenPipeError:
                    rest = memoryview(b"")
            if frm in readable:
                part = os.read(frm, min(wanted - len(got), 1 << 16))
                if not part:
                    raise self._ended(what)
                got += part
                if sizes is None and len(got) == wanted:
                    try:
                        sizes = channel.sizes(bytes(got))
                    except channel.ChannelError:
                        raise self._stopped("forbidden", "it wrote into the grader's pipe") from None
                    wanted += sum(sizes)
            if time.monotonic() >= deadline and len(got) < wanted:
                raise self._stopped("timeout", f"{what} took longer than {self.limits.seconds:g} s")
        assert sizes is not None
        start = channel.SIZES.size
        try:
            return channel.parse(bytes(got[start : start + sizes[0]])), bytes(got[start + sizes[0] :])
        except channel.ChannelError:
            raise self._stopped("forbidden", "it wrote into the grader's pipe") from None

    def _collect(self, printed: int) -> bool:
        part = os.read(printed, 1 << 16)
        self.output += part[: KEPT_OUTPUT - len(self.output)]
        return bool(part)

    def _ended(self, what: str) -> StoppedError:
        """The pipe is closed: how did the process end?"""
        try:
            status = self.process.wait(1.0)
        except subprocess.TimeoutExpired:
            return self._stopped("crashed", f"{what} closed the grader's pipe")
        if status == -signal.SIGXCPU:
            return self._stopped("timeout", f"{what} took longer than {self.limits.seconds:g} s")
        if status < 0:
            return self._stopped("crashed", f"{what} ended the process with {signal.Signals(-status).name}")
        return self._stopped("crashed", f"{what} ended the process with status {status}")


def _environment() -> dict[str, str]:
    """Next to nothing; one thread for NumPy's products, since a process without threads can be confined better."""
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL", "VECLIB")}
    return {**passed, **threads, "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"}


def _exception(name: str, words: str) -> Exception:
    """The exception as the judge would have got it without a process in between."""
    import builtins

    kind = getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, UnicodeError | ExceptionGroup):
        return kind(words)
    return RuntimeError(words)


def _place(place: str) -> str:
    """Positions are counted from 1 in sentences."""
    head, bracket, tail = place.partition("[")
    return f"{int(head) + 1 if head.isdigit() else head}{bracket}{tail}"[:80]


def _listed(names: Any) -> str:
    return ", ".join(names)
