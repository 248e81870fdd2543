"""The ladder of CPU matrix products, every rung in turns with NumPy's BLAS on as many threads.

`python -m nanonet_benchmarks.ladder_cpu_matmul` prints the tables of docs/ladders-cpu.md: GFLOP/s, and the share of the
BLAS's. With numbers as arguments, those sizes only.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from nanonet_benchmarks.record import Row
from nanonet_kernels.cpu.threads import set_threads, threads
from nanonet_kernels.ladders.cpu_matmul import BLAS, RUNGS, Rung, flops

SIZES = (128, 256, 512, 1024, 2048)
ROUNDS = 3  # at least
TURN = 0.1  # seconds in which a rung is called again
PAUSE = 0.15  # seconds in which threads of the BLAS stop spinning


def run(sizes: Sequence[int] = SIZES, seconds: float = 2.0) -> Iterator[Row]:
    """A row for each rung that is meant for a size, and one for the BLAS; on one thread, then on all."""
    before = threads()
    try:
        for count in sorted({1, before}):
            set_threads(count)
            for n in sizes:
                rungs = [rung for rung in RUNGS if n <= rung.largest and (count == 1 or rung.threads)]
                yield from _measured([*rungs, BLAS], n, count, seconds)
    finally:
        set_threads(before)


def _measured(rungs: list[Rung], n: int, count: int, seconds: float) -> Iterator[Row]:
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(n)
    a, b = rng.standard_normal((n, n), np.float32), rng.standard_normal((n, n), np.float32)
    out = np.empty((n, n), np.float32)
    samples: dict[str, list[float]] = {rung.name: [] for rung in rungs}
    errors: dict[str, float] = {}
    exact, bound = a.astype(float) @ b.astype(float), _bound(a, b)
    with threadpool_limits(count, user_api="blas"):
        for rung in rungs:
            out.fill(np.nan)
            rung.function(a, b, out=out)
            errors[rung.name] = (
                float((np.abs(out - exact) / bound).max(initial=0)) if np.isfinite(out).all() else np.inf
            )
        start, rounds = time.perf_counter(), 0
        while rounds < ROUNDS or time.perf_counter() - start < seconds:
            for rung in rungs:
                if count > 1:
                    time.sleep(PAUSE)
                samples[rung.name] += _turn(lambda f=rung.function: f(a, b, out=out))
            rounds += 1
    for rung in rungs:
        error, what = errors[rung.name], {"m": n, "n": n, "k": n, "dtype": "float32"}
        row: dict[str, Any] = {"evidence": "skipped", "reason": f"not timed: its error is {error:.1f} times the bound"}
        if error <= 1:
            found = samples[rung.name]
            row = {"evidence": "measured", "samples": [found], "median": statistics.median(found)}
        row |= {"flops": float(flops(n, n, n)), "bytes": 12.0 * n * n, "threads": count, "error": error, "bound": 1.0}
        yield Row("matmul", what, rung.name, "cpu", cache="hot", **row)


def _turn(call: Callable[[], Any]) -> list[float]:
    """Seconds of each of some calls in a row, 10 at most; the first, which brings code and data into the caches, does
    not count unless it takes long."""
    found = [measured := _seconds(call)]
    while sum(found) < TURN and len(found) < 10:
        found.append(_seconds(call))
    return found if measured > TURN else found[1:]


def _seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _bound(a: Any, b: Any) -> Any:
    """γ_K |a||b|, what rounding may do in float32 in any order of summation."""
    u, K = 2.0**-24, a.shape[1]
    return K * u / (1 - K * u) * (np.abs(a).astype(float) @ np.abs(b).astype(float))


def table(rows: Sequence[Row]) -> str:
    """GFLOP/s of each rung (rows) at each size (columns), with its share of the BLAS's on as many threads."""
    lines = []
    for count in sorted({row.threads or 1 for row in rows}):
        here = {(row.variant, row.size["n"]): row for row in rows if row.threads == count}
        sizes = sorted({n for _, n in here})
        lines += ["", f"| {count} thread{'s' * (count > 1)} | " + " | ".join(f"{n}³" for n in sizes) + " |"]
        lines += ["|---|" + "---:|" * len(sizes)]
        for name in dict.fromkeys(name for name, _ in here):
            cells = [_cell(here.get((name, n)), here[BLAS.name, n]) for n in sizes]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(row: Row | None, blas: Row) -> str:
    if row is None:
        return ""
    if not row.median or not row.flops or not blas.median:
        return row.reason
    return f"{row.flops / row.median / 1e9:.3g} ({100 * blas.median / row.median:.3g} %)"


def main(sizes: Sequence[int] = SIZES) -> None:
    """Print the tables."""
    rows = []
    for row in run(sizes):
        rows.append(row)
        if sys.stderr.isatty():
            print(f"\r{row.size['n']}³, {row.variant:20}", end="", file=sys.stderr, flush=True)
    print(table(rows))


if __name__ == "__main__":
    main([int(n) for n in sys.argv[1:]] or SIZES)
