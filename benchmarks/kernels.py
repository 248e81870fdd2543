"""Each CPU kernel beside the NumPy rule that it claims to equal. The results are compared before anything is timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanonet import backends
from nanonet.op import Op
from nanonet.ops.activation import Gelu
from nanonet.ops.norm import LayerNorm
from nanonet.ops.rectifier import Relu
from nanonet.ops.softmax import Softmax
from nanonet_benchmarks.timing import Timing, interleaved, measure

Call = Callable[[], Any]
Inputs = Callable[[Callable[..., np.ndarray]], tuple[tuple[Any, ...], dict[str, Any]]]
ALLOWED = 1e-5  # of the largest number in the rule's result: float32 sums in another order

# What each op is timed on: a function of `draw(*shape)` that gives the arguments of its forward rule.
CASES: dict[type[Op], Inputs] = {
    Relu: lambda draw: ((draw(512, 1024),), {}),
    Gelu: lambda draw: ((draw(512, 1024),), {"approximate": "tanh"}),
    Softmax: lambda draw: ((draw(1024, 512),), {"dim": -1}),
    LayerNorm: lambda draw: ((draw(1024, 512), draw(512), draw(512)), {"size": 512, "eps": 1e-5}),
}


@dataclass(frozen=True)
class Row:
    """A rule and the kernel for it.

    evidence    "measured", or why there is no timing: "skipped: …", "failed: …"
    error       the largest difference between the two results, as a share of the largest number
    """

    op: str
    phase: str
    shape: str
    evidence: str
    error: float = float("nan")
    rule: Timing | None = None
    kernel: Timing | None = None

    @property
    def speedup(self) -> float:
        """How many times faster the kernel is, by the medians; NaN where nothing was measured."""
        return self.rule.median / self.kernel.median if self.rule and self.kernel else float("nan")


def run(rounds: int = 15, calls: int = 3) -> Iterator[Row]:
    """A row for each kernel of the Numba backend, and one for the GPU: measured, or why not."""
    reasons = backends()
    if reasons["numba"]:
        yield Row("all", "both", "", f"skipped: {reasons['numba']}")
    else:
        from nanonet.backends.numba import kernels

        for op, inputs in CASES.items():
            yield from rows_of(op, inputs, kernels, rounds, calls)
    if reasons["cuda"]:
        yield Row("the same on a GPU", "both", "", f"skipped: {reasons['cuda']}")


def rows_of(op: type[Op], inputs: Inputs, kernels: dict[Any, Any], rounds: int, calls: int) -> Iterator[Row]:
    """Forward and backward of one op."""
    from nanonet.backends.numpy import xp

    rng = np.random.default_rng(0)
    args, attrs = inputs(lambda *shape: rng.standard_normal(shape).astype(np.float32))
    shape = "×".join(map(str, args[0].shape))
    forward, backward = kernels[op.forward], kernels[op.backward]
    y, saved = op.forward(xp, *args, **attrs)
    _, kept = forward(*args, **attrs)
    dy = rng.standard_normal(y.shape).astype(np.float32)
    needs = ((True,) * len(args),) if op.wants_needs else ()
    pairs: dict[str, tuple[Call, Call]] = {
        "forward": (lambda: op.forward(xp, *args, **attrs)[0], lambda: forward(*args, **attrs)[0]),
        "backward": (lambda: op.backward(xp, saved, dy, *needs), lambda: backward(kept, dy, *needs)),  # type: ignore[misc]
    }
    for phase, (rule, kernel) in pairs.items():
        error = difference(rule(), kernel())
        if not error <= ALLOWED:
            yield Row(op.name, phase, shape, f"failed: the results differ by {error:.1g}", error)
            continue
        contenders = {"rule": lambda n, f=rule: measure(f, n), "kernel": lambda n, f=kernel: measure(f, n)}
        found = interleaved(contenders, rounds, calls)
        yield Row(op.name, phase, shape, "measured", error, found["rule"], found["kernel"])


def difference(expected: Any, got: Any) -> float:
    """The largest |expected - got| as a share of the largest |expected|, over one array or a tuple of them."""
    pairs = zip(expected, got, strict=True) if isinstance(expected, tuple) else [(expected, got)]
    return max(float(np.abs(a - b).max() / max(np.abs(a).max(), 1e-30)) for a, b in pairs)


def main() -> None:
    """Print the table."""
    for row in run():
        times = f"rule {row.rule}   kernel {row.kernel}   {row.speedup:.1f} times as fast" if row.rule else row.evidence
        print(f"{row.op:12} {row.phase:9} {row.shape:10} {times}")


if __name__ == "__main__":
    main()
