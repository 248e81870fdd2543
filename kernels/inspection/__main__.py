"""`python -m nanonet_kernels.inspection [NAME …] [--arch 90 …] [--json FILE]`: what is known of the CUDA kernels."""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from nanonet_kernels.inspection.architectures import ARCHITECTURES, Capability, architecture
from nanonet_kernels.inspection.compile import catalogue
from nanonet_kernels.inspection.report import Inspection
from nanonet_kernels.inspection.survey import survey
from nanonet_kernels.inspection.tools import MissingToolError


def main(arguments: Sequence[str] | None = None) -> int:
    """0: all is well. 1: a kernel does not compile, has undeclared spills or cannot be launched. 2: wrong use."""
    asked = _parser().parse_args(arguments)
    console, errors = Console(), Console(stderr=True)
    try:
        names = _names(asked.names)
        capabilities = [architecture(a).capability for a in asked.arch] or list(ARCHITECTURES)
        found = _survey(names, capabilities, asked.processes, errors)
    except (MissingToolError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    if asked.json:
        Path(asked.json).write_text(json.dumps([i.as_json() for i in found], indent=1) + "\n")
    console.print(table(found))
    problems = [i.problem for i in found if i.problem]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m nanonet_kernels.inspection",
        description="Compile the CUDA kernels for GPUs that need not be here, and say what the machine code is like.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="kernels; may have * and ?; without any: all")
    parser.add_argument("--arch", action="append", default=[], help="compute capability, such as 90; may be repeated")
    parser.add_argument("--json", metavar="FILE", help="write everything that is known there")
    parser.add_argument(
        "--processes", type=int, metavar="N", help="compile in N processes (default: one for each core)"
    )
    return parser


def _names(patterns: Sequence[str]) -> list[str]:
    known = list(catalogue())
    for pattern in patterns:
        if not fnmatch.filter(known, pattern):
            raise ValueError(f"no kernel is named {pattern!r}; there are {', '.join(known)}")
    return [name for name in known if not patterns or any(fnmatch.fnmatchcase(name, p) for p in patterns)]


def _survey(
    names: Sequence[str], capabilities: Sequence[Capability], processes: int | None, console: Console
) -> list[Inspection]:
    columns = TextColumn("compiling"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=len(names) * len(capabilities))
        return survey(names, capabilities, processes=processes, progress=lambda n: bar.advance(task, n))


def table(found: Sequence[Inspection]) -> Table:
    """One line for each kernel and architecture, 80 columns wide; the kernels of one module stand under its name."""
    out = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    out.add_column("kernel", overflow="fold")
    for title in ("arch", "regs", "spill", "shared", "occ", "limit", "FFMA", "HMMA", "LDG"):
        out.add_column(title, justify="right", no_wrap=True)
    module = name = ""
    for i in found:
        if i.name.rpartition(".")[0] != module:
            module = i.name.rpartition(".")[0]
            out.add_row(f"[bold]{module}[/]")
        shown, name = "" if i.name == name else f"  {i.name.rpartition('.')[2]}", i.name
        out.add_row(escape(shown), i.architecture.removeprefix("sm_"), *_cells(i))
    return out


def _cells(i: Inspection) -> list[str]:
    if i.error or i.skipped:
        return ["-"] * 8
    work = [f"{i.share('FFMA'):.0%}", f"{i.share('HMMA'):.0%}", _widest(i.instructions)]
    return [str(i.registers), str(i.spills), str(i.shared), f"{i.occupancy:.0%}", _LIMITS[i.limit[0]], *work]


_LIMITS = {
    "warps": "warps", "blocks": "blocks", "registers": "regs", "shared memory": "shared", "barriers": "bars",
}  # fmt: skip


def _widest(counts: dict[str, int]) -> str:
    """The bits of the widest load from global memory."""
    widths = [int(kind.split(".")[1]) for kind in counts if kind.startswith(("LDG.", "LDGSTS."))]
    return str(max(widths)) if widths else "-"


if __name__ == "__main__":
    sys.exit(main())
