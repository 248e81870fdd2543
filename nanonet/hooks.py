"""Hooks of a tensor: functions that see its gradient, and may replace it, when it is complete."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from nanonet.variable import Variable


class RemovableHook:
    """What registering a hook returns: `handle.remove()`, or `handle()`, takes the hook away."""

    def __init__(self, hooks: list[Any], item: Any) -> None:
        self.hooks, self.item = hooks, item

    def remove(self) -> None:
        """Take the hook away; a second time does nothing."""
        if self.item in self.hooks:
            self.hooks.remove(self.item)

    __call__ = remove


class Keep:
    """The hook of `retain_grad`. It is called after all others, and does not keep its tensor alive."""

    def __init__(self, tensor: Any) -> None:
        self.tensor = weakref.ref(tensor)

    def __call__(self, dy: Any) -> Any:
        tensor = self.tensor()
        if tensor is not None:
            tensor.keep_gradient(dy)
        return dy


def add_hook(x: Variable, run: Callable[[Any], Any]) -> RemovableHook:
    """Have `run` called with x's gradient (a Tensor for a leaf, else what the walk carries: often an array)."""
    hooks: list[Any]
    if x.entry is None:
        x.hooks = hooks = [] if x.hooks is None else x.hooks
        item: Any = run
    else:
        x.entry.hooks = hooks = [] if x.entry.hooks is None else x.entry.hooks
        item = (x.index, run)
    hooks.append(item)
    if x.entry is not None:
        hooks.sort(key=_is_keep)  # keeps the order of all others
    return RemovableHook(hooks, item)


def _is_keep(item: Any) -> bool:
    return isinstance(item[1], Keep)


def is_kept(x: Variable) -> bool:
    """Was `retain_grad` asked for before?"""
    return x.entry is not None and any(i == x.index and isinstance(h, Keep) for i, h in x.entry.hooks or ())
