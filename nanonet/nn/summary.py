"""A table of a module's layers, output shapes and parameter counts."""

from __future__ import annotations

from typing import Any

from nanonet.nn.module import Module
from nanonet.random import randn
from nanonet.tensor import Tensor, as_tensor
from nanonet.variable import no_grad

HEADER = ("layer", "output shape", "parameters")


class Summary(str):
    """Text that shows itself without quotes and escapes at an interactive prompt."""

    __repr__ = str.__str__


def summary(module: Module, example: Any) -> Summary:
    """See `Module.summary`. The forward runs in evaluation mode, and all modes are put back."""
    inputs = _inputs(module, example)
    shapes: dict[int, str] = {}
    modes = [(part, part.training) for part in module.modules()]

    def note(part: Module, _: Any, output: Any) -> None:
        shapes.setdefault(id(part), _shapes(output))

    handles = [part.register_forward_hook(note) for part in module.modules()]
    try:
        module.eval()
        with no_grad():
            module(*inputs)
    finally:
        for handle in handles:
            handle.remove()
        for part, mode in modes:
            part.training = mode
    seen: set[int] = set()
    rows: list[tuple[str, str, str]] = []
    for name, part in module.named_modules():
        fresh = [p for p in part.parameters(recurse=False) if id(p) not in seen]
        seen.update(id(p) for p in fresh)
        depth = name.count(".") + 1 if name else 0
        label = f"{type(part).__name__} ({name.rsplit('.', 1)[-1]})" if name else type(part).__name__
        rows.append(
            ("  " * depth + label, shapes.get(id(part), "-"), f"{sum(p.size for p in fresh):,}" if fresh else "-")
        )
    return Summary("\n".join([*_table(rows), *_totals(module)]))


def _inputs(module: Module, example: Any) -> tuple[Any, ...]:
    device = next((p.device for p in module.parameters()), None)
    if isinstance(example, tuple) and example and all(isinstance(n, int) for n in example):
        floats = [p.dtype for p in module.parameters() if p.dtype.kind == "f"]
        return (randn(*example, dtype=floats[0] if floats else "float32").to(device=device),)
    return example if isinstance(example, tuple) else (as_tensor(example, device=device),)


def _shapes(output: Any) -> str:
    """The shape of a Tensor; those of several, nested as they come."""
    if isinstance(output, Tensor):
        return str(output.shape)
    if isinstance(output, tuple | list):
        return "[" + ", ".join(_shapes(y) for y in output) + "]"
    return type(output).__name__


def _table(rows: list[tuple[str, str, str]]) -> list[str]:
    widths = [max(len(row[i]) for row in [HEADER, *rows]) for i in range(3)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}".rstrip() for a, b, c in [HEADER, *rows]]
    rule = "-" * (sum(widths) + 4)
    return [lines[0], rule, *lines[1:], rule]


def _totals(module: Module) -> list[str]:
    parameters = list(module.parameters())
    total = sum(p.size for p in parameters)
    trained = sum(p.size for p in parameters if p.requires_grad)
    size = sum(t.array.nbytes for t in [*parameters, *module.buffers()])
    return [
        f"parameters: {total:,} (trained {trained:,}, fixed {total - trained:,}), {size / 2**20:.2f} MiB with buffers"
    ]
