"""The tour's page: one HTML file with its style and its pictures inside, which needs no network."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

import nanonet as nt
from nanonet.htmlpage import count, document, resource
from nanonet.tour import charts
from nanonet.tour.checks import Check, by_family, result
from nanonet.tour.digits import Digits
from nanonet.tour.step import OneStep, Reading, matrix, readings
from nanonet_benchmarks.kernels import Row

if TYPE_CHECKING:
    from nanonet.tour.tour import Tour

WAYS = {
    "forward": "forward, from the inputs to the loss",
    "backward": "backward, from the loss to the weights",
    "update": "update, each weight against its gradient",
}


def page(tour: Tour, mark: str) -> str:
    """The whole page."""
    parts = [
        head(tour),
        digits_section(tour.digits),
        step_section(tour.step),
        checks_section(tour.checks, tour.quick),
        kernels_section(tour.kernels),
        machine_section(tour.machine),
        next_section(tour.digits),
    ]
    return document("nanonet: the tour", "".join(parts), resource("nanonet.tour", "page.css"), mark=mark)


def head(tour: Tour) -> str:
    best = max((row.speedup for row in tour.kernels if row.evidence == "measured"), default=0.0)
    passed = sum(c.verdict == "pass" for c in tour.checks)
    tiles = [
        ("#digits", f"{100 * tour.digits.figures['accuracy']:.1f} %", "of unseen digits read correctly"),
        ("#step", str(len(readings(tour.step.trace))), "computations in one small training step, all shown"),
        ("#checks", f"{passed:,} / {len(tour.checks):,}", "gradient checks passed"),
        ("#kernels", f"{best:.1f}×" if best else "—", "the best kernel beside its NumPy rule"),
    ]
    quick = " This was the quick tour: fewer epochs, checks and timings." if tour.quick else ""
    return (
        "<h1>nanonet: the tour</h1>"
        f'<p class="soft">Every number on this page was computed by nanonet {nt.__version__} on this machine, on '
        f"{datetime.now():%d %B %Y at %H:%M}, in {tour.seconds:.0f} seconds.{quick}</p>"
        '<div class="tiles">'
        + "".join(f'<a class="tile" href="{to}"><b>{value}</b><span>{text}</span></a>' for to, value, text in tiles)
        + "</div>"
    )


def digits_section(digits: Digits) -> str:
    history = digits.history
    figures = [
        charts.lines(name, {"training": history[name], "validation": history[f"val_{name}"]})
        for name in ("loss", "accuracy")
    ]
    trained, held_out, tested = digits.rows
    misread = "".join(
        f"<div>{charts.glyph(m.image)}<br>{m.true}, read as {m.called} ({100 * m.probability:.0f} %)</div>"
        for m in digits.misread[:12]
    )
    return (
        '<h2 id="digits">A network learns to read digits</h2>'
        f"<p>Handwritten digits of 8×8 pixels from scikit-learn. The network has 64 inputs, hidden layers of 128 and "
        f"64 ReLU units and 10 softmax outputs; Adam, batches of 32, {history.epochs} epochs. {trained:,} images train "
        f"it, {held_out:,} watch over it, and {tested:,} that it has never seen test it: "
        f"<b>{100 * digits.figures['accuracy']:.1f} %</b> right, where a constant answer reaches "
        f"{100 * digits.figures['baseline']:.0f} %.</p>"
        f'<div class="row">{"".join(figures)}</div><div class="row"><div>{confusion(digits.confusion)}</div>'
        f'<div style="flex:1 1 300px"><p><b>The {len(digits.misread)} it got wrong</b>'
        f"{', the first 12' if len(digits.misread) > 12 else ''}</p>"
        f'<div class="glyphs">{misread}</div></div></div>'
    )


def confusion(counts: np.ndarray) -> str:
    top = "".join(f"<th>{j}</th>" for j in range(len(counts)))
    rows = [
        f"<tr><th>{i}</th>"
        + "".join(
            f'<td style="--share:{0.15 + 0.65 * n / counts.max():.2f}">{n}</td>' if n else '<td class="none">·</td>'
            for n in row
        )
        + "</tr>"
        for i, row in enumerate(counts)
    ]
    return (
        '<p><b>Confusion matrix</b> <span class="soft">(rows: the digit; columns: what it was read as)</span></p>'
        f'<div class="scroll"><table class="confusion"><tr><th></th>{top}</tr>{"".join(rows)}</table></div>'
    )


def step_section(small: OneStep) -> str:
    rows: list[str] = []
    phase = ""
    for i, one in enumerate(readings(small.trace), 1):
        if one.phase != phase:
            phase = one.phase
            rows.append(f'<tr><td colspan="2" class="phase">{WAYS[phase]}</td></tr>')
        rows.append(f"<tr><td>{i}. <b>{escape(one.title)}</b></td><td>{_step(one)}</td></tr>")
    return (
        '<h2 id="step">One training step, number by number</h2>'
        f"<p>{escape(small.network)}; x = (1, 2, 3), labels (1, 0). The numbers are not computed a second time for "
        "this page: they were copied as they went through the engine. "
        '<a href="step.html">Step through it, forwards and backwards</a>.</p>'
        f'<table class="steps">{"".join(rows)}</table>'
        f"<p>Then w ← w - α dw for every weight takes the loss from {small.before:.6f} to {small.after:.6f}. Finite "
        f"differences say of these gradients: {_verdict(small.report.verdict)}, the largest difference is "
        f"{small.report.max_error:.1g}.</p>"
    )


def _step(one: Reading) -> str:
    values = "".join(f'<div class="value"><span>{escape(n)} =</span>{_matrix(v)}</div>' for n, v in one.values)
    return f'<i>{escape(one.formula)}</i><div class="values">{values}</div>'


def _matrix(value: np.ndarray) -> str:
    if not value.ndim:
        return f'<span class="num">{value:.6g}</span>'
    rows = "".join("<tr>" + "".join(f"<td>{text}</td>" for text in row) + "</tr>" for row in matrix(value))
    return f'<table class="matrix">{rows}</table>'


def checks_section(checks: list[Check], quick: bool) -> str:
    which = "its first sample" if quick else "every sample where it is differentiable"
    return (
        '<h2 id="checks">Every gradient against finite differences</h2>'
        f"<p>The gradient of each operation at {which}, in float64, element by element, against central differences "
        f"extrapolated to step 0, which come with an error bar. <b>{result(checks)}.</b></p>"
        + f'<div class="families">{"".join(_family(name, found) for name, found in by_family(checks).items())}</div>'
    )


def _family(name: str, checks: list[Check]) -> str:
    wrong, ops = sum(c.verdict != "pass" for c in checks), {c.op for c in checks}
    verdict = f'<span class="bad">{wrong} not passed</span>' if wrong else '<span class="good">passed</span>'
    rows = "".join(
        f'<tr><td>{escape(c.op)}</td><td>{escape(c.sample)}</td><td class="num">{_small(c.error)}</td>'
        f"<td>{_verdict(c.verdict)} {escape(c.why)}</td></tr>"
        for c in checks
    )
    return (
        f'<details{" open" if wrong else ""}><summary><b>{escape(name)}</b><span class="soft less">'
        f'{count(ops, "op")}</span><span class="soft push">{count(checks, "check")}</span>{verdict}'
        '</summary><div class="scroll"><table><tr><th>op</th><th>sample</th><th class="num">largest error</th><th></th>'
        f"</tr>{rows}</table></div></details>"
    )


def _verdict(verdict: str) -> str:
    return f'<span class="{"good" if verdict == "pass" else "bad"}">{verdict}</span>'


def kernels_section(rows: list[Row]) -> str:
    body = "".join(
        f"<tr><td>{escape(row.op)}{'' if row.phase == 'both' else ' ' + row.phase}</td><td>{escape(row.shape)}</td>"
        f"{_times(row)}<td>{escape(row.evidence)}</td></tr>"
        for row in rows
    )
    return (
        '<h2 id="kernels">Kernels against the plain NumPy rules</h2>'
        "<p>A kernel is a claim: it computes what the textbook rule computes, and faster. The results are compared "
        "first; then rule and kernel take turns, so that a slow moment of the machine hits both. Dots are medians, "
        "bars reach from the first to the third quartile.</p>"
        f'<div class="scroll">{charts.intervals("Time of one call", rows)}</div><div class="scroll"><table><tr>'
        '<th>kernel</th><th>size</th><th class="num">rule, µs</th><th class="num">kernel, µs</th>'
        f'<th class="num">faster</th><th class="num">difference</th><th>evidence</th></tr>{body}</table></div>'
    )


def _times(row: Row) -> str:
    if not (row.rule and row.kernel):
        return '<td colspan="4"></td>'
    cells = (
        f"{1e6 * row.rule.median:.0f}",
        f"{1e6 * row.kernel.median:.0f}",
        f"{row.speedup:.1f}×",
        f"{row.error:.0e}",
    )
    return "".join(f'<td class="num">{cell}</td>' for cell in cells)


def _small(error: float) -> str:
    return f"{error:.0e}" if error else "0"


def machine_section(machine: dict[str, Any]) -> str:
    rows: list[tuple[str, str]] = [(name, str(machine[name])) for name in ("python", "system", "cpu", "cores")]
    rows += list(machine["packages"].items())
    rows += [("BLAS", f"{p['library']}, kernel {p['kernel']}, {p['threads']} threads") for p in machine["blas"]]
    rows += [("forced by the environment", ", ".join(f"{k}={v}" for k, v in machine["forced"].items()) or "nothing")]
    rows += [(f"backend {name}", reason or "can run here") for name, reason in machine["backends"].items()]
    return f'<h2 id="machine">This machine</h2><div class="scroll"><table>{_rows(rows)}</table></div>'


def _rows(pairs: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in pairs)


def next_section(digits: Digits) -> str:
    return (
        '<h2 id="next">Where next</h2><p>The trained network is beside this page. Train one on your own table, and use '
        f"it:</p><pre>nanonet train my.csv --target price --out runs/price\nnanonet predict runs/price new.csv\n"
        f"nanonet train digits --hidden 32 --epochs 40\nnanonet info</pre>"
        f'<p class="soft">In {escape(str(digits.folder))}: model.safetensors, model.json, history.csv, curves.png, '
        "confusion.png.</p>"
    )
