"""PyTorch's, JAX's and autograd's gradient checkers on a case, each with its default steps and tolerances.

The pair is wrapped as each library's documentation says: torch.autograd.Function, jax.custom_vjp with
jax.pure_callback, autograd's primitive. Only floating inputs are handed over; the others are constants.
Every function here returns "pass" or "fail", or "repaired"; other exceptions are for the caller to count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nanonet_benchmarks.gradcorpus.case import Case


class Pair:
    """A case's forward and backward as functions of its floating inputs, with caches kept by number."""

    def __init__(self, case: Case):
        self.case, self.caches = case, []

    @property
    def arrays(self) -> list[np.ndarray]:
        return [np.array(self.case.inputs[i], dtype=np.float64) for i in self.case.floating]

    def filled(self, arrays: Sequence[Any]) -> list[Any]:
        inputs = list(self.case.inputs)
        for i, x in zip(self.case.floating, arrays, strict=True):
            inputs[i] = x
        return inputs

    def forward(self, arrays: Sequence[Any]) -> tuple[np.ndarray, Any]:
        """(y, what backward gets after dy)."""
        inputs = self.filled(arrays)
        y = self.case.forward(*inputs)
        if self.case.cache:
            return np.array(y[0]), (y[1],)
        return np.array(y), tuple(inputs)

    def backward(self, dy: Any, extra: Any) -> list[Any]:
        """The gradients of the floating inputs, as many as backward gives."""
        found = self.case.backward(dy, *extra)
        given = list(found) if isinstance(found, tuple | list) else [found]
        if len(given) == len(self.case.inputs):
            given = [given[i] for i in self.case.floating]
        return given


def torch_gradcheck(case: Case, fast: bool = False) -> str:
    """torch.autograd.gradcheck on double tensors.

    PyTorch's engine sums a gradient of a broader shape down to that of its input before gradcheck sees it. A wrong
    gradient that passes for that reason is "repaired": in PyTorch it does no harm, and gradcheck cannot know.
    """
    import torch
    from torch.autograd.gradcheck import GradcheckError

    pair = Pair(case)
    broader: list[bool] = []

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *tensors: Any) -> Any:
            y, ctx.extra = pair.forward([x.detach().numpy() for x in tensors])
            return torch.from_numpy(y)

        @staticmethod
        def backward(ctx: Any, *dys: Any) -> Any:
            found = pair.backward(dys[0].numpy(), ctx.extra)
            shapes = zip(found, pair.arrays, strict=False)
            broader.append(any(dx is not None and np.ndim(dx) > x.ndim for dx, x in shapes))
            return tuple(None if dx is None else torch.from_numpy(np.array(dx)) for dx in found)

    torch.manual_seed(0)
    try:
        inputs = [torch.tensor(x, requires_grad=True) for x in pair.arrays]
        torch.autograd.gradcheck(Function.apply, inputs, fast_mode=fast)
    except GradcheckError:
        return "fail"
    return "repaired" if any(broader) else "pass"


def jax_check_grads(case: Case) -> str:
    """jax.test_util.check_grads in reverse mode, with 64-bit numbers."""
    import jax  # pyright: ignore[reportMissingImports]
    from jax.test_util import check_grads  # pyright: ignore[reportMissingImports]

    pair = Pair(case)
    extras: list[Any] = []

    def run(*arrays: Any) -> tuple[np.ndarray, np.ndarray]:
        y, extra = pair.forward([np.asarray(x) for x in arrays])
        extras.append(extra)
        return y, np.array(len(extras) - 1)

    def undo(number: Any, dy: Any) -> tuple[np.ndarray, ...]:
        found = pair.backward(np.asarray(dy), extras[int(number)])
        return tuple(
            np.zeros(x.shape) if dx is None else np.asarray(dx) for dx, x in zip(found, pair.arrays, strict=True)
        )

    y = pair.forward(pair.arrays)[0]
    with jax.enable_x64(True):
        outcome = (jax.ShapeDtypeStruct(y.shape, y.dtype), jax.ShapeDtypeStruct((), np.dtype(int)))
        shapes = tuple(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in pair.arrays)
        function: Any = jax.custom_vjp(lambda *xs: jax.pure_callback(run, outcome, *xs)[0])

        def forward(*xs: Any) -> Any:
            y, number = jax.pure_callback(run, outcome, *xs)
            return y, number

        function.defvjp(forward, lambda number, dy: jax.pure_callback(undo, shapes, number, dy))
        try:
            check_grads(function, tuple(jax.numpy.asarray(x) for x in pair.arrays), order=1, modes=["rev"])
        except AssertionError:
            return "fail"
    return "pass"


def autograd_check_grads(case: Case) -> str:
    """autograd.test_util.check_grads in reverse mode, over all inputs at once."""
    from autograd.extend import defvjp_argnums, primitive  # pyright: ignore[reportMissingImports]
    from autograd.test_util import check_grads  # pyright: ignore[reportMissingImports]

    pair = Pair(case)
    extras: list[Any] = []

    @primitive
    def function(*arrays: Any) -> Any:
        y, extra = pair.forward(arrays)
        extras.append(extra)
        return y

    def vjp(argnums: Any, ans: Any, args: Any, kwargs: Any) -> Any:
        extra = extras[-1]
        return lambda dy: pair.backward(dy, extra)

    defvjp_argnums(function, vjp)
    numbers = tuple(range(len(pair.arrays)))
    check: Any = check_grads(function, numbers if len(numbers) > 1 else 0, modes=["rev"], order=1)
    try:
        check(*pair.arrays)
    except AssertionError:
        return "fail"
    return "pass"
