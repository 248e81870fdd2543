"""What a remark sees of a step, and the list that remarks are added to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nanonet.teach.cards.targets import Target
from nanonet.teach.trace.model import Node, Step, Trace


@dataclass(frozen=True)
class Seen:
    """A step, what of it is shown, and what a remark wants to know about it."""

    trace: Trace
    step: Step
    target: Target
    entry: tuple[int, ...]

    @property
    def kind(self) -> str:
        return self.step.kind

    @cached_property
    def op(self) -> str:
        return self.step.op.name if self.step.op is not None and self.kind in ("forward", "backward") else ""

    @cached_property
    def forward(self) -> Step | None:
        """The forward step that this one is, or belongs to."""
        if self.kind == "forward":
            return self.step
        return self.trace.steps[self.step.forward] if self.step.forward is not None else None

    @cached_property
    def inputs(self) -> tuple[Any, ...]:
        """What the forward's rule was given."""
        return self.forward.call.arrays if self.forward is not None and self.forward.call is not None else ()

    @cached_property
    def outputs(self) -> tuple[Any, ...]:
        return self.forward.call.results if self.forward is not None and self.forward.call is not None else ()

    @cached_property
    def attrs(self) -> dict[str, Any]:
        return dict(self.forward.call.attrs) if self.forward is not None and self.forward.call is not None else {}

    def is_backward(self, *ops: str) -> bool:
        return self.kind == "backward" and self.op in ops

    def is_forward(self, *ops: str) -> bool:
        return self.kind == "forward" and self.op in ops

    def name(self, node: int) -> str:
        return self.trace.nodes[node].name

    @property
    def node(self) -> Node | None:
        return self.target.node


Remark = Callable[[Seen], str | None]
REMARKS: dict[str, Remark] = {}


def remark(function: Remark) -> Remark:
    """Add a remark to those that every card tries, under the function's name."""
    REMARKS[function.__name__] = function
    return function
