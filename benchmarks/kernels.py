"""Each CPU kernel beside the NumPy rule that it claims to equal. The results are compared before anything is timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanonet import backends
from nanonet.op import Op
from nanonet.ops.activation import Gelu, Mish, Silu, Softplus
from nanonet.ops.channel_norm import BatchNorm
from nanonet.ops.classification import CrossEntropy
from nanonet.ops.conv import Conv2d
from nanonet.ops.elementary import Sigmoid, Tanh
from nanonet.ops.elu import Celu, Elu, Selu
from nanonet.ops.norm import LayerNorm, RmsNorm
from nanonet.ops.pool import MaxPool2d
from nanonet.ops.rectifier import Hardtanh, LeakyRelu, Relu, Relu6
from nanonet.ops.recurrent import LstmSequence
from nanonet.ops.softmax import LogSoftmax, Softmax
from nanonet_benchmarks.timing import Timing, interleaved, measure

Call = Callable[[], Any]
Inputs = Callable[[Callable[..., np.ndarray]], tuple[tuple[Any, ...], dict[str, Any]]]
ALLOWED = 1e-5  # of the largest number in the rule's result: float32 sums in another order


def line(draw: Callable[..., np.ndarray]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return (draw(512, 1024),), {}


def labels(n: int, classes: int) -> np.ndarray:
    return np.arange(n) * 7 % classes


POOL: dict[str, Any] = {"kernel": (2, 2), "stride": (2, 2), "dilation": (1, 1), "padding": ((0, 0), (0, 0))}
CONV: dict[str, Any] = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1}

# What each op is timed on: a function of `draw(*shape)` that gives the arguments of its forward rule.
CASES: dict[type[Op], Inputs] = {  # those that the tour shows
    Relu: line,
    Gelu: lambda draw: ((draw(512, 1024),), {"approximate": "tanh"}),
    Softmax: lambda draw: ((draw(1024, 512),), {"dim": -1}),
    LayerNorm: lambda draw: ((draw(1024, 512), draw(512), draw(512)), {"size": 512, "eps": 1e-5}),
    CrossEntropy: lambda draw: ((draw(1024, 512), labels(1024, 512), None), {"ignore_index": None}),
}
ALL: dict[type[Op], Inputs] = {
    **CASES,
    **dict.fromkeys((Relu6, Hardtanh, LeakyRelu, Elu, Selu, Celu, Sigmoid, Tanh, Silu, Softplus, Mish), line),
    LogSoftmax: CASES[Softmax],
    RmsNorm: lambda draw: ((draw(1024, 512), draw(512)), {"size": 512, "eps": 1e-5}),
    BatchNorm: lambda draw: ((draw(16, 32, 28, 28), None, None, draw(32), draw(32)), {"eps": 1e-5}),
    MaxPool2d: lambda draw: ((draw(16, 32, 28, 28),), POOL),
    Conv2d: lambda draw: ((draw(8, 16, 28, 28), draw(32, 16, 3, 3), draw(32)), CONV),
    LstmSequence: lambda draw: (
        (draw(10, 32, 512), draw(32, 128), draw(32, 128), draw(512, 128) * np.float32(0.1), draw(512)),
        {"reverse": False},
    ),
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


def run(rounds: int = 15, calls: int = 3, cases: dict[type[Op], Inputs] = CASES) -> Iterator[Row]:
    """Two rows for each op of `cases`, and one for the GPU: measured, or why not."""
    reasons = backends()
    if reasons["numba"]:
        yield Row("all", "both", "", f"skipped: {reasons['numba']}")
    else:
        from nanonet.backends.numba import kernels

        for op, inputs in cases.items():
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
    outputs = y if isinstance(y, tuple) else (y,)
    dys = tuple(rng.standard_normal(one.shape).astype(np.float32) for one in outputs)
    dy = dys if isinstance(y, tuple) else dys[0]
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
    both = zip(expected, got, strict=True) if isinstance(expected, tuple) else [(expected, got)]
    pairs = [(a, b) for a, b in both if a is not None]
    return max(float(np.abs(a - b).max() / max(np.abs(a).max(), 1e-30)) for a, b in pairs)


def main() -> None:
    """Print the table."""
    for row in run(cases=ALL):
        times = f"rule {row.rule}   kernel {row.kernel}   {row.speedup:.1f} times as fast" if row.rule else row.evidence
        print(f"{row.op:14} {row.phase:9} {row.shape:10} {times}")


if __name__ == "__main__":
    main()
