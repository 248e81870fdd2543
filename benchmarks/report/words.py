"""Figures and sizes in words, the same in every view."""

from __future__ import annotations

import math
from typing import Any

from nanonet_benchmarks.record import Row

NOTHING = "–"


def seconds(value: float | None) -> str:
    """1.23 ms"""
    if value is None or not math.isfinite(value):
        return NOTHING
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= 0.9995 * scale:
            return f"{digits(value / scale)} {unit}"
    return f"{digits(value / 1e-9)} ns"


def rate(value: float, unit: str) -> str:
    """207 GFLOP/s; unit is FLOP/s or B/s."""
    for letter, scale in (("T", 1e12), ("G", 1e9), ("M", 1e6)):
        if value >= 0.9995 * scale:
            return f"{digits(value / scale)} {letter}{unit}"
    return f"{digits(value / 1e3)} k{unit}"


def digits(value: float, count: int = 3) -> str:
    """Three significant digits, without an exponent: 1230, 12.3, 0.0123."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    value = float(f"{value:.{count - 1}e}")  # rounded first, since 0.9999 has one place less than it seems
    places = max(0, count - 1 - math.floor(math.log10(abs(value)) + 1e-9))
    return f"{value:,.{places}f}"


def amount(value: float) -> str:
    """4 KiB, 1 MiB: bytes of caches and buffers."""
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if value >= scale:
            return f"{digits(value / scale)} {unit}".replace(".00", "").replace(".0 ", " ")
    return f"{value:.0f} B"


def number(value: float) -> str:
    """1024, 65536, 1 M, 16 M: a size; M is 2²⁰."""
    if value >= 2**20 and value == int(value) and int(value) % 2**20 == 0:
        return f"{int(value) >> 20} M"
    return f"{value:.0f}" if value < 1e6 else f"{digits(value / 2**20)} M"


def size(given: dict[str, Any]) -> str:
    """{"m": 512, "n": 512, "k": 512} is 512³, {"n": 1048576} is 1 M, {"rows": 64, "columns": 128} is 64 × 128."""
    numbers = [value for value in given.values() if isinstance(value, int) and not isinstance(value, bool)]
    words = [str(value) for value in given.values() if isinstance(value, str) and value != "float32"]
    if set(given) >= {"m", "n", "k"} and len(set(numbers)) == 1:
        text = f"{numbers[0]}³"
    else:
        text = " × ".join(number(value) for value in numbers)
    return ", ".join([*([text] if text else []), *words])


def threads(count: int | None) -> str:
    return "" if count is None else f"{count} thread{'s' if count > 1 else ''}"


def work_rate(row: Row) -> tuple[float, str] | None:
    """(per second of the median, unit): operations, or bytes where there are few operations for each of them."""
    if not row.median:
        return None
    if row.flops and (not row.bytes or row.flops / row.bytes > FLOPS_PER_BYTE):
        return row.flops / row.median, "FLOP/s"
    return (row.bytes / row.median, "B/s") if row.bytes else None


FLOPS_PER_BYTE = 2  # above it the work is arithmetic, below it the moving of numbers


def interval(row: Row) -> str:
    """± 0.4 %: half of the interval of the median."""
    if row.median is None or row.low is None or row.high is None or not row.median:
        return ""
    return f"± {50 * (row.high - row.low) / row.median:.1f} %"


def machine_line(machine: dict[str, Any]) -> str:
    """One line: the processor, BLAS, versions, GPU."""
    cpu = machine["cpu"]
    parts = [f"{cpu['model']}, {cpu['usable']} of {cpu['logical']} processors"]
    parts[0] += f", {cpu['simd'][-1]}" if cpu["simd"] else ""
    parts += [f"{one['library']} {one['kernel']}, {threads(one['threads'])}" for one in machine["blas"][:1]]
    packages = machine["packages"]
    parts.append(", ".join([machine["python"], *(f"{n} {packages[n]}" for n in ("numpy", "numba") if n in packages)]))
    parts += [one["name"] for one in machine["gpu"]["devices"]] or ["no GPU"]
    return " · ".join(parts)
