"""The page of a trace can be used: keys, buttons, folding, no mouse needed, on a phone, in colours that can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nanonet.htmlpage import resource
from nanonet.teach import Trace
from nanonet.teach.trace import State
from nanonet.teach.views.page.groups import DRAWN, folded
from nanonet.teach.views.page.write import STYLES
from tests import trace_pages as pages

STEP = "document.body.dataset.step"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with pages.browser() as found:
        yield found


@pytest.fixture(scope="module")
def trace() -> Trace:
    return pages.training()


@pytest.fixture
def tab(chromium: Any, trace: Trace, tmp_path: Path) -> Iterator[Any]:
    tab = pages.opened(
        chromium,
        trace.to_html(tmp_path / "trace.html"),
        viewport={"width": 1280, "height": 900},
        reduced_motion="reduce",
    )
    yield tab
    assert tab.errors == []
    tab.close()


def test_keys_buttons_and_slider_move_and_the_live_region_says_where(tab: Any, trace: Trace) -> None:
    last = str(len(trace.steps))
    for key, step in [("End", last), ("ArrowRight", last), ("Home", "0"), ("ArrowLeft", "0"), ("ArrowRight", "1")]:
        tab.keyboard.press(key)
        assert tab.evaluate(STEP) == step
    for name, step in [("Next", "2"), ("Back", "1"), ("Last", last), ("First", "0")]:
        tab.get_by_role("button", name=name, exact=True).click()
        assert tab.evaluate(STEP) == step
    tab.locator("#slider").fill("3")
    assert tab.evaluate(STEP) == "3"
    tab.locator("#slider").press("ArrowRight")
    assert tab.evaluate(STEP) == "4"
    assert tab.locator("#announce").inner_text().startswith(f"Step 4 of {last}, {trace.steps[3].phase}: ")


def test_the_phase_buttons_go_to_the_next_step_that_begins_the_phase(tab: Any, trace: Trace) -> None:
    phases = ["", *[step.phase for step in trace.steps]]
    for phase in ("backward", "update", "forward", "backward"):
        before = int(tab.evaluate(STEP))
        tab.get_by_role("button", name=phase, exact=True).click()
        begins = [i for i in range(1, len(phases)) if phases[i] == phase and phases[i - 1] != phase]
        assert int(tab.evaluate(STEP)) == next((i for i in begins if i > before), begins[0])


FOCUSABLE = "button:not(:disabled), input, select, summary, [tabindex='0']"
FOCUSED = """() => {
  const e = document.activeElement, all = [...document.querySelectorAll(SELECTOR)];
  const outline = getComputedStyle(e).outlineStyle !== "none";
  const stroke = [...e.children].some((child) => parseFloat(getComputedStyle(child).strokeWidth) >= 4);
  return [all.indexOf(e), outline || stroke];
}""".replace("SELECTOR", f'"{FOCUSABLE}"')


def test_everything_is_reached_with_tab_and_the_focus_is_seen(tab: Any) -> None:
    tab.keyboard.press("End")
    reached: set[int] = set()
    count = tab.locator(FOCUSABLE).count()
    for _ in range(count + 5):
        tab.keyboard.press("Tab")
        number, seen = tab.evaluate(FOCUSED)
        if number >= 0:
            assert seen, tab.evaluate("document.activeElement.outerHTML.slice(0, 200)")
            reached.add(number)
    assert reached == set(range(count))
    for kind in ("[data-node]", "[data-box]", ".map", "[data-go]", "[data-zoom]", "[data-phase]", "#slider"):
        assert tab.locator(kind).count() > 0
        assert tab.locator(kind).first.evaluate(f'e => e.matches("{FOCUSABLE}")')


def test_a_module_is_closed_and_opened_with_enter_and_keeps_the_focus(tab: Any, trace: Trace) -> None:
    drawn = tab.locator("[data-node]").count()
    box = tab.locator("[data-box][aria-expanded=true]").first
    number = box.get_attribute("data-box")
    box.press("Enter")
    assert tab.locator("[data-node]").count() < drawn
    assert tab.evaluate("document.activeElement.dataset.box") == number
    assert tab.evaluate("document.activeElement.getAttribute('aria-expanded')") == "false"
    tab.keyboard.press(" ")
    assert tab.locator("[data-node]").count() == drawn
    assert tab.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"


def test_a_tensor_is_chosen_with_enter_and_let_go_with_escape(tab: Any, trace: Trace) -> None:
    tab.keyboard.press("End")
    tab.locator("[data-name='model.0.weight']").press("Enter")
    assert tab.locator("#tensor h2").inner_text().startswith("model.0.weight")
    assert tab.locator("[data-name='model.0.weight']").get_attribute("aria-pressed") == "true"
    tab.keyboard.press("Home")
    assert tab.locator("#tensor h2").inner_text().startswith("model.0.weight")
    assert tab.locator("#tensor .yet").count() == 1  # its gradient
    tab.keyboard.press("Escape")
    assert not tab.locator("#tensor h2").inner_text().startswith("model.0.weight")


def test_arrows_within_a_matrix_go_from_entry_to_entry_and_show_every_digit(tab: Any, trace: Trace) -> None:
    tab.keyboard.press("End")
    tab.locator("[data-name='model.0.weight']").press("Enter")
    weight = next(node for node in trace.nodes if node.name == "model.0.weight")
    state = State(trace)
    while state.position < len(trace.steps):
        state.make()
    value = state.value(weight.id)
    assert value is not None
    entries = tab.locator("#tensor .map").first
    entries.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight"):  # the last one is beyond the edge
        entries.press(key)
    assert tab.locator("#tensor output").first.inner_text() == f"model.0.weight[1, 2] = {float(value[1, 2])!r}"
    assert tab.evaluate(STEP) == str(len(trace.steps))
    entries.hover(position={"x": 5, "y": 5})
    assert tab.locator("#tensor output").first.inner_text().startswith("model.0.weight[0, 0] = ")


def test_the_card_shows_the_engines_number_and_other_entries_can_be_chosen(tab: Any, trace: Trace) -> None:
    index = next(i for i, step in enumerate(trace.steps) if step.kind == "backward" and step.title == "linear")
    for _ in range(index + 1):
        tab.keyboard.press("ArrowRight")
    call = trace.steps[index].call
    assert call is not None
    for name, array in zip(("dx", "dw", "db"), call.results, strict=True):
        tab.get_by_label("Array").select_option(label=name)
        assert tab.locator("#card h2").inner_text() == f"backward linear: {name}"
        entries = tab.locator("#card select").nth(1)
        shown = entries.locator("option").all_inner_texts() if entries.count() else [None]
        for entry in shown:
            if entry is not None:
                entries.select_option(label=entry)
            left, right = tab.locator("#card dd.result").inner_text().split(" = ")
            at = tuple(int(i) for i in re.findall(r"\d+", left))
            assert left == f"{name}{entry or left[len(name) :]}"
            assert float(right) == pytest.approx(float(array[at]), rel=1e-3)
        assert tab.locator("#card .map").count() == 1  # the local Jacobian
    assert "linear → linear" in tab.locator("#card table").inner_text()


def test_the_line_of_code_of_the_step_is_marked(tab: Any, trace: Trace) -> None:
    tab.keyboard.press("ArrowRight")
    site = trace.steps[0].site
    assert site is not None
    assert tab.locator("#code .now").inner_text() == f"{site.line}{trace.sources[site.file][site.line - 1]}"
    assert tab.locator("#code h3").inner_text() == f"trace_pages.py, line {site.line}"


def place(tab: Any) -> dict[str, float]:
    return tab.locator("[data-node]").first.bounding_box()


def test_the_graph_is_zoomed_and_moved_with_wheel_drag_keys_and_buttons(tab: Any) -> None:
    tab.keyboard.press("0")
    whole = place(tab)
    tab.locator("#graph").hover(position={"x": 300, "y": 300})
    tab.mouse.wheel(0, -300)
    tab.wait_for_function(
        f"document.querySelector('[data-node]').getBoundingClientRect().width > {whole['width'] * 1.2}"
    )
    tab.keyboard.press("0")
    assert place(tab) == pytest.approx(whole, abs=1)
    tab.mouse.down()
    tab.mouse.move(340, 420, steps=3)
    tab.mouse.up()
    assert place(tab)["width"] == pytest.approx(whole["width"], abs=0.1)
    assert place(tab)["y"] != pytest.approx(whole["y"], abs=3)
    for act, undo in [("+", "-"), ("Zoom in", "Zoom out")]:
        before = place(tab)["width"]
        for name, factor in ((act, 1.25), (undo, 1.0)):
            tab.keyboard.press(name) if len(name) == 1 else tab.get_by_role("button", name=name).click()
            assert place(tab)["width"] == pytest.approx(before * factor, rel=0.01)


def test_two_fingers_zoom_on_a_phone(chromium: Any, trace: Trace, tmp_path: Path) -> None:
    path = trace.to_html(tmp_path / "trace.html")
    tab = pages.opened(chromium, path, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    before = place(tab)["width"]
    fingers = tab.context.new_cdp_session(tab)
    for kind, gap in (("touchStart", 40), ("touchMove", 60), ("touchMove", 80), ("touchEnd", 0)):
        points = [{"x": 180 - gap, "y": 250, "id": 0}, {"x": 180 + gap, "y": 250, "id": 1}] if gap else []
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert place(tab)["width"] == pytest.approx(before * 2, rel=0.05)


def test_a_gradient_says_not_yet_and_how_many_of_its_terms_are_added(chromium: Any, tmp_path: Path) -> None:
    trace = pages.shared()
    tab = pages.opened(chromium, trace.to_html(tmp_path / "trace.html"))
    h = tab.locator("[data-name=h]")
    seen = []
    for _ in range(len(trace.steps) + 1):
        label = h.get_attribute("aria-label")
        seen.append("not yet" if "grad not yet" in label else h.get_attribute("data-terms"))
        tab.keyboard.press("ArrowRight")
    assert list(dict.fromkeys(seen)) == ["not yet", "1/3", "2/3", "3/3"]
    tab.keyboard.press("Home")
    assert h.locator(".yet").all_text_contents() == ["not yet", "not yet"]


def test_the_edges_that_a_step_uses_are_coloured_by_its_phase(chromium: Any, tmp_path: Path) -> None:
    trace = pages.shared()
    tab = pages.opened(chromium, trace.to_html(tmp_path / "trace.html"))
    for step in trace.steps:
        tab.keyboard.press("ArrowRight")
        used = tab.eval_on_selector_all(f".edge.{step.phase}", "all => all.map((e) => [e.dataset.from, e.dataset.to])")
        forward = step if step.kind == "forward" else trace.steps[step.forward] if step.forward is not None else None
        ins = step.inputs if step.kind == "forward" else step.outputs
        expected = {(f"n{a}", f"n{b}") for a in ins for b in forward.outputs} if forward else set()
        assert {tuple(edge) for edge in used} == expected


@pytest.mark.parametrize("make", [lambda: pages.blocks(72), lambda: pages.long(5000)], ids=["modules", "chain"])
def test_a_model_of_5000_nodes_opens_folded_and_every_node_can_be_unfolded(
    make: Any, chromium: Any, tmp_path: Path
) -> None:
    trace = make()
    assert len(trace.nodes) >= 5000
    tab = pages.opened(chromium, trace.to_html(tmp_path / "trace.html"))
    assert 0 < tab.locator("[data-node]").count() + tab.locator("[data-box][aria-expanded=false]").count() <= DRAWN
    for _ in range(5):
        closed = tab.locator("[data-box][aria-expanded=false]")
        if closed.count():
            closed.first.press("Enter")
    state = State(trace)
    while state.position < len(trace.steps):
        state.make()
    tab.keyboard.press("End")
    assert tab.locator("[data-node]").count() > 5
    assert pages.differences(tab, trace, state, summaries=True) == []
    assert sorted(folded(trace).nodes()) == list(range(len(trace.nodes)))
    assert tab.errors == []


@pytest.mark.parametrize("make", [*pages.TRACES.values(), lambda: pages.deep(20), lambda: pages.long(300)])
def test_every_node_is_in_one_box(make: Any) -> None:
    found = make()
    assert sorted(folded(found).nodes()) == list(range(len(found.nodes)))


def test_on_a_phone_nothing_is_cut_off_and_the_controls_stay_in_reach(
    chromium: Any, trace: Trace, tmp_path: Path
) -> None:
    path = trace.to_html(tmp_path / "trace.html")
    tab = pages.opened(chromium, path, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    tab.keyboard.press("End")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.evaluate("window.scrollTo(0, 1e6)")
    for button in tab.locator(".controls button").all():
        box = button.bounding_box()
        assert box["y"] + box["height"] <= 844
        assert min(box["width"], box["height"]) >= 24  # WCAG 2.2, target size
    graph, card = tab.locator(".graph").bounding_box(), tab.locator("#card").bounding_box()
    assert graph["y"] < card["y"]


def test_nothing_moves_by_itself_where_the_reader_wants_no_motion(chromium: Any, trace: Trace, tmp_path: Path) -> None:
    path = trace.to_html(tmp_path / "trace.html")
    moving = "[...document.querySelectorAll('*')].some((e) => parseFloat(getComputedStyle(e).transitionDuration) > 0)"
    for motion, expected in (("reduce", False), ("no-preference", True)):
        tab = pages.opened(chromium, path, reduced_motion=motion)
        tab.keyboard.press("ArrowRight")
        assert tab.evaluate(moving) is expected


# Contrast


def colours(dark: bool) -> dict[str, str]:
    """The style sheets' colours by name."""
    text = "".join(
        [resource("nanonet", "htmlpage.css"), *[resource("nanonet.teach.views.page", name) for name in STYLES]]
    )
    blocks = re.findall(r"(@media \(prefers-color-scheme: dark\) \{\s*)?:root \{(.*?)\}", text, re.DOTALL)
    found: dict[str, str] = {}
    for is_dark, block in sorted(blocks, key=lambda one: bool(one[0])):
        if dark or not is_dark:
            found.update(re.findall(r"--([\w-]+): (#[0-9a-f]{6}|[\d.]+)", block))
    return found


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def mixed(one: str, other: str, share: float) -> str:
    pairs = [(int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in pairs)


def test_the_contrast_of_known_pairs_is_right() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_the_contrast_of_wcag_aa(dark: bool) -> None:
    c = colours(dark)
    grounds = [c["paper"], c["card"], mixed(c["ink"], c["card"], 0.10), mixed(c["c1"], c["card"], 0.16)]
    for ground in grounds:
        assert contrast(c["ink"], ground) >= 4.5
        assert contrast(c["soft"], ground) >= 4.5
    for phase in ("forward", "backward", "update"):
        assert contrast(c[phase], c["card"]) >= 4.5  # the badges
        assert contrast(c[phase], c["paper"]) >= 3  # lines
    for hue in (c["negative"], c["positive"]):
        for level in range(6):
            assert (
                contrast(c["ink"], mixed(hue, c["zero"], float(c["tint"]) * level / 5)) >= 4.5
            )  # numbers in their cells
        assert contrast(hue, c["zero"]) >= 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_browser_paints_the_colours_that_were_computed(
    scheme: str, chromium: Any, trace: Trace, tmp_path: Path
) -> None:
    tab = pages.opened(chromium, trace.to_html(tmp_path / "trace.html"), color_scheme=scheme)
    c = colours(scheme == "dark")
    painted = tab.evaluate("getComputedStyle(document.querySelector('.badge, #card h2')).color")
    assert painted == f"rgb({', '.join(str(int(c['ink'][i : i + 2], 16)) for i in (1, 3, 5))})"
    cell = tab.locator(".cell.tint.p5").first.evaluate("e => getComputedStyle(e).fill")
    channels = [round(float(x) * 255) for x in re.findall(r"[\d.]+", cell.replace("srgb", ""))[:3]]
    expected = mixed(c["positive"], c["zero"], float(c["tint"]))
    assert channels == pytest.approx([int(expected[i : i + 2], 16) for i in (1, 3, 5)], abs=1)
