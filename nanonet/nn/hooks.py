"""Hooks of modules: functions that are called around a forward, or when its gradients are known."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nanonet import functional as F
from nanonet.tensor import Tensor

if TYPE_CHECKING:
    from nanonet.nn.module import Module

Hook = Callable[..., Any]
_numbers = itertools.count()


class RemovableHandle:
    """What registering a hook returns: `handle.remove()` takes the hook away; also at the end of a `with` block."""

    def __init__(self, hooks: dict[int, Hook], hook: Hook) -> None:
        if not callable(hook):
            raise TypeError(f"hook: expected a function, got {type(hook).__name__}")
        self.hooks = hooks
        self.number = next(_numbers)
        hooks[self.number] = hook

    def remove(self) -> None:
        """Take the hook away; a second time does nothing."""
        self.hooks.pop(self.number, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


class Hooks:
    """The hooks of one module, in the order of their registration."""

    def __init__(self) -> None:
        self.before: dict[int, Hook] = {}
        self.after: dict[int, Hook] = {}
        self.backward: dict[int, Hook] = {}

    def run(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """module.forward(*args, **kwargs) with every hook around it."""
        for hook in tuple(self.before.values()):
            changed = hook(module, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        watch = _BackwardWatch(module, tuple(self.backward.values())) if self.backward else None
        if watch is not None:
            args = watch.watch_inputs(args)
        output = module.forward(*args, **kwargs)
        if watch is not None:
            watch.watch_outputs(output)
        for hook in tuple(self.after.values()):
            changed = hook(module, args, output)
            if changed is not None:
                output = changed
        return output


class _BackwardWatch:
    """Collects, in one backward, the gradients of a module's outputs and inputs, then calls the backward hooks."""

    def __init__(self, module: Module, hooks: tuple[Hook, ...]) -> None:
        self.module = module
        self.hooks = hooks
        self.dys: list[Tensor | None] = []
        self.dxs: list[Tensor | None] = []
        self.missing: set[int] = set()  # inputs whose gradient is still to come

    def watch_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Inputs as tensors of this call alone, so that their gradients do not hold what other users of them add."""
        own = tuple(F.reshape(x, x.shape) if isinstance(x, Tensor) and x.requires_grad else x for x in args)
        self.dxs = [None for x in args if isinstance(x, Tensor)]
        position = 0
        for x in own:
            if isinstance(x, Tensor):
                if x.requires_grad:
                    self.missing.add(position)
                    x.register_hook(self._receiver(position))
                position += 1
        return own

    def watch_outputs(self, output: Any) -> None:
        outputs = [y for y in (output if isinstance(output, tuple | list) else [output]) if isinstance(y, Tensor)]
        self.dys = [None] * len(outputs)
        for index, y in enumerate(outputs):
            if y.requires_grad:
                y.register_hook(self._keeper(index))

    def _keeper(self, index: int) -> Hook:
        def keep(dy: Tensor) -> None:
            self.dys[index] = dy
            if not self.missing:
                self._call()

        return keep

    def _receiver(self, position: int) -> Hook:
        def receive(dx: Tensor) -> Tensor | None:
            self.dxs[position] = dx
            self.missing.discard(position)
            return self._call(position) if not self.missing else None

        return receive

    def _call(self, position: int | None = None) -> Tensor | None:
        before = list(self.dxs)
        for hook in self.hooks:
            changed = hook(self.module, tuple(self.dxs), tuple(self.dys))
            if changed is not None:
                self.dxs = list(changed) if isinstance(changed, tuple) else [changed]
        if len(self.dxs) != len(before):
            raise ValueError(f"backward hook: expected {len(before)} gradients of inputs, got {len(self.dxs)}")
        for index, (old, new) in enumerate(zip(before, self.dxs, strict=True)):
            if old is not new and index != position:
                raise ValueError(
                    "backward hook: only the gradient of a module's single input can be replaced; return None"
                )
        return None if position is None else self.dxs[position]
