"""How far a gradient is at a position: not yet, some of its terms, all of them, taken away again."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from nanonet.teach.trace import Contribution, Step, Trace

ADDS = ("backward", "unbroadcast", "accumulate")  # kinds of steps that add a term to a gradient


@dataclass(frozen=True)
class Event:
    """A step that changed a gradient; `term`: by adding one more use."""

    step: int
    term: bool
    known: bool  # afterwards


class Progress:
    """Of each node, which steps change its gradient. Built once for a trace."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.events: dict[int, list[Event]] = {}
        self.terms: dict[int, list[tuple[int, Contribution]]] = {}  # with the step that found it
        self.walks = [step.index for step in trace.steps if step.kind == "seed"]
        for step in trace.steps:
            for change in step.changes:
                if change.part == "grad":
                    event = Event(step.index, step.kind in ADDS, change.after is not None)
                    self.events.setdefault(change.node, []).append(event)
            for one in step.contributions:
                self.terms.setdefault(one.node, []).append((step.index, one))

    def walk(self, position: int) -> tuple[int, int]:
        """First and last + 1 step of the walk backwards that a position is in or after; (0, 0) before the first."""
        number = bisect_left(self.walks, position) - 1  # a walk has begun once its seed step is made
        if number < 0:
            return 0, 0
        return self.walks[number], [*self.walks, len(self.trace.steps)][number + 1]

    def count(self, node: int, position: int) -> tuple[int, int]:
        """(terms added so far, terms in all) in the walk that the position is in."""
        first, end = self.walk(position)
        steps = [event.step for event in self.events.get(node, ()) if event.term and first <= event.step < end]
        return bisect_left(steps, position), len(steps)

    def words(self, node: int, position: int) -> str:
        """ "not yet", "1 of 2 terms so far", "none" (and none will come), or "" where the gradient is complete."""
        if not self.trace.nodes[node].wants_grad:
            return "not wanted"
        events = self.events.get(node, [])
        at = bisect_left([event.step for event in events], position)
        if not at or not events[at - 1].known:
            return "not yet" if any(event.known for event in events[at:]) else "none"
        done, all_of_them = self.count(node, position)
        return f"{done} of {all_of_them} terms so far" if 0 < done < all_of_them else ""

    def contributions(self, node: int, position: int) -> list[Contribution]:
        """The terms that have been added at a position, in the order in which they came."""
        first, _ = self.walk(position)
        found = [one for step, one in self.terms.get(node, ()) if first <= step < position]
        return found[: self.count(node, position)[0]]


def place(step: Step) -> str:
    """ "model.py:12", or "" where no line of the user's is known."""
    return "" if step.site is None else step.site.place


def code(trace: Trace, step: Step) -> str:
    """The line of the user's code that a step belongs to, without its indent; "" where it is not known."""
    lines = trace.sources.get(step.site.file, []) if step.site else []
    return lines[step.site.line - 1].strip() if step.site and 0 < step.site.line <= len(lines) else ""


def consumer(trace: Trace, contribution: Contribution) -> str:
    """Which use of the tensor a term comes from: "multiply (step 4, input 1)"."""
    if contribution.consumer < 0:
        return "a use before the trace"
    step = trace.steps[contribution.consumer]
    twice = step.inputs.count(contribution.node) > 1
    return f"{step.title} (step {step.index + 1}{f', input {contribution.position + 1}' if twice else ''})"
