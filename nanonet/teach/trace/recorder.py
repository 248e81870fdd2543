"""The recorder: a backend that computes as the one within, and writes down every step of the tape."""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from types import FrameType
from typing import Any

from nanonet import tape
from nanonet.backends.base import Backend
from nanonet.mode import mode
from nanonet.op import Op
from nanonet.optim.optimizer import Optimizer
from nanonet.teach.trace import frames
from nanonet.teach.trace.leaves import arrayed, copied
from nanonet.teach.trace.ledger import Ledger
from nanonet.teach.trace.model import Call, Change, Trace
from nanonet.teach.trace.walk import Walk
from nanonet.tensor import Tensor

_FORWARD, _BACKWARD = tape.apply.__code__, tape.Entry.gradients.__code__
_STORE, _UPDATE = Tensor._accumulate.__code__, Optimizer._update.__code__


class Recorder(Backend):
    """Watches the doorway. Who asks for a computation is seen from the frame that called."""

    def __init__(self, inner: Backend, names: dict[int, str]) -> None:
        super().__init__(inner.name, inner.xp, inner.array_type)
        self.inner = inner
        self.ledger = Ledger(names)
        self.walk = Walk(self.ledger)
        self.phase = ""
        self.thread = get_ident()

    @property
    def trace(self) -> Trace:
        """As far as it is written."""
        return self.ledger.trace

    def run(self, rule: Callable[..., Any], *args: Any, **attrs: Any) -> Any:
        if get_ident() != self.thread:  # another thread's steps would come in between ours
            return self.inner.run(rule, *args, **attrs)
        frame = frames.caller()
        if frame.f_code is _FORWARD:
            adder = _adder(frame)
            return self._forward(frame, rule, args, attrs) if adder is None else self._sum(adder, rule, args, attrs)
        if frame.f_code is _BACKWARD:
            self.phase = "backward"
            return self.walk.backward(frame, lambda: self.inner.run(rule, *args, **attrs), rule)
        if frame.f_code is _UPDATE:
            return self._update(frame, rule, args, attrs)
        self.enter("other", frame)  # clipping, for instance: what a walk stored is seen before it is changed
        result = self.inner.run(rule, *args, **attrs)
        if rule in (tape.unbroadcast, tape.accumulate) and self.walk.waiting:
            result = arrayed(result)
            self.walk.added(rule, args, result)
        return result

    def enter(self, phase: str, frame: FrameType) -> None:
        """A computation of `phase` begins. What changed beside the doorway since the last one is caught up first."""
        if self.walk.contains(frame):  # a hook may compute something during a walk
            return
        self.walk.end()
        if phase != self.phase or phase != "other":  # clipping is one change of all gradients, and not one of each
            self.ledger.leaves.catch_up()
        self.phase = phase

    def finished(self) -> Trace:
        """The trace, when nothing more is to be recorded."""
        self.walk.end()
        return self.ledger.finished()

    def _forward(self, frame: FrameType, rule: Any, args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        self.enter("forward", frame)
        ledger = self.ledger
        local = frame.f_locals
        op: type[Op] = local["op"]
        inputs: tuple[Any, ...] = local["inputs"]
        roles = op.input_names()
        if len(roles) != len(inputs):  # an op that takes any number of arrays
            roles = [""] * len(inputs)
        nodes = tuple(ledger.node(x, frame, role) for x, role in zip(inputs, roles, strict=True) if x is not None)
        arrays = tuple(copied(a) for a in args)
        y, saved = self.inner.run(rule, *args, **attrs)
        several = isinstance(y, tuple)
        ys = tuple(arrayed(one) for one in (y if several else (y,)))
        wants = True in local["needs"] and mode.recording and op.backward is not None
        site = frames.site(frame)
        path, _ = ledger.modules.path(frame)
        outputs, changes = [], []
        for index, one in enumerate(ys):
            value = copied(one)
            made = ledger.add_node(
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
            ledger.of_array[id(one)], ledger.values[made] = made, value
        step = ledger.add_step(
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
        ledger.of_inputs[id(inputs)] = step
        ledger.held += [inputs, ys]
        return (ys if several else ys[0]), saved

    def _sum(self, adder: Any, rule: Any, args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        """`backward()` adds to a `.grad` that was there before: no step of its own, but remembered for the store."""
        y, saved = self.inner.run(rule, *args, **attrs)
        self.ledger.leaves.sums[id(adder)] = copied(y)
        return y, saved

    def _update(self, frame: FrameType, rule: Any, args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        self.enter("update", frame)
        ledger = self.ledger
        local = frame.f_locals
        if local.get("p") is None or args[0] is not local["p"].array:
            return self.inner.run(rule, *args, **attrs)
        node = ledger.node(local["p"], frame)
        ledger.leaves.look(node)
        arrays = tuple(copied(a) for a in args)  # before: a kernel may write into them
        results = self.inner.run(rule, *args, **attrs)
        after = tuple(copied(a) for a in results)
        change = Change(node, "value", arrays[0], after[0])
        ledger.leaves.written(node, after[0])
        ledger.add_step(
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


def _adder(frame: FrameType) -> Any:
    """The leaf, if this is the addition by which `backward()` adds to a `.grad` that was there before; else None."""
    asked = frame.f_back.f_back if frame.f_back else None
    return asked.f_locals["self"] if asked is not None and asked.f_code is _STORE else None
