"""`nanonet bench list`: what can be measured here, and why the rest cannot."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nanonet_benchmarks import sizes
from nanonet_benchmarks.machine import gpu
from nanonet_benchmarks.report import words
from nanonet_benchmarks.report.terminal import short_list
from nanonet_benchmarks.workloads import find, names


def show(console: Console) -> None:
    """A line for each workload; then a line for each reason why something is missing."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("workload", no_wrap=True)
    table.add_column("--size", no_wrap=True)
    table.add_column("usual sizes")
    table.add_column("variants that can run here")
    missing: dict[str, list[str]] = {}
    for name in names():
        usual = sizes.sizes(name, (), full=False)
        workload = find(name, **usual[0])
        here = []
        for variant in workload.variants:
            reason = gpu.missing() if variant.device == "cuda" else variant.available()
            if reason:
                missing.setdefault(reason, []).append(f"{name} {variant.name}")
            else:
                here.append(variant.name)
        given = "x".join(sizes.parameters(name))
        table.add_row(name, given, ", ".join(words.size(one) for one in usual), escape(", ".join(here)))
    console.print(table)
    for reason, what in missing.items():
        console.print(f"[dim]not here[/] {escape(short_list(what))}: {escape(reason)}")
