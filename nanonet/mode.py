"""Does the tape record? One switch per thread, and the blocks that turn it."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Generator
from typing import Any, ClassVar


class Mode(threading.local):
    """Per thread: does the tape record?"""

    recording = True


mode = Mode()


class _Recording:
    """A block, or the calls of a function, in which the tape records or does not. May be entered many times."""

    records: ClassVar[bool]

    def __new__(cls, function: Any = None) -> Any:
        block = super().__new__(cls)
        return block if function is None else block(function)  # @no_grad and @no_grad() mean the same

    def __init__(self) -> None:
        self.before: list[bool] = []

    def __enter__(self) -> None:
        self.before.append(mode.recording)
        mode.recording = self.records

    def __exit__(self, *error: object) -> None:
        mode.recording = self.before.pop()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if not callable(function):
            raise TypeError(f"{type(self).__name__}: expected a function, got {type(function).__name__}")

        steps = inspect.isgeneratorfunction(function)

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with type(self)():
                result = function(*args, **kwargs)
            return _resumed(type(self), result) if steps else result

        return wrapped


def _resumed(block: type[_Recording], generator: Any) -> Generator[Any, Any, Any]:
    """`generator`, each step of it within the block, and the code between the steps outside."""
    step, value = generator.send, None
    while True:
        try:
            with block():
                item = step(value)
        except StopIteration as stop:
            return stop.value
        try:
            step, value = generator.send, (yield item)
        except GeneratorExit:
            generator.close()
            raise
        except BaseException as error:  # thrown in by the caller: the generator may catch it
            step, value = generator.throw, error


class no_grad(_Recording):  # noqa: N801 (it is called like a function)
    """Within the block nothing is recorded, and results do not require gradients. Also a decorator."""

    records = False


class enable_grad(_Recording):  # noqa: N801
    """Within the block operations are recorded, also inside `no_grad()`. Also a decorator."""

    records = True


class set_grad_enabled:  # noqa: N801
    """Record from now on, or do not, in this thread; after a `with` block as before it."""

    def __init__(self, enabled: bool) -> None:
        self.before, mode.recording = mode.recording, bool(enabled)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        mode.recording = self.before


def is_grad_enabled() -> bool:
    """Does the tape record now, in this thread?"""
    return mode.recording
