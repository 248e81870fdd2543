"""How a formula is put to the test: its gradient against finite differences, or its numbers against a claim."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanonet.gradcheck import Cause, check_backward
from nanonet.teach.documents.erratum import Check, Finding, Numbers

Array = np.ndarray


@dataclass(frozen=True)
class Pair:
    """A backward together with the forward that it is written for."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]

    def __call__(self, dy: Any, *inputs: Any) -> Any:
        return self.backward(dy, *inputs)


def gradient(forward: Callable[..., Any], inputs: Mapping[str, Array], show: str = "") -> Check:
    """A check of backward functions: is it the gradient of `forward` at `inputs` (an array by name)?

    The numbers are the gradients of the inputs named in `show` ("W b"), or of all of them, for dy = 1. What is checked
    is a function backward(dy, *inputs), or a Pair where what is written has a forward of its own.
    """
    names = show.split() or list(inputs)

    def check(given: Callable[..., Any]) -> Finding:
        f, backward = (given.forward, given.backward) if isinstance(given, Pair) else (forward, given)
        arrays = list(inputs.values())
        y = f(*(x.copy() for x in arrays))
        try:
            found = backward(np.ones_like(y), *(x.copy() for x in arrays))
        except (ValueError, IndexError, NameError) as error:
            return Finding("error", {}, _words(error))
        grads = dict(zip(inputs, found if isinstance(found, tuple) else (found,), strict=True))
        for name, x in inputs.items():
            if np.shape(grads[name]) != x.shape:
                shapes = {f"shape of {name}": x.shape, f"shape of d{name}": np.shape(grads[name])}
                return Finding("error", shapes, f"d{name} is {np.shape(grads[name])}, but {name} is {x.shape}")
        report = check_backward(f, backward, arrays, seed=0)
        verdict = "pass" if report else "fail"
        numbers: Numbers = {f"d{name}": grads[name] for name in names}
        if isinstance(given, Pair):  # the same gradient, but of another function: what should it be?
            numbers |= {f"d{name} by finite differences": _measured(f, inputs, name) for name in names}
        cause = report.cause and _with_names(report.cause, list(inputs))
        return Finding(verdict, numbers, f"gradient check: {report.verdict}", cause, report)

    return check


def claim(sentence: str, holds: Callable[[Numbers], bool]) -> Check:
    """A check of programs without arguments that return their numbers by name: does the claim hold for them?"""

    def check(program: Callable[[], Numbers]) -> Finding:
        try:
            numbers = program()
        except (ValueError, IndexError, NameError) as error:
            return Finding("error", {}, _words(error))
        return Finding("pass" if holds(numbers) else "fail", numbers, sentence)

    return check


def _measured(f: Callable[..., Any], inputs: Mapping[str, Array], name: str, h: float = 1e-5) -> Array:
    """(f(x + h) - f(x - h)) / 2h for each element of one input of a scalar function."""
    slopes = np.zeros(inputs[name].shape)
    for place in np.ndindex(slopes.shape):
        shift = np.zeros(slopes.shape)
        shift[place] = h
        up, down = ({**inputs, name: inputs[name] + sign * shift} for sign in (1, -1))
        slopes[place] = (f(*up.values()) - f(*down.values())) / (2 * h)
    return slopes


def _with_names(cause: Cause, names: list[str]) -> Cause:
    """Where the diagnosis says "input 0" stands what the document calls it."""

    def named(words: str) -> str:
        return re.sub(r"input (\d+)", lambda found: names[int(found[1])], words)

    return Cause(cause.kind, named(cause.sentence), named(cause.remedy))


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
