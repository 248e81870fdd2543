"""One submission's process as the grader sees it: started, asked, timed, and ended in any case."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from nanonet.teach.exercises.exercise import LearnerError
from nanonet.teach.exercises.grading.endings import Ended, Ending, Limits
from nanonet.teach.exercises.grading.meter import Meter
from nanonet.teach.exercises.grading.sandbox import channel, guard
from nanonet.teach.exercises.guard import changed

START_SECONDS = 60.0  # for Python and NumPy themselves, on a busy machine
KEPT_OUTPUT = 4000  # bytes of what a submission prints
SANDBOX = Path(__file__).parent / "sandbox"
PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class Process:
    """A child that runs one submission. `with Process(limits) as child: child.load(source, names)`.

    load    runs the module; afterwards `function(name)` gives a stand-in for each of its functions
    last    the last exception that a call raised, as an Ending
    """

    def __init__(self, limits: Limits) -> None:
        if os.name != "posix":
            raise ValueError("grade: submissions run behind limits of Linux or macOS; use one of these, or WSL")
        self.limits = limits
        self.last: Ending | None = None
        self.lines: list[str] = []
        self.output = bytearray()
        self.folder = tempfile.TemporaryDirectory(prefix="nanonet-grade-")
        packages = str(Path(np.__file__).parent.parent)
        child = [sys.executable, "-I", "-B", "-u", str(SANDBOX), packages]
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
        self.meter = Meter(self.process.pid, limits.seconds)

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
        """Run the submission's module. Raises Ended where it has not all the functions."""
        self.lines = source.decode(errors="replace").splitlines()
        self._exchange(b"", Meter(self.process.pid, START_SECONDS), "the start")
        answer, _ = self._ask(channel.frame({"load": list(names)}, source), "the module")
        missing = [name for name in names if name in answer.get("missing", ())]
        if missing:
            found = f"the file must define {_listed(names)}; it lacks {_listed(missing)}"
            raise Ended("error", found)

    def function(self, name: str) -> Callable[..., Any]:
        """Calls the submission's function of that name in its process."""

        def call(*args: Any, **kwargs: Any) -> Any:
            packed, body = channel.pack((args, kwargs))
            answer, arrays = self._ask(channel.frame({"call": name, "arguments": packed}, body), name)
            try:
                return channel.unpack(answer["result"], arrays)
            except (KeyError, channel.ChannelError):
                raise Ended("forbidden", "it wrote into the grader's pipe") from None

        call.__name__ = name
        return call

    def _ask(self, request: bytes, what: str) -> tuple[dict[str, Any], bytes]:
        """Send and wait, on the submission's time; an answer that is an ending stops, an exception is raised here."""
        answer, body = self._exchange(request, self.meter, what)
        if "forbidden" in answer:
            raise Ended("forbidden", body.decode(errors="replace"))
        if "memory" in answer:
            raise Ended("memory", f"{what} needed more than {self.limits.memory} MB")
        if "changed" in answer:
            place = str(answer["changed"])[:80]
            advice = changed(what, place.partition("[")[0]).feedback
            sentence = f"{what} changed its argument {place}; compute with a copy of it"
            raise Ended("changed-input", sentence, kind=advice.kind, hints=advice.hints)
        if "returned" in answer:
            raise Ended("error", f"{what} returned {answer['returned']}; return NumPy arrays of numbers")
        for key, verdict in (("quit", "crashed"), ("syntax", "syntax-error"), ("error", "error")):
            if key in answer:
                self._raise(answer[key], verdict, what)
        return answer, body

    def _raise(self, complaint: Any, verdict: str, what: str) -> None:
        if not isinstance(complaint, dict):
            raise Ended("forbidden", "it wrote into the grader's pipe")
        kind, words = str(complaint.get("type"))[:80], str(complaint.get("message"))[:300]
        number = complaint.get("line")
        line = number if type(number) is int and 0 < number <= len(self.lines) else None
        sentence = f"{kind}: {words}" if words else kind
        if verdict == "error" and what != "the module":
            self.last = Ending(verdict, sentence, line)
            if complaint.get("builtin") == "NotImplementedError":
                raise NotImplementedError(words)
            raise LearnerError(kind, words, line, self.lines[line - 1].strip() if line else "")
        raise Ended(verdict, f"{what} ended the program: {sentence}" if verdict == "crashed" else sentence, line)

    def _exchange(self, request: bytes, meter: Meter, what: str) -> tuple[dict[str, Any], bytes]:
        """Write a request and read a frame, while what is printed is collected; Ended when the time is up."""
        meter.start()
        try:
            return self._talked(request, meter, what)
        finally:
            meter.stop()

    def _talked(self, request: bytes, meter: Meter, what: str) -> tuple[dict[str, Any], bytes]:
        process, rest, got = self.process, memoryview(request), bytearray()
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        to, frm, printed = process.stdin.fileno(), process.stdout.fileno(), process.stderr.fileno()
        os.set_blocking(to, False)
        wanted, sizes = channel.SIZES.size, None
        reading = [frm, printed]
        while len(got) < wanted:
            readable, writable, _ = select.select(reading, [to] if rest else [], [], max(meter.left(), 0.01))
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
                        raise Ended("forbidden", "it wrote into the grader's pipe") from None
                    wanted += sum(sizes)
            if meter.left() <= 0 and len(got) < wanted:
                raise Ended("timeout", f"{what} took longer than {self.limits.seconds:g} s")
        assert sizes is not None
        start = channel.SIZES.size
        try:
            return channel.parse(bytes(got[start : start + sizes[0]])), bytes(got[start + sizes[0] :])
        except channel.ChannelError:
            raise Ended("forbidden", "it wrote into the grader's pipe") from None

    def _collect(self, printed: int) -> bool:
        part = os.read(printed, 1 << 16)
        self.output += part[: KEPT_OUTPUT - len(self.output)]
        return bool(part)

    def _ended(self, what: str) -> Ended:
        """The pipe is closed: how did the process end?"""
        try:
            status = self.process.wait(1.0)
        except subprocess.TimeoutExpired:
            return Ended("crashed", f"{what} closed the grader's pipe")
        if status == -signal.SIGXCPU:
            return Ended("timeout", f"{what} took longer than {self.limits.seconds:g} s")
        if status == guard.LEFT:
            return Ended("forbidden", f"{what} tried something that the guard ended")
        if status < 0:
            return Ended("crashed", f"{what} ended the process with {signal.Signals(-status).name}")
        return Ended("crashed", f"{what} ended the process with status {status}")


def _environment() -> dict[str, str]:
    """Next to nothing; one thread for NumPy's products, since a process without threads can be confined better."""
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL", "VECLIB")}
    return {**passed, **threads, "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"}


def _listed(names: Any) -> str:
    return ", ".join(names)
