"""The page of a trace shows the trace's numbers at every step, asks the network for nothing, and stays small."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet.teach import Trace
from nanonet.teach.trace import State, replayed, trace
from nanonet.teach.views.page import page
from nanonet.teach.views.page.data import page_data
from tests import trace_pages as pages
from tests.random_graphs import random_program


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with pages.browser() as found:
        yield found


def walk(tab: Any, trace: Trace) -> list[str]:
    """Forward through all steps, and back: what differs anywhere."""
    state = State(trace)
    found = pages.differences(tab, trace, state)
    for key, move in [("ArrowRight", state.make)] * len(trace.steps) + [("ArrowLeft", state.undo)] * len(trace.steps):
        move()
        tab.keyboard.press(key)
        found += pages.differences(tab, trace, state)
    return found


@pytest.mark.parametrize("name", pages.TRACES)
def test_the_numbers_in_the_page_are_the_trace_at_every_step(name: str, chromium: Any, tmp_path: Path) -> None:
    trace = pages.TRACES[name]()
    tab = pages.opened(chromium, trace.to_html(tmp_path / "trace.html"))
    assert tab.locator("body").get_attribute("data-steps") == str(len(trace.steps))
    assert tab.locator("[data-node]").count() == len(trace.nodes)
    assert walk(tab, trace) == []
    assert tab.errors == []


@pytest.mark.parametrize("seed", range(4))
def test_after_any_way_through_a_random_graph_the_numbers_are_the_trace(
    seed: int, chromium: Any, tmp_path: Path
) -> None:
    program, inputs = random_program(seed)
    found = trace(program, *inputs)
    tab = pages.opened(chromium, found.to_html(tmp_path / "trace.html"))
    for position in np.random.default_rng(seed).integers(0, len(found.steps) + 1, size=5):
        tab.locator("#slider").fill(str(position))
        assert pages.differences(tab, found, replayed(found, int(position))) == []
    assert tab.errors == []


def test_a_number_in_the_page_that_is_wrong_in_its_last_bit_is_noticed(chromium: Any, tmp_path: Path) -> None:
    trace = pages.shared()
    path = trace.to_html(tmp_path / "trace.html")
    data = page_data(trace)["arrays"][3]["data"]
    wrong = bytearray(base64.b64decode(data))
    wrong[0] ^= 1
    path.write_text(path.read_text("utf-8").replace(data, base64.b64encode(wrong).decode(), 1), "utf-8")
    assert walk(pages.opened(chromium, path), trace) != []


def test_the_comparison_sees_a_sign_of_zero_and_a_gradient_that_is_not_yet_known() -> None:
    assert pages.same("[-0.0, 0.5]", np.array([-0.0, 0.5]))
    assert not pages.same("[0, 0.5]", np.array([-0.0, 0.5]))
    assert not pages.same("0", None)
    assert not pages.same("null", np.array(0.0))
    assert not pages.same("[1]", np.array(1.0))


def test_no_request_leaves_the_page(chromium: Any, tmp_path: Path) -> None:
    tab = pages.opened(chromium, pages.training().to_html(tmp_path / "trace.html"))
    tab.keyboard.press("End")
    tab.locator("[data-node]").first.press("Enter")
    assert tab.requests == [tab.url]


def test_a_request_that_something_in_the_page_makes_is_refused_by_the_page(chromium: Any, tmp_path: Path) -> None:
    tab = pages.opened(chromium, pages.scalars().to_html(tmp_path / "trace.html"))
    assert tab.evaluate("fetch('https://example.org').then(() => 'sent', () => 'refused')") == "refused"
    assert any("Content Security Policy" in error for error in tab.errors)


def test_names_and_code_with_angle_brackets_do_no_harm(chromium: Any, tmp_path: Path) -> None:
    def f(x: Any) -> Any:
        return x * 2.0  # </script><script>document.body.remove()</script><!--

    tab = pages.opened(chromium, trace(f, np.array(1.0)).to_html(tmp_path / "trace.html", title="<b>&amp;</b>"))
    tab.keyboard.press("ArrowRight")
    assert "</script><script>" in tab.locator("#code .now").inner_text()
    assert tab.locator("h1").inner_text() == "<b>&amp;</b>"
    assert tab.errors == []


def test_no_folder_of_the_machine_is_in_the_page() -> None:
    text = page(pages.training())
    assert str(Path(__file__).parent) not in text
    assert "trace_pages.py" in text


def test_a_page_of_200_nodes_is_smaller_than_1_mb() -> None:
    found = pages.deep(50, width=40)  # 1.3 MB of weights and gradients
    assert len(found.nodes) > 200
    assert len(page(found).encode()) < 1_000_000


def test_arrays_that_do_not_fit_are_summarised_and_the_page_says_so(chromium: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    big = rng.normal(size=(400, 300))
    found = trace(lambda x, w: nt.sum(nt.tanh(x @ w)), rng.normal(size=(7, 400)), big)
    path = found.to_html(tmp_path / "trace.html")
    assert path.stat().st_size < 1_000_000
    tab = pages.opened(chromium, path)
    tab.keyboard.press("End")
    shown = json.loads(tab.locator("[data-name=w]").get_attribute("data-value"))
    assert shown == {"shape": [400, 300], "min": big.min(), "max": big.max(), "mean": big.mean()}
    assert "did not fit" in tab.locator("#note").inner_text()
    assert isinstance(json.loads(tab.locator("[data-name=x]").get_attribute("data-value")), list)
    tab.locator("[data-name=w]").press("Enter")
    tab.locator("#tensor .map").first.hover()
    assert "on average in this block" in tab.locator("#tensor output").first.inner_text()
    assert tab.errors == []


def test_a_trace_without_a_backward_and_one_without_steps_have_pages(chromium: Any, tmp_path: Path) -> None:
    for found in (trace(lambda x: nt.exp(x), np.array(1.0), backward=False), Trace()):
        tab = pages.opened(chromium, found.to_html(tmp_path / "trace.html"))
        tab.keyboard.press("End")
        assert tab.locator("body").get_attribute("data-step") == str(len(found.steps))
        assert tab.errors == []
