"""Derivatives as functions of functions: grad, value_and_grad, vjp, jvp, jacobian, hessian."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nanonet.tensor import Tensor, as_tensor, gradients


def vjp_of(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], dys: Sequence[Any], create_graph: bool = False
) -> list[Tensor]:
    """Σ dyᵀ ∂output/∂input for each input; zeros for an input that no output depends on. No `.grad` is touched.

    The graph is kept, so this may be called again with other `dys`.
    """
    found: dict[int, Tensor] = {}

    def keeper(x: Tensor) -> Callable[[Tensor], None]:
        def keep(dx: Tensor) -> None:
            found[id(x)] = dx

        return keep

    removers = [x.register_hook(keeper(x)) for x in inputs if x.requires_grad]
    try:
        gradients(outputs, [as_tensor(dy) for dy in dys], create_graph, retain_graph=True)
    finally:
        for remove in removers:
            remove()
    return [found[id(x)] if id(x) in found else Tensor.wrap(np.zeros_like(x.array)) for x in inputs]
