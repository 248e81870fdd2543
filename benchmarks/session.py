"""One run of `nanonet bench`: the machine, its ceilings, the workloads, machine code, break-even; into a record."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any

from nanonet_benchmarks import sizes, timer
from nanonet_benchmarks.machine import code, crossings, devices, gpu, roofline
from nanonet_benchmarks.machine.fingerprint import fingerprint
from nanonet_benchmarks.machine.hardware import free_memory, usable
from nanonet_benchmarks.record import Record, Row
from nanonet_benchmarks.timer import Plan
from nanonet_benchmarks.workloads import Workload

ROOFLINE_SHARE, CODE_SHARE = 0.08, 0.15  # of the time; the workloads have the rest
ROOFLINE_MOST = 0.2  # of the time, on a machine that is too busy for it to be less
PEERS = ("torch", "jax", "numexpr")  # of these the usual picture has the first that is installed


@dataclass(frozen=True)
class Order:
    """What was asked for.

    names     workloads; none: those of the usual picture
    size      numbers for the workload's size; none: the usual ones
    threads   numbers of threads; none: 1, and all
    seconds   for everything
    device    "cpu" or "cuda"; "all": both, and without a GPU one line that says why
    full      more sizes, more processes, cold cache too, and machine code for every architecture
    """

    names: tuple[str, ...] = ()
    size: tuple[int, ...] = ()
    threads: tuple[int, ...] = ()
    seconds: float = 110.0
    device: str = "all"
    full: bool = False

    @property
    def picture(self) -> bool:
        """Is it the usual picture of two minutes: nothing named, no size, not full?"""
        return not self.names and not self.size and not self.full

    @property
    def everything(self) -> bool:
        """Is it the whole picture, or some workloads only?"""
        return not self.names and self.device == "all"


@dataclass(frozen=True)
class News:
    """Told while it runs: how far, what is being done, and a row as it is known now."""

    fraction: float
    text: str
    row: Row | None = None


Told = Callable[[News], None]


def run(order: Order, told: Told = lambda news: None) -> Record:
    """Measure. Ctrl-C ends it early: the record holds what there is, and `more["interrupted"]` says so.

    ValueError in one line for an unknown workload, a size that it does not take, or a device that is not here.
    """
    reason = gpu.missing() if order.device == "cuda" else ""
    if reason:
        raise ValueError(f"--device cuda: {reason}")
    began = time.monotonic()
    chosen = workloads(order)
    made = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    machine = fingerprint()
    stages: dict[str, float] = {}  # seconds that each took
    rows: dict[tuple[Any, ...], Row] = {}  # by what they are about, as they are known now

    def keep(news: News) -> None:
        if news.row is not None:
            rows[news.row.key] = news.row
        told(news)

    with noticed() as interrupted:
        try:
            for row in steps(order, chosen, began, keep, interrupted, stages):
                rows.pop(row.key, None)  # the final order is that of the steps, not that of the news
                rows[row.key] = row
        except KeyboardInterrupt:
            interrupted.append(True)
    rows = dict(sorted(rows.items(), key=lambda item: place(chosen, item[1])))
    roofs = [one for device in devices.DEVICES for one in roofline.modelled(device)] if order.everything else []
    found = list(rows.values())
    even = crossings.entries(found, devices.DEVICES, roofline.host_copy(found)) if order.everything else []
    more: dict[str, Any] = {
        "made": made, "seconds": round(time.monotonic() - began, 1), "interrupted": bool(interrupted),
        "order": asdict(order), "roofs": roofs, "break_even": even, "stages": stages,
    }  # fmt: skip
    return Record(machine, found, more)


def steps(
    order: Order,
    chosen: Sequence[Workload],
    began: float,
    told: Told,
    interrupted: Sequence[bool],
    stages: dict[str, float],
) -> Iterator[Row]:
    """The rows, one after another, as they are final; `stages` receives the seconds that each stage took."""
    if order.everything:
        yield from _ceilings(order, began, told)
    stages["ceilings"] = round(time.monotonic() - began, 1)
    if order.device == "all" and (reason := gpu.missing()):
        yield Row("kernels", {}, "on a GPU", "cuda", "skipped", reason=reason)
    yield from without_memory(chosen)
    if order.picture and (others := left_out()):
        why = "not in the usual picture; name a workload, or nanonet bench --full"
        yield Row("peers", {}, " and ".join(others), "cpu", "skipped", reason=why)
    spent = time.monotonic() - began
    share = CODE_SHARE if order.everything else 0.0
    left = max(order.seconds * (1 - share) - spent, 1.0)

    def tell(progress: timer.Progress) -> None:
        fraction = (spent + progress.fraction * left) / order.seconds
        told(News(min(fraction, 1.0), progress.text, progress.row))

    yield from timer.run([one for one in chosen if not lacking(one)], plan(order, left), tell)
    stages["workloads"] = round(time.monotonic() - began - spent, 1)
    if order.everything and not interrupted:
        spent = time.monotonic() - began
        yield from _machine_code(order, order.seconds - spent, told)
        stages["machine code"] = round(time.monotonic() - began - spent, 1)


def _ceilings(order: Order, began: float, told: Told) -> Iterator[Row]:
    """What the machine can do at most, as long as its share of the time lasts."""
    for row in roofline.measure(roofline.FULL if order.full else roofline.QUICK):
        told(News(ROOFLINE_SHARE / 2, f"ceilings: {row.size['level']}, {row.variant}", row))
        yield row
        if time.monotonic() - began > ROOFLINE_MOST * order.seconds:
            why = "the time for ceilings was used up, since the machine is busy; give more --time"
            yield Row(roofline.WORKLOAD, {}, "further ceilings", "cpu", "skipped", reason=why)
            return


def _machine_code(order: Order, seconds: float, told: Told) -> Iterator[Row]:
    """Rows about the CUDA kernels: of all for all architectures, or of a handful for one."""
    architectures, only = (code.FULL, ()) if order.full else (code.QUICK, code.HANDFUL)

    def compiling(part: float, text: str) -> None:
        told(News(1 - CODE_SHARE * (1 - part), text))

    for row in code.compile_rows(architectures, 3600.0 if order.full else seconds, compiling, only):
        told(News(1.0, "machine code", row))
        yield row


def place(chosen: Sequence[Workload], row: Row) -> tuple[int, int]:
    """Where a row stands: workloads in the order in which they were measured, each from its smallest size on."""
    names = list(dict.fromkeys(one.name for one in chosen))
    if row.workload not in names:
        return (-1, 0) if row.workload != code.WORKLOAD else (len(names), 0)
    return names.index(row.workload), math.prod(value for value in row.size.values() if isinstance(value, int))


def plan(order: Order, seconds: float) -> Plan:
    """How the timer spends the time: few short processes where there are two minutes, many where there is an hour."""
    threads = order.threads or tuple(sorted({1, usable()}))
    usual = Plan(seconds=seconds, threads=threads)
    if order.full:
        return replace(usual, caches=("hot", "cold"))
    return replace(usual, processes=3, most_processes=6, rounds=6, workload_seconds=0.3, slow=0.2)


def workloads(order: Order) -> list[Workload]:
    """The workloads that were asked for, at every size."""
    wanted = ("cpu", "cuda") if order.device == "all" and not gpu.missing() else ("cpu",)
    wanted = wanted if order.device == "all" else (order.device,)
    found = sizes.workloads(order.names, order.size, order.full)
    without = left_out() if order.picture else []
    return [
        replace(one, variants=[v for v in one.variants if v.device in wanted and v.library not in without])
        for one in found
    ]


def left_out() -> list[str]:
    """Libraries that the usual picture does without, since starting them takes seconds in every process."""
    return [name for name in PEERS if find_spec(name)][1:]


def without_memory(chosen: Sequence[Workload]) -> Iterator[Row]:
    """A skipped row for each workload that does not fit."""
    for workload in chosen:
        reason = lacking(workload)
        if reason:
            yield Row(workload.name, dict(workload.size), "", "cpu", "skipped", reason=reason)


def lacking(workload: Workload) -> str:
    """Why the workload does not fit into memory; "" where it does. Its arrays, results and float64 oracle count."""
    return gpu.too_large(int(FOLD * (workload.bytes or 0)), free_memory(), "the machine")


FOLD = 6  # arrays of the workload for inputs, each variant's outputs, and the oracle in float64


@contextmanager
def noticed() -> Iterator[list[bool]]:
    """A list that is filled when Ctrl-C comes, also where what runs inside handles it and returns."""
    seen: list[bool] = []
    if threading.current_thread() is not threading.main_thread():
        yield seen
        return

    def handler(number: int, frame: Any) -> None:
        if seen:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a third one must not break the writing of the file
        seen.append(True)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, handler)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)
