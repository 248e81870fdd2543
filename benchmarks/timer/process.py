"""The parent's side of a worker: start it, ask it, notice that it died or hangs."""

from __future__ import annotations

import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from typing import Any

from nanonet_benchmarks.timer.threads import environment

# Not `-m`: what the worker defines would then be of a module `__main__`, which the parent cannot unpickle.
_SERVE = "from nanonet_benchmarks.timer.worker import main; main()"


class CallError(Exception):
    """A variant raised: the worker goes on."""


class WorkerError(Exception):
    """The worker's process ended, or was ended because it took too long."""


class Worker:
    """A fresh process for the variants of one library with one number of threads."""

    def __init__(self, library: str, threads: int) -> None:
        command = [sys.executable, "-c", _SERVE, library, str(threads)]
        env = os.environ | {"PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)}
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 (close() closes it)
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=env | environment(library, threads),
        )
        self.answers: queue.Queue[tuple[Any, str] | None] = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.cpu = 0.0

    def _read(self) -> None:
        """In a thread of its own, since a pipe cannot be read with a time limit on every system."""
        assert self.process.stdout is not None
        try:
            while True:
                self.answers.put(pickle.load(self.process.stdout))
        except Exception:  # whatever it is that ends the answers, whoever waits for one must hear of it
            self.answers.put(None)

    def ask(self, method: str, *arguments: Any, seconds: float = 60.0) -> Any:
        """The method's result. CallError where that raised, WorkerError where the process ended or took too long."""
        self.send(method, *arguments)
        return self.receive(seconds)

    def send(self, method: str, *arguments: Any) -> None:
        assert self.process.stdin is not None
        try:
            pickle.dump((method, arguments), self.process.stdin)
            self.process.stdin.flush()
        except OSError:
            raise WorkerError(self._last_words()) from None

    def receive(self, seconds: float) -> Any:
        try:
            answer = self.answers.get(timeout=seconds)
        except queue.Empty:
            self.close()
            raise WorkerError(f"it did not answer within {seconds:.0f} s") from None
        if answer is None:
            raise WorkerError(self._last_words())
        result, error = answer
        if error:
            raise CallError(error)
        return result

    def _last_words(self) -> str:
        """How it ended, and the last line that it wrote."""
        try:
            code = self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "its answer could not be read"
        how = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return f"its process ended ({how}){': ' + lines[-1] if lines else ''}"

    def close(self) -> None:
        """End it: nothing of it is needed any more."""
        self.process.kill()
        self.process.wait()
        self.reader.join()
        for file in (self.process.stdin, self.process.stdout, self.errors):
            if file is not None:
                with suppress(BrokenPipeError):  # by a message that it did not read
                    file.close()
