"""The recorder: a backend that computes as the one within, and writes down every step of the tape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import get_ident
from types import FrameType
from typing import Any

import numpy as np

from nanonet import tape
from nanonet.backends.base import Backend
from nanonet.mode import mode
from nanonet.op import Op
from nanonet.optim.optimizer import Optimizer
from nanonet.teach.trace import frames
from nanonet.teach.trace.leaves import Leaves, copied, same
from nanonet.teach.trace.model import Call, Change, Contribution, Node, Step, Trace
from nanonet.tensor import Tensor
from nanonet.variable import Variable

_FORWARD, _BACKWARD = tape.apply.__code__, tape.Entry.gradients.__code__
_STORE, _UPDATE = Tensor._accumulate.__code__, Optimizer._update.__code__
_ASKED = Tensor.backward.__code__


class Recorder(Backend):
    """Watches the doorway. Who asks for a computation is seen from the frame that called."""

    def __init__(self, inner: Backend, names: dict[int, str]) -> None:
        super().__init__(inner.name, inner.xp, inner.array_type)
        self.inner = inner
        self.trace = Trace()
        self.modules = frames.Modules()
        self.leaves = Leaves(self, names)
        self.phase = ""
        self.of_array: dict[int, int] = {}  # by id of an output's array: its node
        self.of_inputs: dict[int, int] = {}  # by id of an entry's inputs: its forward step
        self.held: list[Any] = []  # what those ids belong to
        self.grads: dict[int, np.ndarray] = {}  # of the present walk backwards
        self.shown: dict[int, np.ndarray | None] = {}  # of every node, as the last step left it
        self.walk: FrameType | None = None
        self.asked: tuple[FrameType, FrameType] | None = None  # `gradients` and the `backward()` that called it
        self.values: dict[int, np.ndarray] = {}  # of every result, as it was last seen
        self.thread = get_ident()
        self.waiting: list[tuple[str, int, int, int, np.ndarray]] = []  # additions that the tape is about to make

    def run(self, rule: Callable[..., Any], *args: Any, **attrs: Any) -> Any:
        if get_ident() != self.thread:  # another thread's steps would come in between ours
            return self.inner.run(rule, *args, **attrs)
        frame = frames.caller()
        if frame.f_code is _FORWARD:
            adder = _adder(frame)
            return self._forward(frame, rule, args, attrs) if adder is None else self._sum(adder, rule, args, attrs)
        if frame.f_code is _BACKWARD:
            return self._backward(frame, rule, args, attrs)
        if frame.f_code is _UPDATE:
            return self._update(frame, rule, args, attrs)
        self.enter("other", frame)  # clipping, for instance: what a walk stored is seen before it is changed
        result = self.inner.run(rule, *args, **attrs)
        if rule in (tape.unbroadcast, tape.accumulate) and self.waiting:
            result = np.asarray(result)
            self._added(rule, args, result)
        return result

    # Writing down

    def enter(self, phase: str, frame: FrameType) -> None:
        """A computation of `phase` begins. What changed beside the doorway since the last one is caught up first."""
        if self._within_walk(frame):  # a hook may compute something during a walk
            return
        self._end_walk()
        if phase != self.phase or phase != "other":  # clipping is one change of all gradients, and not one of each
            self.leaves.catch_up()
        self.phase = phase

    def _end_walk(self) -> None:
        """The walk backwards, if there was one, is over: `backward()` has stored what it found, unless it raised."""
        if self.asked is not None:
            collected, asked = self.asked
            found = collected.f_locals.get("found")
            if found and asked.f_locals.get("leaf") is found[-1][0]:
                self.leaves.stored(found, self.grads)
        self.walk = self.asked = None

    def _within_walk(self, frame: FrameType) -> bool:
        outermost = self.asked[1] if self.asked is not None else self.walk  # a leaf's hook runs after the walk itself
        return outermost is not None and any(one is outermost for one in frames.outwards(frame))

    def add_step(self, phase: str, kind: str, title: str, **parts: Any) -> int:
        """A step at the end; returns its number."""
        parts = {"inputs": (), "outputs": (), "changes": (), **parts}
        self.trace.steps.append(Step(len(self.trace.steps), phase, kind, title, **parts))
        self.shown.update({c.node: c.after for c in parts["changes"] if c.part == "grad"})
        return len(self.trace.steps) - 1

    def add_node(self, **parts: Any) -> int:
        """A node at the end; returns its number."""
        self.trace.nodes.append(Node(len(self.trace.nodes), **parts))
        return len(self.trace.nodes) - 1

    def node(self, x: Any, frame: FrameType) -> int:
        """The node of an operation's input."""
        found = self.of_array.get(id(x.array)) if isinstance(x, Variable) else None
        if found is None or self.leaves.known(x) is not None:  # an operation may hand on the array that it was given
            return self.leaves.node(x, frame)
        if not x.wants_grad and self.trace.nodes[found].wants_grad:
            return self.leaves.node(x, frame, cut_from=found)
        self._rename(found, x, frame)
        self._look(found, x.array)
        return found

    def _look(self, number: int, array: Any) -> None:
        """Has user code written into a result since it was last seen?"""
        before = self.values[number]
        if not same(array, before):
            self.values[number] = value = copied(array)
            self.add_step(
                "update", "assign", "assign", outputs=(number,), changes=(Change(number, "value", before, value),)
            )

    def _rename(self, number: int, x: Any, frame: FrameType, otherwise: str = "") -> None:
        """A result gets the name that the user's code has for it, once somebody uses it."""
        node = self.trace.nodes[number]
        if not node.name:
            name = self.leaves.unique(frames.variable_name(x, frame) or otherwise) or f"{node.op} {number}"
            self.trace.nodes[number] = replace(node, name=name)

    # Forward

    def _forward(self, frame: FrameType, rule: Any, args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        self.enter("forward", frame)
        local = frame.f_locals
        op: type[Op] = local["op"]
        inputs: tuple[Any, ...] = local["inputs"]
        nodes = tuple(self.node(x, frame) for x in inputs if x is not None)
        arrays = tuple(copied(a) for a in args)
        y, saved = self.inner.run(rule, *args, **attrs)
        several = isinstance(y, tuple)
        ys = tuple(np.asarray(one) if np.isscalar(one) else one for one in (y if several else (y,)))
        wants = True in local["needs"] and mode.recording and op.backward is not None
        site = frames.site(frame)
        path, _ = self.modules.path(frame)
        outputs, changes = [], []
        for index, one in enumerate(ys):
            value = copied(one)
            made = self.add_node(
                name="",
                kind="result",
                op=op.name,
                shape=value.shape,
                dtype=str(value.dtype),
                wants_grad=wants and value.dtype.kind == "f",
                module=path,
                site=site,
                output=index,
            )
            outputs.append(made)
            changes.append(Change(made, "value", None, value))
            self.of_array[id(one)], self.values[made] = made, value
        step = self.add_step(
            "forward",
            "forward",
            op.name,
            inputs=nodes,
            outputs=tuple(outputs),
            changes=tuple(changes),
            op=op,
            call=Call(rule, arrays, attrs, tuple(c.after for c in changes), saved),
            module=path,
            site=site,
        )
        self.of_inputs[id(inputs)] = step
        self.held += [inputs, ys]
        return (ys if several else ys[0]), saved

    def _sum(self, adder: Any, rule: Any, args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        """`backward()` adds to a `.grad` that was there before: no step of its own, but remembered for the store."""
        y, saved = self.inner.run(rule, *args, **attrs)
        self.leaves.sums[id(adder)] = copied(y)
        return y, saved

    # Backward

    def _begin(self, walk: FrameType) -> None:
        """A new walk: every gradient is unknown again, but those of the roots, which the caller gave."""
        self._end_walk()
        self.leaves.catch_up()
        self.phase, self.walk = "backward", walk
        gradients = walk.f_back
        if gradients is not None and gradients.f_back is not None and gradients.f_back.f_code is _ASKED:
            self.asked = gradients, gradients.f_back
        self.grads, self.waiting = {}, []
        for y, dy in zip(walk.f_locals["roots"], walk.f_locals["dys"], strict=True):
            root = self.of_array.get(id(y.array))
            if root is not None:
                self._rename(root, y, walk, otherwise="loss" if y.array.size == 1 else "result")
            self.grads[self.node(y, walk)] = copied(dy)
        roots = list(self.grads)
        forgotten = [node for node, grad in self.shown.items() if grad is not None and node not in roots]
        changes = [Change(node, "grad", self.shown.get(node), self.grads.get(node)) for node in [*forgotten, *roots]]
        self.trace.roots += [root for root in roots if root not in self.trace.roots]
        site = frames.site(walk) or next((self.trace.nodes[root].site for root in roots), None)
        self.add_step("backward", "seed", "seed", outputs=tuple(roots), changes=tuple(changes), site=site)

    def _backward(self, frame: FrameType, rule: Any, args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        entry: tape.Entry = frame.f_locals["self"]
        assert frame.f_back is not None
        if frame.f_back is not self.walk:
            self._begin(frame.f_back)
        dys = tuple(None if d is None else copied(d) for d in frame.f_locals["dys"])
        forward = self.of_inputs.get(id(entry.inputs))
        step = self.trace.steps[forward] if forward is not None else None
        if step is not None:
            self._hooked(step, dys)
        results = self.inner.run(rule, *args, **attrs)
        results = tuple(None if dx is None else np.asarray(dx) for dx in results)
        changes, contributions, outputs = [], [], []
        for position, (x, dx, need) in enumerate(zip(entry.inputs, results, entry.needs, strict=True)):
            if not need or dx is None:
                continue
            node = self.node(x, frame)
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
        self.add_step(
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
                self.add_step("backward", "hook", "hook", outputs=(node,), changes=(change,), site=site, forward=index)

    def _added(self, rule: Any, args: tuple[Any, ...], result: np.ndarray) -> None:
        """The tape un-broadcasts or adds up a contribution that a backward has just given."""
        kind, node, forward, position, array = self.waiting.pop(0)
        step = self.trace.steps[forward] if forward >= 0 else None
        before = self.grads.get(node)
        first = before is _PENDING or before is None
        value = copied(result)
        changes: tuple[Change, ...] = ()
        contributions: tuple[Contribution, ...] = ()
        if kind == "unbroadcast":
            term = value.astype(self.trace.nodes[node].dtype, copy=False)
            contributions = (Contribution(node, forward, position, array, term),)
            if first:
                self.grads[node] = term
                changes = (Change(node, "grad", None, term),)
            else:
                self.waiting.insert(0, ("accumulate", node, forward, position, term))
        else:
            self.grads[node] = value
            changes = (Change(node, "grad", before, value),)
        self.add_step(
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

    # Update

    def _update(self, frame: FrameType, rule: Any, args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        self.enter("update", frame)
        local = frame.f_locals
        if local.get("p") is None or args[0] is not local["p"].array:
            return self.inner.run(rule, *args, **attrs)
        node = self.node(local["p"], frame)
        self.leaves.look(node)
        arrays = tuple(copied(a) for a in args)  # before: a kernel may write into them
        results = self.inner.run(rule, *args, **attrs)
        after = tuple(copied(a) for a in results)
        change = Change(node, "value", arrays[0], after[0])
        self.leaves.written(node, after[0])
        self.add_step(
            "update",
            "update",
            type(local["self"]).__name__,
            inputs=(node,),
            outputs=(node,),
            changes=(change,),
            call=Call(rule, arrays, attrs, after),
            site=frames.site(frame),
        )
        return results

    def finished(self) -> Trace:
        """The trace, when nothing more is to be recorded."""
        self._end_walk()
        self.leaves.catch_up(last=True)
        for number, node in enumerate(self.trace.nodes):
            if not node.name:
                self.trace.nodes[number] = replace(node, name=f"{node.op} {number}")
        return self.trace


_PENDING = np.empty(0)  # stands for a first term that is to be un-broadcast before it counts


def _number(forward: int | None) -> int:
    return -1 if forward is None else forward


def _adder(frame: FrameType) -> Any:
    """The leaf, if this is the addition by which `backward()` adds to a `.grad` that was there before; else None."""
    asked = frame.f_back.f_back if frame.f_back else None
    return asked.f_locals["self"] if asked is not None and asked.f_code is _STORE else None
