"""The debugger: a position in a trace that can be moved back and forth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nanonet.teach.trace.model import Step, Trace
from nanonet.teach.trace.state import State


@dataclass(frozen=True)
class Target:
    """Where to stop: after a step of this operation, or one that changes this tensor, or one of this line, or phase."""

    op: str = ""
    tensor: str = ""
    line: int = 0
    file: str = ""
    phase: str = ""

    def matches(self, trace: Trace, step: Step) -> bool:
        """Does it name this step?"""
        if self.op and step.title != self.op:
            return False
        if self.phase and step.phase != self.phase:
            return False
        if self.tensor and all(trace.nodes[change.node].name != self.tensor for change in step.changes):
            return False
        if self.line and (step.site is None or step.site.line != self.line):
            return False
        return not self.file or (step.site is not None and step.site.name == Path(self.file).name)

    def __str__(self) -> str:
        line = f"{Path(self.file).name}:{self.line}" if self.file else f"line {self.line}" if self.line else ""
        return ", ".join(part for part in (self.op, self.tensor, line, self.phase) if part)


class Debugger:
    """Walks over a trace. At position i the first i steps have been made; values and gradients are as they were then.

    Any way to a position ends in the state that a fresh replay up to it has. Nothing is computed again.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.state = State(trace)
        self.breakpoints: list[Target] = []

    def __len__(self) -> int:
        return len(self.trace.steps)

    @property
    def position(self) -> int:
        """How many steps have been made."""
        return self.state.position

    @property
    def last(self) -> Step | None:
        """The step that was made last; None at the start."""
        return self.trace.steps[self.position - 1] if self.position else None

    @property
    def next(self) -> Step | None:
        """The step that comes next; None at the end."""
        return self.trace.steps[self.position] if self.position < len(self) else None

    def step(self) -> Step | None:
        """One step on; returns it, or None at the end, where nothing happens."""
        return self.state.make() if self.position < len(self) else None

    def back(self) -> Step | None:
        """One step back; returns the step that was undone, or None at the start."""
        return self.state.undo() if self.position else None

    def seek(self, position: int) -> None:
        """To a position from 0 to len(debugger); negative ones count from the end. Raises IndexError beyond."""
        if not isinstance(position, int | np.integer) or isinstance(position, bool):
            raise TypeError(f"seek: expected a whole number, got {position!r}")
        wanted = position + len(self) + 1 if position < 0 else position
        if not 0 <= wanted <= len(self):
            raise IndexError(f"seek: expected a position from 0 to {len(self)}, got {position}")
        while self.position < wanted:
            self.state.make()
        while self.position > wanted:
            self.state.undo()

    def value(self, tensor: str | int) -> np.ndarray | None:
        """The value of a tensor, by name or number, or None before it is computed."""
        return self.state.value(self.node(tensor))

    def grad(self, tensor: str | int) -> np.ndarray | None:
        """The gradient of a tensor, as far as it is added up, or None before its first term."""
        return self.state.grad(self.node(tensor))

    def node(self, tensor: str | int) -> int:
        """The number of a tensor. Raises KeyError for a name or a number that nothing has."""
        if isinstance(tensor, int):
            if not 0 <= tensor < len(self.trace.nodes):
                raise KeyError(f"no tensor has the number {tensor}; there are 0 to {len(self.trace.nodes) - 1}")
            return tensor
        for node in reversed(self.trace.nodes):  # of several, the last: what the name stood for at the end
            if node.name == tensor:
                return node.id
        names = ", ".join(dict.fromkeys(node.name for node in self.trace.nodes if node.kind != "number"))
        raise KeyError(f"no tensor is called {tensor!r}; there are {names:.300}")

    # To a place

    def run_to(self, target: str | int | None = None, **named: str | int) -> Step | None:
        """On to the next step that an operation, a tensor or a line names; returns it, or None if there is none ahead.

        `run_to("tanh")`, `run_to("w")`, `run_to(12)`, `run_to("model.py:12")`, or by keyword: `op=`, `tensor=`,
        `line=`, `file=`, `phase=`; both together narrow it down: `run_to("tanh", phase="backward")`. Where there is
        none ahead nothing moves. Raises ValueError for a name that the trace does not have.
        """
        return self._run([self.target(target, **named)])

    def run_back_to(self, target: str | int | None = None, **named: str | int) -> Step | None:
        """Back to just after the nearest earlier step that the target names; None, and no move, if there is none."""
        wanted = self.target(target, **named)
        for index in range(self.position - 2, -1, -1):
            if wanted.matches(self.trace, self.trace.steps[index]):
                self.seek(index + 1)
                return self.last
        return None

    def breakpoint(self, target: str | int | None = None, **named: str | int) -> Target:
        """Stop `run()` there; arguments as those of `run_to`. `breakpoints.remove(...)` takes it away."""
        found = self.target(target, **named)
        self.breakpoints.append(found)
        return found

    def run(self) -> Step | None:
        """On to the next breakpoint, else to the end. Returns the step it stopped at, None at the end."""
        found = self._run(self.breakpoints)
        if found is None:
            self.seek(len(self))
        return found

    def _run(self, targets: list[Target]) -> Step | None:
        for index in range(self.position, len(self)):
            if any(target.matches(self.trace, self.trace.steps[index]) for target in targets):
                self.seek(index + 1)
                return self.last
        return None

    def target(self, target: str | int | None = None, **named: str | int) -> Target:
        """What a word stands for: an operation, a tensor, a phase, a line, or file.py:line."""
        unknown = set(named) - {"op", "tensor", "line", "file", "phase"}
        if unknown or not isinstance(target, str | int | None):
            got = f"{sorted(unknown)[0]}=" if unknown else type(target).__name__
            raise TypeError(f"run_to: expected a name or a line, or op=, tensor=, line=, file=, phase=; got {got}")
        guessed = Target() if target is None else self._guess(target)
        wanted = replace(guessed, **named)  # pyright: ignore[reportArgumentType]
        if not str(wanted):
            raise ValueError("run_to: expected an operation, a tensor, a line or a phase, got nothing")
        if not any(wanted.matches(self.trace, step) for step in self.trace.steps):
            ops = ", ".join(dict.fromkeys(step.title for step in self.trace.steps))
            tensors = ", ".join(dict.fromkeys(node.name for node in self.trace.nodes if node.kind != "number"))
            raise ValueError(f"run_to: no step for {wanted}; operations: {ops:.150}; tensors: {tensors:.150}")
        return wanted

    def _guess(self, target: str | int) -> Target:
        if isinstance(target, int) or target.isdigit():
            return Target(line=int(target))
        file, colon, line = target.rpartition(":")
        if colon and line.isdigit():
            return Target(file=file, line=int(line))
        if target in ("forward", "backward", "update"):
            return Target(phase=target)
        if any(step.title == target for step in self.trace.steps):
            return Target(op=target)
        return Target(tensor=target)
