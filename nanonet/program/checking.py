"""`nanonet check`: every op, some of them, or functions of the user's, with a bar, a table and an exit status."""

from __future__ import annotations

import functools
import importlib
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from nanonet.backends import backends
from nanonet.gradcheck.report import Report
from nanonet.gradcheck.suite.ops import (
    Finding,
    check_job,
    command,
    family_of,
    found_in,
    jobs_of,
    parity_job,
    second_order,
)
from nanonet.gradcheck.suite.spread import Run, run
from nanonet.gradcheck.suite.target import UnknownTargetError, check_target, did_you_mean
from nanonet.op import Op, ops
from nanonet.program import verdicts
from nanonet.training.checkpoint import write_atomically

FINE, NOT_FINE, INTERRUPTED = 0, 1, 130
MOST_PROCESSES = 8


@dataclass(frozen=True)
class Order:
    """What is to be checked, and how.

    names       ops, their families, or the user's functions ("module:function"); none: every op with a gradient
    options     those of `gradcheck`: mode, seed, rtol, atol, where they are not its own
    """

    names: tuple[str, ...] = ()
    inputs: str = ""
    backward: str = ""
    cache: bool = False
    second: bool = False
    backend: str = ""
    jobs: int | None = None
    html: Path | None = None
    json: Path | None = None
    options: dict[str, Any] = field(default_factory=dict)


def check(order: Order, console: Console) -> int:
    """Run the checks and show them; returns the exit status."""
    refuse_bad(order)
    targets = [name for name in order.names if ":" in name]
    chosen = (
        find_ops([name for name in order.names if ":" not in name], bool(order.backend))
        if (len(targets) < len(order.names) or not order.names)
        else []
    )
    if order.backend:
        return check_backend(order, chosen, console)
    if order.second:
        second_order()
    begin = time.perf_counter()
    yours = [check_yours(target, order, console) for target in targets]
    work = functools.partial(check_job, second=order.second, **order.options)
    ran = with_bar(jobs_of(chosen), work, order.jobs, console)
    found = [*yours, *ran.found]
    if chosen:
        verdicts.show_families(console, ran.found)
        verdicts.show_named(console, ran.found)
    verdicts.show_details(console, ran.found)
    if chosen or len(yours) > 1:
        console.print(verdicts.summary(found, time.perf_counter() - begin))
    save(order, found, ran)
    return ending(console, ran, all(one.is_fine for one in found))


def check_backend(order: Order, chosen: list[type[Op]], console: Console) -> int:
    """Every op on another backend beside the textbook rules."""
    reason = backends()[order.backend]
    if reason:
        console.print(f"{order.backend}: skipped, nothing was compared: {reason}")
        return NOT_FINE
    begin = time.perf_counter()
    jobs = [(job, dtype) for dtype in ("float32", "float64") for job in jobs_of(chosen)]
    work = functools.partial(parity_job, backend=order.backend, seed=order.options.get("seed", 0))
    ran = with_bar(jobs, work, order.jobs, console)
    verdicts.show_parity(console, order.backend, ran.found, time.perf_counter() - begin)
    return ending(console, ran, all(one.parity for one in ran.found))


def ending(console: Console, ran: Run[Any], fine: bool) -> int:
    """The exit status, and, where not all jobs were done, why."""
    if ran.interrupted:
        console.print(f"[bold]stopped by Ctrl-C[/]: {len(ran.found):,} of {ran.total:,} done, {ran.missing:,} not run")
        return INTERRUPTED
    if ran.trouble:
        console.print(f"[bold]ended early[/]: {ran.missing:,} of {ran.total:,} checks not run: {ran.trouble}")
        return NOT_FINE
    return FINE if fine else NOT_FINE


def refuse_bad(order: Order) -> None:
    """Options that do not fit are found out before the work."""
    targets = [name for name in order.names if ":" in name]
    mode = order.options.get("mode", "full")
    if mode not in ("full", "fast"):
        raise UnknownTargetError(f"--mode: expected full or fast, got {mode}")
    for name in ("rtol", "atol", "seed"):
        value = order.options.get(name, 0)
        if not 0 <= value < np.inf:
            raise UnknownTargetError(f"--{name}: expected a number from 0, got {value:g}")
    if order.jobs is not None and order.jobs < 1:
        raise UnknownTargetError(f"--jobs: expected at least 1, got {order.jobs}")
    if order.backend and order.backend not in backends():
        raise UnknownTargetError(f"--backend: expected one of {', '.join(backends())}, got {order.backend}")
    for name in ("html", "json", "second", "inputs"):
        if order.backend and getattr(order, name):
            raise UnknownTargetError(f"--{name} and --backend do not go together")
    if order.backend and targets:
        raise UnknownTargetError(f"--backend compares ops; {targets[0]} is none")
    for name in ("inputs", "backward", "cache"):
        if getattr(order, name) and len(targets) != 1:
            raise UnknownTargetError(
                f"--{name} belongs to one function of yours: nanonet check module:function --{name} …"
            )
    if order.cache and not order.backward:
        raise UnknownTargetError(
            "--cache belongs to --backward: forward returns (y, cache), backward takes (dy, cache)"
        )
    for path in (order.html, order.json):
        if path is not None and not path.parent.is_dir():
            raise FileNotFoundError(f"{path}: there is no folder {path.parent}")
    if order.html is not None:
        writer_of_pages()


def find_ops(names: Sequence[str], all_of_them: bool) -> list[type[Op]]:
    """The ops of these names, aliases or families; without names all that have a gradient (or all, for parity)."""
    wanted = [op for op in ops() if all_of_them or op.is_differentiable()]
    if not names:
        return wanted
    found: list[type[Op]] = []
    for name in names:
        named = [op for op in ops() if name == op.name or name in op.aliases]
        named = named or [op for op in wanted if name == family_of(op)]
        if not named:
            known = sorted({word for op in ops() for word in (op.name, *op.aliases, family_of(op))})
            hint = did_you_mean(name, known) or "; a function of yours is given as module:function or file.py:function"
            raise UnknownTargetError(f"there is no operation {name!r}{hint}")
        with_gradient = [op for op in named if op in wanted]
        if not with_gradient:
            raise UnknownTargetError(f"{name} has no gradient to check")
        found += [op for op in with_gradient if op not in found]
    return found


def check_yours(target: str, order: Order, console: Console) -> Finding:
    """A function of the user's, with its report at once."""
    begin = time.perf_counter()
    report = check_target(target, order.backward, order.cache, order.inputs, order.second, **order.options)
    words = [f"--{name}={getattr(order, name)}" for name in ("inputs", "backward") if getattr(order, name)]
    words += [f"--{name}" for name in ("cache", "second") if getattr(order, name)]
    report = replace(report, reproduce=command(report, [target, *words], order.options))
    verdicts.show_report(console, report)
    finding = Finding("yours", target, "", report.verdict, report.max_error, seconds=time.perf_counter() - begin)
    return found_in(report, finding)


def with_bar(jobs: list[Any], work: Callable[[Any], Any], processes: int | None, console: Console) -> Run[Any]:
    """The jobs with a bar in a terminal, and a line for every tenth elsewhere."""
    if processes is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        processes = min(MOST_PROCESSES, cores)
    if not console.is_terminal:
        return run(jobs, work, processes, _Lines(len(jobs), console))
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"{'':24}", total=len(jobs))

        def note(one: Any) -> None:
            progress.update(task, description=f"{one.op:24.24}", advance=1)

        def stopping() -> None:
            progress.update(task, description="stopping (again: at once)")

        return run(jobs, work, processes, note, stopping)


class _Lines:
    """A line for every tenth, but not more than one in a second."""

    def __init__(self, total: int, console: Console) -> None:
        self.total, self.console, self.count = total, console, 0
        self.begin = self.last = time.perf_counter()

    def __call__(self, one: Any) -> None:
        self.count += 1
        now = time.perf_counter()
        if 10 * self.count // self.total > 10 * (self.count - 1) // self.total and now - self.last > 1:
            self.last = now
            self.console.print(f"{self.count:,} of {self.total:,} checks, {now - self.begin:.1f} s")


def save(order: Order, found: list[Finding], ran: Run[Finding]) -> None:
    """The files that were asked for."""
    if order.json is not None:
        rows = [
            {
                **{name: getattr(one, name) for name in ("family", "op", "sample", "kink", "verdict", "why")},
                "fine": one.is_fine,
                "seconds": round(one.seconds, 6),
                "report": None if one.report is None else json.loads(one.report.to_json()),
            }
            for one in found
        ]
        text = json.dumps({"checks": rows, "not_run": ran.missing, "interrupted": ran.interrupted}, ensure_ascii=False)
        write_atomically(order.json, text.encode())
    if order.html is not None:
        reports = [one.report or _without(one) for one in found]
        writer_of_pages()(reports, order.html, "nanonet check", [one.seconds for one in found])


def _without(one: Finding) -> Report:
    nan = float("nan")
    return Report(one.verdict, nan, None, nan, nan, nan, f"{one.op}, {one.sample}", note=one.why)


def writer_of_pages() -> Callable[[list[Report], Path, str, list[float]], Any]:
    """What writes the HTML page; loaded when it is first used."""
    try:
        return importlib.import_module("nanonet.gradcheck.report.page").write
    except ImportError as error:
        raise ImportError(f"--html: no page can be written here: {error}") from error
