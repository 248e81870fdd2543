"""Pictures as SVG text: axes, lines, points, bars. The same figures give the same bytes.

Colours are classes and CSS variables, so that a page in the dark changes them. Text is text: it can be selected and
read aloud. Every number is rounded to a tenth of a unit, which is less than anyone sees.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

Label = Callable[[float], str]
WIDTH, HEIGHT = 480, 330
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 14, 44


@dataclass(frozen=True)
class Axis:
    """A logarithmic axis from `low` to `high`, drawn from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 8) -> list[float]:
        """Powers of ten within; where that were fewer than three, also 2 and 5 times these."""
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        tens = [10.0**e for e in range(first, last + 1)]
        found = [t for t in tens if self.low <= t <= self.high]
        if len(found) < 3:
            found = [m * t for t in tens for m in (1, 2, 5) if self.low <= m * t <= self.high]
        step = -(-len(found) // most)
        return found[::step]


def horizontal(low: float, high: float) -> Axis:
    return Axis(low, high, LEFT, WIDTH - RIGHT)


def vertical(low: float, high: float, height: float = HEIGHT) -> Axis:
    return Axis(low, high, height - BOTTOM, TOP)


def number(value: float) -> str:
    rounded = round(value, 1) + 0.0  # 0.0 is added, so that -0.0 is 0
    return f"{rounded:.1f}".removesuffix(".0")


def path(points: Sequence[tuple[float, float]], kind: str, closed: bool = False) -> str:
    """A line through points that are places already."""
    words = " ".join(f"{'L' if i else 'M'}{number(x)} {number(y)}" for i, (x, y) in enumerate(points))
    return f'<path class="{kind}" d="{words}{"Z" if closed else ""}"/>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return path([(x1, y1), (x2, y2)], kind)


def rectangle(x: float, y: float, width: float, height: float, kind: str) -> str:
    return (
        f'<rect class="{kind}" x="{number(x)}" y="{number(y)}" width="{number(max(width, 0))}" '
        f'height="{number(height)}" rx="2"/>'
    )


def circle(x: float, y: float, radius: float, kind: str, title: str = "") -> str:
    inside = f"<title>{escape(title)}</title>" if title else ""
    return f'<circle class="{kind}" cx="{number(x)}" cy="{number(y)}" r="{number(radius)}">{inside}</circle>'


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    name = f' class="{kind}"' if kind else ""
    return f'<text{name} x="{number(x)}" y="{number(y)}" text-anchor="{anchor}">{escape(words)}</text>'


def frame(
    x: Axis, y: Axis, x_name: str, y_name: str, x_label: Label | None = None, y_label: Label | None = None
) -> str:
    """Grid, tick labels and the names of two logarithmic axes. `x_label(value)` gives a tick's words."""
    parts: list[str] = []
    write_x, write_y = x_label or short, y_label or short
    for value in x.ticks():
        parts.append(line(x(value), y.start, x(value), y.end, "grid"))
        parts.append(text(x(value), y.start + 16, write_x(value), "tick", "middle"))
    for value in y.ticks():
        parts.append(line(x.start, y(value), x.end, y(value), "grid"))
        parts.append(text(x.start - 6, y(value) + 4, write_y(value), "tick", "end"))
    parts.append(text((x.start + x.end) / 2, y.start + 36, x_name, "name", "middle"))
    parts.append(
        f'<text class="name" transform="rotate(-90)" x="{number(-(y.start + y.end) / 2)}" y="13" '
        f'text-anchor="middle">{escape(y_name)}</text>'
    )
    return "".join(parts)


def short(value: float) -> str:
    """1, 10, 1k, 10M: a tick's label."""
    for letter, scale in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= scale:
            return f"{value / scale:g}{letter}"
    return f"{value:g}"


def picture(body: str, title: str, height: float = HEIGHT) -> str:
    """The whole picture; `title` is what a screen reader says."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {number(height)}" role="img" aria-label="{escape(title, quote=True)}">{body}</svg>'
    )
