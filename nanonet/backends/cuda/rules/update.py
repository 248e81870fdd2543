"""Update rules in one pass, in place: the optimizer gave the parameter and its memory away for it."""

from __future__ import annotations

from typing import Any

from nanonet.backends.cuda.arrays import contiguous, fits, xp
from nanonet.ops import update
from nanonet_kernels.cuda import adam
from nanonet_kernels.cuda import update as kernel

kernels: dict[Any, Any] = {}


def _wire(rule: Any, launch: Any) -> None:
    def run(p: Any, g: Any, *memory: Any, **attrs: Any) -> Any:
        held = [a for a in memory if a is not None]
        if not fits(p, *held):
            return rule(xp, p, g, *memory, **attrs)
        launch(p, contiguous(g, p.dtype), *memory, **attrs)
        return (p, *memory)

    kernels[rule] = run


for _rule, _launch in [
    (update.sgd, kernel.sgd),
    (update.momentum, kernel.momentum),
    (update.rmsprop, kernel.rmsprop),
    (update.adagrad, kernel.adagrad),
    (update.adam, adam.adam),
    (update.adamw, adam.adamw),
]:
    _wire(_rule, _launch)
