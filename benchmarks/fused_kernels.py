"""The fused CPU kernels beside the textbook rules on NumPy and beside PyTorch's eager operators, on large arrays.

`python -m nanonet_benchmarks.fused_kernels [ROWS×COLUMNS …]`. Each contender lives in a process of its own, since the
threads of PyTorch and of a BLAS spin for a while after their work and would hold a core of the others; they take turns.
The kernels and PyTorch write into arrays made before (PyTorch by the `out=` forms of its operators), the rules make new
ones as they are written. The results are compared before anything is timed.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from nanonet_benchmarks.timing import Timing, interleaved, measure

OPS = ("gelu", "softmax", "layer_norm", "cross_entropy")
PHASES = ("forward", "backward")
SIZES = ((1024, 1024), (4096, 1024), (16384, 1024))
CONTENDERS = ("rule", "kernel", "torch")
ALLOWED = 1e-5  # of the largest number: float32 sums in another order
THREADS = 2
EPS = 1e-5

Calls = dict[str, Callable[[], Any]]  # by phase


def inputs(rows: int, columns: int) -> dict[str, Any]:
    """The same numbers for every contender: x, dy, w, b and labels."""
    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal((2, rows, columns), np.float32)
    w, b = rng.standard_normal((2, columns), np.float32)
    return {"x": x, "dy": dy, "w": w, "b": b, "labels": rng.integers(0, columns, rows)}


def rule_calls(op: str, x: Any, dy: Any, w: Any, b: Any, labels: Any) -> Calls:
    """The rules of `nanonet.ops` on NumPy."""
    from nanonet.backends.numpy import xp
    from nanonet.ops.activation import Gelu
    from nanonet.ops.classification import CrossEntropy
    from nanonet.ops.norm import LayerNorm
    from nanonet.ops.softmax import Softmax

    rules: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {
        "gelu": (Gelu, (x,), {}),
        "softmax": (Softmax, (x,), {}),
        "layer_norm": (LayerNorm, (x, w, b), {"size": x.shape[1], "eps": EPS}),
        "cross_entropy": (CrossEntropy, (x, labels, None), {"ignore_index": None}),
    }
    rule, args, attrs = rules[op]
    saved = rule.forward(xp, *args, **attrs)[1]
    dy = np.float32(1) if op == "cross_entropy" else dy
    needs = ((True,) * 3,) if rule.wants_needs else ()
    return {
        "forward": lambda: rule.forward(xp, *args, **attrs)[0],
        "backward": lambda: rule.backward(xp, saved, dy, *needs)[0],
    }


def kernel_calls(op: str, x: Any, dy: Any, w: Any, b: Any, labels: Any) -> Calls:
    """The kernels of `nanonet_kernels.cpu`."""
    from nanonet_kernels.cpu import activation, cross_entropy, norm, softmax
    from nanonet_kernels.cpu.launch import flat, row_totals, rows
    from nanonet_kernels.cpu.threads import set_threads

    set_threads(THREADS)
    n, y, dx = len(x), np.empty_like(x), np.empty_like(x)
    dw, db = np.empty_like(w), np.empty_like(w)
    mean, rstd, losses = np.empty((3, n), np.float32)
    tops, scales, dlosses = mean, rstd, np.full(n, 1 / n, np.float32)

    def layer_norm_backward() -> None:
        dw.fill(0)
        db.fill(0)
        row_totals(norm.layer_norm_backward, x, mean, rstd, dy, dx, shared=(w,), totals=(dw, db))

    def mean_loss() -> Any:
        rows(cross_entropy.cross_entropy, x, labels, losses, tops, scales, work=2)
        return losses.sum() / n

    starts: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "gelu": (
            lambda: flat(activation.gelu, x, y, work=2),
            lambda: flat(activation.gelu_backward, x, dy, dx, work=2),
        ),
        "softmax": (lambda: softmax.softmax_rows(x, y), lambda: rows(softmax.softmax_backward, y, dy, dx)),
        "layer_norm": (
            lambda: rows(norm.layer_norm, x, y, mean, rstd, shared=(w, b, np.float32(EPS))),
            layer_norm_backward,
        ),
        "cross_entropy": (
            mean_loss,
            lambda: rows(cross_entropy.cross_entropy_backward, x, labels, dlosses, tops, scales, dx, work=2),
        ),
    }
    return _with_results(starts[op], (None if op == "cross_entropy" else y, dx))


def torch_calls(op: str, x: Any, dy: Any, w: Any, b: Any, labels: Any) -> Calls:
    """PyTorch's operators, which eager mode calls, into given arrays."""
    import torch

    torch.set_num_threads(THREADS)
    do: Any = torch.ops.aten
    x, dy, w, b, t = map(torch.from_numpy, (x, dy, w, b, labels))
    y, dx, logs, dlogs = (torch.empty_like(x) for _ in range(4))
    dw, db, one, loss, count = (
        torch.empty_like(w),
        torch.empty_like(w),
        torch.ones(()),
        torch.empty(()),
        torch.empty(()),
    )
    mean, rstd, size = torch.empty(len(x), 1), torch.empty(len(x), 1), [x.shape[1]]
    everything = [True, True, True]

    def cross_entropy() -> Any:
        do._log_softmax.out(x, -1, False, out=logs)
        do.nll_loss_forward.output(logs, t, None, 1, -100, output=loss, total_weight=count)
        return loss

    def cross_entropy_backward() -> None:
        do.nll_loss_backward.grad_input(one, logs, t, None, 1, -100, count, grad_input=dlogs)
        do._log_softmax_backward_data.out(dlogs, logs, -1, torch.float32, out=dx)

    starts: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "gelu": (lambda: do.gelu.out(x, out=y), lambda: do.gelu_backward.grad_input(dy, x, grad_input=dx)),
        "softmax": (
            lambda: do._softmax.out(x, -1, False, out=y),
            lambda: do._softmax_backward_data.out(dy, y, -1, torch.float32, grad_input=dx),
        ),
        "layer_norm": (
            lambda: do.native_layer_norm.out(x, size, w, b, EPS, out0=y, out1=mean, out2=rstd),
            lambda: do.native_layer_norm_backward.out(
                dy, x, size, mean, rstd, w, b, everything, out0=dx, out1=dw, out2=db
            ),
        ),
        "cross_entropy": (cross_entropy, cross_entropy_backward),
    }
    return _with_results(starts[op], (None if op == "cross_entropy" else y.numpy(), dx.numpy()))


def _with_results(starts: tuple[Callable[[], Any], Callable[[], Any]], results: tuple[Any, Any]) -> Calls:
    """Calls that return the array they wrote, or what they returned where that is None."""

    def call(start: Callable[[], Any], result: Any) -> Callable[[], Any]:
        return start if result is None else lambda: (start(), result)[1]

    return {phase: call(*pair) for phase, *pair in zip(PHASES, starts, results, strict=True)}


MAKERS = {"rule": rule_calls, "kernel": kernel_calls, "torch": torch_calls}


def serve(contender: str, rows: int, columns: int, pipe: Connection) -> None:
    """In the contender's process: an op and a phase are answered by a result, or, with a number, by seconds."""
    data, made = inputs(rows, columns), {}
    while (asked := pipe.recv()) is not None:
        op, phase, calls = asked
        if op not in made:
            made.clear()
            made[op] = MAKERS[contender](op, **data)
            for one in made[op].values():
                one()  # compiled and warm
        call = made[op][phase]
        pipe.send(measure(call, calls) if calls else np.asarray(call()))


def compare(rows: int, columns: int, rounds: int = 7, calls: int = 3) -> dict[tuple[str, str], dict[str, Timing]]:
    """{(op, phase): {contender: timing}}. Raises AssertionError where a result is wrong."""
    context = multiprocessing.get_context("spawn")
    pipes: dict[str, Connection] = {}
    found: dict[tuple[str, str], dict[str, Timing]] = {}
    for name in CONTENDERS:
        pipes[name], theirs = context.Pipe()
        context.Process(target=serve, args=(name, rows, columns, theirs), daemon=True).start()

    def ask(name: str, op: str, phase: str, count: int) -> Any:
        pipes[name].send((op, phase, count))
        return pipes[name].recv()

    try:
        for op, phase in ((op, phase) for op in OPS for phase in PHASES):
            want, *others = (ask(name, op, phase, 0) for name in CONTENDERS)
            for name, got in zip(CONTENDERS[1:], others, strict=True):
                error = np.abs(got - want).max() / np.abs(want).max()
                assert error <= ALLOWED, f"{name}: {op} {phase} differs from the rule by {error:.1g}"
            turns = {name: partial(ask, name, op, phase) for name in CONTENDERS}
            found[op, phase] = interleaved(turns, rounds, calls)
    finally:
        for pipe in pipes.values():
            pipe.send(None)
    return found


def main() -> None:
    """Print a line for each op and size: medians in milliseconds, and how many times faster the kernel is."""
    sizes = [tuple(map(int, size.replace("x", "×").split("×"))) for size in sys.argv[1:]] or SIZES
    for rows, columns in sizes:
        print(f"{rows} × {columns}, {THREADS} threads; ms [quartiles]: rule, kernel, PyTorch")
        found = compare(rows, columns)
        for (op, phase), times in found.items():
            shown = "   ".join(f"{1e3 * t.median:8.2f} [{1e3 * t.low:.2f}, {1e3 * t.high:.2f}]" for t in times.values())
            print(f"  {op:14}{phase:9} {shown}", flush=True)
        for op in OPS:
            both = {name: sum(found[op, phase][name].median for phase in PHASES) for name in CONTENDERS}
            rule, torch = both["rule"] / both["kernel"], both["torch"] / both["kernel"]
            print(f"  {op:14}both      {rule:.1f} times as fast as the rule, {torch:.2f} times as fast as PyTorch")


if __name__ == "__main__":
    main()
