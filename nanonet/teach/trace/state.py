"""What is known at one moment of a trace: of each node its value, its gradient so far, and its stored `.grad`."""

from __future__ import annotations

import numpy as np

from nanonet.teach.trace.model import Change, Step, Trace

Known = dict[int, np.ndarray]


class State:
    """The first `position` steps have been made. A step is made by `make`, and undone by `undo`.

    A gradient that is not known yet is None, which is not the same as zeros.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.position = 0
        self.parts: dict[str, Known] = {"value": dict(trace.given), "grad": {}, "stored": dict(trace.stored)}

    def value(self, node: int) -> np.ndarray | None:
        """The node's value, or None before it is computed."""
        return self.parts["value"].get(node)

    def grad(self, node: int) -> np.ndarray | None:
        """The node's gradient as far as it is added up, or None before its first term."""
        return self.parts["grad"].get(node)

    def stored(self, node: int) -> np.ndarray | None:
        """What a leaf holds in `.grad`."""
        return self.parts["stored"].get(node)

    def make(self) -> Step:
        """The next step. Raises IndexError at the end."""
        step = self.trace.steps[self.position]
        for change in step.changes:
            self._set(change, change.after)
        self.position += 1
        return step

    def undo(self) -> Step:
        """Back before the last step. Raises IndexError at the start."""
        if not self.position:
            raise IndexError("the start of the trace: there is no step to take back")
        self.position -= 1
        step = self.trace.steps[self.position]
        for change in reversed(step.changes):
            self._set(change, change.before)
        return step

    def _set(self, change: Change, array: np.ndarray | None) -> None:
        known = self.parts[change.part]
        if array is None:
            known.pop(change.node, None)
        else:
            known[change.node] = array

    def snapshot(self) -> bytes:
        """All of it as bytes, the same for the same state."""
        rows = [
            (part, node, array.dtype.str, array.shape, array.tobytes())
            for part in sorted(self.parts)
            for node, array in sorted(self.parts[part].items())
        ]
        return repr((self.position, rows)).encode()


def replayed(trace: Trace, position: int) -> State:
    """The state after the first `position` steps, made anew from the start."""
    state = State(trace)
    while state.position < position:
        state.make()
    return state
