"""A report says where, how wrong and why: as text, as a page that needs no network, and as JSON that comes back."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanonet.gradcheck.report import Comparison, Report, page, reports_to_json
from nanonet.gradcheck.report.cells import BARS, LETTERS, ROUNDING, badness, blocks, shares, worst_elements
from nanonet.gradcheck.report.heatmap import sentence
from nanonet.gradcheck.report.text import brief
from nanonet.htmlpage import resource
from tests import report_examples as examples

EVERY = examples.every()
MEGABYTE = 1_000_000
VOID = {"meta", "br", "input"}


class Outline(HTMLParser):
    """What a page consists of; raises where tags are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.data: list[dict[str, Any]] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == [], "every tag is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))
        self.ids += [str(value) for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["script"]:
            given = self.attributes[-1][1]
            if given.get("type") == "application/json":
                self.data.append(json.loads(data, parse_constant=refuse))
            else:
                self.scripts.append(data)
        elif self.open[-1:] != ["style"]:
            self.words += data

    def cells(self) -> list[str]:
        """The classes of the heat maps' cells."""
        return [
            str(given["class"])
            for tag, given in self.attributes
            if tag == "td" and re.match("^[pfksqe][0-4]?$", given.get("class") or "")
        ]


def refuse(constant: str) -> Any:
    raise AssertionError(f"{constant} is no JSON")


def needs_no_network(text: str) -> bool:
    outline = Outline(text)
    addresses = [given[name] for _, given in outline.attributes for name in ("src", "href", "action") if name in given]
    return not addresses and not re.search(r"https?:|//\w+\.\w|@import|url\(|fetch\(|XMLHttp|<link", text)


# Text


@pytest.mark.parametrize("report", EVERY, ids=lambda r: f"{r.verdict} {r.name[:20]}")
def test_the_text_is_short_and_plain(report: Report) -> None:
    lines = str(report).splitlines()
    assert len(lines) <= (3 if report.verdict == "pass" else 40)
    assert all(len(line) <= 100 for line in lines)
    assert all(line.isprintable() for line in lines), "no ANSI, no tabs"
    assert lines[0].startswith(f"{report.verdict}: ")


def test_a_failure_says_what_where_how_much_and_why() -> None:
    report = examples.linear()
    text = str(report)
    assert "fail: linear: " in text.splitlines()[0]
    assert report.where is not None
    assert f"input 1, element {list(report.where[1])}" in text.splitlines()[0]
    for part in (
        f"{report.numeric:.10g} ± {brief(report.bar)}",
        f"{report.analytic:.10g}",
        f"{brief(report.max_error / report.bar, 2)} times the error bar",
        report.op,
        examples.MEAN.sentence,
        "(mean-for-sum)",
        examples.MEAN.remedy,
        "strided inputs",
        report.reproduce,
    ):
        assert part in " ".join(text.split()), part
    assert "output:    0, element [1, 3]" in str(replace(report, output=(0, (1, 3))))


def test_a_small_matrix_has_a_map_of_its_verdicts() -> None:
    assert "             · ✗ · ·\n" * 3 in str(examples.linear())
    kinks = str(examples.kinks())
    assert "~ · ·\n             · ^ ·\n             · · ?" in kinks
    assert "^ kink" in kinks
    assert "-1 to the left, 0.01 to the right" in kinks
    assert "the point sits on a kink" in kinks


def test_the_worst_elements_are_listed_in_80_columns() -> None:
    text = str(examples.large())
    assert "3 of 4,096 elements did not pass" in text
    table = [line for line in text.splitlines() if line.endswith("fail")]
    assert len(table) == 3
    assert all(len(line) <= 80 for line in table)
    assert any("[63, 63]" in line for line in table)
    many = examples.report_of([examples.comparison(0, (9, 9, 9), [(i, i, i) for i in range(9)])])
    assert "9 of 729 elements did not pass; the worst:" in str(many)
    assert sum(line.endswith("fail") for line in str(many).splitlines()) == 8


def test_fast_mode_states_its_seed_and_what_it_may_miss() -> None:
    words = " ".join(str(examples.fast()).split())
    assert "random directions from seed 1234" in words
    assert "an error of 1e-6 of the gradient's length is missed with probability at most 2e-9" in words
    passed = str(replace(examples.fast(), verdict="pass"))
    assert "2e-9" in passed
    assert "seed 1234" in passed
    assert len(passed.splitlines()) <= 3


def test_code_to_reproduce_is_wrapped_between_words_only() -> None:
    report = replace(examples.linear(), reproduce="nt.gradcheck(f, " + "x" * 150 + ", seed=0)")
    assert "x" * 150 in str(report)


@pytest.mark.parametrize(
    ("number", "digits", "words"),
    [(230.0, 2, "230"), (2e-9, 1, "2e-9"), (7.7e12, 2, "7.7e12"), (10.0, 1, "10"), (0.0, 1, "0"), (np.inf, 1, "inf")],
)
def test_numbers_are_written_as_by_hand(number: float, digits: int, words: str) -> None:
    assert brief(number, digits) == words


# JSON


@pytest.mark.parametrize("report", EVERY, ids=lambda r: f"{r.verdict} {r.name[:20]}")
def test_json_comes_back_as_an_equal_report(report: Report) -> None:
    text = report.to_json()
    json.loads(text, parse_constant=refuse)
    again = Report.from_json(text)
    assert again.to_json() == text
    if not np.isnan([report.max_error, report.numeric, *(report.slopes or ())]).any():
        assert again == report
    assert len(again.comparisons) == len(report.comparisons)
    for one, other in zip(again.comparisons, report.comparisons, strict=True):
        for name in ("analytic", "numeric", "bar", "verdicts"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), strict=True)


def test_json_names_numbers_that_are_not_finite() -> None:
    found = json.loads(examples.strange().to_json())
    assert found["slopes"] == ["-inf", "nan"]
    assert found["comparisons"][0]["analytic"][1][0] == "inf"
    assert found["comparisons"][0]["numeric"][1][1] == "nan"


def test_json_of_a_large_input_has_the_worst_elements_only() -> None:
    report = examples.large((70, 70))
    one = json.loads(report.to_json())["comparisons"][0]
    assert one["truncated"] is True
    assert len(one["elements"]) == len(one["analytic"]) == 100
    assert {(0, 0), (23, 23), (69, 69)} == {tuple(at) for at in one["elements"][:3]}
    again = Report.from_json(report.to_json()).comparisons[0]
    assert again.numeric[69, 69] == report.comparisons[0].numeric[69, 69]
    assert np.isnan(again.numeric).sum() == 4800, "the others were not kept"
    assert "truncated" not in json.loads(examples.large().to_json())["comparisons"][0], "4096 are kept"
    assert len(Outline(page.report_page(Report.from_json(report.to_json()))).data) == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"verdict": "pass"}', "nonsense", "3"])
def test_other_json_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"Report.from_json: expected what to_json\(\) wrote") as caught:
        Report.from_json(text)
    assert "\n" not in str(caught.value)


def test_several_reports_are_a_json_list() -> None:
    found = json.loads(reports_to_json(EVERY), parse_constant=refuse)
    assert [one["name"] for one in found] == [report.name for report in EVERY]
    assert json.loads(reports_to_json([])) == []


# Pages


@pytest.mark.parametrize("report", EVERY, ids=lambda r: f"{r.verdict} {r.name[:20]}")
def test_a_page_is_one_small_file_with_every_number(report: Report, tmp_path: Path) -> None:
    path = report.to_html(tmp_path / "new" / "report.html")
    text = path.read_text(encoding="utf-8")
    outline = Outline(text)
    assert needs_no_network(text)
    assert path.stat().st_size < MEGABYTE
    assert len(set(outline.ids)) == len(outline.ids)
    assert report.verdict in outline.words
    assert report.cause is None or report.cause.sentence in outline.words
    compared = [one for one in report.comparisons if np.size(one.numeric) and one.analytic.shape == one.numeric.shape]
    compared.sort(key=lambda one: -int(badness(one).max()))
    assert len(outline.data) == len(compared)
    for data, one in zip(outline.data, compared, strict=True):
        for name, precision in (("analytic", 0), ("numeric", 0), ("bar", 1e-5)):
            np.testing.assert_allclose(np.array(data[name], float), getattr(one, name).ravel(), rtol=precision)
    assert len(outline.cells()) == sum(one.numeric.size for one in compared)


def test_pages_suit_dark_screens_and_phones() -> None:
    text = page.report_page(examples.linear())
    assert 'name="viewport"' in text
    assert text.count("prefers-color-scheme: dark") == 2


def test_a_page_that_needs_the_network_or_is_broken_is_found() -> None:
    good = page.report_page(examples.linear())
    assert needs_no_network(good)
    assert not needs_no_network(good.replace("<main>", '<main><script src="x.js"></script>'))
    assert not needs_no_network(good.replace("<style>", "<style>@import 'x';"))
    with pytest.raises(AssertionError, match="closes something else"):
        Outline(good.replace("</article>", ""))


def test_wrong_cells_have_their_colour_and_letter() -> None:
    text = page.report_page(examples.kinks())
    assert Outline(text).cells()[::4] == ["s", "k", "q"]
    for verdict in ("subgradient", "kink", "inconclusive"):
        assert re.search(rf'<td class="{verdict[0].replace("i", "q")}">{re.escape(LETTERS[verdict])}</td>', text)
    one = examples.linear().comparisons[1]
    wrong = [cell for cell in Outline(page.report_page(examples.linear())).cells() if cell[0] == "f"]
    assert len(wrong) == int((one.verdicts == "fail").sum()) == 3


def test_colours_agree_with_verdicts() -> None:
    """What is allowed is known less well here than in the check: its verdict counts."""
    numbers = [np.ones(4), np.array([1.0, 1.1, 1.1, 1.0]), np.full(4, 1e-12)]
    one = Comparison(0, *numbers, np.array(["pass", "pass", "fail", "fail"], object))
    np.testing.assert_array_equal(shares(one)[[0, 1, 3]], [0.0, 1.0, 1.0])
    assert shares(one)[2] > 1e6


def test_shapes_are_shown_as_rows_matrices_and_slices() -> None:
    def tables(shape: tuple[int, ...]) -> str:
        return page.report_page(examples.report_of([examples.comparison(0, shape)]))

    assert tables(()).count('<table data-first="0">') == 1
    assert "It has no elements" in tables((0, 3))
    assert tables((40,)).count("data-first") == 1
    assert "<th>64…</th>" in tables((200,)), "long vectors go on in the next row"
    four = tables((2, 2, 3, 3))
    assert four.count("data-first") == 4
    assert "<caption>[1, 0, :, :]</caption>" in four
    wrong = Outline(page.report_page(examples.wrong_shape())).words
    assert "The gradient has shape (1, 4), the input (3, 4)." in wrong


def test_a_wrong_element_of_a_large_array_is_not_averaged_away() -> None:
    shape = (300, 500)
    one = examples.comparison(0, shape, [(123, 456)])
    text = page.report_page(examples.report_of([one]))
    outline = Outline(text)
    assert len(text) < MEGABYTE
    assert "a cell stands for a block of 8×8 elements and shows the worst of them" in outline.words
    assert [cell[0] for cell in outline.cells()].count("f") == 1
    cell = outline.data[0]["at"].index([123, 456])
    assert outline.data[0]["analytic"][cell] == one.analytic[123, 456]


def test_many_inputs_share_one_megabyte() -> None:
    for inputs in (2, 3, 9, 40):
        assert len(page.report_page(examples.large((64, 64), inputs)).encode()) < MEGABYTE, inputs


@given(st.lists(st.integers(1, 9), max_size=4), st.integers(1, 20), st.integers(1, 6), st.data())
def test_blocks_show_their_worst_element(shape: list[int], most: int, slices: int, data: Any) -> None:
    size = int(np.prod(shape))
    wrong = data.draw(st.sets(st.integers(0, size - 1), max_size=3))
    one = examples.comparison(0, tuple(shape), [tuple(int(k) for k in np.unravel_index(i, shape)) for i in wrong])
    shown, order = blocks(one, most, slices), badness(one)
    assert np.prod(shown.shape) == len(shown.places) <= most
    assert np.prod(shown.shape[:-2]) <= slices
    for cell, place in zip(np.ndindex(*shown.shape), shown.places, strict=True):
        inside = tuple(slice(c * b, (c + 1) * b) for c, b in zip(cell, shown.block, strict=True))
        assert order[place] == order[inside].max()
        assert tuple(k // b for k, b in zip(place, shown.block, strict=True)) == cell


def test_nothing_in_a_report_becomes_markup() -> None:
    report = examples.strange()
    outline = Outline(page.report_page(report))
    assert len(outline.scripts) == 1, "ours"
    assert "<b>&amp; layer</b>" in outline.words
    assert "alert(1)" not in outline.scripts[0]
    assert "alert(1)" in outline.words


def test_the_script_allows_the_same_error() -> None:
    script = resource("nanonet.gradcheck.report", "page.js")
    assert f"BARS = {BARS:g}, ROUNDING = {brief(ROUNDING)};" in script


def test_the_worst_elements_are_sorted_by_what_is_allowed() -> None:
    found = worst_elements(examples.linear().comparisons, 2)
    assert [one.verdict for one in found] == ["fail", "fail"]
    assert found[0].share >= found[1].share
    assert "times what is allowed" in sentence(found[0])


# WCAG AA: text has 4.5 times the luminance of what is behind it, or the other way round.


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def colours(package: str, name: str) -> list[dict[str, str]]:
    """The variables of the light and of the dark scheme."""
    light, dark = resource(package, name).split("@media (prefers-color-scheme: dark)")[:2]
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part)) for part in (light, dark)]


def test_contrast_is_measured_right() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#ffffff", "#777777") < 4.5 < contrast("#ffffff", "#767676")


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_and_letters_can_be_read(scheme: int) -> None:
    cells, base = colours("nanonet.gradcheck.report", "heatmap.css")[scheme], colours("nanonet", "htmlpage.css")[scheme]
    fills = [name for name in cells if re.fullmatch("[pf][0-4]|[ksqe]", name)]
    assert len(fills) == 14
    for name in fills:
        assert contrast(cells["text"], cells[name]) >= 4.5, name
    for ground in (base["card"], cells["ground"]):
        for ink in (cells["text"], cells["quiet"], base["good"], base["bad"], base["soft"]):
            assert contrast(ink, ground) >= 4.5, (ink, ground)
    for ink in ("ink", "soft", "good", "bad"):
        assert contrast(base[ink], base["paper"]) >= 4.5, ink
    for hue in "pf":
        steps = [contrast(cells[f"{hue}{i}"], cells["ground"]) for i in range(5)]
        assert steps == sorted(steps), "larger errors stand out more"


# Many reports


def test_the_list_is_sorted_and_can_be_filtered(tmp_path: Path) -> None:
    path = page.write(EVERY, tmp_path / "all.html", "All of <them>", seconds=[0.25] * len(EVERY))
    text = path.read_text(encoding="utf-8")
    outline = Outline(text)
    assert needs_no_network(text)
    assert len(text) < MEGABYTE
    assert len(set(outline.ids)) == len(outline.ids)
    assert "All of <them>" in outline.words
    assert "0.25 s" in outline.words
    rows = [given["data-verdict"] for tag, given in outline.attributes if tag == "tr" and given.get("class") == "more"]
    assert rows == sorted(rows, key=["fail", "kink", "inconclusive", "subgradient", "pass"].index)
    assert len(rows) == len(EVERY)
    opens = [given["aria-controls"] for tag, given in outline.attributes if tag == "button"]
    assert set(opens) <= set(outline.ids)
    assert len(opens) == len(EVERY)
    choices = [given["value"] for tag, given in outline.attributes if tag == "input" and given.get("name") == "verdict"]
    assert choices == ["all", "fail", "kink", "inconclusive", "pass"]
    for report in EVERY:
        assert f"{brief(report.max_error, 2)}" in outline.words


def test_a_list_without_checks_is_a_page_too(tmp_path: Path) -> None:
    outline = Outline(page.write([], tmp_path / "none.html").read_text(encoding="utf-8"))
    assert "0 checks" in outline.words
    with pytest.raises(ValueError, match="as many seconds as reports, got 1 for 0"):
        page.write([], tmp_path / "none.html", seconds=[1.0])


def test_many_checks_of_small_arrays_stay_small() -> None:
    reports = [examples.report_of([examples.comparison(0, (4, 5)), examples.comparison(1, (5,))])] * 300
    assert len(page.list_page(reports, "many").encode()) < 3 * MEGABYTE


# Notebooks


@pytest.mark.parametrize("report", EVERY, ids=lambda r: f"{r.verdict} {r.name[:20]}")
def test_notebooks_show_a_cell_without_scripts(report: Report) -> None:
    text = report._repr_html_()
    outline = Outline(text)
    assert "<script" not in text
    assert needs_no_network(text)
    assert outline.ids == []
    assert len(text) < 50_000
    assert report.cause is None or report.cause.sentence in outline.words
    rules = re.sub(r"[^{}]*\{([^{}]*)\}", only_checks, re.findall(r"<style>(.*?)</style>", text, re.S)[0])
    assert "".join(rules.split()) == "@media(prefers-color-scheme:dark){}"


def only_checks(rule: re.Match[str]) -> str:
    """No rule changes the rest of the notebook."""
    selectors = rule[0].split("{")[0].rsplit("}")[-1].split(",")
    return "" if all(selector.strip().startswith(".check") for selector in selectors) else rule[0]


# Real checks


@pytest.mark.parametrize("report", examples.real(), ids=lambda r: r.name)
def test_reports_of_real_checks_are_shown(report: Report) -> None:
    assert report.verdict == ("pass" if report.name == "right" else "fail")
    assert len(str(report).splitlines()) <= 40
    assert Report.from_json(report.to_json()) == report
    outline = Outline(page.report_page(report))
    assert len(outline.data) == len(report.comparisons)
    shown = sorted(float(x) for data in outline.data for x in data["numeric"])
    assert shown == sorted(float(x) for one in report.comparisons for x in np.ravel(one.numeric))
