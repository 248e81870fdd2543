"""The pictures of the page: roofline, break-even, distributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nanonet_benchmarks.machine.roofline import ceiling
from nanonet_benchmarks.record import Row
from nanonet_benchmarks.report import svg, words

COLOURS = 6  # classes s0 … s5 of the style


def roofline(ceilings: Sequence[Row], rows: Sequence[Row], count: int) -> str:
    """Ceilings on `count` threads, and every row timed with so many: min(peak, intensity · bandwidth)."""
    own = [row for row in ceilings if row.threads == count]
    peaks = {row.size["level"]: ceiling(row) for row in own if row.size["what"] == "compute"}
    slopes: dict[str, float] = {}
    for row in own:
        if row.size["what"] == "bandwidth":
            slopes[row.size["level"]] = max(slopes.get(row.size["level"], 0.0), ceiling(row))
    points = [
        (row.flops / row.bytes, row.flops / row.median, row)
        for row in rows
        if row.threads == count and row.device == "cpu" and row.median and row.flops and row.bytes
    ]
    return roofs(peaks, slopes, points, words.threads(count))


def roofs(
    peaks: dict[str, float], slopes: dict[str, float], points: Sequence[tuple[float, float, Row]], name: str
) -> str:
    """Horizontal lines at `peaks`, slanted ones at `slopes`, dots at (intensity, FLOP/s)."""
    top = max(peaks.values())
    reached = [rate for _, rate, _ in points]
    lowest = min([min(slopes.values()) / 16, *reached])
    x = svg.horizontal(1 / 16, max(256.0, 2 * max((i for i, _, _ in points), default=1.0)))
    y = svg.vertical(max(lowest / 2, top / 1e5), max([top, *reached]) * 2.2)
    parts = [svg.frame(x, y, "operations per byte", "operations per second", plain)]
    for i, (level, rate) in enumerate(sorted(slopes.items(), key=lambda item: -item[1])):
        ends = (max(x.low, y.low / rate), min(x.high, top / rate))
        parts.append(svg.path([(x(e), y(e * rate)) for e in ends], f"line s{i % COLOURS}"))
        at = max(ends[0] * 1.15, x.low * 1.1)
        parts.append(svg.text(x(at), y(at * rate) - 5, f"{level} {words.rate(rate, 'B/s')}", f"label s{i % COLOURS}"))
    for level, rate in peaks.items():
        start = min(max(rate / max(slopes.values()), x.low), x.high)
        parts.append(svg.line(x(start), y(rate), x(x.high), y(rate), "line peak"))
        parts.append(svg.text(x(x.high), y(rate) - 5, f"{level} {words.rate(rate, 'FLOP/s')}", "label", "end"))
    for intensity, rate, row in points:
        if rate >= y.low:
            title = f"{row.workload} {words.size(row.size)}, {row.variant}: {words.rate(rate, 'FLOP/s')}"
            parts.append(svg.circle(x(intensity), y(rate), 3.2, "dot", title))
    for workload in dict.fromkeys(row.workload for _, _, row in points):
        intensity, rate, _ = max((p for p in points if p[2].workload == workload), key=lambda p: p[1])
        parts.append(svg.text(x(intensity) - 7, y(rate) + 12, workload, "label", "end"))
    return svg.picture("".join(parts), f"Roofline, {name}: peaks {', '.join(peaks)}; bandwidth of {', '.join(slopes)}")


def gpu_roofs(ceilings: Sequence[dict[str, Any]], chosen: Sequence[str]) -> str:
    """FP32 roofs of GPUs, from data sheets."""
    rates = {(one["device"], one["level"]): one["rate"] for one in ceilings}
    top = max(rates[name, "FP32"] for name in chosen)
    slowest = min(rates[name, "memory"] for name in chosen)
    x, y = svg.horizontal(1 / 16, 1024), svg.vertical(slowest / 16, 4 * top)
    parts = [svg.frame(x, y, "operations per byte", "operations per second", plain)]
    free = svg.HEIGHT  # the lowest place that no label has yet
    for i, name in enumerate(sorted(chosen, key=lambda name: rates[name, "FP32"])):
        peak, slope = rates[name, "FP32"], rates[name, "memory"]
        corners = [(x.low, x.low * slope), (peak / slope, peak), (x.high, peak)]
        parts.append(svg.path([(x(a), y(b)) for a, b in corners], f"line s{i % COLOURS} guessed"))
        free = min(y(peak) - 5, free - 13)
        parts.append(svg.text(x(x.high), free, name, f"label s{i % COLOURS}", "end"))
    return svg.picture("".join(parts), f"Rooflines by data sheet, float32: {', '.join(chosen)}")


def breakeven(entries: Sequence[dict[str, Any]]) -> str:
    """t_cpu / t_gpu over size, a line for each scenario of one workload and GPU; the GPU wins above 1."""
    curves = [entry["curve"] for entry in entries]
    ratios = [ratio for curve in curves for _, ratio in curve]
    sizes = [n for n, _ in curves[0]]
    x = svg.horizontal(sizes[0], sizes[-1])
    y = svg.vertical(max(min(ratios), 1e-3) / 1.5, max([2.0, *ratios]) * 1.6)
    name = "n" if entries[0]["workload"] == "matmul" else "elements"
    parts = [svg.frame(x, y, name, "CPU time ÷ GPU time"), svg.line(x.start, y(1), x.end, y(1), "even")]
    measured = min(entries[0]["measured_up_to"], x.high)
    parts.append(svg.line(x(measured), y.start, x(measured), y.end, "until"))
    parts.append(svg.text(x(measured) - 4, y.end + 12, "CPU measured", "tick", "end"))
    for entry in entries:
        places = [(x(n), y(ratio)) for n, ratio in entry["curve"] if ratio >= y.low]
        kind = style(entry, entries)
        parts.append(svg.path(places, kind))
        if entry["kind"] == "at":
            parts.append(svg.circle(x(entry["size"]), y(1), 3.2, kind.replace("line", "dot", 1)))
    title = f"{entries[0]['workload']} on {entries[0]['device']}, modelled: {'; '.join(map(sentence, entries))}"
    return svg.picture("".join(parts), title)


def style(entry: dict[str, Any], entries: Sequence[dict[str, Any]]) -> str:
    """The classes of a curve: the colour is that of the reuses, dots stand for pageable memory."""
    reuses = list(dict.fromkeys(one["reuses"] for one in entries))
    return f"line s{reuses.index(entry['reuses']) % COLOURS} {'dotted' if entry['memory'] == 'pageable' else 'guessed'}"


def sentence(entry: dict[str, Any]) -> str:
    """ "once for 10 calls, pinned: from 812": a scenario and where the GPU wins."""
    memory = f", {entry['memory']}" if entry["memory"] else ""
    return f"{entry['scenario']}{memory}: {wins(entry)}"


def wins(entry: dict[str, Any]) -> str:
    """From which size the GPU may win."""
    if entry["kind"] == "never":
        return f"not up to {words.number(entry['largest'])}"
    size = words.number(entry["size"])
    return f"from {size}" if entry["kind"] == "at" else f"at {size} already"


def distribution(rows: Sequence[Row], bins: int = 48) -> str:
    """How the samples of each variant lie around its median: a hump each, a tick for the median of every process."""
    step = 40
    height = svg.TOP + svg.BOTTOM + step * len(rows)
    x = svg.horizontal(0.8, 1.6)
    parts = []
    bottom = height - svg.BOTTOM
    for value in (0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6):
        parts.append(svg.line(x(value), bottom, x(value), svg.TOP, "grid"))
        parts.append(svg.text(x(value), bottom + 16, f"{value:.1f}", "tick", "middle"))
    parts.append(svg.text((x.start + x.end) / 2, bottom + 36, "sample ÷ median", "name", "middle"))
    for i, row in enumerate(rows):
        assert row.median is not None
        base = svg.TOP + step * (i + 1) - 4
        samples = [s / row.median for process in row.samples for s in process]
        counts = [0] * bins
        for s in samples:
            share = (x(min(max(s, x.low), x.high)) - x.start) / (x.end - x.start)
            counts[min(int(share * bins), bins - 1)] += 1
        width = (x.end - x.start) / bins
        hump = [(x.start + (j + 0.5) * width, base - 24 * c / max(counts)) for j, c in enumerate(counts)]
        parts.append(svg.path([(x.start, base), *hump, (x.end, base)], f"hump s{i % COLOURS}", closed=True))
        for process in row.samples:
            middle = sorted(process)[len(process) // 2] / row.median if process else 1.0
            at = x(min(max(middle, x.low), x.high))
            parts.append(svg.line(at, base, at, base + 4, "mark"))
        label = f"{row.variant}, {words.seconds(row.median)}, {len(samples)} samples"
        parts.append(svg.text(x.end, base - 16, label, "label", "end"))
    names = ", ".join(row.variant for row in rows)
    return svg.picture("".join(parts), f"Distribution of the samples around the median: {names}", height)


def plain(value: float) -> str:
    return f"{value:g}" if value >= 0.01 else f"{value:.0e}"
