"""Plots as SVG text that takes its colours from the page, so that they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from nanonet_benchmarks.kernels import Row

WIDTH, HEIGHT = 440, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 14, 40


def lines(title: str, series: Mapping[str, Sequence[float]]) -> str:
    """Figures over the epochs, one line each."""
    values = [v for s in series.values() for v in s if math.isfinite(v)]
    epochs = max(len(s) for s in series.values())
    ticks = nice_ticks(min(values), max(values))
    low, high = ticks[0], ticks[-1]

    def x(epoch: int) -> float:
        return LEFT + (epoch - 1) / max(epochs - 1, 1) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = [_grid_line(LEFT, y(t), WIDTH - RIGHT, y(t)) + _text(LEFT - 8, y(t) + 4, f"{t:g}", "end") for t in ticks]
    step = max(1, round(epochs / 5))
    parts += [
        _text(x(e), HEIGHT - 20, str(e))
        for e in sorted({1, *range(step, epochs + 1, step)} - ({2} if step > 2 else set()))
    ]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, "epoch"))
    for i, values in enumerate(series.values()):
        points = " ".join(f"{x(e):.1f},{y(v):.1f}" for e, v in enumerate(values, 1) if math.isfinite(v))
        parts.append(f'<polyline class="line c{i}" points="{points}"/>')
    return _figure(title, parts, WIDTH, HEIGHT, list(series))


def intervals(title: str, rows: Sequence[Row]) -> str:
    """Medians with quartiles of rule and kernel, one pair of bars for each row, on a logarithmic axis."""
    found = [(row, row.rule, row.kernel) for row in rows if row.rule and row.kernel]
    if not found:
        return ""
    left, right, pitch, width = 150, 24, 34, 760
    height = TOP + pitch * len(found) + BOTTOM
    times = [1e6 * value for _, *both in found for timing in both for value in (timing.low, timing.high)]
    first, last = math.floor(math.log10(min(times)) * 2) / 2, math.ceil(math.log10(max(times)) * 2) / 2
    last = max(last, first + 0.5)

    def x(seconds: float) -> float:
        return left + (math.log10(1e6 * seconds) - first) / (last - first) * (width - left - right)

    parts: list[str] = []
    for exponent in range(math.ceil(first), math.floor(last) + 1):
        for digit in (1, 2, 5):
            at = digit * 10.0**exponent
            if math.log10(at) <= last:
                parts.append(_grid_line(x(at / 1e6), TOP, x(at / 1e6), height - BOTTOM))
                parts.append(_text(x(at / 1e6), height - 20, f"{at:g}"))
    parts.append(_text((left + width) / 2, height - 4, "µs, logarithmic"))
    for i, (row, rule, kernel) in enumerate(found):
        middle = TOP + pitch * (i + 0.5)
        parts.append(_text(left - 10, middle + 4, f"{row.op} {row.phase}", "end"))
        for j, timing in enumerate((rule, kernel)):
            level = middle - 6 + 12 * j
            parts.append(_line(f"line c{j}", x(timing.low), level, x(timing.high), level))
            parts.append(f'<circle class="dot c{j}" cx="{x(timing.median):.1f}" cy="{level}" r="5"/>')
    return _figure(title, parts, width, height, ["NumPy rule", "Numba kernel"])


def glyph(image: np.ndarray) -> str:
    """A small picture in shades of ink: (H, W) from 0 to 1."""
    height, width = image.shape
    dots = "".join(
        f'<rect x="{j}" y="{i}" width="1" height="1" fill-opacity="{value:.2f}"/>'
        for (i, j), value in np.ndenumerate(image)
        if value > 0.02
    )
    box = f'viewBox="0 0 {width} {height}" shape-rendering="crispEdges" aria-hidden="true"'
    return f'<svg class="glyph" {box}>{dots}</svg>'


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers that span [low, high]."""
    raw = (high - low) / about or abs(low) / about or 1 / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * (1 - 1e-9))
    start, end = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{i * step:.12g}") for i in range(start, max(end, start + 1) + 1)]


def _figure(title: str, parts: list[str], width: int, height: int, names: list[str]) -> str:
    keys = "".join(f'<span class="key c{i}">{escape(name)}</span>' for i, name in enumerate(names))
    drawing = f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'
    return f'<figure style="--wide:{width}px"><figcaption>{escape(title)} {keys}</figcaption>{drawing}</figure>'


def _grid_line(x1: float, y1: float, x2: float, y2: float) -> str:
    return _line("grid", x1, y1, x2, y2)


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
