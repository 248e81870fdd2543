"""The tour runs, finds what is wrong, and writes one page that needs nothing else."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nanonet as nt
import nanonet.functional as F
from nanonet.cli import main
from nanonet.op import ops
from nanonet.ops.rectifier import Relu
from nanonet.ops.softmax import Softmax
from nanonet.tour import charts, step
from nanonet.tour.checks import cases, check, result
from nanonet_benchmarks import kernels
from nanonet_benchmarks.timing import Timing

VOID = {"meta", "br", "img", "rect", "line", "circle", "polyline"}


class Outline(HTMLParser):
    """Ids, texts and addresses of a page; raises where tags are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.targets: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.add(given.get("id") or "")
        self.targets += [str(given[name]) for name in ("src", "href", "action", "data") if name in given]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The quick tour's folder, and what it printed."""
    folder = tmp_path_factory.mktemp("tour")
    printed: list[str] = []
    before = sys.stdout
    sys.stdout = Recorder(printed)  # type: ignore[assignment]
    try:
        assert main(["tour", "--quick", "--out", str(folder)]) == 0
    finally:
        sys.stdout = before
    return folder, "".join(printed)


class Recorder:
    """A stream that is no terminal."""

    encoding = "utf-8"

    def __init__(self, printed: list[str]) -> None:
        self.write = printed.append

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


def test_the_page_has_every_part(tour: tuple[Path, str]) -> None:
    text = (tour[0] / "index.html").read_text(encoding="utf-8")
    page = Outline()
    page.feed(text)
    assert page.open == [], "every tag is closed"
    assert {"digits", "step", "checks", "kernels", "machine", "next"} <= page.ids
    words = " ".join(page.words)
    for part in ("Confusion matrix", "y = x wᵀ + b", "dx = dy ⊙ y (1 - y)", "all passed", "measured", "skipped: "):
        assert part in words, part
    assert np.__version__ in words
    assert text.count("<polyline") == 4, "training and validation, of loss and accuracy"
    assert text.count('<circle class="dot c1"') == 2 * len(kernels.CASES)


def test_the_page_needs_no_network(tour: tuple[Path, str]) -> None:
    text = (tour[0] / "index.html").read_text(encoding="utf-8")
    page = Outline()
    page.feed(text)
    beside = {target for target in page.targets if not target.startswith("#")}
    assert beside == {"step.html"}
    assert "data-steps" in (tour[0] / "step.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|//\w+\.|@import|url\(|<script", text)


def test_the_page_suits_dark_screens_and_phones(tour: tuple[Path, str]) -> None:
    text = (tour[0] / "index.html").read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text
    drawings = re.findall(r"<svg.*?</svg>", text, re.S)
    assert len(drawings) > 2
    for drawing in drawings:
        ET.fromstring(drawing)
        assert not re.search(r"(fill|stroke)=\"(#|rgb)", drawing), "colours come from the page's style"


def test_the_terminal_shows_the_numbers_in_80_columns(tour: tuple[Path, str]) -> None:
    folder, printed = tour
    assert "\x1b" not in printed, "plain where it is no terminal"
    for part in ("epoch 4/4", "y = x wᵀ + b", "all passed", "layer_norm backward", str(folder / "index.html")):
        assert part in printed, part
    too_long = [s for s in printed.splitlines() if len(s) > 80 and not s.startswith(("/", "Open it", "epoch "))]
    assert too_long == []


def test_the_trained_network_is_kept(tour: tuple[Path, str]) -> None:
    assert (tour[0] / "digits" / "model.safetensors").exists()
    assert (tour[0] / "digits" / "model.json").exists()


def test_a_second_tour_replaces_its_own_page_and_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "index.html").write_text("<title>my page</title>")
    assert main(["tour", "--quick", "--out", str(tmp_path)]) == 1
    assert "not from nanonet tour" in capsys.readouterr().err
    assert (tmp_path / "index.html").read_text() == "<title>my page</title>"
    (tmp_path / "index.html").unlink()
    (tmp_path / "step.html").write_text("<title>my steps</title>")
    assert main(["tour", "--quick", "--out", str(tmp_path)]) == 1
    assert (tmp_path / "step.html").read_text() == "<title>my steps</title>"


def test_the_shown_step_is_the_engines_own() -> None:
    """By hand, as D2's example goes when corrected."""
    found = step.one_step()
    forward = [s for s in found.trace.steps if s.kind == "forward"]
    backward = [s for s in found.trace.steps if s.kind == "backward"]
    names = ["linear", "sigmoid", "linear", "sigmoid", "binary_cross_entropy"]
    assert [s.title for s in forward] == names
    assert [s.title for s in backward] == names[::-1]
    x, w1, b1 = forward[0].call.arrays
    _, w2, b2 = forward[2].call.arrays
    a1 = 1 / (1 + np.exp(-(x @ w1.T + b1)))
    a2 = 1 / (1 + np.exp(-(a1 @ w2.T + b2)))
    dz2 = (a2 - [[1.0, 0.0]]) / 2
    dz1 = (dz2 @ w2) * a1 * (1 - a1)
    np.testing.assert_allclose(backward[2].call.results[1], dz2.T @ a1, rtol=1e-12)
    np.testing.assert_allclose(backward[4].call.results[1], dz1.T @ x, rtol=1e-12)
    shown = {(r.phase, name): value for r in step.readings(found.trace) for name, value in r.values}
    np.testing.assert_array_equal(shown["backward", "dw"], backward[4].call.results[1])
    assert found.after < found.before
    assert found.report


def test_every_op_with_a_gradient_is_checked() -> None:
    checked = {op for op, _ in cases()}
    only_kinks = {op for op in ops() if op.is_differentiable() and all(s.kink for s in op.samples)}
    assert checked == {op for op in ops() if op.is_differentiable()} - only_kinks
    assert {op for op, _ in cases(first_only=True)} == checked


def test_a_wrong_gradient_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: softmax forgets that its outputs add up to 1."""

    def forgetful(xp: Any, saved: Any, dy: Any) -> Any:
        y, _ = saved
        return (y * dy,)

    monkeypatch.setattr(Softmax, "backward", staticmethod(forgetful))
    found = check(Softmax, Softmax.samples[0])
    assert found.verdict == "fail"
    assert found.why
    assert "1 not passed" in result([found])


def test_an_op_that_raises_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise IndexError("planted")

    monkeypatch.setattr(Relu, "backward", staticmethod(broken))
    found = check(Relu, Relu.samples[0])
    assert (found.verdict, found.why) == ("fail", "IndexError: planted")


def test_every_kernel_has_a_benchmark() -> None:
    from nanonet.backends.numba import kernels as table

    timed = {rule for op in kernels.ALL for rule in (op.forward, op.backward)}
    assert set(table) == timed


def test_a_wrong_kernel_is_not_timed() -> None:
    from nanonet.backends.numba import kernels as table

    def wrong(saved: Any, dy: Any) -> Any:
        return (dy,)

    forward, backward = kernels.rows_of(Relu, kernels.CASES[Relu], {**table, Relu.backward: wrong}, 2, 1)
    assert forward.evidence == "measured"
    assert forward.speedup > 0
    assert backward.evidence.startswith("failed: ")
    assert backward.rule is None
    assert np.isnan(backward.speedup)


def test_kernels_that_cannot_run_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "backends", lambda: {"numpy": "", "numba": "no numba here", "cuda": "no device"})
    assert [row.evidence for row in kernels.run()] == ["skipped: no numba here", "skipped: no device"]


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.93, 0.99), (5.0, 5.0), (0.0, 0.0), (-3e5, 2e7)])
def test_ticks_are_round_and_span_the_values(low: float, high: float) -> None:
    ticks = charts.nice_ticks(low, high)
    assert ticks[0] <= low <= high <= ticks[-1]
    assert 2 <= len(ticks) <= 8
    assert np.all(np.diff(ticks) > 0)


def test_plots_survive_odd_figures() -> None:
    ET.fromstring(re.findall("<svg.*</svg>", charts.lines("loss", {"a": [1.0], "b": [float("nan")]}))[0])
    assert charts.intervals("none", []) == ""
    timing = Timing(1e-3, 1e-3, 1e-3, 1)
    row = kernels.Row("a<b", "forward", "1", "measured", 0.0, timing, timing)
    assert "a&lt;b" in charts.intervals("one", [row])


def test_the_tour_leaves_the_engine_as_it_was(tour: tuple[Path, str]) -> None:
    assert nt.current_backend().name == "numpy"
    assert F.relu(nt.tensor([-1.0, 2.0])).numpy().tolist() == [0.0, 2.0]
