"""What the variants of several workloads share: the textbook rule on NumPy, and a function and its gradient in JAX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

from nanonet_benchmarks.workloads.base import Arrays, Prepared, Variant, installed

PHASES = ("forward", "backward")


def both(forward: Callable[[], Any], backward: Callable[[], Any]) -> dict[str, Any]:
    """Arguments of Prepared for a call that is a forward and a backward phase."""

    def call() -> None:
        forward()
        backward()

    return {"call": call, "phases": dict(zip(PHASES, (forward, backward), strict=True))}


def textbook(op: Any, inputs: Sequence[str], gradients: Sequence[str], **attrs: Any) -> Variant:
    """The rule as it stands in nanonet.ops, on NumPy: it makes a new array at every step.

    inputs: names of the op's arguments, in its order; `dy` is the gradient of y. gradients: names of what backward
    returns, "" for what is not wanted.
    """

    def prepare(arrays: Arrays) -> Prepared:
        from nanonet.backends.numpy import xp

        args = [arrays[name] if name else None for name in inputs]
        needs = (tuple(bool(name) for name in gradients),) if op.wants_needs else ()
        kept: dict[str, Any] = {}

        def forward() -> None:
            kept["y"], kept["saved"] = op.forward(xp, *args, **attrs)

        def backward() -> None:
            kept["gradients"] = op.backward(xp, kept["saved"], arrays["dy"], *needs)

        def fetch() -> dict[str, Any]:
            found = zip(gradients, kept["gradients"], strict=False)
            return {"y": kept["y"]} | {name: gradient for name, gradient in found if name}

        return Prepared(inputs=arrays, fetch=fetch, **both(forward, backward))

    return Variant("numpy: textbook rule", "numpy", prepare)


def oracle(op: Any, inputs: Sequence[str], gradients: Sequence[str], **attrs: Any) -> Callable[[Arrays], Arrays]:
    """The same rule in float64."""
    rule = textbook(op, inputs, gradients, **attrs)

    def compute(arrays: Arrays) -> Arrays:
        import numpy as np

        wide = {name: x.astype(np.float64) if x.dtype.kind == "f" else x for name, x in arrays.items()}
        prepared = rule.prepare(wide)
        prepared.call()
        return {name: np.asarray(y) for name, y in prepared.results().items()}

    return compute


def jax_pair(function: Callable[..., Any], inputs: Sequence[str], gradients: Sequence[str]) -> Variant:
    """y = function(jax.numpy, *inputs) and its gradients, each compiled by XLA; backward computes forward again.

    JAX's arrays cannot be written to: every call returns new ones. Each phase waits until its result is there.
    """

    def prepare(arrays: Arrays) -> Prepared:
        import jax  # pyright: ignore[reportMissingImports]
        import jax.numpy as jnp  # pyright: ignore[reportMissingImports]

        jax.config.update("jax_enable_x64", False)
        forward = jax.jit(lambda *args: function(jnp, *args))
        wanted = tuple(inputs.index(name.removeprefix("d")) for name in gradients)
        pull = jax.jit(lambda args, dy: [jax.vjp(lambda *a: function(jnp, *a), *args)[1](dy)[i] for i in wanted])
        there: dict[str, Any] = {}
        kept: dict[str, Any] = {}

        def send(fresh: Arrays) -> None:
            there.update({name: jax.device_put(x.copy()) for name, x in fresh.items()})
            there["args"] = [there[name] for name in inputs]
            jax.block_until_ready(there)

        def run() -> None:
            kept["y"] = forward(*there["args"]).block_until_ready()

        def back() -> None:
            kept["gradients"] = jax.block_until_ready(pull(there["args"], there["dy"]))

        send(arrays)
        fetch = lambda: {"y": kept["y"]} | dict(zip(gradients, kept["gradients"], strict=True))  # noqa: E731
        return Prepared(inputs=arrays, fetch=fetch, send=send, **both(run, back))

    return Variant("jax", "jax", prepare, installed("jax"))


def kernels_installed(*modules: str) -> Callable[[], str]:
    """available() for our compiled kernels: do numba and these modules of nanonet_kernels exist?"""

    def available() -> str:
        if reason := installed("numba")():
            return reason
        missing = [m for m in modules if not find_spec(f"nanonet_kernels.{m}")]
        return f"nanonet_kernels.{missing[0]} does not exist in this version" if missing else ""

    return available
