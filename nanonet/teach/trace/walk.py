"""The walk backwards: an op's backward, what it contributes to each gradient, un-broadcasting and +=."""

from __future__ import annotations

from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np

from nanonet import tape
from nanonet.teach.trace import frames
from nanonet.teach.trace.leaves import arrayed, copied
from nanonet.teach.trace.ledger import Ledger
from nanonet.teach.trace.model import Call, Change, Contribution, Step
from nanonet.tensor import Tensor

_ASKED = Tensor.backward.__code__
_PENDING = np.empty(0)  # stands for a first term that is to be un-broadcast before it counts


class Walk(frames.Between):
    """Writes down the walk that the tape makes, and knows what the tape is about to add up."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.frame: FrameType | None = None  # of tape.backward
        self.asked: tuple[FrameType, FrameType] | None = None  # `gradients` and the `backward()` that called it
        self.grads: dict[int, np.ndarray] = {}
        self.waiting: list[tuple[str, int, int, int, np.ndarray]] = []  # additions that the tape is about to make

    def begin(self, walk: FrameType) -> None:
        """A new walk: every gradient is unknown again, but those of the roots, which the caller gave."""
        self.end()
        ledger = self.ledger
        ledger.leaves.catch_up()
        self.frame = walk
        gradients = walk.f_back
        if gradients is not None and gradients.f_back is not None and gradients.f_back.f_code is _ASKED:
            self.asked = gradients, gradients.f_back
        self.grads, self.waiting = {}, []
        for y, dy in zip(walk.f_locals["roots"], walk.f_locals["dys"], strict=True):
            root = ledger.of_array.get(id(y.array))
            if root is not None:
                ledger.rename(root, y, walk, otherwise="loss" if y.array.size == 1 else "result")
            self.grads[ledger.node(y, walk)] = copied(dy)
        roots = list(self.grads)
        forgotten = [node for node, grad in ledger.shown.items() if grad is not None and node not in roots]
        changes = [Change(node, "grad", ledger.shown.get(node), self.grads.get(node)) for node in [*forgotten, *roots]]
        ledger.trace.roots += [root for root in roots if root not in ledger.trace.roots]
        site = frames.site(walk) or next((ledger.trace.nodes[root].site for root in roots), None)
        ledger.add_step("backward", "seed", "seed", outputs=tuple(roots), changes=tuple(changes), site=site)

    def backward(self, frame: FrameType, compute: Callable[[], Any], rule: Any) -> Any:
        """An entry's backward: `compute` runs it; `frame` is the entry's `gradients`."""
        entry: tape.Entry = frame.f_locals["self"]
        assert frame.f_back is not None
        if frame.f_back is not self.frame:
            self.begin(frame.f_back)
        dys = tuple(None if d is None else copied(d) for d in frame.f_locals["dys"])
        forward = self.ledger.of_inputs.get(id(entry.inputs))
        step = self.ledger.trace.steps[forward] if forward is not None else None
        if step is not None:
            self._hooked(step, dys)
        results = compute()
        results = tuple(None if dx is None else arrayed(dx) for dx in results)
        changes, contributions, outputs = [], [], []
        for position, (x, dx, need) in enumerate(zip(entry.inputs, results, entry.needs, strict=True)):
            if not need or dx is None:
                continue
            node = self.ledger.node(x, frame)
            outputs.append(node)
            raw = copied(dx)
            if dx.shape != x.array.shape:
                self.waiting.append(("unbroadcast", node, _number(forward), position, raw))
                self.grads.setdefault(node, _PENDING)
                continue
            array = raw.astype(x.array.dtype, copy=False)
            contributions.append(Contribution(node, _number(forward), position, raw, array))
            if node in self.grads:
                self.waiting.append(("accumulate", node, _number(forward), position, array))
            else:
                self.grads[node] = array
                changes.append(Change(node, "grad", None, array))
        self.ledger.add_step(
            "backward",
            "backward",
            entry.op.name,
            inputs=step.outputs if step else (),
            outputs=tuple(dict.fromkeys(outputs)),
            changes=tuple(changes),
            op=entry.op,
            call=Call(rule, dys, {}, tuple(None if dx is None else copied(dx) for dx in results), entry.saved),
            contributions=tuple(contributions),
            forward=forward,
            module=step.module if step else (),
            site=step.site if step else None,
        )
        return results

    def _hooked(self, forward: Step, dys: tuple[np.ndarray | None, ...]) -> None:
        """A hook may have replaced what was added up."""
        for node, dy in zip(forward.outputs, dys, strict=False):
            before = self.grads.get(node)
            if dy is not None and before is not None and not np.array_equal(before, dy, equal_nan=True):
                self.grads[node] = dy
                change = Change(node, "grad", before, dy)
                site, index = forward.site, forward.index
                self.ledger.add_step(
                    "backward", "hook", "hook", outputs=(node,), changes=(change,), site=site, forward=index
                )

    def added(self, rule: Any, args: tuple[Any, ...], result: np.ndarray) -> None:
        """The tape un-broadcasts or adds up a contribution that a backward has just given."""
        kind, node, forward, position, array = self.waiting.pop(0)
        step = self.ledger.trace.steps[forward] if forward >= 0 else None
        before = self.grads.get(node)
        first = before is _PENDING or before is None
        value = copied(result)
        changes: tuple[Change, ...] = ()
        contributions: tuple[Contribution, ...] = ()
        if kind == "unbroadcast":
            term = value.astype(self.ledger.trace.nodes[node].dtype, copy=False)
            contributions = (Contribution(node, forward, position, array, term),)
            if first:
                self.grads[node] = term
                changes = (Change(node, "grad", None, term),)
            else:
                self.waiting.insert(0, ("accumulate", node, forward, position, term))
        else:
            self.grads[node] = value
            changes = (Change(node, "grad", before, value),)
        self.ledger.add_step(
            "backward",
            kind,
            kind,
            inputs=(node,),
            outputs=(node,),
            changes=changes,
            call=Call(rule, tuple(copied(a) for a in args), {}, (value,)),
            contributions=contributions,
            forward=step.index if step else None,
            module=step.module if step else (),
            site=step.site if step else None,
        )

    def end(self) -> None:
        """The walk backwards, if there was one, is over: `backward()` has stored what it found, unless it raised."""
        if self.asked is not None:
            collected, asked = self.asked
            found = collected.f_locals.get("found")
            if found and asked.f_locals.get("leaf") is found[-1][0]:
                self.ledger.leaves.stored(found, self.grads)
        self.frame = self.asked = None

    def contains(self, frame: FrameType) -> bool:
        """Was this frame called from within the walk?"""
        outermost = self.asked[1] if self.asked is not None else self.frame  # a leaf's hook runs after the walk itself
        return outermost is not None and any(one is outermost for one in frames.outwards(frame))


def _number(forward: int | None) -> int:
    return -1 if forward is None else forward
