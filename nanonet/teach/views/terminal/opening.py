"""From what is written on the command line to a trace: FILE.py:function, module:function, or a document's name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from nanonet.gradcheck.suite.target import UnknownTargetError, find, in_words, inputs_of, parameters_of
from nanonet.random import manual_seed
from nanonet.teach.trace import Trace, trace
from nanonet.teach.views.terminal.stepper import Note


def traced(target: str, shapes: str = "", seed: int = 0) -> Trace:
    """Run the user's function, found as `nanonet check` finds it, and record each step.

    target      "path/to/file.py:function" or "module:function"
    shapes      of its inputs, "3,4;4,5"; else they are what its module or its defaults have (see `check_target`)
    seed        of the inputs' numbers and of everything random in the function

    A function without parameters is called: it may be a whole training step, or return (f, inputs).
    Raises UnknownTargetError where something is not found, ValueError (one line) where it cannot be traced.
    """
    manual_seed(seed)  # before the module is loaded, which may draw numbers too
    module, function = find(target)
    if not shapes and parameters_of(function) == []:
        return recorded(target, function)
    names, inputs = inputs_of(target, module, function, shapes, seed)
    return recorded(target, _by_name(function, names) if names else function, *inputs)


def document(name: str) -> tuple[Trace, list[Note]]:
    """The worked example of a document, "D0", or "D0:2" for its second one; and where the document is wrong as written.

    Raises UnknownTargetError for a document or an example that there is not.
    """
    from nanonet.teach.documents import errata, example

    label, _, number = name.partition(":")
    try:
        function, inputs = example(label.upper(), int(number) if number.isdigit() else 0 if number else 1)
    except ValueError as error:
        raise UnknownTargetError(f"--document: {str(error).removeprefix('documents: ')}") from error
    return recorded(name, function, *inputs), [
        Note(one.title, f"written: {one.written}\nright:   {one.right}\n{one.why}", one.text)
        for one in errata(label.upper())
    ]


def recorded(target: str, function: Callable[..., Any], *inputs: Any) -> Trace:
    """The trace, or a ValueError that says in one line what `function` did instead."""
    try:
        with np.errstate(all="ignore"):
            found = _trace(function, *inputs)
    except (Exception, SystemExit) as error:  # a sys.exit() of theirs is not ours
        text = str(error)
        words = text.removeprefix("trace: ") if text.startswith("trace: ") else in_words(error)
        raise ValueError(f"{target}: {words}") from error
    if not found.steps:
        raise ValueError(f"{target}: there is nothing to step through, it computes nothing with nanonet")
    return found


def _trace(function: Callable[..., Any], *inputs: Any) -> Trace:
    offered: list[tuple[Any, ...]] = []

    def called(*given: Any) -> Any:
        result = function(*given)
        if isinstance(result, tuple) and len(result) == 2 and callable(result[0]):
            offered.append(result)
            raise _OfferedError
        return result

    called.__name__ = getattr(function, "__name__", type(function).__name__)
    called.__signature__ = inspect.signature(getattr(function, "forward", function))  # type: ignore[attr-defined]
    try:
        return trace(called, *inputs)
    except _OfferedError:
        f, its_inputs = offered[0]
        return trace(f, *its_inputs) if isinstance(its_inputs, tuple | list) else trace(f, its_inputs)


class _OfferedError(Exception):
    """The function returned another one, and its inputs: (f, inputs)."""


def _by_name(function: Callable[..., Any], names: list[str]) -> Callable[..., Any]:
    """The function of these parameters only, which need not be its first ones."""

    def f(*given: Any) -> Any:
        return function(**dict(zip(names, given, strict=True)))

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    f.__name__ = function.__name__
    f.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])  # type: ignore[attr-defined]
    return f
